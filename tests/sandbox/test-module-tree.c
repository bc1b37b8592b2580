/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /lib/modules/<release>: what kmod makes of the placeholders, and what becomes of a cache that somebody has spoilt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

#include "sandbox/module-files.h"
#include "sandbox/module-tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RELEASE "6.12.0-test"
#define NAMES(...)                \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}
#define ANY PCI_ANY_ID

static const struct pci_device_id host_ids[] = {{0x8086, 0x10ca, ANY, ANY}};
static const struct pci_device_id variant_ids[] = {{0x8086, 0x10ca, ANY, ANY, .override_only = true}};
static const struct pci_device_id any_ids[] = {{ANY, ANY, ANY, ANY, .override_only = true}};
static const struct pci_device_id exact_ids[] = {{0x15b3, 0x101e, 0x15b3, 0x0001, 0x020000, 0xffffff}};

/* In an order that is neither that of names nor that of modules. */
static const struct driver_desc zeta = {
	.name = "zeta-vfio-pci", .module = "zeta_vfio_pci", .behaviour = DRIVER_VFIO, .ids = variant_ids, .n_ids = 1};
static const struct driver_desc alpha = {
	.name = "alpha-vfio-pci", .module = "alpha_vfio_pci", .behaviour = DRIVER_VFIO, .ids = variant_ids, .n_ids = 1};
static const struct driver_desc vfio = {
	.name = "vfio-pci", .module = "vfio_pci", .behaviour = DRIVER_VFIO, .ids = any_ids, .n_ids = 1};
static const struct driver_desc igbvf = {
	.name = "igbvf", .module = "igbvf", .behaviour = DRIVER_NET, .ids = host_ids, .n_ids = 1};
static const struct driver_desc port = {.name = "port", .module = "port", .ids = exact_ids, .n_ids = 1};
static const struct driver_desc *const drivers[] = {&zeta, &igbvf, &vfio, &alpha, &port};

static const struct module_desc modules[] = {
	{.name = "alpha_vfio_pci", .depends = NAMES("vfio_pci_core")},
	{.name = "igbvf"},
	{.name = "port", .builtin = true},
	{.name = "vfio", .softdep_post = NAMES("vfio_iommu_type1")},
	{.name = "vfio_iommu_type1", .depends = NAMES("vfio")},
	{.name = "vfio_pci", .depends = NAMES("vfio_pci_core", "vfio")},
	{.name = "vfio_pci_core", .depends = NAMES("vfio")},
	{.name = "zeta_vfio_pci", .depends = NAMES("vfio_pci_core")},
};

static const struct machine machine = {
	.name = "test",
	.drivers = drivers,
	.n_drivers = sizeof(drivers) / sizeof(drivers[0]),
	.modules = modules,
	.n_modules = sizeof(modules) / sizeof(modules[0]),
};

static char cache[64];

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int make_cache(void **state)
{
	strcpy(cache, "/tmp/mocksys-cache-XXXXXX");
	return mkdtemp(cache) && setenv("XDG_CACHE_HOME", cache, 1) == 0 ? 0 : -1;
}

