/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "server.h"

#include "fuse/fuse-server.h"
#include "plain/plain-server.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct server_type {
	int (*start)(struct kernel *kernel, struct sandbox *sandbox, void **ret_server, char **ret_error);
	int (*run)(void *server);
	void (*stop)(void *server);
	void (*free)(void *server);
	const char *what;
};

struct server {
	const struct server_type *type;
	void *server;
	pthread_t thread;
	int result;
	int ended; /* eventfd */
};

static int start_mounted(struct kernel *kernel, struct sandbox *sandbox, void **ret_server, char **ret_error)
{
	struct fuse_server *server;
	int fd = sandbox_fuse_fd(sandbox, ret_error), r;

	if (fd < 0)
		return fd;
	r = fuse_server_new(kernel, fd, &server);
	if (r == 0)
		*ret_server = server;
	return r;
}

static int start_shimmed(struct kernel *kernel, struct sandbox *sandbox, void **ret_server, char **ret_error)
{
	struct fuse_server *server;
	int r = fuse_server_mount(kernel, sandbox_directory(sandbox), &server);

	if (r == 0)
		*ret_server = server;
	return r;
}

static int start_plain(struct kernel *kernel, struct sandbox *sandbox, void **ret_server, char **ret_error)
{
	struct plain_server *server;
	int r = plain_server_new(kernel, sandbox_directory(sandbox), &server);

	if (r == 0)
		*ret_server = server;
	return r;
}

static int run_fuse(void *server)
{
	return fuse_server_run(server);
}

static void stop_fuse(void *server)
{
	fuse_server_stop(server);
}

static void free_fuse(void *server)
{
	fuse_server_free(server);
}

static int run_plain(void *server)
{
	return plain_server_run(server);
}

static void stop_plain(void *server)
{
	plain_server_stop(server);
}

static void free_plain(void *server)
{
	plain_server_free(server);
}

static const struct server_type types[] = {
	[WAY_MOUNT] = {start_mounted, run_fuse, stop_fuse, free_fuse, "serve the fake by FUSE"},
	[WAY_SHIM] = {start_shimmed, run_fuse, stop_fuse, free_fuse, "serve the fake by FUSE"},
	[WAY_PLAIN] = {start_plain, run_plain, stop_plain, free_plain, "make the fake in a directory"},
};

static void *serve(void *argument)
{
	struct server *server = argument;

	server->result = server->type->run(server->server);
	eventfd_write(server->ended, 1);
	return NULL;
}

const char *server_what(enum way way)
{
	return types[way].what;
}

int server_start(struct kernel *kernel, struct sandbox *sandbox, enum way way, struct server **ret_server,
		 char **ret_error)
{
	struct server *server = calloc(1, sizeof(*server));
	int r;

	if (!server)
		return -ENOMEM;
	server->type = &types[way];
	server->ended = eventfd(0, EFD_CLOEXEC);
	r = server->ended < 0 ? -errno : server->type->start(kernel, sandbox, &server->server, ret_error);
	if (r == 0)
		r = -pthread_create(&server->thread, NULL, serve, server);
	if (r == 0) {
		*ret_server = server;
		return 0;
	}
	if (!*ret_error && asprintf(ret_error, "cannot %s: %s%s", server->type->what, strerror(-r),
				    r == -ENOPKG ? " (is fusermount3, package fuse3, installed?)" : "") < 0)
		*ret_error = NULL;
	server_free(server);
	return r;
}

int server_ended(const struct server *server)
{
	return server->ended;
}

int server_stop(struct server *server)
{
	server->type->stop(server->server);
	pthread_join(server->thread, NULL);
	return server->result;
}

void server_free(struct server *server)
{
	if (!server)
		return;
	if (server->server)
		server->type->free(server->server);
	if (server->ended >= 0)
		close(server->ended);
	free(server);
}
