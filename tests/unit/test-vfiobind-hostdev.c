/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a domain gets and gives back, as far as that needs no kernel: devices that stay on their driver, what is written
 * down of them, and what others have written down, or somebody has.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tree.h"

#define OTHER "0000:04:11.6"
static const struct vfiobind_address other = {.bus = 4, .slot = 0x11, .function = 6};

/* On vfio-pci, and in group 14, as the function that is there. */
static void put_detached(const struct tree *tree, const char *address)
{
	put_device(tree, address, "vfio-pci", 14);
	put(tree, "vfio-pci\n", "sys/devices/pci0000:00/%s/driver_override", address);
	put(tree, "", "sys/devices/pci0000:00/%s/vfio-dev/vfio0/uevent", address);
}

static const struct vfiobind_hostdev unmanaged = {
	.size = sizeof(unmanaged),
	.address = {.bus = 4, .slot = 0x11, .function = 5},
};

typedef int (*hostdev_call)(struct vfiobind_context *, const struct vfiobind_hostdev *, size_t,
			    const struct vfiobind_hostdev_options *, struct vfiobind_result **,
			    struct vfiobind_error *);

struct expected {
	int result;
	enum vfiobind_error_code code;
	const char *found; /* NULL: of no interest */
};

/* For the domain "web". The first of its warnings, or "". */
static const char *check(const struct tree *tree, hostdev_call call, const struct vfiobind_hostdev *hostdev,
			 const struct expected *expected)
{
	static char warning[512];
	struct vfiobind_hostdev_options options = VFIOBIND_HOSTDEV_OPTIONS_INIT;
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_result *result = NULL;
	int r;

	options.domain = "web";
	r = call(tree->context, hostdev, 1, &options, &result, &error);
	if (r != expected->result || error.code != expected->code)
		print_error("%d %s: %s\n", r, vfiobind_error_code_name(error.code), error.found);
	assert_int_equal(r, expected->result);
	assert_int_equal(error.code, expected->code);
	assert_int_equal(error.state, VFIOBIND_STATE_UNTOUCHED);
	assert_true(!r == !!result);
	if (expected->found)
		assert_string_equal(error.found, expected->found);
	if (r < 0)
		assert_string_not_equal(error.operation, "");
	snprintf(warning, sizeof(warning), "%s",
		 result && result->devices[0]->n_warnings ? result->devices[0]->warnings[0] : "");
	vfiobind_result_free(result);
	return warning;
}

#define CHECK(call, hostdev, ...) check(tree, vfiobind_hostdev_##call, hostdev, &(const struct expected){__VA_ARGS__})

static bool is_used(const struct tree *tree, const char *address)
{
	return access(tree_path(tree, "state/devices/%s", address), F_OK) == 0;
}

/* It can be had, with this warning; and is nobody's after that. */
static void assert_free(const struct tree *tree, const char *warning)
{
	assert_string_equal(CHECK(prepare, &unmanaged, 0), warning);
	assert_true(is_used(tree, VF));
	drop(tree, "state/devices/" VF);
}

/* ---- arguments ---- */

static void what_is_left_out_is_an_invalid_argument(void **state)
{
	static const hostdev_call calls[] = {vfiobind_hostdev_prepare, vfiobind_hostdev_release};
	const struct tree *tree = *state;

	put_detached(tree, VF);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		struct vfiobind_hostdev_options options = VFIOBIND_HOSTDEV_OPTIONS_INIT;
		struct vfiobind_hostdev hostdev = unmanaged;
		struct vfiobind_error error = VFIOBIND_ERROR_INIT;

		options.domain = "web";
		assert_int_equal(calls[i](NULL, &hostdev, 1, &options, NULL, &error), -EINVAL);
		assert_string_equal(error.operation, i ? "take it back from the domain" : "prepare it for the domain");
		assert_int_equal(calls[i](tree->context, NULL, 1, &options, NULL, NULL), -EINVAL);
		hostdev.size = offsetof(struct vfiobind_hostdev, managed);
		assert_int_equal(calls[i](tree->context, &hostdev, 1, &options, NULL, NULL), -EINVAL);
		/* Of which domain? */
		assert_int_equal(calls[i](tree->context, &unmanaged, 1, NULL, NULL, &error), -EINVAL);
		assert_string_equal(error.expected, "a domain's name, without control characters");
		options.size = sizeof(options.size);
		assert_int_equal(calls[i](tree->context, &unmanaged, 1, &options, NULL, NULL), -EINVAL);
	}
	assert_false(is_used(tree, VF));
}

