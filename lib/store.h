/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_STORE_H
#define VFIOBIND_STORE_H

#include "operation.h"

/* The attributes that an operation stores into, and what it means when one of them cannot be. */

/*
 * Opens an attribute, @path below the sysfs root. That is the test of permission: no attribute of sysfs does anything on
 * open. Errors: permission-denied, sysfs-read-only, device-vanished, attribute-malformed, attribute-unreadable,
 * timed-out, worker-killed.
 */
int store_open(struct operation *operation, const struct operation_device *device, const char *path,
	       struct attribute_store *ret_store);

/*
 * Opens and stores, to undo: twice if need be, for there is no later chance, and what made it fail may have passed.
 * Returns 0, whether it worked or not, or -ETIMEDOUT.
 */
int store_twice(struct operation *operation, const char *path, const char *value);

/* A store that failed. */
struct store_failure {
	const char *operation;         /* "unbind from" */
	const char *object;            /* "igbvf"; may be NULL */
	enum vfiobind_error_code code; /* unless the errno tells more: device-vanished, timed-out, worker-killed */
	int number;                    /* negative */
	const char *path;              /* below the sysfs root */
	const char *hint;              /* may be NULL */
};

/* Fills the operation's error. Returns the negative errno to be returned. */
int store_fail(struct operation *operation, const struct operation_device *device, const struct store_failure *failure);

#endif
