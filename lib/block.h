/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_BLOCK_H
#define VFIOBIND_BLOCK_H

#include "device.h"

/*
 * Whether a block device of an NVMe controller, or a partition of one, is mounted, swapped on, or held by another block
 * device (RAID, LVM, encryption). Returns 1 with what is in @buffer in words, 0, or a negative errno. @first is set as by
 * block_first().
 */
int block_in_use(struct vfiobind_context *context, const struct device_handle *device, char *first, char *buffer,
		 size_t size);

/* The first block device of the controller, "nvme0n1", in NAME_MAX + 1 bytes; empty if it has none. */
void block_first(const struct device_handle *device, char *buffer);

#endif
