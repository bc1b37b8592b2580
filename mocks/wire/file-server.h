/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The server of open files, WIRE_FILES of protocol.h. */
#pragma once

#include "kernel/kernel.h"

struct file_server;

/*
 * Listens at @path, where every user may connect. @tree_fd: the directory that pictures the tree (mocks/plain), whose
 * device and inode numbers an open file shows, or -1. Both are the caller's. 0 and *ret_server, or -errno.
 */
int file_server_new(struct kernel *k, const char *path, int tree_fd, struct file_server **ret_server);
/* Serves on the calling thread until file_server_stop(). 0 or -errno. */
int file_server_run(struct file_server *server);
/* Ends file_server_run(), from any thread or a signal handler. */
void file_server_stop(struct file_server *server);
/* Completes pending stores, closes all files, frees. Does not free the kernel. May be NULL. */
void file_server_free(struct file_server *server);
