/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Connections and their packets. All of it on one thread; only what may wait goes to the pool (files.c). */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1024

static void (*const first_requests[])(struct connection *connection, struct packet *packet) = {
	[WIRE_OPEN] = files_open,
	[WIRE_SETATTR] = files_setattr,
	[WIRE_FIND] = files_find,
	[WIRE_RESULT] = NULL,
};

void files_answer(int fd, int64_t result, const void *data, size_t size)
{
	struct wire_result answer = {.header = WIRE_HEADER(WIRE_RESULT), .result = result};
	struct iovec parts[] = {{.iov_base = &answer, .iov_len = sizeof(answer)},
				{.iov_base = (void *)data, .iov_len = size}};
	const struct msghdr message = {.msg_iov = parts, .msg_iovlen = size ? 2 : 1};

	while (sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EINTR)
		;
}

/* ---- packets ---- */

/* Room for what the kernel says of the sender and for more descriptors than anybody has reason to send. */
union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(4 * sizeof(int))];
};

static void take_descriptors(struct packet *packet, const struct cmsghdr *header)
{
	size_t n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(header) + i * sizeof(fd), sizeof(fd));
		if (packet->answer_fd < 0)
			packet->answer_fd = fd;
		else
			close(fd);
	}
}

static void take_sender(const struct file_server *server, struct packet *packet, const struct cmsghdr *header)
{
	struct ucred sender;

	memcpy(&sender, CMSG_DATA(header), sizeof(sender));
	packet->client.pid = sender.pid;
	if (sender.uid != server->root) {
		packet->client.uid = sender.uid;
		packet->client.gid = sender.gid;
	}
}

static void name_actor(struct packet *packet)
{
	struct client *client = &packet->client;
	char *actor = packet->request.actor;

	actor[sizeof(packet->request.actor) - 1] = '\0';
	if (!packet->is_raw && *actor)
		snprintf(client->actor, sizeof(client->actor), "%s", actor);
	else
		snprintf(client->actor, sizeof(client->actor), "%d", client->pid);
}

/* Whether the packet is a request; if not it is data, all of it. */
static void tell_raw(struct packet *packet, size_t size)
{
	const struct wire_request *request = &packet->request;

	packet->is_raw = size < sizeof(*request) || request->header.magic != WIRE_MAGIC ||
			 request->header.version != WIRE_VERSION || request->header.type < WIRE_OPEN ||
			 request->header.type >= WIRE_RESULT;
	if (!packet->is_raw) {
		packet->size = size - sizeof(*request);
	} else {
		/* Cannot overlap badly: the header was read in front of the data. */
		size_t head = size < sizeof(*request) ? size : sizeof(*request);
		size_t tail = size - head;

		if (head + tail > WIRE_DATA)
			tail = WIRE_DATA - head;
		memmove(packet->data + head, packet->data, tail);
		memcpy(packet->data, request, head);
		packet->size = head + tail;
	}
	packet->data[packet->size] = '\0';
}

/* Reads one packet. False: there is none, or the other end is gone (epoll says which). */
static bool receive(struct connection *connection, struct packet *packet)
{
	struct iovec parts[] = {{.iov_base = &packet->request, .iov_len = sizeof(packet->request)},
				{.iov_base = packet->data, .iov_len = WIRE_DATA}};
	union control control;
	struct msghdr message = {
		.msg_iov = parts,
		.msg_iovlen = 2,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t n;

	do
		n = recvmsg(connection->fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	packet->client = (struct client){0};
	packet->answer_fd = -1;
	for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
		if (header->cmsg_level != SOL_SOCKET)
			continue;
		if (header->cmsg_type == SCM_RIGHTS)
			take_descriptors(packet, header);
		else if (header->cmsg_type == SCM_CREDENTIALS)
			take_sender(connection->server, packet, header);
	}
	tell_raw(packet, (size_t)n);
	name_actor(packet);
	return true;
}

/* ---- connections ---- */

static int watch(const struct file_server *server, int fd, void *object)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = object};

	return epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static void close_connection(struct connection *connection)
{
	LIST_REMOVE(connection, link);
	if (connection->type)
		connection->type->close(connection);
	close(connection->fd);
	free(connection);
}

