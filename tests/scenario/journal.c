/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is left of operations that did not end: their journals, after crashes at any step, and what a repair makes of them. */
#include "beside.h"
#include "harness.h"
#include "steps.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* Addresses of the machine two-vfs. */
#define VF "0000:04:10.0"
#define OTHER_VF "0000:04:10.2"
#define DRIVER "vfio-pci-igbvf"
#define OTHER_DRIVER "igbvf-vfio-pci"
#define STATE "/run/vfiobind"

static void load_modules(void)
{
	RUN_WELL("modprobe", "-a", "vfio_pci_igbvf", "igbvf_vfio_pci");
}

/* ---- crashes ---- */

static const char *const detach[] = {"vfiobind", "detach", VF, "--driver", DRIVER, NULL};
static const char *const reattach[] = {"vfiobind", "reattach", VF, NULL};
static const char *const detach_both[] = {"vfiobind", "detach", VF, OTHER_VF, "--driver", DRIVER, NULL};

static void prepare(const char *const *command)
{
	machine_reset(NULL);
	load_modules();
	if (command == reattach)
		run_well(detach);
}

static void check_crashes(const char *const *command)
{
	_cleanup_snapshot_ struct snapshot *before = NULL, *after = NULL;
	__attribute__((cleanup(steps_free))) struct steps steps;
	size_t n_old = 0, n_new = 0, stride = under_valgrind() ? 11 : 1;

	prepare(command);
	before = snapshot_take_nodes();
	trace_clear();
	run_well(command);
	steps_read(&steps);
	after = snapshot_take_nodes();
	for (size_t i = 0; i < steps.n; i += stride) {
		_cleanup_snapshot_ struct snapshot *now = NULL;

		prepare(command);
		trace_clear();
		if (!beside_crash_at(command, steps.rules[i]))
			continue;
		RUN_WELL("vfiobind", "repair");
		now = snapshot_take_nodes();
		if (snapshot_compare(before, now, NULL) == 0)
			n_old++;
		else if (snapshot_compare(after, now, steps.rules[i]) == 0)
			n_new++;
		else
			fail_msg("%s: neither as before nor as after", steps.rules[i]);
		/* And nothing is in the way of the next one. */
		RUN_WELL("vfiobind", "detach", VF, "--driver", DRIVER);
		RUN_WELL("vfiobind", "reattach", VF);
		assert_device(VF, "igbvf", "(null)");
	}
	print_message("%zu crashes: %zu times as before, %zu times done\n", n_old + n_new, n_old, n_new);
	assert_true(n_old + n_new > steps.n / stride / 2);
}

static void a_detach_that_is_killed_at_any_step_is_repaired(void **state)
{
	check_crashes(detach);
}

static void a_reattach_that_is_killed_at_any_step_is_repaired(void **state)
{
	check_crashes(reattach);
}

/* Of two devices, both or none; their interfaces may have changed names. */
static void a_detach_of_two_that_is_killed_is_repaired_whole(void **state)
{
	__attribute__((cleanup(steps_free))) struct steps steps;
	size_t n = 0;

	prepare(detach_both);
	trace_clear();
	run_well(detach_both);
	steps_read(&steps);
	for (size_t i = 0; i < steps.n; i++) {
		_cleanup_text_ char *driver = NULL;

		if (strncmp(steps.rules[i], "sys.write ", strlen("sys.write ")) != 0)
			continue;
		prepare(detach_both);
		assert_true(beside_crash_at(detach_both, steps.rules[i]));
		RUN_WELL("vfiobind", "repair");
		driver = link_name(DEVICES "/" VF "/driver");
		assert_non_null(driver);
		assert_device(OTHER_VF, driver, strcmp(driver, "igbvf") ? DRIVER : "(null)");
		n++;
	}
	assert_int_equal(n, 6);
}

