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
#include "watch.h"

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

/* A node that the kernel has made a device for, and who may open it. */
struct node {
	char path[PATH_MAX]; /* empty: the kernel has none */
	dev_t number;        /* 0: of any */
	bool there;
	struct vfiobind_access access;
};

/* The node of that name may be a leftover with another number. */
static void look_at(struct node *node)
{
	struct stat status;

	node->there = node->path[0] && stat(node->path, &status) == 0 && !S_ISDIR(status.st_mode) &&
		      (!node->number || (S_ISCHR(status.st_mode) && status.st_rdev == node->number));
	if (node->there)
		node->access = (struct vfiobind_access){status.st_uid, status.st_gid, status.st_mode & 07777};
}

/*
 * The entry in vfio-dev exists also where the kernel has no character device for it (CONFIG_VFIO_DEVICE_CDEV off): then
 * it has no `dev`.
 */
static int find_cdev(struct vfiobind_context *context, const struct device_handle *device, const char *name,
		     struct node *node, struct vfiobind_error *error)
{
	char attribute[SYSFS_NAME_SIZE + 32], text[32];
	unsigned int number_major, number_minor;
	ssize_t n;

	snprintf(attribute, sizeof(attribute), "vfio-dev/%s/dev", name);
	n = attribute_read(context, device->directory, attribute, text, sizeof(text));
	if (worker_failed(n))
		return device_fail_read(context, device, attribute, (int)n, error);
	if (n < 0 || sscanf(text, "%9u:%9u", &number_major, &number_minor) != 2)
		return 0;
	snprintf(node->path, sizeof(node->path), "%s/vfio/devices/%s", context->device_root, name);
	node->number = makedev(number_major, number_minor);
	look_at(node);
	return 0;
}

/* Without an IOMMU, in the kernel's unsafe mode, the node's name says so. Where there is none, the class knows of one. */
static void find_group(const struct vfiobind_context *context, int32_t group, struct node *node)
{
	static const char *const prefixes[] = {"", "noiommu-"};
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		snprintf(node->path, sizeof(node->path), "%s/vfio/%s%d", context->device_root, prefixes[i], group);
		look_at(node);
		if (node->there)
			return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		snprintf(path, sizeof(path), "class/vfio/%s%d", prefixes[i], group);
		snprintf(node->path, sizeof(node->path), "%s/vfio/%s%d", context->device_root, prefixes[i], group);
		if (sysfs_exists(context->sysfs_fd, path))
			return;
	}
	node->path[0] = '\0';
}

static bool is_complete(const struct node *nodes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (nodes[i].path[0] && !nodes[i].there)
			return false;
	return true;
}

/* devtmpfs has a node before the driver's probe has ended; any other /dev has it when somebody has made it. */
static void wait_for(const struct vfiobind_context *context, struct node *nodes, size_t n, struct deadline deadline)
{
	struct watch watch = WATCH_NONE;
	char directories[2][PATH_MAX];

	if (is_complete(nodes, n) || deadline_left(deadline) == 0)
		return;
	snprintf(directories[0], sizeof(directories[0]), "%s/vfio", context->device_root);
	snprintf(directories[1], sizeof(directories[1]), "%s/vfio/devices", context->device_root);
	watch_directories(&watch, (const char *const[]){context->device_root, directories[0], directories[1]}, 3);
	do
		for (size_t i = 0; i < n; i++)
			look_at(&nodes[i]);
	while (!is_complete(nodes, n) && watch_wait(&watch, deadline));
	watch_close(&watch);
}

static int keep(struct arena *arena, const struct node *node, const char **ret_path, struct vfiobind_access *ret_access,
		const char **ret_missing)
{
	char *path = node->path[0] ? arena_strdup(arena, node->path) : NULL;

	if (node->path[0] && !path)
		return -ENOMEM;
	*ret_path = node->there ? path : NULL;
	*ret_access = node->access;
	if (path && !node->there && ret_missing)
		*ret_missing = path;
	return 0;
}

int vfio_read(struct vfiobind_context *context, const struct device_handle *device, int32_t group, struct arena *arena,
	      const struct vfiobind_vfio **ret_vfio, struct vfiobind_error *error)
{
	return vfio_await(context, device, group, (struct deadline){0}, arena, ret_vfio, NULL, error);
}

int vfio_await(struct vfiobind_context *context, const struct device_handle *device, int32_t group,
	       struct deadline deadline, struct arena *arena, const struct vfiobind_vfio **ret_vfio,
	       const char **ret_missing, struct vfiobind_error *error)
{
	struct vfiobind_vfio *vfio = arena_zalloc(arena, sizeof(*vfio));
	_cleanup_free_ struct node *nodes = calloc(2, sizeof(*nodes));
	char name[32];
	int r;

	if (!vfio || !nodes)
		return fail_memory(error);
	r = vfio_read_name(device, name, sizeof(name));
	if (r < 0)
		return device_fail_read(context, device, "vfio-dev", r, error);
	vfio->device = name[0] ? arena_strdup(arena, name) : NULL;
	if (name[0] && !vfio->device)
		return fail_memory(error);
	r = name[0] ? find_cdev(context, device, name, &nodes[1], error) : 0;
	if (r < 0)
		return r;
	if (group >= 0)
		find_group(context, group, &nodes[0]);
	wait_for(context, nodes, 2, deadline);
	if (keep(arena, &nodes[0], &vfio->group_node, &vfio->group_access, ret_missing) < 0 ||
	    keep(arena, &nodes[1], &vfio->cdev, &vfio->cdev_access, ret_missing) < 0)
		return fail_memory(error);
	*ret_vfio = vfio;
	return 0;
}

bool vfio_has_device_class(struct vfiobind_context *context)
{
	return sysfs_exists(context->sysfs_fd, "class/vfio-dev");
}
