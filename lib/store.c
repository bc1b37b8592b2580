/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "context.h"
#include "error.h"

static bool is_gone(const struct operation *operation, const struct operation_device *device, int number)
{
	return (number == -ENODEV || number == -ENOENT) && !device_exists(operation->context, &device->handle);
}

int store_open(struct operation *operation, const struct operation_device *device, const char *path,
	       struct attribute_store *ret_store)
{
	static const struct {
		int number;
		enum vfiobind_error_code code;
		const char *hint;
	} meanings[] = {
		{-EACCES, VFIOBIND_ERROR_PERMISSION_DENIED, "run it as root"},
		{-EPERM, VFIOBIND_ERROR_PERMISSION_DENIED, "run it as root"},
		{-EROFS, VFIOBIND_ERROR_SYSFS_READ_ONLY, "remount sysfs writable; containers often have it read-only"},
		{-EBADMSG, VFIOBIND_ERROR_ATTRIBUTE_MALFORMED, NULL},
	};
	enum vfiobind_error_code code = VFIOBIND_ERROR_ATTRIBUTE_UNREADABLE;
	const char *hint = NULL;
	char full[2 * DEVICE_PATH_SIZE];
	int r, number;

	r = attribute_open(operation->context, path, ret_store);
	if (r == 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
		if (meanings[i].number == r) {
			code = meanings[i].code;
			hint = meanings[i].hint;
		}
	if (is_gone(operation, device, r))
		code = VFIOBIND_ERROR_DEVICE_VANISHED;
	code = attribute_error_code(operation->context, r, code, &number);
	snprintf(full, sizeof(full), "%s/%s", operation->context->sysfs_root, path);
	return fail(operation->error, .code = code, .number = r == -EBADMSG ? 0 : number,
		    .device = &device->handle.address, .operation = "open", .object = strrchr(path, '/') + 1,
		    .path = full, .hint = hint);
}

int store_fail(struct operation *operation, const struct operation_device *device, const struct store_failure *failure)
{
	enum vfiobind_error_code code = failure->code;
	char full[2 * DEVICE_PATH_SIZE];
	int number;

	if (is_gone(operation, device, failure->number))
		return fail(operation->error, .code = VFIOBIND_ERROR_DEVICE_VANISHED, .device = &device->handle.address,
			    .operation = failure->operation, .object = failure->object);
	code = attribute_error_code(operation->context, failure->number, code, &number);
	snprintf(full, sizeof(full), "%s/%s", operation->context->sysfs_root, failure->path);
	return fail(operation->error, .code = code, .number = number, .device = &device->handle.address,
		    .operation = failure->operation, .object = failure->object, .path = full,
		    .hint = failure->hint ? failure->hint : "see dmesg");
}

int store_twice(struct operation *operation, const char *path, const char *value)
{
	for (int attempt = 0; attempt < 2; attempt++) {
		struct attribute_store file = ATTRIBUTE_STORE_NONE;
		int r = attribute_open(operation->context, path, &file);

		if (r == 0)
			r = attribute_store(operation->context, &file, value);
		attribute_close(operation->context, &file);
		if (r == 0 || r == -ETIMEDOUT)
			return r;
	}
	return 0;
}
