/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each thing that the kernel can be waited for, held for good: the command ends all the same, and tells the truth. */
#include "beside.h"
#include "harness.h"
#include "steps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define NIC "0000:03:00.0"
#define DRIVER "vfio-pci-e1000e"
#define TIMEOUT "--timeout=0.2"

static const char *const detach[] = {"detach", NIC, "--driver", DRIVER, NULL};
static const char *const reattach[] = {"reattach", NIC, NULL};
static const char *const reset[] = {"reset", NIC, "--method", "bus", NULL};

static struct output run_with(const char *const *operation, const char *timeout)
{
	const char *command[16] = {"vfiobind"};
	size_t n = 1;

	for (size_t i = 0; operation[i]; i++)
		command[n++] = operation[i];
	command[n++] = "--json";
	command[n] = timeout;
	return run(command);
}

static void succeed(const char *const *operation)
{
	_cleanup_output_ struct output output = run_with(operation, NULL);

	assert_int_equal(output.status, 0);
}

static void prepare(const char *const *operation)
{
	machine_reset(NULL);
	if (operation != detach)
		succeed(detach);
}

/* The steps before the first store of the command: a read, the opening, a module's start. */
static size_t first_store(const struct steps *steps)
{
	for (size_t i = 0; i < steps->n; i++)
		if (strncmp(steps->rules[i], "sys.write ", strlen("sys.write ")) == 0)
			return i;
	fail_msg("nothing was stored");
	return 0;
}

/* Rules that hold this step are refused: in Linux it takes no time. */
static bool hold(const char *rule)
{
	_cleanup_text_ char *text = format_text("%s hold", rule);

	return try_write_file(CONTROL "/faults", text) == 0;
}

/* Returns whether the step was reached before the time-out: else the machine is slow, and more time is needed. */
static bool check_step(const char *const *operation, const char *timeout, const char *state)
{
	_cleanup_output_ struct output output = run_with(operation, timeout);
	_cleanup_json_ struct json_object *document = json_of(&output);
	bool reached = beside_release_all();

	if (output.status != 4)
		fail_msg("status %d instead of 4: %s", output.status, output.out);
	assert_json_text(document, "error.code", "timed-out");
	if (reached)
		assert_json_text(document, "state", state);
	return reached;
}

static void check_each_step(const char *const *operation)
{
	static const char *const timeouts[] = {"--timeout=0.1", "--timeout=1", "--timeout=10"};
	__attribute__((cleanup(steps_free))) struct steps steps;
	size_t store, held = 0, stride;

	prepare(operation);
	trace_clear();
	succeed(operation);
	steps_read(&steps);
	store = first_store(&steps);
	stride = under_valgrind() ? steps.n / 8 : 1;

	for (size_t i = 0; i < steps.n; i += stride) {
		bool reached = false;

		for (size_t j = 0; !reached && j < ARRAY_SIZE(timeouts); j++) {
			prepare(operation);
			if (!hold(steps.rules[i]))
				break;
			reached = check_step(operation, timeouts[j], i < store ? "untouched" : "pending");
		}
		held += reached;
	}
	print_message("%zu of %zu steps were held\n", held, steps.n);
	/* Some steps cannot be held. Of a few of them it cannot be said how many. */
	assert_true(stride > 1 ? held > 0 : held > steps.n / 2);
}

static void detach_ends_whichever_step_is_held(void **state)
{
	check_each_step(detach);
}

static void reattach_ends_whichever_step_is_held(void **state)
{
	check_each_step(reattach);
}

static void reset_ends_whichever_step_is_held(void **state)
{
	check_each_step(reset);
}

/* Nobody waits, so what was asked for happens when it can. */
static void what_was_held_is_finished_by_the_kernel(void **state)
{
	run_well((const char *const[]){"modprobe", DRIVER, NULL});
	add_fault("dd.probe driver=" DRIVER " hold");
	/* Long enough to come to the probe on a busy machine, too. */
	ASSERT_FAILS(4, "timed-out", "pending", "detach", NIC, "--driver", DRIVER, "--timeout=2");
	beside_release_all();
	/* It takes the device's lock, and so comes after the probe. */
	write_file(DEVICES "/" NIC "/power/control", "on");
	assert_device(NIC, DRIVER, DRIVER);
}

