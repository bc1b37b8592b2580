/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a domain with several devices gets, and whole groups: all or none, whoever else comes, fails or is killed. */
#include "beside.h"
#include "domain-file.h"
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NIC "0000:03:00.0"
#define ROUNDS 5
/* ==== shared-group: three functions in one IOMMU group ==== */

#define SECOND "0000:03:00.1"
#define THIRD "0000:03:00.2"

static void a_group_in_which_host_drivers_are_is_refused(void **state)
{
	_cleanup_domain_ struct domain_file one = DOMAIN("web", {.address = NIC, .managed = "yes"});
	_cleanup_domain_ struct domain_file two =
		DOMAIN("web", {.address = NIC, .managed = "yes"}, {.address = SECOND, .managed = "yes"});
	_cleanup_domain_ struct domain_file bound =
		DOMAIN("web", {.address = NIC, .managed = "yes", .inside = "<driver model='vfio-pci'/>"});

	ASSERT_REFUSED("group-in-use", SECOND " on igb, " THIRD " on nvme", "hostdev", "prepare", one.path);
	ASSERT_REFUSED("group-in-use", THIRD " on nvme", "hostdev", "prepare", two.path);
	/* Also what is on its driver already: QEMU could not open it. */
	RUN_WELL("vfiobind", "detach", NIC, "--force", "--driver", "vfio-pci");
	ASSERT_REFUSED("group-in-use", SECOND " on igb, " THIRD " on nvme", "hostdev", "prepare", bound.path);
}

static void a_whole_group_comes_and_goes(void **state)
{
	_cleanup_domain_ struct domain_file web =
		DOMAIN("web", {.address = NIC, .managed = "yes"}, {.address = SECOND, .managed = "yes"},
		       {.address = THIRD, .managed = "yes"});
	_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "hostdev", "prepare", web.path);

	assert_string_equal(output.out, "-device vfio-pci,host=0000:03:00.0,id=hostdev0\n"
					"-device vfio-pci,host=0000:03:00.1,id=hostdev1\n"
					"-device vfio-pci,host=0000:03:00.2,id=hostdev2\n");
	RUN_WELL("vfiobind", "hostdev", "release", web.path);
	assert_device(NIC, "e1000e", "(null)");
	assert_device(SECOND, "igb", "(null)");
	assert_device(THIRD, "nvme", "(null)");
	assert_nothing_noted();
}

/* The group is a domain's: of others it can have nothing, and from it the host can have nothing. */
static void a_group_belongs_to_one_domain(void **state)
{
	_cleanup_domain_ struct domain_file web = DOMAIN("web", {.address = NIC, .managed = "no"});
	_cleanup_domain_ struct domain_file more = DOMAIN("web", {.address = SECOND, .managed = "no"});
	_cleanup_domain_ struct domain_file mail = DOMAIN("mail", {.address = SECOND, .managed = "no"});

	RUN_WELL("vfiobind", "detach", "--group", NIC, "--driver", "vfio-pci");
	RUN_WELL("vfiobind", "hostdev", "prepare", web.path);
	ASSERT_REFUSED("group-used-by-domain", NIC ", by web", "hostdev", "prepare", mail.path);
	ASSERT_REFUSED("group-used-by-domain", NIC ", by web", "hostdev", "prepare", mail.path, "--force");
	ASSERT_REFUSED("group-used-by-domain", NIC ", by web", "reattach", SECOND);
	RUN_WELL("vfiobind", "hostdev", "prepare", more.path);
	assert_domain(SECOND, "web");
	RUN_WELL("vfiobind", "hostdev", "release", web.path);
	ASSERT_REFUSED("group-used-by-domain", SECOND ", by web", "reattach", NIC);
	RUN_WELL("vfiobind", "hostdev", "release", more.path);
	RUN_WELL("vfiobind", "hostdev", "prepare", mail.path);
	assert_domain(SECOND, "mail");
}

/* A part of it cannot go back to the host while the domain has the rest. */
static void a_group_is_released_at_once(void **state)
{
	_cleanup_domain_ struct domain_file web =
		DOMAIN("web", {.address = NIC, .managed = "yes"}, {.address = SECOND, .managed = "yes"},
		       {.address = THIRD, .managed = "yes"});
	_cleanup_domain_ struct domain_file part = DOMAIN("web", {.address = THIRD, .managed = "yes"});

	RUN_WELL("vfiobind", "hostdev", "prepare", web.path);
	trace_clear();
	ASSERT_FAILS(3, "group-used-by-domain", "untouched", "hostdev", "release", part.path);
	assert_nothing_written();
	assert_domain(THIRD, "web");
	RUN_WELL("vfiobind", "hostdev", "release", web.path);
	assert_nothing_noted();
}

