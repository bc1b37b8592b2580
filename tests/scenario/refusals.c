/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is refused before anything is touched: a code of its own each, one line, and all is as it was. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

/* Addresses of the machine two-vfs. */
#define BRIDGE "0000:00:1c.0"
#define PF "0000:04:00.0"
#define VF "0000:04:10.0"
#define OTHER_VF "0000:04:10.2"
/* Of the other two. */
#define NIC "0000:03:00.0"

/* The command refuses, and nothing can be seen of it. */
#define ASSERT_REFUSED(exit_status, error_code, ...)                             \
	do {                                                                     \
		_cleanup_snapshot_ struct snapshot *before = snapshot_take();    \
		trace_clear();                                                   \
		ASSERT_FAILS(exit_status, error_code, "untouched", __VA_ARGS__); \
		assert_nothing_written();                                        \
		assert_unchanged(before);                                        \
	} while (0)

/* ---- the driver ---- */

static void an_unknown_driver_is_refused(void **state)
{
	ASSERT_REFUSED(3, "driver-not-found", "detach", VF, "--driver", "vfio-pci-igbfv");
}

static void a_host_driver_is_refused(void **state)
{
	ASSERT_REFUSED(3, "not-vfio-driver", "detach", VF, "--driver", "igbvf");
}

static void the_host_driver_of_another_device_is_refused(void **state)
{
	ASSERT_REFUSED(3, "not-vfio-driver", "detach", VF, "--driver", "igb");
}

/* Loading it to ask it would let it take every device that it knows. */
static void a_host_driver_that_is_not_loaded_is_refused_unloaded(void **state)
{
	RUN_WELL("modprobe", "-r", "igbvf");
	assert_false(exists("/sys/module/igbvf"));
	ASSERT_REFUSED(3, "not-vfio-driver", "detach", VF, "--driver", "igbvf");
	assert_false(exists("/sys/module/igbvf"));
}

static void a_module_without_a_pci_driver_is_refused(void **state)
{
	RUN_WELL("modprobe", "vfio_pci_core");
	ASSERT_REFUSED(3, "module-has-no-driver", "detach", VF, "--driver", "vfio-pci-core");
}

/* Not as drivers that are missing, whether there are such modules or not. */
static void kinds_of_driver_other_than_vfio_are_refused(void **state)
{
	static const char *const kinds[] = {"none", "kvm", "xen", "pciback", "xen_pciback", "host", "userspace"};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		ASSERT_REFUSED(3, "driver-type-unsupported", "detach", VF, "--driver", kinds[i]);
}

static void what_can_be_no_name_of_a_driver_is_wrong_use(void **state)
{
	static const char *const names[] = {"../igbvf", "", ".", "..", "a/b", "vfio-pci\nigbvf"};

	needs_no_kernel();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		ASSERT_FAILS(2, "invalid-driver-name", "untouched", "detach", VF, "--driver", names[i]);
		assert_nothing_written();
	}
}

/* ---- the device ---- */

static void an_unknown_device_is_refused(void **state)
{
	ASSERT_REFUSED(3, "device-not-found", "detach", "0000:09:00.0");
}

static void an_unknown_interface_is_refused(void **state)
{
	ASSERT_REFUSED(3, "device-not-found", "detach", "eth99");
}

static void what_is_no_device_is_wrong_use(void **state)
{
	static const char *const names[] = {
		"04:11",         "04:11.8", "0000:04:20.0",  "0000:04:11.5.",    "pci_0000_04_11_8",
		"0000:04:11.5 ", "",        "../../devices", "pci_0000:04:11.5", "fffffffff:04:11.5"};
	static const char *const verbs[] = {"detach", "reattach", "show", "explain"};

	needs_no_kernel();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		for (size_t j = 0; j < ARRAY_SIZE(verbs); j++)
			ASSERT_FAILS(2, "invalid-address", "untouched", verbs[j], names[i]);
	assert_nothing_written();
}

static void a_bridge_is_refused(void **state)
{
	ASSERT_REFUSED(3, "not-endpoint", "detach", BRIDGE);
}

static void a_pf_with_vfs_is_refused(void **state)
{
	_cleanup_output_ struct output output = {.out = NULL};

	ASSERT_REFUSED(3, "pf-has-vfs", "detach", PF);
	output = RUN_EXPECTING(3, "vfiobind", "detach", PF);
	assert_string_equal(output.err, "vfiobind: " PF ": cannot detach: it has virtual functions (" VF
					"); remove them first: vfiobind sriov " PF " --numvfs 0\n");
}

