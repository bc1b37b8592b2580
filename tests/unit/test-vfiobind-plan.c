/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a detach, a reattach or a reset makes of what it finds in odd places: its plan, its refusals, and that a device
 * which does not change is not believed to have changed.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tree.h"

#define OTHER "0000:04:11.6"
#define THIRD "0000:04:11.7"
#define DIRECTORY(address) "sys/devices/pci0000:00/" address

/* What cannot be told is taken for the same. */
#define RECORD \
	"vfiobind-record 1\naddress " VF "\nsince 0\nprocess 1\ntransaction 1\noperation detach\ntarget vfio-pci\n"
#define CURRENT "identity unknown\nboot unknown\n"

static void put_record(const struct tree *tree, const char *more)
{
	char text[1024];

	snprintf(text, sizeof(text), "%s%send\n", RECORD, more);
	put(tree, text, "state/devices/" VF);
}

static void put_detached(const struct tree *tree, const char *driver_override)
{
	put_link(tree, "../../../bus/pci/drivers/vfio-pci", VF_DIRECTORY "/driver");
	put(tree, "", VF_DIRECTORY "/vfio-dev/vfio0/uevent");
	put(tree, driver_override, VF_DIRECTORY "/driver_override");
}

struct failure {
	int result;
	enum vfiobind_error_code code;
	enum vfiobind_state state;
};

static void check_failure(const struct failure *expected, int r, const struct vfiobind_error *error)
{
	if (r != expected->result || error->code != expected->code)
		print_error("%d %s: %s\n", r, vfiobind_error_code_name(error->code), error->found);
	assert_int_equal(r, expected->result);
	assert_int_equal(error->code, expected->code);
	assert_int_equal(error->state, expected->state);
}

/* A dry run must succeed: its result. */
static struct vfiobind_result *plan_detach(const struct tree *tree, const struct vfiobind_address *addresses, size_t n,
					   bool whole_group, bool force)
{
	struct vfiobind_detach_options options = VFIOBIND_DETACH_OPTIONS_INIT;
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_result *result = NULL;

	options.driver = "vfio-pci";
	options.dry_run = true;
	options.whole_group = whole_group;
	options.force = force;
	check_failure(&(const struct failure){0},
		      vfiobind_device_detach(tree->context, addresses, n, &options, &result, &error), &error);
	return result;
}

static void check_plan_fails(const struct tree *tree, bool whole_group, const struct failure *expected,
			     struct vfiobind_error *error)
{
	struct vfiobind_detach_options options = VFIOBIND_DETACH_OPTIONS_INIT;
	struct vfiobind_result *result = NULL;

	*error = (struct vfiobind_error)VFIOBIND_ERROR_INIT;
	options.driver = "vfio-pci";
	options.dry_run = true;
	options.whole_group = whole_group;
	check_failure(expected, vfiobind_device_detach(tree->context, &vf, 1, &options, &result, error), error);
	assert_null(result);
}

/* ---- which devices ---- */

static void of_a_group_only_what_is_known_for_an_endpoint_is_taken(void **state)
{
	const struct tree *tree = *state;
	struct vfiobind_result *result;

	put_device(tree, OTHER, NULL, 14);
	put_device(tree, THIRD, NULL, 14);
	drop(tree, DIRECTORY(OTHER) "/config");
	drop(tree, DIRECTORY(THIRD) "/class");
	result = plan_detach(tree, &vf, 1, true, false);
	assert_int_equal(result->n_devices, 1);
	vfiobind_result_free(result);
	put(tree, "0x020000\n", DIRECTORY(THIRD) "/class");
	result = plan_detach(tree, &vf, 1, true, false);
	assert_int_equal(result->n_devices, 2);
	assert_int_equal(result->devices[1]->address.function, 7);
	vfiobind_result_free(result);
}

static void a_group_with_a_member_that_cannot_be_looked_at_is_not_taken(void **state)
{
	const struct tree *tree = *state;
	struct vfiobind_error error;

	put_device(tree, OTHER, NULL, 14);
	put_device(tree, THIRD, NULL, 14);
	put_link(tree, "../../../kernel/iommu_groups/none", DIRECTORY(OTHER) "/iommu_group");
	check_plan_fails(tree, true, &(const struct failure){-EIO, VFIOBIND_ERROR_ATTRIBUTE_MALFORMED}, &error);
	assert_non_null(strstr(error.path, OTHER "/iommu_group"));
}

