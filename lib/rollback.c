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

/* Returns -ETIMEDOUT, or 0: whether it did what it should is seen later. */
static int store(struct operation *operation, const char *path, const char *value)
{
	for (int attempt = 0; attempt < 2; attempt++) {
		struct attribute_store file = ATTRIBUTE_STORE_NONE;
		int r = attribute_open(operation->context, path, &file);

		if (r == 0)
			r = attribute_store(operation->context, &file, value);
		attribute_close(operation->context, &file);
		if (r == 0 || r == -ETIMEDOUT)
			return r;
	}
	return 0;
}

static int store_override(struct operation *operation, struct operation_device *device, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/driver_override", device->handle.directory);
	return store(operation, path, value);
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
static int restore_driver(struct operation *operation, struct operation_device *device, const struct snapshot *now)
{
	const struct snapshot *before = &device->before;
	char path[2 * SYSFS_NAME_SIZE];
	int r = 0;

	if (before->bound && !(now->overridden && strcmp(now->driver_override, before->driver) == 0))
		r = store_override(operation, device, before->driver);
	if (r == 0 && now->bound) {
		snprintf(path, sizeof(path), "bus/pci/drivers/%s/unbind", now->driver);
		r = store(operation, path, device->handle.name);
	}
	if (r == 0 && before->bound)
		r = store(operation, "bus/pci/drivers_probe", device->handle.name);
	return r;
}

int rollback_device(struct operation *operation, struct operation_device *device)
{
	const struct snapshot *before = &device->before;
	_cleanup_free_ struct snapshot *now = calloc(1, sizeof(*now));
	char virtfn[SYSFS_NAME_SIZE];
	bool ours;
	int r;

	if (!device->stored)
		return 1;
	if (!now)
		return 0;
	r = plan_snapshot(operation, device, now, NULL);
	if (r < 0)
		return r;
	ours = is_our_override(operation, device, now);
	/* If it was never ours to bind, somebody else has moved it: that is left alone. */
	if (ours && device->unbound && !same_driver(now, before) && is_our_driver(operation, device, now)) {
		r = restore_driver(operation, device, now);
		if (r == 0)
			r = plan_snapshot(operation, device, now, NULL);
	}
	if (r == 0 && ours && !snapshot_same_override(now, before)) {
		r = store_override(operation, device, before->overridden ? before->driver_override : "\n");
		if (r == 0)
			r = plan_snapshot(operation, device, now, NULL);
	}
	if (r < 0 || (before->has_vfs && sysfs_readlink_name(device->handle.fd, "virtfn0", virtfn) < 0))
		return r;
	return snapshot_same_override(now, before) && (!device->unbound || same_driver(now, before));
}
