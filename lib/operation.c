/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Detach and reattach from their entry to their result: plan, prepare, then device by device apply and verify. */
#include "operation.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "attribute.h"
#include "context.h"
#include "error.h"
#include "journal.h"
#include "module.h"
#include "users.h"

const char *operation_phrase(enum record_operation kind)
{
	static const char *const phrases[] = {
		[RECORD_DETACH] = "detach",
		[RECORD_REATTACH] = "reattach",
		[RECORD_RESET] = "reset",
		[RECORD_SRIOV] = "change its virtual functions",
		[RECORD_PREPARE] = "prepare it for the domain",
		[RECORD_RELEASE] = "take it back from the domain",
	};

	return phrases[kind];
}

int warn_result(struct operation *operation, const struct operation_device *device, const char *format, ...)
{
	struct vfiobind_result_device *result = device->result;
	va_list arguments;
	int r;

	va_start(arguments, format);
	r = arena_vwarn(operation->arena, &result->warnings, &result->n_warnings, format, arguments);
	va_end(arguments);
	return r < 0 ? fail_memory(operation->error) : 0;
}

struct result_box {
	struct arena arena;
	struct vfiobind_result result;
};

/* What somebody has to look at. */
static void describe_broken(struct operation *operation, const struct operation_device *device, bool foreign)
{
	const struct snapshot *before = &device->before;
	struct vfiobind_error *error = operation->error;

	error->state = VFIOBIND_STATE_BROKEN;
	snprintf(error->hint, sizeof(error->hint), "%s was on %.64s, with driver_override %.64s: %s",
		 device->handle.name, before->bound ? before->driver : "no driver",
		 before->overridden ? before->driver_override : "unset",
		 foreign ? "another process has changed that, it was left alone" : "run vfiobind repair");
}

static bool anything_stored(const struct operation *operation)
{
	for (size_t i = 0; i < operation->n_devices; i++)
		if (operation->devices[i].stored)
			return true;
	return false;
}

/* Why does the kernel not finish? Somebody may have the device open. */
static void describe_users(struct operation *operation)
{
	struct vfiobind_error *error = operation->error;

	for (size_t i = 0; i < operation->n_devices; i++) {
		const struct operation_device *device = &operation->devices[i];
		const struct users_query query = {
			.device = &device->handle,
			.iommu_group = device->iommu_group,
			.vfio_device = device->vfio_device,
			.leaves = true,
		};

		if (device->stored && device->before.driver_type == VFIOBIND_DRIVER_TYPE_VFIO && !error->found[0])
			users_describe(operation->context, &query, error->found, sizeof(error->found));
	}
	snprintf(error->hint, sizeof(error->hint), "%srun vfiobind repair when it has ended",
		 error->found[0] ? "end who has it, and " : "see dmesg; ");
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
	if (error->code == VFIOBIND_ERROR_TIMED_OUT)
		describe_users(operation);
	error->state = error->code == VFIOBIND_ERROR_TIMED_OUT ? VFIOBIND_STATE_PENDING : VFIOBIND_STATE_RESTORED;
	context_extend(operation->context);
	for (size_t n = operation->n_devices; n-- > 0 && error->state != VFIOBIND_STATE_PENDING;) {
		struct operation_device *device = &operation->devices[n];
		enum rollback outcome;

		journal_take_over(operation, device);
		outcome = rollback_device(operation, device);
		if (outcome == ROLLBACK_PENDING)
			error->state = VFIOBIND_STATE_PENDING;
		else if (outcome != ROLLBACK_DONE)
			describe_broken(operation, device, outcome == ROLLBACK_FOREIGN);
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
		if (r == 0 && !device->gone)
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
		const char *to = is_detach(operation) ? device->target.driver
				 : device->change     ? ""
						      : device->before.driver;
		const char *module = is_detach(operation) ? device->target.module : "";

		result->to = to[0] ? arena_strdup(operation->arena, to) : NULL;
		result->module = module[0] ? arena_strdup(operation->arena, module) : NULL;
		if ((to[0] && !result->to) || (module[0] && !result->module))
			return fail_memory(operation->error);
		result->variant = is_detach(operation) && strcmp(module, "vfio_pci") != 0;
	}
	return 0;
}

