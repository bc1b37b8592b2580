/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SIGKILL for the command at its own system calls that change something, its worker's too: a repair brings the device to
 * its old or its new state. Every day at every fifth call, from one that differs; with MOCKSYS_TEST_ALL set at each.
 */
#include "harness.h"
#include "kill-at.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Of the machine two-vfs. */
#define VF "0000:04:10.0"
#define DRIVER "vfio-pci-igbvf"

static const char *const detach[] = {"vfiobind", "detach", VF, "--driver", DRIVER, NULL};
static const char *const reattach[] = {"vfiobind", "reattach", VF, NULL};

static void prepare(const char *const *command)
{
	machine_reset(NULL);
	RUN_WELL("modprobe", "vfio_pci_igbvf");
	if (command == reattach)
		run_well(detach);
}

static void check_each_call(const char *const *command, bool only_command)
{
	_cleanup_snapshot_ struct snapshot *before = NULL, *after = NULL;
	size_t n_old = 0, n_new = 0, stride = getenv("MOCKSYS_TEST_ALL") ? 1 : 5, first = (size_t)time(NULL) % stride;

	if (under_valgrind())
		skip(); /* it is the command that would be traced */
	prepare(command);
	before = snapshot_take_nodes();
	run_well(command);
	after = snapshot_take_nodes();
	print_message("from call %zu on, each %zu.\n", first, stride);
	for (size_t n = first;; n += stride) {
		_cleanup_snapshot_ struct snapshot *now = NULL;

		prepare(command);
		if (!kill_at(command, n, only_command))
			break;
		RUN_WELL("vfiobind", "repair");
		now = snapshot_take_nodes();
		if (snapshot_compare(before, now, NULL) == 0)
			n_old++;
		else if (snapshot_compare(after, now, "neither as before nor as after") == 0)
			n_new++;
		else
			fail_msg("killed at change %zu", n);
		run_well(detach);
		run_well(reattach);
		assert_device(VF, "igbvf", "(null)");
	}
	print_message("killed at %zu calls: %zu times as before, %zu times done\n", n_old + n_new, n_old, n_new);
	assert_true(n_old + n_new > 15 / stride);
	assert_int_not_equal(n_old, 0);
	assert_int_not_equal(n_new, 0);
}

static void a_detach_killed_at_any_call_is_repaired(void **state)
{
	check_each_call(detach, false);
}

static void a_reattach_killed_at_any_call_is_repaired(void **state)
{
	check_each_call(reattach, false);
}

static void a_detach_killed_without_its_worker_is_repaired(void **state)
{
	check_each_call(detach, true);
}

static void a_reattach_killed_without_its_worker_is_repaired(void **state)
{
	check_each_call(reattach, true);
}

static const struct CMUnitTest two_vfs_tests[] = {
	SCENARIO(a_detach_killed_at_any_call_is_repaired),
	SCENARIO(a_reattach_killed_at_any_call_is_repaired),
	SCENARIO(a_detach_killed_without_its_worker_is_repaired),
	SCENARIO(a_reattach_killed_without_its_worker_is_repaired),
};

SCENARIO_MAIN(SUITE("two-vfs", two_vfs_tests))
