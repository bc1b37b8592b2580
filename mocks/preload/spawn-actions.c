/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that posix_spawn(3) opens in the child, inside libc. In way plain what is more than its content has to be opened
 * by the shim: so it is opened when the action is added, and the child gets a copy.
 */
#include "redirect.h"
#include "served.h"
#include "streams.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/queue.h>

struct opened {
	SLIST_ENTRY(opened) link;
	const posix_spawn_file_actions_t *actions;
	int fd;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static SLIST_HEAD(, opened) all_opened = SLIST_HEAD_INITIALIZER(all_opened);

static int keep(const posix_spawn_file_actions_t *actions, int fd)
{
	struct opened *opened = malloc(sizeof(*opened));

	if (!opened)
		return ENOMEM;
	*opened = (struct opened){.actions = actions, .fd = fd};
	pthread_mutex_lock(&lock);
	SLIST_INSERT_HEAD(&all_opened, opened, link);
	pthread_mutex_unlock(&lock);
	return 0;
}

/* The file, if libc cannot open it in the child; -1 with errno; or OPEN_ELSEWHERE. */
static int open_in_advance(const char *path, int flags, mode_t mode)
{
	int saved_errno = errno, fd;

	if (settings()->way != WAY_PLAIN)
		return OPEN_ELSEWHERE;
	fd = open_begin(AT_FDCWD, path, flags | O_CLOEXEC);
	if (fd == OPEN_ELSEWHERE && open_is_socket(path))
		fd = open_served(AT_FDCWD, path, flags | O_CLOEXEC);
	if (fd != -1)
		errno = saved_errno;
	return fd;
}

EXPORT int posix_spawn_file_actions_addopen(posix_spawn_file_actions_t *actions, int target, const char *path,
					    int flags, mode_t mode)
{
	int fd = open_in_advance(path, flags, mode), error;
	char place[PATH_MAX];

	if (fd == -1)
		return errno;
	if (fd == OPEN_ELSEWHERE)
		return LIBC(posix_spawn_file_actions_addopen)(actions, target, redirect_at(AT_FDCWD, path, place),
							      flags, mode);
	error = keep(actions, fd);
	if (error)
		close(fd);
	return error ? error : posix_spawn_file_actions_adddup2(actions, fd, target);
}

EXPORT int posix_spawn_file_actions_destroy(posix_spawn_file_actions_t *actions)
{
	struct opened *opened, *next;

	pthread_mutex_lock(&lock);
	for (opened = SLIST_FIRST(&all_opened); opened; opened = next) {
		next = SLIST_NEXT(opened, link);
		if (opened->actions != actions)
			continue;
		SLIST_REMOVE(&all_opened, opened, opened, link);
		close(opened->fd);
		free(opened);
	}
	pthread_mutex_unlock(&lock);
	return LIBC(posix_spawn_file_actions_destroy)(actions);
}
