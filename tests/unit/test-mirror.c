/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tree on a plain file system is the model's, at each event and after each store, whatever clients do. The seed is
 * printed; give it as an argument to try it again.
 */
#include "model.h"
#include "q35-machine.h"

#include "plain/mirror.h"
#include "wire/node.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROUNDS = 60 };

static unsigned seed;
static struct kernel *k;
static struct mirror *mirror;
static char directory[] = "/tmp/mirror-test-XXXXXX";
static char fake[PATH_MAX], workshop[PATH_MAX];

/* ---- the comparison ---- */

static mode_t pictured_type(const struct kernfs_node *node)
{
	if (kernfs_type(node) != KERNFS_FILE)
		return kernfs_type(node) == KERNFS_DIR ? S_IFDIR : S_IFLNK;
	return kernfs_is_constant(node) || kernfs_is_blob(node) ? S_IFREG : S_IFSOCK;
}

static void assert_same_text(const char *path, struct kernfs_node *node)
{
	char expected[4096], found[4097];
	int fd = openat(mirror_fd(mirror), path, O_RDONLY), n;
	ssize_t length;

	assert_return_code(fd, errno);
	length = read(fd, found, sizeof(found));
	close(fd);
	n = kernfs_constant_text(node, expected);
	if (length != n || memcmp(found, expected, (size_t)n) != 0)
		fail_msg("%s is pictured as '%.*s', and reads '%.*s'", path, (int)length, found, n, expected);
}

static void assert_same_node(const char *path, struct kernfs_node *node)
{
	char target[PATH_MAX], pictured[PATH_MAX];
	struct timespec times[2];
	struct stat expected, found;
	ssize_t n;

	if (fstatat(mirror_fd(mirror), path, &found, AT_SYMLINK_NOFOLLOW) < 0)
		fail_msg("%s is not pictured", path);
	kernfs_stat(node, &expected);
	node_times(&expected, times);
	if ((found.st_mode & S_IFMT) != pictured_type(node))
		fail_msg("%s is pictured as %o", path, found.st_mode);
	if (!S_ISLNK(found.st_mode) && (found.st_mode & 07777) != (expected.st_mode & 07777))
		fail_msg("%s has mode %o", path, found.st_mode);
	assert_int_equal(found.st_atim.tv_sec, times[0].tv_sec);
	assert_int_equal(found.st_atim.tv_nsec, times[0].tv_nsec);
	if (!S_ISDIR(found.st_mode))
		assert_int_equal(found.st_mtim.tv_sec, times[1].tv_sec);
	if (S_ISDIR(found.st_mode))
		assert_int_equal(found.st_nlink, expected.st_nlink);
	if (S_ISREG(found.st_mode) && !kernfs_is_blob(node))
		assert_same_text(path, node);
	if (!S_ISLNK(found.st_mode))
		return;
	n = readlinkat(mirror_fd(mirror), path, pictured, sizeof(pictured) - 1);
	assert_return_code((int)n, errno);
	pictured[n] = '\0';
	assert_true(kernfs_readlink(node, target, sizeof(target)) >= 0);
	assert_string_equal(pictured, target);
}

static size_t count_entries(const char *path)
{
	int fd = openat(mirror_fd(mirror), path, O_RDONLY | O_DIRECTORY);
	DIR *entries = fdopendir(fd);
	size_t n = 0;

	assert_non_null(entries);
	while (readdir(entries))
		n++;
	closedir(entries);
	return n - 2;
}

static void compare_directory(const char *path, struct kernfs_node *node);

static bool compare_child(void *context, const struct kernfs_node *child)
{
	char path[PATH_MAX];

	++*(size_t *)context;
	assert_true(kernfs_path(child, path, sizeof(path)) > 0);
	assert_same_node(path, (struct kernfs_node *)child);
	if (kernfs_type(child) == KERNFS_DIR)
		compare_directory(path, (struct kernfs_node *)child);
	return true;
}

static void compare_directory(const char *path, struct kernfs_node *node)
{
	size_t n = 0, pictured;

	kernfs_readdir(node, compare_child, &n);
	pictured = count_entries(path);
	if (n != pictured)
		fail_msg("%s has %zu entries, and is pictured with %zu", path, n, pictured);
}

/* With the model lock. */
static void compare(void)
{
	assert_int_equal(mirror_error(mirror), 0);
	compare_directory(".", kernfs_root(k));
}

static void compare_at_event(void *context, const char *message, size_t size)
{
	if (mirror)
		compare();
}

/* ---- the tests ---- */

static unsigned n_told;

static void note_failure(void *context)
{
	n_told++;
}

static int set_up(void **state)
{
	static const char blob[] = "alias none none\n";
	static const struct kernel_file file = {"lib/modules/6.12/modules.alias", blob, sizeof(blob) - 1, 0644};
	const struct kernel_host host = {.uevent = compare_at_event, .files = &file, .n_files = 1};
	char *error = NULL;

	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(fake, sizeof(fake), "%s/fake", directory);
	snprintf(workshop, sizeof(workshop), "%s/workshop", directory);
	assert_return_code(mkdir(fake, 0755), errno);
	assert_return_code(mkdir(workshop, 0755), errno);
	n_told = 0;
	kernel_enter(&(struct client){.pid = 1, .actor = "test"});
	assert_int_equal(kernel_new(&q35_machine, NULL, &host, &k, &error), 0);
	assert_int_equal(mirror_new(k, fake, workshop, note_failure, NULL, &mirror), 0);
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
	return remove(path);
}

