/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a node of the fake looks like where the file system that holds it cannot say so: an attribute of way `plain` is
 * a socket there, a VFIO device a regular file of FUSE. The times of such a node tell the shim, which shows them to
 * nobody: a stat(2) that the program makes anyway carries all there is to know.
 *
 * The access time is a fixed moment with the type in its nanoseconds; it lies in the future, so that reading does not
 * change it (relatime). The modification time is the size, or the number of a device.
 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define NODE_MOMENT 2145916800 /* 2038-01-01: some file systems end nineteen days later */

/* Nanoseconds of the access time: the type (S_IFREG, S_IFDIR, …), and whose the node is. */
#define NODE_OF_ROOT (1 << 16) /* of the fake machine's root, whoever runs the server */
#define NODE_TYPE(nanoseconds) ((nanoseconds)&S_IFMT)

/* The times for a node that is to show as @shown. */
static inline void node_times(const struct stat *shown, struct timespec times[2])
{
	times[0].tv_sec = NODE_MOMENT;
	times[0].tv_nsec = (shown->st_mode & S_IFMT) | (shown->st_uid == 0 && shown->st_gid == 0 ? NODE_OF_ROOT : 0);
	times[1].tv_sec = S_ISCHR(shown->st_mode) ? (time_t)shown->st_rdev : (time_t)shown->st_size;
	times[1].tv_nsec = 0;
}
