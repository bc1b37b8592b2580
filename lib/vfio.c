/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vfio.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "attribute.h"
#include "context.h"
#include "error.h"
#include "sysfs.h"

/*
 * The entry exists also where the kernel has no character device for it (CONFIG_VFIO_DEVICE_CDEV off: no `dev`), and
 * the node of that name may be a leftover with another number.
 */
static bool has_cdev(struct vfiobind_context *context, const struct device_handle *device, const char *name,
		     const char *node)
{
	char attribute[SYSFS_NAME_SIZE + 32], text[32];
	unsigned int number_major, number_minor;
	struct stat status;

	snprintf(attribute, sizeof(attribute), "vfio-dev/%s/dev", name);
	if (attribute_read(context, device->directory, attribute, text, sizeof(text)) < 0)
		return false;
	if (sscanf(text, "%9u:%9u", &number_major, &number_minor) != 2 || stat(node, &status) < 0 ||
	    !S_ISCHR(status.st_mode))
		return false;
	return status.st_rdev == makedev(number_major, number_minor);
}

/* Without an IOMMU, in the kernel's unsafe mode, the node's name says so. */
static char *find_group_node(const struct vfiobind_context *context, int32_t group, struct arena *arena)
{
	static const char *const prefixes[] = {"", "noiommu-"};
	char path[PATH_MAX];
	struct stat status;

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		snprintf(path, sizeof(path), "%s/vfio/%s%d", context->device_root, prefixes[i], group);
		if (stat(path, &status) == 0 && !S_ISDIR(status.st_mode))
			return arena_strdup(arena, path);
	}
	return NULL;
}

int vfio_read_name(const struct device_handle *device, char *buffer, size_t size)
{
	struct sysfs_walk walk;
	const char *name;
	int r;

	buffer[0] = '\0';
	r = sysfs_walk_open(&walk, device->fd, "vfio-dev");
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	while ((r = sysfs_walk_next(&walk, &name)) > 0)
		if (strncmp(name, "vfio", 4) == 0 && strlen(name) < size) {
			strcpy(buffer, name);
			break;
		}
	sysfs_walk_close(&walk);
	return r < 0 ? r : 0;
}

int vfio_read(struct vfiobind_context *context, const struct device_handle *device, int32_t group, struct arena *arena,
	      const struct vfiobind_vfio **ret_vfio, struct vfiobind_error *error)
{
	struct vfiobind_vfio *vfio = arena_zalloc(arena, sizeof(*vfio));
	char name[32];
	int r;

	if (!vfio)
		return fail_memory(error);
	r = vfio_read_name(device, name, sizeof(name));
	if (r < 0)
		return device_fail_read(context, device, "vfio-dev", r, error);
	vfio->device = name[0] ? arena_strdup(arena, name) : NULL;
	if (name[0] && !vfio->device)
		return fail_memory(error);
	if (vfio->device) {
		char *node = arena_printf(arena, "%s/vfio/devices/%s", context->device_root, vfio->device);

		if (!node)
			return fail_memory(error);
		vfio->cdev = has_cdev(context, device, vfio->device, node) ? node : NULL;
	}
	if (group >= 0)
		vfio->group_node = find_group_node(context, group, arena);
	*ret_vfio = vfio;
	return 0;
}

bool vfio_has_device_class(struct vfiobind_context *context)
{
	return sysfs_exists(context->sysfs_fd, "class/vfio-dev");
}
