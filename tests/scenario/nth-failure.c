/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each step that an operation passes, made to fail, one at a time, with each of several errnos: after it the
 * machine is as it was or as was asked for, and what the library returns says which. Only where it says "broken" may it
 * be anything else, and one failure alone must never lead there.
 */
#include "harness.h"
#include "steps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NIC "0000:03:00.0"

static const char *const errnos[] = {"EIO", "ENODEV", "EBUSY", "ENOMEM", "EACCES"};

/* ---- the operations ---- */

struct operation {
	const char *name;
	void (*prepare)(void);
	/* @ret_free: the device is on no driver now, and a warning says so. */
	int (*run)(struct vfiobind_context *context, const struct vfiobind_address *address, bool *ret_free,
		   struct vfiobind_error *error);
	bool loads;   /* modules: they stay, so only the device is as it was */
	bool takes;   /* else whom it gives the device to may be missing: then it is on no driver */
	bool used[2]; /* whether it is written down that a domain has the device: before, and when it is done */
};

static bool is_free(const struct vfiobind_result *result)
{
	return result && !result->devices[0]->to && result->devices[0]->n_warnings > 0;
}

static int run_detach(struct vfiobind_context *context, const struct vfiobind_address *address, bool *ret_free,
		      struct vfiobind_error *error)
{
	struct vfiobind_detach_options options = VFIOBIND_DETACH_OPTIONS_INIT;
	struct vfiobind_result *result = NULL;
	int r;

	options.driver = "vfio-pci-e1000e";
	r = vfiobind_device_detach(context, address, 1, &options, &result, error);
	assert_true(!r == !!result);
	vfiobind_result_free(result);
	return r;
}

static int run_reattach(struct vfiobind_context *context, const struct vfiobind_address *address, bool *ret_free,
			struct vfiobind_error *error)
{
	struct vfiobind_result *result = NULL;
	int r = vfiobind_device_reattach(context, address, 1, NULL, &result, error);

	*ret_free = is_free(result);
	assert_true(!r == !!result);
	vfiobind_result_free(result);
	return r;
}

static int run_reset(struct vfiobind_context *context, const struct vfiobind_address *address, bool *ret_free,
		     struct vfiobind_error *error)
{
	struct vfiobind_reset_options options = VFIOBIND_RESET_OPTIONS_INIT;
	struct vfiobind_reset *reset = NULL;
	int r;

	options.method = "bus";
	r = vfiobind_device_reset(context, address, &options, &reset, error);
	assert_true(!r == !!reset);
	vfiobind_reset_free(reset);
	return r;
}

static int run_prepare(struct vfiobind_context *context, const struct vfiobind_address *address, bool *ret_free,
		       struct vfiobind_error *error)
{
	struct vfiobind_hostdev_options options = VFIOBIND_HOSTDEV_OPTIONS_INIT;
	struct vfiobind_hostdev hostdev = VFIOBIND_HOSTDEV_INIT;
	struct vfiobind_result *result = NULL;
	int r;

	options.domain = "web";
	hostdev.address = *address;
	hostdev.managed = true;
	hostdev.driver_model = "vfio-pci-e1000e";
	r = vfiobind_hostdev_prepare(context, &hostdev, 1, &options, &result, error);
	assert_true(!r == !!result);
	vfiobind_result_free(result);
	return r;
}

static int run_release(struct vfiobind_context *context, const struct vfiobind_address *address, bool *ret_free,
		       struct vfiobind_error *error)
{
	struct vfiobind_hostdev_options options = VFIOBIND_HOSTDEV_OPTIONS_INIT;
	struct vfiobind_hostdev hostdev = VFIOBIND_HOSTDEV_INIT;
	struct vfiobind_result *result = NULL;
	int r;

	options.domain = "web";
	hostdev.address = *address;
	r = vfiobind_hostdev_release(context, &hostdev, 1, &options, &result, error);
	*ret_free = is_free(result);
	assert_true(!r == !!result);
	vfiobind_result_free(result);
	return r;
}

static int carry_out(const struct operation *operation, bool *ret_free, struct vfiobind_error *error)
{
	struct vfiobind_context *context;
	struct vfiobind_address address;
	int r;

	*ret_free = false;
	assert_return_code(vfiobind_address_parse(NIC, &address), 0);
	assert_return_code(vfiobind_context_new(&context), 0);
	r = operation->run(context, &address, ret_free, error);
	vfiobind_context_free(context);
	return r;
}

static void load_modules(void)
{
	RUN_WELL("modprobe", "-a", "vfio-pci", "vfio_pci_e1000e");
}

