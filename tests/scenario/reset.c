/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Resetting a device that nobody uses, by any method or by one alone. */
#include "beside.h"
#include "harness.h"
#include "steps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Of the machine e1000e. Its methods are "pm bus". */
#define PORT "0000:00:1d.0"
#define NIC "0000:03:00.0"
#define METHODS DEVICES "/" NIC "/reset_method"
#define DRIVER "vfio-pci-e1000e"
/* Of the machine two-vfs. */
#define PF "0000:04:00.0"

static void detach(void)
{
	RUN_WELL("vfiobind", "detach", NIC, "--driver", DRIVER);
}

static void assert_methods(const char *expected)
{
	_cleanup_text_ char *methods = read_file(METHODS);

	assert_string_equal(methods, expected);
}

static void assert_no_journal(void)
{
	assert_false(exists("/run/vfiobind/journals/" NIC));
}

static void a_detached_device_is_reset_by_all_its_methods(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = NULL;
	_cleanup_output_ struct output output = {.out = NULL};

	detach();
	before = snapshot_take();
	trace_clear();
	output = RUN_EXPECTING(0, "vfiobind", "reset", NIC);
	assert_string_equal(output.out, NIC ": reset by the first that works of: pm, bus\n");
	assert_int_equal(TRACE_COUNT(" pci.reset device=" NIC " value=pm\\040bus = 0"), 1);
	assert_int_equal(TRACE_COUNT(" sys.write "), 1);
	assert_unchanged(before);
}

static void a_device_on_no_driver_is_reset(void **state)
{
	write_file("/sys/bus/pci/drivers/e1000e/unbind", NIC);
	trace_clear();
	RUN_WELL("vfiobind", "reset", NIC);
	assert_int_equal(TRACE_COUNT(" pci.reset device=" NIC), 1);
}

static void a_method_alone_is_chosen_for_the_time(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = NULL;
	_cleanup_output_ struct output output = {.out = NULL}, text = {.out = NULL};
	_cleanup_json_ struct json_object *document = NULL;

	detach();
	before = snapshot_take();
	text = RUN_EXPECTING(0, "vfiobind", "reset", NIC, "--method", "bus");
	assert_string_equal(text.out, NIC ": reset by bus\n");
	trace_clear();
	output = RUN_EXPECTING(0, "vfiobind", "reset", NIC, "--method", "bus", "--json");
	document = json_of(&output);
	assert_json_text(document, "device", NIC);
	assert_json_text(document, "methods.0", "bus");
	assert_int_equal(json_object_array_length(json_at(document, "methods")), 1);
	assert_int_equal(json_object_array_length(json_at(document, "warnings")), 0);
	assert_int_equal(TRACE_COUNT(" pci.reset device=" NIC " value=bus = 0"), 1);
	assert_methods("pm bus\n");
	assert_unchanged(before);
	assert_no_journal();
}

/* The administrator has turned all of them off, but asks for one. */
static void a_method_is_chosen_where_all_are_off(void **state)
{
	detach();
	write_file(METHODS, "\n");
	ASSERT_FAILS(3, "no-reset-method", "untouched", "reset", NIC);
	trace_clear();
	RUN_WELL("vfiobind", "reset", NIC, "--method", "pm");
	assert_int_equal(TRACE_COUNT(" pci.reset device=" NIC " value=pm = 0"), 1);
	assert_methods("");
}

/* The kernel says so of a store that changes nothing: it is as good as not made. */
static void a_method_that_the_device_does_not_have_is_refused(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = NULL;
	_cleanup_output_ struct output output = {.out = NULL};

	detach();
	before = snapshot_take();
	trace_clear();
	ASSERT_FAILS(3, "reset-method-refused", "untouched", "reset", NIC, "--method", "flr");
	ASSERT_FAILS(3, "reset-method-refused", "untouched", "reset", NIC, "--method", "foo");
	assert_int_equal(TRACE_COUNT(" pci.reset device=" NIC " value=pm"), 0);
	output = RUN_EXPECTING(3, "vfiobind", "reset", NIC, "--method", "foo");
	assert_string_equal(output.err, "vfiobind: " NIC ": cannot reset by foo: it has no such reset method [" METHODS
					"]; reset_method names those that it has: pm bus\n");
	assert_unchanged(before);
	assert_no_journal();
}

