/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_SHOW_H
#define VFIOBIND_SHOW_H

#include "vfiobind.h"

/*
 * Reads a device, until the context's deadline. @ret_device is set on failure too, to what was read before it; NULL only
 * without memory.
 */
int show_device(struct vfiobind_context *context, const struct vfiobind_address *address,
		struct vfiobind_device **ret_device, struct vfiobind_error *error);

#endif
