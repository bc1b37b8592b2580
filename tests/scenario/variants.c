/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Variant drivers: found by name, by module, by best match; bound, verified, shown, moved between, and given back. */
#include "harness.h"

#include <string.h>

#define VF "0000:04:11.5"

/* ---- what a bound variant looks like ---- */

static void assert_link_ends_in(const char *path, const char *end)
{
	_cleanup_text_ char *name = link_name("%s", path);

	if (!name || strcmp(name, end) != 0)
		fail_msg("%s leads to %s instead of %s", path, name ? name : "nothing", end);
}

/* The VFIO device, the classes and the nodes all tell of the device's own group. */
static void assert_vfio_agrees(const char *address)
{
	_cleanup_text_ char *group = link_name(DEVICES "/%s/iommu_group", address);
	_cleanup_text_ char *group_class = NULL, *group_node = NULL, *device_class = NULL, *device_of_class = NULL;

	assert_non_null(group);
	group_class = format_text("/sys/class/vfio/%s", group);
	assert_link_ends_in(group_class, group);
	group_node = format_text("/dev/vfio/%s", group);
	assert_true(exists(group_node));
	assert_true(exists("/dev/vfio/vfio"));

	device_class = format_text(DEVICES "/%s/vfio-dev/vfio0", address);
	assert_true(exists(device_class));
	assert_link_ends_in("/sys/class/vfio-dev/vfio0", "vfio0");
	device_of_class = link_name("/sys/class/vfio-dev/vfio0/device");
	assert_non_null(device_of_class);
	assert_string_equal(device_of_class, address);
}

static void assert_lspci_says(const char *address, const char *driver)
{
	_cleanup_output_ struct output output = RUN_EXPECTING(0, "lspci", "-D", "-k", "-s", address);
	_cleanup_text_ char *line = format_text("Kernel driver in use: %s\n", driver);

	if (!strstr(output.out, line))
		fail_msg("lspci -k does not say %s: %s", driver, output.out);
}

static void assert_show_says_variant(const char *address, const char *driver, const char *module)
{
	_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "show", "--json", address);
	_cleanup_json_ struct json_object *document = json_of(&output);
	_cleanup_text_ char *group = link_name(DEVICES "/%s/iommu_group", address);
	_cleanup_text_ char *group_node = format_text("/dev/vfio/%s", group);

	assert_json_text(document, "address", address);
	assert_json_text(document, "driver", driver);
	assert_json_text(document, "module", module);
	assert_json_text(document, "driver_type", "vfio");
	assert_json_bool(document, "variant", true);
	assert_json_text(document, "driver_override", driver);
	assert_json_int(document, "iommu_group", atoi(group));
	assert_json_bool(document, "group_viable", true);
	assert_json_text(document, "vfio.device", "vfio0");
	assert_json_text(document, "vfio.group_node", group_node);
	assert_int_equal(json_object_array_length(json_at(document, "netdevs")), 0);
}

/* ---- detach and reattach, in every way to say which driver ---- */

struct detach_case {
	const char *device; /* as the command is told */
	const char *option; /* --driver; NULL: none */
	const char *address;
	const char *host_driver;
	const char *driver, *module;
};

static void check_detach(const struct detach_case *test)
{
	_cleanup_output_ struct output detached =
		test->option ? RUN_EXPECTING(0, "vfiobind", "detach", test->device, "--driver", test->option, "--json")
			     : RUN_EXPECTING(0, "vfiobind", "detach", test->device, "--json");
	_cleanup_json_ struct json_object *document = json_of(&detached);

	assert_json_text(document, "devices.0.address", test->address);
	assert_json_text(document, "devices.0.from", test->host_driver);
	assert_json_text(document, "devices.0.to", test->driver);
	assert_json_text(document, "devices.0.module", test->module);
	assert_json_bool(document, "devices.0.variant", true);
	assert_json_bool(document, "devices.0.changed", true);
	assert_json_text(document, "devices.0.vfio.device", "vfio0");

	assert_device(test->address, test->driver, test->driver);
	assert_vfio_agrees(test->address);
	assert_lspci_says(test->address, test->driver);
	assert_show_says_variant(test->address, test->driver, test->module);
}

