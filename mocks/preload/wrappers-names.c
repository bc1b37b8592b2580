/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The functions that return a path: it is the one that the program knows, whatever the system's is. */
#include "redirect.h"
#include "served.h"
#include "settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* An open file of the server's, of whatever process, is a socket to /proc/PID/fd. 0: this is no such link. */
static ssize_t show_socket(int dirfd, const char *path, char *buffer, size_t size)
{
	static const char prefix[] = "socket:[";
	char target[64], found[PATH_MAX];
	ssize_t length = LIBC(readlinkat)(dirfd, path, target, sizeof(target) - 1);

	if (length <= (ssize_t)strlen(prefix) || strncmp(target, prefix, strlen(prefix)))
		return 0;
	target[length] = '\0';
	length = served_socket_path(strtoull(target + strlen(prefix), NULL, 10), found, sizeof(found));
	if (length <= 0)
		return 0;
	if ((size_t)length > size)
		length = (ssize_t)size;
	memcpy(buffer, found, (size_t)length);
	return length;
}

/*
 * Only links that the kernel makes (/proc/self/fd/N, /proc/self/cwd) lead into the private directory; those of the fake
 * are relative. The target is read whole, for a short buffer may have cut off what tells it.
 */
static ssize_t show_link(int dirfd, const char *path, char *buffer, size_t size, ssize_t length)
{
	char target[PATH_MAX];
	ssize_t whole;

	if (length > 0 && buffer[0] == 's' && settings()->way == WAY_PLAIN &&
	    (whole = show_socket(dirfd, path, buffer, size)))
		return whole;
	if (length < 1 || buffer[0] != '/' || !settings()->n_hidden)
		return length;
	whole = LIBC(readlinkat)(dirfd, path, target, sizeof(target));
	if (whole <= 0)
		return length;
	whole = (ssize_t)unredirect(target, (size_t)whole);
	if ((size_t)whole > size)
		whole = (ssize_t)size;
	memcpy(buffer, target, (size_t)whole);
	if (whole < length)
		memset(buffer + whole, 0, (size_t)(length - whole));
	return whole;
}

EXPORT ssize_t readlinkat(int dirfd, const char *path, char *buffer, size_t size)
{
	char place[PATH_MAX];

	path = redirect_at(dirfd, path, place);
	return show_link(dirfd, path, buffer, size, LIBC(readlinkat)(dirfd, path, buffer, size));
}

EXPORT ssize_t readlink(const char *path, char *buffer, size_t size)
{
	char place[PATH_MAX];

	path = redirect_at(AT_FDCWD, path, place);
	return show_link(AT_FDCWD, path, buffer, size, LIBC(readlink)(path, buffer, size));
}

/* The checked forms end the program when @size is more than there is @room: libc does so itself. */
EXPORT ssize_t __readlink_chk(const char *path, char *buffer, size_t size, size_t room)
{
	return size > room ? LIBC(__readlink_chk)(path, buffer, size, room) : readlink(path, buffer, size);
}

EXPORT ssize_t __readlinkat_chk(int dirfd, const char *path, char *buffer, size_t size, size_t room)
{
	return size > room ? LIBC(__readlinkat_chk)(dirfd, path, buffer, size, room)
			   : readlinkat(dirfd, path, buffer, size);
}

/* A string of libc's, in the caller's buffer or allocated: it only gets shorter. */
static char *show(char *path)
{
	if (path)
		path[unredirect(path, strlen(path))] = '\0';
	return path;
}

EXPORT char *realpath(const char *path, char *resolved)
{
	char place[PATH_MAX];
	char *real = LIBC(realpath)(redirect_at(AT_FDCWD, path, place), resolved);

	/* A failure leaves the path of what failed in the caller's buffer. */
	if (!real && resolved && path && *path && (errno == EACCES || errno == ENOENT))
		show(resolved);
	return show(real);
}

EXPORT char *__realpath_chk(const char *path, char *resolved, size_t room)
{
	return room < PATH_MAX ? LIBC(__realpath_chk)(path, resolved, room) : realpath(path, resolved);
}

EXPORT char *canonicalize_file_name(const char *path)
{
	return realpath(path, NULL);
}

EXPORT char *getcwd(char *buffer, size_t size)
{
	char path[PATH_MAX];

	/* The buffer may be large enough for the path that the program knows, and too small for the real one. */
	if (!settings()->n_hidden || (buffer && !size) || !LIBC(getcwd)(path, sizeof(path)))
		return LIBC(getcwd)(buffer, size);
	show(path);
	if (!size)
		return strdup(path);
	if (strlen(path) >= size) {
		errno = ERANGE;
		return NULL;
	}
	if (!buffer)
		buffer = malloc(size);
	return buffer ? strcpy(buffer, path) : NULL;
}

EXPORT char *__getcwd_chk(char *buffer, size_t size, size_t room)
{
	return size > room ? LIBC(__getcwd_chk)(buffer, size, room) : getcwd(buffer, size);
}

EXPORT char *getwd(char *buffer)
{
	return show(LIBC(getwd)(buffer));
}

EXPORT char *__getwd_chk(char *buffer, size_t room)
{
	return room < PATH_MAX ? LIBC(__getwd_chk)(buffer, room) : show(LIBC(getwd)(buffer));
}

EXPORT char *get_current_dir_name(void)
{
	/* libc takes $PWD if it names the directory; libc does not see where $PWD leads here, so look first. */
	const char *pwd = getenv("PWD");
	struct stat here, there;

	if (settings()->n_hidden && pwd && *pwd == '/' && !stat(".", &here) && !stat(pwd, &there) &&
	    here.st_dev == there.st_dev && here.st_ino == there.st_ino)
		return strdup(pwd);
	return show(LIBC(get_current_dir_name)());
}
