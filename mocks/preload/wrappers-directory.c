/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Directories: what the type of an entry is to the program, where a picture of it is a socket. */
#include "redirect.h"
#include "served.h"
#include "show.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The type to show for the entry @name of the directory @fd, which Linux says is a socket. */
static unsigned char shown_type(int fd, const char *name)
{
	int saved_errno = errno;
	struct stat status;
	unsigned char type = DT_SOCK;

	if (!LIBC(fstatat)(fd, name, &status, AT_SYMLINK_NOFOLLOW) && is_node(&status))
		type = IFTODT(NODE_TYPE(status.st_atim.tv_nsec));
	errno = saved_errno;
	return type;
}

#define SHOW_ENTRY(entry, fd)                                                   \
	do {                                                                    \
		if ((entry)->d_type == DT_SOCK && settings()->way == WAY_PLAIN) \
			(entry)->d_type = shown_type(fd, (entry)->d_name);      \
	} while (0)

#define READDIR(name, type)                                  \
	EXPORT struct type *name(DIR *directory)             \
	{                                                    \
		struct type *entry = LIBC(name)(directory);  \
                                                             \
		if (entry)                                   \
			SHOW_ENTRY(entry, dirfd(directory)); \
		return entry;                                \
	}

READDIR(readdir, dirent)
READDIR(readdir64, dirent64)

#define READDIR_R(name, type)                                                     \
	EXPORT int name(DIR *directory, struct type *entry, struct type **result) \
	{                                                                         \
		int error = LIBC(name)(directory, entry, result);                 \
                                                                                  \
		if (!error && *result)                                            \
			SHOW_ENTRY(*result, dirfd(directory));                    \
		return error;                                                     \
	}

READDIR_R(readdir_r, dirent)
READDIR_R(readdir64_r, dirent64)

EXPORT ssize_t getdents64(int fd, void *buffer, size_t size)
{
	ssize_t n = LIBC(getdents64)(fd, buffer, size);

	for (ssize_t at = 0; at < n;) {
		struct dirent64 *entry = (struct dirent64 *)((char *)buffer + at);

		SHOW_ENTRY(entry, fd);
		at += entry->d_reclen;
	}
	return n;
}

/* scandir(3) reads inside libc, so it is done here, by the functions above. */
#define SCAN(name, type, read)                                                                                 \
	static int name(DIR *directory, struct type ***list, int (*filter)(const struct type *),               \
			int (*compare)(const struct type **, const struct type **))                            \
	{                                                                                                      \
		struct type **entries = NULL, *entry;                                                          \
		size_t n = 0, room = 0;                                                                        \
		int saved_errno = errno;                                                                       \
                                                                                                               \
		if (!directory)                                                                                \
			return -1;                                                                             \
		for (errno = 0; (entry = read(directory)); errno = 0) {                                        \
			if (filter && !filter(entry))                                                          \
				continue;                                                                      \
			if (n == room) {                                                                       \
				struct type **more = realloc(entries, (room = 2 * room + 16) * sizeof(*more)); \
				if (!more)                                                                     \
					break;                                                                 \
				entries = more;                                                                \
			}                                                                                      \
			entries[n] = malloc(entry->d_reclen);                                                  \
			if (!entries[n])                                                                       \
				break;                                                                         \
			memcpy(entries[n++], entry, entry->d_reclen);                                          \
		}                                                                                              \
		if (errno) {                                                                                   \
			saved_errno = errno;                                                                   \
			while (n)                                                                              \
				free(entries[--n]);                                                            \
			free(entries);                                                                         \
			closedir(directory);                                                                   \
			errno = saved_errno;                                                                   \
			return -1;                                                                             \
		}                                                                                              \
		closedir(directory);                                                                           \
		if (compare)                                                                                   \
			qsort(entries, n, sizeof(*entries), (int (*)(const void *, const void *))compare);     \
		errno = saved_errno;                                                                           \
		*list = entries;                                                                               \
		return (int)n;                                                                                 \
	}

SCAN(scan, dirent, readdir)
SCAN(scan64, dirent64, readdir64)

static DIR *open_directory(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NDELAY), saved_errno;
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !directory) {
		saved_errno = errno;
		close(fd);
		errno = saved_errno;
	}
	return directory;
}

#define SCANDIR(name, name_at, type, scan)                                                                       \
	EXPORT int name(const char *path, struct type ***list, int (*filter)(const struct type *),               \
			int (*compare)(const struct type **, const struct type **))                              \
	{                                                                                                        \
		return scan(opendir(path), list, filter, compare);                                               \
	}                                                                                                        \
                                                                                                                 \
	EXPORT int name_at(int dirfd, const char *path, struct type ***list, int (*filter)(const struct type *), \
			   int (*compare)(const struct type **, const struct type **))                           \
	{                                                                                                        \
		return scan(open_directory(dirfd, path), list, filter, compare);                                 \
	}

SCANDIR(scandir, scandirat, dirent, scan)
SCANDIR(scandir64, scandirat64, dirent64, scan64)
