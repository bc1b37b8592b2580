/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What serves a fake kernel in each way, in a thread of its own. */
#pragma once

#include "sandbox/sandbox.h"

struct kernel;
struct server;

/* -errno and *@ret_error, malloc'd (NULL: no memory). @kernel and @sandbox stay the caller's, and outlive it. */
int server_start(struct kernel *kernel, struct sandbox *sandbox, enum way way, struct server **ret_server,
		 char **ret_error);
/* An eventfd that becomes readable when nothing is served any longer. */
int server_ended(const struct server *server);
/* Frees whoever still waits for an answer, too. Returns 0, or the -errno by which it had ended before. */
int server_stop(struct server *server);
/* "serve the fake by FUSE". */
const char *server_what(enum way way);
/* After server_stop(). */
void server_free(struct server *server);
