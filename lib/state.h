/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_STATE_H
#define VFIOBIND_STATE_H

#include <stdbool.h>
#include <sys/types.h>

#include "vfiobind.h"

/*
 * What the library keeps on disk, below /run/vfiobind or where the context says: in directories of its own, files that
 * appear and change whole or not at all. Links are not followed, and what others could have written is refused.
 */

enum state_directory {
	STATE_LOCKS,    /* one file for each device and group, for flock(2); they stay */
	STATE_JOURNALS, /* operations that have not ended */
	STATE_DEVICES,  /* devices that are detached, and what they were */
	STATE_DIRECTORIES,
};

/* No file of the library's is longer. */
#define STATE_FILE_SIZE (64 * 1024)

/*
 * Opens a directory of the state. Without @create: *@ret_fd is -1 if there is none. Errors: state-unsafe,
 * state-unavailable, permission-denied.
 */
int state_open(struct vfiobind_context *context, enum state_directory which, bool create, int *ret_fd,
	       struct vfiobind_error *error);

/* The path of a file, for people. Returns @buffer. */
const char *state_path(const struct vfiobind_context *context, enum state_directory which, const char *name,
		       char buffer[static 256]);

/*
 * Reads a file whole and ends it with a NUL; @buffer has STATE_FILE_SIZE bytes. Returns its length; -ENOENT if there is
 * none; -EPERM if it is a link, or somebody else's; -EFBIG; or another negative errno.
 */
ssize_t state_read(int directory_fd, const char *name, char *buffer);

/* Opens a file as it must be; creates it if need be. Returns the fd, or as state_read(). */
int state_open_file(int directory_fd, const char *name);

/* Writes a file, or replaces it, and sees to it that it is on the disk. Returns 0 or a negative errno. */
int state_write(int directory_fd, const char *name, const char *text, size_t length);

/* Sees to it that what was renamed or removed in a directory is so on the disk. */
int state_sync(int directory_fd);

/* Turns the negative errno of a file into state-unsafe, permission-denied or state-unavailable. */
int state_fail(struct vfiobind_context *context, enum state_directory which, const char *name, const char *operation,
	       int number, struct vfiobind_error *error);

#endif
