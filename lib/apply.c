/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "context.h"
#include "error.h"
#include "store.h"

/* A guest had it, and who gets it now is no VFIO driver, which would have it reset. */
static bool is_reset_due(const struct operation *operation, const struct operation_device *device)
{
	return operation->kind == RECORD_RELEASE && device->before.driver_type == VFIOBIND_DRIVER_TYPE_VFIO &&
	       sysfs_exists(device->handle.fd, "reset");
}

/* What is open already stays. */
static int open_stores(struct operation *operation, struct operation_device *device)
{
	const char *from = plan_unbinds_from(device);
	char path[2 * SYSFS_NAME_SIZE];
	int r = 0;

	if (device->driver_override.file < 0 && plan_stores_override(operation, device)) {
		snprintf(path, sizeof(path), "bus/pci/devices/%s/driver_override", device->handle.name);
		r = store_open(operation, device, path, &device->driver_override);
	}
	/*
	 * Through the driver that was seen, never through the device's own link: should another driver have come
	 * meanwhile, the store fails instead of unbinding that.
	 */
	if (r == 0 && device->unbind.file < 0 && from) {
		snprintf(path, sizeof(path), "bus/pci/drivers/%s/unbind", from);
		r = store_open(operation, device, path, &device->unbind);
	}
	if (r == 0 && is_reset_due(operation, device)) {
		snprintf(path, sizeof(path), "bus/pci/devices/%s/reset", device->handle.name);
		r = store_open(operation, device, path, &device->reset);
	}
	if (r == 0 && operation->drivers_probe.file < 0)
		r = store_open(operation, device, "bus/pci/drivers_probe", &operation->drivers_probe);
	return r;
}

/* Where the library chose the module, the generic driver does as well. */
static int fall_back(struct operation *operation, struct operation_device *device)
{
	const struct vfiobind_error *error = operation->error;
	int r;

	r = warn_result(operation, device, "%s is skipped: %s", device->target.module,
			vfiobind_error_code_summary(error->code));
	if (r == 0)
		r = driver_find(operation->context, "vfio-pci", &device->target, operation->error);
	if (r == 0)
		r = driver_load(operation->context, "vfio-pci", &device->target, operation->error);
	return r;
}

static int load_driver(struct operation *operation, struct operation_device *device)
{
	const char *name = device->driver ? device->driver : device->target.module;
	int r;

	if (!device->target.load)
		return 0;
	r = driver_load(operation->context, name, &device->target, operation->error);
	if (r < 0 && !device->driver && strcmp(device->target.module, "vfio_pci") != 0 &&
	    operation->error->code != VFIOBIND_ERROR_PERMISSION_DENIED)
		r = fall_back(operation, device);
	device->loaded = r == 0;
	return r;
}

/*
 * A module that is loaded takes the devices whose driver_override has been waiting for it, or that its options name.
 * That is this operation's doing: it is to be undone if the operation fails, so what the plan saw stays what it saw.
 */
static int look_again(struct operation *operation, struct operation_device *device, struct vfiobind_error *error)
{
	struct snapshot now = {.bound = false};
	int r;

	r = plan_snapshot(operation, device, &now, error);
	if (r < 0 || !now.bound)
		return r;
	if (!device->before.bound && snapshot_same_override(&now, &device->before) &&
	    device_classify_driver(operation->context, device->handle.fd, now.driver) == VFIOBIND_DRIVER_TYPE_VFIO) {
		memcpy(device->taken_by, now.driver, sizeof(now.driver));
		device->stored = device->unbound = true;
	}
	if (strcmp(now.driver, device->target.driver) != 0)
		return 0;
	/* Nothing is left to be done. If the module did not do it, another process did. */
	device->change = false;
	if (!device->taken_by[0])
		device->before = now;
	return 0;
}

int apply_open(struct operation *operation)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < operation->n_devices; i++)
		if (operation->devices[i].change)
			r = open_stores(operation, &operation->devices[i]);
	return r;
}

int apply_load(struct operation *operation)
{
	bool loads = false;
	int r = 0;

	for (size_t i = 0; r == 0 && i < operation->n_devices; i++) {
		if (!operation->devices[i].change)
			continue;
		loads = loads || operation->devices[i].target.load;
		r = load_driver(operation, &operation->devices[i]);
		if (r < 0)
			error_add_device(operation->error, &operation->devices[i].handle.address);
	}
	for (size_t i = 0; loads && i < operation->n_devices; i++) {
		struct operation_device *device = &operation->devices[i];
		int looked = device->change ? look_again(operation, device, r < 0 ? NULL : operation->error) : 0;

		if (r == 0 && looked < 0) {
			error_add_device(operation->error, &device->handle.address);
			r = looked;
		}
	}
	/* One that a module took for another driver than the wanted one has to be unbound after all. */
	for (size_t i = 0; loads && r == 0 && i < operation->n_devices; i++)
		if (operation->devices[i].change)
			r = open_stores(operation, &operation->devices[i]);
	return r;
}

static int store_override(struct operation *operation, struct operation_device *device)
{
	const char *value = is_detach(operation) ? device->target.driver : device->new_override;
	bool clears = strcmp(value, "\n") == 0;
	char path[DEVICE_PATH_SIZE], text[ATTRIBUTE_TEXT_SIZE];
	int r;

	device->stored = device->override_stored = true;
	r = attribute_store(operation->context, &device->driver_override, value);
	snprintf(path, sizeof(path), "%s/driver_override", device->handle.directory);
	if (r < 0)
		return store_fail(operation, device,
				  &(struct store_failure){
					  .operation = clears ? "clear driver_override of" : "set driver_override to",
					  .object = clears ? "the device" : value,
					  .code = VFIOBIND_ERROR_OVERRIDE_FAILED,
					  .number = r,
					  .path = path,
				  });
	if (!clears)
		return 0;
	r = device_read_override(operation->context, &device->handle, text, operation->error);
	if (r > 0)
		return fail(operation->error, .code = VFIOBIND_ERROR_OVERRIDE_NOT_CLEARED,
			    .device = &device->handle.address, .operation = "clear driver_override",
			    .path = device_path(operation->context, &device->handle, "driver_override", path),
			    .expected = "(null)", .found = text);
	return r;
}

