/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_NETDEV_H
#define VFIOBIND_NETDEV_H

#include "device.h"
#include "util.h"

#define NETDEV_NAME_SIZE 32

/*
 * The network interfaces of a device on @driver (may be NULL), sorted: its own, or those of its virtio device. The list
 * is @arena's. Returns 0 or -ENOMEM.
 */
int netdev_list(const struct device_handle *device, const char *driver, struct arena *arena,
		char (**ret_names)[NETDEV_NAME_SIZE], size_t *ret_n);

/* Whether an interface is up, or part of another one. Returns 1 with what it is in words, 0, or what worker_failed(). */
int netdev_in_use(struct vfiobind_context *context, const struct device_handle *device, const char *name,
		  const char **ret_how);

#endif
