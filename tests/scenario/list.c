/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What list and show say of devices: all of it, also while one of them keeps the reader waiting. */
#include "beside.h"
#include "harness.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Of the machines e1000e and e1000e-6.1. */
#define PORT "0000:00:1d.0"
#define NIC "0000:03:00.0"
/* Of the machine two-vfs. */
#define VF "0000:04:10.0"

/* Up to the column of names, which are those of the pci.ids of the day. */
static char *without_names(const char *text)
{
	const char *header = strstr(text, "NAME");
	size_t width = header ? (size_t)(header - text) : 0;
	char *cut = calloc(1, strlen(text) + 1), *copy = strdup(text), *rest = copy;

	assert_non_null(header);
	assert_non_null(cut);
	for (char *line; (line = strsep(&rest, "\n")) && *line;) {
		/* A note below the table has no names. */
		if (*line != '*' && strlen(line) > width)
			line[width] = '\0';
		for (size_t n = strlen(line); n && line[n - 1] == ' '; n--)
			line[n - 1] = '\0';
		sprintf(cut + strlen(cut), "%s\n", line);
	}
	free(copy);
	return cut;
}

static void assert_tree(const char *expected, const char *const *command)
{
	_cleanup_output_ struct output output = run_expecting(0, command);
	_cleanup_text_ char *found = without_names(output.out);

	assert_string_equal(found, expected);
	assert_string_equal(output.err, "");
}
#define ASSERT_TREE(expected, ...) assert_tree((expected), (const char *const[]){"vfiobind", "list", __VA_ARGS__, NULL})

static void the_tree_has_virtual_functions_below_their_physical_function(void **state)
{
	RUN_WELL("vfiobind", "detach", VF, "--driver", "vfio-pci-igbvf");
	ASSERT_TREE("ADDRESS             DRIVER            TYPE       GROUP\n"
		    "0000:00:1c.0        pcieport          host          20\n"
		    "`- 0000:04:00.0     igb               host          21\n"
		    "   |- 0000:04:10.0  vfio-pci-igbvf    vfio           0\n"
		    "   `- 0000:04:10.2  igbvf             host           1\n",
		    "--tree");
}

/* Where the device is stays to be seen. */
static void the_tree_of_one_kind_of_driver_has_what_is_above(void **state)
{
	RUN_WELL("vfiobind", "detach", VF, "--driver", "vfio-pci-igbvf");
	ASSERT_TREE("ADDRESS             DRIVER            TYPE       GROUP\n"
		    "0000:00:1c.0        pcieport          host          20\n"
		    "`- 0000:04:00.0     igb               host          21\n"
		    "   `- 0000:04:10.0  vfio-pci-igbvf    vfio           0\n",
		    "--tree", "--driver-type", "vfio");
}

static void the_tree_tells_who_shares_a_group(void **state)
{
	ASSERT_TREE("ADDRESS          DRIVER            TYPE       GROUP\n"
		    "0000:00:1c.0     pcieport          host         12*\n"
		    "|- 0000:03:00.0  e1000e            host         12*\n"
		    "|- 0000:03:00.1  igb               host         12*\n"
		    "`- 0000:03:00.2  nvme              host         12*\n"
		    "* group 12: 3 devices, to be assigned together; on host drivers: 0000:03:00.0 (e1000e), "
		    "0000:03:00.1 (igb), 0000:03:00.2 (nvme)\n",
		    "--tree");
	RUN_WELL("vfiobind", "detach", NIC, "--group", "--driver", "vfio-pci");
	ASSERT_TREE("ADDRESS          DRIVER            TYPE       GROUP\n"
		    "0000:00:1c.0     pcieport          host         12*\n"
		    "|- 0000:03:00.0  vfio-pci          vfio         12*\n"
		    "|- 0000:03:00.1  vfio-pci          vfio         12*\n"
		    "`- 0000:03:00.2  vfio-pci          vfio         12*\n"
		    "* group 12: 3 devices, to be assigned together\n",
		    "--tree");
}

/* The bridge is one of the group, but not of what is assigned: of one endpoint there is nothing to tell. */
static void a_bridge_shares_no_group_with_one_endpoint(void **state)
{
	write_file("/sys/bus/pci/devices/0000:03:00.1/remove", "1");
	write_file("/sys/bus/pci/devices/0000:03:00.2/remove", "1");
	ASSERT_TREE("ADDRESS          DRIVER            TYPE       GROUP\n"
		    "0000:00:1c.0     pcieport          host          12\n"
		    "`- 0000:03:00.0  e1000e            host          12\n",
		    "--tree");
}

static void a_tree_is_no_document(void **state)
{
	ASSERT_FAILS(2, "invalid-argument", "untouched", "list", "--tree");
}

/* ---- JSON ---- */

static const char *const keys[] = {
	"address",         "name",        "vendor",        "device",       "subsystem_vendor", "subsystem_device",
	"class",           "modalias",    "driver",        "module",       "driver_type",      "variant",
	"driver_override", "iommu_group", "group_devices", "group_viable", "group_blockers",   "physfn",
	"virtfns",         "numvfs",      "netdevs",       "vfio",         "detached",         "domain",
	"parent",          "error",       "pending",
};

