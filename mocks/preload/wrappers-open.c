/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* open(2) in all spellings. */
#include "redirect.h"
#include "served.h"
#include "streams.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/*
 * Way plain: what Linux may do to the picture without asking the server. Reading what never changes is the same there,
 * and so is a look at a directory; what is more than its content is a socket, and cannot be opened at all (ENXIO).
 */
static bool is_harmless(int flags)
{
	const int tmpfile = O_TMPFILE & ~O_DIRECTORY;

	return flags & O_PATH || (flags & (O_ACCMODE | O_CREAT | O_TRUNC | O_DIRECT | tmpfile)) == O_RDONLY;
}

int open_served(int dirfd, const char *path, int flags)
{
	char place[PATH_MAX], known[PATH_MAX];
	const char *served = redirect_served(dirfd, path, place);
	int fd = served ? -1 : served_named(path);
	ssize_t length;

	if (fd >= 0 && (length = served_path(fd, known, sizeof(known) - 1)) > 0) {
		known[length] = '\0';
		served = known + 1;
	}
	if (!served)
		return OPEN_ELSEWHERE;
	fd = served_open(served, flags);
	stream_follow(fd);
	return fd;
}

int open_begin(int dirfd, const char *path, int flags)
{
	if (settings()->way != WAY_PLAIN || is_harmless(flags) || !path)
		return OPEN_ELSEWHERE;
	return open_served(dirfd, path, flags);
}

int open_end(int fd, int dirfd, const char *path, int flags, int saved_errno)
{
	int error = errno;

	if (settings()->way != WAY_PLAIN)
		return fd;
	if (fd >= 0) {
		served_note(fd, true);
		stream_follow(fd);
		return fd;
	}
	if (error != ENXIO)
		return fd;
	errno = saved_errno;
	fd = open_served(dirfd, path, flags);
	if (fd != OPEN_ELSEWHERE)
		return fd;
	errno = error;
	return -1;
}

bool open_is_socket(const char *path)
{
	char place[PATH_MAX];
	int saved_errno = errno;
	struct stat status;
	bool is = settings()->way == WAY_PLAIN && !LIBC(stat)(redirect_at(AT_FDCWD, path, place), &status) &&
		  S_ISSOCK(status.st_mode);

	errno = saved_errno;
	return is;
}

/* The mode is there only where the flags ask for a new file; O_TMPFILE is more than one bit. */
#define TAKE_MODE(flags)                                                     \
	({                                                                   \
		mode_t taken = 0;                                            \
		if (((flags)&O_CREAT) || ((flags)&O_TMPFILE) == O_TMPFILE) { \
			va_list arguments;                                   \
			va_start(arguments, flags);                          \
			taken = va_arg(arguments, mode_t);                   \
			va_end(arguments);                                   \
		}                                                            \
		taken;                                                       \
	})

#define OPEN_AND_RETURN(name, dirfd, flags, ...)                      \
	do {                                                          \
		int saved_errno = errno;                              \
		char place[PATH_MAX];                                 \
		int fd = open_begin(dirfd, path, flags);              \
                                                                      \
		if (fd != OPEN_ELSEWHERE)                             \
			return fd;                                    \
		fd = LIBC(name)(__VA_ARGS__);                         \
		return open_end(fd, dirfd, path, flags, saved_errno); \
	} while (0)

#define OPEN(name)                                                                                       \
	EXPORT int name(const char *path, int flags, ...)                                                \
	{                                                                                                \
		mode_t mode = TAKE_MODE(flags);                                                          \
                                                                                                         \
		OPEN_AND_RETURN(name, AT_FDCWD, flags, redirect_at(AT_FDCWD, path, place), flags, mode); \
	}

#define OPENAT(name)                                                                                      \
	EXPORT int name(int dirfd, const char *path, int flags, ...)                                      \
	{                                                                                                 \
		mode_t mode = TAKE_MODE(flags);                                                           \
                                                                                                          \
		OPEN_AND_RETURN(name, dirfd, flags, dirfd, redirect_at(dirfd, path, place), flags, mode); \
	}

/* The checked forms end the program when a mode is missing: libc does so itself. */
#define OPEN_CHECKED(name)                                                                         \
	EXPORT int name(const char *path, int flags)                                               \
	{                                                                                          \
		OPEN_AND_RETURN(name, AT_FDCWD, flags, redirect_at(AT_FDCWD, path, place), flags); \
	}

#define OPENAT_CHECKED(name)                                                                        \
	EXPORT int name(int dirfd, const char *path, int flags)                                     \
	{                                                                                           \
		OPEN_AND_RETURN(name, dirfd, flags, dirfd, redirect_at(dirfd, path, place), flags); \
	}

#define CREAT(name)                                                                                               \
	EXPORT int name(const char *path, mode_t mode)                                                            \
	{                                                                                                         \
		OPEN_AND_RETURN(name, AT_FDCWD, O_WRONLY | O_CREAT | O_TRUNC, redirect_at(AT_FDCWD, path, place), \
				mode);                                                                            \
	}

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
OPEN_CHECKED(__open_2)
OPEN_CHECKED(__open64_2)
OPENAT_CHECKED(__openat_2)
OPENAT_CHECKED(__openat64_2)
CREAT(creat)
CREAT(creat64)
