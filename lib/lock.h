/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_LOCK_H
#define VFIOBIND_LOCK_H

#include <stddef.h>
#include <stdint.h>

#include "vfiobind.h"

/*
 * Who works on a device has its lock, and that of its IOMMU group, so that no two processes do. The locks are those of
 * flock(2): the kernel gives them back when the process ends, however that is. They belong to this process alone: a
 * worker that waits in the kernel has not inherited them.
 */
struct locks {
	int *fds;
	size_t n;
};

/*
 * Takes the locks of devices and groups, in an order that all keep; waits until the context's deadline. Errors: locked
 * (says who has it), and those of state_open().
 */
int locks_take(struct vfiobind_context *context, const struct vfiobind_address *addresses, size_t n_addresses,
	       const int32_t *groups, size_t n_groups, struct locks *locks, struct vfiobind_error *error);

void locks_release(struct locks *locks);

#endif
