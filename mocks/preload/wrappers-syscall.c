/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* syscall(2): calls of this library's functions by their numbers. */
#include "redirect.h"

#include <stdarg.h>
#include <sys/syscall.h>

/* As the type of each argument is. */
#define INT(n) ((int)argument[n])
#define TEXT(n) ((const char *)argument[n])
#define POINTER(n) ((void *)argument[n])

/*
 * Six arguments are all that a system call takes, and as many as the caller's registers hold or its stack shows: those
 * that it did not give are whatever was there, here as in libc's.
 */
EXPORT long syscall(long number, ...)
{
	long argument[6];
	va_list list;

	va_start(list, number);
	for (size_t i = 0; i < sizeof(argument) / sizeof(*argument); i++)
		argument[i] = va_arg(list, long);
	va_end(list);

	switch (number) {
	case SYS_init_module:
		return init_module(POINTER(0), (unsigned long)argument[1], TEXT(2));
	case SYS_finit_module:
		return finit_module(INT(0), TEXT(1), INT(2));
	case SYS_delete_module:
		return delete_module(TEXT(0), (unsigned)argument[1]);
	case SYS_openat:
		return openat(INT(0), TEXT(1), INT(2), (mode_t)argument[3]);
	case SYS_close:
		return close(INT(0));
	case SYS_read:
		return read(INT(0), POINTER(1), (size_t)argument[2]);
	case SYS_write:
		return write(INT(0), POINTER(1), (size_t)argument[2]);
	case SYS_pread64:
		return pread64(INT(0), POINTER(1), (size_t)argument[2], argument[3]);
	case SYS_pwrite64:
		return pwrite64(INT(0), POINTER(1), (size_t)argument[2], argument[3]);
	case SYS_lseek:
		return lseek64(INT(0), argument[1], INT(2));
	case SYS_statx:
		return statx(INT(0), TEXT(1), INT(2), (unsigned)argument[3], POINTER(4));
	case SYS_readlinkat:
		return readlinkat(INT(0), TEXT(1), POINTER(2), (size_t)argument[3]);
	case SYS_faccessat:
		return faccessat(INT(0), TEXT(1), INT(2), 0);
	case SYS_getdents64:
		return getdents64(INT(0), POINTER(1), (size_t)argument[2]);
	case SYS_dup3:
		return dup3(INT(0), INT(1), INT(2));
#ifdef SYS_open
	case SYS_open:
		return open(TEXT(0), INT(1), (mode_t)argument[2]);
#endif
#ifdef SYS_stat
	case SYS_stat:
		return stat(TEXT(0), POINTER(1));
	case SYS_lstat:
		return lstat(TEXT(0), POINTER(1));
#endif
#ifdef SYS_newfstatat
	case SYS_newfstatat:
		return fstatat(INT(0), TEXT(1), POINTER(2), INT(3));
#endif
#ifdef SYS_fstat
	case SYS_fstat:
		return fstat(INT(0), POINTER(1));
#endif
#ifdef SYS_access
	case SYS_access:
		return access(TEXT(0), INT(1));
#endif
#ifdef SYS_readlink
	case SYS_readlink:
		return readlink(TEXT(0), POINTER(1), (size_t)argument[2]);
#endif
#ifdef SYS_dup2
	case SYS_dup2:
		return dup2(INT(0), INT(1));
#endif
	default:
		return LIBC(syscall)(number, argument[0], argument[1], argument[2], argument[3], argument[4],
				     argument[5]);
	}
}
