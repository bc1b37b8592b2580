/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which devices an operation has, opened. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "error.h"
#include "group.h"
#include "journal.h"
#include "operation.h"

/* PCI_BASE_CLASS_BRIDGE: host bridges have the header of an endpoint, but are none. */
#define BASE_CLASS_BRIDGE 0x06

static bool is_endpoint(struct operation *operation, const struct device_handle *device)
{
	unsigned long class_code;
	int type;

	if (device_read_header_type(operation->context, device, &type, NULL) < 0 || type != 0)
		return false;
	return attribute_read_hex(operation->context, device->directory, "class", 0xffffff, &class_code) == 0 &&
	       class_code >> 16 != BASE_CLASS_BRIDGE;
}

bool has_device(const struct operation *operation, const struct vfiobind_address *address)
{
	for (size_t i = 0; i < operation->n_devices; i++)
		if (vfiobind_address_compare(&operation->devices[i].handle.address, address) == 0)
			return true;
	return false;
}

/* What it says of itself, without what may differ between two of a kind. */
static int read_identity(struct operation *operation, struct operation_device *device)
{
	ssize_t n = attribute_read(operation->context, device->handle.directory, "modalias", device->identity,
				   sizeof(device->identity));

	if (worker_failed(n))
		return device_fail_read(operation->context, &device->handle, "modalias", (int)n, operation->error);
	if (n <= 0)
		strcpy(device->identity, JOURNAL_UNKNOWN);
	return 0;
}

/* What was removed while a domain had it can be given back all the same: only its record is left of it. */
static int add_gone(struct operation *operation, struct operation_device *device)
{
	if (operation->kind != RECORD_RELEASE || operation->error->code != VFIOBIND_ERROR_DEVICE_NOT_FOUND)
		return -operation->error->number;
	*operation->error = (struct vfiobind_error)VFIOBIND_ERROR_INIT;
	device->gone = true;
	operation->n_devices++;
	return 0;
}

static int add_device(struct operation *operation, const struct vfiobind_address *address, bool endpoints_only)
{
	struct operation_device *longer, *device;
	int r;

	if (has_device(operation, address))
		return 0;
	longer = reallocarray(operation->devices, operation->n_devices + 1, sizeof(*longer));
	if (!longer)
		return fail_memory(operation->error);
	operation->devices = longer;
	device = &longer[operation->n_devices];
	memset(device, 0, sizeof(*device));
	device->driver_override = device->unbind = device->reset = (struct attribute_store)ATTRIBUTE_STORE_NONE;
	device->driver = operation->driver;
	if (operation->hostdevs) {
		device->hostdev = &operation->hostdevs[operation->n_devices];
		device->driver = device->hostdev->driver_model;
	}
	device->result = arena_zalloc(operation->arena, sizeof(*device->result));
	if (!device->result)
		return fail_memory(operation->error);
	device->result->address = *address;
	device->iommu_group = -1;
	r = device_open(operation->context, address, &device->handle, operation->error);
	if (r < 0)
		return add_gone(operation, device);
	r = read_identity(operation, device);
	if (r == 0)
		r = group_read_number(operation->context, &device->handle, &device->iommu_group, operation->error);
	if (r < 0) {
		close_fd(device->handle.fd);
		return r;
	}
	if (endpoints_only && !is_endpoint(operation, &device->handle))
		close_fd(device->handle.fd);
	else
		operation->n_devices++;
	return 0;
}

/* The rest of the group of device @i. Its devices are appended, so that those that were asked for come first. */
static int add_group(struct operation *operation, size_t i)
{
	struct vfiobind_group_member **members;
	size_t n;
	int r;

	if (!sysfs_exists(operation->devices[i].handle.fd, "iommu_group"))
		return 0;
	r = group_read_members(operation->context, &operation->devices[i].handle, true, operation->arena, &members, &n,
			       operation->error);
	for (size_t j = 0; r == 0 && j < n; j++)
		r = add_device(operation, &members[j]->address, true);
	return r;
}

int collect(struct operation *operation, const struct vfiobind_address *addresses, size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_device(operation, &addresses[i], false);
	for (size_t i = 0; i < operation->n_devices; i++)
		operation->devices[i].named = true;
	for (size_t i = 0; r == 0 && operation->whole_group && i < operation->n_devices; i++)
		r = add_group(operation, i);
	return r;
}

int collect_device(struct operation *operation, const struct vfiobind_address *address)
{
	return add_device(operation, address, false);
}

void operation_end(struct operation *operation)
{
	for (size_t i = 0; i < operation->n_devices; i++)
		close_fd(operation->devices[i].handle.fd);
	/* With all that it has open. A program that lives on has no process of ours between two operations. */
	worker_end(&operation->context->worker);
	operation->log_fd = close_fd(operation->log_fd);
	free(operation->devices);
	operation->devices = NULL;
	operation->n_devices = 0;
	locks_release(&operation->locks);
}
