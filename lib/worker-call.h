/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_WORKER_CALL_H
#define VFIOBIND_WORKER_CALL_H

#include <sys/socket.h>
#include <sys/types.h>

#include "worker.h"

/* What goes between worker.c and worker-process.c: one packet each way. */

enum call {
	CALL_READ,
	CALL_OPEN,
	CALL_STORE,
	CALL_CLOSE,
	CALL_INSERT_MODULE,
	CALL_LOCK,
};

/* @texts are the path, or what is to be stored; and a module's options behind the path's NUL. */
struct request {
	enum call call;
	int file; /* of CALL_STORE, CALL_CLOSE; the flags of CALL_INSERT_MODULE */
	off_t offset;
	size_t size; /* of what is to be read, or of @texts */
	char texts[2 * WORKER_PAGE];
};

/* The first one comes without a request: the worker's pid, or the negative errno for which there is none. */
struct reply {
	ssize_t result;
	char data[WORKER_PAGE];
};

/* Room for the descriptor that goes with CALL_LOCK. */
union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

/* Returns twice, as fork(2), but the child has no exit signal. -1 and errno on failure. */
pid_t worker_clone(void);

/*
 * What the child does: it becomes the keeper, and makes the worker. The descriptors are the directory to which paths are
 * relative, the socket, and a pidfd of the caller, if there is one.
 */
_Noreturn void worker_process(int root_fd, int socket, int caller_fd);

#endif
