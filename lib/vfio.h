/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_VFIO_H
#define VFIOBIND_VFIO_H

#include "deadline.h"
#include "device.h"
#include "util.h"

/*
 * How user space reaches a device that is bound to a VFIO driver; @group is -1 for none. *@ret_vfio->device is NULL if
 * the device has no vfio-dev entry: vfio_has_device_class() tells whether it should.
 */
int vfio_read(struct vfiobind_context *context, const struct device_handle *device, int32_t group, struct arena *arena,
	      const struct vfiobind_vfio **ret_vfio, struct vfiobind_error *error);

/*
 * The same, after the device was bound: nodes that the kernel has a device for are waited for until the deadline.
 * @ret_missing is set to the path of one that has not come; may be NULL.
 */
int vfio_await(struct vfiobind_context *context, const struct device_handle *device, int32_t group,
	       struct deadline deadline, struct arena *arena, const struct vfiobind_vfio **ret_vfio,
	       const char **ret_missing, struct vfiobind_error *error);

/* The name of the device's vfio-dev entry, "vfio0"; empty if it has none. Returns 0 or a negative errno. */
int vfio_read_name(const struct device_handle *device, char *buffer, size_t size);

/* Whether this kernel gives each VFIO device a vfio-dev entry: since Linux 6.1. */
bool vfio_has_device_class(struct vfiobind_context *context);

#endif
