/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What libvirt's virhostdevtest asks of its lists of devices, asked of the library, on the machine that its mock has.
 * Upstream's list of active devices is those that a domain uses here, its list of inactive ones those that are detached
 * and that none uses. Each case starts from a reset.
 */
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The cases, in upstream's order: the tests that do it, or what is not asked here. */
static const struct {
	const char *name, *test, *lacking;
} upstream_cases[] = {
	{"RoundtripNoGuest", .test = "a_round_trip_without_a_guest"},
	{"RoundtripUnmanaged", .test = "a_round_trip_of_unmanaged_devices"},
	{"RoundtripManaged", .test = "a_round_trip_of_managed_devices"},
	{"RoundtripMixed", .test = "managed_devices_that_were_detached_before_stay_so"},
	{"Other: reset", .lacking = "a reset by hand of what host drivers have"},
	{"Other: UpdateActive", .lacking = "lists that a daemon loses when it starts anew: they are files here"},
	{"NVMeDiskRoundtrip", .test = "a_round_trip_of_nvme_disks"},
	{"NVMeDiskRoundtrip, the unmanaged disk", .test = "an_unmanaged_nvme_disk_is_not_taken_from_its_driver"},
};

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

static struct vfiobind_hostdev hostdev_of(const char *text, bool managed)
{
	struct vfiobind_hostdev hostdev = VFIOBIND_HOSTDEV_INIT;

	assert_return_code(vfiobind_address_parse(text, &hostdev.address), 0);
	hostdev.managed = managed;
	return hostdev;
}

/* ---- the lists ---- */

static void assert_lists(size_t n_active, size_t n_inactive)
{
	struct vfiobind_address *addresses;
	size_t n, active = 0, inactive = 0;

	assert_return_code(vfiobind_device_list(context, &addresses, &n, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		struct vfiobind_device *device;

		assert_return_code(vfiobind_device_read(context, &addresses[i], &device, NULL), 0);
		active += device->domain != NULL;
		inactive += !device->domain && device->detached;
		vfiobind_device_free(device);
	}
	free(addresses);
	assert_int_equal(active, n_active);
	assert_int_equal(inactive, n_inactive);
}

/* ---- what upstream calls nodedev and hostdev ---- */

static const char *const three[] = {"0000:00:01.0", "0000:00:02.0", "0000:00:03.0"};

static void detach_three(void)
{
	struct vfiobind_detach_options options = VFIOBIND_DETACH_OPTIONS_INIT;

	options.driver = "vfio-pci";
	for (size_t i = 0; i < ARRAY_SIZE(three); i++) {
		struct vfiobind_hostdev hostdev = hostdev_of(three[i], false);

		assert_return_code(vfiobind_device_detach(context, &hostdev.address, 1, &options, NULL, NULL), 0);
		assert_lists(0, i + 1);
	}
}

static void reattach_three(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(three); i++) {
		struct vfiobind_hostdev hostdev = hostdev_of(three[i], false);

		assert_return_code(vfiobind_device_reattach(context, &hostdev.address, 1, NULL, NULL, NULL), 0);
		assert_lists(0, ARRAY_SIZE(three) - 1 - i);
	}
}

typedef int function(struct vfiobind_context *context, const struct vfiobind_hostdev *devices, size_t n,
		     const struct vfiobind_hostdev_options *options, struct vfiobind_result **ret_result,
		     struct vfiobind_error *error);

static int call_with(function *call, const char *domain, const struct vfiobind_hostdev *hostdevs, size_t n,
		     struct vfiobind_error *error)
{
	struct vfiobind_hostdev_options options = VFIOBIND_HOSTDEV_OPTIONS_INIT;

	options.domain = domain;
	return call(context, hostdevs, n, &options, NULL, error);
}

static void do_well(function *call, const char *domain, const struct vfiobind_hostdev *hostdevs, size_t n)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;

	if (call_with(call, domain, hostdevs, n, &error) < 0)
		fail_msg("%s: %s: %s", domain, vfiobind_error_code_name(error.code), error.found);
}

static void three_of(bool managed, struct vfiobind_hostdev hostdevs[static 3])
{
	for (size_t i = 0; i < ARRAY_SIZE(three); i++) {
		hostdevs[i] = hostdev_of(three[i], managed);
		hostdevs[i].driver_model = "vfio-pci";
	}
}