static void check_reattach(const struct detach_case *test)
{
	_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "reattach", test->device, "--json");
	_cleanup_json_ struct json_object *document = json_of(&output);

	assert_json_text(document, "devices.0.from", test->driver);
	assert_json_text(document, "devices.0.to", test->host_driver);
	assert_json_bool(document, "devices.0.changed", true);
	assert_json_bool(document, "devices.0.variant", false);
	assert_json_text(document, "devices.0.vfio", NULL);
	assert_device(test->address, test->host_driver, "(null)");
	assert_lspci_says(test->address, test->host_driver);
}

static void load_module(const char *module)
{
	RUN_WELL("modprobe", module);
}

/* From a module that is not loaded yet. */
static void check_round_trip(const struct detach_case *test)
{
	_cleanup_text_ char *module = format_text("/sys/module/%s", test->module);

	assert_false(exists(module));
	check_detach(test);
	check_reattach(test);
	assert_true(exists(module));
}

/* The modules are what a round trip may leave; with them loaded before, it leaves nothing. */
static void check_round_trip_leaves_nothing(const struct detach_case *test)
{
	_cleanup_snapshot_ struct snapshot *before = NULL;

	load_module(test->module);
	before = snapshot_take();
	check_detach(test);
	check_reattach(test);
	assert_unchanged(before);
}

static const struct detach_case igbvf_by_driver = {
	.device = VF,
	.option = "vfio-pci-igbvf",
	.address = VF,
	.host_driver = "igbvf",
	.driver = "vfio-pci-igbvf",
	.module = "vfio_pci_igbvf",
};

static void detach_binds_the_variant_of_this_driver_name(void **state)
{
	check_round_trip(&igbvf_by_driver);
}

static void a_round_trip_of_a_vf_leaves_nothing(void **state)
{
	check_round_trip_leaves_nothing(&igbvf_by_driver);
}

static void detach_takes_the_name_of_the_module_too(void **state)
{
	struct detach_case test = igbvf_by_driver;

	test.option = "vfio_pci_igbvf";
	check_round_trip(&test);
}

static void detach_takes_the_name_of_the_node_device(void **state)
{
	struct detach_case test = igbvf_by_driver;

	test.device = "pci_0000_04_11_5";
	check_round_trip(&test);
}

static void detach_takes_an_address_without_its_domain(void **state)
{
	struct detach_case test = igbvf_by_driver;

	test.device = "04:11.5";
	check_round_trip(&test);
}

static void detach_binds_the_variant_by_its_newer_name(void **state)
{
	struct detach_case test = igbvf_by_driver;

	test.option = test.driver = "igbvf-vfio-pci";
	test.module = "igbvf_vfio_pci";
	check_round_trip(&test);
}

static void detach_takes_a_network_interface(void **state)
{
	_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "show", "--json", VF);
	_cleanup_json_ struct json_object *document = json_of(&output);
	const char *interface = json_object_get_string(json_at(document, "netdevs.0"));

	assert_non_null(interface);
	RUN_WELL("vfiobind", "detach", "--driver", "vfio-pci", interface);
	assert_device(VF, "vfio-pci", "vfio-pci");
}

static void reattach_brings_the_network_interface_back(void **state)
{
	_cleanup_output_ struct output shown = {.out = NULL};
	_cleanup_json_ struct json_object *document = NULL;

	RUN_WELL("vfiobind", "detach", VF, "--driver", "vfio-pci-igbvf");
	assert_false(exists(DEVICES "/" VF "/net"));
	RUN_WELL("vfiobind", "reattach", VF);
	assert_true(exists(DEVICES "/" VF "/net"));
	shown = RUN_EXPECTING(0, "vfiobind", "show", "--json", VF);
	document = json_of(&shown);
	assert_int_equal(json_object_array_length(json_at(document, "netdevs")), 1);
	assert_json_text(document, "driver_override", NULL);
}

static const struct detach_case e1000e_by_driver = {
	.device = "0000:03:00.0",
	.option = "vfio-pci-e1000e",
	.address = "0000:03:00.0",
	.host_driver = "e1000e",
	.driver = "vfio-pci-e1000e",
	.module = "vfio_pci_e1000e",
};

static void an_82574l_goes_to_its_variant_and_back(void **state)
{
	check_round_trip(&e1000e_by_driver);
}

static void a_round_trip_of_an_82574l_leaves_nothing(void **state)
{
	check_round_trip_leaves_nothing(&e1000e_by_driver);
}

static const struct detach_case mlx5_by_match = {
	.device = "0000:3b:00.2",
	.address = "0000:3b:00.2",
	.host_driver = "mlx5_core",
	.driver = "mlx5_vfio_pci",
	.module = "mlx5_vfio_pci",
};