static void what_is_no_method_is_wrong_use(void **state)
{
	static const char *const names[] = {
		"", "default", "pm bus", "\n", "PM", "../x", "a_method_with_a_name_that_is_far_too_long"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		ASSERT_FAILS(2, "invalid-argument", "untouched", "reset", NIC, "--method", names[i]);
	ASSERT_FAILS(2, "invalid-argument", "untouched", "reset");
	ASSERT_FAILS(2, "invalid-argument", "untouched", "reset", NIC, PORT);
	assert_nothing_written();
}

static void a_device_on_its_host_driver_is_refused(void **state)
{
	_cleanup_output_ struct output output = {.out = NULL};

	ASSERT_FAILS(3, "driver-bound", "untouched", "reset", NIC);
	assert_nothing_written();
	output = RUN_EXPECTING(0, "vfiobind", "reset", NIC, "--force");
	assert_string_equal(output.err, "vfiobind: " NIC ": warning: a driver has it: e1000e\n");
	assert_int_equal(TRACE_COUNT(" pci.reset device=" NIC), 1);
}

static void a_bridge_is_refused(void **state)
{
	ASSERT_FAILS(3, "not-endpoint", "untouched", "reset", PORT);
	ASSERT_FAILS(3, "not-endpoint", "untouched", "reset", PORT, "--force");
	assert_nothing_written();
}

static void a_device_that_somebody_has_open_is_refused(void **state)
{
	int fd;

	detach();
	fd = open("/dev/vfio/14", O_RDWR | O_CLOEXEC);
	assert_return_code(fd, errno);
	trace_clear();
	ASSERT_FAILS(3, "vfio-in-use", "untouched", "reset", NIC);
	assert_nothing_written();
	RUN_WELL("vfiobind", "reset", NIC, "--force");
	close(fd);
	RUN_WELL("vfiobind", "reset", NIC);
}

static void a_reset_that_the_kernel_refuses_is_told(void **state)
{
	detach();
	add_fault("pci.reset device=" NIC " fail=ENOTTY");
	ASSERT_FAILS(1, "reset-failed", "restored", "reset", NIC, "--method", "bus");
	clear_faults();
	add_fault("pci.reset device=" NIC " fail=EAGAIN");
	ASSERT_FAILS(1, "reset-failed", "restored", "reset", NIC, "--method", "bus");
	clear_faults();
	assert_methods("pm bus\n");
	assert_no_journal();
}

/* Whoever wrote it meanwhile wants it so. */
static void methods_that_another_process_has_changed_meanwhile_are_left_alone(void **state)
{
	static const char *const command[] = {"vfiobind", "reset", NIC, "--method", "bus", NULL};
	pid_t pid;

	detach();
	add_fault("pci.reset device=" NIC " hold");
	pid = beside_start(command);
	beside_wait_held("pci.reset");
	write_file(METHODS, "pm");
	beside_release_all();
	assert_int_equal(beside_end(pid), 5);
	assert_methods("pm\n");
	ASSERT_FAILS(3, "repair-needed", "untouched", "reset", NIC);
	{
		_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "repair", "--json");
		_cleanup_json_ struct json_object *document = json_of(&output);

		assert_json_text(document, "devices.0.operation", "reset");
		assert_json_text(document, "devices.0.outcome", "left");
	}
	assert_methods("pm\n");
	RUN_WELL("vfiobind", "reset", NIC);
}

/* What made the reset fail stays the cause. */
static void methods_that_cannot_be_put_back_are_told(void **state)
{
	static const struct {
		const char *rules, *code;
	} cases[] = {
		{"sys.write path=*/reset_method after=1 fail=EIO", "reset-method-kept"},
		{"sys.read path=*/reset_method after=1 fail=EIO", "reset-method-kept"},
		{"sys.write path=*/reset_method after=1 fail=EIO\npci.reset device=" NIC " fail=ENOTTY",
		 "reset-failed"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		machine_reset(NULL);
		detach();
		add_fault("%s", cases[i].rules);
		ASSERT_FAILS(5, cases[i].code, "broken", "reset", NIC, "--method", "bus");
		clear_faults();
		assert_methods("bus\n");
		RUN_WELL("vfiobind", "repair");
		assert_methods("pm bus\n");
		assert_no_journal();
	}
}

/* A second try, as of all that is stored to undo. */
static void methods_are_read_again_when_they_cannot_be_read_once(void **state)
{
	detach();
	add_fault("sys.read path=*/reset_method after=1 times=1 fail=EIO");
	RUN_WELL("vfiobind", "reset", NIC, "--method", "bus");
	assert_int_equal(fault_fired("sys.read"), 1);
	assert_methods("pm bus\n");
}

static void methods_that_are_not_put_back_in_time_are_told_pending(void **state)
{
	detach();
	add_fault("sys.write path=*/reset_method after=1 hold times=1");
	ASSERT_FAILS(4, "timed-out", "pending", "reset", NIC, "--method", "bus", ENOUGH);
	assert_methods("bus\n");
	assert_true(beside_release_all());
	RUN_WELL("vfiobind", "repair");
	assert_methods("pm bus\n");
	assert_no_journal();
}

/* There is nothing that a repair would have to put back. */
static void a_reset_by_any_method_that_does_not_end_needs_no_repair(void **state)
{
	detach();
	add_fault("pci.reset device=" NIC " hold");
	{
		_cleanup_output_ struct output output = RUN_EXPECTING(4, "vfiobind", "reset", NIC, ENOUGH, "--json");
		_cleanup_json_ struct json_object *document = json_of(&output);

		assert_json_text(document, "error.code", "timed-out");
		assert_json_text(document, "error.hint", "see dmesg");
		assert_json_text(document, "state", "pending");
	}
	assert_no_journal();
	assert_true(beside_release_all());
	RUN_WELL("vfiobind", "reset", NIC);
}

/* The kernel has the reset; what it still has to be told is written down. */
static void what_a_time_out_has_left_is_put_back_by_a_repair(void **state)
{
	detach();
	add_fault("pci.reset device=" NIC " hold");
	ASSERT_FAILS(4, "timed-out", "pending", "reset", NIC, "--method", "bus", "--timeout", "1");
	assert_methods("bus\n");
	{
		_cleanup_output_ struct output output =
			RUN_EXPECTING(4, "vfiobind", "repair", "--json", "--timeout", "0.1");
		_cleanup_json_ struct json_object *document = json_of(&output);

		assert_json_text(document, "devices.0.outcome", "pending");
	}
	beside_release_all();
	{
		_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "repair", "--json");
		_cleanup_json_ struct json_object *document = json_of(&output);

		assert_json_text(document, "devices.0.operation", "reset");
		assert_json_text(document, "devices.0.outcome", "undone");
	}
	assert_methods("pm bus\n");
}