/* QEMU has the group open, and gets one more device of it. */
static void a_running_domain_gets_another_device_of_its_group(void **state)
{
	_cleanup_domain_ struct domain_file web = DOMAIN("web", {.address = NIC, .managed = "no"});
	_cleanup_domain_ struct domain_file more = DOMAIN("web", {.address = SECOND, .managed = "no"});
	_cleanup_text_ char *node = group_node(NIC);
	int fd;

	RUN_WELL("vfiobind", "detach", "--group", NIC, "--driver", "vfio-pci");
	RUN_WELL("vfiobind", "hostdev", "prepare", web.path);
	fd = open(node, O_RDWR | O_CLOEXEC);
	assert_return_code(fd, errno);
	RUN_WELL("vfiobind", "hostdev", "prepare", more.path);
	RUN_WELL("vfiobind", "hostdev", "release", more.path);
	close(fd);
}

/* Each has a lock of its own; that of the group is what they wait for. */
static void of_two_domains_at_once_one_gets_the_group(void **state)
{
	_cleanup_domain_ struct domain_file web = DOMAIN("web", {.address = NIC, .managed = "no"});
	_cleanup_domain_ struct domain_file mail = DOMAIN("mail", {.address = SECOND, .managed = "no"});
	const char *const commands[][5] = {
		{"vfiobind", "hostdev", "prepare", web.path},
		{"vfiobind", "hostdev", "prepare", mail.path},
	};

	RUN_WELL("vfiobind", "detach", "--group", NIC, "--driver", "vfio-pci");
	for (size_t i = 0; i < ROUNDS; i++) {
		pid_t first = beside_start(commands[i % 2]), second = beside_start(commands[(i + 1) % 2]);
		int statuses[] = {beside_end(first), beside_end(second)};

		assert_int_equal(statuses[0] + statuses[1], 3);
		assert_true(statuses[0] == 0 || statuses[1] == 0);
		assert_domain(NIC, statuses[i % 2] == 0 ? "web" : NULL);
		assert_domain(SECOND, statuses[i % 2] == 0 ? NULL : "mail");
		RUN_WELL("vfiobind", "hostdev", "release", statuses[i % 2] == 0 ? web.path : mail.path);
	}
}

static const struct CMUnitTest shared_group_tests[] = {
	SCENARIO(of_two_domains_at_once_one_gets_the_group),
	SCENARIO(a_group_in_which_host_drivers_are_is_refused),
	SCENARIO(a_whole_group_comes_and_goes),
	SCENARIO(a_group_belongs_to_one_domain),
	SCENARIO(a_group_is_released_at_once),
	SCENARIO(a_running_domain_gets_another_device_of_its_group),
};

/* ==== two-vfs: all or none, and crashes ==== */

#define VF "0000:04:10.0"
#define OTHER_VF "0000:04:10.2"
#define VF_DRIVER "vfio-pci-igbvf"

static struct domain_file both(const char *name, const char *managed)
{
	return DOMAIN(name, {.address = VF, .managed = managed, .is_interface = 1},
		      {.address = OTHER_VF, .managed = "yes"});
}

/* Names of interfaces, which are given in the order of binding, may differ. */
static void assert_not_used(const char *device, const char *driver)
{
	assert_device(device, driver, strcmp(driver, "igbvf") ? driver : "(null)");
	assert_domain(device, NULL);
}

static void of_two_devices_both_are_prepared_or_none(void **state)
{
	static const char *const devices[] = {VF, OTHER_VF};
	_cleanup_domain_ struct domain_file web = both("web", "yes");

	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		machine_reset(NULL);
		add_fault("dd.probe driver=" VF_DRIVER " device=%s fail=EBUSY", devices[i]);
		ASSERT_FAILS(1, "probe-busy", "restored", "hostdev", "prepare", web.path);
		assert_true(fault_fired("dd.probe") > 0);
		clear_faults();
		assert_not_used(VF, "igbvf");
		assert_not_used(OTHER_VF, "igbvf");
		assert_nothing_noted();
	}
}

/* The first is on its driver already. */
static void an_unmanaged_device_is_not_used_when_the_other_fails(void **state)
{
	_cleanup_domain_ struct domain_file web = both("web", "no");

	RUN_WELL("vfiobind", "detach", VF);
	add_fault("dd.probe driver=" VF_DRIVER " device=" OTHER_VF " fail=EBUSY");
	ASSERT_FAILS(1, "probe-busy", "restored", "hostdev", "prepare", web.path);
	clear_faults();
	assert_not_used(VF, VF_DRIVER);
	assert_not_used(OTHER_VF, "igbvf");
	RUN_WELL("vfiobind", "hostdev", "prepare", web.path);
	assert_domain(VF, "web");
	assert_domain(OTHER_VF, "web");
	RUN_WELL("vfiobind", "hostdev", "release", web.path);
	assert_not_used(VF, VF_DRIVER);
	assert_not_used(OTHER_VF, "igbvf");
}

