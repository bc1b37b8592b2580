/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file system that the fake /sys says it is: sysfs, in the numbers that a kernel gives for it. */
#include "redirect.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>

#define BLOCK_SIZE 4096
#define NAME_LENGTH 255

static bool path_is_sysfs(const char *path)
{
	int saved_errno = errno;
	int fd = LIBC(open)(path, O_PATH | O_CLOEXEC);
	bool is_sysfs = fd >= 0 && redirect_is_sysfs(fd);

	if (fd >= 0)
		close(fd);
	errno = saved_errno;
	return is_sysfs;
}

/* The flags and the id are the mount's own. */
#define SHOW_STATFS(status)                                                      \
	do {                                                                     \
		(status)->f_type = SYSFS_MAGIC;                                  \
		(status)->f_bsize = (status)->f_frsize = BLOCK_SIZE;             \
		(status)->f_blocks = (status)->f_bfree = (status)->f_bavail = 0; \
		(status)->f_files = (status)->f_ffree = 0;                       \
		(status)->f_namelen = NAME_LENGTH;                               \
	} while (0)

#ifdef HAVE_STATVFS_TYPE
#define SHOW_STATVFS_TYPE(status) ((status)->f_type = SYSFS_MAGIC)
#else
#define SHOW_STATVFS_TYPE(status) ((void)0)
#endif

#define SHOW_STATVFS(status)                                                     \
	do {                                                                     \
		SHOW_STATVFS_TYPE(status);                                       \
		(status)->f_bsize = (status)->f_frsize = BLOCK_SIZE;             \
		(status)->f_blocks = (status)->f_bfree = (status)->f_bavail = 0; \
		(status)->f_files = (status)->f_ffree = (status)->f_favail = 0;  \
		(status)->f_namemax = NAME_LENGTH;                               \
	} while (0)

#define OF_PATH(name, type, SHOW)                          \
	EXPORT int name(const char *path, type *status)    \
	{                                                  \
		char place[PATH_MAX];                      \
		int result;                                \
                                                           \
		path = redirect_at(AT_FDCWD, path, place); \
		result = LIBC(name)(path, status);         \
		if (!result && path_is_sysfs(path))        \
			SHOW(status);                      \
		return result;                             \
	}

#define OF_DESCRIPTOR(name, type, SHOW)               \
	EXPORT int name(int fd, type *status)         \
	{                                             \
		int result = LIBC(name)(fd, status);  \
                                                      \
		if (!result && redirect_is_sysfs(fd)) \
			SHOW(status);                 \
		return result;                        \
	}

OF_PATH(statfs, struct statfs, SHOW_STATFS)
OF_PATH(statfs64, struct statfs64, SHOW_STATFS)
OF_DESCRIPTOR(fstatfs, struct statfs, SHOW_STATFS)
OF_DESCRIPTOR(fstatfs64, struct statfs64, SHOW_STATFS)
OF_PATH(statvfs, struct statvfs, SHOW_STATVFS)
OF_PATH(statvfs64, struct statvfs64, SHOW_STATVFS)
OF_DESCRIPTOR(fstatvfs, struct statvfs, SHOW_STATVFS)
OF_DESCRIPTOR(fstatvfs64, struct statvfs64, SHOW_STATVFS)
