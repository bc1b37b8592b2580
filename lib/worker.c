/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The caller's side of the worker: starting it, asking it, waiting for its answer no longer than one wants to. */
#include "worker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "descriptor.h"
#include "util.h"
#include "worker-call.h"

/* For a worker that has no call to see the end of its socket, which takes no time. */
#define PATIENCE_MS 1000

/*
 * The next call gets another worker. This one ends when it has seen the end of its socket, for which @patience
 * milliseconds are waited, or when its call returns; then it is init's to reap. The end is told, and not only made by
 * closing: a child that the program has forked may have the socket open too.
 */
static void leave(struct worker *worker, int patience)
{
	/* No events but its end: what it may still have said is of no interest. */
	struct pollfd poll_fd = {.fd = worker->socket};
	pid_t pid;

	if (worker->owner == getpid()) {
		shutdown(worker->socket, SHUT_WR);
		while (poll(&poll_fd, 1, patience) < 0 && errno == EINTR)
			;
		/* Not if it is no child any more: then another thread waits for really all of them (__WALL). */
		if (!poll_fd.revents && waitpid(worker->keeper, NULL, WNOHANG | __WCLONE) == 0)
			kill(worker->keeper, SIGKILL);
		do
			pid = waitpid(worker->keeper, NULL, __WCLONE);
		while (pid < 0 && errno == EINTR);
	}
	worker->socket = close_fd(worker->socket);
}

