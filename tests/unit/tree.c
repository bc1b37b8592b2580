/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *in_tree(const struct tree *tree, const char *format, va_list arguments)
{
	static char path[1024];
	int length = snprintf(path, sizeof(path), "%s/", tree->root);

	vsnprintf(path + length, sizeof(path) - (size_t)length, format, arguments);
	/* The directories above it. */
	for (char *slash = path + strlen(tree->root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	return path;
}

char *tree_path(const struct tree *tree, const char *format, ...)
{
	va_list arguments;
	char *path;

	va_start(arguments, format);
	path = in_tree(tree, format, arguments);
	va_end(arguments);
	return path;
}

void put_bytes(const struct tree *tree, const void *bytes, size_t n, const char *format, ...)
{
	va_list arguments;
	int fd;

	va_start(arguments, format);
	fd = open(in_tree(tree, format, arguments), O_WRONLY | O_CREAT | O_TRUNC, 0644);
	va_end(arguments);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
}

void put_link(const struct tree *tree, const char *target, const char *format, ...)
{
	va_list arguments;
	const char *path;

	va_start(arguments, format);
	path = in_tree(tree, format, arguments);
	va_end(arguments);
	unlink(path);
	assert_int_equal(symlink(target, path), 0);
}

void drop(const struct tree *tree, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	assert_int_equal(remove(in_tree(tree, format, arguments)), 0);
	va_end(arguments);
}

char *slurp(const struct tree *tree, const char *format, ...)
{
	static char text[4096];
	va_list arguments;
	ssize_t n;
	int fd;

	va_start(arguments, format);
	fd = open(in_tree(tree, format, arguments), O_RDONLY);
	va_end(arguments);
	assert_true(fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(n >= 0);
	text[n] = '\0';
	return text;
}

void put_driver(const struct tree *tree, const char *driver, const char *module)
{
	put(tree, "", "sys/bus/pci/drivers/%s/unbind", driver);
	put(tree, "live\n", "sys/module/%s/initstate", module);
	put_link(tree, "x", "sys/module/%s/drivers/.keep", module);
	drop(tree, "sys/module/%s/drivers/.keep", module);
	char target[256];

	snprintf(target, sizeof(target), "../../../../module/%s", module);
	put_link(tree, target, "sys/bus/pci/drivers/%s/module", driver);
	snprintf(target, sizeof(target), "../../../bus/pci/drivers/%s", driver);
	put_link(tree, target, "sys/module/%s/drivers/pci:%s", module, driver);
}

void put_device(const struct tree *tree, const char *address, const char *driver, int group)
{
	unsigned char config[64] = {0};
	char target[256];

	put_bytes(tree, config, sizeof(config), "sys/devices/pci0000:00/%s/config", address);
	put(tree, "0x8086\n", "sys/devices/pci0000:00/%s/vendor", address);
	put(tree, "0x10ca\n", "sys/devices/pci0000:00/%s/device", address);
	put(tree, "0x1af4\n", "sys/devices/pci0000:00/%s/subsystem_vendor", address);
	put(tree, "0x1100\n", "sys/devices/pci0000:00/%s/subsystem_device", address);
	put(tree, "0x020000\n", "sys/devices/pci0000:00/%s/class", address);
	put(tree, "pci:v00008086d000010CAsv00001AF4sd00001100bc02sc00i00\n", "sys/devices/pci0000:00/%s/modalias",
	    address);
	put(tree, "(null)\n", "sys/devices/pci0000:00/%s/driver_override", address);
	snprintf(target, sizeof(target), "../../../devices/pci0000:00/%s", address);
	put_link(tree, target, "sys/bus/pci/devices/%s", address);
	if (group >= 0) {
		snprintf(target, sizeof(target), "../../../kernel/iommu_groups/%d", group);
		put_link(tree, target, "sys/devices/pci0000:00/%s/iommu_group", address);
		snprintf(target, sizeof(target), "../../../../devices/pci0000:00/%s", address);
		put_link(tree, target, "sys/kernel/iommu_groups/%d/devices/%s", group, address);
	}
	if (driver) {
		snprintf(target, sizeof(target), "../../../bus/pci/drivers/%s", driver);
		put_link(tree, target, "sys/devices/pci0000:00/%s/driver", address);
	}
}

int tree_set_up(void **state)
{
	struct tree *tree = calloc(1, sizeof(*tree));
	char path[128];

	assert_non_null(tree);
	strcpy(tree->root, "/tmp/test-vfiobind-XXXXXX");
	assert_non_null(mkdtemp(tree->root));
	put(tree, "", "sys/bus/pci/drivers_probe");
	put_driver(tree, "igbvf", "igbvf");
	put_driver(tree, "vfio-pci", "vfio_pci");
	put_driver(tree, "vfio-pci-igbvf", "vfio_pci_igbvf");
	put_driver(tree, "mlx5_vfio_pci", "mlx5_vfio_pci");
	put_link(tree, "../../vfio_pci", "sys/module/vfio_pci_core/holders/vfio_pci");
	put_link(tree, "../../vfio_pci_igbvf", "sys/module/vfio_pci_core/holders/vfio_pci_igbvf");
	put_link(tree, "../../mlx5_vfio_pci", "sys/module/vfio_pci_core/holders/mlx5_vfio_pci");
	put_device(tree, "0000:04:11.5", "igbvf", 14);
	put(tree,
	    "# Aliases extracted from modules themselves.\n"
	    "alias pci:v00008086d000010CAsv*sd*bc*sc*i* igbvf\n"
	    "alias vfio_pci:v*d*sv*sd*bc*sc*i* vfio_pci\n"
	    "alias vfio_pci:v000015B3d0000101Esv*sd*bc*sc*i* mlx5_vfio_pci\n"
	    "alias vfio_pci:v00008086d000010CAsv*sd*bc*sc*i* vfio_pci_igbvf\n"
	    "alias vfio_pci:garbage nothing\n",
	    "modules/modules.alias");
	mkdir(strcat(strcpy(path, tree->root), "/sys/class"), 0755);
	mkdir(strcat(strcpy(path, tree->root), "/sys/class/vfio-dev"), 0755);
	assert_int_equal(vfiobind_context_new(&tree->context), 0);
	assert_int_equal(vfiobind_context_set_sysfs_root(tree->context, strcat(strcpy(path, tree->root), "/sys")), 0);
	assert_int_equal(vfiobind_context_set_modules_root(tree->context, strcat(strcpy(path, tree->root), "/modules")),
			 0);
	assert_int_equal(vfiobind_context_set_device_root(tree->context, strcat(strcpy(path, tree->root), "/dev")), 0);
	assert_int_equal(vfiobind_context_set_state_root(tree->context, strcat(strcpy(path, tree->root), "/state")), 0);
	assert_int_equal(vfiobind_context_set_proc_root(tree->context, strcat(strcpy(path, tree->root), "/proc")), 0);
	*state = tree;
	return 0;
}

static int remove_node(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	return remove(path);
}

int tree_tear_down(void **state)
{
	struct tree *tree = *state;

	vfiobind_context_free(tree->context);
	nftw(tree->root, remove_node, 16, FTW_DEPTH | FTW_PHYS);
	free(tree);
	return 0;
}