static void a_pf_without_vfs_is_taken(void **state)
{
	_cleanup_output_ struct output output = {.out = NULL};

	write_file(DEVICES "/" PF "/sriov_numvfs", "0");
	output = RUN_EXPECTING(0, "vfiobind", "detach", PF);
	assert_device(PF, "vfio-pci", "vfio-pci");
}

static void one_bad_device_among_good_ones_refuses_all(void **state)
{
	ASSERT_REFUSED(3, "pf-has-vfs", "detach", OTHER_VF, VF, PF);
	ASSERT_REFUSED(3, "not-endpoint", "detach", BRIDGE, OTHER_VF);
	ASSERT_REFUSED(3, "device-not-found", "detach", OTHER_VF, "0000:04:12.0");
}

/* ---- the use ---- */

static void wrong_use_is_told_as_json_too(void **state)
{
	needs_no_kernel();
	ASSERT_FAILS(2, "invalid-argument", "untouched", "detach");
	ASSERT_FAILS(2, "invalid-argument", "untouched", "detach", "--no-such-option", VF);
	ASSERT_FAILS(2, "invalid-argument", "untouched", "no-such-verb");
	ASSERT_FAILS(2, "invalid-argument", "untouched", "show", VF, VF);
	ASSERT_FAILS(2, "invalid-argument", "untouched", "show", "--driver", "vfio-pci", VF);
	assert_nothing_written();
}

static void the_error_names_what_was_given_on_one_line(void **state)
{
	_cleanup_output_ struct output output = RUN_EXPECTING(2, "vfiobind", "detach", "eth0\nrm -rf\033[31m");

	assert_string_equal(output.out, "");
	assert_non_null(strstr(output.err, "eth0\\nrm -rf\\x1b[31m"));
	assert_ptr_equal(strchr(output.err, '\n'), output.err + strlen(output.err) - 1);
}

/* ---- modules ---- */

static void a_blacklisted_module_is_refused(void **state)
{
	ASSERT_REFUSED(3, "module-blacklisted", "detach", NIC, "--driver", "vfio-pci-e1000e");
}

static void a_module_with_an_install_command_is_refused(void **state)
{
	ASSERT_REFUSED(3, "module-install-command", "detach", NIC, "--driver", "e1000e-vfio-pci");
}

static void the_best_match_passes_over_what_may_not_be_loaded(void **state)
{
	_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "explain", NIC, "--json");
	_cleanup_json_ struct json_object *document = json_of(&output);

	assert_json_text(document, "candidates.0.module", "vfio_pci_e1000e");
	assert_json_bool(document, "candidates.0.usable", false);
	assert_json_text(document, "candidates.1.module", "e1000e_vfio_pci");
	assert_json_bool(document, "candidates.1.usable", false);
	assert_json_text(document, "candidates.2.module", "vfio_pci");
	assert_json_bool(document, "candidates.2.usable", true);
	assert_json_text(document, "chosen", "vfio-pci");

	RUN_WELL("vfiobind", "detach", NIC);
	assert_device(NIC, "vfio-pci", "vfio-pci");
}

/* Loaded by hand it is there, whatever modprobe.d says of loading it. */
static void a_blacklisted_module_that_is_loaded_is_taken(void **state)
{
	RUN_WELL("modprobe", "vfio-pci-e1000e");
	RUN_WELL("vfiobind", "detach", NIC, "--driver", "vfio-pci-e1000e");
	assert_device(NIC, "vfio-pci-e1000e", "vfio-pci-e1000e");
}

static void copy_file(const char *from_directory, const char *to_directory, const char *name)
{
	_cleanup_text_ char *from = format_text("%s/%s", from_directory, name);
	_cleanup_text_ char *to = format_text("%s/%s", to_directory, name);
	char buffer[65536];
	FILE *in = fopen(from, "re"), *out = fopen(to, "we");
	size_t n;

	assert_non_null(in);
	assert_non_null(out);
	while ((n = fread(buffer, 1, sizeof(buffer), in)) > 0)
		assert_int_equal(fwrite(buffer, 1, n, out), n);
	assert_false(ferror(in));
	fclose(in);
	assert_int_equal(fclose(out), 0);
}

/* Those that libkmod and the library look into. */
static const char *const index_names[] = {
	"modules.alias",       "modules.alias.bin",       "modules.dep",     "modules.dep.bin",
	"modules.builtin.bin", "modules.builtin.modinfo", "modules.softdep",
};

