/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "streams.h"

#include "redirect.h"
#include "served.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- a stream on a descriptor, by the wrapped calls ---- */

static int descriptor(void *cookie)
{
	return (int)(intptr_t)cookie;
}

static ssize_t stream_read(void *cookie, char *buffer, size_t size)
{
	return read(descriptor(cookie), buffer, size);
}

static ssize_t stream_write(void *cookie, const char *data, size_t size)
{
	ssize_t n = write(descriptor(cookie), data, size);

	return n < 0 ? 0 : n; /* as fopencookie(3) wants an error */
}

static int stream_seek(void *cookie, off64_t *offset, int whence)
{
	off64_t at = lseek64(descriptor(cookie), *offset, whence);

	if (at < 0)
		return -1;
	*offset = at;
	return 0;
}

static int stream_close(void *cookie)
{
	return close(descriptor(cookie));
}

static FILE *make_stream(int fd, const char *mode, int (*close_function)(void *cookie))
{
	FILE *stream = fopencookie((void *)(intptr_t)fd, mode,
				   (cookie_io_functions_t){stream_read, stream_write, stream_seek, close_function});

	/* What fileno() says. */
	if (stream)
		stream->_fileno = fd;
	return stream;
}

/* fopen(3)'s mode: the flags of open(2), and what fopencookie(3) understands of it in @plain. -1: none. */
static int parse_mode(const char *mode, char plain[4])
{
	int flags = *mode == 'r'   ? O_RDONLY
		    : *mode == 'w' ? O_WRONLY | O_CREAT | O_TRUNC
				   : O_WRONLY | O_CREAT | O_APPEND;

	if (!*mode || !strchr("rwa", *mode))
		return -1;
	plain[0] = *mode;
	plain[1] = '\0';
	/* Further letters count up to a comma, and glibc looks at no more than these. */
	for (int i = 1; i < 7 && mode[i] && mode[i] != ','; i++) {
		if (mode[i] == '+') {
			flags = (flags & ~O_ACCMODE) | O_RDWR;
			strcpy(plain + 1, "+");
		} else if (mode[i] == 'x') {
			flags |= O_EXCL;
		} else if (mode[i] == 'e') {
			flags |= O_CLOEXEC;
		}
	}
	return flags;
}

static FILE *stream_on(int fd, const char *plain)
{
	FILE *stream = make_stream(fd, plain, stream_close);

	if (!stream)
		close(fd);
	return stream;
}

/* ---- opening ---- */

/* The descriptor of what libc could not open, or may not. */
static int open_instead(const char *path, int flags, bool failed)
{
	if (settings()->way != WAY_PLAIN || flags < 0)
		return OPEN_ELSEWHERE;
	return failed ? open_served(AT_FDCWD, path, flags) : open_begin(AT_FDCWD, path, flags);
}

#define FOPEN(name)                                                                     \
	EXPORT FILE *name(const char *path, const char *mode)                           \
	{                                                                               \
		char place[PATH_MAX], plain[4];                                         \
		int saved_errno = errno, error;                                         \
		int flags = parse_mode(mode, plain);                                    \
		int fd = open_instead(path, flags, false);                              \
		FILE *stream;                                                           \
                                                                                        \
		if (fd != OPEN_ELSEWHERE)                                               \
			return fd < 0 ? NULL : stream_on(fd, plain);                    \
		stream = LIBC(name)(redirect_at(AT_FDCWD, path, place), mode);          \
		if (stream) {                                                           \
			served_note(fileno(stream), true);                              \
			return stream;                                                  \
		}                                                                       \
		error = errno;                                                          \
		errno = error == ENXIO ? saved_errno : error;                           \
		fd = error == ENXIO ? open_instead(path, flags, true) : OPEN_ELSEWHERE; \
		if (fd == OPEN_ELSEWHERE) {                                             \
			errno = error;                                                  \
			return NULL;                                                    \
		}                                                                       \
		return fd < 0 ? NULL : stream_on(fd, plain);                            \
	}

FOPEN(fopen)
FOPEN(fopen64)

EXPORT FILE *fdopen(int fd, const char *mode)
{
	char plain[4];

	if (!is_served(fd))
		return LIBC(fdopen)(fd, mode);
	if (parse_mode(mode, plain) < 0) {
		errno = EINVAL;
		return NULL;
	}
	return make_stream(fd, plain, stream_close);
}

/* ---- the standard streams ---- */

static struct {
	FILE **variable;
	FILE *own;    /* as libc made it */
	FILE *served; /* NULL: closed */
} standard[3];