static void what_was_not_ended_has_to_be_repaired_first(void **state)
{
	load_modules();
	assert_true(beside_crash_at(detach, "sys.write path=*/igbvf/unbind times=1"));
	ASSERT_FAILS(3, "repair-needed", "untouched", "detach", VF);
	ASSERT_FAILS(3, "repair-needed", "untouched", "reattach", VF);
	{
		_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "repair", "--dry-run", "--json");
		_cleanup_json_ struct json_object *document = json_of(&output);

		assert_json_text(document, "devices.0.operation", "detach");
		assert_json_text(document, "devices.0.outcome", "undone");
	}
	ASSERT_FAILS(3, "repair-needed", "untouched", "detach", VF);
	RUN_WELL("vfiobind", "repair");
	assert_device(VF, "igbvf", "(null)");
	RUN_WELL("vfiobind", "detach", VF);
}

/* Nothing but the journal says that it was asked for. */
static void a_reattach_of_what_was_on_no_driver_is_finished_by_a_repair(void **state)
{
	static const char *const reattach_it[] = {"vfiobind", "reattach", VF, NULL};

	write_file("/sys/bus/pci/drivers/igbvf/unbind", VF);
	assert_true(beside_crash_at(reattach_it, "sys.write path=*/drivers_probe times=1"));
	/* The store comes through all the same, which this one waits for: as if it had not. */
	RUN_WELL("vfiobind", "repair", "--dry-run");
	write_file("/sys/bus/pci/drivers/igbvf/unbind", VF);
	RUN_WELL("vfiobind", "repair");
	assert_device(VF, "igbvf", "(null)");
}

/* What another process did between the crash and the repair is not undone. */
static void a_repair_leaves_alone_what_somebody_else_has_bound(void **state)
{
	load_modules();
	assert_true(beside_crash_at((const char *const[]){"vfiobind", "detach", VF, "--driver", DRIVER, NULL},
				    "sys.write path=*/drivers_probe times=1"));
	write_file(DEVICES "/" VF "/driver_override", OTHER_DRIVER);
	if (exists("/sys/bus/pci/drivers/" DRIVER "/" VF))
		write_file("/sys/bus/pci/drivers/" DRIVER "/unbind", VF);
	write_file("/sys/bus/pci/drivers_probe", VF);
	{
		_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "repair", "--json");
		_cleanup_json_ struct json_object *document = json_of(&output);

		assert_json_text(document, "devices.0.outcome", "left");
		assert_json_text(document, "devices.0.driver", OTHER_DRIVER);
	}
	assert_device(VF, OTHER_DRIVER, OTHER_DRIVER);
	assert_false(exists(STATE "/journals/" VF));
}

static void a_worker_that_is_killed_is_a_failure_that_is_undone(void **state)
{
	load_modules();
	add_fault("dd.remove device=" VF " driver=igbvf times=1 kill");
	ASSERT_FAILS(1, "worker-killed", "restored", "detach", VF, "--driver", DRIVER);
	assert_device(VF, "igbvf", "(null)");
}

/* ---- what a repair finds ---- */

static void assert_outcome(int status, const char *outcome, const char *note)
{
	const char *timeout = status == 4 ? "--timeout=1" : "--timeout=30";
	_cleanup_output_ struct output output = RUN_EXPECTING(status, "vfiobind", "repair", timeout, "--json");
	_cleanup_json_ struct json_object *document = json_of(&output);

	assert_json_text(document, "devices.0.address", VF);
	assert_json_text(document, "devices.0.outcome", outcome);
	if (note)
		assert_non_null(strstr(json_object_get_string(json_at(document, "devices.0.note")), note));
}

static void a_repair_waits_for_a_live_operation_and_leaves_it_alone(void **state)
{
	pid_t pid;

	load_modules();
	add_fault("dd.probe driver=" DRIVER " hold");
	pid = beside_start(detach);
	beside_wait_held("dd.probe");
	assert_outcome(4, "pending", "another process works on it");
	beside_release_all();
	assert_int_equal(beside_end(pid), 0);
	assert_device(VF, DRIVER, DRIVER);
	{
		_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "repair", "--json");
		_cleanup_json_ struct json_object *document = json_of(&output);

		assert_int_equal(json_object_array_length(json_at(document, "devices")), 0);
	}
}

