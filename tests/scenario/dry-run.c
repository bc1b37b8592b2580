/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A dry run says what would be written and writes nothing, also as a user who could not. As that user there is no reset
 * between the tests (it is root's): each asserts that nothing was written since the machine booted.
 */
#include "harness.h"

#include <string.h>
#include <unistd.h>

/* Addresses of the machine two-vfs. */
#define VF "0000:04:10.0"
#define OTHER_VF "0000:04:10.2"

static bool is_root(void)
{
	return access("/sys/bus/pci/drivers_probe", W_OK) == 0;
}

static int reset_if_root(void **state)
{
	return is_root() ? machine_reset(state) : 0;
}

#define DRY_SCENARIO(function) cmocka_unit_test_setup(function, reset_if_root)

static void run_lines(const char *lines)
{
	RUN_WELL("sh", "-e", "-u", "-c", lines);
}

/* ---- nothing is written ---- */

static void a_dry_detach_prints_the_lines_and_writes_nothing(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = snapshot_take();
	_cleanup_output_ struct output output =
		RUN_EXPECTING(0, "vfiobind", "detach", "--dry-run", VF, "--driver", "vfio-pci");

	assert_string_equal(output.out, "# " VF ": igbvf -> vfio-pci (module vfio_pci)\n"
					"modprobe vfio_pci\n"
					"echo vfio-pci > /sys/bus/pci/devices/" VF "/driver_override\n"
					"echo " VF " > /sys/bus/pci/drivers/igbvf/unbind\n"
					"echo " VF " > /sys/bus/pci/drivers_probe\n");
	assert_string_equal(output.err, "");
	assert_nothing_written();
	assert_unchanged(before);
}

static void a_dry_detach_tells_its_lines_as_json(void **state)
{
	_cleanup_output_ struct output output =
		RUN_EXPECTING(0, "vfiobind", "detach", "-n", VF, OTHER_VF, "--driver", "vfio-pci-igbvf", "--json");
	_cleanup_json_ struct json_object *document = json_of(&output);

	assert_json_text(document, "devices.0.from", "igbvf");
	assert_json_text(document, "devices.0.module", "vfio_pci_igbvf");
	assert_json_bool(document, "devices.0.changed", true);
	assert_json_text(document, "devices.0.vfio", NULL);
	assert_json_text(document, "devices.0.commands.0", "modprobe vfio_pci_igbvf");
	assert_json_text(document, "devices.1.address", OTHER_VF);
	assert_nothing_written();
}

static void a_dry_reattach_of_what_is_on_its_host_driver_prints_no_line(void **state)
{
	_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "reattach", "-n", VF);

	assert_null(strstr(output.out, "echo"));
	assert_nothing_written();
}

static void a_dry_detach_refuses_what_a_detach_does(void **state)
{
	ASSERT_FAILS(3, "pf-has-vfs", "untouched", "detach", "-n", "0000:04:00.0");
	ASSERT_FAILS(3, "not-endpoint", "untouched", "detach", "-n", "0000:00:1c.0");
	ASSERT_FAILS(3, "not-vfio-driver", "untouched", "detach", "-n", VF, "--driver", "igbvf");
	ASSERT_FAILS(3, "driver-not-found", "untouched", "detach", "-n", VF, "--driver", "no-such-driver");
	ASSERT_FAILS(3, "device-not-found", "untouched", "detach", "-n", "0000:09:00.0");
	ASSERT_FAILS(2, "invalid-address", "untouched", "detach", "-n", "04:10");
	assert_nothing_written();
}

static void list_show_explain_and_doctor_write_nothing(void **state)
{
	_cleanup_output_ struct output list = RUN_EXPECTING(0, "vfiobind", "list", "--tree");
	_cleanup_output_ struct output show = RUN_EXPECTING(0, "vfiobind", "show", VF);
	_cleanup_output_ struct output explain = RUN_EXPECTING(0, "vfiobind", "explain", VF);
	_cleanup_output_ struct output doctor = RUN_EXPECTING(is_root() ? 0 : 3, "vfiobind", "doctor");

	assert_non_null(strstr(list.out, VF));
	assert_non_null(strstr(show.out, "igbvf"));
	assert_non_null(strstr(explain.out, "vfio_pci_igbvf"));
	assert_non_null(strstr(doctor.out, "iommu-groups"));
	assert_nothing_written();
}