/* A program that was compiled before the structure got its last members. */
static void the_elements_are_as_long_as_the_first_one_says(void **state)
{
	struct vfiobind_hostdev_options options = VFIOBIND_HOSTDEV_OPTIONS_INIT;
	const struct tree *tree = *state;
	struct {
		size_t size;
		struct vfiobind_address address;
		enum vfiobind_hostdev_kind kind;
		bool managed;
	} short_ones[2] = {{sizeof(short_ones[0]), vf, 0, false}, {sizeof(short_ones[0]), other, 0, false}};

	options.domain = "web";
	put_detached(tree, VF);
	put_detached(tree, OTHER);
	assert_int_equal(vfiobind_hostdev_prepare(tree->context, (const struct vfiobind_hostdev *)short_ones, 2,
						  &options, NULL, NULL),
			 0);
	assert_true(is_used(tree, VF));
	assert_true(is_used(tree, OTHER));
	assert_int_equal(vfiobind_hostdev_release(tree->context, (const struct vfiobind_hostdev *)short_ones, 2,
						  &options, NULL, NULL),
			 0);
	assert_false(is_used(tree, VF));
	assert_false(is_used(tree, OTHER));
}

static void a_domain_may_have_no_devices(void **state)
{
	struct vfiobind_hostdev_options options = VFIOBIND_HOSTDEV_OPTIONS_INIT;
	const struct tree *tree = *state;
	struct vfiobind_result *result = NULL;

	options.domain = "web";
	assert_int_equal(vfiobind_hostdev_prepare(tree->context, NULL, 0, &options, &result, NULL), 0);
	assert_int_equal(result->n_devices, 0);
	vfiobind_result_free(result);
}

static void a_domain_has_a_name_of_one_line(void **state)
{
	static const char *const names[] = {"", "a\nb", "a\tb", "\x1b[31m", "a\x7f"};
	struct vfiobind_hostdev_options options = VFIOBIND_HOSTDEV_OPTIONS_INIT;
	const struct tree *tree = *state;
	char longest[VFIOBIND_DOMAIN_SIZE + 1];

	put_detached(tree, VF);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		options.domain = names[i];
		assert_int_equal(vfiobind_hostdev_prepare(tree->context, &unmanaged, 1, &options, NULL, NULL), -EINVAL);
	}
	memset(longest, 'x', sizeof(longest));
	longest[VFIOBIND_DOMAIN_SIZE] = '\0';
	options.domain = longest;
	assert_int_equal(vfiobind_hostdev_prepare(tree->context, &unmanaged, 1, &options, NULL, NULL), -EINVAL);
	assert_false(is_used(tree, VF));
	options.domain = longest + 1;
	assert_int_equal(vfiobind_hostdev_prepare(tree->context, &unmanaged, 1, &options, NULL, NULL), 0);
	assert_true(is_used(tree, VF));
}

