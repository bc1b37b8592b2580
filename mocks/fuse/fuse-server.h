/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The node tree as a FUSE file system (libfuse3, low-level): one write(2) is one store, with the store's own errno. */
#pragma once

#include "kernel/kernel.h"

struct fuse_server;

/*
 * Serves @k on @fuse_fd: an open /dev/fuse that is mounted already (or about to be), or a socket that a test speaks
 * FUSE on. Takes the descriptor, on failure too. Returns 0 and *ret_server, or -errno.
 */
int fuse_server_new(struct kernel *k, int fuse_fd, struct fuse_server **ret_server);
/*
 * Mounts @k on @directory by itself, for `mocksys mount` and way `shim`. fusermount3 does it, for root too: it unmounts
 * when this process ends, however it ends. -ENOPKG: it is not there; -EPERM: it refused, and said why on stderr.
 * For an ordinary user: who mounts is root on the fake machine.
 */
int fuse_server_mount(struct kernel *k, const char *directory, struct fuse_server **ret_server);
/* Serves on the calling thread until the file system is unmounted or fuse_server_stop() is called. 0 or -errno. */
int fuse_server_run(struct fuse_server *server);
/* Ends fuse_server_run(), from any thread or a signal handler. */
void fuse_server_stop(struct fuse_server *server);
/* Completes pending stores, unmounts what fuse_server_mount() mounted, frees. Does not free the kernel. */
void fuse_server_free(struct fuse_server *server);