static void remove_index(const char *directory)
{
	for (size_t i = 0; i < ARRAY_SIZE(index_names); i++) {
		_cleanup_text_ char *path = format_text("%s/%s", directory, index_names[i]);

		unlink(path);
	}
	rmdir(directory);
}

/* The indexes of the machine's modules, and not one module: as after a kernel's package was replaced under it. */
static void a_module_whose_file_is_missing_is_refused(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = snapshot_take();
	struct vfiobind_detach_options options = VFIOBIND_DETACH_OPTIONS_INIT;
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	char parent[] = "/tmp/vfiobind-test-XXXXXX";
	struct vfiobind_context *context;
	struct vfiobind_address address;
	struct utsname name;

	uname(&name);
	assert_non_null(mkdtemp(parent));
	{
		_cleanup_text_ char *copy = format_text("%s/%s", parent, name.release);
		_cleanup_text_ char *index = format_text("/lib/modules/%s", name.release);
		int r;

		assert_return_code(mkdir(copy, 0755), errno);
		for (size_t i = 0; i < ARRAY_SIZE(index_names); i++) {
			_cleanup_text_ char *path = format_text("%s/%s", index, index_names[i]);

			if (exists(path))
				copy_file(index, copy, index_names[i]);
		}
		trace_clear();
		assert_return_code(vfiobind_context_new(&context), 0);
		assert_return_code(vfiobind_context_set_modules_root(context, copy), 0);
		assert_return_code(vfiobind_device_find(context, NIC, &address, NULL), 0);
		options.driver = "vfio-pci";
		r = vfiobind_device_detach(context, &address, 1, &options, NULL, &error);
		vfiobind_context_free(context);
		remove_index(copy);
		rmdir(parent);
		assert_int_equal(r, -ENOENT);
	}
	assert_string_equal(vfiobind_error_code_name(error.code), "module-missing");
	assert_int_equal(error.state, VFIOBIND_STATE_UNTOUCHED);
	assert_nothing_written();
	assert_unchanged(before);
}

/* A rule of the fake stands for a module that the kernel does not want: unsigned, of another version, no room. */
static void a_module_that_the_kernel_refuses_leaves_the_device_alone(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = snapshot_take();

	add_fault("module.load fail=ENOMEM");
	ASSERT_FAILS(3, "module-load-failed", "untouched", "detach", NIC, "--driver", "vfio-pci");
	assert_true(fault_fired("module.load") > 0);
	assert_int_equal(TRACE_COUNT(" sys.write "), 0);
	assert_unchanged(before);
}

/* ---- the host ---- */

static void a_device_without_an_iommu_group_is_refused(void **state)
{
	ASSERT_REFUSED(3, "no-iommu-group", "detach", NIC);
	ASSERT_REFUSED(3, "no-iommu-group", "detach", NIC, "--driver", "vfio-pci");
}

static void doctor_finds_the_missing_iommu(void **state)
{
	_cleanup_output_ struct output output = RUN_EXPECTING(3, "vfiobind", "doctor", "--json");
	_cleanup_json_ struct json_object *document = json_of(&output);
	struct json_object *checks = json_at(document, "checks");
	bool found = false;

	for (size_t i = 0; i < json_object_array_length(checks); i++) {
		struct json_object *check = json_object_array_get_idx(checks, i);

		if (strcmp(json_object_get_string(json_at(check, "check")), "iommu-groups") != 0)
			continue;
		assert_json_bool(check, "ok", false);
		assert_non_null(strstr(json_object_get_string(json_at(check, "found")), "no groups"));
		assert_non_null(strstr(json_object_get_string(json_at(check, "hint")), "kernel command line"));
		found = true;
	}
	assert_true(found);
	assert_nothing_written();
}

/* ---- in use ---- */

static void take_up(const char *device)
{
	_cleanup_text_ char *command = format_text("cd " DEVICES "/%s/net/eth* && echo 0x1003 >flags", device);

	assert_int_equal(system(command), 0);
}

static void a_device_whose_interface_is_up_is_refused(void **state)
{
	take_up(VF);
	ASSERT_REFUSED(3, "netdev-in-use", "detach", VF, "--driver", "vfio-pci-igbvf");
	RUN_WELL("vfiobind", "detach", VF, "--driver", "vfio-pci-igbvf", "--force");
	assert_device(VF, "vfio-pci-igbvf", "vfio-pci-igbvf");
}