static void the_kind_of_driver_is_vfio(void **state)
{
	static const struct {
		const char *name;
		int result;
		enum vfiobind_error_code code;
	} cases[] = {
		{"kvm", -ENOTSUP, VFIOBIND_ERROR_DRIVER_TYPE_UNSUPPORTED},
		{"xen", -ENOTSUP, VFIOBIND_ERROR_DRIVER_TYPE_UNSUPPORTED},
		{"vfio-pci", -EINVAL, VFIOBIND_ERROR_INVALID_ARGUMENT},
		{"", -EINVAL, VFIOBIND_ERROR_INVALID_ARGUMENT},
		{"vfio", 0, VFIOBIND_ERROR_NONE},
	};
	const struct tree *tree = *state;

	put_detached(tree, VF);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vfiobind_hostdev hostdev = unmanaged;

		hostdev.driver_name = cases[i].name;
		CHECK(prepare, &hostdev, cases[i].result, cases[i].code, cases[i].code ? cases[i].name : "");
		assert_int_equal(is_used(tree, VF), !cases[i].code);
	}
}

static void what_the_caller_takes_it_for_should_be_its_class(void **state)
{
	static const struct {
		int kind;
		const char *warning;
	} cases[] = {
		{VFIOBIND_HOSTDEV_KIND_HOSTDEV, ""},
		{VFIOBIND_HOSTDEV_KIND_INTERFACE, ""},
		{VFIOBIND_HOSTDEV_KIND_NVME, "its class is not that of an NVMe controller"},
		{99, ""}, /* of a later version */
	};
	const struct tree *tree = *state;

	put_detached(tree, VF);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vfiobind_hostdev hostdev = unmanaged;

		hostdev.kind = (enum vfiobind_hostdev_kind)cases[i].kind;
		assert_string_equal(CHECK(prepare, &hostdev, 0), cases[i].warning);
		CHECK(release, &hostdev, 0);
	}
}

/* ---- what stays on its driver ---- */

static void what_is_on_no_vfio_driver_is_not_taken(void **state)
{
	const struct tree *tree = *state;

	CHECK(prepare, &unmanaged, -EPERM, VFIOBIND_ERROR_NOT_DETACHED, "igbvf, which is no VFIO driver");
	drop(tree, VF_DIRECTORY "/driver");
	CHECK(prepare, &unmanaged, -EPERM, VFIOBIND_ERROR_NOT_DETACHED, "no driver");
	assert_false(is_used(tree, VF));
}

/* One that is built in may be of no module. */
static void a_driver_without_a_module_will_do(void **state)
{
	struct vfiobind_hostdev_options options = VFIOBIND_HOSTDEV_OPTIONS_INIT;
	const struct tree *tree = *state;
	struct vfiobind_result *result;

	options.domain = "web";
	for (int has_module = 1; has_module >= 0; has_module--) {
		put_detached(tree, VF);
		if (!has_module)
			drop(tree, "sys/bus/pci/drivers/vfio-pci/module");
		assert_int_equal(vfiobind_hostdev_prepare(tree->context, &unmanaged, 1, &options, &result, NULL), 0);
		assert_string_equal(result->devices[0]->to, "vfio-pci");
		assert_false(result->devices[0]->changed);
		if (has_module)
			assert_string_equal(result->devices[0]->module, "vfio_pci");
		else
			assert_null(result->devices[0]->module);
		vfiobind_result_free(result);
		drop(tree, "state/devices/" VF);
	}
}

/* The driver must have been told apart; where the module is there, so must the node be. */
static void without_a_node_no_device_can_be_opened(void **state)
{
	const struct tree *tree = *state;
	struct vfiobind_hostdev_options options = VFIOBIND_HOSTDEV_OPTIONS_INIT;
	struct vfiobind_result *result;

	put_detached(tree, VF);
	put(tree, "", "sys/module/vfio/uevent");
	CHECK(prepare, &unmanaged, -ENOENT, VFIOBIND_ERROR_VFIO_NODE_MISSING, "");
	assert_false(is_used(tree, VF));
	options.domain = "web";
	options.force = true;
	assert_int_equal(vfiobind_hostdev_prepare(tree->context, &unmanaged, 1, &options, &result, NULL), 0);
	assert_string_equal(result->devices[0]->warnings[0], "there is no node to open a VFIO device with");
	vfiobind_result_free(result);
	drop(tree, "state/devices/" VF);
	put(tree, "", "dev/iommu");
	assert_free(tree, "");
	drop(tree, "dev/iommu");
	put(tree, "", "dev/vfio/vfio");
	assert_free(tree, "");
}

