/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of mocks/fuse share. */
#pragma once

#include "client.h"
#include "kernel/kernfs.h"
#include "node-ids.h"
#include "wire/protocol.h"
#include "wire/worker-pool.h"

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#include <stdatomic.h>
#include <sys/queue.h>

/* Largest READ that is answered, and so largest file that is sent whole: FUSE's own limit for a request is the same. */
#define MAX_READ (1024 * 1024)

/*
 * Largest WRITE that is taken. A store takes a page at most, and what is longer gets a short answer, on which Linux does
 * not send the rest. Control files take more, and as much in each way.
 */
#define MAX_WRITE WIRE_DATA
/* What Linux wants to have room for with it: the headers of a request. libfuse's own reserve is the same. */
#define MAX_REQUEST (MAX_WRITE + 4096)

/* Every operation, for fuse_session_new(); userdata is the struct fuse_server. */
extern const struct fuse_lowlevel_ops fuse_operations;

/* What open(2) made. */
struct open_file {
	LIST_ENTRY(open_file) link;
	struct kernfs_file *file;
	bool is_blob;
	struct client client; /* who opened it: a RELEASE has no pid */
};

/* What opendir(3) made: the entries as they were when it was read from the start. */
struct open_dir {
	LIST_ENTRY(open_dir) link;
	uint64_t ino;
	char *entries; /* as READDIR answers them; d_off of an entry is where the next one starts */
	size_t size, room;
};

struct fuse_server {
	struct kernel *k;
	struct fuse_session *session;
	struct fuse_mount *mount; /* NULL: mounted by somebody else */
	uid_t root;               /* who is root on the fake machine */
	struct worker_pool *pool;
	struct node_ids ids;
	struct client_cache clients;
	LIST_HEAD(, open_file) files;
	LIST_HEAD(, open_dir) dirs;

	int read_fd; /* fuse_server_stop() turns it into /dev/null */
	int null_fd;
	atomic_int loop_tid; /* of the serving thread, while it serves */

	char buffer[MAX_READ]; /* answers of the serving thread; only what is used becomes memory */
};

/* Frees what clients left open: after an unmount no RELEASE comes. With the model lock. */
void fuse_operations_end(struct fuse_server *server);
