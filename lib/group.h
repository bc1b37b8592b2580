/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_GROUP_H
#define VFIOBIND_GROUP_H

#include "device.h"
#include "util.h"

/* The number of the device's IOMMU group. Returns 1, or 0 if it is in none. */
int group_read_number(struct vfiobind_context *context, const struct device_handle *device, int32_t *ret_number,
		      struct vfiobind_error *error);

/* The devices of the group of @device, sorted; with @others all but itself. */
int group_read_members(struct vfiobind_context *context, const struct device_handle *device, bool others,
		       struct arena *arena, struct vfiobind_group_member ***ret_members, size_t *ret_n,
		       struct vfiobind_error *error);

#endif