static void leave_unloaded(void)
{
}

static void detach_first(void)
{
	load_modules();
	RUN_WELL("vfiobind", "detach", NIC, "--driver", "vfio-pci-e1000e");
}

static void prepare_first(void)
{
	const struct operation prepare = {.run = run_prepare};
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	bool is_free;

	load_modules();
	assert_return_code(carry_out(&prepare, &is_free, &error), 0);
}

/* Whether it is written down that a domain has the device. */
static bool is_used(void)
{
	struct vfiobind_context *context;
	struct vfiobind_address address;
	struct vfiobind_device *device;
	bool used;

	assert_return_code(vfiobind_context_new(&context), 0);
	assert_return_code(vfiobind_address_parse(NIC, &address), 0);
	assert_return_code(vfiobind_device_read(context, &address, &device, NULL), 0);
	used = device->domain;
	vfiobind_device_free(device);
	vfiobind_context_free(context);
	return used;
}

/* ---- one failure ---- */

struct states {
	struct snapshot *old, *new;
};

static void states_free(struct states *states)
{
	snapshot_free(&states->old);
	snapshot_free(&states->new);
}

/* What stays after a failure that was undone: modules that were loaded meanwhile. */
static bool is_state(const struct snapshot *state, const char *what)
{
	_cleanup_snapshot_ struct snapshot *now = snapshot_take_nodes();

	return snapshot_compare(state, now, what) == 0;
}

/* With the module not loaded before, what else is there is in the way of comparing: then the device alone. */
static bool is_device(const char *driver, const char *driver_override)
{
	_cleanup_text_ char *now = link_name(DEVICES "/" NIC "/driver");
	_cleanup_text_ char *override_now = read_file(DEVICES "/" NIC "/driver_override");

	override_now[strcspn(override_now, "\n")] = '\0';
	return strcmp(now ? now : "", driver ? driver : "") == 0 && strcmp(override_now, driver_override) == 0;
}

static void check_outcome(const struct operation *operation, const struct states *states, int r,
			  const struct vfiobind_error *error, const char *rule)
{
	bool done = r == 0;

	if (r < 0 && error->state == VFIOBIND_STATE_BROKEN)
		fail_msg("%s: %s: one failure broke it: %s", operation->name, rule, error->found);
	if (r < 0 && error->state == VFIOBIND_STATE_UNTOUCHED && TRACE_COUNT(" sys.write "))
		fail_msg("%s: %s: \"untouched\", but something was written", operation->name, rule);
	if (operation->loads &&
	    !(done ? is_device("vfio-pci-e1000e", "vfio-pci-e1000e") : is_device("e1000e", "(null)")))
		fail_msg("%s: %s: the device is not %s", operation->name, rule, done ? "detached" : "as it was");
	if (is_used() != operation->used[done])
		fail_msg("%s: %s: whether the domain has the device is wrong", operation->name, rule);
	if (!operation->loads && !is_state(done ? states->new : states->old, rule))
		fail_msg("%s: %s: returned %d (%s), which is not so", operation->name, rule, r,
			 done ? "done" : vfiobind_error_code_name(error->code));
}

/* A reattach is done when the VFIO driver is gone; that no host driver came is a warning. */
static void check_free(const struct operation *operation, const char *rule)
{
	if (operation->takes || is_used() != operation->used[true] || !is_device(NULL, "(null)"))
		fail_msg("%s: %s: done, with a warning that is not so", operation->name, rule);
}

/* Whatever failed on the way says why. */
static void check_reasons(const char *rule)
{
	_cleanup_text_ char *trace = trace_read();
	char *rest = trace;
	unsigned int n = 0;

	for (char *line; (line = strsep(&rest, "\n"));) {
		const char *result = strstr(line, " = E");

		n += result != NULL;
		if (result && !strstr(result, " why="))
			fail_msg("%s: no reason: %s", rule, line);
	}
	assert_int_not_equal(n, 0);
}

/* Failures that the kernel cannot have. */
static bool is_impossible(const char *step, const char *number)
{
	/* unbind_store() says ENODEV only when it has done nothing: that tells that another has moved the device. */
	return strncmp(step, "sys.return ", 11) == 0 && strstr(step, "/unbind ") && strcmp(number, "ENODEV") == 0;
}

/* The fake refuses a rule that makes fail what cannot fail in Linux: a remove(), a uevent. */
static bool can_fail(const char *step)
{
	_cleanup_text_ char *rule = format_text("%s fail=EIO", step);
	int r = try_write_file(CONTROL "/faults", rule);

	clear_faults();
	if (r < 0)
		assert_int_equal(r, -EINVAL);
	return r == 0;
}

