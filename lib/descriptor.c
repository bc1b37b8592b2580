/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util.h"

/* What got the number of a standard stream: kept open while another is opened, so that the number is not free. */
struct low {
	int fds[STDERR_FILENO + 1];
	size_t n;
};

static void low_close(struct low *low)
{
	while (low->n)
		close_fd(low->fds[--low->n]);
}

/* Returns false if @fd can be used. */
static bool low_keep(struct low *low, int fd)
{
	if (fd < 0 || fd > STDERR_FILENO || low->n == ARRAY_SIZE(low->fds))
		return false;
	low->fds[low->n++] = fd;
	return true;
}

int descriptor_open(int dirfd, const char *path, int flags, mode_t mode)
{
	_cleanup_(low_close) struct low low = {.n = 0};
	int fd;

	for (;;) {
		fd = openat(dirfd, path, flags, mode);
		if (!low_keep(&low, fd))
			return fd < 0 ? -errno : fd;
		/* What another thread has written into that file is gone with it. */
		if (flags & O_EXCL)
			unlinkat(dirfd, path, 0);
	}
}

FILE *descriptor_open_stream(const char *path)
{
	int fd = descriptor_open(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	FILE *file;

	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	file = fdopen(fd, "r");
	if (!file)
		close_fd(fd);
	return file;
}

int descriptor_socket_pair(int type, int ret_sockets[2])
{
	_cleanup_(low_close) struct low low = {.n = 0};
	int sockets[2];

	for (;;) {
		if (socketpair(AF_UNIX, type, 0, sockets) < 0)
			return -errno;
		/* Both or neither: what was sent to one would be received from the other. */
		if (sockets[0] > STDERR_FILENO && sockets[1] > STDERR_FILENO)
			break;
		for (size_t i = 0; i < ARRAY_SIZE(sockets); i++)
			if (!low_keep(&low, sockets[i]))
				close_fd(sockets[i]);
	}
	ret_sockets[0] = sockets[0];
	ret_sockets[1] = sockets[1];
	return 0;
}

int descriptor_move_up(int fd)
{
	int higher;

	if (fd < 0)
		return -errno;
	if (fd > STDERR_FILENO)
		return fd;
	higher = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (higher < 0)
		higher = -errno;
	close_fd(fd);
	return higher;
}

int descriptor_open_process(pid_t pid)
{
	return descriptor_move_up((int)syscall(SYS_pidfd_open, pid, 0));
}
