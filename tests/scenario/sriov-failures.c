/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each step of a change of virtual functions, made to fail, made to wait, made the last of the command: from two to one,
 * which goes through none. Every day at every third step, from one that differs; with MOCKSYS_TEST_ALL set at each.
 */
#include "beside.h"
#include "harness.h"
#include "steps.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Of the machine two-vfs. */
#define PF "0000:04:00.0"
#define VF "0000:04:10.0"
#define SECOND_VF "0000:04:10.2"

static const char *const command[] = {"vfiobind", "sriov", PF, "--numvfs", "1", "--json", NULL};

static size_t stride(void)
{
	return getenv("MOCKSYS_TEST_ALL") ? 1 : under_valgrind() ? 11 : 3;
}

static size_t first_step(void)
{
	size_t first = (size_t)time(NULL) % stride();

	print_message("from step %zu on, each %zu.\n", first, stride());
	return first;
}

/* The steps of a change that goes well, and all that can be seen before and after it. */
struct change {
	struct steps steps;
	struct snapshot *before, *after;
};

static void change_free(struct change *change)
{
	steps_free(&change->steps);
	snapshot_free(&change->before);
	snapshot_free(&change->after);
}

static void change_read(struct change *change)
{
	change->before = snapshot_take_nodes();
	trace_clear();
	run_well(command);
	steps_read(&change->steps);
	change->after = snapshot_take_nodes();
	assert_true(change->steps.n > 30);
}

enum found {
	AS_BEFORE,
	AS_AFTER,
	WITHOUT_DRIVER, /* the one VF is there, but the driver that was made to fail has not taken it */
};

static enum found look(const struct change *change, const char *rule)
{
	_cleanup_snapshot_ struct snapshot *now = snapshot_take_nodes();
	_cleanup_text_ char *driver = link_name(DEVICES "/" VF "/driver");

	if (snapshot_compare(change->before, now, NULL) == 0)
		return AS_BEFORE;
	if (snapshot_compare(change->after, now, NULL) == 0)
		return AS_AFTER;
	if (!driver && exists(DEVICES "/" VF) && !exists(DEVICES "/" SECOND_VF))
		return WITHOUT_DRIVER;
	snapshot_compare(change->after, now, "neither as before nor as after");
	fail_msg("%s", rule);
	return AS_BEFORE;
}

static void assert_no_journal(void)
{
	assert_false(exists("/run/vfiobind/journals/" PF));
}

/* The fake refuses a rule that makes fail what cannot fail in Linux: a remove(), a uevent. */
static bool add_rule(const char *step, const char *effect)
{
	_cleanup_text_ char *rule = format_text("%s %s", step, effect);

	return try_write_file(CONTROL "/faults", rule) == 0;
}

/* The command ended so, and says so; is that true? */
static void check_failed(const struct change *change, const struct output *output, const char *rule)
{
	_cleanup_json_ struct json_object *document = json_of(output);
	enum found found = look(change, rule);

	if (output->status == 0) {
		size_t n_warnings = json_object_array_length(json_at(document, "warnings"));

		if (found == AS_BEFORE || (found == WITHOUT_DRIVER && !n_warnings))
			fail_msg("%s: done, but it is not: %s", rule, output->out);
	} else {
		const char *state = json_object_get_string(json_at(document, "state"));

		if (found != AS_BEFORE || (strcmp(state, "untouched") != 0 && strcmp(state, "restored") != 0))
			fail_msg("%s: not as before: %s", rule, output->out);
	}
	assert_no_journal();
}

