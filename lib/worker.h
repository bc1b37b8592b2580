/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_WORKER_H
#define VFIOBIND_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "deadline.h"

/*
 * A process that makes the system calls which can wait in the kernel for as long as a driver likes, so that the caller
 * waits no longer than it wants to: reads and stores of attributes, loading a module, a lock that somebody has.
 *
 * It is made by a bare clone(2), without an exit signal: waitpid(-1) and SIGCHLD of the program do not see it, and it
 * may be made in a program with many threads, for it does nothing but system calls. It ends with its socket, and with
 * the caller, however that ends; in the middle of a call when that returns. Then the kernel has finished what it was
 * asked for, and nothing else has been started.
 *
 * Between the two is its keeper, which waits for its end and does nothing else. The caller reaps the keeper, which takes
 * no time: so no worker is left as a zombie, whoever the caller is. An orphan would be a child of init, which in a
 * container may be the caller itself, or a program that never waits. Only a worker that is stuck in a call is left
 * without its keeper.
 *
 * A call that has not returned by its deadline is -ETIMEDOUT, and the worker is left to it: the next call gets another
 * worker. A worker that was killed is -ECONNRESET: what it did is not known.
 */
struct worker {
	int socket; /* -1 without a worker */
	pid_t keeper;
	pid_t pid;
	pid_t owner;     /* who made it: a child of a fork(2) must leave it alone */
	int start_error; /* the positive errno of the last one that could not be made */
};

#define WORKER_NONE          \
	{                    \
		.socket = -1 \
	}

/* The most that one call reads or stores: a page, as sysfs has it. */
#define WORKER_PAGE 4096

/*
 * Starts the worker unless there is one. Paths of later calls are relative to the directory @root_fd. Returns 0;
 * -ECHILD if none can be made, and worker->start_error says why; -ETIMEDOUT, -ECONNRESET.
 */
int worker_start(struct worker *worker, int root_fd, struct deadline deadline);

/* Whether the negative errno of a call says that there was no answer: not the kernel's word on what was asked for. */
bool worker_failed(ssize_t number);

/* Lets it end: waits for that unless it has a call that does not return. */
void worker_end(struct worker *worker);

/*
 * Reads once, at @offset, from a file that is opened for it. Returns the number of bytes; -EBADMSG if it is no file
 * that one can read from without waiting for somebody else.
 */
ssize_t worker_read(struct worker *worker, struct deadline deadline, const char *path, off_t offset, void *buffer,
		    size_t size);

/* Opens a file to store into it; never creates one. Returns a number for worker_store(); -EBADMSG if it is no file. */
int worker_open(struct worker *worker, struct deadline deadline, const char *path);

/* Stores with one write(2). A short one is -EIO. */
int worker_store(struct worker *worker, struct deadline deadline, int file, const char *text);

void worker_close(struct worker *worker, struct deadline deadline, int file);

/* finit_module(2), of the file at an absolute path. */
int worker_insert_module(struct worker *worker, struct deadline deadline, const char *path, const char *options,
			 int flags);

/* flock(2), exclusive, of an open file of the caller's. Past the deadline the lock may be taken, but only to be given back. */
int worker_lock(struct worker *worker, struct deadline deadline, int fd);

#endif
