/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The functions that take a descriptor: an open file of the server's answers as a file of sysfs would. */
#include "change.h"
#include "served.h"
#include "show.h"
#include "streams.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

static int fail(int error)
{
	errno = error;
	return -1;
}

#define FAIL(error) fail(error)
#define IS(fd) is_served(fd)
/* -1 is where the file stands, and no offset. */
#define AT(offset) ((offset) == -1 ? -2 : (offset))
#define READ(fd, buffer, size, offset) served_readv(fd, &(struct iovec){buffer, size}, 1, offset)
#define WRITE(fd, data, size, offset) served_writev(fd, &(struct iovec){(void *)(data), size}, 1, offset)

#define FD(type, name, parameters, arguments, condition, answer) \
	EXPORT type name parameters                              \
	{                                                        \
		if (__builtin_expect(condition, 0))              \
			return answer;                           \
		return LIBC(name) arguments;                     \
	}
#include "table.h"

/* ---- lseek(2): an attribute ends where it says, whatever its text is ---- */

/* Where generic_file_llseek_size() would stand: up to its end a file is all data. -1 with errno. */
static off64_t find_place(off64_t size, off64_t offset, int whence)
{
	if (whence == SEEK_END)
		return size + offset;
	if (offset < 0 || offset >= size)
		return fail(ENXIO);
	return whence == SEEK_DATA ? offset : size;
}

#define LSEEK(name, type)                                                                                \
	EXPORT type name(int fd, type offset, int whence)                                                \
	{                                                                                                \
		struct stat status;                                                                      \
                                                                                                         \
		if (is_served(fd))                                                                       \
			return served_seek(fd, offset, whence);                                          \
		if (whence >= SEEK_END && whence <= SEEK_HOLE && settings()->way == WAY_PLAIN &&         \
		    !LIBC(fstat)(fd, &status) && is_node(&status) && S_ISREG(status.st_mode)) {          \
			offset = find_place(status.st_mtim.tv_sec, offset, whence);                      \
			return offset < 0 && whence != SEEK_END ? -1 : LIBC(name)(fd, offset, SEEK_SET); \
		}                                                                                        \
		return LIBC(name)(fd, offset, whence);                                                   \
	}

LSEEK(lseek, off_t)
LSEEK(lseek64, off64_t)

/* ---- what copies and closes descriptors ---- */

/* @fd has just come to be, and is not known. */
static int forget(int fd)
{
	if (fd >= 0 && settings()->way == WAY_PLAIN) {
		served_note(fd, false);
		stream_follow(fd);
	}
	return fd;
}

EXPORT int close(int fd)
{
	/* Before, for it may be another's at once. */
	served_note(fd, false);
	return LIBC(close)(fd);
}

EXPORT int dup(int fd)
{
	return forget(LIBC(dup)(fd));
}

EXPORT int dup2(int from, int to)
{
	return forget(LIBC(dup2)(from, to));
}

EXPORT int dup3(int from, int to, int flags)
{
	return forget(LIBC(dup3)(from, to, flags));
}

EXPORT int close_range(unsigned first, unsigned last, int flags)
{
	for (unsigned fd = first; fd <= last && fd < SERVED_NOTED; fd++)
		served_note((int)fd, false);
	return LIBC(close_range)(first, last, flags);
}

EXPORT void closefrom(int first)
{
	for (int fd = first < 0 ? 0 : first; fd < SERVED_NOTED; fd++)
		served_note(fd, false);
	LIBC(closefrom)(first);
}

/* ---- fcntl(2), ioctl(2) ---- */

/* The one argument is an int, a long or a pointer, or is not there at all: then it is whatever the register holds. */
#define FCNTL(name)                                                   \
	EXPORT int name(int fd, int command, ...)                     \
	{                                                             \
		va_list arguments;                                    \
		void *argument;                                       \
		int result;                                           \
                                                                      \
		va_start(arguments, command);                         \
		argument = va_arg(arguments, void *);                 \
		va_end(arguments);                                    \
		if (command == F_GETFL && is_served(fd)) {            \
			result = served_flags(fd);                    \
			return result < 0 ? -1 : result & ~OPENING;   \
		}                                                     \
		result = LIBC(name)(fd, command, argument);           \
		if (command == F_DUPFD || command == F_DUPFD_CLOEXEC) \
			return forget(result);                        \
		return result;                                        \
	}

/* Flags that matter to open(2) alone. */
#define OPENING (O_CREAT | O_EXCL | O_TRUNC | O_NOCTTY | O_CLOEXEC)

FCNTL(fcntl)
FCNTL(fcntl64)

EXPORT int ioctl(int fd, unsigned long command, ...)
{
	va_list arguments;
	void *argument;

	va_start(arguments, command);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	/* A socket would know some. */
	if (is_served(fd))
		return fail(ENOTTY);
	return LIBC(ioctl)(fd, command, argument);
}