static void detach_without_a_name_takes_the_best_match(void **state)
{
	check_round_trip(&mlx5_by_match);
}

static void a_round_trip_of_an_mlx5_vf_leaves_nothing(void **state)
{
	check_round_trip_leaves_nothing(&mlx5_by_match);
}

static void detach_takes_hyphens_for_underscores(void **state)
{
	struct detach_case test = mlx5_by_match;

	test.option = "mlx5-vfio-pci";
	check_round_trip(&test);
}

static void the_word_vfio_means_the_best_match(void **state)
{
	struct detach_case test = mlx5_by_match;

	test.option = "vfio";
	check_round_trip(&test);
}

/* ---- explain ---- */

static void explain_ranks_the_more_specific_alias_first(void **state)
{
	_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "explain", "0000:3b:00.2", "--json");
	_cleanup_json_ struct json_object *document = json_of(&output);

	assert_json_text(document, "device", "0000:3b:00.2");
	assert_json_text(document, "chosen", "mlx5_vfio_pci");
	assert_json_text(document, "candidates.0.module", "mlx5_vfio_pci");
	assert_json_text(document, "candidates.0.alias", "vfio_pci:v000015B3d0000101Esv*sd*bc*sc*i*");
	assert_json_int(document, "candidates.0.rank", 1);
	assert_json_bool(document, "candidates.0.usable", true);
	assert_non_null(json_at(document, "candidates.0.reason"));
	assert_json_text(document, "candidates.1.module", "vfio_pci");
	assert_json_text(document, "candidates.1.alias", "vfio_pci:v*d*sv*sd*bc*sc*i*");
	assert_json_int(document, "candidates.1.rank", 2);
	assert_json_bool(document, "candidates.1.usable", true);
	assert_int_equal(json_object_array_length(json_at(document, "candidates")), 2);
	assert_nothing_written();
}

/* The PF's id is not that of the variant: only the generic driver is left for it. */
static void explain_offers_a_pf_no_driver_for_vfs(void **state)
{
	_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "explain", "0000:3b:00.0", "--json");
	_cleanup_json_ struct json_object *document = json_of(&output);

	assert_json_text(document, "chosen", "vfio-pci");
	assert_int_equal(json_object_array_length(json_at(document, "candidates")), 1);
}

static void the_first_line_wins_among_equals_and_a_warning_names_both(void **state)
{
	_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "explain", VF, "--json");
	_cleanup_json_ struct json_object *document = json_of(&output);
	_cleanup_output_ struct output detached = {.out = NULL};

	assert_json_text(document, "candidates.0.module", "vfio_pci_igbvf");
	assert_json_text(document, "candidates.1.module", "igbvf_vfio_pci");
	assert_json_int(document, "candidates.0.rank", 1);
	assert_json_int(document, "candidates.1.rank", 1);
	assert_true(json_object_get_int(json_at(document, "candidates.0.line")) <
		    json_object_get_int(json_at(document, "candidates.1.line")));
	assert_json_text(document, "chosen", "vfio_pci_igbvf");

	detached = RUN_EXPECTING(0, "vfiobind", "detach", VF);
	assert_device(VF, "vfio-pci-igbvf", "vfio-pci-igbvf");
	assert_non_null(strstr(detached.err, "vfio_pci_igbvf"));
	assert_non_null(strstr(detached.err, "igbvf_vfio_pci"));
}

/* ---- what is there already ---- */

static void detach_to_the_same_driver_writes_nothing(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = NULL;
	_cleanup_output_ struct output again = {.out = NULL};
	_cleanup_json_ struct json_object *document = NULL;

	RUN_WELL("vfiobind", "detach", VF, "--driver", "vfio-pci-igbvf");
	before = snapshot_take();
	trace_clear();
	again = RUN_EXPECTING(0, "vfiobind", "detach", VF, "--driver", "vfio_pci_igbvf", "--json");
	assert_nothing_written();
	document = json_of(&again);
	assert_json_bool(document, "devices.0.changed", false);
	assert_json_text(document, "devices.0.from", "vfio-pci-igbvf");
	assert_json_text(document, "devices.0.to", "vfio-pci-igbvf");
	assert_unchanged(before);
}