static void accept_one(struct file_server *server)
{
	int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct connection *connection;

	if (fd < 0)
		return;
	connection = calloc(1, sizeof(*connection));
	if (!connection || watch(server, fd, connection) < 0) {
		free(connection);
		close(fd);
		return;
	}
	connection->server = server;
	connection->fd = fd;
	LIST_INSERT_HEAD(&server->connections, connection, link);
}

static void serve_packet(struct connection *connection, struct packet *packet)
{
	if (connection->type)
		connection->type->receive(connection, packet);
	else if (!packet->is_raw && first_requests[packet->request.header.type])
		first_requests[packet->request.header.type](connection, packet);
	else
		files_answer(connection->fd, -EPROTO, NULL, 0);
	if (packet->answer_fd >= 0)
		close(packet->answer_fd);
}

static void serve_connection(struct connection *connection, uint32_t events)
{
	struct packet *packet = &connection->server->packet;

	/* What was sent before the end counts: a shell's `echo > attribute` is over in no time. */
	while (receive(connection, packet))
		serve_packet(connection, packet);
	if (events & (EPOLLHUP | EPOLLRDHUP | EPOLLERR))
		close_connection(connection);
}

/* ---- the server ---- */

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int on = 1;
	int r;

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(address.sun_path)) {
		close(fd);
		return -ENAMETOOLONG;
	}
	strcpy(address.sun_path, path);
	/* Accepted sockets inherit that the kernel says who sends: set later, it would come too late for some packets. */
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || chmod(path, 0666) < 0 ||
	    listen(fd, BACKLOG) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

static void free_server(struct file_server *server)
{
	int fds[] = {server->listen_fd, server->epoll_fd, server->stop_fd};

	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	worker_pool_free(server->pool);
	munmap(server, sizeof(*server));
}

static int set_up(struct file_server *server, const char *path)
{
	int r;

	server->listen_fd = listen_at(path);
	if (server->listen_fd < 0)
		return server->listen_fd;
	server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	server->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (server->epoll_fd < 0 || server->stop_fd < 0)
		return -errno;
	r = watch(server, server->listen_fd, &server->listen_fd);
	if (r == 0)
		r = watch(server, server->stop_fd, &server->stop_fd);
	return r < 0 ? r : worker_pool_new(&server->pool);
}

int file_server_new(struct kernel *k, const char *path, int tree_fd, struct file_server **ret_server)
{
	struct file_server *server;
	int r;

	/* Mostly buffers, of which only what is used becomes memory. */
	server = mmap(NULL, sizeof(*server), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (server == MAP_FAILED)
		return -ENOMEM;
	server->k = k;
	server->root = geteuid();
	server->tree_fd = tree_fd;
	server->listen_fd = server->epoll_fd = server->stop_fd = -1;
	LIST_INIT(&server->connections);
	LIST_INIT(&server->waiting);
	r = set_up(server, path);
	if (r < 0) {
		free_server(server);
		return r;
	}
	*ret_server = server;
	return 0;
}

int file_server_run(struct file_server *server)
{
	for (;;) {
		struct epoll_event event;
		int n = epoll_wait(server->epoll_fd, &event, 1, -1);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n <= 0)
			continue;
		if (event.data.ptr == &server->stop_fd)
			break;
		if (IS_WAITING_EVENT(event.data.u64)) {
			files_interrupt(server, event.data.u64);
			continue;
		}
		if (event.data.ptr == &server->listen_fd)
			accept_one(server);
		else
			serve_connection(event.data.ptr, event.events);
	}
	kernel_enter(NULL);
	return 0;
}

void file_server_stop(struct file_server *server)
{
	int saved_errno = errno;

	eventfd_write(server->stop_fd, 1);
	errno = saved_errno;
}

void file_server_free(struct file_server *server)
{
	struct connection *connection;

	if (!server)
		return;
	/* Clients get the answer of the model, -ENODEV, rather than that of a lost connection. */
	kernel_lock(server->k);
	kernel_abort(server->k);
	kernel_unlock(server->k);
	worker_pool_free(server->pool);
	server->pool = NULL;
	while ((connection = LIST_FIRST(&server->connections)))
		close_connection(connection);
	free_server(server);
}