static int receive_reply(struct worker *worker, struct deadline deadline, struct reply *reply)
{
	struct pollfd poll_fd = {.fd = worker->socket, .events = POLLIN};
	ssize_t n;
	int r;

	do
		r = poll(&poll_fd, 1, deadline_left(deadline));
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -ECONNRESET;
	if (r == 0)
		return -ETIMEDOUT;
	do
		n = recv(worker->socket, reply, sizeof(*reply), MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n >= (ssize_t)offsetof(struct reply, data) ? 0 : -ECONNRESET;
}

/* @fd goes with the request; -1 for none. */
static int send_request(struct worker *worker, const struct request *request, size_t texts, int fd)
{
	union control control = {.bytes = {0}};
	struct iovec part = {(void *)request, offsetof(struct request, texts) + texts};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t n;

	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	}
	do
		n = sendmsg(worker->socket, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -ECONNRESET : 0;
}

/* The kernel's word must not be taken for "there was no answer". */
static ssize_t result_of(const struct reply *reply)
{
	if (reply->result == -ETIMEDOUT)
		return -ETIME;
	return worker_failed(reply->result) ? -EIO : reply->result;
}

static ssize_t call(struct worker *worker, struct deadline deadline, const struct request *request, size_t texts,
		    int fd, struct reply *reply)
{
	int r;

	if (worker->socket < 0)
		return -ECONNRESET;
	r = send_request(worker, request, texts, fd);
	if (r == 0)
		r = receive_reply(worker, deadline, reply);
	if (r == 0)
		return result_of(reply);
	leave(worker, r == -ETIMEDOUT ? 0 : PATIENCE_MS);
	return r;
}

/* Handlers of the program's signals must not run in the worker, and the thread must not be cancelled there. */
static pid_t clone_process(int root_fd, int socket, int caller_fd)
{
	sigset_t all, before;
	int cancel_state;
	pid_t pid;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = worker_clone();
	if (pid == 0)
		worker_process(root_fd, socket, caller_fd);
	if (pid < 0)
		pid = -errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_setcancelstate(cancel_state, NULL);
	return pid;
}

/* Returns 0 or a negative errno. */
static int start(struct worker *worker, int root_fd)
{
	/* Without one (ENOSYS, or a filter of system calls) the worker sees the end of the socket alone. */
	_cleanup_close_ int caller_fd = descriptor_open_process(getpid()), far_socket = -1;
	int sockets[2], r;
	pid_t pid;

	r = descriptor_socket_pair(SOCK_SEQPACKET | SOCK_CLOEXEC, sockets);
	if (r < 0)
		return r;
	far_socket = sockets[1];
	pid = clone_process(root_fd, far_socket, caller_fd);
	if (pid < 0) {
		close_fd(sockets[0]);
		return pid;
	}
	*worker = (struct worker){.socket = sockets[0], .keeper = pid, .owner = getpid()};
	return 0;
}

int worker_start(struct worker *worker, int root_fd, struct deadline deadline)
{
	struct reply hello;
	int r;

	if (worker->socket >= 0 && worker->owner != getpid())
		leave(worker, 0);
	if (worker->socket >= 0)
		return 0;
	r = start(worker, root_fd);
	if (r < 0) {
		worker->start_error = -r;
		return -ECHILD;
	}
	r = receive_reply(worker, deadline, &hello);
	if (r == 0 && hello.result > 0) {
		worker->pid = (pid_t)hello.result;
		return 0;
	}
	leave(worker, r == -ETIMEDOUT ? 0 : PATIENCE_MS);
	if (r < 0)
		return r;
	worker->start_error = (int)-hello.result;
	return -ECHILD;
}

bool worker_failed(ssize_t number)
{
	return number == -ETIMEDOUT || number == -ECONNRESET || number == -ECHILD;
}

void worker_end(struct worker *worker)
{
	if (worker->socket >= 0)
		leave(worker, PATIENCE_MS);
}

/* @text with its NUL. Returns false if it is too long. */
static bool add_text(struct request *request, size_t *length, const char *text)
{
	size_t size = strlen(text) + 1;

	if (size > sizeof(request->texts) - *length)
		return false;
	memcpy(request->texts + *length, text, size);
	*length += size;
	return true;
}

ssize_t worker_read(struct worker *worker, struct deadline deadline, const char *path, off_t offset, void *buffer,
		    size_t size)
{
	struct request request = {.call = CALL_READ, .offset = offset, .size = size < WORKER_PAGE ? size : WORKER_PAGE};
	struct reply reply;
	size_t length = 0;
	ssize_t n;

	if (!add_text(&request, &length, path))
		return -ENAMETOOLONG;
	n = call(worker, deadline, &request, length, -1, &reply);
	if (n > 0)
		memcpy(buffer, reply.data, (size_t)n);
	return n;
}

int worker_open(struct worker *worker, struct deadline deadline, const char *path)
{
	struct request request = {.call = CALL_OPEN};
	struct reply reply;
	size_t length = 0;

	if (!add_text(&request, &length, path))
		return -ENAMETOOLONG;
	return (int)call(worker, deadline, &request, length, -1, &reply);
}

int worker_store(struct worker *worker, struct deadline deadline, int file, const char *text)
{
	struct request request = {.call = CALL_STORE, .file = file};
	struct reply reply;
	size_t length = 0;

	if (!add_text(&request, &length, text))
		return -EINVAL;
	request.size = length - 1;
	return (int)call(worker, deadline, &request, length, -1, &reply);
}

void worker_close(struct worker *worker, struct deadline deadline, int file)
{
	const struct request request = {.call = CALL_CLOSE, .file = file};
	struct reply reply;

	call(worker, deadline, &request, 0, -1, &reply);
}

int worker_insert_module(struct worker *worker, struct deadline deadline, const char *path, const char *options,
			 int flags)
{
	struct request request = {.call = CALL_INSERT_MODULE, .file = flags};
	struct reply reply;
	size_t length = 0;

	if (!add_text(&request, &length, path) || !add_text(&request, &length, options))
		return -ENAMETOOLONG;
	return (int)call(worker, deadline, &request, length, -1, &reply);
}

int worker_lock(struct worker *worker, struct deadline deadline, int fd)
{
	const struct request request = {.call = CALL_LOCK};
	struct reply reply;

	return (int)call(worker, deadline, &request, 0, fd, &reply);
}