/* Upstream asks for each pair of driver and domain, its own and others: a name is all that a domain has here. */
static void assert_taken(const struct vfiobind_hostdev *hostdevs, size_t n)
{
	static const char *const domains[] = {"test_hostdev", "test_hostdev2"};

	for (size_t i = 0; i < ARRAY_SIZE(domains); i++) {
		struct vfiobind_error error = VFIOBIND_ERROR_INIT;

		assert_int_equal(call_with(vfiobind_hostdev_prepare, domains[i], hostdevs, n, &error), -EBUSY);
		assert_int_equal(error.code, VFIOBIND_ERROR_USED_BY_DOMAIN);
		assert_string_equal(error.found, "test_hostdev");
	}
}

/* ---- the cases ---- */

static void each_case_of_upstream_is_here_or_left_out_for_a_reason(void **state);

static void a_round_trip_without_a_guest(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = snapshot_take();

	detach_three();
	reattach_three();
	assert_unchanged(before);
}

static void a_round_trip_of_unmanaged_devices(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = snapshot_take();
	struct vfiobind_hostdev hostdevs[3];

	three_of(false, hostdevs);
	detach_three();
	do_well(vfiobind_hostdev_prepare, "test_hostdev", NULL, 0);
	assert_lists(0, 3);
	do_well(vfiobind_hostdev_prepare, "test_hostdev", hostdevs, 3);
	assert_lists(3, 0);
	assert_taken(hostdevs, 3);
	assert_lists(3, 0);
	do_well(vfiobind_hostdev_release, "test_hostdev", NULL, 0);
	assert_lists(3, 0);
	do_well(vfiobind_hostdev_release, "test_hostdev", hostdevs, 3);
	assert_lists(0, 3);
	reattach_three();
	assert_unchanged(before);
}

static void a_round_trip_of_managed_devices(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = snapshot_take();
	struct vfiobind_hostdev hostdevs[3];

	three_of(true, hostdevs);
	do_well(vfiobind_hostdev_prepare, "test_hostdev", hostdevs, 3);
	assert_lists(3, 0);
	assert_taken(hostdevs, 3);
	do_well(vfiobind_hostdev_release, "test_hostdev", NULL, 0);
	assert_lists(3, 0);
	do_well(vfiobind_hostdev_release, "test_hostdev", hostdevs, 3);
	assert_lists(0, 0);
	assert_unchanged(before);
}

static void managed_devices_that_were_detached_before_stay_so(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = snapshot_take();
	struct vfiobind_hostdev hostdevs[3];

	three_of(true, hostdevs);
	detach_three();
	do_well(vfiobind_hostdev_prepare, "test_hostdev", hostdevs, 3);
	assert_lists(3, 0);
	assert_taken(hostdevs, 3);
	do_well(vfiobind_hostdev_release, "test_hostdev", hostdevs, 3);
	assert_lists(0, 3);
	reattach_three();
	assert_unchanged(before);
}

/* ---- NVMe: namespaces of one controller are one device ---- */

#define CONTROLLER "0000:01:00.0"
#define OTHER_CONTROLLER "0000:02:00.0"

static struct vfiobind_hostdev controller(const char *text, bool managed)
{
	struct vfiobind_hostdev hostdev = hostdev_of(text, managed);

	hostdev.kind = VFIOBIND_HOSTDEV_KIND_NVME;
	return hostdev;
}

/* Upstream takes the unmanaged one too. */
static void an_unmanaged_nvme_disk_is_not_taken_from_its_driver(void **state)
{
	const struct vfiobind_hostdev disks[] = {controller(CONTROLLER, true), controller(OTHER_CONTROLLER, false)};
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;

	trace_clear();
	assert_int_equal(call_with(vfiobind_hostdev_prepare, "test_hostdev", disks, 2, &error), -EPERM);
	assert_int_equal(error.code, VFIOBIND_ERROR_NOT_DETACHED);
	assert_string_equal(error.found, "nvme, which is no VFIO driver");
	assert_nothing_written();
	assert_lists(0, 0);
}

