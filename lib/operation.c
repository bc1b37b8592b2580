/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Detach and reattach from their entry to their result: plan, prepare, then device by device apply and verify. */
#include "operation.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "attribute.h"
#include "context.h"
#include "error.h"
#include "group.h"
#include "module.h"

struct result_box {
	struct arena arena;
	struct vfiobind_result result;
};

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

static bool has_device(const struct operation *operation, const struct vfiobind_address *address)
{
	for (size_t i = 0; i < operation->n_devices; i++)
		if (vfiobind_address_compare(&operation->devices[i].handle.address, address) == 0)
			return true;
	return false;
}

static int add_device(struct operation *operation, const struct vfiobind_address *address, bool endpoints_only)
{
	struct operation_device *longer, *device;

	if (has_device(operation, address))
		return 0;
	longer = reallocarray(operation->devices, operation->n_devices + 1, sizeof(*longer));
	if (!longer)
		return fail_memory(operation->error);
	operation->devices = longer;
	device = &longer[operation->n_devices];
	memset(device, 0, sizeof(*device));
	device->iommu_group = -1;
	device->driver_override = device->unbind = (struct attribute_store)ATTRIBUTE_STORE_NONE;
	device->result = arena_zalloc(operation->arena, sizeof(*device->result));
	if (!device->result)
		return fail_memory(operation->error);
	device->result->address = *address;
	if (device_open(operation->context, address, &device->handle, operation->error) < 0) {
		error_add_operation(operation->error, operation->detach ? "detach" : "reattach");
		return -operation->error->number;
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

static int collect(struct operation *operation, const struct vfiobind_address *addresses, size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_device(operation, &addresses[i], false);
	for (size_t i = 0; r == 0 && operation->whole_group && i < operation->n_devices; i++)
		r = add_group(operation, i);
	return r;
}

/* What somebody has to repair by hand. */
static void describe_broken(struct operation *operation, const struct operation_device *device)
{
	const struct snapshot *before = &device->before;
	struct vfiobind_error *error = operation->error;

	error->state = VFIOBIND_STATE_BROKEN;
	snprintf(error->hint, sizeof(error->hint), "%s was on %.64s, with driver_override %.64s", device->handle.name,
		 before->bound ? before->driver : "no driver", before->overridden ? before->driver_override : "unset");
}

static bool anything_stored(const struct operation *operation)
{
	for (size_t i = 0; i < operation->n_devices; i++)
		if (operation->devices[i].stored)
			return true;
	return false;
}

/*
 * In reverse: what was done last is undone first. What was not touched is left alone. While the kernel has not finished,
 * nobody knows what there is to be undone.
 */
static void roll_back(struct operation *operation)
{
	struct vfiobind_error *error = operation->error;

	if (!anything_stored(operation))
		return;
	error->state = error->code == VFIOBIND_ERROR_TIMED_OUT ? VFIOBIND_STATE_PENDING : VFIOBIND_STATE_RESTORED;
	operation->context->deadline = deadline_in(operation->context->timeout_ms);
	for (size_t n = operation->n_devices; n-- > 0 && error->state != VFIOBIND_STATE_PENDING;) {
		int r = rollback_device(operation, &operation->devices[n]);

		if (r == -ETIMEDOUT)
			error->state = VFIOBIND_STATE_PENDING;
		else if (r <= 0)
			describe_broken(operation, &operation->devices[n]);
	}
}

static int carry_out(struct operation *operation)
{
	int r;

	for (size_t i = 0; i < operation->n_devices; i++) {
		struct operation_device *device = &operation->devices[i];

		if (device->change && operation->log_fd < 0)
			operation->log_fd = diagnose_open_log(operation->context);
		r = device->change ? apply_device(operation, device) : 0;
		if (r == 0)
			r = verify_device(operation, device);
		if (r < 0) {
			error_add_device(operation->error, &device->handle.address);
			return r;
		}
	}
	return 0;
}

/* All that is known before the first store, so that nothing but a failure of the operation itself can fail after it. */
static int fill_result(struct operation *operation, struct vfiobind_result *result)
{
	void **devices = NULL;
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < operation->n_devices; i++) {
		struct operation_device *device = &operation->devices[i];

		device->result->changed = device->change || device->taken_by[0];
		if (device->result->changed)
			r = plan_actions(operation, device);
		if (r == 0 && device->before.bound) {
			device->result->from = arena_strdup(operation->arena, device->before.driver);
			r = device->result->from ? 0 : fail_memory(operation->error);
		}
		if (r == 0 && arena_append(operation->arena, &devices, &n, device->result) < 0)
			r = fail_memory(operation->error);
	}
	result->devices = (struct vfiobind_result_device **)devices;
	result->n_devices = n;
	return r;
}

/* What a dry run can tell of the outcome. */
static int predict(struct operation *operation)
{
	for (size_t i = 0; i < operation->n_devices; i++) {
		struct operation_device *device = &operation->devices[i];
		struct vfiobind_result_device *result = device->result;
		const char *to = operation->detach ? device->target.driver
				 : device->change  ? ""
						   : device->before.driver;
		const char *module = operation->detach ? device->target.module : "";

		result->to = to[0] ? arena_strdup(operation->arena, to) : NULL;
		result->module = module[0] ? arena_strdup(operation->arena, module) : NULL;
		if ((to[0] && !result->to) || (module[0] && !result->module))
			return fail_memory(operation->error);
		result->variant = operation->detach && strcmp(module, "vfio_pci") != 0;
	}
	return 0;
}

static int run(struct operation *operation, const struct vfiobind_address *addresses, size_t n,
	       struct vfiobind_result **ret_result)
{
	struct result_box *box;
	int r;

	box = calloc(1, sizeof(*box));
	if (!box)
		return fail_memory(operation->error);
	operation->arena = &box->arena;
	operation->drivers_probe = (struct attribute_store)ATTRIBUTE_STORE_NONE;
	operation->log_fd = -1;
	module_forget(operation->context);

	r = context_begin(operation->context, operation->error);
	if (r == 0)
		r = collect(operation, addresses, n);
	if (r == 0)
		r = plan(operation);
	if (r == 0)
		r = operation->dry_run ? predict(operation) : apply_prepare(operation);
	if (r == 0)
		r = fill_result(operation, &box->result);
	if (r == 0 && !operation->dry_run)
		r = carry_out(operation);
	if (r < 0)
		roll_back(operation);

	for (size_t i = 0; i < operation->n_devices; i++) {
		close_fd(operation->devices[i].handle.fd);
		attribute_close(operation->context, &operation->devices[i].driver_override);
		attribute_close(operation->context, &operation->devices[i].unbind);
	}
	attribute_close(operation->context, &operation->drivers_probe);
	close_fd(operation->log_fd);
	free(operation->devices);
	if (r < 0 || !ret_result)
		vfiobind_result_free(&box->result);
	else
		*ret_result = &box->result;
	return r;
}

/* Of a structure that is shorter than the library's, what is missing is zero. */
#define copy_options(copy, options)                                                                                  \
	do {                                                                                                         \
		if (options)                                                                                         \
			memcpy(&(copy), (options), (options)->size < sizeof(copy) ? (options)->size : sizeof(copy)); \
	} while (0)

int vfiobind_device_detach(struct vfiobind_context *context, const struct vfiobind_address *addresses,
			   size_t n_addresses, const struct vfiobind_detach_options *options,
			   struct vfiobind_result **ret_result, struct vfiobind_error *error)
{
	struct vfiobind_error local = VFIOBIND_ERROR_INIT;
	struct vfiobind_detach_options copy = VFIOBIND_DETACH_OPTIONS_INIT;
	struct operation operation = {.context = context, .detach = true};
	int r;

	if (!context || !addresses || n_addresses == 0)
		return fail(error, .code = VFIOBIND_ERROR_INVALID_ARGUMENT, .operation = "detach");
	copy_options(copy, options);
	operation.error = &local;
	operation.driver = copy.driver && strcmp(copy.driver, "vfio") != 0 ? copy.driver : NULL;
	operation.whole_group = copy.whole_group;
	operation.dry_run = copy.dry_run;
	operation.force = copy.force;
	r = run(&operation, addresses, n_addresses, ret_result);
	if (r < 0)
		error_add_operation(&local, "detach");
	if (r < 0)
		error_copy(error, &local);
	return r;
}

int vfiobind_device_reattach(struct vfiobind_context *context, const struct vfiobind_address *addresses,
			     size_t n_addresses, const struct vfiobind_reattach_options *options,
			     struct vfiobind_result **ret_result, struct vfiobind_error *error)
{
	struct vfiobind_error local = VFIOBIND_ERROR_INIT;
	struct vfiobind_reattach_options copy = VFIOBIND_REATTACH_OPTIONS_INIT;
	struct operation operation = {.context = context};
	int r;

	if (!context || !addresses || n_addresses == 0)
		return fail(error, .code = VFIOBIND_ERROR_INVALID_ARGUMENT, .operation = "reattach");
	copy_options(copy, options);
	operation.error = &local;
	operation.whole_group = copy.whole_group;
	operation.dry_run = copy.dry_run;
	r = run(&operation, addresses, n_addresses, ret_result);
	if (r < 0)
		error_add_operation(&local, "reattach");
	if (r < 0)
		error_copy(error, &local);
	return r;
}

struct vfiobind_result *vfiobind_result_free(struct vfiobind_result *result)
{
	struct result_box *box;

	if (!result)
		return NULL;
	box = container_of(result, struct result_box, result);
	arena_free(&box->arena);
	free(box);
	return NULL;
}
