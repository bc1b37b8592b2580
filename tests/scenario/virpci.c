/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What libvirt's virpcitest asks of its own PCI code, asked of the library, on the machine that its mock has. Upstream's
 * cases follow each other on one state; here each builds its own.
 */
#include "harness.h"

#include <string.h>

/* The cases, in upstream's order: the test that does it, or what the library has not got for it. */
static const struct {
	const char *name, *test, *lacking;
} upstream_cases[] = {
	{"new 0000:00:00.0", .test = "a_device_is_found_by_its_address"},
	{"detach 00:01.0, 02.0, 03.0", .test = "detach_takes_three_devices_one_after_the_other"},
	{"reset of these", .lacking = "a reset of its own (virPCIDeviceReset)"},
	{"reattach of these", .test = "reattach_gives_three_devices_back"},
	{"0005:90:01.0 is assignable", .lacking = "the check of ACS (virPCIDeviceIsAssignable)"},
	{"0001:01:00.0 is assignable", .lacking = "the check of ACS (virPCIDeviceIsAssignable)"},
	{"0a:01.0 is on i915", .test = "reattach_of_a_device_on_its_host_driver_leaves_it_there"},
	{"reattach 0a:01.0", .test = "reattach_of_a_device_on_its_host_driver_leaves_it_there"},
	{"0a:01.0 is still on i915", .test = "reattach_of_a_device_on_its_host_driver_leaves_it_there"},
	{"unbind 0a:01.0", .test = "an_unbound_device_is_given_to_its_host_driver"},
	{"0a:01.0 is on none", .test = "an_unbound_device_is_given_to_its_host_driver"},
	{"reattach 0a:01.0", .test = "an_unbound_device_is_given_to_its_host_driver"},
	{"0a:01.0 is on i915 again", .test = "an_unbound_device_is_given_to_its_host_driver"},
	{"0a:02.0 is on none", .test = "detach_takes_a_device_that_no_driver_knows"},
	{"detach 0a:02.0", .test = "detach_takes_a_device_that_no_driver_knows"},
	{"0a:02.0 is on vfio-pci", .test = "detach_takes_a_device_that_no_driver_knows"},
	{"0a:03.0 is on none", .test = "reattach_of_a_device_that_no_driver_knows_changes_nothing"},
	{"reattach 0a:03.0", .test = "reattach_of_a_device_that_no_driver_knows_changes_nothing"},
	{"0a:03.0 is still on none", .test = "reattach_of_a_device_that_no_driver_knows_changes_nothing"},
	{"VPD of 0000:03:00.0", .lacking = "vital product data (virPCIDeviceGetVPD)"},
};

/* ---- through the library ---- */

static struct vfiobind_context *context;

static int open_context(void **state)
{
	machine_reset(state);
	return vfiobind_context_new(&context);
}

static int close_context(void **state)
{
	vfiobind_context_free(context);
	return 0;
}

#define LIBRARY_SCENARIO(function) cmocka_unit_test_setup_teardown(function, open_context, close_context)

static struct vfiobind_address address_of(const char *text)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_address address;

	if (vfiobind_device_find(context, text, &address, &error) < 0)
		fail_msg("%s: %s", text, vfiobind_error_code_name(error.code));
	return address;
}

static void assert_driver(const char *device, const char *driver, enum vfiobind_driver_type type)
{
	struct vfiobind_address address = address_of(device);
	struct vfiobind_device *read;

	assert_return_code(vfiobind_device_read(context, &address, &read, NULL), 0);
	assert_string_equal(read->driver ? read->driver : "(none)", driver ? driver : "(none)");
	assert_int_equal(read->driver_type, type);
	vfiobind_device_free(read);
}

static void detach(const char *device, bool changes)
{
	struct vfiobind_address address = address_of(device);
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_detach_options options = VFIOBIND_DETACH_OPTIONS_INIT;
	struct vfiobind_result *result;

	options.driver = "vfio-pci";
	options.force = true; /* libvirt does not look at the rest of the group */
	if (vfiobind_device_detach(context, &address, 1, &options, &result, &error) < 0)
		fail_msg("%s: %s: %s", device, vfiobind_error_code_name(error.code), error.operation);
	assert_int_equal(result->n_devices, 1);
	assert_int_equal(result->devices[0]->changed, changes);
	assert_string_equal(result->devices[0]->to, "vfio-pci");
	assert_false(result->devices[0]->variant);
	vfiobind_result_free(result);
	assert_driver(device, "vfio-pci", VFIOBIND_DRIVER_TYPE_VFIO);
}

