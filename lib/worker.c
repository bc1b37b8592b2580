/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

enum call {
	CALL_READ,
	CALL_OPEN,
	CALL_STORE,
	CALL_CLOSE,
	CALL_INSERT_MODULE,
	CALL_LOCK,
};

/* One packet each way. @texts are the path, or what is to be stored; and a module's options behind the path's NUL. */
struct request {
	enum call call;
	int file; /* of CALL_STORE, CALL_CLOSE; the flags of CALL_INSERT_MODULE */
	off_t offset;
	size_t size; /* of what is to be read, or of @texts */
	char texts[2 * WORKER_PAGE];
};

struct reply {
	ssize_t result;
	char data[WORKER_PAGE];
};

/* ------------------------------------------------------------------------------- the worker: system calls, no more */

/* Where its descriptors are. The first three lead nowhere, so that nothing that is printed can reach an attribute. */
enum { SOCKET_FD = STDERR_FILENO + 1, ROOT_FD };

struct work {
	bool is_sysfs; /* what is opened there is an attribute */
};

/* O_NONBLOCK and O_NOCTTY: in a directory that only claims to be sysfs, the file may be a FIFO or a terminal. */
static int open_attribute(const struct work *work, const char *path, int flags)
{
	struct stat status;
	int fd = openat(ROOT_FD, path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

	/* ENXIO: a FIFO that nobody reads, or a socket. */
	if (fd < 0)
		return errno == ENXIO ? -EBADMSG : -errno;
	if (flags == O_RDONLY || work->is_sysfs || (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)))
		return fd;
	close(fd);
	return -EBADMSG;
}

