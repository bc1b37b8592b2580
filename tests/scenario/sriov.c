/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Virtual functions: what there is, how it changes, and what is refused. What may come in between: sriov-underway.c. */
#include "beside.h"
#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Of the machines igb-sriov, two-vfs and pf-on-stub. */
#define PORT "0000:00:1c.0"
#define PF "0000:04:00.0"
#define OTHER_PF "0000:04:00.1"
#define VF "0000:04:10.0"
#define SECOND_VF "0000:04:10.2"
#define THIRD_VF "0000:04:10.4"
#define NUMVFS DEVICES "/" PF "/sriov_numvfs"
#define AUTOPROBE DEVICES "/" PF "/sriov_drivers_autoprobe"
/* Of the machine mlx5-sriov. */
#define MLX5_PF "0000:3b:00.0"
#define MLX5_VF "0000:3b:00.2"
#define MLX5_LAST_VF "0000:3b:00.5"

#define ASSERT_REFUSED(exit_status, error_code, ...)                             \
	do {                                                                     \
		_cleanup_snapshot_ struct snapshot *before = snapshot_take();    \
		trace_clear();                                                   \
		ASSERT_FAILS(exit_status, error_code, "untouched", __VA_ARGS__); \
		assert_nothing_written();                                        \
		assert_unchanged(before);                                        \
		assert_no_journal();                                             \
	} while (0)

static void assert_no_journal(void)
{
	assert_false(exists("/run/vfiobind/journals/" PF));
	assert_false(exists("/run/vfiobind/journals/" MLX5_PF));
}

/* Which numbers groups and interfaces get is the kernel's affair. */
static char *group_of(const char *vf)
{
	char *group = link_name(DEVICES "/%s/iommu_group", vf);

	assert_non_null(group);
	return group;
}

static char *interface_of(const char *vf)
{
	_cleanup_text_ char *path = format_text(DEVICES "/%s/net", vf);
	DIR *directory = opendir(path);
	char *name = NULL;
	struct dirent *entry;

	assert_non_null(directory);
	while ((entry = readdir(directory)))
		if (entry->d_name[0] != '.' && !name)
			name = strdup(entry->d_name);
	closedir(directory);
	assert_non_null(name);
	return name;
}

static size_t n_vfs(struct json_object *document)
{
	return json_object_array_length(json_at(document, "vfs"));
}

/* ---- what there is, and how it changes ---- */

static void without_options_it_says_what_there_is(void **state)
{
	static const char *const vfs[] = {
		VF, SECOND_VF, THIRD_VF, "0000:04:10.6", "0000:04:11.0", "0000:04:11.2", "0000:04:11.4"};
	_cleanup_text_ char *expected = strdup(PF ": igb, 7 of 7 virtual functions, drivers_autoprobe on\n");
	_cleanup_snapshot_ struct snapshot *before = snapshot_take();
	_cleanup_output_ struct output output = {.out = NULL};

	trace_clear();
	output = RUN_EXPECTING(0, "vfiobind", "sriov", "pci_0000_04_00_0");
	for (size_t i = 0; i < ARRAY_SIZE(vfs); i++) {
		_cleanup_text_ char *group = group_of(vfs[i]), *interface = interface_of(vfs[i]), *before_it = expected;

		expected = format_text("%s  %zu  %s  group %-5s igbvf, %s\n", before_it, i, vfs[i], group, interface);
	}
	assert_string_equal(output.out, expected);
	assert_nothing_written();
	assert_unchanged(before);
}

static void all_are_removed_and_come_again(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = snapshot_take();
	_cleanup_output_ struct output output = {.out = NULL};

	trace_clear();
	output = RUN_EXPECTING(0, "vfiobind", "sriov", PF, "--numvfs", "0");
	assert_string_equal(output.out, PF ": igb, 0 of 7 virtual functions, drivers_autoprobe on\n");
	ASSERT_TRACED(1, " sys.write ");
	assert_false(exists(DEVICES "/" VF));
	assert_true(exists(DEVICES "/0000:04:10.1")); /* the other port's */
	RUN_WELL("vfiobind", "sriov", PF, "--numvfs", "7");
	assert_unchanged(before);
	assert_no_journal();
}

