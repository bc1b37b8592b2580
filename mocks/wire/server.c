/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/server.h"

#include "wire/connection.h"
#include "wire/protocol.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A machine of 100 VFs announces some 1000 events at once; the system may cut this down. */
#define SEND_BUFFER (8 * 1024 * 1024)

struct wire_server {
	pthread_mutex_t lock;
	LIST_HEAD(, connection) connections;
	uint64_t sequence; /* of the last uevent */
	int epoll;
	int listener;
	int end; /* eventfd: the thread is to return */
	pthread_t thread;
	bool running;
};

static int listen_at(const char *directory, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int n = snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", directory, name), fd, error;

	if (n >= (int)sizeof(address.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* The directory says who gets here; the umask has no part in it. */
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || chmod(address.sun_path, 0777) < 0 ||
	    listen(fd, SOMAXCONN) < 0) {
		error = errno;
		close(fd);
		return -error;
	}
	return fd;
}

static void watch(struct wire_server *server, const struct connection *connection, int operation)
{
	struct epoll_event event = {.events = EPOLLIN | (connection->n_waiting ? EPOLLOUT : 0),
				    .data.ptr = (void *)connection};

	epoll_ctl(server->epoll, operation, connection->fd, &event);
}

static void accept_all(struct wire_server *server)
{
	const int size = SEND_BUFFER;
	struct connection *connection;
	int fd;

	while ((fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		connection = connection_new(fd);
		if (!connection)
			continue;
		if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
			setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		LIST_INSERT_HEAD(&server->connections, connection, link);
		watch(server, connection, EPOLL_CTL_ADD);
	}
}

static void serve(struct wire_server *server, struct connection *connection, uint32_t events)
{
	if (events & EPOLLOUT)
		connection_flush(connection);
	/* A connection at its end can be read, too. */
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) && !connection_receive(connection)) {
		LIST_REMOVE(connection, link);
		connection_free(connection);
		return;
	}
	watch(server, connection, EPOLL_CTL_MOD);
}

static void *run(void *argument)
{
	struct wire_server *server = argument;
	struct epoll_event event;

	for (;;) {
		if (epoll_wait(server->epoll, &event, 1, -1) != 1)
			continue;
		if (event.data.ptr == &server->end)
			return NULL;
		pthread_mutex_lock(&server->lock);
		if (event.data.ptr == &server->listener)
			accept_all(server);
		else
			serve(server, event.data.ptr, event.events);
		pthread_mutex_unlock(&server->lock);
	}
}

static int start(struct wire_server *server)
{
	struct epoll_event listener = {.events = EPOLLIN, .data.ptr = &server->listener},
			   end = {.events = EPOLLIN, .data.ptr = &server->end};
	sigset_t all, before;
	int r;

	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	server->end = eventfd(0, EFD_CLOEXEC);
	if (server->epoll < 0 || server->end < 0 ||
	    epoll_ctl(server->epoll, EPOLL_CTL_ADD, server->listener, &listener) < 0 ||
	    epoll_ctl(server->epoll, EPOLL_CTL_ADD, server->end, &end) < 0)
		return -errno;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&server->thread, NULL, run, server);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	server->running = r == 0;
	return r;
}

int wire_server_new(const char *directory, struct wire_server **ret_server)
{
	struct wire_server *server = calloc(1, sizeof(*server));
	int r;

	if (!server)
		return -ENOMEM;
	pthread_mutex_init(&server->lock, NULL);
	LIST_INIT(&server->connections);
	server->epoll = server->end = -1;
	r = server->listener = listen_at(directory, WIRE_UEVENTS);
	if (r >= 0)
		r = start(server);
	if (r < 0) {
		wire_server_free(server);
		return r;
	}
	*ret_server = server;
	return 0;
}

void wire_server_free(struct wire_server *server)
{
	struct connection *connection;

	if (!server)
		return;
	if (server->running) {
		eventfd_write(server->end, 1);
		pthread_join(server->thread, NULL);
	}
	while ((connection = LIST_FIRST(&server->connections))) {
		LIST_REMOVE(connection, link);
		connection_free(connection);
	}
	for (size_t i = 0; i < 3; i++) {
		int fd = (const int[]){server->listener, server->epoll, server->end}[i];

		if (fd >= 0)
			close(fd);
	}
	pthread_mutex_destroy(&server->lock);
	free(server);
}

void wire_server_uevent(void *server, const char *message, size_t size)
{
	struct wire_server *self = server;
	char numbered[4096];
	struct connection *connection;

	if (size > sizeof(numbered) - 64)
		return;
	pthread_mutex_lock(&self->lock);
	/* kobject_uevent_env() adds it last. */
	memcpy(numbered, message, size);
	size += (size_t)sprintf(numbered + size, "SEQNUM=%llu", (unsigned long long)++self->sequence) + 1;
	LIST_FOREACH(connection, &self->connections, link)
	{
		if (!connection->subscribed)
			continue;
		connection_send(connection, numbered, size);
		if (connection->n_waiting)
			watch(self, connection, EPOLL_CTL_MOD);
	}
	pthread_mutex_unlock(&self->lock);
}
