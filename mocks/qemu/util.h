/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cleanup attributes and the like, for this folder. */
#pragma once

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof(*(a)))

#define _cleanup_(function) __attribute__((cleanup(function)))
#define _cleanup_free_ _cleanup_(free_pointer)
#define _cleanup_close_ _cleanup_(close_descriptor)

static inline void free_pointer(void *pointer)
{
	free(*(void **)pointer);
}

static inline void close_descriptor(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* The descriptor, which its cleanup then leaves alone. */
static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* Returns @r, and why in *ret_error (malloc'd), unless there is an error already. */
static inline int __attribute__((format(printf, 3, 4))) fail(char **ret_error, int r, const char *format, ...)
{
	va_list arguments;

	if (*ret_error)
		return r;
	va_start(arguments, format);
	if (vasprintf(ret_error, format, arguments) < 0)
		*ret_error = NULL;
	va_end(arguments);
	return r;
}