/* What cannot be reset goes to its host driver as it is. */
static int store_reset(struct operation *operation, struct operation_device *device)
{
	char path[DEVICE_PATH_SIZE];
	int r;

	device->stored = true;
	r = attribute_store(operation->context, &device->reset, "1");
	if (r == 0)
		return 0;
	snprintf(path, sizeof(path), "%s/reset", device->handle.directory);
	if (r == -ETIMEDOUT || r == -ECONNRESET)
		return store_fail(operation, device,
				  &(struct store_failure){
					  .operation = "reset",
					  .code = VFIOBIND_ERROR_RESET_FAILED,
					  .number = r,
					  .path = path,
				  });
	return warn_result(operation, device, "it could not be reset: %s", strerrordesc_np(-r));
}

static int store_unbind(struct operation *operation, struct operation_device *device)
{
	enum vfiobind_error_code code = VFIOBIND_ERROR_UNBIND_FAILED;
	const char *driver = plan_unbinds_from(device);
	char path[2 * DEVICE_PATH_SIZE];
	int r;

	device->stored = true;
	r = attribute_store(operation->context, &device->unbind, device->handle.name);
	/* ENODEV: it was not on this driver any more. Whatever else fails, it may have been unbound nevertheless. */
	device->unbound = r != -ENODEV;
	if (r == 0)
		return 0;
	if (r == -ENODEV)
		code = VFIOBIND_ERROR_DRIVER_CHANGED;
	snprintf(path, sizeof(path), "bus/pci/drivers/%s/unbind", driver);
	return store_fail(operation, device,
			  &(struct store_failure){
				  .operation = "unbind from",
				  .object = driver,
				  .code = code,
				  .number = r,
				  .path = path,
				  .hint = r == -ENODEV ? "another process is at work on it: see vfiobind show" : NULL,
			  });
}

static int store_probe(struct operation *operation, struct operation_device *device)
{
	int r;

	device->stored = true;
	device->unbound = true;
	r = attribute_store(operation->context, &operation->drivers_probe, device->handle.name);
	if (r == 0)
		return 0;
	return store_fail(
		operation, device,
		&(struct store_failure){
			.operation = is_detach(operation) ? "bind to" : "bind to a host driver",
			.object = is_detach(operation) ? device->target.driver : NULL,
			.code = r == -EINVAL ? VFIOBIND_ERROR_PROBE_REFUSED : VFIOBIND_ERROR_PROBE_WRITE_FAILED,
			.number = r,
			.path = "bus/pci/drivers_probe",
		});
}

/* Nobody else has done anything to it: its override is as it was stored, and no VFIO driver came but by that. */
static bool is_as_left(struct operation *operation, const struct operation_device *device, const struct snapshot *now)
{
	const char *stored = device->new_override;

	if (!stored && !snapshot_same_override(now, &device->before))
		return false;
	if (stored && (now->overridden ? strcmp(now->driver_override, stored) : strcmp("\n", stored)) != 0)
		return false;
	return !now->bound || (now->overridden && strcmp(now->driver_override, now->driver) == 0) ||
	       device_classify_driver(operation->context, device->handle.fd, now->driver) != VFIOBIND_DRIVER_TYPE_VFIO;
}

/*
 * The kernel takes the first driver that knows the device. Where that is not the one that had it before, or none, it is
 * named; what cannot be had so stays as the kernel made it.
 */
static int insist_on_host_driver(struct operation *operation, struct operation_device *device)
{
	const struct record *record = device->record && device->record->owned ? device->record : NULL;
	struct snapshot now = {.bound = false};
	char path[2 * SYSFS_NAME_SIZE];
	int r;

	if (!record || !record->host.driver[0])
		return 0;
	r = plan_snapshot(operation, device, &now, operation->error);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "bus/pci/drivers/%s", record->host.driver);
	if ((now.bound && strcmp(now.driver, record->host.driver) == 0) ||
	    !sysfs_exists(operation->context->sysfs_fd, path) || !is_as_left(operation, device, &now))
		return 0;
	r = bind_exactly(operation, device, record->host.driver, &now);
	if (r == 0)
		r = bind_override(operation, device, now.overridden ? now.driver_override : "\n");
	if (r == 0)
		return 0;
	return store_fail(operation, device,
			  &(struct store_failure){
				  .operation = "bind to",
				  .object = record->host.driver,
				  .code = VFIOBIND_ERROR_PROBE_WRITE_FAILED,
				  .number = r,
				  .path = path,
			  });
}

int apply_device(struct operation *operation, struct operation_device *device)
{
	int r = 0;

	if (device->reset.file >= 0)
		r = store_reset(operation, device);
	if (r == 0 && plan_stores_override(operation, device))
		r = store_override(operation, device);
	if (r == 0 && plan_unbinds_from(device))
		r = store_unbind(operation, device);
	if (r == 0 && !device->leave_unbound)
		r = store_probe(operation, device);
	return r == 0 && !is_detach(operation) ? insist_on_host_driver(operation, device) : r;
}