static void any_one_failure_leaves_old_or_new(void **state)
{
	_cleanup_(change_free) struct change change = {.before = NULL};
	size_t n = 0, n_failed = 0;

	change_read(&change);
	for (size_t i = first_step(); i < change.steps.n; i += stride()) {
		_cleanup_output_ struct output output = {.out = NULL};

		machine_reset(NULL);
		if (!add_rule(change.steps.rules[i], "fail=EIO"))
			continue;
		output = run(command);
		assert_int_equal(fault_fired(change.steps.rules[i]), 1);
		clear_faults();
		check_failed(&change, &output, change.steps.rules[i]);
		n++;
		n_failed += output.status != 0;
	}
	print_message("%zu of %zu steps failed, %zu of them the command\n", n, change.steps.n, n_failed);
	assert_true(n > change.steps.n / stride() / 3);
	assert_int_not_equal(n_failed, 0);
}

/* The kernel's log is read without waiting, and modules' indexes are files on a disk: no step of Linux holds those. */
static bool can_be_held(const char *rule)
{
	return !strstr(rule, " path=/dev/") && !strstr(rule, " path=/lib/");
}

static void killed_at_any_step_it_is_repaired(void **state)
{
	_cleanup_(change_free) struct change change = {.before = NULL};
	size_t n = 0, n_old = 0;

	change_read(&change);
	for (size_t i = first_step(); i < change.steps.n; i += stride()) {
		machine_reset(NULL);
		if (!can_be_held(change.steps.rules[i]) || !beside_crash_at(command, change.steps.rules[i]))
			continue;
		RUN_WELL("vfiobind", "repair");
		n++;
		n_old += look(&change, change.steps.rules[i]) == AS_BEFORE;
		assert_no_journal();
		run_well(command);
		assert_int_equal(look(&change, change.steps.rules[i]), AS_AFTER);
	}
	print_message("killed at %zu of %zu steps: %zu times as before, %zu times done\n", n, change.steps.n, n_old,
		      n - n_old);
	assert_true(n > change.steps.n / stride() / 3);
	assert_int_not_equal(n_old, 0);
	assert_int_not_equal(n - n_old, 0);
}

/* Returns whether the step was reached before the time-out: else the machine is slow, and more time is needed. */
static bool hold_at(const struct change *change, const char *rule, const char *timeout)
{
	_cleanup_output_ struct output output = RUN("vfiobind", "sriov", PF, "--numvfs", "1", "--json", timeout);
	_cleanup_json_ struct json_object *document = json_of(&output);
	bool reached = beside_release_all();

	/* Done is what only could not be told any more. */
	if (output.status != 0 && output.status != 4)
		fail_msg("%s: status %d: %s", rule, output.status, output.out);
	if (output.status == 4)
		assert_json_text(document, "error.code", "timed-out");
	RUN_WELL("vfiobind", "repair");
	assert_no_journal();
	if (output.status == 0 && look(change, rule) == AS_BEFORE)
		fail_msg("%s: done, but it is not: %s", rule, output.out);
	look(change, rule);
	return reached;
}

static void it_ends_whichever_step_is_held(void **state)
{
	static const char *const timeouts[] = {"--timeout=0.2", "--timeout=2", "--timeout=20"};
	_cleanup_(change_free) struct change change = {.before = NULL};
	size_t n = 0;

	change_read(&change);
	for (size_t i = first_step(); i < change.steps.n; i += stride()) {
		bool reached = false;

		for (size_t j = 0; can_be_held(change.steps.rules[i]) && !reached && j < ARRAY_SIZE(timeouts); j++) {
			machine_reset(NULL);
			if (!add_rule(change.steps.rules[i], "hold"))
				break;
			reached = hold_at(&change, change.steps.rules[i], timeouts[j]);
		}
		n += reached;
	}
	print_message("%zu of %zu steps were held\n", n, change.steps.n);
	assert_true(n > change.steps.n / stride() / 3);
}

static const struct CMUnitTest two_vfs_tests[] = {
	SCENARIO(any_one_failure_leaves_old_or_new),
	SCENARIO(killed_at_any_step_it_is_repaired),
	SCENARIO(it_ends_whichever_step_is_held),
};

SCENARIO_MAIN(SUITE("two-vfs", two_vfs_tests))