static void as_many_as_there_are_writes_nothing(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = snapshot_take();
	_cleanup_output_ struct output output = {.out = NULL};
	_cleanup_json_ struct json_object *document = NULL;

	trace_clear();
	output = RUN_EXPECTING(0, "vfiobind", "sriov", PF, "--numvfs", "7", "--autoprobe", "--json");
	document = json_of(&output);
	assert_json_bool(document, "changed", false);
	assert_int_equal(n_vfs(document), 7);
	assert_nothing_written();
	assert_unchanged(before);
}

static void none_where_there_are_none_writes_nothing(void **state)
{
	_cleanup_output_ struct output output = {.out = NULL};
	_cleanup_json_ struct json_object *document = NULL;

	write_file(NUMVFS, "0");
	trace_clear();
	output = RUN_EXPECTING(0, "vfiobind", "sriov", PF, "--numvfs", "0", "--json");
	document = json_of(&output);
	assert_json_bool(document, "changed", false);
	assert_int_equal(n_vfs(document), 0);
	assert_nothing_written();
}

/* sriov_numvfs_store(): from one number to another there is only EBUSY. */
static void another_number_goes_through_none(void **state)
{
	_cleanup_output_ struct output output = {.out = NULL};
	_cleanup_json_ struct json_object *document = NULL;
	_cleanup_text_ char *group = NULL, *interface = NULL;

	assert_int_equal(try_write_file(NUMVFS, "3"), -EBUSY);
	trace_clear();
	output = RUN_EXPECTING(0, "vfiobind", "sriov", PF, "--numvfs", "3", "--json");
	ASSERT_TRACED(2, " sys.write ", "/sriov_numvfs");
	ASSERT_TRACED(1, " iov.disable device=" PF);
	ASSERT_TRACED(1, " iov.enable device=" PF " = 0");
	document = json_of(&output);
	assert_json_text(document, "device", PF);
	assert_json_text(document, "driver", "igb");
	assert_json_int(document, "totalvfs", 7);
	assert_json_int(document, "numvfs", 3);
	assert_json_bool(document, "drivers_autoprobe", true);
	assert_json_bool(document, "changed", true);
	assert_int_equal(json_object_array_length(json_at(document, "warnings")), 0);
	assert_int_equal(n_vfs(document), 3);
	assert_json_int(document, "vfs.2.index", 2);
	assert_json_text(document, "vfs.2.address", THIRD_VF);
	assert_json_text(document, "vfs.2.driver", "igbvf");
	assert_json_text(document, "vfs.2.driver_type", "host");
	group = group_of(THIRD_VF);
	assert_json_int(document, "vfs.2.iommu_group", atoi(group));
	interface = interface_of(THIRD_VF);
	assert_json_text(document, "vfs.2.netdevs.0", interface);
	assert_json_bool(document, "vfs.2.ready", true);
	assert_text(NUMVFS, "3\n");
	assert_no_journal();
}

static void without_autoprobe_no_driver_takes_them(void **state)
{
	_cleanup_text_ char *first = NULL, *second = NULL, *expected = NULL;
	_cleanup_output_ struct output output = {.out = NULL};

	write_file(NUMVFS, "0");
	output = RUN_EXPECTING(0, "vfiobind", "sriov", PF, "--numvfs", "2", "--no-autoprobe");
	first = group_of(VF);
	second = group_of(SECOND_VF);
	expected = format_text(PF ": igb, 2 of 7 virtual functions, drivers_autoprobe off\n"
				  "  0  0000:04:10.0  group %-5s no driver\n"
				  "  1  0000:04:10.2  group %-5s no driver\n",
			       first, second);
	assert_string_equal(output.out, expected);
	assert_string_equal(output.err, "");
	assert_device(VF, NULL, "(null)");
	assert_text(AUTOPROBE, "0\n");
}

/* The kernel looks at it when it makes one: those that are there stay as they are. */
static void autoprobe_alone_is_changed(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = snapshot_take();

	trace_clear();
	RUN_WELL("vfiobind", "sriov", PF, "--no-autoprobe");
	ASSERT_TRACED(1, " sys.write ");
	assert_text(AUTOPROBE, "0\n");
	assert_text(NUMVFS, "2\n");
	RUN_WELL("vfiobind", "sriov", PF, "--autoprobe");
	assert_unchanged(before);
}

