/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The client of the wire protocol. No memory, no lock, no state: it works in signal handlers, after fork() and vfork(),
 * in threads, and for descriptors that some other program opened.
 */
#include "served.h"

#include "wire/protocol.h"

#include <alloca.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

_Atomic(unsigned char) served_not[SERVED_NOTED];

/*
 * The process that has the memory; 0: a child, which _Fork(3) or clone(2) gave a copy, and which has not said so yet.
 * NULL: it is not known whose the memory is.
 */
static _Atomic(pid_t) *memory_owner;

static void own_memory(void)
{
	atomic_store_explicit(memory_owner, getpid(), memory_order_relaxed);
}

bool served_is_own_memory(void)
{
	pid_t known = memory_owner ? atomic_load_explicit(memory_owner, memory_order_relaxed) : 0;

	if (memory_owner && !known)
		own_memory();
	return !known || known == getpid();
}

__attribute__((constructor)) static void find_owner(void)
{
	const size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *page;

	if (settings()->way != WAY_PLAIN)
		return;
	page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return;
	if (madvise(page, size, MADV_WIPEONFORK) < 0) {
		munmap(page, size);
		return;
	}
	memory_owner = page;
	own_memory();
	/* Before the child of fork(2) can be the parent of one of vfork(2)'s. */
	pthread_atfork(NULL, NULL, own_memory);
}

bool served_ask(int fd)
{
	const struct sockaddr_un *server = &settings()->files;
	struct sockaddr_un peer;
	socklen_t size = sizeof(peer);
	int saved_errno = errno;
	bool is;

	if (LIBC(getpeername)(fd, (struct sockaddr *)&peer, &size) < 0) {
		if (errno != EBADF)
			served_note(fd, true);
		errno = saved_errno;
		return false;
	}
	/* The address of who listened, with the NUL of its path. */
	is = size > offsetof(struct sockaddr_un, sun_path) && peer.sun_family == AF_UNIX &&
	     !strncmp(peer.sun_path, server->sun_path, sizeof(peer.sun_path));
	served_note(fd, !is);
	return is;
}

void served_received(struct msghdr *message)
{
	if (settings()->way != WAY_PLAIN)
		return;
	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = CMSG_LEN(0); at + sizeof(int) <= header->cmsg_len; at += sizeof(int)) {
			int fd;

			memcpy(&fd, (const char *)header + at, sizeof(fd));
			served_note(fd, false);
		}
	}
}

bool served_means(int dirfd, const char *path)
{
	return (!path || !*path) && is_served(dirfd);
}

static int named_descriptor(const char *path)
{
	static const char *const prefixes[] = {"/proc/self/fd/", "/dev/fd/"};
	static const char *const standard[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};

	for (int fd = 0; fd < 3; fd++)
		if (!strcmp(path, standard[fd]))
			return fd;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		size_t length = strlen(prefixes[i]);
		int fd = 0;

		if (strncmp(path, prefixes[i], length) || !path[length])
			continue;
		for (path += length; *path >= '0' && *path <= '9' && fd < 1 << 24; path++)
			fd = 10 * fd + *path - '0';
		return *path ? -1 : fd;
	}
	return -1;
}

int served_named(const char *path)
{
	int fd = settings()->way == WAY_PLAIN ? named_descriptor(path) : -1;

	return fd >= 0 && is_served(fd) ? fd : -1;
}

static int fail(int error)
{
	errno = error;
	return -1;
}

static struct wire_request make_request(enum wire_type type)
{
	struct wire_request request = {.header = WIRE_HEADER(type)};
	struct text actor = settings()->actor;

	if (actor.length) {
		size_t length = actor.length < sizeof(request.actor) ? actor.length : sizeof(request.actor) - 1;

		memcpy(request.actor, actor.start, length);
	}
	return request;
}

/*
 * The result of an answer on @fd, and data into @parts (the first of which is for the answer's header). @tells_signals:
 * the server is told of them.
 */
static int64_t receive(int fd, struct iovec *parts, size_t n_parts, bool tells_signals)
{
	struct wire_result answer;
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = n_parts};
	ssize_t n;

	parts[0] = (struct iovec){.iov_base = &answer, .iov_len = sizeof(answer)};
	/* A store waits for whatever it waits for: a signal does not end it, unless the server says so. */
	while ((n = LIBC(recvmsg)(fd, &message, 0)) < 0 && errno == EINTR)
		if (tells_signals)
			shutdown(fd, SHUT_WR);
	if (n < 0)
		return -errno;
	return n < (ssize_t)sizeof(answer) ? -ENOTCONN : answer.result;
}