static bool is_left_out(size_t step, size_t number)
{
	return under_valgrind() && (step + number) % 7 != 0;
}

/* Returns whether the rule had its moment. */
static bool fail_one(const struct operation *operation, const struct states *states, const char *step,
		     const char *number)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	_cleanup_text_ char *rule = format_text("%s fail=%s", step, number);
	bool fired, is_free;
	int r;

	machine_reset(NULL);
	operation->prepare();
	trace_clear();
	add_fault("%s", rule);
	r = carry_out(operation, &is_free, &error);
	fired = fault_fired(rule) > 0;
	if (fired) {
		check_reasons(rule);
	} else {
		_cleanup_text_ char *trace = trace_read();

		print_error("%s: %s never came:\n%s", operation->name, rule, trace);
	}
	clear_faults();
	if (r == 0 && is_free)
		check_free(operation, rule);
	else
		check_outcome(operation, states, r, &error, rule);
	return fired;
}

static void check_each_failure(const struct operation *operation)
{
	_cleanup_(states_free) struct states states = {.old = NULL};
	_cleanup_(steps_free) struct steps steps = {.n = 0};
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	size_t n_possible = 0, n = 0, n_fired = 0;
	bool is_free;

	operation->prepare();
	states.old = snapshot_take_nodes();
	trace_clear();
	assert_return_code(carry_out(operation, &is_free, &error), 0);
	assert_false(is_free);
	steps_read(&steps);
	states.new = snapshot_take_nodes();
	assert_true(steps.n > 10);

	for (size_t i = 0; i < steps.n; i++) {
		if (!can_fail(steps.rules[i]))
			continue;
		for (size_t j = 0; j < ARRAY_SIZE(errnos); j++) {
			if (is_impossible(steps.rules[i], errnos[j]))
				continue;
			n_possible++;
			if (is_left_out(i, j))
				continue;
			n++;
			n_fired += fail_one(operation, &states, steps.rules[i], errnos[j]);
		}
	}
	assert_true(n_possible > 50);
	print_message("%s: %zu steps, %zu failures\n", operation->name, steps.n, n);
	assert_int_equal(n_fired, n);
}

static void any_one_failure_of_a_detach_leaves_old_or_new(void **state)
{
	check_each_failure(&(const struct operation){
		.name = "detach",
		.prepare = load_modules,
		.run = run_detach,
		.takes = true,
	});
}

static void any_one_failure_of_a_detach_that_loads_the_module_leaves_old_or_new(void **state)
{
	check_each_failure(&(const struct operation){
		.name = "detach with its module",
		.prepare = leave_unloaded,
		.run = run_detach,
		.takes = true,
		.loads = true,
	});
}

static void any_one_failure_of_a_reattach_leaves_old_or_new(void **state)
{
	check_each_failure(&(const struct operation){
		.name = "reattach",
		.prepare = detach_first,
		.run = run_reattach,
	});
}

/* Old and new are the same: a reset leaves nothing that could be seen. */
static void any_one_failure_of_a_reset_leaves_its_methods_alone(void **state)
{
	check_each_failure(&(const struct operation){
		.name = "reset",
		.prepare = detach_first,
		.run = run_reset,
		.takes = true,
	});
}

static void any_one_failure_of_a_prepare_leaves_old_or_new(void **state)
{
	check_each_failure(&(const struct operation){
		.name = "prepare",
		.prepare = load_modules,
		.run = run_prepare,
		.takes = true,
		.used = {false, true},
	});
}

static void any_one_failure_of_a_release_leaves_old_or_new(void **state)
{
	check_each_failure(&(const struct operation){
		.name = "release",
		.prepare = prepare_first,
		.run = run_release,
		.used = {true, false},
	});
}

static const struct CMUnitTest e1000e_tests[] = {
	SCENARIO(any_one_failure_of_a_detach_leaves_old_or_new),
	SCENARIO(any_one_failure_of_a_detach_that_loads_the_module_leaves_old_or_new),
	SCENARIO(any_one_failure_of_a_reattach_leaves_old_or_new),
	SCENARIO(any_one_failure_of_a_reset_leaves_its_methods_alone),
};

static const struct CMUnitTest domain_tests[] = {
	SCENARIO(any_one_failure_of_a_prepare_leaves_old_or_new),
	SCENARIO(any_one_failure_of_a_release_leaves_old_or_new),
};

SCENARIO_MAIN(SUITE("e1000e", e1000e_tests), SUITE("e1000e-domain", domain_tests))