static void assert_keys(struct json_object *device)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		json_at(device, keys[i]);
	assert_int_equal(json_object_object_length(device), ARRAY_SIZE(keys));
}

static void each_element_of_the_list_is_what_show_says(void **state)
{
	_cleanup_output_ struct output output = {.out = NULL};
	_cleanup_json_ struct json_object *list = NULL;

	RUN_WELL("vfiobind", "detach", VF, "--driver", "vfio-pci-igbvf");
	output = RUN_EXPECTING(0, "vfiobind", "list", "--all", "--json");
	list = json_of(&output);
	assert_int_equal(json_object_array_length(list), 4);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *element = json_object_array_get_idx(list, i);
		const char *address = json_object_get_string(json_at(element, "address"));
		_cleanup_output_ struct output shown = RUN_EXPECTING(0, "vfiobind", "show", address, "--json");
		_cleanup_json_ struct json_object *device = json_of(&shown);

		assert_keys(element);
		assert_true(json_object_equal(element, device));
	}
	assert_json_text(list, "0.parent", NULL);
	assert_json_text(list, "1.parent", "0000:00:1c.0");
	assert_json_text(list, "2.parent", "0000:00:1c.0");
	assert_json_text(list, "2.physfn", "0000:04:00.0");
	assert_json_text(list, "2.detached.host_driver", "igbvf");
}

/* ---- text ---- */

static void show_says_all_that_is_known(void **state)
{
	static const char *const lines[] = {
		"id               8086:10ca (subsystem 1af4:1100), class 020000\n",
		"modalias         pci:v00008086d000010CAsv00001AF4sd00001100bc02sc00i00\n",
		"driver           vfio-pci-igbvf (vfio, variant, module vfio_pci_igbvf)\n",
		"driver_override  vfio-pci-igbvf\n",
		"detached         since 2",
		", from igbvf\n",
		"IOMMU group      0, viable\n",
		"behind           0000:00:1c.0\n",
		"VF of            0000:04:00.0\n",
		"VFIO device      vfio0\n",
		"group node       /dev/vfio/0",
		"device node      -\n",
	};
	_cleanup_output_ struct output output = {.out = NULL}, host = {.out = NULL};

	host = RUN_EXPECTING(0, "vfiobind", "show", "0000:04:00.0");
	assert_non_null(strstr(host.out, "VFs              2 0000:04:10.0 0000:04:10.2\n"));
	assert_non_null(strstr(host.out, "interface        eth0\n"));
	RUN_WELL("vfiobind", "detach", VF, "--driver", "vfio-pci-igbvf");
	output = RUN_EXPECTING(0, "vfiobind", "show", VF);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		if (!strstr(output.out, lines[i]))
			fail_msg("no \"%s\" in:\n%s", lines[i], output.out);
}

/* ---- what was not ended ---- */

/* The journal of one that was killed; of one that is under way there is the same. */
static void an_operation_that_was_not_ended_is_told(void **state)
{
	static const char *const detach[] = {"vfiobind", "detach", VF, "--driver", "vfio-pci-igbvf", NULL};
	static const char *const lists[] = {"--all", "--tree"};
	_cleanup_output_ struct output text = {.out = NULL}, document = {.out = NULL}, after = {.out = NULL};
	_cleanup_json_ struct json_object *json = NULL, *json_after = NULL;
	_cleanup_text_ char *line = NULL, *note = NULL;

	assert_true(beside_crash_at(detach, "sys.write path=*/igbvf/unbind times=1"));
	document = RUN_EXPECTING(0, "vfiobind", "show", VF, "--json");
	json = json_of(&document);
	assert_json_text(json, "pending.operation", "detach");
	assert_json_text(json, "pending.command", "vfiobind");
	assert_true(json_object_get_int(json_at(json, "pending.pid")) > 0);
	assert_non_null(strptime(json_object_get_string(json_at(json, "pending.since")), "%Y-%m-%dT%H:%M:%SZ",
				 &(struct tm){.tm_sec = 0}));
	note = format_text("a detach by pid %d, vfiobind; unless that still runs: vfiobind repair",
			   json_object_get_int(json_at(json, "pending.pid")));
	text = RUN_EXPECTING(0, "vfiobind", "show", VF);
	line = format_text(", %s\n", note);
	assert_non_null(strstr(text.out, "\nnot ended        since 2"));
	assert_non_null(strstr(strstr(text.out, "\nnot ended "), line));
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		_cleanup_output_ struct output list = RUN_EXPECTING(0, "vfiobind", "list", lists[i]);
		_cleanup_text_ char *expected = format_text("\n! " VF ": not ended: %s\n", note);
		const char *found = strstr(list.out, expected);

		assert_non_null(found);
		assert_string_equal(found, expected);
	}
	RUN_WELL("vfiobind", "repair");
	after = RUN_EXPECTING(0, "vfiobind", "show", VF, "--json");
	json_after = json_of(&after);
	assert_null(json_at(json_after, "pending"));
	{
		_cleanup_output_ struct output list = RUN_EXPECTING(0, "vfiobind", "list");

		assert_null(strchr(list.out, '!'));
	}
}