static int close_standard(void *cookie)
{
	standard[descriptor(cookie)].served = NULL;
	return close(descriptor(cookie));
}

void stream_follow(int fd)
{
	bool served;

	if (fd < 0 || fd > 2 || !standard[fd].served || !served_is_own_memory())
		return;
	served = is_served(fd);
	if (served && *standard[fd].variable == standard[fd].own)
		*standard[fd].variable = standard[fd].served;
	else if (!served && *standard[fd].variable == standard[fd].served)
		*standard[fd].variable = standard[fd].own;
}

/* Made in advance: later there may be no time to allocate. */
__attribute__((constructor)) static void make_standard(void)
{
	FILE **const variables[] = {&stdin, &stdout, &stderr};

	if (settings()->way != WAY_PLAIN)
		return;
	for (int fd = 0; fd < 3; fd++) {
		FILE *stream = make_stream(fd, fd ? "w" : "r", close_standard);

		if (!stream)
			return;
		if (fd == 2)
			setvbuf(stream, NULL, _IONBF, 0);
		standard[fd].variable = variables[fd];
		standard[fd].own = *variables[fd];
		standard[fd].served = stream;
		stream_follow(fd);
	}
}

/* ---- another file for a stream ---- */

/* Where @stream was, @fd takes its place. */
static FILE *put_in_place(FILE *stream, int fd, const char *plain)
{
	int place = fileno(stream);

	for (int i = 0; i < 3; i++)
		if (standard[i].served && (stream == standard[i].own || stream == standard[i].served)) {
			fflush(stream);
			if (fd != i) {
				dup2(fd, i);
				close(fd);
			}
			stream_follow(i);
			return *standard[i].variable;
		}
	fclose(stream);
	if (place >= 0 && place != fd) {
		int moved = dup3(fd, place, fcntl(fd, F_GETFD) & FD_CLOEXEC ? O_CLOEXEC : 0);

		close(fd);
		fd = moved;
	}
	return fd < 0 ? NULL : stream_on(fd, plain);
}

static FILE *reopen_instead(FILE *stream, int fd, const char *plain)
{
	int saved_errno = errno;

	if (fd >= 0)
		return put_in_place(stream, fd, plain);
	fclose(stream);
	errno = saved_errno;
	return NULL;
}

/*
 * libc closes the stream whatever comes, so whether it will open the file is found out first. (Without a path it is the
 * mode of an open file that changes: libc's business.)
 */
#define FREOPEN(name)                                                                \
	EXPORT FILE *name(const char *path, const char *mode, FILE *stream)          \
	{                                                                            \
		char place[PATH_MAX], plain[4];                                      \
		int flags = path ? parse_mode(mode, plain) : -1;                     \
		int fd = open_instead(path, flags, false);                           \
                                                                                     \
		if (fd == OPEN_ELSEWHERE && flags >= 0 && open_is_socket(path))      \
			fd = open_instead(path, flags, true);                        \
		if (fd != OPEN_ELSEWHERE)                                            \
			return reopen_instead(stream, fd, plain);                    \
		return LIBC(name)(redirect_at(AT_FDCWD, path, place), mode, stream); \
	}

FREOPEN(freopen)
FREOPEN(freopen64)

/* ---- printing to a descriptor ---- */

static int print(int fd, const char *format, va_list arguments)
{
	char *text;
	int length = vasprintf(&text, format, arguments);
	ssize_t n;

	if (length < 0)
		return -1;
	n = length ? write(fd, text, (size_t)length) : 0;
	free(text);
	return n < 0 ? -1 : length;
}

EXPORT int vdprintf(int fd, const char *format, va_list arguments)
{
	return is_served(fd) ? print(fd, format, arguments) : LIBC(vdprintf)(fd, format, arguments);
}

EXPORT int __vdprintf_chk(int fd, int flag, const char *format, va_list arguments)
{
	return is_served(fd) ? print(fd, format, arguments) : LIBC(__vdprintf_chk)(fd, flag, format, arguments);
}

#define PRINT(name, parameters, call)        \
	EXPORT int name parameters           \
	{                                    \
		va_list arguments;           \
		int length;                  \
                                             \
		va_start(arguments, format); \
		length = call;               \
		va_end(arguments);           \
		return length;               \
	}

PRINT(dprintf, (int fd, const char *format, ...), vdprintf(fd, format, arguments))
PRINT(__dprintf_chk, (int fd, int flag, const char *format, ...), __vdprintf_chk(fd, flag, format, arguments))