static void of_two_devices_both_are_released_or_none(void **state)
{
	_cleanup_domain_ struct domain_file web = both("web", "yes");
	_cleanup_snapshot_ struct snapshot *before = NULL;

	RUN_WELL("vfiobind", "hostdev", "prepare", web.path);
	before = snapshot_take();
	add_fault("sys.write path=*/" OTHER_VF "/driver_override times=1 fail=EIO");
	ASSERT_FAILS(1, "override-failed", "restored", "hostdev", "release", web.path);
	clear_faults();
	assert_unchanged(before);
	assert_domain(VF, "web");
	assert_domain(OTHER_VF, "web");
	RUN_WELL("vfiobind", "hostdev", "release", web.path);
	assert_nothing_noted();
}

/* Whatever it is that does not work of the second device, the first one is given back. */
static void any_store_that_fails_for_the_second_device_undoes_both(void **state)
{
	static const struct {
		const char *action, *path, *code;
	} stores[] = {
		{"prepare", OTHER_VF "/driver_override", "override-failed"},
		{"prepare", "drivers/igbvf/unbind after=1", "unbind-failed"},
		{"prepare", "drivers_probe after=1", "probe-write-failed"},
		{"release", OTHER_VF "/driver_override", "override-failed"},
		{"release", "drivers/" VF_DRIVER "/unbind after=1", "unbind-failed"},
		{"release", "drivers_probe after=1", "probe-write-failed"},
	};
	_cleanup_domain_ struct domain_file web = both("web", "yes");

	for (size_t i = 0; i < ARRAY_SIZE(stores); i++) {
		bool prepares = strcmp(stores[i].action, "prepare") == 0;

		machine_reset(NULL);
		if (!prepares)
			RUN_WELL("vfiobind", "hostdev", "prepare", web.path);
		add_fault("sys.write path=*/%s times=1 fail=EIO", stores[i].path);
		ASSERT_FAILS(1, stores[i].code, "restored", "hostdev", stores[i].action, web.path);
		assert_int_equal(fault_fired("sys.write"), 1);
		clear_faults();
		assert_device(VF, prepares ? "igbvf" : VF_DRIVER, prepares ? "(null)" : VF_DRIVER);
		assert_device(OTHER_VF, prepares ? "igbvf" : VF_DRIVER, prepares ? "(null)" : VF_DRIVER);
		assert_domain(VF, prepares ? NULL : "web");
		assert_domain(OTHER_VF, prepares ? NULL : "web");
	}
}

static void of_two_domains_at_once_one_gets_a_device(void **state)
{
	_cleanup_domain_ struct domain_file web = DOMAIN("web", {.address = VF, .managed = "yes"});
	_cleanup_domain_ struct domain_file mail = DOMAIN("mail", {.address = VF, .managed = "yes"});
	const char *const commands[][5] = {
		{"vfiobind", "hostdev", "prepare", web.path},
		{"vfiobind", "hostdev", "prepare", mail.path},
	};

	for (size_t i = 0; i < ROUNDS; i++) {
		pid_t first = beside_start(commands[i % 2]), second = beside_start(commands[(i + 1) % 2]);
		int statuses[] = {beside_end(first), beside_end(second)};

		assert_int_equal(statuses[0] + statuses[1], 3);
		assert_true(statuses[0] == 0 || statuses[1] == 0);
		assert_domain(VF, statuses[i % 2] == 0 ? "web" : "mail");
		assert_device(VF, VF_DRIVER, VF_DRIVER);
		RUN_WELL("vfiobind", "hostdev", "release", statuses[i % 2] == 0 ? web.path : mail.path);
		assert_not_used(VF, "igbvf");
	}
}

/* The kernel has finished it meanwhile. */
static void a_prepare_that_ends_late_is_finished_by_a_repair(void **state)
{
	_cleanup_domain_ struct domain_file web = both("web", "yes");

	add_fault("sys.write path=*/drivers_probe after=1 hold times=1");
	ASSERT_FAILS(4, "timed-out", "pending", "hostdev", "prepare", web.path, ENOUGH);
	ASSERT_FAILS(3, "repair-needed", "untouched", "hostdev", "prepare", web.path);
	assert_true(beside_release_all());
	{
		_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "repair", "--json");
		_cleanup_json_ struct json_object *document = json_of(&output);

		for (size_t i = 0; i < 2; i++) {
			_cleanup_text_ char *operation = format_text("devices.%zu.operation", i);
			_cleanup_text_ char *outcome = format_text("devices.%zu.outcome", i);

			assert_json_text(document, operation, "prepare");
			assert_json_text(document, outcome, "finished");
		}
	}
	assert_domain(VF, "web");
	assert_domain(OTHER_VF, "web");
	RUN_WELL("vfiobind", "hostdev", "release", web.path);
	assert_not_used(VF, "igbvf");
	assert_not_used(OTHER_VF, "igbvf");
}

