/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_SYSFS_H
#define VFIOBIND_SYSFS_H

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * The tree of sysfs: its directories and links, relative to directories that were opened once. These never wait for a
 * driver; what does is in attribute.h. Nothing here trusts what it reads. All return a negative errno on failure.
 */

/* A name in a directory and its NUL. */
#define SYSFS_NAME_SIZE (NAME_MAX + 1)

/* Opens a directory; @dirfd -1 for an absolute path. Links are followed: sysfs is made of them. Returns the fd. */
int sysfs_open_directory(int dirfd, const char *path);

/* The target of a link. Returns -ENOENT if there is none, -EINVAL if it is not a link, -EOVERFLOW if it does not fit. */
int sysfs_readlink(int dirfd, const char *name, char *buffer, size_t size);

/* The last part of the target of a link. Returns as sysfs_readlink(), and -EBADMSG if there is no last part. */
int sysfs_readlink_name(int dirfd, const char *name, char buffer[static SYSFS_NAME_SIZE]);

/* Whether the path exists. An error of any kind means no. */
bool sysfs_exists(int dirfd, const char *path);

/* Whether the path is known not to exist. An error of any other kind than that means no. */
bool sysfs_is_absent(int dirfd, const char *path);

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