static void reattach_leaves_a_device_on_its_host_driver_alone(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = snapshot_take();
	_cleanup_output_ struct output output = {.out = NULL};
	_cleanup_json_ struct json_object *document = NULL;

	trace_clear();
	output = RUN_EXPECTING(0, "vfiobind", "reattach", VF, "--json");
	assert_nothing_written();
	document = json_of(&output);
	assert_json_bool(document, "devices.0.changed", false);
	assert_unchanged(before);
}

static void detach_moves_from_one_vfio_driver_to_another(void **state)
{
	static const char *const path[] = {"vfio-pci-igbvf", "vfio-pci", "igbvf-vfio-pci", "vfio-pci-igbvf"};
	const char *from = "igbvf";

	for (size_t i = 0; i < ARRAY_SIZE(path); i++) {
		_cleanup_output_ struct output output =
			RUN_EXPECTING(0, "vfiobind", "detach", VF, "--driver", path[i], "--json");
		_cleanup_json_ struct json_object *document = json_of(&output);

		assert_json_text(document, "devices.0.from", from);
		assert_json_text(document, "devices.0.to", path[i]);
		assert_json_bool(document, "devices.0.variant", strcmp(path[i], "vfio-pci") != 0);
		assert_device(VF, path[i], path[i]);
		assert_vfio_agrees(VF);
		from = path[i];
	}
	check_reattach(&igbvf_by_driver);
}

/* A second detach while the first guest driver is bound must not be taken for the host driver. */
static void reattach_after_a_move_finds_the_host_driver(void **state)
{
	RUN_WELL("vfiobind", "detach", VF, "--driver", "vfio-pci");
	RUN_WELL("vfiobind", "detach", VF, "--driver", "vfio-pci-igbvf");
	check_reattach(&igbvf_by_driver);
}

static void an_override_of_somebody_else_is_replaced_and_then_restored(void **state)
{
	write_file(DEVICES "/" VF "/driver_override", "somebody-else");
	check_detach(&igbvf_by_driver);
	RUN_WELL("vfiobind", "reattach", VF);
	assert_device(VF, "igbvf", "somebody-else");
}

/* It keeps the host driver away from a device that is probed, and yet that had it. */
static void an_override_for_vfio_that_was_waiting_is_restored_too(void **state)
{
	write_file(DEVICES "/" VF "/driver_override", "vfio-pci");
	check_detach(&igbvf_by_driver);
	RUN_WELL("vfiobind", "reattach", VF);
	assert_device(VF, "igbvf", "vfio-pci");
}

/* ---- only what is needed is written ---- */

static void detach_and_reattach_write_only_three_attributes(void **state)
{
	RUN_WELL("vfiobind", "detach", VF, "--driver", "vfio-pci-igbvf");
	RUN_WELL("vfiobind", "reattach", VF);
	assert_int_equal(TRACE_COUNT(" sys.write "), 6);
	assert_int_equal(TRACE_COUNT(" sys.write ", "/0000:04:11.5/driver_override value=vfio-pci-igbvf "), 1);
	assert_int_equal(TRACE_COUNT(" sys.write ", "/bus/pci/drivers/igbvf/unbind value=" VF), 1);
	assert_int_equal(TRACE_COUNT(" sys.write ", "/bus/pci/drivers_probe value=" VF), 2);
	assert_int_equal(TRACE_COUNT(" sys.write ", "/0000:04:11.5/driver_override value=\\n "), 1);
	assert_int_equal(TRACE_COUNT(" sys.write ", "/bus/pci/drivers/vfio-pci-igbvf/unbind value=" VF), 1);
}

/* ---- show and list ---- */

static void show_tells_all_of_a_vf_on_its_host_driver(void **state)
{
	_cleanup_text_ char *group = link_name(DEVICES "/" VF "/iommu_group");
	_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "show", "--json", "pci_0000_04_11_5");
	_cleanup_json_ struct json_object *document = json_of(&output);

	assert_json_text(document, "address", VF);
	assert_json_text(document, "vendor", "0x8086");
	assert_json_text(document, "device", "0x10ca");
	assert_json_text(document, "subsystem_vendor", "0x1af4");
	assert_json_text(document, "subsystem_device", "0x1100");
	assert_json_text(document, "class", "0x020000");
	assert_json_text(document, "modalias", "pci:v00008086d000010CAsv00001AF4sd00001100bc02sc00i00");
	assert_json_text(document, "driver", "igbvf");
	assert_json_text(document, "module", "igbvf");
	assert_json_text(document, "driver_type", "host");
	assert_json_bool(document, "variant", false);
	assert_json_text(document, "driver_override", NULL);
	assert_json_int(document, "iommu_group", atoi(group));
	assert_json_text(document, "group_devices.0", VF);
	assert_json_bool(document, "group_viable", true);
	assert_int_equal(json_object_array_length(json_at(document, "group_blockers")), 0);
	assert_json_text(document, "physfn", "0000:04:00.1");
	assert_int_equal(json_object_array_length(json_at(document, "virtfns")), 0);
	assert_json_text(document, "numvfs", NULL);
	assert_int_equal(json_object_array_length(json_at(document, "netdevs")), 1);
	assert_json_text(document, "vfio", NULL);
	assert_json_text(document, "detached", NULL);
	assert_non_null(json_at(document, "name"));
}

