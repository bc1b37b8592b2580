/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A change of virtual functions that is under way: drivers that come late or never, failures and what a repair makes of
 * them, and others at the same time.
 */
#include "beside.h"
#include "harness.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Of the machines two-vfs and vfs-unwanted. */
#define PF "0000:04:00.0"
#define VF "0000:04:10.0"
#define SECOND_VF "0000:04:10.2"
#define NUMVFS DEVICES "/" PF "/sriov_numvfs"
#define AUTOPROBE DEVICES "/" PF "/sriov_drivers_autoprobe"

static void assert_no_journal(void)
{
	assert_false(exists("/run/vfiobind/journals/" PF));
}

/* ---- waiting for them ---- */

/* udev loads the module when a VF comes, and an interface comes later still. */
static void a_driver_that_is_loaded_late_is_waited_for(void **state)
{
	static const char *const load[] = {"modprobe", "igbvf", NULL};
	_cleanup_text_ char *file = format_text("/tmp/created.%d", (int)getpid());
	_cleanup_text_ char *line = format_text("vfiobind sriov " PF " --numvfs 1 --json > %s", file);
	const char *const create[] = {"sh", "-c", line, NULL};
	_cleanup_json_ struct json_object *document = NULL;
	_cleanup_text_ char *text = NULL;
	unsigned long verification, probe;
	pid_t loading, creating;
	struct output output;

	write_file(NUMVFS, "0");
	RUN_WELL("modprobe", "-r", "igbvf");
	add_fault("iov.add-vf hold");
	add_fault("dd.probe driver=igbvf hold");
	creating = beside_start(create);
	verification = beside_wait_held("iov.add-vf");
	loading = beside_start(load);
	beside_release(verification);
	probe = beside_wait_held("dd.probe");
	/* It is waiting: it still has the lock. */
	ASSERT_FAILS(3, "locked", "untouched", "sriov", PF, "--numvfs", "1", "--timeout", "1");
	beside_release(probe);
	assert_int_equal(beside_end(loading), 0);
	assert_int_equal(beside_end(creating), 0);
	text = read_file(file);
	assert_non_null(text);
	output = (struct output){.out = text};
	document = json_of(&output);
	assert_json_text(document, "vfs.0.driver", "igbvf");
	assert_json_text(document, "vfs.0.netdevs.0", "eth1");
	assert_json_bool(document, "vfs.0.ready", true);
	assert_int_equal(json_object_array_length(json_at(document, "warnings")), 0);
	unlink(file);
}

static void a_driver_that_does_not_come_is_a_warning(void **state)
{
	/* It takes an emulated machine longer to be without those that were there. */
	const char *timeout = on_real_kernel() ? "10" : "1";
	_cleanup_text_ char *group = NULL, *expected = NULL;
	_cleanup_output_ struct output output = {.out = NULL};

	RUN_WELL("modprobe", "-r", "igbvf");
	output = RUN_EXPECTING(0, "vfiobind", "sriov", PF, "--numvfs", "1", "--timeout", timeout);
	assert_string_equal(output.err, "vfiobind: " PF ": warning: " VF ": no driver has taken it: see dmesg\n");
	group = link_name(DEVICES "/" VF "/iommu_group");
	expected = format_text(PF ": igb, 1 of 7 virtual functions, drivers_autoprobe on\n"
				  "  0  0000:04:10.0  group %-5s no driver (not ready)\n",
			       group);
	assert_string_equal(output.out, expected);
}