/* The command is gone, what it asked the kernel for is not. */
static void a_repair_waits_for_what_the_kernel_still_has(void **state)
{
	pid_t pid;

	load_modules();
	add_fault("dd.probe driver=" DRIVER " hold");
	pid = beside_start(detach);
	beside_wait_held("dd.probe");
	kill(pid, SIGKILL);
	beside_end(pid);
	assert_outcome(4, "pending", "the kernel has not finished");
	ASSERT_FAILS(3, "repair-needed", "untouched", "detach", VF);
	beside_release_all();
	assert_outcome(0, "finished", NULL);
	assert_device(VF, DRIVER, DRIVER);
	RUN_WELL("vfiobind", "reattach", VF);
	assert_device(VF, "igbvf", "(null)");
}

/* A repair's stores are its own worker's, not the one's that began. */
static void a_repair_waits_for_what_the_kernel_still_has_of_another_repair(void **state)
{
	load_modules();
	assert_true(beside_crash_at(detach, "sys.write path=*/drivers_probe times=1"));
	/* The store comes through all the same, which this one waits for: as if it had not. */
	RUN_WELL("vfiobind", "repair", "--dry-run");
	write_file("/sys/bus/pci/drivers/" DRIVER "/unbind", VF);
	add_fault("dd.probe driver=igbvf hold fail=EIO times=1");
	assert_outcome(4, "pending", "the kernel has not finished");
	assert_outcome(4, "pending", "the kernel has not finished");
	assert_true(exists(STATE "/journals/" VF));
	assert_true(beside_release_all());
	assert_outcome(0, "undone", NULL);
	assert_device(VF, "igbvf", "(null)");
}

/* Nor are those of a rollback whose worker has come for one that was killed. */
static void a_repair_waits_for_what_the_kernel_still_has_of_a_rollback(void **state)
{
	load_modules();
	add_fault("dd.probe driver=" DRIVER " times=1 fail=EIO kill");
	add_fault("dd.probe driver=igbvf hold fail=EIO times=1");
	ASSERT_FAILS(4, "worker-killed", "pending", "detach", VF, "--driver", DRIVER, ENOUGH);
	assert_outcome(4, "pending", "the kernel has not finished");
	assert_true(exists(STATE "/journals/" VF));
	assert_true(beside_release_all());
	assert_outcome(0, "undone", NULL);
	assert_device(VF, "igbvf", "(null)");
}

static void a_reattach_that_ends_late_is_finished_by_a_repair(void **state)
{
	load_modules();
	write_file(DEVICES "/" VF "/driver_override", OTHER_DRIVER);
	RUN_WELL("vfiobind", "detach", VF, "--driver", DRIVER);
	/* The second one, for the host driver. */
	add_fault("sys.write path=*/drivers_probe after=1 hold times=1");
	ASSERT_FAILS(4, "timed-out", "pending", "reattach", VF, ENOUGH);
	assert_device(VF, NULL, "igbvf");
	assert_true(beside_release_all());
	RUN_WELL("vfiobind", "repair");
	assert_device(VF, "igbvf", OTHER_DRIVER);
	assert_false(exists(STATE "/devices/" VF));
	assert_false(exists(STATE "/journals/" VF));
}

static void a_journal_of_a_device_that_is_gone_is_forgotten(void **state)
{
	load_modules();
	assert_true(beside_crash_at(detach, "sys.write path=*/igbvf/unbind times=1"));
	write_file(DEVICES "/0000:04:00.0/sriov_numvfs", "0");
	assert_outcome(0, "forgotten", "gone");
	assert_false(exists(STATE "/journals/" VF));
}

