/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Open files: a read or a write that could wait goes to the pool, all else runs on the serving thread. */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct file {
	struct file_server *server;
	struct kernfs_file *file;
	struct client client; /* who opened it: a close has no sender */
	unsigned refs;        /* the connection, and each transfer in the pool; with the model lock */
	off_t position;
	uint64_t socket; /* inode of the client's */
	int flags;
	struct stat stat; /* as it was when opened: fstat(2) of what is gone succeeds */
	char path[PATH_MAX];
};

/* With the model lock. */
static void put_file(struct file *file)
{
	if (--file->refs)
		return;
	kernel_enter(&file->client);
	kernfs_release(file->file);
	kernel_enter(NULL);
	free(file);
}

static void close_file(struct connection *connection)
{
	struct file *file = connection->object;

	kernel_lock(connection->server->k);
	put_file(file);
	kernel_unlock(connection->server->k);
}

/* ---- reading and writing ---- */

/* One read(2) or write(2) of @size bytes at @offset, or where the file stands. With the model lock. */
static ssize_t transfer(struct file *file, bool is_write, char *data, size_t size, off_t offset)
{
	off_t at = offset < 0 ? file->position : offset;
	ssize_t n = is_write ? kernfs_write(file->file, data, size, at) : kernfs_read(file->file, data, size, at);

	if (n > 0 && offset < 0)
		file->position = at + n;
	return n;
}

/* EPROBE_DEFER and its like are the kernel's own business: libc takes nothing above 4095, and no store returns one. */
static int64_t result_of(ssize_t n)
{
	return n <= -512 ? -EIO : n;
}

struct waiting_transfer {
	struct job job;
	LIST_ENTRY(waiting_transfer) link;
	uint64_t event;
	bool interrupted;
	struct file *file;
	struct client client;
	int answer_fd;
	bool is_write;
	off_t offset;
	size_t size;
	char data[];
};

static void answer_transfer(int fd, bool is_write, ssize_t n, const char *data)
{
	if (fd >= 0)
		files_answer(fd, result_of(n), data, n > 0 && !is_write ? (size_t)n : 0);
}

static void run_waiting(struct job *job)
{
	struct waiting_transfer *waiting =
		(struct waiting_transfer *)((char *)job - offsetof(struct waiting_transfer, job));
	struct kernel *k = waiting->file->server->k;
	ssize_t n;

	kernel_enter(&waiting->client);
	kernel_lock(k);
	n = transfer(waiting->file, waiting->is_write, waiting->data, waiting->size, waiting->offset);
	put_file(waiting->file);
	LIST_REMOVE(waiting, link);
	kernel_unlock(k);
	kernel_enter(NULL);
	answer_transfer(waiting->answer_fd, waiting->is_write, n, waiting->data);
	if (waiting->answer_fd >= 0)
		close(waiting->answer_fd);
	free(waiting);
}

void files_interrupt(struct file_server *server, uint64_t event)
{
	struct waiting_transfer *waiting;

	kernel_lock(server->k);
	LIST_FOREACH(waiting, &server->waiting, link)
	if (waiting->event == event)
		break;
	if (waiting)
		kernel_interrupt(server->k, &waiting->interrupted);
	kernel_unlock(server->k);
}

/* The client's end of @waiting tells of signals, once. */
static void watch_client(struct file_server *server, struct waiting_transfer *waiting)
{
	struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT};

	waiting->event = event.data.u64 = WAITING_EVENT(++server->last_waiting);
	LIST_INSERT_HEAD(&server->waiting, waiting, link);
	if (waiting->answer_fd >= 0)
		epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, waiting->answer_fd, &event);
}

/* Hands the transfer to the pool, which answers. 0, or -errno and nothing was handed over. With the model lock. */
static int defer(struct file *file, struct packet *packet, bool is_write, size_t size, off_t offset)
{
	struct waiting_transfer *waiting = malloc(sizeof(*waiting) + size);
	int r;

	if (!waiting)
		return -ENOMEM;
	*waiting = (struct waiting_transfer){.job.run = run_waiting,
					     .file = file,
					     .client = packet->client,
					     .answer_fd = packet->answer_fd,
					     .is_write = is_write,
					     .offset = offset,
					     .size = size};
	waiting->client.interrupted = &waiting->interrupted;
	if (is_write)
		memcpy(waiting->data, packet->data, size);
	watch_client(file->server, waiting);
	r = worker_pool_submit(file->server->pool, &waiting->job);
	if (r < 0) {
		LIST_REMOVE(waiting, link);
		epoll_ctl(file->server->epoll_fd, EPOLL_CTL_DEL, waiting->answer_fd, NULL);
		free(waiting);
		return r;
	}
	file->refs++;
	packet->answer_fd = -1;
	return 0;
}

