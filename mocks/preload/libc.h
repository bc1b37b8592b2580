/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libc behind the shim: LIBC(open)(path, flags) is the function that the program would have called without it. */
#pragma once

/*
 * Both spellings (open, open64) are defined in this library, so neither may be the other's alias; and the fortified
 * inline functions must not take the place of the names.
 */
#undef _FILE_OFFSET_BITS
#undef _TIME_BITS
#undef _FORTIFY_SOURCE

#include <dirent.h>
#include <fcntl.h>
#include <fts.h>
#include <ftw.h>
#include <glob.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <utime.h>

#define EXPORT __attribute__((visibility("default")))

enum libc_index {
#define CALL(type, name, parameters, arguments, places) LIBC_##name,
#define HAND(type, name, parameters) LIBC_##name,
#include "table.h"
	LIBC_COUNT
};

/* For old glibc's names, which no header declares any more; for the others the header and the table must agree. */
#define CALL(type, name, parameters, arguments, places) \
	typedef type libc_##name parameters;            \
	type name parameters;
#define HAND(type, name, parameters)         \
	typedef type libc_##name parameters; \
	type name parameters;
#define OWN(type, name, parameters) type name parameters;
#include "table.h"

#define LIBC(name) ((libc_##name *)libc_function(LIBC_##name))

/* Next definition of a function after this library's: libc's, or a sanitizer's that calls libc's. */
void *libc_function(enum libc_index index);
