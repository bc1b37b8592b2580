/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Resets a device that nobody uses, by the kernel's own methods (pci_reset_function()), which keep the configuration
 * space. With a method that is asked for, reset_method names that one alone for the time.
 */
#include "reset.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "context.h"
#include "error.h"
#include "journal.h"
#include "module.h"
#include "store.h"

struct reset_box {
	struct arena arena;
	struct vfiobind_reset reset;
};

struct reset {
	struct operation operation;
	struct vfiobind_error error;
	struct operation_device *device;
	const char *method;                /* asked for; NULL for any */
	bool has_methods;                  /* the kernel has reset_method: since 5.15 */
	char methods[ATTRIBUTE_TEXT_SIZE]; /* what it is; empty: all are off */
	bool choose;                       /* it has to become @method */
	bool refused;                      /* it has not, for the kernel knows no such method of the device */
	struct attribute_store reset_method;
	struct attribute_store reset;
};

/* Names of methods are words; Linux has another list with each version. */
static bool is_method(const char *name)
{
	size_t length = strlen(name);

	return length > 0 && length < sizeof(((struct record *)NULL)->reset_method) &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == length && strcmp(name, "default") != 0;
}

static const char *path_of(const struct operation_device *device, const char *attribute, char path[static 64])
{
	snprintf(path, 64, "%s/%s", device->handle.directory, attribute);
	return path;
}

/* ------------------------------------------------------------------------------------------------------ refusals */

static int refuse_host_driver(struct operation *operation, struct operation_device *device)
{
	const struct snapshot *before = &device->before;

	/* Who is on pci-stub waits for nothing. */
	if (!before->bound || before->driver_type == VFIOBIND_DRIVER_TYPE_VFIO ||
	    strcmp(before->driver, "pci-stub") == 0)
		return 0;
	return fail(operation->error, .code = VFIOBIND_ERROR_DRIVER_BOUND, .found = before->driver,
		    .hint = "detach it first; with --force the driver has to cope with it");
}

static int read_methods(struct reset *reset)
{
	const struct device_handle *handle = &reset->device->handle;
	char path[DEVICE_PATH_SIZE];
	ssize_t n;

	if (!sysfs_exists(handle->fd, "reset"))
		return fail(&reset->error, .code = VFIOBIND_ERROR_NO_RESET_METHOD, .device = &handle->address,
			    .path = device_path(reset->operation.context, handle, "reset", path));
	n = attribute_read(reset->operation.context, handle->directory, "reset_method", reset->methods,
			   sizeof(reset->methods));
	if (n < 0 && n != -ENOENT)
		return device_fail_read(reset->operation.context, handle, "reset_method", (int)n, &reset->error);
	reset->has_methods = n >= 0;
	if (n < 0)
		reset->methods[0] = '\0';
	if (strlen(reset->methods) >= sizeof(((struct record *)NULL)->reset_methods))
		return device_fail_read(reset->operation.context, handle, "reset_method", -EOVERFLOW, &reset->error);
	reset->choose = reset->method && strcmp(reset->method, reset->methods) != 0;
	return 0;
}

static int refuse_method(struct reset *reset)
{
	const struct device_handle *handle = &reset->device->handle;
	char path[DEVICE_PATH_SIZE];

	device_path(reset->operation.context, handle, "reset_method", path);
	if (reset->method && !reset->has_methods)
		return fail(&reset->error, .code = VFIOBIND_ERROR_RESET_METHOD_REFUSED, .device = &handle->address,
			    .operation = "reset by", .object = reset->method, .path = path,
			    .found = "no such attribute", .hint = "before Linux 5.15 a method cannot be chosen");
	if (!reset->method && reset->has_methods && !reset->methods[0])
		return fail(&reset->error, .code = VFIOBIND_ERROR_NO_RESET_METHOD, .device = &handle->address,
			    .path = path, .found = "all are off",
			    .hint = "name one with --method, or write default to reset_method");
	return 0;
}

static int check(struct reset *reset)
{
	static int (*const checks[])(struct operation *, struct operation_device *) = {
		preflight_bridge, preflight_vfs, plan_read_before, refuse_host_driver, preflight_users,
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(checks); i++)
		r = preflight_check(&reset->operation, reset->device, checks[i]);
	if (r == 0)
		r = read_methods(reset);
	return r == 0 ? refuse_method(reset) : r;
}

/* -------------------------------------------------------------------------------------------------------- stores */

static int prepare(struct reset *reset)
{
	struct operation *operation = &reset->operation;
	_cleanup_free_ struct record *record = NULL;
	char path[64];
	int r;

	r = store_open(operation, reset->device, path_of(reset->device, "reset", path), &reset->reset);
	if (r < 0 || !reset->choose)
		return r;
	r = store_open(operation, reset->device, path_of(reset->device, "reset_method", path), &reset->reset_method);
	if (r < 0)
		return r;
	record = calloc(1, sizeof(*record));
	if (!record)
		return fail_memory(operation->error);
	strcpy(record->reset_methods, reset->methods);
	strcpy(record->reset_method, reset->method);
	return journal_begin_one(operation, reset->device, record);
}

