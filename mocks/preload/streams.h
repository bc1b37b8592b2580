/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Way plain: stdio's streams on open files of the server's, and what wrappers-open.c has for them. */
#pragma once

#include "libc.h"

#include <stdbool.h>

/*
 * stdio reads and writes inside libc, where nobody stands in front of it. When descriptor @fd is 0, 1 or 2, and has just
 * come to be what it is, the variable stdin, stdout or stderr is set to a stream that fits. Safe in signal handlers.
 */
void stream_follow(int fd);

#define OPEN_ELSEWHERE (-2)

/* The server's file of @path: a descriptor, -1 with errno, or OPEN_ELSEWHERE when it is none of the server's. */
int open_served(int dirfd, const char *path, int flags);
/* Whether @path is a file that only the server can open. */
bool open_is_socket(const char *path);
/* Before libc's open: the same, if libc must not do it. */
int open_begin(int dirfd, const char *path, int flags);
/* After libc's open, which gave @fd, and before which errno was @saved_errno: what the program gets. */
int open_end(int fd, int dirfd, const char *path, int flags, int saved_errno);