/* ---- the first request of a connection ---- */

/* A connection to the server, or -1 with errno. */
static int connect_to_server(int type)
{
	const struct sockaddr_un *server = &settings()->files;
	int fd = LIBC(socket)(AF_UNIX, SOCK_SEQPACKET | type, 0), r;

	if (fd < 0)
		return -1;
	do
		r = LIBC(connect)(fd, (const struct sockaddr *)server, sizeof(*server));
	while (r < 0 && errno == EINTR);
	if (r == 0)
		return fd;
	/* The server has gone, and the machine with it. */
	LIBC(close)(fd);
	return fail(ENOTCONN);
}

/* Sends @request with @path; the result, with data into @in (the first is for its header). */
static int64_t ask_first(int fd, struct wire_request *request, const char *path, struct iovec *in, size_t n_in)
{
	struct iovec parts[] = {{.iov_base = request, .iov_len = sizeof(*request)},
				{.iov_base = (char *)path, .iov_len = strlen(path)}};
	const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	ssize_t n;

	do
		n = LIBC(sendmsg)(fd, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -ENOTCONN : receive(fd, in, n_in, false);
}

static void name_socket(struct wire_request *request, uint64_t inode)
{
	request->numbers[0] = (uint32_t)inode;
	request->numbers[1] = (uint32_t)(inode >> 32);
}

/* It comes behind the answer, and a file can be read from the first moment on. */
static void wait_for_empty_packet(int fd)
{
	struct pollfd opened = {.fd = fd, .events = POLLIN};

	while (poll(&opened, 1, -1) < 0 && errno == EINTR)
		;
}

int served_open(const char *path, int flags)
{
	struct wire_request request = make_request(WIRE_OPEN);
	int saved_errno = errno, fd = connect_to_server(flags & O_CLOEXEC ? SOCK_CLOEXEC : 0);
	struct stat status;
	struct iovec in;
	int64_t result;

	if (fd < 0)
		return -1;
	request.argument = (uint32_t)flags;
	if (!LIBC(fstat)(fd, &status))
		name_socket(&request, status.st_ino);
	result = ask_first(fd, &request, path, &in, 1);
	if (result < 0) {
		LIBC(close)(fd);
		return fail((int)-result);
	}
	wait_for_empty_packet(fd);
	served_note(fd, false);
	errno = saved_errno;
	return fd;
}

/* A request that opens nothing. */
static int64_t ask_once(struct wire_request *request, const char *path, struct iovec *in, size_t n_in)
{
	int fd = connect_to_server(SOCK_CLOEXEC);
	int64_t result;

	if (fd < 0)
		return -errno;
	result = ask_first(fd, request, path, in, n_in);
	LIBC(close)(fd);
	return result;
}

int served_setattr(const char *path, unsigned mask, mode_t mode, uid_t owner, gid_t group)
{
	struct wire_request request = make_request(WIRE_SETATTR);
	int saved_errno = errno;
	struct iovec in;
	int64_t result;

	request.argument = mask;
	request.numbers[0] = mode;
	request.numbers[1] = owner;
	request.numbers[2] = group;
	result = ask_once(&request, path, &in, 1);
	if (result < 0)
		return fail((int)-result);
	errno = saved_errno;
	return 0;
}

ssize_t served_socket_path(uint64_t inode, char *path, size_t size)
{
	struct wire_request request = make_request(WIRE_FIND);
	struct iovec in[] = {{0}, {.iov_base = path + 1, .iov_len = size - 1}};
	int saved_errno = errno;
	int64_t result;

	name_socket(&request, inode);
	memset(path, 0, size);
	result = ask_once(&request, "", in, 2);
	errno = saved_errno;
	if (result < 0)
		return -1;
	*path = '/';
	return (ssize_t)strnlen(path, size);
}

/* ---- requests on an open file ---- */

static ssize_t send_with(int fd, struct iovec *parts, size_t n_parts, int answer_fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	const struct msghdr message = {.msg_iov = parts,
				       .msg_iovlen = n_parts,
				       .msg_control = control.bytes,
				       .msg_controllen = CMSG_LEN(sizeof(int))};
	ssize_t n;

	memcpy(CMSG_DATA(&control.header), &answer_fd, sizeof(answer_fd));
	do
		n = LIBC(sendmsg)(fd, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n;
}

/*
 * Sends @out (the first is for the request's header) and takes the answer into @in (the first is for its header): the
 * result, or -errno.
 */
static int64_t ask(int fd, struct wire_request *request, struct iovec *out, size_t n_out, struct iovec *in, size_t n_in)
{
	int pair[2];
	int64_t result;

	out[0] = (struct iovec){.iov_base = request, .iov_len = sizeof(*request)};
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	result = send_with(fd, out, n_out, pair[1]) < 0 ? -ENOTCONN : 0;
	LIBC(close)(pair[1]);
	if (result == 0)
		result = receive(pair[0], in, n_in, true);
	LIBC(close)(pair[0]);
	return result;
}

/* @parts behind a free one, no longer than one packet carries; how many there are then. */
static size_t behind_header(struct iovec *framed, const struct iovec *parts, int n_parts, size_t *ret_size)
{
	size_t left = WIRE_DATA, n = 1;

	for (int i = 0; i < n_parts && left; i++) {
		framed[n] = parts[i];
		if (framed[n].iov_len > left)
			framed[n].iov_len = left;
		left -= framed[n++].iov_len;
	}
	*ret_size = WIRE_DATA - left;
	return n;
}

static ssize_t transfer(int fd, bool is_write, const struct iovec *parts, int n_parts, off64_t offset)
{
	struct wire_request request = make_request(is_write ? WIRE_WRITE : WIRE_READ);
	struct iovec header, *framed;
	int saved_errno = errno;
	int64_t result;
	size_t size, n;

	/* One more for the header. */
	if (n_parts < 0 || n_parts >= IOV_MAX || offset < -1)
		return fail(EINVAL);
	framed = alloca(((size_t)n_parts + 1) * sizeof(*framed));
	n = behind_header(framed, parts, n_parts, &size);
	request.offset = offset;
	request.argument = (uint32_t)size;
	result = is_write ? ask(fd, &request, framed, n, &header, 1) : ask(fd, &request, &header, 1, framed, n);
	if (result < 0)
		return fail((int)-result);
	errno = saved_errno;
	return (ssize_t)result;
}

ssize_t served_readv(int fd, const struct iovec *parts, int n_parts, off64_t offset)
{
	return transfer(fd, false, parts, n_parts, offset);
}

ssize_t served_writev(int fd, const struct iovec *parts, int n_parts, off64_t offset)
{
	return transfer(fd, true, parts, n_parts, offset);
}

off64_t served_seek(int fd, off64_t offset, int whence)
{
	struct wire_request request = make_request(WIRE_SEEK);
	struct iovec out, in;
	int saved_errno = errno;
	int64_t result;

	request.offset = offset;
	request.argument = (uint32_t)whence;
	result = ask(fd, &request, &out, 1, &in, 1);
	if (result < 0)
		return fail((int)-result);
	errno = saved_errno;
	return result;
}

/* With room for the path, if @path is not NULL: its length, or -1 with errno. */
static ssize_t ask_status(int fd, struct wire_status *status, char *path, size_t size)
{
	struct wire_request request = make_request(WIRE_STATUS);
	struct iovec out,
		in[] = {{0}, {.iov_base = status, .iov_len = sizeof(*status)}, {.iov_base = path, .iov_len = size}};
	int saved_errno = errno;
	int64_t result;

	if (path)
		memset(path, 0, size);
	result = ask(fd, &request, &out, 1, in, path ? 3 : 2);
	if (result < 0)
		return fail((int)-result);
	errno = saved_errno;
	return path ? (ssize_t)strnlen(path, size) : 0;
}

int served_stat(int fd, struct stat *ret_status)
{
	struct wire_status status;

	if (ask_status(fd, &status, NULL, 0) < 0)
		return -1;
	*ret_status = (struct stat){.st_dev = status.device,
				    .st_ino = status.inode,
				    .st_mode = status.mode,
				    .st_nlink = status.links,
				    .st_uid = status.owner,
				    .st_gid = status.group,
				    .st_rdev = status.special_device,
				    .st_size = (off_t)status.size,
				    .st_blksize = 4096};
	return 0;
}

int served_flags(int fd)
{
	struct wire_status status;

	return ask_status(fd, &status, NULL, 0) < 0 ? -1 : (int)status.flags;
}

ssize_t served_path(int fd, char *path, size_t size)
{
	struct wire_status status;
	char known[PATH_MAX];
	ssize_t length = ask_status(fd, &status, known, sizeof(known));

	if (length < 0)
		return -1;
	*path = '/';
	if ((size_t)length > size - 1)
		length = (ssize_t)size - 1;
	memcpy(path + 1, known, (size_t)length);
	return length + 1;
}