/* What is so already needs nobody's leave. */
static void a_device_that_is_detached_already_is_not_refused(void **state)
{
	_cleanup_text_ char *group = NULL, *node = NULL;
	int fd;

	RUN_WELL("vfiobind", "detach", VF, "--driver", "vfio-pci-igbvf");
	group = link_name(DEVICES "/" VF "/iommu_group");
	node = format_text("/dev/vfio/%s", group);
	fd = open(node, O_RDWR | O_CLOEXEC);
	assert_return_code(fd, errno);
	RUN_WELL("vfiobind", "detach", VF, "--driver", "vfio-pci-igbvf");
	close(fd);
}

static void a_device_that_somebody_has_open_is_not_moved(void **state)
{
	_cleanup_text_ char *group = NULL, *node = NULL, *self = format_text("(pid %d)", getpid());
	int fd;

	RUN_WELL("modprobe", "vfio-pci");
	RUN_WELL("vfiobind", "detach", VF, "--driver", "vfio-pci-igbvf");
	group = link_name(DEVICES "/" VF "/iommu_group");
	node = format_text("/dev/vfio/%s", group);
	fd = open(node, O_RDWR | O_CLOEXEC);
	assert_return_code(fd, errno);
	trace_clear();
	{
		_cleanup_output_ struct output output =
			RUN_EXPECTING(3, "vfiobind", "detach", VF, "--driver", "vfio-pci", "--json");
		_cleanup_json_ struct json_object *document = json_of(&output);

		assert_json_text(document, "error.code", "vfio-in-use");
		assert_non_null(strstr(json_object_get_string(json_at(document, "error.found")), self));
	}
	assert_nothing_written();
	close(fd);
	RUN_WELL("vfiobind", "detach", VF, "--driver", "vfio-pci");
}

static void a_group_in_which_host_drivers_are_is_refused(void **state)
{
	_cleanup_output_ struct output output =
		RUN_EXPECTING(3, "vfiobind", "detach", NIC, "--driver", "vfio-pci", "--json");
	_cleanup_json_ struct json_object *document = json_of(&output);

	assert_json_text(document, "error.code", "group-in-use");
	assert_json_text(document, "error.found", "0000:03:00.1 on igb, 0000:03:00.2 on nvme");
	assert_nothing_written();
}

/* Host drivers of which none is in the way of DMA: the port's, and pci-stub. */
static void the_whole_group_is_taken_without_its_bridge(void **state)
{
	static const char *const functions[] = {NIC, "0000:03:00.1", "0000:03:00.2"};

	RUN_WELL("vfiobind", "detach", NIC, "--group", "--driver", "vfio-pci");
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
		assert_device(functions[i], "vfio-pci", "vfio-pci");
	assert_device(BRIDGE, "pcieport", "(null)");
	RUN_WELL("vfiobind", "reattach", NIC, "--group");
	assert_device(NIC, "e1000e", "(null)");
	assert_device("0000:03:00.1", "igb", "(null)");
	assert_device("0000:03:00.2", "nvme", "(null)");
}

/* ---- drivers that are not what they say ---- */

static void a_module_with_several_drivers_is_no_name_for_one(void **state)
{
	RUN_WELL("modprobe", "twins");
	ASSERT_REFUSED(3, "driver-ambiguous", "detach", NIC, "--driver", "twins");
	RUN_WELL("vfiobind", "detach", NIC, "--driver", "twin_two");
	assert_device(NIC, "twin-two", "twin-two");
}

static void a_driver_for_user_space_is_none_for_vfio(void **state)
{
	RUN_WELL("modprobe", "pci-stub");
	ASSERT_REFUSED(3, "not-vfio-driver", "detach", NIC, "--driver", "pci-stub");
	/* And where another tool has bound it, it is left alone. */
	write_file(DEVICES "/" NIC "/driver_override", "pci-stub");
	write_file("/sys/bus/pci/drivers/e1000e/unbind", NIC);
	write_file("/sys/bus/pci/drivers_probe", NIC);
	trace_clear();
	{
		_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "reattach", NIC);

		assert_non_null(strstr(output.err, "pci-stub"));
	}
	assert_nothing_written();
}

