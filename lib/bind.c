/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One driver and no other for a device, where the way there matters less than the end: to undo, and to bring back. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store.h"

int bind_override(struct operation *operation, const struct operation_device *device, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/driver_override", device->handle.directory);
	return store_twice(operation, path, value);
}

/*
 * The driver is named by an override while it is probed: without, another driver that knows the device could come first,
 * or none at all, as for a virtual function whose PF has sriov_drivers_autoprobe off.
 */
int bind_exactly(struct operation *operation, const struct operation_device *device, const char *driver,
		 const struct snapshot *now)
{
	char path[2 * SYSFS_NAME_SIZE];
	int r = 0;

	if (driver && !(now->overridden && strcmp(now->driver_override, driver) == 0))
		r = bind_override(operation, device, driver);
	if (r == 0 && now->bound) {
		snprintf(path, sizeof(path), "bus/pci/drivers/%s/unbind", now->driver);
		r = store_twice(operation, path, device->handle.name);
	}
	if (r == 0 && driver)
		r = store_twice(operation, "bus/pci/drivers_probe", device->handle.name);
	return r;
}