static void serve_transfer(struct file *file, struct packet *packet, bool is_write)
{
	struct file_server *server = file->server;
	size_t size = is_write || packet->request.argument < WIRE_DATA ? packet->request.argument : WIRE_DATA;
	off_t offset = packet->request.offset;
	bool waits;
	ssize_t n = 0;

	if (is_write)
		size = packet->size;
	if (packet->is_raw)
		offset = -1;
	kernel_enter(&packet->client);
	kernel_lock(server->k);
	waits = is_write ? kernfs_write_may_wait(file->file) : kernfs_read_may_wait(file->file);
	if (waits)
		n = defer(file, packet, is_write, size, offset);
	else
		n = transfer(file, is_write, is_write ? packet->data : server->answer, size, offset);
	kernel_unlock(server->k);
	if (!waits || n < 0)
		answer_transfer(packet->answer_fd, is_write, n, server->answer);
}

static void serve_read(struct file *file, struct packet *packet)
{
	serve_transfer(file, packet, false);
}

static void serve_write(struct file *file, struct packet *packet)
{
	serve_transfer(file, packet, true);
}

static void serve_seek(struct file *file, struct packet *packet)
{
	const off_t from[] = {[SEEK_SET] = 0, [SEEK_CUR] = file->position, [SEEK_END] = file->stat.st_size};
	const uint32_t whence = packet->request.argument;
	off_t at;

	/* generic_file_llseek_size(): up to its end a file is all data. */
	if ((whence == SEEK_DATA || whence == SEEK_HOLE) && S_ISREG(file->stat.st_mode)) {
		at = packet->request.offset;
		if (at < 0 || at >= file->stat.st_size) {
			files_answer(packet->answer_fd, -ENXIO, NULL, 0);
			return;
		}
		if (whence == SEEK_HOLE)
			at = file->stat.st_size;
	} else if (whence > SEEK_END || __builtin_add_overflow(packet->request.offset, from[whence], &at)) {
		at = -1;
	}
	if (at >= 0)
		file->position = at;
	files_answer(packet->answer_fd, at < 0 ? -EINVAL : at, NULL, 0);
}

/* As it is now, if it is still there: its mode and owner may have changed since it was opened. */
static void stat_again(struct file *file)
{
	struct stat known = file->stat;
	struct kernfs_node *node;

	kernel_lock(file->server->k);
	if (kernfs_walk(file->server->k, file->path, true, &node) == 0)
		kernfs_stat(node, &file->stat);
	kernel_unlock(file->server->k);
	file->stat.st_dev = known.st_dev;
	file->stat.st_ino = known.st_ino;
}

static void serve_status(struct file *file, struct packet *packet)
{
	struct wire_status *status = (struct wire_status *)file->server->answer;
	const struct stat *stat = &file->stat;

	stat_again(file);
	*status = (struct wire_status){
		.device = stat->st_dev,
		.inode = stat->st_ino,
		.special_device = stat->st_rdev,
		.size = (uint64_t)stat->st_size,
		.mode = stat->st_mode,
		.links = (uint32_t)stat->st_nlink,
		.owner = stat->st_uid,
		.group = stat->st_gid,
		.flags = (uint32_t)file->flags,
	};
	memcpy(status->path, file->path, strlen(file->path));
	files_answer(packet->answer_fd, 0, status, sizeof(*status) + strlen(file->path));
}

static void receive_on_file(struct connection *connection, struct packet *packet)
{
	static void (*const requests[WIRE_RESULT])(struct file * file, struct packet * packet) = {
		[WIRE_READ] = serve_read,
		[WIRE_WRITE] = serve_write,
		[WIRE_SEEK] = serve_seek,
		[WIRE_STATUS] = serve_status,
	};
	void (*serve)(struct file * file, struct packet * packet) =
		packet->is_raw ? serve_write : requests[packet->request.header.type];

	if (serve && (packet->is_raw || packet->answer_fd >= 0))
		serve(connection->object, packet);
}

