/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The file system of /run/vfiobind is full at each point where something is written down, or read-only. No device is
 * touched of which nothing could be written down; and what is written down stays.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* Addresses of the machine two-vfs. */
#define VF "0000:04:10.0"
#define OTHER_VF "0000:04:10.2"
#define DRIVER "vfio-pci-igbvf"
#define STATE "/run/vfiobind"

/* Before the machine's reset, which looks for what is left in there. */
static int unmount(void **state)
{
	while (umount2(STATE, MNT_DETACH) == 0)
		;
	return machine_reset(state);
}

/* Without the right to mount, as in a container, this cannot be shown. */
static void mount_state(const char *options)
{
	mkdir(STATE, 0755);
	if (mount("tmpfs", STATE, "tmpfs", 0, options) < 0) {
		print_message("skipped: cannot mount: %s\n", strerror(errno));
		skip();
	}
}

static void remount_read_only(void)
{
	assert_return_code(mount(NULL, STATE, NULL, MS_REMOUNT | MS_RDONLY, NULL), errno);
}

/* But for so many pages. */
static void fill_up(unsigned int left)
{
	static const char page[4096];
	int fd = open(STATE "/filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	off_t size = 0;

	assert_return_code(fd, errno);
	while (write(fd, page, sizeof(page)) == sizeof(page))
		size += (off_t)sizeof(page);
	assert_int_equal(errno, ENOSPC);
	assert_return_code(ftruncate(fd, size - (off_t)(left * sizeof(page))), errno);
	close(fd);
}

static const char *const detach_both[] = {"vfiobind", "detach", VF, OTHER_VF, "--driver", DRIVER, "--json", NULL};
static const char *const reattach_both[] = {"vfiobind", "reattach", VF, OTHER_VF, "--json", NULL};

static void assert_on(const char *driver, const char *driver_override)
{
	assert_device(VF, driver, driver_override);
	assert_device(OTHER_VF, driver, driver_override);
}

/* Returns whether there was room enough. */
static bool succeeds_or_is_refused(const char *const *command)
{
	_cleanup_output_ struct output output = {.out = NULL};
	_cleanup_json_ struct json_object *document = NULL;

	trace_clear();
	output = run(command);
	document = json_of(&output);
	if (output.status == 0)
		return true;
	assert_int_equal(output.status, 3);
	assert_json_text(document, "error.code", "state-unavailable");
	assert_json_text(document, "error.errno", "ENOSPC");
	assert_json_text(document, "state", "untouched");
	assert_non_null(strstr(json_object_get_string(json_at(document, "error.path")), STATE));
	assert_non_null(json_at(document, "error.hint"));
	assert_nothing_written();
	return false;
}

/* No operation is left half done, whatever room there was for it. */
static void nothing_is_to_be_repaired_when_there_is_room(void)
{
	_cleanup_output_ struct output output = {.out = NULL};
	_cleanup_json_ struct json_object *document = NULL;

	assert_return_code(mount(NULL, STATE, NULL, MS_REMOUNT, "size=1m,nr_inodes=100"), errno);
	output = RUN_EXPECTING(0, "vfiobind", "repair", "--json");
	document = json_of(&output);
	assert_int_equal(json_object_array_length(json_at(document, "devices")), 0);
}

static void detach_in_little_room(const char *options, unsigned int pages, bool *enough)
{
	unmount(NULL);
	RUN_WELL("modprobe", "-a", "vfio_pci_igbvf");
	mount_state(options);
	if (pages)
		fill_up(pages - 1);
	*enough = succeeds_or_is_refused(detach_both);
	if (*enough) {
		assert_on(DRIVER, DRIVER);
	} else {
		assert_on("igbvf", "(null)");
		nothing_is_to_be_repaired_when_there_is_room();
	}
}

/* Each file and directory that is made needs an inode: with one more each time there is one more that can be made. */
static void a_detach_for_which_no_file_can_be_made_is_refused(void **state)
{
	unsigned int refused = 0;
	bool enough = false;

	for (unsigned int n = 1; n < 32 && !enough; n++) {
		char options[40]; /* not to be freed: the test may be skipped from below */

		snprintf(options, sizeof(options), "mode=0755,nr_inodes=%u", n);
		detach_in_little_room(options, 0, &enough);
		refused += !enough;
	}
	assert_true(enough);
	/* The root is one; three directories, two locks and one of the group each, two journals. */
	print_message("refused %u times\n", refused);
	assert_in_range(refused, 6, 12);
}

static void a_detach_for_which_nothing_can_be_written_is_refused(void **state)
{
	unsigned int refused = 0;
	bool enough = false;

	for (unsigned int pages = 1; pages < 16 && !enough; pages++) {
		detach_in_little_room("mode=0755,size=64k", pages, &enough);
		refused += !enough;
	}
	assert_true(enough);
	print_message("refused %u times\n", refused);
	assert_in_range(refused, 1, 8);
}

/* The records are there, and so are the locks: what lacks is room for the journals. */
static void a_reattach_for_which_nothing_can_be_written_is_refused_and_possible_later(void **state)
{
	RUN_WELL("modprobe", "-a", "vfio_pci_igbvf");
	mount_state("mode=0755,size=64k");
	run_well(detach_both);
	fill_up(0);
	assert_false(succeeds_or_is_refused(reattach_both));
	assert_on(DRIVER, DRIVER);
	nothing_is_to_be_repaired_when_there_is_room();
	assert_true(succeeds_or_is_refused(reattach_both));
	assert_on("igbvf", "(null)");
}

static void on_a_read_only_file_system_nothing_is_touched(void **state)
{
	RUN_WELL("modprobe", "-a", "vfio_pci_igbvf");
	mount_state("mode=0755");
	remount_read_only();
	trace_clear();
	ASSERT_FAILS(3, "state-unavailable", "untouched", "detach", VF, "--driver", DRIVER);
	assert_nothing_written();
	RUN_WELL("vfiobind", "detach", VF, "--driver", DRIVER, "--dry-run");
	RUN_WELL("vfiobind", "show", VF);
	RUN_WELL("vfiobind", "repair");
}

static void what_is_written_down_on_a_read_only_file_system_can_be_read(void **state)
{
	mount_state("mode=0755");
	run_well(detach_both);
	remount_read_only();
	trace_clear();
	ASSERT_FAILS(3, "state-unavailable", "untouched", "reattach", VF);
	assert_nothing_written();
	{
		_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "show", VF, "--json");
		_cleanup_json_ struct json_object *document = json_of(&output);

		assert_json_text(document, "detached.host_driver", "igbvf");
	}
}

#define ON_A_DISK(function) cmocka_unit_test_setup_teardown(function, machine_reset, unmount)

static const struct CMUnitTest two_vfs_tests[] = {
	ON_A_DISK(a_detach_for_which_no_file_can_be_made_is_refused),
	ON_A_DISK(a_detach_for_which_nothing_can_be_written_is_refused),
	ON_A_DISK(a_reattach_for_which_nothing_can_be_written_is_refused_and_possible_later),
	ON_A_DISK(on_a_read_only_file_system_nothing_is_touched),
	ON_A_DISK(what_is_written_down_on_a_read_only_file_system_can_be_read),
};

SCENARIO_MAIN(SUITE("two-vfs", two_vfs_tests))