static void reattach(const char *device, bool changes)
{
	struct vfiobind_address address = address_of(device);
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_result *result;

	if (vfiobind_device_reattach(context, &address, 1, NULL, &result, &error) < 0)
		fail_msg("%s: %s: %s", device, vfiobind_error_code_name(error.code), error.operation);
	assert_int_equal(result->n_devices, 1);
	assert_int_equal(result->devices[0]->changed, changes);
	vfiobind_result_free(result);
}

/* ---- the cases ---- */

static void each_case_of_upstream_is_here_or_left_out_for_a_reason(void **state);

static void a_device_is_found_by_its_address(void **state)
{
	struct vfiobind_address address = address_of("0000:00:00.0");
	char text[VFIOBIND_ADDRESS_SIZE];
	struct vfiobind_device *device;

	assert_return_code(vfiobind_address_format(&address, text, sizeof(text)), 0);
	assert_string_equal(text, "0000:00:00.0");
	assert_return_code(vfiobind_device_read(context, &address, &device, NULL), 0);
	assert_int_equal(device->vendor, 0x8086);
	assert_int_equal(device->device, 0x0044);
	vfiobind_device_free(device);
}

static const struct {
	const char *address, *host_driver;
} three[] = {
	{"0000:00:01.0", "iwlwifi"},
	{"0000:00:02.0", "i915"},
	{"0000:00:03.0", NULL},
};

static void detach_takes_three_devices_one_after_the_other(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(three); i++) {
		detach(three[i].address, true);
		/* And those before it still are. */
		for (size_t j = 0; j <= i; j++)
			assert_device(three[j].address, "vfio-pci", "vfio-pci");
		for (size_t j = i + 1; j < ARRAY_SIZE(three); j++)
			assert_device(three[j].address, three[j].host_driver, "(null)");
	}
	for (size_t i = 0; i < ARRAY_SIZE(three); i++)
		detach(three[i].address, false);
}

/* Upstream leaves them on vfio-pci: it only takes them off its list. Here they go home. */
static void reattach_gives_three_devices_back(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = snapshot_take();

	for (size_t i = 0; i < ARRAY_SIZE(three); i++)
		detach(three[i].address, true);
	for (size_t i = 0; i < ARRAY_SIZE(three); i++) {
		reattach(three[i].address, true);
		assert_device(three[i].address, three[i].host_driver, "(null)");
	}
	assert_unchanged(before);
}

/* Upstream takes it away from i915 and gives it back: a display that goes dark for nothing. */
static void reattach_of_a_device_on_its_host_driver_leaves_it_there(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = snapshot_take();

	assert_driver("0000:0a:01.0", "i915", VFIOBIND_DRIVER_TYPE_HOST);
	trace_clear();
	reattach("0000:0a:01.0", false);
	assert_nothing_written();
	assert_driver("0000:0a:01.0", "i915", VFIOBIND_DRIVER_TYPE_HOST);
	assert_unchanged(before);
}

/* As upstream: what is on no driver is nobody's, and who names it wants it on one. What is on one then stays as it is. */
static void an_unbound_device_is_given_to_its_host_driver(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = snapshot_take();

	write_file("/sys/bus/pci/drivers/i915/unbind", "0000:0a:01.0");
	assert_driver("0000:0a:01.0", NULL, VFIOBIND_DRIVER_TYPE_NONE);
	trace_clear();
	reattach("0000:0a:01.0", true);
	assert_int_equal(TRACE_COUNT(" sys.write "), 1);
	assert_driver("0000:0a:01.0", "i915", VFIOBIND_DRIVER_TYPE_HOST);
	assert_unchanged(before);
	trace_clear();
	reattach("0000:0a:01.0", false);
	assert_nothing_written();
	assert_unchanged(before);
}

static void an_unbound_device_that_was_detached_is_given_to_its_host_driver(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = snapshot_take();

	detach("0000:0a:01.0", true);
	write_file("/sys/bus/pci/drivers/vfio-pci/unbind", "0000:0a:01.0");
	assert_driver("0000:0a:01.0", NULL, VFIOBIND_DRIVER_TYPE_NONE);
	reattach("0000:0a:01.0", true);
	assert_driver("0000:0a:01.0", "i915", VFIOBIND_DRIVER_TYPE_HOST);
	assert_unchanged(before);
}

