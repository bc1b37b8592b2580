/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Way plain: the tree pictured in a directory, and what a picture cannot do served over a socket. */
#pragma once

#include "kernel/kernel.h"

struct plain_server;

/*
 * Serves @k in @directory, which exists: the tree is in `fake` there, the socket beside it; `workshop` is its own.
 * 0 and *ret_server, or -errno.
 */
int plain_server_new(struct kernel *k, const char *directory, struct plain_server **ret_server);
/* As those of wire/file-server.h. */
int plain_server_run(struct plain_server *server);
void plain_server_stop(struct plain_server *server);
void plain_server_free(struct plain_server *server);
