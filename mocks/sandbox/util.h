/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cleanup attributes and the like, for this folder. */
#pragma once

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof(*(a)))

#define _cleanup_(function) __attribute__((cleanup(function)))
#define _cleanup_free_ _cleanup_(free_pointer)
#define _cleanup_close_ _cleanup_(close_descriptor)
#define _cleanup_closedir_ _cleanup_(close_directory)

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

static inline void close_directory(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* The descriptor, which its cleanup then leaves alone. */
static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}
