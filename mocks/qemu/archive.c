/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Linux: Documentation/driver-api/early-userspace/buffer-format.rst */
#include "qemu/archive.h"
#include "qemu/util.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

static void pad(FILE *archive, size_t size)
{
	fwrite("\0\0\0", 1, -size & 3, archive);
}

int archive_add(FILE *archive, const char *name, unsigned mode, const void *data, size_t size)
{
	size_t name_size = strlen(name) + 1;

	/* magic, then: ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check */
	fprintf(archive, "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", 0, mode, 0, 0, 1, 0, size, 0,
		0, 0, 0, name_size, 0);
	fwrite(name, 1, name_size, archive);
	pad(archive, 110 + name_size);
	fwrite(data, 1, size, archive);
	pad(archive, size);
	return ferror(archive) ? -EIO : 0;
}

int archive_add_file(FILE *archive, const char *name, unsigned mode, const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *data;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size == 0)
		return archive_add(archive, name, mode, "", 0);
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return -errno;
	r = archive_add(archive, name, mode, data, (size_t)st.st_size);
	munmap(data, (size_t)st.st_size);
	return r;
}

static int add_entry(FILE *archive, const char *folder, const char *name);

static int add_entries(FILE *archive, const char *folder, const char *name)
{
	_cleanup_free_ char *path = NULL;
	struct dirent **entries;
	int n, r = 0;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return -ENOMEM;
	n = scandir(path, &entries, NULL, alphasort);
	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *child = NULL;

		if (r == 0 && strcmp(entries[i]->d_name, ".") && strcmp(entries[i]->d_name, ".."))
			r = asprintf(&child, "%s%s%s", name, *name ? "/" : "", entries[i]->d_name) < 0
				    ? -ENOMEM
				    : add_entry(archive, folder, child);
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int add_entry(FILE *archive, const char *folder, const char *name)
{
	_cleanup_free_ char *path = NULL;
	struct stat st;
	int r;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return -ENOMEM;
	if (lstat(path, &st) < 0)
		return -errno;
	if (S_ISREG(st.st_mode))
		return archive_add_file(archive, name, S_IFREG | 0644, path);
	if (!S_ISDIR(st.st_mode))
		return 0;
	r = archive_add(archive, name, S_IFDIR | 0755, "", 0);
	return r < 0 ? r : add_entries(archive, folder, name);
}

int archive_add_tree(FILE *archive, const char *folder)
{
	return add_entries(archive, folder, "");
}

int archive_end(FILE *archive)
{
	int r = archive_add(archive, "TRAILER!!!", 0, "", 0);

	return r == 0 && fflush(archive) ? -errno : r;
}