/* ---- what is written down of the others ---- */

/* As a prepare for the domain leaves it; @more: further lines. */
static void put_record(const struct tree *tree, const char *address, const char *domain, const char *more)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "vfiobind-record 1\naddress %s\nidentity unknown\nboot unknown\ntransaction 0\noperation prepare\n"
		 "since 0\nprocess 1\niommu-group 14\ndomain %s\nstays\nborrowed\n%send\n",
		 address, domain, more);
	put(tree, text, "state/devices/%s", address);
}

static void a_group_is_one_domains_as_far_as_is_known(void **state)
{
	static const struct {
		const char *domain, *more;
		int result;
		enum vfiobind_error_code code;
	} cases[] = {
		{"web", "", 0, VFIOBIND_ERROR_NONE},
		{"mail", "", -EBUSY, VFIOBIND_ERROR_GROUP_USED_BY_DOMAIN},
		/* Whose it is cannot be told. */
		{"mail", "since 1\n", -EBADMSG, VFIOBIND_ERROR_STATE_MALFORMED},
	};
	const struct tree *tree = *state;

	put_detached(tree, VF);
	put_detached(tree, OTHER);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		put_record(tree, OTHER, cases[i].domain, cases[i].more);
		if (cases[i].result)
			CHECK(prepare, &unmanaged, cases[i].result, cases[i].code);
		else
			assert_free(tree, "");
	}
}

/* A record of what is not there any more, of another device or boot, or of another group, or no record at all. */
static void what_is_of_no_device_of_the_group_is_no_obstacle(void **state)
{
	const struct tree *tree = *state;

	put_detached(tree, VF);
	put_record(tree, OTHER, "mail", "");
	assert_free(tree, "");

	put_detached(tree, OTHER);
	put_link(tree, "../../../kernel/iommu_groups/15", "sys/devices/pci0000:00/" OTHER "/iommu_group");
	assert_free(tree, "");
	put(tree, "garbage", "state/devices/" OTHER);
	assert_free(tree, "");
	put_link(tree, "../../../kernel/iommu_groups/14", "sys/devices/pci0000:00/" OTHER "/iommu_group");
	CHECK(prepare, &unmanaged, -EBADMSG, VFIOBIND_ERROR_STATE_MALFORMED);
	drop(tree, "state/devices/" OTHER);
	/* What a crash has left of a record that was to become one. */
	put(tree, "garbage", "state/devices/." OTHER);
	assert_free(tree, "");
}

static void what_is_of_another_device_or_boot_is_no_obstacle(void **state)
{
	static const struct {
		const char *old, *new;
		bool current;
	} cases[] = {
		{"identity unknown", "identity pci:v00008086d000010CAsv00001AF4sd00001100bc02sc00i00", true},
		{"identity unknown", "identity pci:v00008086d000010CBsv00001AF4sd00001100bc02sc00i00", false},
		{"boot unknown", "boot 00000000-0000-0000-0000-000000000000", false},
	};
	const struct tree *tree = *state;
	char first[1024] = "";

	put_detached(tree, VF);
	put_detached(tree, OTHER);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[1024], changed[1024], *at;

		put_record(tree, OTHER, "mail", "");
		snprintf(text, sizeof(text), "%s", slurp(tree, "state/devices/" OTHER));
		at = strstr(text, cases[i].old);
		assert_non_null(at);
		snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text, cases[i].new,
			 at + strlen(cases[i].old));
		put(tree, changed, "state/devices/" OTHER);
		if (i == 0)
			strcpy(first, changed);
		if (cases[i].current)
			CHECK(prepare, &unmanaged, -EBUSY, VFIOBIND_ERROR_GROUP_USED_BY_DOMAIN, OTHER ", by mail");
		else
			assert_free(tree, "");
	}
	/* What does not say what it is may be any device, that of the first one's record say. */
	put(tree, first, "state/devices/" OTHER);
	drop(tree, "sys/devices/pci0000:00/" OTHER "/modalias");
	CHECK(prepare, &unmanaged, -EBUSY, VFIOBIND_ERROR_GROUP_USED_BY_DOMAIN, OTHER ", by mail");
}