static int remove_cache(void **state)
{
	return nftw(cache, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static struct module_tree *new_tree(void)
{
	struct module_tree *tree;
	int r = module_tree_new(&machine, RELEASE, &tree);

	if (r == -ENOENT)
		skip(); /* no depmod on this host */
	assert_int_equal(r, 0);
	return tree;
}

static const struct kernel_file *find(const struct module_tree *tree, const char *name)
{
	char path[256];
	size_t n;
	const struct kernel_file *files = module_tree_files(tree, &n);

	snprintf(path, sizeof(path), "lib/modules/" RELEASE "/%s", name);
	for (size_t i = 0; i < n; i++)
		if (strcmp(files[i].path, path) == 0)
			return &files[i];
	fail_msg("there is no %s", path);
	return NULL;
}

static void assert_text(const struct module_tree *tree, const char *name, const char *expected)
{
	const struct kernel_file *file = find(tree, name);

	assert_int_equal(file->size, strlen(expected));
	assert_memory_equal(file->data, expected, file->size);
}

static void aliases_come_in_the_order_of_the_drivers(void **state)
{
	struct module_tree *tree = new_tree();

	assert_text(tree, "modules.alias",
		    "# Aliases extracted from modules themselves.\n"
		    "alias vfio_pci:v00008086d000010CAsv*sd*bc*sc*i* zeta_vfio_pci\n"
		    "alias pci:v00008086d000010CAsv*sd*bc*sc*i* igbvf\n"
		    "alias vfio_pci:v*d*sv*sd*bc*sc*i* vfio_pci\n"
		    "alias vfio_pci:v00008086d000010CAsv*sd*bc*sc*i* alpha_vfio_pci\n");
	module_tree_free(tree);
}

static void exact_alias_ends_with_a_star(void **state)
{
	struct module_tree *tree = new_tree();
	const struct kernel_file *list = find(tree, "modules.builtin.modinfo");
	static const char alias[] = "port.alias=pci:v000015B3d0000101Esv000015B3sd00000001bc02sc00i00*";

	assert_non_null(memmem(list->data, list->size, alias, sizeof(alias)));
	module_tree_free(tree);
}

static void dependencies_are_found(void **state)
{
	struct module_tree *tree = new_tree();
	const struct kernel_file *dependencies = find(tree, "modules.dep");
	static const char line[] = "kernel/drivers/vfio/pci/zeta_vfio_pci.ko: kernel/drivers/vfio/pci/vfio-pci-core.ko "
				   "kernel/drivers/vfio/vfio.ko\n";

	assert_non_null(memmem(dependencies->data, dependencies->size, line, strlen(line)));
	assert_true(find(tree, "modules.dep.bin")->size > 0);
	assert_true(find(tree, "modules.alias.bin")->size > 0);
	assert_true(find(tree, "modules.builtin.bin")->size > 0);
	assert_text(tree, "modules.softdep",
		    "# Soft dependencies extracted from modules themselves.\n"
		    "softdep vfio post: vfio_iommu_type1\n");
	module_tree_free(tree);
}

/* ---- the cache ---- */

/* Path of the one entry. */
static void entry_path(char path[512])
{
	char folder[128];
	DIR *directory;
	size_t n = 0;

	snprintf(folder, sizeof(folder), "%s/mocksys", cache);
	directory = opendir(folder);
	assert_non_null(directory);
	for (struct dirent *entry; (entry = readdir(directory));)
		if (entry->d_name[0] != '.') {
			snprintf(path, 512, "%s/%s", folder, entry->d_name);
			n++;
		}
	closedir(directory);
	assert_int_equal(n, 1);
}

static ino_t entry_inode(void)
{
	char path[512];
	struct stat st;

	entry_path(path);
	assert_return_code(lstat(path, &st), errno);
	return st.st_ino;
}

static void indexes_are_made_once(void **state)
{
	struct module_tree *first = new_tree();
	ino_t inode = entry_inode();
	struct module_tree *second = new_tree();
	size_t n_first, n_second;
	const struct kernel_file *a = module_tree_files(first, &n_first), *b = module_tree_files(second, &n_second);

	assert_int_equal(entry_inode(), inode);
	assert_int_equal(n_first, n_second);
	for (size_t i = 0; i < n_first; i++) {
		assert_string_equal(a[i].path, b[i].path);
		assert_int_equal(a[i].size, b[i].size);
		assert_memory_equal(a[i].data ?: "", b[i].data ?: "", a[i].size);
	}
	module_tree_free(first);
	module_tree_free(second);
}

/* The tree is what it should be, whatever is in the cache, and the cache is whole again. */
static void assert_made_again(void)
{
	struct module_tree *tree;
	struct stat st;
	char path[512];

	aliases_come_in_the_order_of_the_drivers(NULL);
	entry_path(path);
	assert_return_code(lstat(path, &st), errno);
	assert_true(S_ISREG(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 022) == 0 && st.st_size > 1000);
	tree = new_tree();
	module_tree_free(tree);
}

static void spoilt_entry_is_made_again(void **state)
{
	char path[512];
	int fd;

	module_tree_free(new_tree());
	entry_path(path);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "x", 1, 300), 1);
	close(fd);
	assert_made_again();
	assert_return_code(truncate(path, 100), errno);
	assert_made_again();
	assert_return_code(truncate(path, 0), errno);
	assert_made_again();
}

static void entry_that_others_may_write_is_not_believed(void **state)
{
	char path[512];
	ino_t inode;

	module_tree_free(new_tree());
	entry_path(path);
	inode = entry_inode();
	assert_return_code(chmod(path, 0666), errno);
	assert_made_again();
	assert_int_not_equal(entry_inode(), inode);
}

static void links_are_not_followed(void **state)
{
	char path[512], elsewhere[128], folder[128];
	struct stat st;

	module_tree_free(new_tree());
	entry_path(path);
	snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", cache);
	assert_return_code(rename(path, elsewhere), errno);
	assert_return_code(symlink(elsewhere, path), errno);
	assert_made_again();

	/* A whole directory that is a link: nothing is kept where it leads. */
	assert_return_code(unlink(path), errno);
	snprintf(folder, sizeof(folder), "%s/mocksys", cache);
	snprintf(path, sizeof(path), "%s/moved", cache);
	assert_return_code(rename(folder, path), errno);
	assert_return_code(symlink(path, folder), errno);
	setenv("HOME", cache, 1);
	aliases_come_in_the_order_of_the_drivers(NULL);
	assert_return_code(lstat(folder, &st), errno);
	assert_true(S_ISLNK(st.st_mode));
	assert_return_code(rmdir(path), errno);
}

static void packed_files_are_refused_when_anything_differs(void **state)
{
	struct module_files files = {0}, unpacked;
	struct bytes packed = {0};

	bytes_add_string(module_files_add(&files, "a/b"), "content");
	module_files_add(&files, "empty");
	module_files_pack(&files, &packed);
	assert_int_equal(module_files_unpack(packed.data, packed.size, &unpacked), 0);
	assert_int_equal(unpacked.n, 2);
	assert_string_equal(module_files_find(&unpacked, "a/b")->content.data, "content");
	module_files_free(&unpacked);
	for (size_t i = 0; i < packed.size; i++) {
		assert_int_equal(module_files_unpack(packed.data, i, &unpacked), -EBADMSG);
		packed.data[i] ^= 0x40;
		assert_int_equal(module_files_unpack(packed.data, packed.size, &unpacked), -EBADMSG);
		packed.data[i] ^= 0x40;
	}
	bytes_free(&packed);
	module_files_free(&files);
}

#define WITH_CACHE(test) cmocka_unit_test_setup_teardown(test, make_cache, remove_cache)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CACHE(aliases_come_in_the_order_of_the_drivers),
		WITH_CACHE(exact_alias_ends_with_a_star),
		WITH_CACHE(dependencies_are_found),
		WITH_CACHE(indexes_are_made_once),
		WITH_CACHE(spoilt_entry_is_made_again),
		WITH_CACHE(entry_that_others_may_write_is_not_believed),
		WITH_CACHE(links_are_not_followed),
		cmocka_unit_test(packed_files_are_refused_when_anything_differs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
