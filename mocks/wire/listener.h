/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One client of WIRE_UEVENTS. For one thread at a time: the server's lock. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

struct waiting_event;

struct listener {
	LIST_ENTRY(listener) link;
	int fd;
	bool greeted, subscribed;
	STAILQ_HEAD(, waiting_event) waiting; /* for room in the client's queue */
	size_t n_waiting;
};

/* Takes @fd. NULL: no memory, and @fd is closed. */
struct listener *listener_new(int fd);
void listener_free(struct listener *listener);
/* Reads what the client has sent. False: it is gone, or speaks something else. */
bool listener_receive(struct listener *listener);
/* Sends @data, or keeps a copy until there is room. */
void listener_send(struct listener *listener, const void *data, size_t size);
/* Sends what waits, as far as there is room. */
void listener_flush(struct listener *listener);
