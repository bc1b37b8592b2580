/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "netdev.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attribute.h"
#include "context.h"
#include "sysfs.h"

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The interfaces of a virtio device are one level further down. */
static int open_net(const struct device_handle *device, const char *driver, struct sysfs_walk *walk)
{
	char virtio[SYSFS_NAME_SIZE + 8] = "";
	const char *name;
	int r = sysfs_walk_open(walk, device->fd, "net");

	if (r == 0 || !driver || strcmp(driver, "virtio-pci") != 0 || sysfs_walk_open(walk, device->fd, ".") < 0)
		return r;
	while (!virtio[0] && sysfs_walk_next(walk, &name) > 0)
		if (strncmp(name, "virtio", strlen("virtio")) == 0)
			snprintf(virtio, sizeof(virtio), "%s/net", name);
	sysfs_walk_close(walk);
	return virtio[0] ? sysfs_walk_open(walk, device->fd, virtio) : -ENOENT;
}

int netdev_list(const struct device_handle *device, const char *driver, struct arena *arena,
		char (**ret_names)[NETDEV_NAME_SIZE], size_t *ret_n)
{
	char(*names)[NETDEV_NAME_SIZE] = NULL;
	struct sysfs_walk walk;
	const char *name;
	size_t n = 0;
	int r = 0;

	if (open_net(device, driver, &walk) == 0) {
		while (r == 0 && sysfs_walk_next(&walk, &name) > 0) {
			if (strlen(name) >= NETDEV_NAME_SIZE)
				continue;
			r = arena_extend(arena, (void **)&names, &n, sizeof(*names));
			if (r == 0)
				strcpy(names[n - 1], name);
		}
		sysfs_walk_close(&walk);
	}
	if (r < 0)
		return r;
	if (n)
		qsort(names, n, sizeof(*names), compare_names);
	*ret_names = names;
	*ret_n = n;
	return 0;
}

int netdev_in_use(struct vfiobind_context *context, const struct device_handle *device, const char *name,
		  const char **ret_how)
{
	char directory[64], path[96], master[SYSFS_NAME_SIZE];
	unsigned long flags;
	int r;

	snprintf(directory, sizeof(directory), "class/net/%.32s", name);
	snprintf(path, sizeof(path), "%s/master", directory);
	if (sysfs_readlink_name(context->sysfs_fd, path, master) == 0) {
		*ret_how = "part of a bridge or bond";
		return 1;
	}
	r = attribute_read_hex(context, directory, "flags", UINT32_MAX, &flags);
	if (worker_failed(r))
		return r;
	*ret_how = "up";
	return r == 0 && (flags & IFF_UP);
}
