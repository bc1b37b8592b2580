/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Failures that last: each step that a detach or a reattach passes, failing from then on, so that undoing may fail too; and
 * a device that vanishes at it. The exit status tells what it is like then, and once nothing fails any more `repair` undoes
 * or finishes it.
 */
#include "harness.h"
#include "steps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NIC "0000:03:00.0"
#define VARIANT "vfio-pci-e1000e"

/* Any one, and the one that says that the device has gone. nth-failure.c has more. */
static const char *const errnos[] = {"EIO", "ENODEV"};

struct operation {
	const char *const *command;
	void (*prepare)(void);
};

static void load_modules(void)
{
	RUN_WELL("modprobe", "-a", "vfio-pci", "vfio_pci_e1000e");
}

static void detach_first(void)
{
	load_modules();
	RUN_WELL("vfiobind", "detach", NIC, "--driver", VARIANT);
}

static const struct operation detach = {
	.command = (const char *const[]){"vfiobind", "detach", NIC, "--driver", VARIANT, "--json", NULL},
	.prepare = load_modules,
};
static const struct operation reattach = {
	.command = (const char *const[]){"vfiobind", "reattach", NIC, "--json", NULL},
	.prepare = detach_first,
};

struct states {
	struct snapshot *old, *new;
};

static void states_free(struct states *states)
{
	snapshot_free(&states->old);
	snapshot_free(&states->new);
}

/* @what: says so when it is not. */
static bool is_state(const struct snapshot *state, const char *what)
{
	_cleanup_snapshot_ struct snapshot *now = snapshot_take_nodes();

	return snapshot_compare(state, now, what) == 0;
}

static void begin(const struct operation *operation, const char *rule)
{
	machine_reset(NULL);
	operation->prepare();
	trace_clear();
	add_fault("%s", rule);
}

/* "STEP key=value… after=N times=1" for ever. */
static char *lasting(const char *rule)
{
	const char *end = strstr(rule, " times=1");

	assert_non_null(end);
	return format_text("%.*s", (int)(end - rule), rule);
}

static const char *state_of(const struct output *output)
{
	static char state[32];
	_cleanup_json_ struct json_object *document = json_of(output);
	struct json_object *member = NULL;

	json_object_object_get_ex(document, "state", &member);
	snprintf(state, sizeof(state), "%s", member ? json_object_get_string(member) : "done");
	return state;
}

/* Done, but for that no host driver took it back: a warning says so. */
static bool is_left_free(const struct output *output)
{
	_cleanup_json_ struct json_object *document = json_of(output);
	struct json_object *devices;

	return json_object_object_get_ex(document, "devices", &devices) && !json_at(document, "devices.0.to") &&
	       json_object_array_length(json_at(document, "devices.0.warnings")) > 0;
}

static void check_free(const char *rule)
{
	_cleanup_text_ char *driver = link_name(DEVICES "/" NIC "/driver");

	if (driver)
		fail_msg("%s: it is on %s, and said to be free", rule, driver);
}

/* The state that each exit status stands for. */
static void check_told(const struct states *states, const struct output *output, const char *rule)
{
	static const char *const names[] = {[0] = "done", [1] = "restored", [3] = "untouched", [5] = "broken"};
	const char *state = state_of(output);
	bool is_old;

	if (output->status < 0 || output->status >= (int)ARRAY_SIZE(names) || !names[output->status] ||
	    strcmp(names[output->status], state) != 0)
		fail_msg("%s: status %d, state %s", rule, output->status, state);
	if (output->status == 0 && is_left_free(output)) {
		check_free(rule);
		return;
	}
	if (output->status == 0) {
		assert_true(is_state(states->new, rule));
		return;
	}
	is_old = is_state(states->old, output->status == 5 ? NULL : rule);
	if (is_old != (output->status != 5))
		fail_msg("%s: it is %sas it was, and the status %d", rule, is_old ? "" : "not ", output->status);
	if (output->status == 3 && TRACE_COUNT(" sys.write "))
		fail_msg("%s: \"untouched\", but something was written", rule);
}

/* Undone, or finished. */
static void check_repaired(const struct states *states, const char *rule)
{
	RUN_WELL("vfiobind", "repair");
	if (!is_state(states->old, NULL) && !is_state(states->new, rule))
		fail_msg("%s: repair did not bring it back", rule);
}

