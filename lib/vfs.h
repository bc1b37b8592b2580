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

/*
 * What there is of them, into @sriov, whose @autoprobe is set. With @log_fd (diagnose_open_log(), or -1) each is waited for
 * until it is ready, or a driver has given up on it, or the context's deadline; what is not ready is a warning of @pf. With
 * @wait false nothing is waited for, and nothing is warned of.
 */
int vfs_describe(struct operation *operation, struct operation_device *pf, bool wait, struct vfiobind_sriov *sriov);

#endif
