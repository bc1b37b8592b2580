/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_DESCRIPTOR_H
#define VFIOBIND_DESCRIPTOR_H

#include <stdio.h>
#include <sys/types.h>

/*
 * Descriptors of a library whose program may have closed its standard streams. Linux gives the lowest number that is
 * free: then what another thread prints would land in a journal, or be a request of the worker's, and what it reads from
 * its standard input would be missing here. So what comes from here is none of 0, 1 and 2; and nothing of what was
 * written to it or read from it before it was known to be none can be seen in it.
 */

/* As openat(2). Returns the descriptor, or a negative errno. */
int descriptor_open(int dirfd, const char *path, int flags, mode_t mode);

/* A file to be read as a stream. Returns NULL and errno on failure. */
FILE *descriptor_open_stream(const char *path);

/* As socketpair(2). Returns 0 or a negative errno. */
int descriptor_socket_pair(int type, int ret_sockets[2]);

/*
 * Moves a descriptor that was just opened (or -1, with errno) above the standard streams. For what nobody can write to,
 * and where nothing is lost by another's read. Returns the descriptor, or a negative errno.
 */
int descriptor_move_up(int fd);

/* A process as a descriptor: ready to be read from when it has ended. Returns it, or a negative errno. */
int descriptor_open_process(pid_t pid);

#endif
