/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The server's side of protocol.h: sockets in a directory, on a thread of its own. */
#pragma once

#include <stddef.h>

struct uevent_server;

/*
 * Listens in @directory, which must be there and is the caller's to remove. Who may write to the sockets may connect:
 * that is for the directory's mode to say. Returns 0 and *ret_server, or -errno: -ENAMETOOLONG when the sockets' names
 * would not fit.
 */
int uevent_server_new(const char *directory, struct uevent_server **ret_server);
/* Ends all connections. Nobody may call uevent_server_send() any more. May be NULL. */
void uevent_server_free(struct uevent_server *server);

/*
 * Sends one uevent to all who subscribed (struct kernel_host's callback; @server is a struct uevent_server). It numbers
 * them: SEQNUM follows the message. Never waits: to a client that reads too slowly, events get lost in the end, as they
 * do from the kernel.
 */
void uevent_server_send(void *server, const char *message, size_t size);
