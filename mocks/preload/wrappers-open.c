/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* open(2) and openat(2): variadic. */
#include "redirect.h"

#include <stdarg.h>

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

#define OPEN(name)                                                                  \
	EXPORT int name(const char *path, int flags, ...)                           \
	{                                                                           \
		char place[PATH_MAX];                                               \
		mode_t mode = TAKE_MODE(flags);                                     \
                                                                                    \
		return LIBC(name)(redirect_at(AT_FDCWD, path, place), flags, mode); \
	}

#define OPENAT(name)                                                                    \
	EXPORT int name(int dirfd, const char *path, int flags, ...)                    \
	{                                                                               \
		char place[PATH_MAX];                                                   \
		mode_t mode = TAKE_MODE(flags);                                         \
                                                                                        \
		return LIBC(name)(dirfd, redirect_at(dirfd, path, place), flags, mode); \
	}

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
