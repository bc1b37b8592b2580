/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The devices of a domain: what it gets before it starts, and gives back after its end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "domain.h"
#include "error.h"
#include "operation.h"
#include "sysfs.h"

/* ------------------------------------------------------------------------------------------------------ the arguments */

/* One line of a file, and whatever else a program calls its guests. */
static bool is_domain_name(const char *domain)
{
	size_t length = strlen(domain);

	for (size_t i = 0; i < length; i++)
		if ((unsigned char)domain[i] < 0x20 || domain[i] == 0x7f)
			return false;
	return length > 0 && length < VFIOBIND_DOMAIN_SIZE;
}

/* What a caller has of each structure: it may be older than the library, and its structures shorter. */
static const struct vfiobind_hostdev *element(const struct vfiobind_hostdev *devices, size_t i)
{
	return (const struct vfiobind_hostdev *)((const char *)devices + i * devices[0].size);
}

static int check_driver_name(const struct vfiobind_hostdev *hostdev, struct vfiobind_error *error)
{
	const char *name = hostdev->driver_name;

	if (!name || strcmp(name, "vfio") == 0)
		return 0;
	if (strcmp(name, "kvm") == 0 || strcmp(name, "xen") == 0)
		return fail(error, .code = VFIOBIND_ERROR_DRIVER_TYPE_UNSUPPORTED, .device = &hostdev->address,
			    .found = name, .expected = "vfio", .hint = "a driver is named by model, not by name");
	return fail(error, .code = VFIOBIND_ERROR_INVALID_ARGUMENT, .device = &hostdev->address, .found = name,
		    .expected = "vfio as the kind of driver");
}

static int check_hostdevs(const struct vfiobind_hostdev *hostdevs, size_t n, struct vfiobind_error *error)
{
	for (size_t i = 0; i < n; i++) {
		int r = check_driver_name(&hostdevs[i], error);

		if (r < 0)
			return r;
		for (size_t j = 0; j < i; j++)
			if (vfiobind_address_compare(&hostdevs[i].address, &hostdevs[j].address) == 0)
				return fail(error, .code = VFIOBIND_ERROR_INVALID_ARGUMENT,
					    .device = &hostdevs[i].address, .found = "the same device twice");
	}
	return 0;
}

/* @domain: NULL if the caller has none. */
static int run(struct operation *operation, const struct vfiobind_hostdev *devices, size_t n, const char *domain,
	       struct vfiobind_result **ret_result)
{
	_cleanup_free_ struct vfiobind_address *addresses = calloc(n + 1, sizeof(*addresses));
	_cleanup_free_ struct vfiobind_hostdev *hostdevs = calloc(n + 1, sizeof(*hostdevs));
	int r;

	if (!addresses || !hostdevs)
		return fail_memory(operation->error);
	for (size_t i = 0; i < n; i++) {
		const struct vfiobind_hostdev *device = element(devices, i);

		copy_structure(hostdevs[i], device);
		addresses[i] = device->address;
	}
	r = check_hostdevs(hostdevs, n, operation->error);
	if (r == 0 && (!domain || !is_domain_name(domain)))
		r = fail(operation->error, .code = VFIOBIND_ERROR_INVALID_ARGUMENT, .found = domain,
			 .expected = "a domain's name, without control characters");
	if (r < 0)
		return r;
	operation->domain = domain;
	operation->hostdevs = hostdevs;
	return operation_run(operation, addresses, n, ret_result);
}

static bool are_arguments(const struct vfiobind_context *context, const struct vfiobind_hostdev *devices, size_t n)
{
	const size_t least = offsetof(struct vfiobind_hostdev, managed) + sizeof(devices->managed);

	return context && (n == 0 || (devices && devices[0].size >= least));
}

/* Either of the two. */
static int hand_over(enum record_operation kind, struct vfiobind_context *context,
		     const struct vfiobind_hostdev *devices, size_t n, const struct vfiobind_hostdev_options *options,
		     struct vfiobind_result **ret_result, struct vfiobind_error *error)
{
	struct vfiobind_hostdev_options copy = VFIOBIND_HOSTDEV_OPTIONS_INIT;
	struct vfiobind_error local = VFIOBIND_ERROR_INIT;
	struct operation operation = OPERATION_INIT;
	int r;

	operation.context = context;
	operation.error = &local;
	operation.kind = kind;
	if (are_arguments(context, devices, n)) {
		copy_options(copy, options);
		operation.force = copy.force;
		r = run(&operation, devices, n, copy.domain, ret_result);
	} else {
		r = fail(&local, .code = VFIOBIND_ERROR_INVALID_ARGUMENT);
	}
	if (r < 0) {
		error_add_operation(&local, operation_phrase(kind));
		error_copy(error, &local);
	}
	return r;
}