/* As with an IOMMU that is off, and noiommu: there is no group that could be a domain's. */
static void a_device_without_a_group_is_reattached_alone(void **state)
{
	struct vfiobind_reattach_options options = VFIOBIND_REATTACH_OPTIONS_INIT;
	const struct tree *tree = *state;
	struct vfiobind_result *result;

	put_detached(tree, "vfio-pci\n");
	drop(tree, VF_DIRECTORY "/iommu_group");
	options.dry_run = options.whole_group = true;
	assert_int_equal(vfiobind_device_reattach(tree->context, &vf, 1, &options, &result, NULL), 0);
	assert_int_equal(result->n_devices, 1);
	assert_int_equal(result->devices[0]->n_actions, 3);
	vfiobind_result_free(result);
}

/* ---- what is refused ---- */

static void what_may_be_a_bridge_must_say_that_it_is_none(void **state)
{
	const struct tree *tree = *state;
	struct vfiobind_error error;

	drop(tree, VF_DIRECTORY "/modalias");
	drop(tree, VF_DIRECTORY "/config");
	check_plan_fails(tree, false, &(const struct failure){-ENOENT, VFIOBIND_ERROR_ATTRIBUTE_UNREADABLE}, &error);
	assert_non_null(strstr(error.path, VF "/config"));
}

/* With --force, and as far as it is not the operation itself that would unbind its own virtual functions. */
static void a_pf_is_forced_from_its_driver_unless_its_vf_is_to_go_too(void **state)
{
	static const struct vfiobind_address pf = {.bus = 4},
					     both[] = {{.bus = 4}, {.bus = 4, .slot = 0x11, .function = 5}};
	struct vfiobind_detach_options options = VFIOBIND_DETACH_OPTIONS_INIT;
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	const struct tree *tree = *state;
	struct vfiobind_result *result;

	put_device(tree, "0000:04:00.0", "igb", 3);
	put_link(tree, "../" OTHER, DIRECTORY("0000:04:00.0") "/virtfn0");
	result = plan_detach(tree, &pf, 1, false, true);
	assert_int_equal(result->devices[0]->n_warnings, 1);
	assert_string_equal(result->devices[0]->warnings[0], "it has virtual functions: " OTHER);
	vfiobind_result_free(result);
	/* Another one's. */
	put_link(tree, "../0000:04:00.1", VF_DIRECTORY "/physfn");
	result = plan_detach(tree, both, 2, false, true);
	assert_int_equal(result->n_devices, 2);
	vfiobind_result_free(result);
	put_link(tree, "../0000:04:00.0", VF_DIRECTORY "/physfn");
	options.dry_run = options.force = true;
	check_failure(&(const struct failure){-EBUSY, VFIOBIND_ERROR_PF_HAS_VFS},
		      vfiobind_device_detach(tree->context, both, 2, &options, NULL, &error), &error);
	assert_string_equal(error.found, VF);
}

/* As many as there is room for in an error. */
static void all_that_are_in_the_way_in_a_group_are_named_while_there_is_room(void **state)
{
	const struct tree *tree = *state;
	struct vfiobind_error error;

	put_device(tree, OTHER, "igb", 14);
	put_device(tree, THIRD, "e1000e", 14);
	check_plan_fails(tree, false, &(const struct failure){-EBUSY, VFIOBIND_ERROR_GROUP_IN_USE}, &error);
	assert_string_equal(error.found, OTHER " on igb, " THIRD " on e1000e");
	for (int function = 0; function < 8; function++) {
		char address[16];

		snprintf(address, sizeof(address), "0000:04:12.%d", function);
		put_device(tree, address, "a_driver_with_a_name_as_long_as_that_of_no_driver_that_there_is", 14);
	}
	check_plan_fails(tree, false, &(const struct failure){-EBUSY, VFIOBIND_ERROR_GROUP_IN_USE}, &error);
	assert_memory_equal(error.found, OTHER " on igb, " THIRD " on e1000e, 0000:04:12.0 on a_driver_",
			    strlen(OTHER " on igb, " THIRD " on e1000e, 0000:04:12.0 on a_driver_"));
	assert_true(strlen(error.found) > 200);
}

