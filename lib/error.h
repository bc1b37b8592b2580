/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_ERROR_H
#define VFIOBIND_ERROR_H

#include "vfiobind.h"

/* What a place that fails knows; all members may be left out but the code. */
struct error_details {
	enum vfiobind_error_code code;
	enum vfiobind_state state;
	int number; /* a positive errno; the code's own if 0 */
	const struct vfiobind_address *device;
	const char *operation; /* "unbind from" */
	const char *object;    /* "igbvf", appended to the operation */
	const char *path;
	const char *expected;
	const char *found;
	const char *hint;
};

/* Fills @error, which may be NULL, and returns the negative errno to be returned. */
int error_set(struct vfiobind_error *error, const struct error_details *details);

#define fail(error, ...) error_set((error), &(struct error_details){__VA_ARGS__})

/* Copies a whole error to the caller's, which may be NULL, older and shorter. */
void error_copy(struct vfiobind_error *error, const struct vfiobind_error *full);

/* Tells which device and which operation a failure belongs to, where the place that failed did not know. */
void error_add_device(struct vfiobind_error *error, const struct vfiobind_address *device);
void error_add_operation(struct vfiobind_error *error, const char *operation);

#define fail_memory(error) fail((error), .code = VFIOBIND_ERROR_OUT_OF_MEMORY)

#endif
