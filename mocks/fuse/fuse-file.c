/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Open files. A read or a write that could wait goes to the pool, all else runs on the serving thread.
 *
 * INTERRUPT comes for every signal, harmless ones too, and an EINTR in answer would end a write(2) that the kernel never
 * ends: the waits of bind and unbind are not interruptible. So the model is told, and a store goes on; when its client has
 * been killed meanwhile the reply finds nobody (ENOENT), which libfuse ignores.
 */
#include "request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void reply_bytes(fuse_req_t req, const char *data, ssize_t n)
{
	if (n < 0)
		reply_error(req, n);
	else
		fuse_reply_buf(req, data, n);
}

static void reply_written(fuse_req_t req, ssize_t n)
{
	if (n < 0)
		reply_error(req, n);
	else
		fuse_reply_write(req, n);
}

void open_file_free(struct open_file *file)
{
	kernfs_release(file->file);
	LIST_REMOVE(file, link);
	free(file);
}

static void close_file(struct fuse_server *server, struct open_file *file)
{
	kernel_enter(&file->client);
	kernel_lock(server->k);
	open_file_free(file);
	request_leave(server);
}

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct open_file *file = malloc(sizeof(*file));
	struct fuse_server *server;
	struct kernfs_node *node;
	int r;

	if (!file) {
		reply_error(req, -ENOMEM);
		return;
	}
	server = request_enter_step(req, &file->client);
	node = server_node(server, ino);
	/* kernfs_fop_open(): LOOKUP found it, but it is being removed. O_TRUNC has no effect. */
	r = node ? kernfs_open(node, fi->flags, &file->file) : -ENODEV;
	file->is_blob = r == 0 && kernfs_is_blob(node);
	request_leave(server);
	if (r < 0) {
		free(file);
		reply_error(req, r);
		return;
	}
	LIST_INSERT_HEAD(&server->files, file, link);
	fi->fh = (uintptr_t)file;
	/* One read(2) is one show, one write(2) one store with its own errno. What never changes may be cached and mapped. */
	fi->direct_io = !file->is_blob;
	fi->keep_cache = file->is_blob;
	if (fuse_reply_open(req, fi) == -ENOENT)
		close_file(server, file); /* the caller was killed while it waited: no RELEASE will come */
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	close_file(request_server(req), (struct open_file *)(uintptr_t)fi->fh);
	reply_error(req, 0);
}

static ssize_t read_file(struct open_file *file, char *buffer, size_t size, off_t offset)
{
	size_t done = 0;
	ssize_t n;

	if (!file->is_blob)
		return kernfs_read(file->file, buffer, size, offset);
	/* Linux takes a short answer to a cached read for the end of the file. */
	while (done < size && (n = kernfs_read(file->file, buffer + done, size - done, offset + done)) != 0) {
		if (n < 0)
			return n;
		done += n;
	}
	return done;
}

/* A read or a write on its way through the pool. */
struct transfer {
	struct job job;
	fuse_req_t req;
	struct fuse_server *server;
	struct open_file *file;
	struct client client;
	bool is_write;
	bool interrupted; /* a signal waits for the client */
	off_t offset;
	size_t size;
	char data[];
};

/* Called by whoever serves, while the job may be running. */
static void interrupt_transfer(fuse_req_t req, void *data)
{
	struct transfer *transfer = data;
	struct kernel *k = transfer->server->k;

	kernel_lock(k);
	kernel_interrupt(k, &transfer->interrupted);
	kernel_unlock(k);
}

static void run_transfer(struct job *job)
{
	struct transfer *transfer = (struct transfer *)((char *)job - offsetof(struct transfer, job));
	struct open_file *file = transfer->file;
	ssize_t n;

	kernel_enter(&transfer->client);
	kernel_lock(transfer->server->k);
	if (transfer->is_write)
		n = kernfs_write(file->file, transfer->data, transfer->size, transfer->offset);
	else
		n = read_file(file, transfer->data, transfer->size, transfer->offset);
	kernel_unlock(transfer->server->k);
	kernel_enter(NULL);
	/* Returns when nobody is in there any more. */
	fuse_req_interrupt_func(transfer->req, NULL, NULL);
	if (transfer->is_write)
		reply_written(transfer->req, n);
	else
		reply_bytes(transfer->req, transfer->data, n);
	free(transfer);
}

/* Hands the request to the pool. @data: what to write, or NULL for a read. */
static void defer(fuse_req_t req, struct open_file *file, const struct client *client, const char *data, size_t size,
		  off_t offset)
{
	struct fuse_server *server = request_server(req);
	struct transfer *transfer = malloc(sizeof(*transfer) + size);
	int r = -ENOMEM;

	if (transfer) {
		*transfer = (struct transfer){.job.run = run_transfer,
					      .req = req,
					      .server = server,
					      .file = file,
					      .client = *client,
					      .is_write = data != NULL,
					      .offset = offset,
					      .size = size};
		transfer->client.interrupted = &transfer->interrupted;
		if (data)
			memcpy(transfer->data, data, size);
		fuse_req_interrupt_func(req, interrupt_transfer, transfer);
		r = worker_pool_submit(server->pool, &transfer->job);
		if (r < 0)
			fuse_req_interrupt_func(req, NULL, NULL);
	}
	if (r == 0)
		return;
	free(transfer);
	reply_error(req, r);
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct open_file *file = (struct open_file *)(uintptr_t)fi->fh;
	struct client client;
	struct fuse_server *server = request_enter_step(req, &client);
	ssize_t n;

	if (size > MAX_READ)
		size = MAX_READ;
	if (kernfs_read_may_wait(file->file)) {
		request_leave(server);
		defer(req, file, &client, NULL, size, offset);
		return;
	}
	n = read_file(file, server->buffer, size, offset);
	request_leave(server);
	reply_bytes(req, server->buffer, n);
}

void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct open_file *file = (struct open_file *)(uintptr_t)fi->fh;
	struct client client;
	struct fuse_server *server = request_enter_step(req, &client);
	ssize_t n;

	if (kernfs_write_may_wait(file->file)) {
		request_leave(server);
		defer(req, file, &client, data, size, offset);
		return;
	}
	n = kernfs_write(file->file, data, size, offset);
	request_leave(server);
	reply_written(req, n);
}

void op_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *handle)
{
	struct open_file *file = (struct open_file *)(uintptr_t)fi->fh;
	struct client client;
	struct fuse_server *server = request_enter(req, &client);
	unsigned events = kernfs_poll(file->file);

	request_leave(server);
	/* No attribute of a PCI device or a driver ever notifies, so nobody is to be woken later. */
	if (handle)
		fuse_pollhandle_destroy(handle);
	fuse_reply_poll(req, events);
}

void op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned command, void *argument, struct fuse_file_info *fi,
	      unsigned flags, const void *in, size_t in_size, size_t out_size)
{
	reply_error(req, -ENOTTY);
}
