/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The worker's side: system calls, no more. What runs here is a child of a program that may have had any number of
 * threads: a lock that another of them had stays locked for ever. So nothing is allocated, nothing printed, and no
 * function called that could take a lock, the loader's included (the library is linked with -z now).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"
#include "worker-call.h"

/*
 * ThreadSanitizer has locks of its own in each function of libc, and must be told where a fork is that it does not know
 * for one.
 */
#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#endif
#endif
#ifdef __SANITIZE_THREAD__
void __sanitizer_syscall_pre_impl_fork(void);
void __sanitizer_syscall_post_impl_fork(long result);
#define before_fork __sanitizer_syscall_pre_impl_fork
#define after_fork __sanitizer_syscall_post_impl_fork
#else
#define before_fork() ((void)0)
#define after_fork(result) ((void)(result))
#endif

/* The arguments are zero, whatever their order on a machine. */
pid_t worker_clone(void)
{
	long pid;

	before_fork();
	pid = syscall(SYS_clone, 0, 0, 0, 0, 0);
	after_fork(pid);
	return (pid_t)pid;
}

/* ------------------------------------------------------------------------------------------------------- the calls */

/* Where the descriptors are. The first three lead nowhere, so that nothing that is printed can reach an attribute. */
enum { SOCKET_FD = STDERR_FILENO + 1, ROOT_FD, CALLER_FD, FIRST_FREE_FD };

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

/* ---------------------------------------------------------------------------------------------------- the processes */

/*
 * The caller's end of the socket may outlive the caller, in a child that some thread of it has forked: the caller's own
 * end is looked for too, unless there is no descriptor for it (-1).
 */
static bool caller_lives(int caller_fd)
{
	struct pollfd fds[] = {{.fd = SOCKET_FD, .events = POLLIN}, {.fd = caller_fd, .events = POLLIN}};

	while (poll(fds, ARRAY_SIZE(fds), -1) < 0)
		if (errno != EINTR)
			return false;
	return !fds[1].revents;
}

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

static bool send_reply(int socket, const struct reply *reply, size_t data)
{
	return send(socket, reply, offsetof(struct reply, data) + data, MSG_NOSIGNAL) >= 0;
}

_Noreturn static void give_up(int socket, int number)
{
	struct reply reply;

	reply.result = -number;
	send_reply(socket, &reply, 0);
	_exit(1);
}

/* Returns 0 or a negative errno. */
static int arrange_descriptors(int root_fd, int socket, int caller_fd)
{
	const int kept[] = {socket, root_fd, caller_fd < 0 ? root_fd : caller_fd};
	int above[ARRAY_SIZE(kept)], null = open("/dev/null", O_RDWR);

	/* Out of the way first: none may be closed by another's move. */
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		above[i] = fcntl(kept[i], F_DUPFD, FIRST_FREE_FD);
		if (above[i] < 0)
			return -errno;
	}
	/* Where there is no /dev/null the root does as well: nothing can be written to a directory. */
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (dup2(null < 0 ? root_fd : null, fd) < 0)
			return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (dup2(above[i], SOCKET_FD + (int)i) < 0)
			return -errno;
	return close_range(FIRST_FREE_FD, ~0U, 0) < 0 ? -errno : 0;
}

/* Its memory is a copy of the caller's, of which it touches no more than its stack. */
_Noreturn static void work(int caller_fd)
{
	struct work work;
	struct statfs file_system;
	struct request request;
	struct reply reply;
	int fd;

	/* On a fake one, a file could be anything. */
	work.is_sysfs = fstatfs(ROOT_FD, &file_system) == 0 && file_system.f_type == SYSFS_MAGIC;
	reply.result = getpid();
	if (!send_reply(SOCKET_FD, &reply, 0))
		_exit(1);
	while (caller_lives(caller_fd) && receive_request(&request, &fd)) {
		reply.result = answer(&work, &request, fd, &reply);
		if (!send_reply(SOCKET_FD, &reply,
				request.call == CALL_READ && reply.result > 0 ? (size_t)reply.result : 0))
			break;
	}
	_exit(0);
}

/* Nothing may keep it but the worker's end: not the socket, nor what the caller has open. */
_Noreturn static void keep(pid_t worker)
{
	close_range(0, ~0U, 0);
	while (waitpid(worker, NULL, __WCLONE) < 0 && errno == EINTR)
		;
	_exit(0);
}

void worker_process(int root_fd, int socket, int caller_fd)
{
	int r = arrange_descriptors(root_fd, socket, caller_fd);
	pid_t worker;

	if (r < 0)
		give_up(socket, -r);
	prctl(PR_SET_NAME, "vfiobind-worker");
	worker = worker_clone();
	if (worker == 0)
		work(caller_fd < 0 ? -1 : CALLER_FD);
	if (worker < 0)
		give_up(SOCKET_FD, errno);
	keep(worker);
}