static void the_vfs_of_another_driver_family_come_and_go(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = snapshot_take();
	_cleanup_output_ struct output output = {.out = NULL};
	_cleanup_json_ struct json_object *document = NULL;

	RUN_WELL("vfiobind", "sriov", MLX5_PF, "--numvfs", "0");
	assert_false(exists(DEVICES "/" MLX5_VF));
	output = RUN_EXPECTING(0, "vfiobind", "sriov", MLX5_PF, "--numvfs", "4", "--json");
	document = json_of(&output);
	assert_json_text(document, "vfs.3.address", MLX5_LAST_VF);
	assert_json_text(document, "vfs.3.driver", "mlx5_core");
	assert_json_bool(document, "vfs.3.ready", true);
	assert_unchanged(before);
}

static void each_pf_has_a_number_of_its_own(void **state)
{
	ASSERT_REFUSED(3, "too-many-vfs", "sriov", MLX5_PF, "--numvfs", "17");
}

/* What the administrator had switched off before stays so, and is looked at as such: nothing is waited for. */
static void vfs_go_to_guests_at_once(void **state)
{
	RUN_WELL("vfiobind", "sriov", MLX5_PF, "--numvfs", "0");
	RUN_WELL("vfiobind", "sriov", MLX5_PF, "--numvfs", "2", "--no-autoprobe");
	RUN_WELL("vfiobind", "detach", MLX5_VF);
	assert_device(MLX5_VF, "mlx5_vfio_pci", "mlx5_vfio_pci");
	RUN_WELL("vfiobind", "reattach", MLX5_VF);
	assert_device(MLX5_VF, NULL, "(null)");
	/* No driver is to have them: that is told to who asks for one. */
	{
		_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "reattach", MLX5_VF);

		assert_string_equal(output.err,
				    "vfiobind: " MLX5_VF
				    ": warning: no host driver took it: sriov_drivers_autoprobe of " MLX5_PF
				    " is off: vfiobind sriov " MLX5_PF " --autoprobe, then reattach it again\n");
	}
	RUN_WELL("vfiobind", "sriov", MLX5_PF, "--autoprobe");
	RUN_WELL("vfiobind", "reattach", MLX5_VF);
	assert_device(MLX5_VF, "mlx5_core", "(null)");
}

/* ---- refusals ---- */

static void what_has_no_sriov_is_refused(void **state)
{
	_cleanup_output_ struct output output = {.out = NULL};

	ASSERT_REFUSED(3, "no-sriov", "sriov", PORT);
	ASSERT_REFUSED(3, "no-sriov", "sriov", PORT, "--numvfs", "1");
	ASSERT_REFUSED(3, "no-sriov", "sriov", VF, "--numvfs", "0", "--force");
	output = RUN_EXPECTING(3, "vfiobind", "sriov", VF, "--numvfs", "1");
	assert_string_equal(output.err,
			    "vfiobind: " VF ": cannot create virtual functions: it is no physical function with SR-IOV "
			    "(a virtual function); name its physical function: " PF "\n");
	output_free(&output);
	output = RUN_EXPECTING(3, "vfiobind", "sriov", PORT);
	assert_string_equal(output.err, "vfiobind: " PORT
					": cannot read its virtual functions: it is no physical function with SR-IOV "
					"[/sys/bus/pci/devices/" PORT
					"/sriov_totalvfs]; if the card has SR-IOV, turn it on in its firmware\n");
	output_free(&output);
	output = RUN_EXPECTING(3, "vfiobind", "sriov", PORT, "--numvfs", "0");
	assert_non_null(strstr(output.err, PORT ": cannot remove its virtual functions: "));
	ASSERT_FAILS(3, "device-not-found", "untouched", "sriov", "0000:04:1f.7", "--numvfs", "1");
}

static void more_than_there_can_be_are_refused(void **state)
{
	_cleanup_output_ struct output output = {.out = NULL};

	ASSERT_REFUSED(3, "too-many-vfs", "sriov", PF, "--numvfs", "8");
	ASSERT_REFUSED(3, "too-many-vfs", "sriov", PF, "--numvfs", "65535", "--force");
	output = RUN_EXPECTING(3, "vfiobind", "sriov", PF, "--numvfs", "8");
	assert_string_equal(output.err,
			    "vfiobind: " PF ": cannot create virtual functions: it cannot have so many virtual "
			    "functions (expected at most 7, found 8)\n");
}

