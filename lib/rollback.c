/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Undoing. It trusts nothing that the operation believes: it reads how the device is, does what is missing, and reads
 * again. What another process has made of the device meanwhile is not undone: the device is then not as it was, which
 * the caller is told. It goes on after a failed store, so that as much as possible is restored. It needs no memory.
 */
#include <errno.h>
#include <string.h>

#include "context.h"
#include "operation.h"

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
	const struct snapshot *before = &device->before;
	const char *stored = is_detach(operation) ? device->target.driver : device->new_override;

	if (snapshot_same_override(now, before))
		return true;
	/* The former driver's name stands there while it is bound again. */
	if (now->overridden && before->bound && strcmp(now->driver_override, before->driver) == 0)
		return true;
	if (!device->override_stored)
		return false;
	return strcmp(stored, "\n") == 0 ? !now->overridden
					 : now->overridden && strcmp(now->driver_override, stored) == 0;
}

/* A detach has only its own driver bind the device; a reattach leaves the choice to the kernel. */
static bool is_our_driver(const struct operation *operation, const struct operation_device *device,
			  const struct snapshot *now)
{
	return !now->bound || !is_detach(operation) || strcmp(now->driver, device->target.driver) == 0 ||
	       strcmp(now->driver, device->taken_by) == 0;
}

enum rollback rollback_device(struct operation *operation, struct operation_device *device)
{
	const struct snapshot *before = &device->before;
	struct snapshot now = {.bound = false};
	char virtfn[SYSFS_NAME_SIZE];
	bool override_is_ours, driver_is_ours;
	int r;

	if (!device->stored)
		return ROLLBACK_DONE;
	r = plan_snapshot(operation, device, &now, NULL);
	if (r < 0)
		return r == -ETIMEDOUT ? ROLLBACK_PENDING : ROLLBACK_FAILED;
	override_is_ours = is_our_override(operation, device, &now);
	/* If it was never ours to bind, somebody else has moved it: that is left alone. */
	driver_is_ours = device->unbound && is_our_driver(operation, device, &now);
	if (override_is_ours && driver_is_ours && !same_driver(&now, before)) {
		r = bind_exactly(operation, device, before->bound ? before->driver : NULL, &now);
		if (r == 0)
			r = plan_snapshot(operation, device, &now, NULL);
	}
	if (r == 0 && override_is_ours && !snapshot_same_override(&now, before)) {
		r = bind_override(operation, device, before->overridden ? before->driver_override : "\n");
		if (r == 0)
			r = plan_snapshot(operation, device, &now, NULL);
	}
	if (r < 0)
		return r == -ETIMEDOUT ? ROLLBACK_PENDING : ROLLBACK_FAILED;
	if (snapshot_same_override(&now, before) && (!device->unbound || same_driver(&now, before)))
		return before->has_vfs && sysfs_readlink_name(device->handle.fd, "virtfn0", virtfn) < 0
			       ? ROLLBACK_FAILED
			       : ROLLBACK_DONE;
	return override_is_ours && (driver_is_ours || same_driver(&now, before)) ? ROLLBACK_FAILED : ROLLBACK_FOREIGN;
}
