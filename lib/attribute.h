/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_ATTRIBUTE_H
#define VFIOBIND_ATTRIBUTE_H

#include <stddef.h>
#include <sys/types.h>

#include "vfiobind.h"

/*
 * Attributes of sysfs, each named by a directory below the sysfs root and a name in it. Reading or storing one can wait
 * in the kernel: the context's worker does it, until the context's deadline. Every text is bounded, nothing here trusts
 * what it reads. All return a negative errno on failure: the kernel's, or one for which worker_failed() says that there
 * was no answer.
 */

/* sysfs shows at most a page, and stores at most a page less its NUL. */
#define ATTRIBUTE_TEXT_SIZE 4096

/* Reads a text, without its newline. Returns its length; -EOVERFLOW if it does not fit, NUL included. */
ssize_t attribute_read(struct vfiobind_context *context, const char *directory, const char *name, char *buffer,
		       size_t size);

/* Reads one byte of a binary attribute. Returns 0, or -ENODATA if the file is too short. */
int attribute_read_byte(struct vfiobind_context *context, const char *directory, const char *name, off_t offset,
			unsigned char *ret_byte);

/* Reads "0x…" as sysfs writes ids. Returns -EBADMSG if it is anything else or above @maximum. */
int attribute_read_hex(struct vfiobind_context *context, const char *directory, const char *name, unsigned long maximum,
		       unsigned long *ret_value);

/* "bus/pci/drivers/NAME/unbind" */
#define ATTRIBUTE_PATH_SIZE 320

/* An attribute that is open to be stored into, while the worker that opened it lives. */
struct attribute_store {
	int file;                       /* -1: not open */
	int worker;                     /* the worker's pid */
	char path[ATTRIBUTE_PATH_SIZE]; /* below the sysfs root, for who is told of stores; cut if need be */
};

#define ATTRIBUTE_STORE_NONE \
	{                    \
		.file = -1   \
	}

/* Opens @path (below the sysfs root) for stores; never creates it. -EBADMSG if it is no file. */
int attribute_open(struct vfiobind_context *context, const char *path, struct attribute_store *ret_store);

/* Stores with one write(2): the kernel takes each write for a store of its own. */
int attribute_store(struct vfiobind_context *context, const struct attribute_store *store, const char *text);

/*
 * The code of an error for the negative errno of a function above: @otherwise if it is the kernel's. @ret_number: the
 * positive errno for the error.
 */
enum vfiobind_error_code attribute_error_code(const struct vfiobind_context *context, ssize_t number,
					      enum vfiobind_error_code otherwise, int *ret_number);

void attribute_close(struct vfiobind_context *context, struct attribute_store *store);

#endif