static void what_is_no_number_is_wrong_use(void **state)
{
	static const char *const numbers[] = {"",  " ",  "-1",    "+1",    "1 ",     "0x2", "2.0",
					      "x", "1e", "65536", "99999", "000001", "1\n", "18446744073709551616"};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		ASSERT_FAILS(2, "invalid-argument", "untouched", "sriov", PF, "--numvfs", numbers[i]);
	ASSERT_FAILS(2, "invalid-argument", "untouched", "sriov", PF, "--numvfs");
	ASSERT_FAILS(2, "invalid-argument", "untouched", "sriov");
	ASSERT_FAILS(2, "invalid-argument", "untouched", "sriov", PF, PORT);
	ASSERT_FAILS(2, "invalid-argument", "untouched", "sriov", PF, "--autoprobe", "--no-autoprobe");
	ASSERT_FAILS(2, "invalid-address", "untouched", "sriov", "../../x", "--numvfs", "1");
	assert_nothing_written();
}

static void a_pf_on_no_driver_is_refused(void **state)
{
	_cleanup_output_ struct output output = {.out = NULL};

	write_file("/sys/bus/pci/drivers/igb/unbind", PF);
	ASSERT_REFUSED(3, "sriov-unsupported", "sriov", PF, "--numvfs", "1");
	output = RUN_EXPECTING(3, "vfiobind", "sriov", PF, "--numvfs", "1");
	assert_string_equal(output.err,
			    "vfiobind: " PF ": cannot create virtual functions: no driver creates virtual "
			    "functions of it (no driver); give it to its host driver: vfiobind reattach " PF "\n");
	output_free(&output);
	output = RUN_EXPECTING(0, "vfiobind", "sriov", PF);
	assert_string_equal(output.out, PF ": no driver, 0 of 8 virtual functions, drivers_autoprobe on\n");
}

/* Without sriov_configure the kernel says ENOENT, of an attribute that is there. */
static void a_driver_that_cannot_create_them_is_told(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = snapshot_take();
	_cleanup_output_ struct output output = {.out = NULL};

	ASSERT_FAILS(1, "sriov-unsupported", "restored", "sriov", PF, "--numvfs", "2", "--no-autoprobe");
	assert_unchanged(before);
	assert_no_journal();
	/* sriov_drivers_autoprobe was written before that one, and put back; here nothing was. */
	ASSERT_FAILS(3, "sriov-unsupported", "untouched", "sriov", PF, "--numvfs", "2");
	assert_unchanged(before);
	assert_no_journal();
	output = RUN_EXPECTING(3, "vfiobind", "sriov", PF, "--numvfs", "2");
	assert_string_equal(output.err, "vfiobind: " PF
					": cannot set the number of virtual functions to 2: no driver creates virtual "
					"functions of it [" NUMVFS "]; its driver, mute, does not support it\n");
}

static void a_vf_that_is_detached_is_not_taken_away(void **state)
{
	_cleanup_output_ struct output output = {.out = NULL}, refused = {.out = NULL};

	RUN_WELL("vfiobind", "detach", SECOND_VF, "--driver", "vfio-pci-igbvf");
	ASSERT_REFUSED(3, "vf-detached", "sriov", PF, "--numvfs", "0");
	ASSERT_REFUSED(3, "vf-detached", "sriov", PF, "--numvfs", "1", "--no-autoprobe");
	refused = RUN_EXPECTING(3, "vfiobind", "sriov", PF, "--numvfs", "0");
	assert_non_null(strstr(refused.err, "; give it back first: vfiobind reattach " SECOND_VF
					    "; with --force it goes as it is\n"));
	/* What takes none away is not refused. */
	RUN_WELL("vfiobind", "sriov", PF, "--no-autoprobe");
	output = RUN_EXPECTING(0, "vfiobind", "sriov", PF, "--numvfs", "1", "--autoprobe", "--force");
	assert_string_equal(output.err, "vfiobind: " PF ": warning: " SECOND_VF
					": a virtual function is detached: " SECOND_VF " on vfio-pci-igbvf\n");
	assert_false(exists("/run/vfiobind/devices/" SECOND_VF));
	assert_no_journal();
	/* Another one at its address is not taken for it. */
	RUN_WELL("vfiobind", "sriov", PF, "--numvfs", "2");
	ASSERT_REFUSED(3, "no-sriov", "sriov", SECOND_VF);
	{
		_cleanup_output_ struct output shown = RUN_EXPECTING(0, "vfiobind", "show", SECOND_VF, "--json");
		_cleanup_json_ struct json_object *document = json_of(&shown);

		assert_null(json_at(document, "detached"));
	}
}