/* It is another domain's of Xen. A reattach leaves it alone, for no detach has bound it. */
static void what_xen_has_is_neither_detached_nor_reattached(void **state)
{
	_cleanup_output_ struct output output = {.out = NULL}, shown = {.out = NULL}, refused = {.out = NULL};
	_cleanup_json_ struct json_object *document = NULL;

	RUN_WELL("modprobe", "vfio-pci");
	ASSERT_REFUSED(3, "xen-driver", "detach", NIC);
	ASSERT_REFUSED(3, "xen-driver", "detach", NIC, "--driver", "vfio-pci", "--force");
	refused = RUN_EXPECTING(3, "vfiobind", "detach", NIC);
	assert_non_null(strstr(refused.err, "; take it from Xen first: xl pci-assignable-remove " NIC "\n"));
	trace_clear();
	output = RUN_EXPECTING(0, "vfiobind", "reattach", NIC);
	assert_string_equal(output.err,
			    "vfiobind: " NIC ": warning: it is on pciback, which no detach binds: left alone\n");
	assert_nothing_written();
	shown = RUN_EXPECTING(0, "vfiobind", "show", NIC, "--json");
	document = json_of(&shown);
	assert_json_text(document, "driver_type", "xen");
	assert_json_bool(document, "variant", false);
	assert_device(NIC, "pciback", "(null)");
}

static void a_driver_without_a_vfio_device_is_let_go_again(void **state)
{
	RUN_WELL("modprobe", "lookalike");
	RUN_WELL("modprobe", "vfio-pci");
	ASSERT_FAILS(1, "vfio-device-missing", "restored", "detach", NIC);
	assert_device(NIC, "e1000e", "(null)");
}

static void a_read_only_sysfs_is_refused(void **state)
{
	RUN_WELL("modprobe", "vfio-pci");
	add_fault("sys.open path=*/driver_override fail=EROFS after=1");
	ASSERT_FAILS(3, "sysfs-read-only", "untouched", "detach", NIC, "--driver", "vfio-pci");
	assert_int_equal(TRACE_COUNT(" sys.write ", "drivers_probe"), 0);
}

static const struct CMUnitTest odd_tests[] = {
	SCENARIO(a_module_with_several_drivers_is_no_name_for_one),
	SCENARIO(a_driver_for_user_space_is_none_for_vfio),
	SCENARIO(a_driver_without_a_vfio_device_is_let_go_again),
	SCENARIO(a_read_only_sysfs_is_refused),
};

static const struct CMUnitTest xen_tests[] = {
	SCENARIO(what_xen_has_is_neither_detached_nor_reattached),
};

static const struct CMUnitTest shared_group_tests[] = {
	SCENARIO(a_group_in_which_host_drivers_are_is_refused),
	SCENARIO(the_whole_group_is_taken_without_its_bridge),
};

static const struct CMUnitTest two_vfs_tests[] = {
	SCENARIO(a_device_whose_interface_is_up_is_refused),
	SCENARIO(a_device_that_is_detached_already_is_not_refused),
	SCENARIO(a_device_that_somebody_has_open_is_not_moved),
	SCENARIO(an_unknown_driver_is_refused),
	SCENARIO(a_host_driver_is_refused),
	SCENARIO(the_host_driver_of_another_device_is_refused),
	SCENARIO(a_host_driver_that_is_not_loaded_is_refused_unloaded),
	SCENARIO(a_module_without_a_pci_driver_is_refused),
	SCENARIO(kinds_of_driver_other_than_vfio_are_refused),
	SCENARIO(what_can_be_no_name_of_a_driver_is_wrong_use),
	SCENARIO(an_unknown_device_is_refused),
	SCENARIO(an_unknown_interface_is_refused),
	SCENARIO(what_is_no_device_is_wrong_use),
	SCENARIO(a_bridge_is_refused),
	SCENARIO(a_pf_with_vfs_is_refused),
	SCENARIO(a_pf_without_vfs_is_taken),
	SCENARIO(one_bad_device_among_good_ones_refuses_all),
	SCENARIO(wrong_use_is_told_as_json_too),
	SCENARIO(the_error_names_what_was_given_on_one_line),
};

static const struct CMUnitTest modprobe_tests[] = {
	SCENARIO(a_blacklisted_module_is_refused),
	SCENARIO(a_module_with_an_install_command_is_refused),
	SCENARIO(the_best_match_passes_over_what_may_not_be_loaded),
	SCENARIO(a_blacklisted_module_that_is_loaded_is_taken),
	SCENARIO(a_module_whose_file_is_missing_is_refused),
	SCENARIO(a_module_that_the_kernel_refuses_leaves_the_device_alone),
};

static const struct CMUnitTest no_iommu_tests[] = {
	SCENARIO(a_device_without_an_iommu_group_is_refused),
	SCENARIO(doctor_finds_the_missing_iommu),
};

SCENARIO_MAIN(SUITE("two-vfs", two_vfs_tests), SUITE("modprobe-lines", modprobe_tests),
	      SUITE("no-iommu", no_iommu_tests), SUITE("shared-group", shared_group_tests),
	      SUITE("odd-drivers", odd_tests), SUITE("xen", xen_tests))
