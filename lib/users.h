/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_USERS_H
#define VFIOBIND_USERS_H

#include "device.h"
#include "util.h"

/* What somebody has open who uses a VFIO device. */
struct users_query {
	const struct device_handle *device;
	int32_t iommu_group;     /* -1 for none */
	const char *vfio_device; /* "vfio0"; NULL or empty if it has none */
	bool leaves;             /* the kernel is taking it: its nodes may be gone, while they are open */
};

/*
 * Finds the processes that have the device, or its group, open: those whose descriptors may be looked at. The list is
 * @arena's. Returns 0 or -ENOMEM.
 */
int users_find(struct vfiobind_context *context, const struct users_query *query, struct arena *arena,
	       struct vfiobind_user ***ret_users, size_t *ret_n);

/* "held by qemu-system-x86 (pid 1234), …", cut where it does not fit; empty if nobody is known. */
void users_describe(struct vfiobind_context *context, const struct users_query *query, char *buffer, size_t size);

#endif