/* As many as were asked for are there, and yet not what was asked for. They are not waited for: they have been long enough. */
static void those_that_were_there_and_are_not_ready_are_a_warning(void **state)
{
	static const char warning[] = "vfiobind: " PF ": warning: " VF ": it was there already, and no driver has it: "
				      "vfiobind reattach " VF "\n";
	_cleanup_output_ struct output output = {.out = NULL}, read = {.out = NULL}, autoprobe = {.out = NULL};
	_cleanup_text_ char *first = link_name(DEVICES "/" VF "/iommu_group");
	_cleanup_text_ char *second = link_name(DEVICES "/" SECOND_VF "/iommu_group");
	_cleanup_text_ char *expected = format_text(PF ": igb, 2 of 7 virtual functions, drivers_autoprobe on\n"
						       "  0  0000:04:10.0  group %-5s no driver (not ready)\n"
						       "  1  0000:04:10.2  group %-5s igbvf, eth2\n",
						    first, second);

	write_file("/sys/bus/pci/drivers/igbvf/unbind", VF);
	trace_clear();
	output = RUN_EXPECTING(0, "vfiobind", "sriov", PF, "--numvfs", "2");
	assert_string_equal(output.err, warning);
	assert_string_equal(output.out, expected);
	assert_nothing_written();
	autoprobe = RUN_EXPECTING(0, "vfiobind", "sriov", PF, "--autoprobe");
	assert_string_equal(autoprobe.err, warning);
	read = RUN_EXPECTING(0, "vfiobind", "sriov", PF);
	assert_string_equal(read.err, "");
	assert_string_equal(read.out, output.out);
}

/* The kernel's log tells that no driver will come: then it is not waited for. */
static void a_driver_that_gives_up_is_a_warning_with_its_reason(void **state)
{
	_cleanup_output_ struct output output = {.out = NULL};

	add_fault("dd.probe device=" VF " fail=EIO");
	output = RUN_EXPECTING(0, "vfiobind", "sriov", PF, "--numvfs", "1", "--timeout", "20");
	assert_non_null(strstr(output.err, "vfiobind: " PF ": warning: " VF ": no driver has taken it: igbvf " VF
					   ": probe with driver igbvf failed with error -5"));
}

/* udev does not load what is blacklisted: nobody comes, and that is as it should be. Loaded by hand it takes them. */
static void a_driver_that_is_blacklisted_is_not_waited_for(void **state)
{
	_cleanup_output_ struct output output = {.out = NULL};
	_cleanup_json_ struct json_object *document = NULL;

	output = RUN_EXPECTING(0, "vfiobind", "sriov", PF, "--numvfs", "1", "--timeout", "20", "--json");
	document = json_of(&output);
	assert_null(json_at(document, "vfs.0.driver"));
	assert_json_bool(document, "vfs.0.ready", true);
	assert_string_equal(output.err, "");
	RUN_WELL("vfiobind", "sriov", PF, "--numvfs", "0");
	RUN_WELL("modprobe", "igbvf");
	RUN_WELL("vfiobind", "sriov", PF, "--numvfs", "1");
	assert_device(VF, "igbvf", "(null)");
}

/* ---- failures ---- */

static void fewer_than_asked_for_are_a_failure_and_undone(void **state)
{
	static const char *const command[] = {"vfiobind", "sriov", PF, "--numvfs", "5", NULL};
	unsigned long id;
	pid_t pid;

	write_file(NUMVFS, "0");
	/* Reads of it: before, and to verify. */
	add_fault("sys.read path=*/sriov_numvfs after=1 times=1 hold");
	pid = beside_start(command);
	id = beside_wait_held("sys.read");
	write_file(NUMVFS, "0");
	write_file(NUMVFS, "3");
	beside_release(id);
	assert_int_equal(beside_end(pid), 1);
	assert_text(NUMVFS, "0\n");
	assert_no_journal();
}

static void more_that_another_process_has_made_meanwhile_are_left_alone(void **state)
{
	static const char *const command[] = {"vfiobind", "sriov", PF, "--numvfs", "1", NULL};
	unsigned long id;
	pid_t pid;

	/* Between none and one, so that the kernel says EBUSY. */
	add_fault("sys.write path=*/sriov_numvfs after=1 times=1 hold");
	pid = beside_start(command);
	id = beside_wait_held("sys.write");
	clear_faults();
	write_file(NUMVFS, "5");
	beside_release(id);
	assert_int_equal(beside_end(pid), 5);
	assert_text(NUMVFS, "5\n");
	ASSERT_FAILS(3, "repair-needed", "untouched", "sriov", PF, "--numvfs", "0");
	{
		_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "repair", "--json");
		_cleanup_json_ struct json_object *document = json_of(&output);

		assert_json_text(document, "devices.0.operation", "sriov");
		assert_json_text(document, "devices.0.outcome", "left");
	}
	assert_text(NUMVFS, "5\n");
	RUN_WELL("vfiobind", "sriov", PF, "--numvfs", "0");
}

