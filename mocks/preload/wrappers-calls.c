/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The functions that need nothing but their paths redirected: made from the table. */
#include "change.h"
#include "served.h"
#include "show.h"

#include <errno.h>

#define AT(dirfd, path)              \
	char path##_place[PATH_MAX]; \
	path = redirect_at(dirfd, path, path##_place);
#define PATH(path) AT(AT_FDCWD, path)

/* The open file itself is meant, and Linux would tell of a socket. */
#define FILE_AT(dirfd, path, flags)                               \
	if (((flags)&AT_EMPTY_PATH) && served_means(dirfd, path)) \
		return served_status(dirfd, status);              \
	AT(dirfd, path)

#define UNLESS(expression)                       \
	{                                        \
		int changed = expression;        \
		if (changed != CHANGE_ELSEWHERE) \
			return changed;          \
	}
#define NEW(dirfd, path, error) UNLESS(change_new(dirfd, path, error)) AT(dirfd, path)
#define GONE(dirfd, path, type) UNLESS(change_gone(dirfd, path, type)) AT(dirfd, path)
#define MOVED(from_dirfd, from, to_dirfd, to) \
	UNLESS(change_moved(from_dirfd, from, to_dirfd, to)) AT(from_dirfd, from) AT(to_dirfd, to)
#define LINKED(from_dirfd, from, to_dirfd, to) \
	UNLESS(change_linked(from_dirfd, from, to_dirfd, to)) AT(from_dirfd, from) AT(to_dirfd, to)
#define CUT(path) UNLESS(change_cut(path)) PATH(path)
#define TIMED(dirfd, path, flags) UNLESS(change_timed(dirfd, path, flags)) AT(dirfd, path)
#define OWNED(dirfd, path, flags, mask, mode, owner, group) \
	UNLESS(change_owned(dirfd, path, flags, mask, mode, owner, group)) AT(dirfd, path)
#define XATTR(path, name, error) UNLESS(change_xattr(path, name, error)) PATH(path)

/* vfs_mknod() has a regular file made as open(O_CREAT) would. */
#define MKNOD_ERROR(mode) (S_ISREG(mode) || !((mode)&S_IFMT) ? EACCES : EPERM)

static int served_statx(int fd, struct statx *status)
{
	struct stat found;

	if (served_stat(fd, &found) < 0)
		return -1;
	*status = (struct statx){.stx_mask = STATX_BASIC_STATS,
				 .stx_blksize = (uint32_t)found.st_blksize,
				 .stx_nlink = (uint32_t)found.st_nlink,
				 .stx_uid = found.st_uid,
				 .stx_gid = found.st_gid,
				 .stx_mode = (uint16_t)found.st_mode,
				 .stx_ino = found.st_ino,
				 .stx_size = (uint64_t)found.st_size,
				 .stx_rdev_major = major(found.st_rdev),
				 .stx_rdev_minor = minor(found.st_rdev),
				 .stx_dev_major = major(found.st_dev),
				 .stx_dev_minor = minor(found.st_dev)};
	return 0;
}

/* On the machines that have both they are the same. */
static int served_stat64(int fd, struct stat64 *status)
{
	_Static_assert(sizeof(struct stat) == sizeof(struct stat64), "struct stat64 is not struct stat");
	return served_stat(fd, (struct stat *)status);
}

#define served_status(fd, status)                \
	_Generic((status), struct stat *         \
		 : served_stat, struct stat64 *  \
		 : served_stat64, struct statx * \
		 : served_statx)(fd, status)

/*
 * A link in /proc/PID/fd, of whatever process, leads to the socket that an open file of the server's is: the file is
 * meant. Where the picture of that is, in @place; NULL: it is some other socket. errno is untouched.
 */
static const char *find_picture(uint64_t inode, char *place)
{
	char path[PATH_MAX];
	ssize_t length = served_socket_path(inode, path, sizeof(path) - 1);

	if (length <= 0)
		return NULL;
	path[length] = '\0';
	return redirect_at(AT_FDCWD, path, place);
}

static void show_socket(struct stat *status)
{
	int saved_errno = errno;
	char place[PATH_MAX];
	const char *picture;
	struct stat found;

	if (!S_ISSOCK(status->st_mode) || settings()->way != WAY_PLAIN || is_node(status))
		return;
	picture = find_picture(status->st_ino, place);
	if (picture && !LIBC(stat)(picture, &found))
		*status = found;
	errno = saved_errno;
}

static void show_socket64(struct stat64 *status)
{
	show_socket((struct stat *)status);
}

static void show_socketx(struct statx *status)
{
	int saved_errno = errno;
	char place[PATH_MAX];
	const char *picture;
	struct statx found;

	if (!S_ISSOCK(status->stx_mode) || settings()->way != WAY_PLAIN || status->stx_atime.tv_sec == NODE_MOMENT)
		return;
	picture = find_picture(status->stx_ino, place);
	if (picture && !LIBC(statx)(AT_FDCWD, picture, 0, STATX_BASIC_STATS, &found))
		*status = found;
	errno = saved_errno;
}

#define SHOW_SOCKET(status)                      \
	_Generic((status), struct stat *         \
		 : show_socket, struct stat64 *  \
		 : show_socket64, struct statx * \
		 : show_socketx)(status)

#define CALL(type, name, parameters, arguments, places) \
	EXPORT type name parameters                     \
	{                                               \
		places return LIBC(name) arguments;     \
	}
#define STATUS(type, name, parameters, arguments, places) \
	EXPORT type name parameters                       \
	{                                                 \
		int result;                               \
		places result = LIBC(name) arguments;     \
		if (__builtin_expect(!result, 1)) {       \
			SHOW_SOCKET(status);              \
			SHOW_STATUS(status);              \
		}                                         \
		return result;                            \
	}
#include "table.h"

/* ---- of descriptors ---- */

#define FSTAT(name, parameters, arguments)                \
	EXPORT int name parameters                        \
	{                                                 \
		int result;                               \
                                                          \
		if (is_served(fd))                        \
			return served_status(fd, status); \
		result = LIBC(name) arguments;            \
		if (!result)                              \
			SHOW_STATUS(status);              \
		return result;                            \
	}

FSTAT(fstat, (int fd, struct stat *status), (fd, status))
FSTAT(fstat64, (int fd, struct stat64 *status), (fd, status))
FSTAT(__fxstat, (int version, int fd, struct stat *status), (version, fd, status))
FSTAT(__fxstat64, (int version, int fd, struct stat64 *status), (version, fd, status))

/* ---- access(2): who runs the server is root on the fake machine, and the picture's modes bind root too ---- */

EXPORT int access(const char *path, int mode)
{
	UNLESS(change_access(AT_FDCWD, path, mode, 0))
	PATH(path)
	return LIBC(access)(path, mode);
}

EXPORT int eaccess(const char *path, int mode)
{
	UNLESS(change_access(AT_FDCWD, path, mode, 0))
	PATH(path)
	return LIBC(eaccess)(path, mode);
}

EXPORT int euidaccess(const char *path, int mode)
{
	return eaccess(path, mode);
}

EXPORT int faccessat(int dirfd, const char *path, int mode, int flags)
{
	UNLESS(change_access(dirfd, path, mode, flags))
	AT(dirfd, path)
	return LIBC(faccessat)(dirfd, path, mode, flags);
}