static void a_journal_of_another_boot_is_forgotten(void **state)
{
	load_modules();
	assert_true(beside_crash_at(detach, "sys.write path=*/igbvf/unbind times=1"));
	assert_int_equal(
		system("sed -i 's/^boot .*/boot 00000000-0000-0000-0000-000000000000/' " STATE "/journals/" VF), 0);
	assert_outcome(0, "forgotten", "booted since");
	assert_device(VF, NULL, DRIVER);
}

static void a_journal_under_another_name_is_malformed(void **state)
{
	load_modules();
	assert_true(beside_crash_at(detach, "sys.write path=*/igbvf/unbind times=1"));
	assert_return_code(rename(STATE "/journals/" VF, STATE "/journals/" OTHER_VF), errno);
	{
		_cleanup_output_ struct output output = RUN_EXPECTING(3, "vfiobind", "repair", "--json");
		_cleanup_json_ struct json_object *document = json_of(&output);

		assert_json_text(document, "devices.0.address", OTHER_VF);
		assert_json_text(document, "devices.0.outcome", "malformed");
		assert_json_text(document, "devices.0.note",
				 "it cannot be understood (it is of another device) [" STATE "/journals/" OTHER_VF
				 "]; see what the device is bound to, then remove it");
	}
	assert_true(exists(STATE "/journals/" OTHER_VF));
}

/* Then the driver has no name yet, for only the kernel knows it. */
static void a_crash_while_the_module_is_loaded_is_repaired(void **state)
{
	assert_true(beside_crash_at(detach, "bus.add-driver driver=" DRIVER " times=1"));
	assert_outcome(0, "undone", NULL);
	assert_device(VF, "igbvf", "(null)");
}

static void a_dry_repair_of_a_reattach_says_that_it_would_be_finished(void **state)
{
	RUN_WELL("vfiobind", "detach", VF, "--driver", DRIVER);
	assert_true(beside_crash_at((const char *const[]){"vfiobind", "reattach", VF, NULL},
				    "sys.write path=*/" DRIVER "/unbind times=1"));
	{
		_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "repair", "--dry-run", "--json");
		_cleanup_json_ struct json_object *document = json_of(&output);

		assert_json_text(document, "devices.0.operation", "reattach");
		assert_json_text(document, "devices.0.outcome", "finished");
	}
	assert_true(exists(STATE "/journals/" VF));
	assert_outcome(0, "finished", NULL);
	assert_device(VF, "igbvf", "(null)");
}

static const struct CMUnitTest two_vfs_tests[] = {
	SCENARIO(a_detach_that_is_killed_at_any_step_is_repaired),
	SCENARIO(a_reattach_that_is_killed_at_any_step_is_repaired),
	SCENARIO(a_detach_of_two_that_is_killed_is_repaired_whole),
	SCENARIO(what_was_not_ended_has_to_be_repaired_first),
	SCENARIO(a_reattach_of_what_was_on_no_driver_is_finished_by_a_repair),
	SCENARIO(a_repair_leaves_alone_what_somebody_else_has_bound),
	SCENARIO(a_worker_that_is_killed_is_a_failure_that_is_undone),
	SCENARIO(a_repair_waits_for_a_live_operation_and_leaves_it_alone),
	SCENARIO(a_repair_waits_for_what_the_kernel_still_has),
	SCENARIO(a_repair_waits_for_what_the_kernel_still_has_of_another_repair),
	SCENARIO(a_repair_waits_for_what_the_kernel_still_has_of_a_rollback),
	SCENARIO(a_reattach_that_ends_late_is_finished_by_a_repair),
	SCENARIO(a_journal_of_a_device_that_is_gone_is_forgotten),
	SCENARIO(a_journal_of_another_boot_is_forgotten),
	SCENARIO(a_journal_under_another_name_is_malformed),
	SCENARIO(a_crash_while_the_module_is_loaded_is_repaired),
	SCENARIO(a_dry_repair_of_a_reattach_says_that_it_would_be_finished),
};

SCENARIO_MAIN(SUITE("two-vfs", two_vfs_tests))
