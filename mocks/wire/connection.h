/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One client of WIRE_UEVENTS. For one thread at a time: the server's lock. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

struct packet;

struct connection {
	LIST_ENTRY(connection) link;
	int fd;
	bool greeted, subscribed;
	STAILQ_HEAD(, packet) waiting; /* for room in the client's queue */
	size_t n_waiting;
};

/* Takes @fd. NULL: no memory, and @fd is closed. */
struct connection *connection_new(int fd);
void connection_free(struct connection *connection);
/* Reads what the client has sent. False: it is gone, or speaks something else. */
bool connection_receive(struct connection *connection);
/* Sends @data, or keeps a copy until there is room. */
void connection_send(struct connection *connection, const void *data, size_t size);
/* Sends what waits, as far as there is room. */
void connection_flush(struct connection *connection);