/* ---- one that keeps the reader waiting ---- */

/* The port is listed in full, and of the NIC all but what could not be read. */
static void assert_one_stuck(const char *timeout, const char *attribute)
{
	_cleanup_text_ char *operation = format_text("read %s", attribute);
	_cleanup_output_ struct output output =
		RUN_EXPECTING(4, "vfiobind", "list", "--all", "--json", "--timeout", timeout);
	_cleanup_json_ struct json_object *list = json_of(&output);

	assert_int_equal(json_object_array_length(list), 2);
	for (size_t i = 0; i < 2; i++)
		assert_keys(json_object_array_get_idx(list, i));
	assert_json_text(list, "0.address", PORT);
	assert_json_text(list, "0.vendor", "0x1b36");
	assert_json_text(list, "0.error", NULL);
	assert_json_text(list, "1.address", NIC);
	assert_json_text(list, "1.error.code", "timed-out");
	assert_json_text(list, "1.error.device", NIC);
	assert_json_text(list, "1.error.operation", operation);
	assert_json_int(list, "1.iommu_group", 14);
	assert_json_text(list, "1.parent", PORT);
	assert_json_text(list, "1.driver_override", NULL);
	assert_json_text(list, "1.vendor", strcmp(attribute, "vendor") == 0 ? NULL : "0x8086");
	assert_non_null(strstr(output.err, NIC));
	assert_ptr_equal(strchr(output.err, '\n'), output.err + strlen(output.err) - 1);
}

static void the_others_are_listed_when_an_attribute_is_held(void **state)
{
	static const char *const attributes[] = {"driver_override", "vendor"};

	/* What never changes is a plain file in way plain. */
	for (size_t i = 0; i < (is_way_plain() ? 1 : ARRAY_SIZE(attributes)); i++) {
		add_fault("sys.read path=*/" NIC "/%s hold", attributes[i]);
		assert_one_stuck("0.3", attributes[i]);
		ASSERT_FAILS(4, "timed-out", "untouched", "show", NIC, "--timeout=0.1");
		{
			_cleanup_output_ struct output output =
				RUN_EXPECTING(4, "vfiobind", "list", "--timeout", "0.1");

			assert_non_null(strstr(output.out, NIC "  e1000e            host          14"));
		}
		beside_release_all();
	}
	RUN_WELL("vfiobind", "list");
}

/* It is waited for as long as the time-out allows. */
static void what_is_let_go_in_time_is_listed_in_full(void **state)
{
	static const char *const list[] = {"vfiobind", "list", "--json", "--timeout=60", NULL};
	pid_t pid;

	add_fault("sys.read path=*/" NIC "/driver_override hold");
	pid = beside_start(list);
	beside_wait_held("sys.read");
	beside_release_all();
	assert_int_equal(beside_end(pid), 0);
}

/* The lock of the device is its driver's for as long as the probe takes. */
static void the_others_are_listed_while_a_driver_probes(void **state)
{
	static const char *const bind[] = {"sh", "-c", "echo " NIC " >/sys/bus/pci/drivers_probe", NULL};
	pid_t pid;

	write_file("/sys/bus/pci/drivers/e1000e/unbind", NIC);
	add_fault("dd.probe device=" NIC " hold");
	pid = beside_start(bind);
	beside_wait_held("dd.probe");
	assert_one_stuck("0.3", "driver_override");
	beside_release_all();
	assert_int_equal(beside_end(pid), 0);
	RUN_WELL("vfiobind", "list");
}

static const struct CMUnitTest two_vfs_tests[] = {
	SCENARIO(the_tree_has_virtual_functions_below_their_physical_function),
	SCENARIO(the_tree_of_one_kind_of_driver_has_what_is_above),
	SCENARIO(each_element_of_the_list_is_what_show_says),
	SCENARIO(show_says_all_that_is_known),
	SCENARIO(an_operation_that_was_not_ended_is_told),
};

static const struct CMUnitTest shared_group_tests[] = {
	SCENARIO(the_tree_tells_who_shares_a_group),
	SCENARIO(a_bridge_shares_no_group_with_one_endpoint),
	SCENARIO(a_tree_is_no_document),
};

static const struct CMUnitTest e1000e_tests[] = {
	SCENARIO(the_others_are_listed_when_an_attribute_is_held),
	SCENARIO(what_is_let_go_in_time_is_listed_in_full),
};

static const struct CMUnitTest old_kernel_tests[] = {
	SCENARIO(the_others_are_listed_while_a_driver_probes),
};

SCENARIO_MAIN(SUITE("two-vfs", two_vfs_tests), SUITE("shared-group", shared_group_tests), SUITE("e1000e", e1000e_tests),
	      SUITE("e1000e-6.1", old_kernel_tests))
