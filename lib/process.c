/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "descriptor.h"
#include "util.h"

/* "PID (COMMAND) STATE PARENT …": a command may hold anything; when it was started is the 22nd field. */
#define START_FIELD 22

uint64_t process_start(pid_t pid)
{
	char path[32], text[1024], *rest;
	_cleanup_close_ int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = descriptor_open(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	rest = strrchr(text, ')');
	/* Behind the bracket comes the blank before the third field. */
	for (int field = 2; rest && field < START_FIELD; field++)
		rest = strchr(rest + 1, ' ');
	return rest ? strtoull(rest, NULL, 10) : 0;
}

/* Where there are no pidfds, or none to be had: before Linux 5.3, under valgrind, by a filter of system calls. */
static int look_now_and_then(pid_t pid, uint64_t start, struct deadline deadline)
{
	enum { PAUSE_MS = 10 };

	while (process_start(pid) == start) {
		if (deadline_left(deadline) == 0)
			return -ETIMEDOUT;
		poll(NULL, 0, PAUSE_MS);
	}
	return 0;
}

int process_wait(pid_t pid, uint64_t start, struct deadline deadline)
{
	_cleanup_close_ int fd = descriptor_open_process(pid);
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	int r;

	/* Only the one says that it has ended. */
	if (fd == -ESRCH)
		return 0;
	if (fd < 0)
		return look_now_and_then(pid, start, deadline);
	/* Looked at when it cannot become another one any more. */
	if (process_start(pid) != start)
		return 0;
	do
		r = poll(&poll_fd, 1, deadline_left(deadline));
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return look_now_and_then(pid, start, deadline);
	return r == 0 ? -ETIMEDOUT : 0;
}
