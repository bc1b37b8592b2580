/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What stat(2) and its like found, as the program is to see it: a node of the fake says what it is in its times. That of
 * another fake, which /proc/PID/fd may lead to, is nothing of this machine.
 */
#pragma once

#include "libc.h"
#include "settings.h"
#include "wire/node.h"

static inline bool shows(time_t moment, dev_t device)
{
	const struct settings *s;

	if (__builtin_expect(moment != NODE_MOMENT, 1))
		return false;
	s = settings();
	return !s->devices[0] || device == s->devices[0] || device == s->devices[1];
}

#define SHOW_FIELDS(status, nanoseconds)                                          \
	(status)->st_mode = ((status)->st_mode & 07777) | NODE_TYPE(nanoseconds); \
	(status)->st_size = 0;                                                    \
	(status)->st_blocks = 0;                                                  \
	(status)->st_blksize = 4096;                                              \
	if (S_ISCHR((status)->st_mode))                                           \
		(status)->st_rdev = (dev_t)(status)->st_mtim.tv_sec;              \
	else if (S_ISREG((status)->st_mode))                                      \
		(status)->st_size = (status)->st_mtim.tv_sec;                     \
	if ((nanoseconds)&NODE_OF_ROOT)                                           \
		(status)->st_uid = (status)->st_gid = 0;                          \
	(status)->st_atim = (status)->st_mtim = (status)->st_ctim;

static inline void show_stat(struct stat *status)
{
	if (shows(status->st_atim.tv_sec, status->st_dev)) {
		long nanoseconds = status->st_atim.tv_nsec;

		SHOW_FIELDS(status, nanoseconds)
	}
}

static inline void show_stat64(struct stat64 *status)
{
	if (shows(status->st_atim.tv_sec, status->st_dev)) {
		long nanoseconds = status->st_atim.tv_nsec;

		SHOW_FIELDS(status, nanoseconds)
	}
}

static inline void show_statx(struct statx *status)
{
	uint32_t nanoseconds = status->stx_atime.tv_nsec;

	if (!shows(status->stx_atime.tv_sec, makedev(status->stx_dev_major, status->stx_dev_minor)))
		return;
	status->stx_mode = (status->stx_mode & 07777) | NODE_TYPE(nanoseconds);
	status->stx_size = 0;
	status->stx_blocks = 0;
	status->stx_blksize = 4096;
	if (S_ISCHR(status->stx_mode)) {
		status->stx_rdev_major = major((dev_t)status->stx_mtime.tv_sec);
		status->stx_rdev_minor = minor((dev_t)status->stx_mtime.tv_sec);
	} else if (S_ISREG(status->stx_mode)) {
		status->stx_size = (uint64_t)status->stx_mtime.tv_sec;
	}
	if (nanoseconds & NODE_OF_ROOT)
		status->stx_uid = status->stx_gid = 0;
	status->stx_atime = status->stx_mtime = status->stx_btime = status->stx_ctime;
}

#define SHOW_STATUS(status)                    \
	_Generic((status), struct stat *       \
		 : show_stat, struct stat64 *  \
		 : show_stat64, struct statx * \
		 : show_statx)(status)

/* What Linux itself says, before it is shown. */
static inline bool is_node(const struct stat *found)
{
	return found->st_atim.tv_sec == NODE_MOMENT;
}