/* ---- as an ordinary user ---- */

static void an_ordinary_user_is_refused_before_anything_is_touched(void **state)
{
	/* Without a namespace /run is a directory of this user's own. */
	static const char *const lines[] = {
		"vfiobind: " VF ": cannot use the directory: not permitted [/run/vfiobind/locks]; run it as root\n",
		"vfiobind: " VF ": cannot open driver_override: not permitted [" DEVICES "/" VF
		"/driver_override]; run it as root\n",
	};
	_cleanup_snapshot_ struct snapshot *before = snapshot_take();
	_cleanup_output_ struct output output = {.out = NULL};

	assert_false(is_root());
	output = RUN_EXPECTING(3, "vfiobind", "detach", VF);
	assert_string_equal(output.err, lines[getenv("MOCKSYS_WIRE") != NULL]);
	ASSERT_FAILS(3, "permission-denied", "untouched", "detach", VF, "--driver", "vfio-pci");
	ASSERT_FAILS(3, "permission-denied", "untouched", "detach", VF);
	assert_nothing_written();
	assert_unchanged(before);
}

/* ---- and the lines are true ---- */

/* What it prints, done by a shell, leads to the same machine as what it does; only the command also writes it down. */
static void check_lines_do_the_same(const char *const *dry, const char *const *wet)
{
	_cleanup_snapshot_ struct snapshot *done = NULL, *now = NULL;
	_cleanup_output_ struct output output = run_expecting(0, dry), command = {.out = NULL};

	run_lines(output.out);
	done = snapshot_take_nodes();
	machine_reset(NULL);
	command = run_expecting(0, wet);
	now = snapshot_take_nodes();
	assert_int_equal(snapshot_compare(done, now, "not as the lines had it"), 0);
}

static void the_lines_of_a_dry_detach_do_what_a_detach_does(void **state)
{
	check_lines_do_the_same(
		(const char *const[]){"vfiobind", "detach", "-n", VF, "--driver", "vfio-pci-igbvf", NULL},
		(const char *const[]){"vfiobind", "detach", VF, "--driver", "vfio-pci-igbvf", NULL});
	assert_device(VF, "vfio-pci-igbvf", "vfio-pci-igbvf");
}

static void the_lines_of_a_dry_reattach_do_what_a_reattach_does(void **state)
{
	_cleanup_snapshot_ struct snapshot *done = NULL;
	_cleanup_output_ struct output dry = {.out = NULL};

	RUN_WELL("vfiobind", "detach", VF);
	dry = RUN_EXPECTING(0, "vfiobind", "reattach", "-n", VF);
	assert_device(VF, "vfio-pci-igbvf", "vfio-pci-igbvf");
	run_lines(dry.out);
	assert_device(VF, "igbvf", "(null)");
	done = snapshot_take();

	machine_reset(NULL);
	RUN_WELL("vfiobind", "detach", VF);
	RUN_WELL("vfiobind", "reattach", VF);
	assert_unchanged(done);
}

static const struct CMUnitTest root_tests[] = {
	DRY_SCENARIO(a_dry_detach_prints_the_lines_and_writes_nothing),
	DRY_SCENARIO(a_dry_detach_tells_its_lines_as_json),
	DRY_SCENARIO(a_dry_reattach_of_what_is_on_its_host_driver_prints_no_line),
	DRY_SCENARIO(a_dry_detach_refuses_what_a_detach_does),
	DRY_SCENARIO(list_show_explain_and_doctor_write_nothing),
	SCENARIO(the_lines_of_a_dry_detach_do_what_a_detach_does),
	SCENARIO(the_lines_of_a_dry_reattach_do_what_a_reattach_does),
};

static const struct CMUnitTest user_tests[] = {
	DRY_SCENARIO(a_dry_detach_prints_the_lines_and_writes_nothing),
	DRY_SCENARIO(a_dry_detach_tells_its_lines_as_json),
	DRY_SCENARIO(a_dry_reattach_of_what_is_on_its_host_driver_prints_no_line),
	DRY_SCENARIO(a_dry_detach_refuses_what_a_detach_does),
	DRY_SCENARIO(list_show_explain_and_doctor_write_nothing),
	DRY_SCENARIO(an_ordinary_user_is_refused_before_anything_is_touched),
};

SCENARIO_MAIN(SUITE("two-vfs", root_tests), SUITE("two-vfs-as-user", user_tests))
