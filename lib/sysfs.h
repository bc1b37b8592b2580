/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_SYSFS_H
#define VFIOBIND_SYSFS_H

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Reading and writing sysfs, relative to directories that were opened once. Every text is bounded; nothing here
 * trusts what it reads. All return a negative errno on failure.
 */

/* sysfs shows at most a page, and stores at most a page less its NUL. */
#define SYSFS_TEXT_SIZE 4096
/* A name in a directory and its NUL. */
#define SYSFS_NAME_SIZE (NAME_MAX + 1)

/* Opens a directory; @dirfd -1 for an absolute path. Links are followed: sysfs is made of them. Returns the fd. */
int sysfs_open_directory(int dirfd, const char *path);

/* Reads a text attribute, without its newline. Returns its length; -EOVERFLOW if it does not fit, NUL included. */
ssize_t sysfs_read(int dirfd, const char *name, char *buffer, size_t size);

/* Reads one byte of a binary attribute. Returns 0, or -ENODATA if the file is too short. */
int sysfs_read_byte(int dirfd, const char *name, off_t offset, unsigned char *ret_byte);

/* Reads "0x…" as sysfs writes ids. Returns -EBADMSG if it is anything else or above @maximum. */
int sysfs_read_hex(int dirfd, const char *name, unsigned long maximum, unsigned long *ret_value);

/* The target of a link. Returns -ENOENT if there is none, -EINVAL if it is not a link, -EOVERFLOW if it does not fit. */
int sysfs_readlink(int dirfd, const char *name, char *buffer, size_t size);

/* The last part of the target of a link. Returns as sysfs_readlink(), and -EBADMSG if there is no last part. */
int sysfs_readlink_name(int dirfd, const char *name, char buffer[static SYSFS_NAME_SIZE]);

/* Whether the path exists. An error of any kind means no. */
bool sysfs_exists(int dirfd, const char *path);

/* Opens an attribute to store into it; never creates one, never waits. Returns the fd; -EBADMSG if it is no file. */
int sysfs_open_store(int dirfd, const char *name);

/* Stores with one write(2): the kernel takes each write for a store of its own. A short one is -EIO. */
int sysfs_store(int fd, const char *text);

/* Walks over a directory, "." and ".." left out. Start with sysfs_walk_open(), end with sysfs_walk_close(). */
struct sysfs_walk {
	int fd;
	ssize_t length;
	ssize_t offset;
	_Alignas(struct dirent64) char buffer[4096];
};

int sysfs_walk_open(struct sysfs_walk *walk, int dirfd, const char *path);
/* Returns 1 and a name, 0 at the end. The name is valid until the next call. */
int sysfs_walk_next(struct sysfs_walk *walk, const char **ret_name);
void sysfs_walk_close(struct sysfs_walk *walk);

#endif
