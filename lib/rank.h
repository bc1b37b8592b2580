/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_RANK_H
#define VFIOBIND_RANK_H

#include "device.h"

/*
 * Ranks the drivers for a device. With @all each candidate is looked at; else only those down to the one to be chosen.
 * The ranking is the caller's, to be freed with vfiobind_ranking_free().
 */
int rank_device(struct vfiobind_context *context, const struct device_handle *device, bool all,
		struct vfiobind_ranking **ret_ranking, struct vfiobind_error *error);

#endif