/* ---- a reattach, by what is written down ---- */

static void what_was_there_before_comes_back_as_far_as_it_is_known(void **state)
{
	static const struct {
		const char *record; /* NULL: none */
		const char *driver_override;
		const char *new_override; /* NULL: it stays */
		bool probed;
		const char *warning;
	} cases[] = {
		{NULL, "vfio-pci\n", "\n", true, NULL},
		{CURRENT "owned\nhost-driver igbvf\n", "vfio-pci\n", "\n", true, NULL},
		{CURRENT "owned\nhost-driver igbvf\nhost-override pci-stub\n", "vfio-pci\n", "pci-stub", true, NULL},
		{CURRENT "owned\n", "vfio-pci\n", "\n", false, NULL},
		/* It was on a VFIO driver when it was detached: of what it had before nothing is known. */
		{CURRENT "host-override pci-stub\n", "vfio-pci\n", "\n", true, NULL},
		/* Somebody has changed the override since, or put it back already. */
		{CURRENT "owned\nhost-driver igbvf\n", "pci-stub\n", NULL, true,
		 "driver_override names pci-stub, which no detach set there: it stays"},
		{CURRENT "host-override pci-stub\n", "pci-stub\n", NULL, true,
		 "driver_override names pci-stub, which no detach set there: it stays"},
		{CURRENT "owned\nhost-driver igbvf\nhost-override pci-stub\n", "pci-stub\n", NULL, true, NULL},
		/* Of another device, of another boot. */
		{"identity x\nboot unknown\nowned\nhost-driver igbvf\nhost-override pci-stub\n", "vfio-pci\n", "\n",
		 true, NULL},
		{"identity unknown\nboot x\nowned\nhost-driver igbvf\nhost-override pci-stub\n", "vfio-pci\n", "\n",
		 true, NULL},
	};
	const struct tree *tree = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vfiobind_reattach_options options = VFIOBIND_REATTACH_OPTIONS_INIT;
		const struct vfiobind_result_device *device;
		struct vfiobind_result *result;
		size_t n = 0;

		put_detached(tree, cases[i].driver_override);
		if (cases[i].record)
			put_record(tree, cases[i].record);
		options.dry_run = true;
		assert_int_equal(vfiobind_device_reattach(tree->context, &vf, 1, &options, &result, NULL), 0);
		device = result->devices[0];
		if (cases[i].new_override) {
			assert_non_null(strstr(device->actions[n]->path, "/driver_override"));
			assert_string_equal(device->actions[n++]->value, cases[i].new_override);
		}
		assert_non_null(strstr(device->actions[n++]->path, "/vfio-pci/unbind"));
		if (cases[i].probed)
			assert_non_null(strstr(device->actions[n++]->path, "/drivers_probe"));
		assert_int_equal(device->n_actions, n);
		assert_int_equal(device->n_warnings, cases[i].warning ? 1 : 0);
		if (cases[i].warning)
			assert_string_equal(device->warnings[0], cases[i].warning);
		vfiobind_result_free(result);
	}
}

/* Not one of them, and nothing is written. */
static void a_record_that_cannot_be_one_is_refused(void **state)
{
	static const char nul[] = RECORD CURRENT "end\n\0owned\n";
	const struct failure malformed = {-EBADMSG, VFIOBIND_ERROR_STATE_MALFORMED};
	const struct tree *tree = *state;
	struct vfiobind_error error;
	char *longest = malloc(1 << 16);

	assert_non_null(longest);
	memset(longest, 'x', 1 << 16);
	put_bytes(tree, nul, sizeof(nul) - 1, "state/devices/" VF);
	check_plan_fails(tree, false, &malformed, &error);
	put_bytes(tree, longest, 1 << 16, "state/devices/" VF);
	check_plan_fails(tree, false, &malformed, &error);
	free(longest);
	drop(tree, "state/devices/" VF);
	put_link(tree, "elsewhere", "state/devices/" VF);
	check_plan_fails(tree, false, &(const struct failure){-EPERM, VFIOBIND_ERROR_STATE_UNSAFE}, &error);
	put(tree, "", "state/devices/." VF);
	drop(tree, "state/devices/" VF);
	vfiobind_result_free(plan_detach(tree, &vf, 1, false, false));
}

