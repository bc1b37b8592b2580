/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every handler of a FUSE request does, and the handlers that are not in fuse-ops.c. */
#pragma once

#include "server.h"

struct fuse_server *request_server(fuse_req_t req);

/* Begins the model's part of a request: acts for its client, with the lock. */
struct fuse_server *request_enter(fuse_req_t req, struct client *client);
/* The same for what shows in the trace, and what schedules wait for: the actor's name must be right. */
struct fuse_server *request_enter_step(fuse_req_t req, struct client *client);
void request_leave(struct fuse_server *server);

/* The node behind a node id; NULL: it is gone. */
struct kernfs_node *server_node(struct fuse_server *server, fuse_ino_t id);

/*
 * Answers @error, a negative errno or 0. Linux takes no errno of 512 and above from a server: it would leave the
 * request unanswered and its client hanging. No store of a current kernel returns one to write(2) (EPROBE_DEFER becomes
 * EAGAIN).
 */
void reply_error(fuse_req_t req, int error);

/* Open files: fuse-file.c. */
void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi);
void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset, struct fuse_file_info *fi);
void op_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *handle);
void op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned command, void *argument, struct fuse_file_info *fi,
	      unsigned flags, const void *in, size_t in_size, size_t out_size);
/* Frees one that nobody will release. With the model lock. */
void open_file_free(struct open_file *file);

/* Open directories: fuse-dir.c. */
void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi);
void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void open_dir_free(struct open_dir *dir);