/* Returns the status. */
static int fail_for_ever(const struct operation *operation, const struct states *states, const char *step,
			 const char *number)
{
	_cleanup_text_ char *all = lasting(step), *rule = format_text("%s fail=%s", all, number);
	_cleanup_output_ struct output output = {.out = NULL};
	unsigned long fired;

	begin(operation, rule);
	output = run(operation->command);
	fired = fault_fired(rule);
	clear_faults();
	if (!fired)
		fail_msg("%s never came", rule);
	check_told(states, &output, rule);
	if (output.status == 5)
		check_repaired(states, rule);
	return output.status;
}

static void take_states(const struct operation *operation, struct states *states, struct steps *steps)
{
	operation->prepare();
	states->old = snapshot_take_nodes();
	trace_clear();
	run_well(operation->command);
	steps_read(steps);
	states->new = snapshot_take_nodes();
	assert_true(steps->n > 20);
}

static bool is_accepted(const char *step, const char *what)
{
	_cleanup_text_ char *rule = format_text("%s %s", step, what);
	int r = try_write_file(CONTROL "/faults", rule);

	clear_faults();
	return r == 0;
}

/* unbind_store() says ENODEV only when it has done nothing. */
static bool is_impossible(const char *step, const char *number)
{
	return strncmp(step, "sys.return ", 11) == 0 && strstr(step, "/unbind ") && strcmp(number, "ENODEV") == 0;
}

static void check_each(const struct operation *operation)
{
	_cleanup_(states_free) struct states states = {.old = NULL};
	_cleanup_(steps_free) struct steps steps = {.n = 0};
	size_t n = 0, n_broken = 0;

	take_states(operation, &states, &steps);
	for (size_t i = 0; i < steps.n; i++) {
		if (!is_accepted(steps.rules[i], "fail=EIO"))
			continue;
		for (size_t j = 0; j < ARRAY_SIZE(errnos); j++) {
			if (is_impossible(steps.rules[i], errnos[j]) || (under_valgrind() && (i + j) % 29 != 0))
				continue;
			n++;
			n_broken += fail_for_ever(operation, &states, steps.rules[i], errnos[j]) == 5;
		}
	}
	print_message("%zu failures that lasted, %zu of them could not be undone\n", n, n_broken);
	assert_true(under_valgrind() || (n > 40 && n_broken > 0));
}

static void a_failure_of_a_detach_that_lasts_is_told_truly(void **state)
{
	check_each(&detach);
}

static void a_failure_of_a_reattach_that_lasts_is_told_truly(void **state)
{
	check_each(&reattach);
}

/* ---- vanish ---- */

static void check_each_vanish(const struct operation *operation)
{
	_cleanup_(states_free) struct states states = {.old = NULL};
	_cleanup_(steps_free) struct steps steps = {.n = 0};
	_cleanup_snapshot_ struct snapshot *without = NULL;
	size_t n = 0;

	take_states(operation, &states, &steps);
	machine_reset(NULL);
	operation->prepare();
	write_file(CONTROL "/hotplug", "remove " NIC);
	without = snapshot_take_nodes();
	for (size_t i = 0; i < steps.n; i++) {
		_cleanup_text_ char *rule = format_text("%s vanish", steps.rules[i]);
		_cleanup_output_ struct output output = {.out = NULL};
		const char *state;

		if (!is_accepted(steps.rules[i], "vanish") || (under_valgrind() && i % 11 != 0))
			continue;
		begin(operation, rule);
		output = run(operation->command);
		/* Not every step is about a device. */
		if (!fault_fired(rule))
			continue;
		n++;
		/* What had not been written to yet has not been broken. */
		state = state_of(&output);
		if (strcmp(state, TRACE_COUNT(" sys.write ") ? "broken" : "untouched") != 0 ||
		    (output.status == 5) != (strcmp(state, "broken") == 0))
			fail_msg("%s: status %d, state %s", rule, output.status, state);
		if (!is_state(without, rule))
			fail_msg("%s: something is left of it", rule);
		RUN_WELL("vfiobind", "repair");
	}
	print_message("it vanished %zu times\n", n);
	assert_true(under_valgrind() || n > 10);
}

static void a_device_that_vanishes_during_a_detach_is_told_of(void **state)
{
	check_each_vanish(&detach);
}

static void a_device_that_vanishes_during_a_reattach_is_told_of(void **state)
{
	check_each_vanish(&reattach);
}

static const struct CMUnitTest e1000e_tests[] = {
	SCENARIO(a_failure_of_a_detach_that_lasts_is_told_truly),
	SCENARIO(a_failure_of_a_reattach_that_lasts_is_told_truly),
	SCENARIO(a_device_that_vanishes_during_a_detach_is_told_of),
	SCENARIO(a_device_that_vanishes_during_a_reattach_is_told_of),
};

SCENARIO_MAIN(SUITE("e1000e", e1000e_tests))
