/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "descriptor.h"
#include "util.h"

int sysfs_open_directory(int dirfd, const char *path)
{
	return descriptor_open(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
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

bool sysfs_is_absent(int dirfd, const char *path)
{
	return faccessat(dirfd, path, F_OK, 0) < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ENODEV);
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