static void a_round_trip_of_nvme_disks(void **state)
{
	const struct vfiobind_hostdev disks[] = {controller(CONTROLLER, true), controller(OTHER_CONTROLLER, false)};
	struct vfiobind_detach_options options = VFIOBIND_DETACH_OPTIONS_INIT;

	options.driver = "vfio-pci";
	assert_return_code(vfiobind_device_detach(context, &disks[1].address, 1, &options, NULL, NULL), 0);
	assert_lists(0, 1);
	do_well(vfiobind_hostdev_prepare, "test_hostdev", disks, 2);
	assert_lists(2, 0);
	assert_device(CONTROLLER, "vfio-pci", "vfio-pci");
	do_well(vfiobind_hostdev_release, "test_hostdev", &disks[1], 1);
	assert_lists(1, 1);
	do_well(vfiobind_hostdev_release, "test_hostdev", &disks[0], 1);
	assert_lists(0, 1);
	assert_device(CONTROLLER, "nvme", "(null)");
	/* managed='no': it is who detached it that brings it back. */
	assert_device(OTHER_CONTROLLER, "vfio-pci", "vfio-pci");
}

/* ---- what a caller can do wrong ---- */

static void a_caller_of_an_older_library_is_understood(void **state)
{
	/* Without the drivers. */
	struct {
		size_t size;
		struct vfiobind_address address;
		enum vfiobind_hostdev_kind kind;
		bool managed;
	} old[2];
	struct vfiobind_hostdev hostdev;

	_Static_assert(offsetof(struct vfiobind_hostdev, driver_name) <= sizeof(old[0]), "the members are the first");
	for (size_t i = 0; i < ARRAY_SIZE(old); i++) {
		hostdev = hostdev_of(three[i], true);
		memcpy(&old[i], &hostdev, sizeof(old[i]));
		old[i].size = sizeof(old[i]);
	}
	do_well(vfiobind_hostdev_prepare, "web", (const struct vfiobind_hostdev *)old, ARRAY_SIZE(old));
	assert_lists(2, 0);
	do_well(vfiobind_hostdev_release, "web", (const struct vfiobind_hostdev *)old, ARRAY_SIZE(old));
	assert_lists(0, 0);
}

static void what_makes_no_sense_is_an_invalid_argument(void **state)
{
	const struct vfiobind_hostdev twice[] = {hostdev_of(three[0], true), hostdev_of(three[0], true)};
	struct vfiobind_hostdev named = hostdev_of(three[0], true), small = named;
	const struct {
		const char *domain;
		const struct vfiobind_hostdev *devices;
		size_t n;
	} cases[] = {
		{"web", twice, 2},  {"web", NULL, 1},   {NULL, twice, 1},   {"", twice, 1},
		{"a\tb", twice, 1}, {"web", &named, 1}, {"web", &small, 1},
	};

	named.driver_name = "vfio-pci";
	small.size = offsetof(struct vfiobind_hostdev, managed);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vfiobind_error error = VFIOBIND_ERROR_INIT;

		assert_int_equal(
			call_with(vfiobind_hostdev_prepare, cases[i].domain, cases[i].devices, cases[i].n, &error),
			-EINVAL);
		assert_int_equal(error.code, VFIOBIND_ERROR_INVALID_ARGUMENT);
		assert_int_equal(
			call_with(vfiobind_hostdev_release, cases[i].domain, cases[i].devices, cases[i].n, NULL),
			-EINVAL);
	}
	assert_int_equal(vfiobind_hostdev_prepare(NULL, twice, 1, NULL, NULL, NULL), -EINVAL);
	assert_int_equal(vfiobind_hostdev_prepare(context, twice, 1, NULL, NULL, NULL), -EINVAL);
	assert_nothing_written();
	assert_lists(0, 0);
}

static const struct CMUnitTest virpcitest_tests[] = {
	cmocka_unit_test(each_case_of_upstream_is_here_or_left_out_for_a_reason),
	LIBRARY_SCENARIO(a_round_trip_without_a_guest),
	LIBRARY_SCENARIO(a_round_trip_of_unmanaged_devices),
	LIBRARY_SCENARIO(a_round_trip_of_managed_devices),
	LIBRARY_SCENARIO(managed_devices_that_were_detached_before_stay_so),
	LIBRARY_SCENARIO(an_unmanaged_nvme_disk_is_not_taken_from_its_driver),
	LIBRARY_SCENARIO(a_round_trip_of_nvme_disks),
	LIBRARY_SCENARIO(a_caller_of_an_older_library_is_understood),
	LIBRARY_SCENARIO(what_makes_no_sense_is_an_invalid_argument),
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