static int tear_down(void **state)
{
	mirror_free(mirror);
	mirror = NULL;
	kernel_free(k);
	return nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static const struct {
	const char *path, *data;
} stores[] = {
	{"bus/pci/drivers/e1000e/unbind", "0000:01:00.0"},
	{"bus/pci/drivers/e1000e/bind", "0000:01:00.0"},
	{"bus/pci/drivers/vfio-pci/unbind", "0000:01:00.0"},
	{"bus/pci/drivers/vfio-pci/new_id", "8086 2930"},
	{"bus/pci/drivers_probe", "0000:01:00.0"},
	{"bus/pci/drivers_probe", "0000:02:10.0"},
	{"bus/pci/devices/0000:01:00.0/driver_override", "vfio-pci"},
	{"bus/pci/devices/0000:01:00.0/driver_override", "\n"},
	{"bus/pci/devices/0000:01:00.0/remove", "1"},
	{"bus/pci/devices/0000:00:03.0/remove", "1"},
	{"bus/pci/devices/0000:02:00.0/sriov_numvfs", "3"},
	{"bus/pci/devices/0000:02:00.0/sriov_numvfs", "0"},
	{"bus/pci/devices/0000:02:10.0/driver_override", "vfio-pci"},
	{"bus/pci/drivers/igb/unbind", "0000:02:00.0"},
	{"bus/pci/drivers/igb/bind", "0000:02:00.0"},
	{"bus/pci/rescan", "1"},
	{"kernel/debug/mocksys/modules", "load e1000e"},
	{"kernel/debug/mocksys/modules", "load igb"},
	{"kernel/debug/mocksys/modules", "load vfio"},
	{"kernel/debug/mocksys/modules", "load irqbypass"},
	{"kernel/debug/mocksys/modules", "load vfio_pci_core"},
	{"kernel/debug/mocksys/modules", "load vfio_pci"},
	{"kernel/debug/mocksys/modules", "unload vfio_pci"},
	{"kernel/debug/mocksys/reset", "1"},
};

static void it_is_the_models_tree_at_each_event_and_after_each_store(void **state)
{
	unsigned random = seed;

	for (int i = 0; i < ROUNDS; i++) {
		size_t n = (size_t)rand_r(&random) % (sizeof(stores) / sizeof(*stores));

		model_write(k, stores[n].path, stores[n].data);
		kernel_lock(k);
		compare();
		kernel_unlock(k);
	}
}

static void nothing_is_left_in_the_workshop(void **state)
{
	DIR *entries;
	size_t n = 0;

	for (size_t i = 0; i < sizeof(stores) / sizeof(*stores); i++)
		model_write(k, stores[i].path, stores[i].data);
	entries = opendir(workshop);
	assert_non_null(entries);
	while (readdir(entries))
		n++;
	closedir(entries);
	assert_int_equal(n, 2);
}

/* ENXIO comes behind what the mode forbids to all but root. */
static void what_changes_is_opened_by_nobody_not_even_root(void **state)
{
	static const char *const active[] = {"sys/bus/pci/rescan", "sys/bus/pci/drivers_autoprobe",
					     "sys/bus/pci/drivers/pcieport/bind", "dev/vfio/vfio", "proc/modules"};

	for (size_t i = 0; i < sizeof(active) / sizeof(*active); i++)
		for (int flags = O_RDONLY; flags <= O_RDWR; flags++) {
			assert_int_equal(openat(mirror_fd(mirror), active[i], flags), -1);
			assert_true(errno == ENXIO || (errno == EACCES && geteuid() != 0));
		}
}

static void modes_and_owners_follow(void **state)
{
	const struct stat wanted = {.st_mode = 0640};
	struct kernfs_node *node;
	struct stat found;

	kernel_lock(k);
	node = kernfs_find(k, "sys/bus/pci/drivers_autoprobe");
	assert_int_equal(kernfs_setattr(node, &wanted, 1), 0);
	compare();
	kernel_unlock(k);
	assert_return_code(fstatat(mirror_fd(mirror), "sys/bus/pci/drivers_autoprobe", &found, 0), errno);
	assert_int_equal(found.st_mode, S_IFSOCK | 0640);
}

static void a_tree_that_does_not_fit_is_an_error(void **state)
{
	struct mirror *other = NULL;

	/* Where something is already. */
	assert_int_equal(mirror_new(k, fake, workshop, NULL, NULL, &other), -EEXIST);
	assert_null(other);
	/* The first one no longer hears of changes. */
	mirror_free(mirror);
	mirror = NULL;
}

/* As with a full disk: what is to be made anew has no place. */
static void a_change_that_cannot_be_made_is_told_once(void **state)
{
	struct mirror *failing = mirror;

	/* What is announced is not compared any more: it is not the same. */
	mirror = NULL;
	assert_return_code(rmdir(workshop), errno);
	assert_int_equal(mirror_error(failing), 0);
	model_write(k, "kernel/debug/mocksys/modules", "load irqbypass");
	model_write(k, "kernel/debug/mocksys/modules", "load vfio");
	mirror = failing;
	assert_int_equal(mirror_error(mirror), -ENOENT);
	assert_int_equal(n_told, 1);
}

#define MIRROR(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		MIRROR(it_is_the_models_tree_at_each_event_and_after_each_store),
		MIRROR(nothing_is_left_in_the_workshop),
		MIRROR(what_changes_is_opened_by_nobody_not_even_root),
		MIRROR(modes_and_owners_follow),
		MIRROR(a_tree_that_does_not_fit_is_an_error),
		MIRROR(a_change_that_cannot_be_made_is_told_once),
	};

	seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : (unsigned)time(NULL);
	print_message("seed %u\n", seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
