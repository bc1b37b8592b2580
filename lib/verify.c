/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What did the kernel really do? drivers_probe reports success also when it bound nothing. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "context.h"
#include "error.h"
#include "operation.h"
#include "settle.h"
#include "vfio.h"

/* Copies a text into the result; NULL stays NULL. */
static int keep(struct operation *operation, const char **member, const char *text)
{
	*member = text ? arena_strdup(operation->arena, text) : NULL;
	return text && !*member ? fail_memory(operation->error) : 0;
}

static int verify_vfio(struct operation *operation, struct operation_device *device, const char *driver)
{
	struct vfiobind_result_device *result = device->result;
	int r;

	r = settle_vfio(operation, device);
	if (r < 0 || result->vfio->device)
		return r;
	if (!vfio_has_device_class(operation->context))
		return 0;
	result->vfio = NULL;
	return fail(operation->error, .code = VFIOBIND_ERROR_VFIO_DEVICE_MISSING, .device = &device->handle.address,
		    .operation = "bind to", .object = driver, .expected = "an entry in vfio-dev", .found = "none",
		    .hint = "is it a VFIO driver?");
}

static int verify_detached(struct operation *operation, struct operation_device *device, const char *driver)
{
	struct vfiobind_result_device *result = device->result;
	const char *wanted = device->target.driver;
	int r;

	if (!driver)
		return diagnose_probe(operation, device);
	if (strcmp(driver, wanted) != 0)
		return fail(operation->error, .code = VFIOBIND_ERROR_WRONG_DRIVER, .device = &device->handle.address,
			    .operation = "bind to", .object = wanted, .expected = wanted, .found = driver);
	result->variant = strcmp(driver, "vfio-pci") != 0;
	r = verify_vfio(operation, device, driver);
	if (r == 0)
		r = keep(operation, &result->module, device->target.module[0] ? device->target.module : NULL);
	return r;
}

static int verify_reattached(struct operation *operation, struct operation_device *device, const char *driver)
{
	struct vfiobind_result_device *result = device->result;
	enum vfiobind_driver_type type;
	char module[SYSFS_NAME_SIZE], reason[256];
	int r;

	type = device_classify_driver(operation->context, device->handle.fd, driver);
	if (device->change && type == VFIOBIND_DRIVER_TYPE_VFIO)
		return fail(operation->error, .code = VFIOBIND_ERROR_STILL_DETACHED, .device = &device->handle.address,
			    .operation = "reattach", .expected = "a host driver", .found = driver,
			    .hint = "does it have a dynamic id for the device (new_id, vfio-pci.ids=)?");
	if (device->change && device->leave_unbound)
		return driver ? warn_result(operation, device, "it was on no driver before, but %s took it", driver)
			      : 0;
	if (device->change && !driver) {
		diagnose_reattach(operation, device, reason, sizeof(reason));
		return warn_result(operation, device, "no host driver took it: %s", reason);
	}
	if (device->change && device->record && device->record->owned &&
	    strcmp(driver, device->record->host.driver) != 0) {
		r = warn_result(operation, device, "%s had it before", device->record->host.driver);
		if (r < 0)
			return r;
	}
	r = sysfs_readlink_name(device->handle.fd, "driver/module", module);
	r = keep(operation, &result->module, r == 0 ? module : NULL);
	return r == 0 && device->change ? settle_host(operation, device, driver) : r;
}

int verify_device(struct operation *operation, struct operation_device *device)
{
	struct vfiobind_result_device *result = device->result;
	char driver[SYSFS_NAME_SIZE];
	const char *now;
	int r;

	r = device_read_driver(operation->context, &device->handle, driver, operation->error);
	if (r < 0)
		return r;
	now = r ? driver : NULL;
	r = keep(operation, &result->to, now);
	if (r < 0)
		return r;
	return is_detach(operation) ? verify_detached(operation, device, now)
				    : verify_reattached(operation, device, now);
}