int vfiobind_hostdev_prepare(struct vfiobind_context *context, const struct vfiobind_hostdev *devices, size_t n_devices,
			     const struct vfiobind_hostdev_options *options, struct vfiobind_result **ret_result,
			     struct vfiobind_error *error)
{
	return hand_over(RECORD_PREPARE, context, devices, n_devices, options, ret_result, error);
}

int vfiobind_hostdev_release(struct vfiobind_context *context, const struct vfiobind_hostdev *devices, size_t n_devices,
			     const struct vfiobind_hostdev_options *options, struct vfiobind_result **ret_result,
			     struct vfiobind_error *error)
{
	return hand_over(RECORD_RELEASE, context, devices, n_devices, options, ret_result, error);
}

/* ------------------------------------------------------------------------------------------------------------ prepare */

/* What the caller takes it for. A mistake there may be one in the address. */
static int warn_of_kind(struct operation *operation, const struct operation_device *device)
{
	static const struct {
		const char *class; /* as in a modalias */
		const char *warning;
	} kinds[] = {
		[VFIOBIND_HOSTDEV_KIND_INTERFACE] = {"bc02", "its class is not that of a network interface"},
		[VFIOBIND_HOSTDEV_KIND_NVME] = {"bc01sc08", "its class is not that of an NVMe controller"},
	};
	size_t kind = device->hostdev->kind;

	if (kind >= ARRAY_SIZE(kinds) || !kinds[kind].class || strstr(device->identity, kinds[kind].class))
		return 0;
	return warn_result(operation, device, "%s", kinds[kind].warning);
}

/*
 * What is on its driver already has to be on a VFIO driver: vfio-pci, or one whose devices have a vfio-dev. Variant
 * drivers of kernels without that, before Linux 6.1, are not told from host drivers by name.
 */
static int plan_unmanaged(struct operation *operation, struct operation_device *device)
{
	const struct snapshot *before = &device->before;
	bool is_vfio = before->bound && (strcmp(before->driver, "vfio-pci") == 0 || device->vfio_device[0]);
	char found[320], hint[80];

	snprintf(hint, sizeof(hint), "vfiobind detach %s first, or say managed='yes'", device->handle.name);
	if (before->bound && !is_vfio)
		snprintf(found, sizeof(found), "%.64s%s", before->driver,
			 before->driver_type == VFIOBIND_DRIVER_TYPE_VFIO
				 ? ", and this kernel, without vfio-dev, does not say that this is a VFIO driver"
				 : ", which is no VFIO driver");
	if (!is_vfio)
		return fail(operation->error, .code = VFIOBIND_ERROR_NOT_DETACHED, .device = &device->handle.address,
			    .found = before->bound ? found : "no driver", .expected = "a VFIO driver, for managed='no'",
			    .hint = hint);
	device->stays = true;
	memcpy(device->target.driver, before->driver, sizeof(device->target.driver));
	if (sysfs_readlink_name(device->handle.fd, "driver/module", device->target.module) < 0)
		device->target.module[0] = '\0';
	return 0;
}

int hostdev_plan_prepare(struct operation *operation, struct operation_device *device)
{
	int r;

	device->is_the_domains = true;
	r = warn_of_kind(operation, device);
	return r == 0 && !device->hostdev->managed ? plan_unmanaged(operation, device) : r;
}

/* ------------------------------------------------------------------------------------------------------------ release */

static bool is_its(const struct operation *operation, const struct operation_device *device)
{
	const struct record *record = device->record;

	/* Of a journal there is no doubt: a repair ends what its domain has begun. */
	return record && strcmp(record->domain, operation->domain) == 0 && (domain_uses(record) || device->journalled);
}

int hostdev_plan_release(struct operation *operation, struct operation_device *device)
{
	const struct record *record = device->record;
	int r;

	device->is_the_domains = is_its(operation, device);
	device->stays = !device->is_the_domains || device->gone || !record->reattach;
	if (!device->is_the_domains)
		return record && domain_uses(record)
			       ? warn_result(operation, device, "%s uses it: left alone", record->domain)
			       : warn_result(operation, device, "%s does not use it: left alone", operation->domain);
	if (device->gone)
		return warn_result(operation, device, "it is gone: forgotten");
	/* While the domain runs, the group of what stays may be open for the sake of others. */
	device->shares_group = device->stays;
	r = preflight_users(operation, device);
	if (r == 0 && device->stays && device->hostdev && device->hostdev->managed)
		r = warn_result(operation, device, "it was detached before %s had it: it stays so", operation->domain);
	return r;
}
