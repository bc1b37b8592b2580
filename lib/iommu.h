/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_IOMMU_H
#define VFIOBIND_IOMMU_H

#include <stddef.h>

#include "vfiobind.h"

/* How many IOMMU groups there are. */
unsigned int iommu_count_groups(struct vfiobind_context *context);

/* Why there are none, as far as it shows, into @found; and what is to be done. Returns the latter, a constant string. */
const char *iommu_explain_absence(const struct vfiobind_context *context, char *found, size_t size);

#endif
