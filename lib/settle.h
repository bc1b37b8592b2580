/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_SETTLE_H
#define VFIOBIND_SETTLE_H

#include "operation.h"

/* The nodes of a device that is on a VFIO driver, into its result. */
int settle_vfio(struct operation *operation, struct operation_device *device);

/* The interfaces and disks that a device had before it was detached and that @driver gives it again, into its result. */
int settle_host(struct operation *operation, struct operation_device *device, const char *driver);

#endif
