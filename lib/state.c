/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "context.h"
#include "descriptor.h"
#include "error.h"
#include "util.h"

static const struct {
	const char *name;
	mode_t mode;
} directories[STATE_DIRECTORIES] = {
	/* Who may open a file may lock it. */
	[STATE_LOCKS] = {"locks", 0700},
	[STATE_JOURNALS] = {"journals", 0700},
	/* Anybody may ask what is detached. */
	[STATE_DEVICES] = {"devices", 0755},
};

/* Root's or the caller's own, and written by nobody else. */
static bool is_safe(const struct stat *status)
{
	return (status->st_uid == 0 || status->st_uid == geteuid()) && !(status->st_mode & (S_IWGRP | S_IWOTH));
}

/* Opens a directory that is safe. Returns the fd; -EPERM if it is not. */
static int open_directory(int dirfd, const char *path, bool create, mode_t mode)
{
	struct stat status;
	int fd;

	if (create && mkdirat(dirfd, path, mode) < 0 && errno != EEXIST)
		return -errno;
	fd = descriptor_open(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	/* O_DIRECTORY says ENOTDIR of a link, as of a file. */
	if (fd == -ELOOP || fd == -ENOTDIR)
		return -EPERM;
	if (fd >= 0 && (fstat(fd, &status) < 0 || !is_safe(&status))) {
		close_fd(fd);
		return -EPERM;
	}
	return fd;
}

const char *state_path(const struct vfiobind_context *context, enum state_directory which, const char *name,
		       char buffer[static 256])
{
	snprintf(buffer, 256, "%s/%s%s%s", context->state_root, directories[which].name, name[0] ? "/" : "", name);
	return buffer;
}

int state_fail(struct vfiobind_context *context, enum state_directory which, const char *name, const char *operation,
	       int number, struct vfiobind_error *error)
{
	static const struct {
		int number;
		const char *hint;
	} hints[] = {
		{-EACCES, "run it as root"},
		{-ENOSPC, "make room on its file system"},
		{-EDQUOT, "make room on its file system"},
		{-EROFS, "make its file system writable"},
	};
	const char *hint = NULL;
	char path[256];

	state_path(context, which, name, path);
	if (number == -EPERM)
		return fail(error, .code = VFIOBIND_ERROR_STATE_UNSAFE, .operation = operation, .path = path,
			    .expected = "root's own, no link, and written by nobody else",
			    .hint = "look who made it, then remove it");
	for (size_t i = 0; i < ARRAY_SIZE(hints); i++)
		if (hints[i].number == number)
			hint = hints[i].hint;
	return fail(error,
		    .code = number == -EACCES ? VFIOBIND_ERROR_PERMISSION_DENIED : VFIOBIND_ERROR_STATE_UNAVAILABLE,
		    .number = -number, .operation = operation, .path = path, .hint = hint);
}

int state_open(struct vfiobind_context *context, enum state_directory which, bool create, int *ret_fd,
	       struct vfiobind_error *error)
{
	_cleanup_close_ int root = open_directory(AT_FDCWD, context->state_root, create, 0755);
	int fd = root;

	if (root >= 0)
		fd = open_directory(root, directories[which].name, create, directories[which].mode);
	if (fd == -ENOENT && !create)
		fd = -1;
	else if (fd < 0)
		return state_fail(context, which, "", "use the directory", fd, error);
	*ret_fd = fd;
	return 0;
}

static int open_file(int directory_fd, const char *name, int flags)
{
	struct stat status;
	int fd = descriptor_open(directory_fd, name, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);

	if (fd == -ELOOP || fd == -ENXIO || fd == -EISDIR)
		return -EPERM;
	if (fd >= 0 && (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || !is_safe(&status))) {
		close_fd(fd);
		return -EPERM;
	}
	return fd;
}

int state_open_file(int directory_fd, const char *name)
{
	return open_file(directory_fd, name, O_RDWR | O_CREAT);
}

ssize_t state_read(int directory_fd, const char *name, char *buffer)
{
	_cleanup_close_ int fd = open_file(directory_fd, name, O_RDONLY);
	size_t length = 0;
	ssize_t n;

	if (fd < 0)
		return fd;
	while (length < STATE_FILE_SIZE) {
		n = read(fd, buffer + length, STATE_FILE_SIZE - length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0) {
			buffer[length] = '\0';
			return (ssize_t)length;
		}
		length += (size_t)n;
	}
	return -EFBIG;
}

static int write_all(int fd, const char *text, size_t length)
{
	while (length) {
		ssize_t n = write(fd, text, length);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			length -= (size_t)n;
		}
	}
	return fsync(fd) < 0 ? -errno : 0;
}

int state_write(int directory_fd, const char *name, const char *text, size_t length)
{
	char new_name[NAME_MAX + 1];
	_cleanup_close_ int fd = -1;
	int r;

	if ((size_t)snprintf(new_name, sizeof(new_name), ".%s", name) >= sizeof(new_name))
		return -ENAMETOOLONG;
	/* One that a crash has left; who writes has the lock of the device. */
	if (unlinkat(directory_fd, new_name, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = descriptor_open(directory_fd, new_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return fd;
	/* With its fsync(2): close(2) has nothing to tell any more. */
	r = write_all(fd, text, length);
	if (r == 0 && renameat(directory_fd, new_name, directory_fd, name) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(directory_fd, new_name, 0);
	return r < 0 ? r : state_sync(directory_fd);
}

int state_sync(int directory_fd)
{
	return fsync(directory_fd) < 0 && errno != EINVAL ? -errno : 0;
}
