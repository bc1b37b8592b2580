/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a path leads in the machine, and under which name the program knows what the system answered. */
#pragma once

#include "libc.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <unistd.h>

/*
 * The path to hand to libc for @path, which is relative to @dirfd: @path itself, or a path in @place (PATH_MAX bytes),
 * or a name that is too long (so that the kernel says so). NULL and "" stay as they are. errno is untouched.
 */
const char *redirect_at(int dirfd, const char *path, char *place);

/*
 * The path from the fake's root, "sys/bus/pci/rescan", of what the server of the fake serves as @path: in @place
 * (PATH_MAX bytes). NULL: something else serves it. errno is untouched.
 */
const char *redirect_served(int dirfd, const char *path, char *place);

/*
 * Translates @path in place (@length bytes, no NUL needed or kept) when it lies in a private directory; returns its new
 * length, which is never greater.
 */
size_t unredirect(char *path, size_t length);

/* How much of the front of @path does not show: the length of the private directory that it is below, or 0. */
size_t redirect_hidden(const char *path);

/* Whether @fd is a file of the fake /sys. errno is untouched. */
bool redirect_is_sysfs(int fd);

/* readlink(2) of /proc/self/fd/@fd as the kernel says it, NUL-terminated: the length, or -1. */
ssize_t redirect_fd_path(int fd, char *path, size_t size);
