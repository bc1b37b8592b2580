/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"

/*
 * In a caller that has closed its standard streams, open() would return one of them, and what another thread prints
 * there would be a store into sysfs.
 */
static int keep_off_standard_streams(int fd)
{
	int higher;

	if (fd < 0)
		return -errno;
	if (fd > STDERR_FILENO)
		return fd;
	higher = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (higher < 0)
		higher = -errno;
	close_fd(fd);
	return higher;
}

int sysfs_open_directory(int dirfd, const char *path)
{
	return keep_off_standard_streams(openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

/* O_NONBLOCK and O_NOCTTY: in a directory that only claims to be sysfs, the file may be a FIFO or a terminal. */
static int open_for_reading(int dirfd, const char *name)
{
	return keep_off_standard_streams(
		openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
}

static ssize_t read_at(int dirfd, const char *name, off_t offset, void *buffer, size_t size)
{
	_cleanup_close_ int fd = open_for_reading(dirfd, name);
	ssize_t n;

	if (fd < 0)
		return fd;
	do
		n = pread(fd, buffer, size, offset);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

ssize_t sysfs_read(int dirfd, const char *name, char *buffer, size_t size)
{
	/* show() runs once and its text is at most a page: one read gets all of it. */
	ssize_t n = read_at(dirfd, name, 0, buffer, size);

	if (n < 0)
		return n;
	if ((size_t)n == size)
		return -EOVERFLOW;
	buffer[n] = '\0';
	n = (ssize_t)strlen(buffer);
	if (n && buffer[n - 1] == '\n')
		buffer[--n] = '\0';
	return n;
}

int sysfs_read_byte(int dirfd, const char *name, off_t offset, unsigned char *ret_byte)
{
	unsigned char byte;
	ssize_t n = read_at(dirfd, name, offset, &byte, 1);

	if (n < 0)
		return (int)n;
	if (n == 0)
		return -ENODATA;
	*ret_byte = byte;
	return 0;
}

int sysfs_read_hex(int dirfd, const char *name, unsigned long maximum, unsigned long *ret_value)
{
	char text[32], *end;
	ssize_t n = sysfs_read(dirfd, name, text, sizeof(text));
	unsigned long value;

	if (n < 0)
		return (int)n;
	if (strncmp(text, "0x", 2) != 0 || text[2] == '\0' ||
	    strspn(text + 2, "0123456789abcdefABCDEF") != (size_t)n - 2)
		return -EBADMSG;
	errno = 0;
	value = strtoul(text + 2, &end, 16);
	if (errno || value > maximum)
		return -EBADMSG;
	*ret_value = value;
	return 0;
}

int sysfs_readlink(int dirfd, const char *name, char *buffer, size_t size)
{
	ssize_t n = readlinkat(dirfd, name, buffer, size);

	if (n < 0)
		return -errno;
	if ((size_t)n >= size)
		return -EOVERFLOW;
	buffer[n] = '\0';
	return 0;
}

int sysfs_readlink_name(int dirfd, const char *name, char buffer[static SYSFS_NAME_SIZE])
{
	char target[PATH_MAX], *last;
	int r = sysfs_readlink(dirfd, name, target, sizeof(target));

	if (r < 0)
		return r;
	last = strrchr(target, '/');
	last = last ? last + 1 : target;
	if (!*last || strcmp(last, ".") == 0 || strcmp(last, "..") == 0 || strlen(last) >= SYSFS_NAME_SIZE)
		return -EBADMSG;
	strcpy(buffer, last);
	return 0;
}

bool sysfs_exists(int dirfd, const char *path)
{
	return faccessat(dirfd, path, F_OK, 0) == 0;
}

int sysfs_open_store(int dirfd, const char *name)
{
	int fd = keep_off_standard_streams(
		openat(dirfd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
	struct stat status;

	/* A FIFO without a reader. */
	if (fd == -ENXIO)
		return -EBADMSG;
	if (fd < 0 || (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)))
		return fd;
	close_fd(fd);
	return -EBADMSG;
}

int sysfs_store(int fd, const char *text)
{
	size_t length = strlen(text);
	ssize_t n = write(fd, text, length);

	if (n < 0)
		return -errno;
	return (size_t)n == length ? 0 : -EIO;
}

int sysfs_walk_open(struct sysfs_walk *walk, int dirfd, const char *path)
{
	walk->length = 0;
	walk->offset = 0;
	walk->fd = sysfs_open_directory(dirfd, path);
	return walk->fd < 0 ? walk->fd : 0;
}

int sysfs_walk_next(struct sysfs_walk *walk, const char **ret_name)
{
	for (;;) {
		const struct dirent64 *entry;

		if (walk->offset >= walk->length) {
			walk->length = getdents64(walk->fd, walk->buffer, sizeof(walk->buffer));
			walk->offset = 0;
			if (walk->length < 0)
				return -errno;
			if (walk->length == 0)
				return 0;
		}
		entry = (const struct dirent64 *)(walk->buffer + walk->offset);
		walk->offset += entry->d_reclen;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		*ret_name = entry->d_name;
		return 1;
	}
}

void sysfs_walk_close(struct sysfs_walk *walk)
{
	walk->fd = close_fd(walk->fd);
}