/* Who may not look can plan all the same; what is not safe is not believed. */
static void a_plan_needs_no_right_to_look_at_journals(void **state)
{
	const struct tree *tree = *state;
	const uid_t user = geteuid();
	struct vfiobind_error error;

	put(tree, "", "state/journals/.none");
	assert_int_equal(chmod(tree->root, 0755), 0);
	assert_int_equal(chmod(tree_path(tree, "state/journals"), user ? 0 : 0700), 0);
	if (user == 0)
		assert_int_equal(seteuid(65534), 0);
	vfiobind_result_free(plan_detach(tree, &vf, 1, false, false));
	if (user == 0)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(tree_path(tree, "state/journals"), 0777), 0);
	check_plan_fails(tree, false, &(const struct failure){-EPERM, VFIOBIND_ERROR_STATE_UNSAFE}, &error);
}

/* ---- what is stored and has no effect ---- */

static void check_reattach(const struct tree *tree, const char *record, const struct failure *expected,
			   const char *driver_override)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_result *result = NULL;

	put_record(tree, record);
	check_failure(expected, vfiobind_device_reattach(tree->context, &vf, 1, NULL, &result, &error), &error);
	assert_null(result);
	assert_string_equal(slurp(tree, VF_DIRECTORY "/driver_override"), driver_override);
	if (expected->state == VFIOBIND_STATE_BROKEN)
		drop(tree, "state/journals/" VF);
	assert_int_equal(access(tree_path(tree, "state/journals/" VF), F_OK), -1);
}

/* A file is not blank after a newline was stored into it, as an attribute would be. */
static void an_override_that_is_not_cleared_is_seen(void **state)
{
	const struct tree *tree = *state;

	put_detached(tree, "vfio-pci\n");
	check_reattach(tree, CURRENT,
		       &(const struct failure){-EIO, VFIOBIND_ERROR_OVERRIDE_NOT_CLEARED, VFIOBIND_STATE_BROKEN},
		       "\nfio-pci\n");
	assert_string_equal(slurp(tree, "sys/bus/pci/drivers/vfio-pci/unbind"), "");
}

/* Still on the VFIO driver: whether it is known which host driver had it, and whether that is there, or not. */
static void a_device_that_stays_on_a_vfio_driver_is_still_detached(void **state)
{
	static const char *const records[] = {
		CURRENT,
		CURRENT "owned\nhost-driver igbvf\n",
		CURRENT "owned\nhost-driver none\n",
		CURRENT "owned\n",
	};
	const struct failure still = {-EIO, VFIOBIND_ERROR_STILL_DETACHED, VFIOBIND_STATE_RESTORED};
	const struct tree *tree = *state;

	for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
		put_detached(tree, "(null)\n");
		check_reattach(tree, records[i], &still, "(null)\n");
	}
	/* An override for it that was there before: the host driver is insisted on, and the override put back. */
	put_detached(tree, "vfio-pci\n");
	check_reattach(tree, CURRENT "owned\nhost-driver igbvf\nhost-override vfio-pci\n", &still, "vfio-pci\n");
}

static void a_detach_by_default_takes_the_best_match(void **state)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	const struct tree *tree = *state;

	check_failure(&(const struct failure){-EIO, VFIOBIND_ERROR_WRONG_DRIVER, VFIOBIND_STATE_BROKEN},
		      vfiobind_device_detach(tree->context, &vf, 1, NULL, NULL, &error), &error);
	assert_string_equal(error.expected, "vfio-pci-igbvf");
	assert_string_equal(error.found, "igbvf");
}

/* ---- reset ---- */