static ssize_t answer_read(const struct work *work, const struct request *request, struct reply *reply)
{
	int fd = open_attribute(work, request->texts, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return fd;
	do
		n = pread(fd, reply->data, request->size, request->offset);
	while (n < 0 && errno == EINTR);
	n = n < 0 ? -errno : n;
	close(fd);
	return n;
}

static ssize_t answer_store(const struct request *request)
{
	ssize_t n = write(request->file, request->texts, request->size);

	if (n < 0)
		return -errno;
	return (size_t)n == request->size ? 0 : -EIO;
}

static ssize_t answer_insert_module(const struct request *request)
{
	const char *options = request->texts + strlen(request->texts) + 1;
	int fd = open(request->texts, O_RDONLY | O_CLOEXEC);
	ssize_t r;

	if (fd < 0)
		return -errno;
	r = syscall(SYS_finit_module, fd, options, request->file) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static ssize_t answer_lock(int fd)
{
	ssize_t r;

	if (fd < 0)
		return -EBADF;
	do
		r = flock(fd, LOCK_EX) < 0 ? -errno : 0;
	while (r == -EINTR);
	close(fd);
	return r;
}

static ssize_t answer(const struct work *work, const struct request *request, int fd, struct reply *reply)
{
	switch (request->call) {
	case CALL_READ:
		return answer_read(work, request, reply);
	case CALL_OPEN:
		return open_attribute(work, request->texts, O_WRONLY);
	case CALL_STORE:
		return answer_store(request);
	case CALL_CLOSE:
		return close(request->file) < 0 ? -errno : 0;
	case CALL_INSERT_MODULE:
		return answer_insert_module(request);
	case CALL_LOCK:
		return answer_lock(fd);
	}
	return -EINVAL;
}

union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

/* Returns false at the end of the socket. @ret_fd is -1 if none came with it. */
static bool receive_request(struct request *request, int *ret_fd)
{
	union control control;
	struct iovec part = {request, sizeof(*request)};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	struct cmsghdr *header;
	ssize_t n = recvmsg(SOCKET_FD, &message, MSG_CMSG_CLOEXEC);

	*ret_fd = -1;
	if (n <= 0)
		return false;
	header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_type == SCM_RIGHTS)
		memcpy(ret_fd, CMSG_DATA(header), sizeof(*ret_fd));
	return true;
}

static bool send_reply(const struct reply *reply, size_t data)
{
	return send(SOCKET_FD, reply, offsetof(struct reply, data) + data, MSG_NOSIGNAL) >= 0;
}

static bool arrange_descriptors(int root_fd, int socket)
{
	int null = open("/dev/null", O_RDWR);

	/* Where there is none, the root does as well: nothing can be written to a directory. */
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (dup2(null < 0 ? root_fd : null, fd) < 0)
			return false;
	/* The socket must not be closed by the root's move. */
	socket = fcntl(socket, F_DUPFD, ROOT_FD + 1);
	return socket >= 0 && dup2(root_fd, ROOT_FD) >= 0 && dup2(socket, SOCKET_FD) >= 0 &&
	       close_range(ROOT_FD + 1, ~0U, 0) == 0;
}

/* Its memory is a copy of the caller's, of which it touches no more than its stack. */
_Noreturn static void work(int root_fd, int socket)
{
	struct work work;
	struct statfs file_system;
	struct request request;
	struct reply reply;
	int fd;

	if (!arrange_descriptors(root_fd, socket))
		_exit(1);
	/* On a fake one, a file could be anything. */
	work.is_sysfs = fstatfs(ROOT_FD, &file_system) == 0 && file_system.f_type == SYSFS_MAGIC;
	prctl(PR_SET_NAME, "vfiobind-worker");
	reply.result = getpid();
	if (!send_reply(&reply, 0))
		_exit(1);
	while (receive_request(&request, &fd)) {
		reply.result = answer(&work, &request, fd, &reply);
		if (!send_reply(&reply, request.call == CALL_READ && reply.result > 0 ? (size_t)reply.result : 0))
			break;
	}
	_exit(0);
}

/* -------------------------------------------------------------------------------------------------------- the caller */

/* The next call gets another worker. This one ends when its call returns. */
static void leave(struct worker *worker)
{
	worker->socket = close_fd(worker->socket);
}

static ssize_t receive_reply(struct worker *worker, struct deadline deadline, struct reply *reply)
{
	struct pollfd poll_fd = {.fd = worker->socket, .events = POLLIN};
	ssize_t n;

	for (;;) {
		int r = poll(&poll_fd, 1, deadline_left(deadline));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			return -ETIMEDOUT;
		break;
	}
	do
		n = recv(worker->socket, reply, sizeof(*reply), 0);
	while (n < 0 && errno == EINTR);
	return n >= (ssize_t)offsetof(struct reply, data) ? reply->result : -ECONNRESET;
}

/* @fd goes with the request; -1 for none. */
static ssize_t send_request(struct worker *worker, const struct request *request, size_t texts, int fd)
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

static ssize_t call(struct worker *worker, struct deadline deadline, const struct request *request, size_t texts,
		    int fd, struct reply *reply)
{
	ssize_t r;

	if (worker->socket < 0)
		return -ECONNRESET;
	r = send_request(worker, request, texts, fd);
	if (r == 0)
		r = receive_reply(worker, deadline, reply);
	if (r == -ETIMEDOUT || r == -ECONNRESET)
		leave(worker);
	return r;
}

/*
 * As fork(2), but with no exit signal, and without what libc does around it: locks that other threads have stay as they
 * are, which matters to nobody who only makes system calls. The arguments are zero, whatever their order on a machine.
 */
static pid_t bare_fork(void)
{
	return (pid_t)syscall(SYS_clone, 0, 0, 0, 0, 0);
}

/* Signals are the caller's affair: handlers of its program must not run in the worker. */
static int fork_worker(int root_fd, int socket)
{
	sigset_t all, before;
	pid_t pid;
	int r = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = bare_fork();
	if (pid == 0) {
		/* Once more, so that it is init's to reap: a caller may be gone, or busy, when a stuck one ends. */
		pid = bare_fork();
		if (pid == 0)
			work(root_fd, socket);
		_exit(pid < 0);
	}
	if (pid < 0)
		r = -errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	while (pid > 0 && waitpid(pid, NULL, __WCLONE) < 0 && errno == EINTR)
		;
	return r;
}

/* In a caller that has closed its standard streams, these must not become them: the worker moves the root there. */
static int make_sockets(int sockets[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		sockets[i] = fd_off_standard_streams(sockets[i]);
		if (sockets[i] < 0) {
			int r = sockets[i];

			close_fd(sockets[1 - i]);
			return r;
		}
	}
	return 0;
}

int worker_start(struct worker *worker, int root_fd, struct deadline deadline)
{
	struct reply hello;
	int sockets[2];
	ssize_t r;

	if (worker->socket >= 0 && worker->owner != getpid())
		leave(worker);
	if (worker->socket >= 0)
		return 0;
	r = make_sockets(sockets);
	if (r < 0)
		return (int)r;
	r = fork_worker(root_fd, sockets[1]);
	close_fd(sockets[1]);
	worker->socket = sockets[0];
	worker->owner = getpid();
	if (r == 0)
		r = receive_reply(worker, deadline, &hello);
	if (r < 0) {
		leave(worker);
		return (int)r;
	}
	worker->pid = (pid_t)r;
	return 0;
}

void worker_end(struct worker *worker)
{
	struct pollfd poll_fd = {.fd = worker->socket, .events = POLLIN};

	if (worker->socket < 0)
		return;
	if (worker->owner == getpid() && shutdown(worker->socket, SHUT_WR) == 0)
		/* Its end of the socket is closed when it has gone. It has no call: this takes no time. */
		while (poll(&poll_fd, 1, 1000) < 0 && errno == EINTR)
			;
	leave(worker);
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