static void a_reset_that_is_killed_at_any_step_is_repaired(void **state)
{
	static const char *const command[] = {"vfiobind", "reset", NIC, "--method", "bus", NULL};
	size_t n = 0, stride = under_valgrind() ? 5 : 1;
	_cleanup_(steps_free) struct steps steps;

	detach();
	trace_clear();
	run_well(command);
	steps_read(&steps);
	for (size_t i = 0; i < steps.n; i += stride) {
		machine_reset(NULL);
		detach();
		trace_clear();
		if (!beside_crash_at(command, steps.rules[i]))
			continue;
		RUN_WELL("vfiobind", "repair");
		assert_methods("pm bus\n");
		assert_device(NIC, DRIVER, DRIVER);
		RUN_WELL("vfiobind", "reset", NIC);
		n++;
	}
	print_message("%zu of %zu steps\n", n, steps.n);
	assert_true(n > steps.n / stride / 2);
}

static void a_pf_with_vfs_is_refused(void **state)
{
	ASSERT_FAILS(3, "pf-has-vfs", "untouched", "reset", PF);
	assert_nothing_written();
}

/* The bus could be reset when the first function was found alone on it; since then the kernel does not take that word back. */
static void methods_that_are_none_any_more_are_not_put_back(void **state)
{
	_cleanup_text_ char *before = NULL, *after = NULL;

	write_file(DEVICES "/" PF "/sriov_numvfs", "0");
	RUN_WELL("vfiobind", "detach", PF);
	before = read_file(DEVICES "/" PF "/reset_method");
	assert_string_equal(before, "flr pm bus\n");
	assert_int_equal(try_write_file(DEVICES "/" PF "/reset_method", "flr pm bus"), -EINVAL);
	RUN_WELL("vfiobind", "reset", PF, "--method", "flr");
	after = read_file(DEVICES "/" PF "/reset_method");
	assert_string_equal(after, "flr pm\n");
	RUN_WELL("vfiobind", "reattach", PF);
}

static const struct CMUnitTest e1000e_tests[] = {
	SCENARIO(a_detached_device_is_reset_by_all_its_methods),
	SCENARIO(a_device_on_no_driver_is_reset),
	SCENARIO(a_method_alone_is_chosen_for_the_time),
	SCENARIO(a_method_is_chosen_where_all_are_off),
	SCENARIO(a_method_that_the_device_does_not_have_is_refused),
	SCENARIO(what_is_no_method_is_wrong_use),
	SCENARIO(a_device_on_its_host_driver_is_refused),
	SCENARIO(a_bridge_is_refused),
	SCENARIO(a_device_that_somebody_has_open_is_refused),
	SCENARIO(a_reset_that_the_kernel_refuses_is_told),
	SCENARIO(methods_that_another_process_has_changed_meanwhile_are_left_alone),
	SCENARIO(methods_that_cannot_be_put_back_are_told),
	SCENARIO(methods_are_read_again_when_they_cannot_be_read_once),
	SCENARIO(methods_that_are_not_put_back_in_time_are_told_pending),
	SCENARIO(a_reset_by_any_method_that_does_not_end_needs_no_repair),
	SCENARIO(what_a_time_out_has_left_is_put_back_by_a_repair),
	SCENARIO(a_reset_that_is_killed_at_any_step_is_repaired),
};

static const struct CMUnitTest two_vfs_tests[] = {
	SCENARIO(a_pf_with_vfs_is_refused),
};

static const struct CMUnitTest igb_tests[] = {
	SCENARIO(methods_that_are_none_any_more_are_not_put_back),
};

SCENARIO_MAIN(SUITE("e1000e", e1000e_tests), SUITE("two-vfs", two_vfs_tests), SUITE("igb-sriov", igb_tests))
