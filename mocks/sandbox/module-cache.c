/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox/module-cache.h"
#include "sandbox/util.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Far more than any set of indexes. */
#define MAX_SIZE (16 * 1024 * 1024)
/* When there are more, all go: machines that are generated would fill the disk. */
#define MAX_ENTRIES 256
#define NAME_SIZE 32

/* ---- the directory ---- */

/* Opens @name below @directory_fd, makes it where it is missing; it must be this user's, and nobody else may write. */
static int open_own_directory(int directory_fd, const char *name)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (mkdirat(directory_fd, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(directory_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid() || st.st_mode & 022)
		return -EPERM;
	return take_fd(&fd);
}

/* @path is somebody's home, or his own cache directory: one that belongs to another user (sudo) is left alone. */
static int open_below(const char *path, const char *first, const char *second)
{
	_cleanup_close_ int base_fd = -1, first_fd = -1;
	struct stat st;

	if (!path || path[0] != '/')
		return -ENOENT;
	base_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (base_fd < 0)
		return -errno;
	if (fstat(base_fd, &st) < 0 || st.st_uid != geteuid())
		return -EPERM;
	first_fd = open_own_directory(base_fd, first);
	if (!second || first_fd < 0)
		return take_fd(&first_fd);
	return open_own_directory(first_fd, second);
}

static int open_in_tmp(void)
{
	_cleanup_close_ int tmp_fd = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char name[32];

	if (tmp_fd < 0)
		return -errno;
	snprintf(name, sizeof(name), "mocksys-%u", geteuid());
	return open_own_directory(tmp_fd, name);
}

static int open_cache(void)
{
	int fd = open_below(getenv("XDG_CACHE_HOME"), "mocksys", NULL);

	if (fd < 0)
		fd = open_below(getenv("HOME"), ".cache", "mocksys");
	if (fd < 0)
		fd = open_in_tmp();
	return fd;
}

/* ---- an entry ---- */

static void format_name(unsigned long long key, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "modules-%016llx", key);
}

static int read_entry(int directory_fd, const char *name, struct module_files *ret_files)
{
	_cleanup_close_ int fd = openat(directory_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	_cleanup_free_ char *data = NULL;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 022 || st.st_size > MAX_SIZE)
		return -EPERM;
	data = malloc(st.st_size + 1);
	if (!data)
		return -ENOMEM;
	if (read(fd, data, st.st_size) != st.st_size)
		return -EBADMSG;
	return module_files_unpack(data, st.st_size, ret_files);
}

int module_cache_read(unsigned long long key, struct module_files *ret_files)
{
	_cleanup_close_ int fd = open_cache();
	char name[NAME_SIZE];

	if (fd < 0)
		return -ENOENT;
	format_name(key, name);
	return read_entry(fd, name, ret_files) < 0 ? -ENOENT : 0;
}

static bool is_entry(const char *name)
{
	return strncmp(name, "modules-", 8) == 0 || strncmp(name, "new-", 4) == 0;
}

static void prune(int directory_fd)
{
	_cleanup_closedir_ DIR *directory = fdopendir(dup(directory_fd));
	struct dirent *entry;
	size_t n = 0;

	if (!directory)
		return;
	while ((entry = readdir(directory)))
		n += is_entry(entry->d_name);
	if (n < MAX_ENTRIES)
		return;
	rewinddir(directory);
	while ((entry = readdir(directory)))
		if (is_entry(entry->d_name))
			unlinkat(directory_fd, entry->d_name, 0);
}

/* A file without a name, or (on a file system that has none) with a name that no reader looks for. */
static int open_new(int directory_fd, char name[NAME_SIZE])
{
	int fd = openat(directory_fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

	*name = '\0';
	if (fd >= 0)
		return fd;
	snprintf(name, NAME_SIZE, "new-%d", (int)getpid());
	unlinkat(directory_fd, name, 0);
	return openat(directory_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

void module_cache_write(unsigned long long key, const struct module_files *files)
{
	_cleanup_close_ int directory_fd = open_cache(), fd = -1;
	char name[NAME_SIZE], new_name[NAME_SIZE], link[64];
	struct bytes packed = {0};
	bool written;

	if (directory_fd < 0)
		return;
	prune(directory_fd);
	fd = open_new(directory_fd, new_name);
	if (fd < 0)
		return;
	module_files_pack(files, &packed);
	written = write(fd, packed.data, packed.size) == (ssize_t)packed.size;
	bytes_free(&packed);
	format_name(key, name);
	if (*new_name) {
		if (!written || renameat(directory_fd, new_name, directory_fd, name) < 0)
			unlinkat(directory_fd, new_name, 0);
		return;
	}
	if (!written)
		return;
	/* What is there by now was no good a moment ago, or is another run's: then it is the same. */
	unlinkat(directory_fd, name, 0);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, link, directory_fd, name, AT_SYMLINK_FOLLOW) < 0)
		return;
}