static void skip_if_files_are_not_held(void)
{
	if (!is_way_plain())
		return;
	print_message("skipped: in way plain what never changes is a file, which no rule holds\n");
	skip();
}

/* Without it another driver might be taken for the best. */
static void explain_and_detach_end_when_the_modalias_is_held(void **state)
{
	skip_if_files_are_not_held();
	add_fault("sys.read path=*/" NIC "/modalias hold");
	ASSERT_FAILS(4, "timed-out", "untouched", "explain", NIC, TIMEOUT);
	ASSERT_FAILS(4, "timed-out", "untouched", "detach", NIC, TIMEOUT);
	beside_release_all();
	assert_nothing_written();
}

/* What failed is told, and that it is not undone yet. */
static void an_undo_that_is_held_is_pending_until_repaired(void **state)
{
	_cleanup_output_ struct output repaired = {.out = NULL};
	_cleanup_json_ struct json_object *document = NULL;

	run_well((const char *const[]){"modprobe", DRIVER, NULL});
	add_fault("dd.probe driver=" DRIVER " fail=EBUSY");
	add_fault("dd.probe driver=e1000e hold");
	ASSERT_FAILS(4, "probe-busy", "pending", "detach", NIC, "--driver", DRIVER, "--timeout=2");
	beside_release_all();
	clear_faults();
	repaired = RUN_EXPECTING(0, "vfiobind", "repair", "--json");
	document = json_of(&repaired);
	assert_json_text(document, "devices.0.outcome", "undone");
	assert_device(NIC, "e1000e", "(null)");
}

static void a_repair_that_is_held_is_pending_until_the_next(void **state)
{
	_cleanup_output_ struct output pending = {.out = NULL}, repaired = {.out = NULL};
	_cleanup_json_ struct json_object *first = NULL, *second = NULL;

	prepare(reattach);
	assert_true(beside_crash_at((const char *const[]){"vfiobind", "reattach", NIC, NULL},
				    "sys.write path=*/" DRIVER "/unbind times=1"));
	add_fault("dd.probe driver=e1000e hold");
	pending = RUN_EXPECTING(4, "vfiobind", "repair", "--timeout=1", "--json");
	first = json_of(&pending);
	assert_json_text(first, "devices.0.outcome", "pending");
	beside_release_all();
	repaired = RUN_EXPECTING(0, "vfiobind", "repair", "--json");
	second = json_of(&repaired);
	assert_json_text(second, "devices.0.outcome", "finished");
	assert_device(NIC, "e1000e", "(null)");
}

/* Nothing was tried, so that the next one finds it the same. */
static void a_repair_that_cannot_look_leaves_it_to_the_next(void **state)
{
	_cleanup_output_ struct output pending = {.out = NULL}, repaired = {.out = NULL};
	_cleanup_json_ struct json_object *first = NULL, *second = NULL;

	skip_if_files_are_not_held();
	prepare(reattach);
	assert_true(beside_crash_at((const char *const[]){"vfiobind", "reattach", NIC, NULL},
				    "sys.write path=*/" DRIVER "/unbind times=1"));
	add_fault("sys.read path=*/" NIC "/modalias hold");
	pending = RUN_EXPECTING(4, "vfiobind", "repair", "--timeout=1", "--json");
	first = json_of(&pending);
	assert_json_text(first, "devices.0.outcome", "pending");
	assert_true(beside_release_all());
	repaired = RUN_EXPECTING(0, "vfiobind", "repair", "--json");
	second = json_of(&repaired);
	assert_json_text(second, "devices.0.outcome", "finished");
	assert_device(NIC, "e1000e", "(null)");
}

