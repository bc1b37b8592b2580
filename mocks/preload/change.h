/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Way plain: calls that would change the tree. sysfs has an answer to each, and the picture of it must stay as it is.
 *
 * Each returns the call's result (-1 with errno), or CHANGE_ELSEWHERE where the path is none of the fake's.
 */
#pragma once

#include "redirect.h"

#define CHANGE_ELSEWHERE 1

/* Something new at @path: @error, if nothing else is wrong. */
int change_new(int dirfd, const char *path, int error);

enum change_type { CHANGE_FILE, CHANGE_DIRECTORY, CHANGE_EITHER };
int change_gone(int dirfd, const char *path, enum change_type type);

int change_moved(int from_dirfd, const char *from, int to_dirfd, const char *to);
int change_linked(int from_dirfd, const char *from, int to_dirfd, const char *to);
int change_cut(const char *path);
int change_timed(int dirfd, const char *path, int flags);

/* Masks of kernfs_setattr(). */
#define CHANGE_MODE 1
#define CHANGE_OWNER 6
int change_owned(int dirfd, const char *path, int flags, unsigned mask, mode_t mode, uid_t owner, gid_t group);

/* An extended attribute: @error for one that could be there; 0: a list of none. */
int change_xattr(const char *path, const char *name, int error);

/* access(2). */
int change_access(int dirfd, const char *path, int mode, int flags);

/* Of open files. */
bool change_is_picture(int fd);
int change_cut_open(int fd, off64_t length);
int change_open_attributes(int fd, unsigned mask, mode_t mode, uid_t owner, gid_t group);