static int choose_method(struct reset *reset)
{
	char path[64], hint[200];
	int r;

	reset->device->stored = true;
	r = attribute_store(reset->operation.context, &reset->reset_method, reset->method);
	/* reset_method_store(): EINVAL before anything is changed. */
	reset->refused = r == -EINVAL;
	if (r == 0)
		return 0;
	snprintf(hint, sizeof(hint), "reset_method names those that it has: %.150s", reset->methods);
	return store_fail(&reset->operation, reset->device,
			  &(struct store_failure){
				  .operation = "reset by",
				  .object = reset->method,
				  .code = VFIOBIND_ERROR_RESET_METHOD_REFUSED,
				  .number = r,
				  .path = path_of(reset->device, "reset_method", path),
				  .hint = hint,
			  });
}

static int store_reset(struct reset *reset)
{
	char path[64];
	int r;

	reset->device->stored = true;
	r = attribute_store(reset->operation.context, &reset->reset, "1");
	if (r == 0)
		return 0;
	return store_fail(&reset->operation, reset->device,
			  &(struct store_failure){
				  .operation = "reset",
				  .code = VFIOBIND_ERROR_RESET_FAILED,
				  .number = r,
				  .path = path_of(reset->device, "reset", path),
				  .hint = r == -ENOTTY ? "none of its methods worked; see dmesg" : "see dmesg",
			  });
}

/* Twice, as what is stored to undo. Returns 0 and what reset_method is, or a negative errno. */
static int read_now(struct operation *operation, const struct operation_device *device, char *now)
{
	ssize_t n = -EIO;

	for (int attempt = 0; n < 0 && n != -ETIMEDOUT && attempt < 2; attempt++)
		n = attribute_read(operation->context, device->handle.directory, "reset_method", now,
				   ATTRIBUTE_TEXT_SIZE);
	return n < 0 ? (int)n : 0;
}

static int store_once(struct operation *operation, const char *path, const char *value)
{
	struct attribute_store file = ATTRIBUTE_STORE_NONE;
	int r = attribute_open(operation->context, path, &file);

	if (r == 0)
		r = attribute_store(operation->context, &file, value);
	attribute_close(operation->context, &file);
	return r;
}

/*
 * If one of the methods is none any more: the bus can be reset while a function is alone on it, and the kernel does not
 * take that word back when another one was found since. Then all that there are.
 */
static bool put_back_what_is_left(struct operation *operation, const char *path, const char *methods)
{
	return store_once(operation, path, methods) == -EINVAL && store_once(operation, path, "default") == 0;
}

enum rollback reset_undo(struct operation *operation, struct operation_device *device, const char *methods,
			 const char *method)
{
	char now[ATTRIBUTE_TEXT_SIZE], path[64];
	int r;

	r = read_now(operation, device, now);
	if (r == 0 && strcmp(now, methods) == 0)
		return ROLLBACK_DONE;
	if (r == 0 && strcmp(now, method) != 0)
		return ROLLBACK_FOREIGN;
	if (r == 0)
		r = store_twice(operation, path_of(device, "reset_method", path), methods[0] ? methods : "\n");
	if (r == 0)
		r = read_now(operation, device, now);
	if (r < 0)
		return r == -ETIMEDOUT ? ROLLBACK_PENDING : ROLLBACK_FAILED;
	if (strcmp(now, methods) == 0)
		return ROLLBACK_DONE;
	return put_back_what_is_left(operation, path, methods) ? ROLLBACK_DONE : ROLLBACK_FAILED;
}

/* What made the reset itself fail stays the cause. */
static int fail_put_back(struct reset *reset, enum rollback outcome)
{
	static const struct {
		enum vfiobind_error_code code;
		enum vfiobind_state state;
		const char *hint;
	} outcomes[] = {
		[ROLLBACK_FAILED] = {VFIOBIND_ERROR_RESET_METHOD_KEPT, VFIOBIND_STATE_BROKEN,
				     "reset_method is not as it was: run vfiobind repair"},
		[ROLLBACK_FOREIGN] = {VFIOBIND_ERROR_RESET_METHOD_KEPT, VFIOBIND_STATE_BROKEN,
				      "another process has changed reset_method meanwhile: it was left alone"},
		[ROLLBACK_PENDING] = {VFIOBIND_ERROR_TIMED_OUT, VFIOBIND_STATE_PENDING,
				      "run vfiobind repair when it has ended"},
	};
	const struct device_handle *handle = &reset->device->handle;
	struct vfiobind_error *error = &reset->error;
	char path[DEVICE_PATH_SIZE];

	if (error->code == VFIOBIND_ERROR_NONE)
		fail(error, .code = outcomes[outcome].code, .device = &handle->address,
		     .operation = "put reset_method back", .expected = reset->methods,
		     .path = device_path(reset->operation.context, handle, "reset_method", path));
	error->state = outcomes[outcome].state;
	snprintf(error->hint, sizeof(error->hint), "%s", outcomes[outcome].hint);
	return -error->number;
}