/* ---- opening ---- */

static const struct connection_type file_type = {.receive = receive_on_file, .close = close_file};

/* Device and inode are those that a stat(2) of the picture shows. */
static void stat_file(struct file *file, const struct kernfs_node *node)
{
	struct stat pictured;

	kernfs_path(node, file->path, sizeof(file->path));
	kernfs_stat(node, &file->stat);
	if (file->server->tree_fd < 0 || fstatat(file->server->tree_fd, file->path, &pictured, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	file->stat.st_dev = pictured.st_dev;
	file->stat.st_ino = pictured.st_ino;
}

/* Nothing can be made: -EACCES where there is a directory to make it in. @path is cut short. */
static int refuse_to_create(struct kernel *k, char *path)
{
	char *slash = strrchr(path, '/');
	struct kernfs_node *parent;
	int r;

	*(slash ? slash : path) = '\0';
	r = kernfs_walk(k, path, false, &parent);
	return r < 0 ? r : kernfs_type(parent) == KERNFS_DIR ? -EACCES : -ENOTDIR;
}

/* With the model lock. */
static int open_node(struct file *file, char *path)
{
	struct kernfs_node *node;
	int r = kernfs_walk(file->server->k, path, file->flags & O_NOFOLLOW, &node);

	if (r == -ENOENT && file->flags & O_CREAT)
		return refuse_to_create(file->server->k, path);
	if (r < 0)
		return r;
	if ((file->flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return -EEXIST;
	if (kernfs_type(node) == KERNFS_LINK)
		return -ELOOP;
	if ((file->flags & O_TMPFILE) == O_TMPFILE && kernfs_type(node) == KERNFS_DIR)
		return -EOPNOTSUPP;
	if (kernfs_type(node) == KERNFS_FILE && file->flags & O_DIRECTORY)
		return -ENOTDIR;
	r = kernfs_open(node, file->flags, &file->file);
	if (r == 0)
		stat_file(file, node);
	return r;
}

static uint64_t socket_of(const struct packet *packet)
{
	return packet->request.numbers[0] | (uint64_t)packet->request.numbers[1] << 32;
}

void files_open(struct connection *connection, struct packet *packet)
{
	struct file_server *server = connection->server;
	struct file *file = calloc(1, sizeof(*file));
	int r = -ENOMEM;

	if (file) {
		*file = (struct file){.server = server, .client = packet->client, .refs = 1};
		file->flags = (int)packet->request.argument;
		file->socket = socket_of(packet);
		kernel_enter(&file->client);
		kernel_lock(server->k);
		r = open_node(file, packet->data);
		kernel_unlock(server->k);
	}
	if (r < 0) {
		free(file);
	} else {
		connection->type = &file_type;
		connection->object = file;
	}
	files_answer(connection->fd, result_of(r), NULL, 0);
	/* See protocol.h: the empty packet. */
	if (r == 0)
		while (send(connection->fd, "", 0, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EINTR)
			;
}

void files_setattr(struct connection *connection, struct packet *packet)
{
	struct file_server *server = connection->server;
	const uint32_t *numbers = packet->request.numbers;
	const struct stat wanted = {.st_mode = numbers[0], .st_uid = numbers[1], .st_gid = numbers[2]};
	struct kernfs_node *node;
	int r;

	kernel_enter(&packet->client);
	kernel_lock(server->k);
	r = kernfs_walk(server->k, packet->data, false, &node);
	if (r == 0)
		r = kernfs_setattr(node, &wanted, (int)packet->request.argument);
	kernel_unlock(server->k);
	files_answer(connection->fd, r, NULL, 0);
}

void files_find(struct connection *connection, struct packet *packet)
{
	struct connection *other;

	LIST_FOREACH(other, &connection->server->connections, link)
	{
		const struct file *file = other->object;

		if (other->type != &file_type || file->socket != socket_of(packet))
			continue;
		files_answer(connection->fd, 0, file->path, strlen(file->path));
		return;
	}
	files_answer(connection->fd, -ENOENT, NULL, 0);
}