static void check_reset(const struct tree *tree, const char *method, const struct failure *expected)
{
	struct vfiobind_reset_options options = VFIOBIND_RESET_OPTIONS_INIT;
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;

	options.method = method;
	check_failure(expected, vfiobind_device_reset(tree->context, &vf, &options, NULL, &error), &error);
	if (expected->state == VFIOBIND_STATE_BROKEN)
		drop(tree, "state/journals/" VF);
}

static void a_list_of_methods_that_cannot_be_put_back_is_left_alone(void **state)
{
	char methods[160];
	const struct tree *tree = *state;

	put_detached(tree, "vfio-pci\n");
	put(tree, "", VF_DIRECTORY "/reset");
	memset(methods, 'm', sizeof(methods));
	methods[127] = '\0';
	put(tree, methods, VF_DIRECTORY "/reset_method");
	check_reset(tree, NULL, &(const struct failure){0});
	methods[127] = 'm';
	methods[128] = '\0';
	put(tree, methods, VF_DIRECTORY "/reset_method");
	check_reset(tree, NULL, &(const struct failure){-EIO, VFIOBIND_ERROR_ATTRIBUTE_MALFORMED});
	check_reset(tree, "flr", &(const struct failure){-EIO, VFIOBIND_ERROR_ATTRIBUTE_MALFORMED});
	assert_string_equal(slurp(tree, VF_DIRECTORY "/reset_method"), methods);
}

/* A file holds what was stored and what was longer before: that is neither what was stored nor what was there. */
static void methods_that_are_another_ones_by_now_are_left_alone(void **state)
{
	const struct tree *tree = *state;

	put_detached(tree, "vfio-pci\n");
	put(tree, "", VF_DIRECTORY "/reset");
	put(tree, "flr bus\n", VF_DIRECTORY "/reset_method");
	check_reset(tree, "bus",
		    &(const struct failure){-EIO, VFIOBIND_ERROR_RESET_METHOD_KEPT, VFIOBIND_STATE_BROKEN});
	assert_string_equal(slurp(tree, VF_DIRECTORY "/reset_method"), "bus bus\n");
	/* And what is as it was afterwards has been put back. */
	put(tree, "flr\n", VF_DIRECTORY "/reset_method");
	check_reset(tree, "bus", &(const struct failure){0});
	assert_string_equal(slurp(tree, VF_DIRECTORY "/reset_method"), "flr\n");
}

static void a_reset_of_nothing_is_an_invalid_argument(void **state)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	const struct tree *tree = *state;

	check_failure(&(const struct failure){-EINVAL, VFIOBIND_ERROR_INVALID_ARGUMENT},
		      vfiobind_device_reset(NULL, &vf, NULL, NULL, &error), &error);
	assert_string_equal(error.operation, "reset");
	check_failure(&(const struct failure){-EINVAL, VFIOBIND_ERROR_INVALID_ARGUMENT},
		      vfiobind_device_reset(tree->context, NULL, NULL, NULL, &error), &error);
	assert_null(vfiobind_reset_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_on_tree(of_a_group_only_what_is_known_for_an_endpoint_is_taken),
		test_on_tree(a_group_with_a_member_that_cannot_be_looked_at_is_not_taken),
		test_on_tree(a_device_without_a_group_is_reattached_alone),
		test_on_tree(what_may_be_a_bridge_must_say_that_it_is_none),
		test_on_tree(a_pf_is_forced_from_its_driver_unless_its_vf_is_to_go_too),
		test_on_tree(all_that_are_in_the_way_in_a_group_are_named_while_there_is_room),
		test_on_tree(what_was_there_before_comes_back_as_far_as_it_is_known),
		test_on_tree(a_record_that_cannot_be_one_is_refused),
		test_on_tree(a_plan_needs_no_right_to_look_at_journals),
		test_on_tree(an_override_that_is_not_cleared_is_seen),
		test_on_tree(a_device_that_stays_on_a_vfio_driver_is_still_detached),
		test_on_tree(a_detach_by_default_takes_the_best_match),
		test_on_tree(a_list_of_methods_that_cannot_be_put_back_is_left_alone),
		test_on_tree(methods_that_are_another_ones_by_now_are_left_alone),
		test_on_tree(a_reset_of_nothing_is_an_invalid_argument),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
