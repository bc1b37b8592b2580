/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_VFS_H
#define VFIOBIND_VFS_H

#include "device.h"
#include "operation.h"
#include "util.h"

/* The virtual functions of a physical function. */

/*
 * Their addresses, by their links virtfn0, virtfn1 … until one is missing: reading sriov_numvfs would wait while the PF's
 * driver probes or removes. The list is @arena's.
 */
int vfs_list(struct vfiobind_context *context, const struct device_handle *pf, struct arena *arena,
	     struct vfiobind_address **ret_vfs, size_t *ret_n, struct vfiobind_error *error);

enum vfs_care {
	VFS_LOOK, /* what is not ready is told by their @ready */
	VFS_WARN, /* and it is a warning of the PF: who wants them may think that they are */
	VFS_WAIT, /* and before it is waited for it, until the context's deadline or its driver gives up: they have just come */
};

/* What there is of them, into @sriov, whose @autoprobe is set. */
int vfs_describe(struct operation *operation, struct operation_device *pf, enum vfs_care care,
		 struct vfiobind_sriov *sriov);

#endif
