/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* VFIO drivers that are built into the kernel: modules.alias does not know them, and older kernels hide their modules. */
#include "harness.h"

#include <string.h>

#define NIC "0000:03:00.0"
#define VARIANT "built-in-variant"

static void assert_round_trip(const char *driver, const char *const *detach)
{
	_cleanup_snapshot_ struct snapshot *before = snapshot_take();

	run_well(detach);
	assert_device(NIC, driver, driver);
	RUN_WELL("vfiobind", "reattach", NIC);
	assert_unchanged(before);
}

static void a_built_in_variant_is_the_best_match(void **state)
{
	_cleanup_output_ struct output output = {.out = NULL};
	_cleanup_json_ struct json_object *document = NULL;

	output = RUN_EXPECTING(0, "vfiobind", "detach", NIC, "--json");
	document = json_of(&output);
	assert_json_text(document, "devices.0.to", VARIANT);
	assert_json_bool(document, "devices.0.variant", true);
	assert_int_equal(json_object_array_length(json_at(document, "devices.0.warnings")), 0);
	assert_int_equal(TRACE_COUNT(" module.load "), 0);
	RUN_WELL("vfiobind", "reattach", NIC);
	assert_round_trip(VARIANT, (const char *const[]){"vfiobind", "detach", NIC, NULL});
}

static void explain_ranks_what_is_built_in_with_the_rest(void **state)
{
	_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "explain", NIC, "--json");
	_cleanup_json_ struct json_object *document = json_of(&output);

	assert_string_equal(output.err, "");
	assert_json_text(document, "chosen", VARIANT);
	assert_json_text(document, "candidates.0.driver", VARIANT);
	assert_null(json_at(document, "candidates.0.line"));
	assert_json_bool(document, "candidates.0.usable", true);
	assert_json_text(document, "candidates.1.module", "vfio_pci_e1000e");
	assert_json_text(document, "candidates.2.driver", "vfio-pci");
	assert_json_bool(document, "candidates.2.usable", true);
	assert_int_equal(json_object_array_length(json_at(document, "candidates")), 3);
}

/* By each name that it could be called. */
static void what_is_built_in_is_found_by_its_name(void **state)
{
	static const char *const names[][2] = {
		{"vfio-pci", "vfio-pci"}, {"vfio_pci", "vfio-pci"}, {VARIANT, VARIANT}, {"built_in_variant", VARIANT}};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_round_trip(names[i][1],
				  (const char *const[]){"vfiobind", "detach", NIC, "--driver", names[i][0], NULL});
}

/* As vfio-pci.ids= on the kernel command line does it: it is detached, but not by us. */
static void what_vfio_pci_has_since_boot_is_on_it_already(void **state)
{
	_cleanup_output_ struct output output = {.out = NULL}, shown = {.out = NULL};
	_cleanup_json_ struct json_object *document = NULL, *device = NULL;

	write_file("/sys/bus/pci/drivers/e1000e/unbind", NIC);
	write_file("/sys/bus/pci/drivers/vfio-pci/new_id", "8086 10d3");
	assert_device(NIC, "vfio-pci", "(null)");
	trace_clear();
	output = RUN_EXPECTING(0, "vfiobind", "detach", NIC, "--driver", "vfio-pci", "--json");
	document = json_of(&output);
	assert_json_bool(document, "devices.0.changed", false);
	assert_nothing_written();
	shown = RUN_EXPECTING(0, "vfiobind", "show", NIC, "--json");
	device = json_of(&shown);
	assert_json_text(device, "driver_type", "vfio");
	assert_null(json_at(device, "detached"));
	/* The best match is another. */
	RUN_WELL("vfiobind", "detach", NIC);
	assert_device(NIC, VARIANT, VARIANT);
}

static const struct CMUnitTest built_in_tests[] = {
	SCENARIO(a_built_in_variant_is_the_best_match),
	SCENARIO(explain_ranks_what_is_built_in_with_the_rest),
	SCENARIO(what_is_built_in_is_found_by_its_name),
	SCENARIO(what_vfio_pci_has_since_boot_is_on_it_already),
};

SCENARIO_MAIN(SUITE("built-in", built_in_tests), SUITE("built-in-6.1", built_in_tests))