/* Reading driver_override of a device that is being bound waits in Linux before 6.12. */
static void show_ends_when_an_attribute_is_held(void **state)
{
	add_fault("sys.read path=*/" NIC "/driver_override hold");
	ASSERT_FAILS(4, "timed-out", "untouched", "show", NIC, TIMEOUT);
	beside_release_all();
}

/* ---- a guest that does not end ---- */

/* Has the node open until the other end of @release is closed. */
static pid_t hold_open(const char *node, int *ret_release)
{
	int ready[2], release[2];
	char byte;
	pid_t pid;

	assert_return_code(pipe2(ready, O_CLOEXEC), errno);
	assert_return_code(pipe2(release, O_CLOEXEC), errno);
	fflush(NULL);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0) {
		prctl(PR_SET_NAME, "guest");
		close(release[1]);
		if (open(node, O_RDWR | O_CLOEXEC) < 0)
			_exit(1);
		close(ready[1]);
		_exit(read(release[0], &byte, 1) != 0);
	}
	close(ready[1]);
	close(release[0]);
	/* The end of the file says that it is open. */
	assert_int_equal(read(ready[0], &byte, 1), 0);
	close(ready[0]);
	*ret_release = release[1];
	return pid;
}

static void assert_holder(struct json_object *document, const char *path, pid_t pid)
{
	_cleanup_text_ char *holder = format_text("held by guest (pid %d)", pid);

	/* In way plain a descriptor of the fake is a socket: nothing in /proc tells what it is. */
	if (!is_way_plain())
		assert_non_null(strstr(json_object_get_string(json_at(document, path)), holder));
}

static void a_device_that_is_open_is_waited_for_and_then_its_holder_named(void **state)
{
	static const char *const nodes[] = {"/dev/vfio/devices/vfio0", "/dev/vfio/14"};

	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		_cleanup_output_ struct output timed_out = {.out = NULL}, pending = {.out = NULL}, done = {.out = NULL};
		_cleanup_json_ struct json_object *first = NULL, *second = NULL, *third = NULL;
		int release;
		pid_t pid;

		prepare(reattach);
		pid = hold_open(nodes[i], &release);
		timed_out = run_with(reattach, "--timeout=2");
		assert_int_equal(timed_out.status, 4);
		first = json_of(&timed_out);
		assert_json_text(first, "error.code", "timed-out");
		assert_json_text(first, "state", "pending");
		assert_holder(first, "error.found", pid);

		pending = RUN_EXPECTING(4, "vfiobind", "repair", "--timeout=0.1", "--json");
		second = json_of(&pending);
		assert_json_text(second, "devices.0.outcome", "pending");
		assert_holder(second, "devices.0.note", pid);
		assert_non_null(strstr(json_object_get_string(json_at(second, "devices.0.note")),
				       "; end who has it, then run vfiobind repair again"));

		close(release);
		assert_int_equal(beside_end(pid), 0);
		done = RUN_EXPECTING(0, "vfiobind", "repair", "--json");
		third = json_of(&done);
		assert_json_text(third, "devices.0.outcome", "finished");
		assert_device(NIC, "e1000e", "(null)");
	}
}

static const struct CMUnitTest cdev_tests[] = {
	SCENARIO(a_device_that_is_open_is_waited_for_and_then_its_holder_named),
};

static const struct CMUnitTest e1000e_tests[] = {
	SCENARIO(detach_ends_whichever_step_is_held),
	SCENARIO(reattach_ends_whichever_step_is_held),
	SCENARIO(reset_ends_whichever_step_is_held),
	SCENARIO(what_was_held_is_finished_by_the_kernel),
	SCENARIO(show_ends_when_an_attribute_is_held),
	SCENARIO(explain_and_detach_end_when_the_modalias_is_held),
	SCENARIO(an_undo_that_is_held_is_pending_until_repaired),
	SCENARIO(a_repair_that_is_held_is_pending_until_the_next),
	SCENARIO(a_repair_that_cannot_look_leaves_it_to_the_next),
};

SCENARIO_MAIN(SUITE("e1000e", e1000e_tests), SUITE("e1000e-cdev", cdev_tests))
