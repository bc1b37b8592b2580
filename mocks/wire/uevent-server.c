/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/uevent-server.h"

#include "wire/listener.h"
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

struct uevent_server {
	pthread_mutex_t lock;
	LIST_HEAD(, listener) listeners;
	uint64_t sequence; /* of the last uevent */
	int epoll;
	int listen_fd;
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

static void watch(struct uevent_server *server, const struct listener *listener, int operation)
{
	struct epoll_event event = {.events = EPOLLIN | (listener->n_waiting ? EPOLLOUT : 0),
				    .data.ptr = (void *)listener};

	epoll_ctl(server->epoll, operation, listener->fd, &event);
}

static void accept_all(struct uevent_server *server)
{
	const int size = SEND_BUFFER;
	struct listener *listener;
	int fd;

	while ((fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		listener = listener_new(fd);
		if (!listener)
			continue;
		if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
			setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		LIST_INSERT_HEAD(&server->listeners, listener, link);
		watch(server, listener, EPOLL_CTL_ADD);
	}
}

static void serve(struct uevent_server *server, struct listener *listener, uint32_t events)
{
	if (events & EPOLLOUT)
		listener_flush(listener);
	/* A connection at its end can be read, too. */
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) && !listener_receive(listener)) {
		LIST_REMOVE(listener, link);
		listener_free(listener);
		return;
	}
	watch(server, listener, EPOLL_CTL_MOD);
}

static void *run(void *argument)
{
	struct uevent_server *server = argument;
	struct epoll_event event;

	for (;;) {
		if (epoll_wait(server->epoll, &event, 1, -1) != 1)
			continue;
		if (event.data.ptr == &server->end)
			return NULL;
		pthread_mutex_lock(&server->lock);
		if (event.data.ptr == &server->listen_fd)
			accept_all(server);
		else
			serve(server, event.data.ptr, event.events);
		pthread_mutex_unlock(&server->lock);
	}
}

static int start(struct uevent_server *server)
{
	struct epoll_event incoming = {.events = EPOLLIN, .data.ptr = &server->listen_fd},
			   end = {.events = EPOLLIN, .data.ptr = &server->end};
	sigset_t all, before;
	int r;

	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	server->end = eventfd(0, EFD_CLOEXEC);
	if (server->epoll < 0 || server->end < 0 ||
	    epoll_ctl(server->epoll, EPOLL_CTL_ADD, server->listen_fd, &incoming) < 0 ||
	    epoll_ctl(server->epoll, EPOLL_CTL_ADD, server->end, &end) < 0)
		return -errno;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&server->thread, NULL, run, server);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	server->running = r == 0;
	return r;
}

int uevent_server_new(const char *directory, struct uevent_server **ret_server)
{
	struct uevent_server *server = calloc(1, sizeof(*server));
	int r;

	if (!server)
		return -ENOMEM;
	pthread_mutex_init(&server->lock, NULL);
	LIST_INIT(&server->listeners);
	server->epoll = server->end = -1;
	r = server->listen_fd = listen_at(directory, WIRE_UEVENTS);
	if (r >= 0)
		r = start(server);
	if (r < 0) {
		uevent_server_free(server);
		return r;
	}
	*ret_server = server;
	return 0;
}

void uevent_server_free(struct uevent_server *server)
{
	struct listener *listener;

	if (!server)
		return;
	if (server->running) {
		eventfd_write(server->end, 1);
		pthread_join(server->thread, NULL);
	}
	while ((listener = LIST_FIRST(&server->listeners))) {
		LIST_REMOVE(listener, link);
		listener_free(listener);
	}
	for (size_t i = 0; i < 3; i++) {
		int fd = (const int[]){server->listen_fd, server->epoll, server->end}[i];

		if (fd >= 0)
			close(fd);
	}
	pthread_mutex_destroy(&server->lock);
	free(server);
}

void uevent_server_send(void *server, const char *message, size_t size)
{
	struct uevent_server *self = server;
	char numbered[4096];
	struct listener *listener;

	if (size > sizeof(numbered) - 64)
		return;
	pthread_mutex_lock(&self->lock);
	/* kobject_uevent_env() adds it last. */
	memcpy(numbered, message, size);
	size += (size_t)sprintf(numbered + size, "SEQNUM=%llu", (unsigned long long)++self->sequence) + 1;
	LIST_FOREACH(listener, &self->listeners, link)
	{
		if (!listener->subscribed)
			continue;
		listener_send(listener, numbered, size);
		if (listener->n_waiting)
			watch(self, listener, EPOLL_CTL_MOD);
	}
	pthread_mutex_unlock(&self->lock);
}
