/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "failing-calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

const char *const call_kind_names[N_CALL_KINDS] = {[CALL_ALLOCATION] = "allocation", [CALL_SYSTEM] = "system call"};

static enum call_kind failing;
static unsigned long countdown; /* the call that brings it to 0 fails; 0: none does */
static const char *failed;
static pid_t process; /* a child has its own fate */

void calls_fail(enum call_kind kind, unsigned long nth)
{
	failing = kind;
	failed = NULL;
	process = getpid();
	countdown = nth;
}

bool calls_succeed(void)
{
	bool reached = countdown == 0;

	countdown = 0;
	return reached;
}

const char *calls_failed(void)
{
	return failed ? failed : "none";
}

static bool fails(enum call_kind kind, const char *name)
{
	if (countdown == 0 || kind != failing || getpid() != process || --countdown)
		return false;
	failed = name;
	errno = kind == CALL_ALLOCATION ? ENOMEM : EIO;
	return true;
}

/* The function that takes the place of @name: fails in its turn with @failure, else is that. */
#define WRAP(kind, type, failure, name, parameters, arguments)                 \
	type __real_##name parameters;                                         \
	type __wrap_##name parameters;                                         \
	type __wrap_##name parameters                                          \
	{                                                                      \
		return fails(kind, #name) ? failure : __real_##name arguments; \
	}

WRAP(CALL_ALLOCATION, void *, NULL, malloc, (size_t size), (size))
WRAP(CALL_ALLOCATION, void *, NULL, calloc, (size_t n, size_t size), (n, size))
WRAP(CALL_ALLOCATION, void *, NULL, reallocarray, (void *old, size_t n, size_t size), (old, n, size))
WRAP(CALL_ALLOCATION, char *, NULL, strdup, (const char *text), (text))
WRAP(CALL_ALLOCATION, FILE *, NULL, open_memstream, (char **text, size_t *size), (text, size))

int __wrap_asprintf(char **ret_text, const char *format, ...);
int __wrap_asprintf(char **ret_text, const char *format, ...)
{
	va_list arguments;
	int n;

	if (fails(CALL_ALLOCATION, "asprintf"))
		return -1;
	va_start(arguments, format);
	n = vasprintf(ret_text, format, arguments);
	va_end(arguments);
	return n;
}

#define SYSTEM_CALL(type, name, parameters, arguments) WRAP(CALL_SYSTEM, type, -1, name, parameters, arguments)

SYSTEM_CALL(ssize_t, read, (int fd, void *buffer, size_t size), (fd, buffer, size))
SYSTEM_CALL(ssize_t, write, (int fd, const void *buffer, size_t size), (fd, buffer, size))
SYSTEM_CALL(int, fsync, (int fd), (fd))
SYSTEM_CALL(int, flock, (int fd, int operation), (fd, operation))
SYSTEM_CALL(int, mkdirat, (int dirfd, const char *path, mode_t mode), (dirfd, path, mode))
SYSTEM_CALL(int, unlinkat, (int dirfd, const char *path, int flags), (dirfd, path, flags))
SYSTEM_CALL(int, renameat, (int olddirfd, const char *old, int newdirfd, const char *new),
	    (olddirfd, old, newdirfd, new))
SYSTEM_CALL(ssize_t, readlinkat, (int dirfd, const char *path, char *target, size_t size), (dirfd, path, target, size))
SYSTEM_CALL(int, faccessat, (int dirfd, const char *path, int mode, int flags), (dirfd, path, mode, flags))
SYSTEM_CALL(int, fstat64, (int fd, struct stat64 *status), (fd, status))
SYSTEM_CALL(int, stat64, (const char *path, struct stat64 *status), (path, status))
SYSTEM_CALL(int, fstatat64, (int dirfd, const char *path, struct stat64 *status, int flags),
	    (dirfd, path, status, flags))
SYSTEM_CALL(int, ftruncate64, (int fd, off64_t length), (fd, length))
SYSTEM_CALL(ssize_t, pwrite64, (int fd, const void *buffer, size_t size, off64_t offset), (fd, buffer, size, offset))
SYSTEM_CALL(ssize_t, getrandom, (void *buffer, size_t size, unsigned int flags), (buffer, size, flags))
SYSTEM_CALL(ssize_t, getdents64, (int fd, void *buffer, size_t size), (fd, buffer, size))
WRAP(CALL_SYSTEM, FILE *, NULL, fopen64, (const char *path, const char *mode), (path, mode))

static mode_t mode_of(int flags, va_list arguments)
{
	return flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
}

int __real_openat64(int dirfd, const char *path, int flags, ...);
int __wrap_openat64(int dirfd, const char *path, int flags, ...);
int __wrap_openat64(int dirfd, const char *path, int flags, ...)
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = mode_of(flags, arguments);
	va_end(arguments);
	return fails(CALL_SYSTEM, "openat") ? -1 : __real_openat64(dirfd, path, flags, mode);
}

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...)
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = mode_of(flags, arguments);
	va_end(arguments);
	return fails(CALL_SYSTEM, "open") ? -1 : __real_open64(path, flags, mode);
}