/* In success and failure alike. While the kernel has not finished, nothing is put back. */
static int put_back(struct reset *reset, int r)
{
	struct vfiobind_error *error = &reset->error;
	enum rollback outcome;

	if (!reset->device->stored)
		return r;
	if (r < 0 && error->code == VFIOBIND_ERROR_TIMED_OUT) {
		error->state = VFIOBIND_STATE_PENDING;
		snprintf(error->hint, sizeof(error->hint), "see dmesg%s",
			 reset->choose ? "; run vfiobind repair when it has ended" : "");
		return r;
	}
	if (r < 0)
		error->state = VFIOBIND_STATE_RESTORED;
	if (!reset->choose)
		return r;
	context_extend(reset->operation.context);
	journal_take_over(&reset->operation, reset->device);
	outcome = reset_undo(&reset->operation, reset->device, reset->methods, reset->method);
	if (outcome != ROLLBACK_DONE)
		return fail_put_back(reset, outcome);
	if (reset->refused)
		error->state = VFIOBIND_STATE_UNTOUCHED;
	return r;
}

/* ----------------------------------------------------------------------------------------------------- all of it */

/* Before the first store, so that nothing but a failure of the reset itself can fail after it. */
static int fill(struct reset *reset, struct reset_box *box)
{
	struct vfiobind_result_device *result = reset->device->result;
	const char *methods = reset->choose ? reset->method : reset->methods;

	box->reset.address = result->address;
	box->reset.n_warnings = result->n_warnings;
	box->reset.warnings = result->warnings;
	if (!reset->has_methods)
		return 0;
	box->reset.methods = arena_strdup(&box->arena, methods);
	return box->reset.methods ? 0 : fail_memory(&reset->error);
}

static int run(struct reset *reset, const struct vfiobind_address *address, struct reset_box *box)
{
	struct operation *operation = &reset->operation;
	int r;

	r = context_begin(operation->context, operation->error);
	if (r == 0)
		r = collect_device(operation, address);
	reset->device = operation->devices;
	if (r == 0)
		r = operation_lock(operation);
	if (r == 0)
		r = journal_look(operation);
	if (r == 0)
		r = check(reset);
	if (r == 0)
		r = fill(reset, box);
	if (r == 0)
		r = prepare(reset);
	if (r == 0 && reset->choose)
		r = choose_method(reset);
	if (r == 0)
		r = store_reset(reset);
	if (operation->n_devices)
		r = put_back(reset, r);
	if (operation->error->state <= VFIOBIND_STATE_RESTORED)
		journal_drop(operation);
	return r;
}

int vfiobind_device_reset(struct vfiobind_context *context, const struct vfiobind_address *address,
			  const struct vfiobind_reset_options *options, struct vfiobind_reset **ret_reset,
			  struct vfiobind_error *error)
{
	struct vfiobind_reset_options copy = VFIOBIND_RESET_OPTIONS_INIT;
	_cleanup_free_ struct reset *reset = calloc(1, sizeof(*reset));
	struct reset_box *box = calloc(1, sizeof(*box));
	int r;

	if (!reset || !box) {
		free(box);
		return fail_memory(error);
	}
	copy_options(copy, options);
	*reset = (struct reset){
		.operation = OPERATION_INIT,
		.error = VFIOBIND_ERROR_INIT,
		.method = copy.method,
		.reset_method = ATTRIBUTE_STORE_NONE,
		.reset = ATTRIBUTE_STORE_NONE,
	};
	reset->operation.context = context;
	reset->operation.error = &reset->error;
	reset->operation.kind = RECORD_RESET;
	reset->operation.force = copy.force;
	reset->operation.arena = &box->arena;
	if (!context || !address)
		r = fail(&reset->error, .code = VFIOBIND_ERROR_INVALID_ARGUMENT);
	else if (copy.method && !is_method(copy.method))
		r = fail(&reset->error, .code = VFIOBIND_ERROR_INVALID_ARGUMENT, .operation = "reset by",
			 .object = copy.method, .expected = "the name of a reset method");
	else
		r = run(reset, address, box);
	if (r < 0 && address)
		error_add_device(&reset->error, address);
	if (r < 0)
		error_add_operation(&reset->error, "reset");
	if (r < 0)
		error_copy(error, &reset->error);
	if (context)
		operation_end(&reset->operation);
	if (r < 0 || !ret_reset)
		vfiobind_reset_free(&box->reset);
	else
		*ret_reset = &box->reset;
	return r;
}

struct vfiobind_reset *vfiobind_reset_free(struct vfiobind_reset *reset)
{
	struct reset_box *box;

	if (!reset)
		return NULL;
	box = container_of(reset, struct reset_box, reset);
	arena_free(&box->arena);
	free(box);
	return NULL;
}