/* Nobody has asked for it. */
static void an_unbound_device_of_a_group_that_is_reattached_is_left_alone(void **state)
{
	write_file("/sys/bus/pci/drivers/i915/unbind", "0000:0a:01.0");
	RUN_WELL("vfiobind", "detach", "0000:0a:02.0", "--driver", "vfio-pci");
	trace_clear();
	RUN_WELL("vfiobind", "reattach", "0000:0a:02.0", "--group");
	if (!on_real_kernel())
		assert_int_equal(TRACE_COUNT(" sys.write ", "drivers_probe"), 0);
	assert_driver("0000:0a:01.0", NULL, VFIOBIND_DRIVER_TYPE_NONE);
	assert_driver("0000:0a:02.0", NULL, VFIOBIND_DRIVER_TYPE_NONE);
}

static void detach_takes_a_device_that_no_driver_knows(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = snapshot_take();

	assert_driver("0000:0a:02.0", NULL, VFIOBIND_DRIVER_TYPE_NONE);
	detach("0000:0a:02.0", true);
	reattach("0000:0a:02.0", true);
	assert_driver("0000:0a:02.0", NULL, VFIOBIND_DRIVER_TYPE_NONE);
	assert_unchanged(before);
}

static void reattach_of_a_device_that_no_driver_knows_changes_nothing(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = snapshot_take();
	_cleanup_output_ struct output output = {.out = NULL};

	assert_driver("0000:0a:03.0", NULL, VFIOBIND_DRIVER_TYPE_NONE);
	reattach("0000:0a:03.0", true);
	assert_driver("0000:0a:03.0", NULL, VFIOBIND_DRIVER_TYPE_NONE);
	output = RUN_EXPECTING(0, "vfiobind", "reattach", "0000:0a:03.0");
	assert_string_equal(output.out, "0000:0a:03.0: no driver -> no driver\n");
	assert_non_null(strstr(output.err,
			       "0000:0a:03.0: warning: no host driver took it: no module that may be loaded "
			       "here knows it: pci:v00008386d00000048sv"));
	assert_unchanged(before);
}

/* ---- not upstream's: more devices, and groups of several ---- */

static void detach_of_several_devices_takes_all_in_their_order(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = snapshot_take();
	_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "detach", "0000:00:02.0", "0000:00:01.0",
							      "0000:00:02.0", "--driver", "vfio-pci", "--json");
	_cleanup_json_ struct json_object *document = json_of(&output);

	assert_int_equal(json_object_array_length(json_at(document, "devices")), 2);
	assert_json_text(document, "devices.0.address", "0000:00:02.0");
	assert_json_text(document, "devices.1.address", "0000:00:01.0");
	assert_device("0000:00:02.0", "vfio-pci", "vfio-pci");
	assert_device("0000:00:01.0", "vfio-pci", "vfio-pci");
	RUN_WELL("vfiobind", "reattach", "0000:00:01.0", "0000:00:02.0");
	assert_unchanged(before);
}

static void detach_of_several_devices_takes_none_when_one_fails(void **state)
{
	static const char *const devices[] = {"0000:00:01.0", "0000:00:02.0", "0000:00:03.0"};

	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		_cleanup_snapshot_ struct snapshot *before = snapshot_take();

		add_fault("dd.probe driver=vfio-pci device=%s fail=EBUSY", devices[i]);
		ASSERT_FAILS(1, "probe-busy", "restored", "detach", devices[0], devices[1], devices[2], "--driver",
			     "vfio-pci");
		assert_true(fault_fired("dd.probe") > 0);
		clear_faults();
		assert_unchanged(before);
	}
}

static void reattach_of_several_devices_gives_none_back_when_one_fails(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = NULL;

	RUN_WELL("vfiobind", "detach", "0000:00:01.0", "0000:00:02.0", "--driver", "vfio-pci");
	before = snapshot_take();
	add_fault("sys.write path=*/0000:00:02.0/driver_override times=1 fail=EIO");
	ASSERT_FAILS(1, "override-failed", "restored", "reattach", "0000:00:01.0", "0000:00:02.0");
	assert_true(fault_fired("sys.write") > 0);
	clear_faults();
	assert_unchanged(before);
}

