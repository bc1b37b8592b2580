/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * After: what comes a moment after the driver was bound. Nothing of it is a failure of the operation, so what does not come
 * is a warning.
 */
#include "settle.h"

#include <stdio.h>
#include <string.h>

#include "block.h"
#include "context.h"
#include "error.h"
#include "netdev.h"
#include "vfio.h"
#include "watch.h"

/* Nodes: devtmpfs has them at once; what udev or a container makes of /dev takes no longer, or will never be. */
#define NODES_MS 2000
/* Interfaces and disks: drivers that make them behind their probe (iavf, nvme) take seconds. */
#define CHILDREN_MS 10000
/* A new interface has its name of before when udev has renamed it. */
#define NAMES_MS 1000

static struct deadline earlier(struct deadline a, struct deadline b)
{
	return a.at < b.at ? a : b;
}

int settle_vfio(struct operation *operation, struct operation_device *device)
{
	struct vfiobind_result_device *result = device->result;
	const char *missing = NULL;
	struct deadline deadline = {0};
	int r;

	/* For all devices of one call together. */
	if (operation->nodes_until.at == 0)
		operation->nodes_until = deadline_in(NODES_MS);
	/* What is there for long is not waited for. */
	if (device->change || device->taken_by[0])
		deadline = earlier(operation->nodes_until, operation->context->deadline);
	r = vfio_await(operation->context, &device->handle, device->iommu_group, deadline, operation->arena,
		       &result->vfio, &missing, operation->error);
	if (r < 0 || !missing)
		return r;
	return warn_result(operation, device, "%s has not come: is devtmpfs on /dev? a container has to be given it",
			   missing);
}

/* ------------------------------------------------------------------------------------- interfaces and disks */

/* What the device had, and what it has. */
struct children {
	const struct record *record;
	size_t n_netdevs;
	char (*netdevs)[NETDEV_NAME_SIZE];
	char disk[SYSFS_NAME_SIZE];
};

static bool has_netdev(const struct children *children, const char *name)
{
	for (size_t i = 0; i < children->n_netdevs; i++)
		if (strcmp(children->netdevs[i], name) == 0)
			return true;
	return false;
}

static bool all_came(const struct children *children)
{
	return children->n_netdevs >= children->record->n_netdevs && (!children->record->disk[0] || children->disk[0]);
}

static bool names_came(const struct children *children)
{
	for (size_t i = 0; i < children->record->n_netdevs; i++)
		if (!has_netdev(children, children->record->netdevs[i]))
			return false;
	return true;
}

/* In the normal case all is there, and each costs one look. */
static bool is_as_before(struct operation_device *device, const struct record *record)
{
	char path[NETDEV_NAME_SIZE + 8], disk[SYSFS_NAME_SIZE];

	for (size_t i = 0; i < record->n_netdevs; i++) {
		snprintf(path, sizeof(path), "net/%s", record->netdevs[i]);
		if (!sysfs_exists(device->handle.fd, path))
			return false;
	}
	if (record->disk[0])
		block_first(&device->handle, disk);
	return !record->disk[0] || disk[0];
}

static int look(struct operation *operation, struct operation_device *device, const char *driver,
		struct children *children)
{
	if (children->record->disk[0])
		block_first(&device->handle, children->disk);
	return netdev_list(&device->handle, driver, operation->arena, &children->netdevs, &children->n_netdevs);
}

static int wait_for(struct operation *operation, struct operation_device *device, const char *driver,
		    struct children *children)
{
	struct deadline deadline = earlier(deadline_in(CHILDREN_MS), operation->context->deadline), names = {0};
	struct watch watch = WATCH_NONE;
	int r;

	watch_uevents(&watch);
	for (;;) {
		r = look(operation, device, driver, children);
		if (r < 0 || (all_came(children) && names_came(children)))
			break;
		if (all_came(children) && names.at == 0)
			names = earlier(deadline, deadline_in(NAMES_MS));
		if (!watch_wait(&watch, all_came(children) ? names : deadline))
			break;
	}
	watch_close(&watch);
	return r < 0 ? fail_memory(operation->error) : 0;
}

/* All of them, as a list in words. */
static const char *join(const struct children *children, char *buffer, size_t size)
{
	size_t length = 0;

	snprintf(buffer, size, "none");
	for (size_t i = 0; i < children->n_netdevs && length < size; i++)
		length += (size_t)snprintf(buffer + length, size - length, "%s%s", i ? ", " : "", children->netdevs[i]);
	return buffer;
}

static int warn_missing(struct operation *operation, struct operation_device *device, const struct children *children)
{
	const struct record *record = children->record;
	char now[256];
	int r = 0;

	for (size_t i = 0; r == 0 && i < record->n_netdevs; i++) {
		if (has_netdev(children, record->netdevs[i]))
			continue;
		if (children->n_netdevs >= record->n_netdevs)
			r = warn_result(operation, device, "its interface was called %s, and is called %s now",
					record->netdevs[i], join(children, now, sizeof(now)));
		else
			r = warn_result(operation, device, "its interface %s has not come back; see dmesg",
					record->netdevs[i]);
	}
	if (r == 0 && record->disk[0] && !children->disk[0])
		r = warn_result(operation, device, "its disk %s has not come back; see dmesg", record->disk);
	return r;
}

static int report(struct operation *operation, struct operation_device *device, char (*names)[NETDEV_NAME_SIZE],
		  size_t n)
{
	struct vfiobind_result_device *result = device->result;
	void **list = NULL;

	result->n_netdevs = 0;
	for (size_t i = 0; i < n; i++)
		if (arena_append(operation->arena, &list, &result->n_netdevs, names[i]) < 0)
			return fail_memory(operation->error);
	result->netdevs = (const char *const *)list;
	return 0;
}

int settle_host(struct operation *operation, struct operation_device *device, const char *driver)
{
	struct children children = {.record = device->record};
	int r;

	if (!children.record || (!children.record->n_netdevs && !children.record->disk[0]))
		return 0;
	if (is_as_before(device, children.record))
		return report(operation, device, children.record->netdevs, children.record->n_netdevs);
	r = wait_for(operation, device, driver, &children);
	if (r == 0)
		r = warn_missing(operation, device, &children);
	return r == 0 ? report(operation, device, children.netdevs, children.n_netdevs) : r;
}
