/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_DOMAIN_H
#define VFIOBIND_DOMAIN_H

#include "operation.h"

/*
 * Which domain uses a device. It stands in the device's record, so that every process knows: from vfiobind_hostdev_prepare()
 * to vfiobind_hostdev_release(), whoever calls them.
 */

/* Whether a record says that a domain uses the device. */
bool domain_uses(const struct record *record);

/* Refuses a device that a domain uses, for an operation that takes it from under it. Error: used-by-domain. */
int domain_refuse_used(struct operation *operation, const struct operation_device *device);

/*
 * Refuses a device of whose IOMMU group a domain uses others: of a prepare, another domain; else any, for a host driver
 * cannot have it then. Sets device->shares_group. Errors: group-used-by-domain, and those of state_open().
 */
int domain_refuse_group(struct operation *operation, struct operation_device *device);

#endif