static void a_group_is_viable_when_none_of_it_is_on_a_host_driver(void **state)
{
	_cleanup_output_ struct output shared = {.out = NULL}, whole = {.out = NULL}, output = {.out = NULL};
	_cleanup_json_ struct json_object *before = NULL, *after = NULL;

	/* 0a:01.0 is on i915, the other two of the group on nothing. */
	ASSERT_FAILS(3, "group-in-use", "untouched", "detach", "0000:0a:02.0");
	output = RUN_EXPECTING(0, "vfiobind", "detach", "0000:0a:02.0", "--driver", "vfio-pci", "--force");
	assert_non_null(strstr(output.err, "0000:0a:01.0"));
	shared = RUN_EXPECTING(0, "vfiobind", "show", "0000:0a:02.0", "--json");
	before = json_of(&shared);
	assert_int_equal(json_object_array_length(json_at(before, "group_devices")), 3);
	assert_json_bool(before, "group_viable", false);
	assert_json_text(before, "group_blockers.0.address", "0000:0a:01.0");
	assert_int_equal(json_object_array_length(json_at(before, "group_blockers")), 1);

	write_file("/sys/bus/pci/drivers/i915/unbind", "0000:0a:01.0");
	whole = RUN_EXPECTING(0, "vfiobind", "show", "0000:0a:02.0", "--json");
	after = json_of(&whole);
	assert_json_bool(after, "group_viable", true);
	assert_int_equal(json_object_array_length(json_at(after, "group_blockers")), 0);
}

static void group_takes_the_whole_group_and_gives_it_back(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = snapshot_take();
	_cleanup_output_ struct output output =
		RUN_EXPECTING(0, "vfiobind", "detach", "0000:0a:02.0", "--group", "--driver", "vfio-pci", "--json");
	_cleanup_json_ struct json_object *document = json_of(&output);

	assert_int_equal(json_object_array_length(json_at(document, "devices")), 3);
	assert_json_text(document, "devices.0.address", "0000:0a:02.0");
	assert_device("0000:0a:01.0", "vfio-pci", "vfio-pci");
	assert_device("0000:0a:02.0", "vfio-pci", "vfio-pci");
	assert_device("0000:0a:03.0", "vfio-pci", "vfio-pci");
	RUN_WELL("vfiobind", "reattach", "--group", "0000:0a:03.0");
	assert_device("0000:0a:01.0", "i915", "(null)");
	assert_unchanged(before);
}

static void a_group_is_taken_whole_or_not_at_all(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = snapshot_take();

	add_fault("dd.probe driver=vfio-pci device=0000:0a:03.0 fail=EINVAL");
	ASSERT_FAILS(1, "probe-invalid", "restored", "detach", "--group", "0000:0a:01.0", "--driver", "vfio-pci");
	assert_true(fault_fired("dd.probe") > 0);
	clear_faults();
	assert_unchanged(before);
}

static const struct CMUnitTest virpcitest_tests[] = {
	cmocka_unit_test(each_case_of_upstream_is_here_or_left_out_for_a_reason),
	LIBRARY_SCENARIO(a_device_is_found_by_its_address),
	LIBRARY_SCENARIO(detach_takes_three_devices_one_after_the_other),
	LIBRARY_SCENARIO(reattach_gives_three_devices_back),
	LIBRARY_SCENARIO(reattach_of_a_device_on_its_host_driver_leaves_it_there),
	LIBRARY_SCENARIO(an_unbound_device_that_was_detached_is_given_to_its_host_driver),
	LIBRARY_SCENARIO(an_unbound_device_is_given_to_its_host_driver),
	LIBRARY_SCENARIO(an_unbound_device_of_a_group_that_is_reattached_is_left_alone),
	LIBRARY_SCENARIO(detach_takes_a_device_that_no_driver_knows),
	LIBRARY_SCENARIO(reattach_of_a_device_that_no_driver_knows_changes_nothing),
	SCENARIO(detach_of_several_devices_takes_all_in_their_order),
	SCENARIO(detach_of_several_devices_takes_none_when_one_fails),
	SCENARIO(reattach_of_several_devices_gives_none_back_when_one_fails),
	SCENARIO(a_group_is_viable_when_none_of_it_is_on_a_host_driver),
	SCENARIO(group_takes_the_whole_group_and_gives_it_back),
	SCENARIO(a_group_is_taken_whole_or_not_at_all),
};

static bool is_test(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(virpcitest_tests); i++)
		if (strcmp(virpcitest_tests[i].name, name) == 0)
			return true;
	return false;
}

static void each_case_of_upstream_is_here_or_left_out_for_a_reason(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(upstream_cases); i++) {
		if (!upstream_cases[i].test == !upstream_cases[i].lacking)
			fail_msg("%s: neither or both", upstream_cases[i].name);
		if (upstream_cases[i].test && !is_test(upstream_cases[i].test))
			fail_msg("%s: no test %s", upstream_cases[i].name, upstream_cases[i].test);
	}
}

SCENARIO_MAIN(SUITE("virpcitest", virpcitest_tests))
