/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The server of WIRE_FILES: what its own files share. */
#pragma once

#include "file-server.h"
#include "kernel/kernfs.h"
#include "protocol.h"
#include "worker-pool.h"

#include <sys/queue.h>

struct connection;

/* One packet. @data is NUL-terminated behind its @size bytes. */
struct packet {
	struct wire_request request;
	struct client client; /* who sent it */
	int answer_fd;        /* where the answer goes: the packet's own, or -1 */
	bool is_raw;          /* a write(2) past the shim: no request */
	size_t size;
	char data[WIRE_DATA + 1];
};

/* What a connection has become. */
struct connection_type {
	/* Each packet after the first, on the serving thread. May take packet->answer_fd and set it to -1. */
	void (*receive)(struct connection *connection, struct packet *packet);
	/* The other end has gone, or the server ends. */
	void (*close)(struct connection *connection);
};

struct connection {
	LIST_ENTRY(connection) link;
	struct file_server *server;
	int fd;
	const struct connection_type *type; /* NULL: nothing yet */
	void *object;                       /* of the type */
};

struct waiting_transfer;

struct file_server {
	struct kernel *k;
	uid_t root; /* who is root on the fake machine */
	int tree_fd;
	int listen_fd, epoll_fd, stop_fd;
	struct worker_pool *pool;
	LIST_HEAD(, connection) connections;
	LIST_HEAD(, waiting_transfer) waiting; /* transfers in the pool; with the model lock */
	uint64_t last_waiting;
	struct packet packet;                                              /* of the serving thread */
	char answer[WIRE_DATA] __attribute__((aligned(sizeof(uint64_t)))); /* likewise */
};

/* The answer @result with @data on @fd; what cannot be delivered has nobody to wait for it. */
void files_answer(int fd, int64_t result, const void *data, size_t size);

/* What epoll says of a transfer that waits, by its number: which no pointer is, being odd. */
#define WAITING_EVENT(number) ((number) << 1 | 1)
#define IS_WAITING_EVENT(event) ((event)&1)
/* The client of a transfer has had a signal, or has gone. */
void files_interrupt(struct file_server *server, uint64_t event);

/* files.c: the first requests of their kinds. */
void files_open(struct connection *connection, struct packet *packet);
void files_setattr(struct connection *connection, struct packet *packet);
void files_find(struct connection *connection, struct packet *packet);