static void what_the_kernel_means_by_its_refusal_is_told(void **state)
{
	static const struct {
		const char *number, *hint;
	} refusals[] = {{"ENOMEM", "pci=realloc"}, {"EIO", "see dmesg"}, {"ENODEV", "see dmesg"}};
	_cleanup_snapshot_ struct snapshot *before = snapshot_take();

	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		_cleanup_output_ struct output output = {.out = NULL};
		_cleanup_json_ struct json_object *document = NULL;

		add_fault("iov.enable times=1 fail=%s", refusals[i].number);
		output = RUN_EXPECTING(1, "vfiobind", "sriov", PF, "--numvfs", "1", "--json");
		clear_faults();
		document = json_of(&output);
		assert_json_text(document, "error.code", "numvfs-failed");
		assert_json_text(document, "error.errno", refusals[i].number);
		assert_non_null(strstr(json_object_get_string(json_at(document, "error.hint")), refusals[i].hint));
		assert_json_text(document, "state", "restored");
		assert_unchanged(before);
	}
	/* A PF that is itself for a guest. */
	RUN_WELL("vfiobind", "sriov", PF, "--numvfs", "0");
	RUN_WELL("vfiobind", "detach", PF, "--driver", "vfio-pci");
	{
		_cleanup_output_ struct output output = RUN_EXPECTING(3, "vfiobind", "sriov", PF, "--numvfs", "1");

		assert_non_null(strstr(output.err, "only with its parameter enable_sriov"));
	}
}

/* Against all warnings it was taken away, and then there was no other: what comes again is not what it was. */
static void a_detached_vf_that_is_lost_makes_the_state_broken(void **state)
{
	_cleanup_output_ struct output output = {.out = NULL};

	RUN_WELL("vfiobind", "detach", VF, "--driver", "vfio-pci-igbvf");
	add_fault("iov.enable times=1 fail=ENOMEM");
	output = RUN_EXPECTING(5, "vfiobind", "sriov", PF, "--numvfs", "1", "--force");
	assert_non_null(strstr(output.err, "the virtual functions are there again, but not detached any more"));
	assert_text(NUMVFS, "2\n");
	assert_device(VF, "igbvf", "(null)");
	assert_false(exists("/run/vfiobind/devices/" VF));
}

static void assert_repaired(int status, const char *timeout, const char *outcome)
{
	_cleanup_output_ struct output output = RUN_EXPECTING(status, "vfiobind", "repair", "--json", timeout);
	_cleanup_json_ struct json_object *document = json_of(&output);

	assert_json_text(document, "devices.0.address", PF);
	assert_json_text(document, "devices.0.operation", "sriov");
	assert_json_text(document, "devices.0.outcome", outcome);
}

/* The kernel has it, and nobody waits: what it was asked for comes in the end. */
static void what_a_time_out_has_left_is_finished_by_a_repair(void **state)
{
	write_file(NUMVFS, "0");
	add_fault("iov.enable hold");
	ASSERT_FAILS(4, "timed-out", "pending", "sriov", PF, "--numvfs", "1", "--timeout", "1");
	ASSERT_FAILS(3, "repair-needed", "untouched", "detach", PF);
	assert_repaired(4, "--timeout=0.1", "pending");
	beside_release_all();
	assert_repaired(0, "--timeout=30", "finished");
	assert_text(NUMVFS, "1\n");
	assert_no_journal();
}

/* Killed between none and one, it has left none. */
static void what_a_crash_has_left_is_undone_by_a_repair(void **state)
{
	static const char *const command[] = {"vfiobind", "sriov", PF, "--numvfs", "1", "--no-autoprobe", NULL};
	_cleanup_snapshot_ struct snapshot *before = snapshot_take();

	assert_true(beside_crash_at(command, "sys.return path=*/sriov_numvfs times=1"));
	assert_text(AUTOPROBE, "0\n");
	assert_repaired(0, "--timeout=30", "undone");
	assert_unchanged(before);
	assert_no_journal();
}

/* ---- two at once ---- */