/* By hand, and by any stub driver: a guest may have it. */
static void a_vf_that_another_tool_has_bound_to_vfio_is_not_taken_away(void **state)
{
	RUN_WELL("modprobe", "vfio-pci");
	write_file(DEVICES "/" VF "/driver_override", "vfio-pci");
	write_file(DEVICES "/" VF "/driver/unbind", VF);
	write_file("/sys/bus/pci/drivers_probe", VF);
	assert_device(VF, "vfio-pci", "vfio-pci");
	ASSERT_REFUSED(3, "vf-detached", "sriov", PF, "--numvfs", "0");
}

static void a_vf_that_somebody_has_open_is_not_taken_away(void **state)
{
	_cleanup_text_ char *group = group_of(VF), *node = format_text("/dev/vfio/%s", group);
	int fd;

	RUN_WELL("vfiobind", "detach", VF, "--driver", "vfio-pci-igbvf");
	fd = open(node, O_RDWR | O_CLOEXEC);
	assert_return_code(fd, errno);
	trace_clear();
	ASSERT_FAILS(3, "vfio-in-use", "untouched", "sriov", PF, "--numvfs", "0");
	close(fd);
	assert_nothing_written();
	ASSERT_REFUSED(3, "vf-detached", "sriov", PF, "--numvfs", "0");
}

static void a_vf_whose_interface_is_up_is_not_taken_away(void **state)
{
	_cleanup_text_ char *interface = interface_of(SECOND_VF);
	_cleanup_text_ char *flags = format_text("/sys/class/net/%s/flags", interface);
	_cleanup_output_ struct output output = {.out = NULL};

	write_file(flags, "0x1003");
	ASSERT_REFUSED(3, "netdev-in-use", "sriov", PF, "--numvfs", "0");
	output = RUN_EXPECTING(3, "vfiobind", "sriov", PF, "--numvfs", "0");
	assert_non_null(strstr(output.err, "vfiobind: " SECOND_VF ": "));
	RUN_WELL("vfiobind", "sriov", PF, "--numvfs", "0", "--force");
}

static void an_operation_that_was_not_ended_is_in_the_way(void **state)
{
	static const char *const command[] = {"vfiobind", "detach", VF, "--driver", "vfio-pci-igbvf", NULL};

	assert_true(beside_crash_at(command, "dd.probe driver=vfio-pci-igbvf"));
	ASSERT_FAILS(3, "repair-needed", "untouched", "sriov", PF, "--numvfs", "0");
	RUN_WELL("vfiobind", "repair");
	RUN_WELL("vfiobind", "reattach", VF);
	RUN_WELL("vfiobind", "sriov", PF, "--numvfs", "0");
}

static const struct CMUnitTest igb_sriov_tests[] = {
	SCENARIO(without_options_it_says_what_there_is),
	SCENARIO(all_are_removed_and_come_again),
	SCENARIO(as_many_as_there_are_writes_nothing),
	SCENARIO(another_number_goes_through_none),
};

static const struct CMUnitTest mlx5_sriov_tests[] = {
	SCENARIO(the_vfs_of_another_driver_family_come_and_go),
	SCENARIO(each_pf_has_a_number_of_its_own),
	SCENARIO(vfs_go_to_guests_at_once),
};

static const struct CMUnitTest pf_on_stub_tests[] = {
	SCENARIO(a_driver_that_cannot_create_them_is_told),
};

static const struct CMUnitTest two_vfs_tests[] = {
	SCENARIO(none_where_there_are_none_writes_nothing),
	SCENARIO(without_autoprobe_no_driver_takes_them),
	SCENARIO(autoprobe_alone_is_changed),
	SCENARIO(what_has_no_sriov_is_refused),
	SCENARIO(more_than_there_can_be_are_refused),
	SCENARIO(what_is_no_number_is_wrong_use),
	SCENARIO(a_pf_on_no_driver_is_refused),
	SCENARIO(a_vf_that_is_detached_is_not_taken_away),
	SCENARIO(a_vf_that_another_tool_has_bound_to_vfio_is_not_taken_away),
	SCENARIO(a_vf_that_somebody_has_open_is_not_taken_away),
	SCENARIO(a_vf_whose_interface_is_up_is_not_taken_away),
	SCENARIO(an_operation_that_was_not_ended_is_in_the_way),
};

SCENARIO_MAIN(SUITE("igb-sriov", igb_sriov_tests), SUITE("mlx5-sriov", mlx5_sriov_tests),
	      SUITE("pf-on-stub", pf_on_stub_tests), SUITE("two-vfs", two_vfs_tests))