int operation_lock(struct operation *operation)
{
	_cleanup_free_ struct vfiobind_address *addresses = calloc(operation->n_devices, sizeof(*addresses));
	_cleanup_free_ int32_t *groups = calloc(operation->n_devices, sizeof(*groups));
	int r;

	if (!addresses || !groups)
		return fail_memory(operation->error);
	for (size_t i = 0; i < operation->n_devices; i++) {
		addresses[i] = operation->devices[i].handle.address;
		groups[i] = operation->devices[i].iommu_group;
	}
	r = locks_take(operation->context, addresses, operation->n_devices, groups, operation->n_devices,
		       &operation->locks, operation->error);
	/* Waiting for others does not count as waiting for the kernel. */
	context_extend(operation->context);
	return r;
}

/* May everything be written? Only then is it written down, and only then is anything loaded. */
static int prepare(struct operation *operation)
{
	int r = apply_open(operation);

	if (r == 0)
		r = journal_begin(operation);
	if (r == 0)
		r = apply_load(operation);
	return r;
}

int operation_run(struct operation *operation, const struct vfiobind_address *addresses, size_t n,
		  struct vfiobind_result **ret_result)
{
	struct result_box *box;
	int r;

	box = calloc(1, sizeof(*box));
	if (!box)
		return fail_memory(operation->error);
	operation->arena = &box->arena;
	module_forget(operation->context);

	r = context_begin(operation->context, operation->error);
	if (r == 0)
		r = collect(operation, addresses, n);
	/* What is seen without the lock may be on its way. */
	if (r == 0 && !operation->dry_run)
		r = operation_lock(operation);
	if (r == 0)
		r = journal_look(operation);
	if (r == 0)
		r = plan(operation);
	if (r == 0)
		r = operation->dry_run ? predict(operation) : prepare(operation);
	if (r == 0)
		r = fill_result(operation, &box->result);
	if (r == 0 && !operation->dry_run)
		r = carry_out(operation);
	if (r < 0)
		roll_back(operation);
	if (r < 0 && operation->error->state <= VFIOBIND_STATE_RESTORED)
		journal_drop(operation);
	if (r == 0 && !operation->dry_run)
		r = journal_commit(operation);
	operation_end(operation);
	if (r < 0 || !ret_result)
		vfiobind_result_free(&box->result);
	else
		*ret_result = &box->result;
	if (r < 0)
		error_add_operation(operation->error, operation_phrase(operation->kind));
	return r;
}

int vfiobind_device_detach(struct vfiobind_context *context, const struct vfiobind_address *addresses,
			   size_t n_addresses, const struct vfiobind_detach_options *options,
			   struct vfiobind_result **ret_result, struct vfiobind_error *error)
{
	struct vfiobind_error local = VFIOBIND_ERROR_INIT;
	struct vfiobind_detach_options copy = VFIOBIND_DETACH_OPTIONS_INIT;
	struct operation operation = OPERATION_INIT;
	int r;

	if (!context || !addresses || n_addresses == 0)
		return fail(error, .code = VFIOBIND_ERROR_INVALID_ARGUMENT, .operation = "detach");
	copy_options(copy, options);
	operation.context = context;
	operation.error = &local;
	operation.kind = RECORD_DETACH;
	operation.driver = copy.driver && strcmp(copy.driver, "vfio") != 0 ? copy.driver : NULL;
	operation.whole_group = copy.whole_group;
	operation.dry_run = copy.dry_run;
	operation.force = copy.force;
	r = operation_run(&operation, addresses, n_addresses, ret_result);
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
	struct operation operation = OPERATION_INIT;
	int r;

	if (!context || !addresses || n_addresses == 0)
		return fail(error, .code = VFIOBIND_ERROR_INVALID_ARGUMENT, .operation = "reattach");
	copy_options(copy, options);
	operation.context = context;
	operation.error = &local;
	operation.kind = RECORD_REATTACH;
	operation.whole_group = copy.whole_group;
	operation.dry_run = copy.dry_run;
	r = operation_run(&operation, addresses, n_addresses, ret_result);
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