/* ---- release ---- */

static void what_the_domain_does_not_have_is_left_alone(void **state)
{
	const struct tree *tree = *state;

	put_detached(tree, VF);
	assert_string_equal(CHECK(release, &unmanaged, 0), "web does not use it: left alone");
	put_record(tree, VF, "mail", "");
	assert_string_equal(CHECK(release, &unmanaged, 0), "mail uses it: left alone");
	assert_true(is_used(tree, VF));
	/* The number of the group is of no interest to who gives it back. */
	put_record(tree, VF, "web", "");
	drop(tree, VF_DIRECTORY "/iommu_group");
	assert_string_equal(CHECK(release, &unmanaged, 0), "");
	assert_false(is_used(tree, VF));
}

/* Only its record is left of it; one that another domain has is not this one's to forget. */
static void what_is_gone_is_forgotten_by_its_domain_alone(void **state)
{
	struct vfiobind_hostdev gone = unmanaged;
	const struct tree *tree = *state;

	gone.address = other;
	put_record(tree, OTHER, "mail", "");
	assert_string_equal(CHECK(release, &gone, 0), "mail uses it: left alone");
	assert_true(is_used(tree, OTHER));
	put_record(tree, OTHER, "web", "");
	assert_string_equal(CHECK(release, &gone, 0), "it is gone: forgotten");
	assert_false(is_used(tree, OTHER));
	assert_string_equal(CHECK(release, &gone, 0), "web does not use it: left alone");
	CHECK(prepare, &gone, -ENODEV, VFIOBIND_ERROR_DEVICE_NOT_FOUND);
}

/* There, and yet it cannot be looked at: that is not to be gone. */
static void what_cannot_be_looked_at_is_not_forgotten(void **state)
{
	struct vfiobind_hostdev hostdev = unmanaged;
	const struct tree *tree = *state;

	hostdev.address = other;
	put_record(tree, OTHER, "web", "");
	put(tree, "no directory", "sys/bus/pci/devices/" OTHER);
	CHECK(release, &hostdev, -ENOTDIR, VFIOBIND_ERROR_SYSTEM);
	assert_true(is_used(tree, OTHER));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_on_tree(what_is_left_out_is_an_invalid_argument),
		test_on_tree(the_elements_are_as_long_as_the_first_one_says),
		test_on_tree(a_domain_may_have_no_devices),
		test_on_tree(a_domain_has_a_name_of_one_line),
		test_on_tree(the_kind_of_driver_is_vfio),
		test_on_tree(what_the_caller_takes_it_for_should_be_its_class),
		test_on_tree(what_is_on_no_vfio_driver_is_not_taken),
		test_on_tree(a_driver_without_a_module_will_do),
		test_on_tree(without_a_node_no_device_can_be_opened),
		test_on_tree(a_group_is_one_domains_as_far_as_is_known),
		test_on_tree(what_is_of_no_device_of_the_group_is_no_obstacle),
		test_on_tree(what_is_of_another_device_or_boot_is_no_obstacle),
		test_on_tree(what_the_domain_does_not_have_is_left_alone),
		test_on_tree(what_is_gone_is_forgotten_by_its_domain_alone),
		test_on_tree(what_cannot_be_looked_at_is_not_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