#define JOURNALS "/run/vfiobind/journals/"

/*
 * As if it had been killed while it wrote down what it was about to do: of the second device, which stays on its driver,
 * all is as it would be after the end, but the first one's journal, which comes last, is not there.
 */
static void what_had_not_begun_is_nobodys_after_a_repair(void **state)
{
	_cleanup_domain_ struct domain_file web =
		DOMAIN("web", {.address = VF, .managed = "yes"}, {.address = OTHER_VF, .managed = "no"});
	const char *const prepare[] = {"vfiobind", "hostdev", "prepare", web.path, NULL};

	RUN_WELL("vfiobind", "detach", OTHER_VF);
	assert_true(beside_crash_at(prepare, "sys.write path=*/driver_override times=1"));
	RUN_WELL("cp", "-p", JOURNALS OTHER_VF, "/run/vfiobind/kept");
	RUN_WELL("vfiobind", "repair");
	RUN_WELL("mv", "/run/vfiobind/kept", JOURNALS OTHER_VF);
	RUN_WELL("vfiobind", "repair");
	assert_not_used(VF, "igbvf");
	assert_not_used(OTHER_VF, VF_DRIVER);
	RUN_WELL("vfiobind", "hostdev", "prepare", web.path);
	assert_domain(OTHER_VF, "web");
}

static void vfs_that_a_domain_uses_are_not_removed(void **state)
{
	_cleanup_domain_ struct domain_file web = DOMAIN("web", {.address = OTHER_VF, .managed = "yes"});

	RUN_WELL("vfiobind", "hostdev", "prepare", web.path);
	ASSERT_REFUSED("used-by-domain", "web", "sriov", "0000:04:00.0", "--numvfs=0", "--force");
	assert_domain(OTHER_VF, "web");
}

static void a_vf_that_is_gone_is_forgotten(void **state)
{
	_cleanup_domain_ struct domain_file web = both("web", "yes");
	_cleanup_output_ struct output output = {.out = NULL};

	RUN_WELL("vfiobind", "hostdev", "prepare", web.path);
	write_file(DEVICES "/0000:04:00.0/sriov_numvfs", "0");
	output = RUN_EXPECTING(0, "vfiobind", "hostdev", "release", web.path);
	assert_non_null(strstr(output.err, VF ": warning: it is gone: forgotten"));
	assert_non_null(strstr(output.err, OTHER_VF ": warning: it is gone: forgotten"));
	assert_nothing_noted();
	write_file(DEVICES "/0000:04:00.0/sriov_numvfs", "2");
	RUN_WELL("vfiobind", "hostdev", "prepare", web.path);
}

static const struct CMUnitTest two_vfs_tests[] = {
	SCENARIO(of_two_devices_both_are_prepared_or_none),
	SCENARIO(an_unmanaged_device_is_not_used_when_the_other_fails),
	SCENARIO(of_two_devices_both_are_released_or_none),
	SCENARIO(any_store_that_fails_for_the_second_device_undoes_both),
	SCENARIO(of_two_domains_at_once_one_gets_a_device),
	SCENARIO(a_prepare_that_ends_late_is_finished_by_a_repair),
	SCENARIO(what_had_not_begun_is_nobodys_after_a_repair),
	SCENARIO(vfs_that_a_domain_uses_are_not_removed),
	SCENARIO(a_vf_that_is_gone_is_forgotten),
};

/* ==== vfio-pf: a physical function on a VFIO driver that has virtual functions ==== */

#define PF "0000:04:00.0"

static void an_unmanaged_pf_keeps_its_vfs(void **state)
{
	_cleanup_domain_ struct domain_file web = DOMAIN("web", {.address = PF, .managed = "no"});
	_cleanup_domain_ struct domain_file managed = DOMAIN("web", {.address = PF, .managed = "yes"});

	ASSERT_REFUSED("pf-has-vfs", VF, "hostdev", "prepare", managed.path);
	trace_clear();
	RUN_WELL("vfiobind", "hostdev", "prepare", web.path);
	assert_domain(PF, "web");
	RUN_WELL("vfiobind", "hostdev", "release", web.path);
	assert_nothing_written();
	assert_true(exists(DEVICES "/" PF "/virtfn1"));
}

static const struct CMUnitTest vfio_pf_tests[] = {
	SCENARIO(an_unmanaged_pf_keeps_its_vfs),
};

SCENARIO_MAIN(SUITE("vfio-pf", vfio_pf_tests), SUITE("shared-group", shared_group_tests),
	      SUITE("two-vfs", two_vfs_tests))