static void a_second_change_waits_and_then_names_the_first(void **state)
{
	static const char *const command[] = {"vfiobind", "sriov", PF, "--numvfs", "1", NULL};
	static const char *const second[] = {"vfiobind", "sriov", PF, "--numvfs", "0", NULL};
	_cleanup_output_ struct output output = {.out = NULL};
	unsigned long id;
	pid_t pid;

	write_file(NUMVFS, "0");
	add_fault("iov.enable hold");
	pid = beside_start(command);
	id = beside_wait_held("iov.enable");
	clear_faults();
	ASSERT_FAILS(3, "locked", "untouched", "sriov", PF, "--numvfs", "0", "--timeout", "1");
	ASSERT_FAILS(3, "locked", "untouched", "detach", PF, "--timeout", "1");
	output = RUN_EXPECTING(3, "vfiobind", "sriov", PF, "--numvfs", "0", "--timeout", "1");
	{
		_cleanup_text_ char *name = format_text("pid %d, vfiobind", (int)pid);

		assert_non_null(strstr(output.err, name));
	}
	beside_release(id);
	assert_int_equal(beside_end(pid), 0);
	run_well(second);
	assert_text(NUMVFS, "0\n");
}

static void vfs_are_not_taken_from_a_detach_that_has_begun(void **state)
{
	static const char *const command[] = {"vfiobind", "detach", VF, "--driver", "vfio-pci-igbvf", NULL};
	unsigned long id;
	pid_t pid;

	RUN_WELL("modprobe", "vfio_pci_igbvf");
	add_fault("dd.probe driver=vfio-pci-igbvf hold");
	pid = beside_start(command);
	id = beside_wait_held("dd.probe");
	ASSERT_FAILS(3, "locked", "untouched", "sriov", PF, "--numvfs", "0", "--timeout", "1");
	beside_release(id);
	assert_int_equal(beside_end(pid), 0);
	ASSERT_FAILS(3, "vf-detached", "untouched", "sriov", PF, "--numvfs", "0");
}

/* Both have their turn: in the end there are as many as one of them wanted. */
static void two_at_once_take_turns(void **state)
{
	static const char *const one[] = {"vfiobind", "sriov", PF, "--numvfs", "1", NULL};
	static const char *const two[] = {"vfiobind", "sriov", PF, "--numvfs", "2", NULL};

	for (int i = 0; i < 5; i++) {
		_cleanup_text_ char *number = NULL;
		pid_t first = beside_start(one), second = beside_start(two);

		assert_int_equal(beside_end(first), 0);
		assert_int_equal(beside_end(second), 0);
		number = read_file(NUMVFS);
		assert_true(strcmp(number, "1\n") == 0 || strcmp(number, "2\n") == 0);
		assert_device(VF, "igbvf", "(null)");
		assert_no_journal();
	}
}

static const struct CMUnitTest two_vfs_tests[] = {
	SCENARIO(a_driver_that_is_loaded_late_is_waited_for),
	SCENARIO(a_driver_that_does_not_come_is_a_warning),
	SCENARIO(those_that_were_there_and_are_not_ready_are_a_warning),
	SCENARIO(a_driver_that_gives_up_is_a_warning_with_its_reason),
	SCENARIO(fewer_than_asked_for_are_a_failure_and_undone),
	SCENARIO(more_that_another_process_has_made_meanwhile_are_left_alone),
	SCENARIO(what_the_kernel_means_by_its_refusal_is_told),
	SCENARIO(a_detached_vf_that_is_lost_makes_the_state_broken),
	SCENARIO(what_a_time_out_has_left_is_finished_by_a_repair),
	SCENARIO(what_a_crash_has_left_is_undone_by_a_repair),
	SCENARIO(a_second_change_waits_and_then_names_the_first),
	SCENARIO(vfs_are_not_taken_from_a_detach_that_has_begun),
	SCENARIO(two_at_once_take_turns),
};

static const struct CMUnitTest vfs_unwanted_tests[] = {
	SCENARIO(a_driver_that_is_blacklisted_is_not_waited_for),
};

SCENARIO_MAIN(SUITE("two-vfs", two_vfs_tests), SUITE("vfs-unwanted", vfs_unwanted_tests))
