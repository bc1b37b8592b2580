/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Undoing. It trusts nothing that the operation believes: it reads how the device is, does what is missing, and reads
 * again. What another process has made of the device meanwhile is not undone: the device is then not as it was, which
 * the caller is told. It goes on after a failed store, so that as much as possible is restored, and tries each store twice: there is
 * no later chance, and what made the operation fail may have passed.
 */
#include <stdio.h>
#include <string.h>

#include "context.h"
#include "operation.h"

static void store(struct operation *operation, const char *path, const char *value)
{
	for (int attempt = 0; attempt < 2; attempt++) {
		_cleanup_close_ int fd = sysfs_open_store(operation->context->sysfs_fd, path);

		if (fd >= 0 && sysfs_store(fd, value) == 0)
			return;
	}
}

static void store_override(struct operation *operation, struct operation_device *device, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "bus/pci/devices/%s/driver_override", device->handle.name);
	store(operation, path, value);
}

static bool same_driver(const struct snapshot *a, const struct snapshot *b)
{
	return a->bound == b->bound && (!a->bound || strcmp(a->driver, b->driver) == 0);
}

bool snapshot_same_override(const struct snapshot *a, const struct snapshot *b)
{
	return a->overridden == b->overridden &&
	       (!a->overridden || strcmp(a->driver_override, b->driver_override) == 0);
}

/* What the plan saw or the operation stored. Anything else says that another process is at work on the device. */
static bool is_our_override(const struct operation *operation, const struct operation_device *device,
			    const struct snapshot *now)
{
	if (snapshot_same_override(now, &device->before))
		return true;
	if (!device->override_stored)
		return false;
	if (!operation->detach)
		return !now->overridden;
	return now->overridden && strcmp(now->driver_override, device->target.driver) == 0;
}

/* A detach has only its own driver bind the device; a reattach leaves the choice to the kernel. */
static bool is_our_driver(const struct operation *operation, const struct operation_device *device,
			  const struct snapshot *now)
{
	return !now->bound || !operation->detach || strcmp(now->driver, device->target.driver) == 0 ||
	       strcmp(now->driver, device->taken_by) == 0;
}

/*
 * The former driver is named by an override while it is probed: without, another driver that knows the device could
 * come first, or none at all, as for a virtual function whose PF has sriov_drivers_autoprobe off.
 */
static void restore_driver(struct operation *operation, struct operation_device *device, const struct snapshot *now)
{
	const struct snapshot *before = &device->before;
	char path[2 * SYSFS_NAME_SIZE];

	if (before->bound && !(now->overridden && strcmp(now->driver_override, before->driver) == 0))
		store_override(operation, device, before->driver);
	if (now->bound) {
		snprintf(path, sizeof(path), "bus/pci/drivers/%s/unbind", now->driver);
		store(operation, path, device->handle.name);
	}
	if (before->bound)
		store(operation, "bus/pci/drivers_probe", device->handle.name);
}

bool rollback_device(struct operation *operation, struct operation_device *device)
{
	const struct snapshot *before = &device->before;
	_cleanup_free_ struct snapshot *now = calloc(1, sizeof(*now));
	char virtfn[SYSFS_NAME_SIZE];
	bool ours;

	if (!device->stored)
		return true;
	if (!now || plan_snapshot(operation, device, now, NULL) < 0)
		return false;
	ours = is_our_override(operation, device, now);
	/* If it was never ours to bind, somebody else has moved it: that is left alone. */
	if (ours && device->unbound && !same_driver(now, before) && is_our_driver(operation, device, now)) {
		restore_driver(operation, device, now);
		if (plan_snapshot(operation, device, now, NULL) < 0)
			return false;
	}
	if (ours && !snapshot_same_override(now, before)) {
		store_override(operation, device, before->overridden ? before->driver_override : "\n");
		if (plan_snapshot(operation, device, now, NULL) < 0)
			return false;
	}
	if (before->has_vfs && sysfs_readlink_name(device->handle.fd, "virtfn0", virtfn) < 0)
		return false;
	return snapshot_same_override(now, before) && (!device->unbound || same_driver(now, before));
}