static void show_tells_the_vfs_of_a_pf(void **state)
{
	_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "show", "--json", "0000:04:00.1");
	_cleanup_json_ struct json_object *document = json_of(&output);

	assert_json_int(document, "numvfs", 7);
	assert_json_text(document, "physfn", NULL);
	assert_int_equal(json_object_array_length(json_at(document, "virtfns")), 7);
	assert_json_text(document, "virtfns.0", "0000:04:10.1");
	assert_json_text(document, "virtfns.6", "0000:04:11.5");
}

static void each_element_of_list_is_what_show_says(void **state)
{
	_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "list", "--all", "--json");
	_cleanup_json_ struct json_object *list = json_of(&output);
	struct json_object *devices = json_object_is_type(list, json_type_array) ? list : json_at(list, "devices");

	if (!on_real_kernel()) /* there QEMU's chipset has some */
		assert_int_equal(json_object_array_length(devices), 17);
	for (size_t i = 0; i < json_object_array_length(devices); i++) {
		struct json_object *device = json_object_array_get_idx(devices, i);
		const char *address = json_object_get_string(json_at(device, "address"));
		_cleanup_output_ struct output one = RUN_EXPECTING(0, "vfiobind", "show", "--json", address);
		_cleanup_json_ struct json_object *shown = json_of(&one);

		assert_true(json_object_equal(device, shown));
	}
}

static const struct CMUnitTest igb_tests[] = {
	SCENARIO(detach_binds_the_variant_of_this_driver_name),
	SCENARIO(a_round_trip_of_a_vf_leaves_nothing),
	SCENARIO(detach_takes_the_name_of_the_module_too),
	SCENARIO(detach_takes_the_name_of_the_node_device),
	SCENARIO(detach_takes_an_address_without_its_domain),
	SCENARIO(detach_binds_the_variant_by_its_newer_name),
	SCENARIO(detach_takes_a_network_interface),
	SCENARIO(reattach_brings_the_network_interface_back),
	SCENARIO(the_first_line_wins_among_equals_and_a_warning_names_both),
	SCENARIO(detach_to_the_same_driver_writes_nothing),
	SCENARIO(reattach_leaves_a_device_on_its_host_driver_alone),
	SCENARIO(detach_moves_from_one_vfio_driver_to_another),
	SCENARIO(reattach_after_a_move_finds_the_host_driver),
	SCENARIO(an_override_of_somebody_else_is_replaced_and_then_restored),
	SCENARIO(an_override_for_vfio_that_was_waiting_is_restored_too),
	SCENARIO(detach_and_reattach_write_only_three_attributes),
	SCENARIO(show_tells_all_of_a_vf_on_its_host_driver),
	SCENARIO(show_tells_the_vfs_of_a_pf),
	SCENARIO(each_element_of_list_is_what_show_says),
};

static const struct CMUnitTest e1000e_tests[] = {
	SCENARIO(an_82574l_goes_to_its_variant_and_back),
	SCENARIO(a_round_trip_of_an_82574l_leaves_nothing),
};

static const struct CMUnitTest mlx5_tests[] = {
	SCENARIO(detach_without_a_name_takes_the_best_match),  SCENARIO(a_round_trip_of_an_mlx5_vf_leaves_nothing),
	SCENARIO(detach_takes_hyphens_for_underscores),        SCENARIO(the_word_vfio_means_the_best_match),
	SCENARIO(explain_ranks_the_more_specific_alias_first), SCENARIO(explain_offers_a_pf_no_driver_for_vfs),
};

SCENARIO_MAIN(SUITE("igb-sriov", igb_tests), SUITE("e1000e", e1000e_tests), SUITE("mlx5-sriov", mlx5_tests))
