/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mirror.h"

#include "kernel/kernfs.h"
#include "wire/node.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE 4096

struct mirror {
	struct kernel *k;
	struct kernfs_watcher watcher;
	int root_fd, workshop_fd;
	mode_t umask;
	bool live;           /* somebody may look: nothing is to be seen half made */
	unsigned long taken; /* names in the workshop */
	int error;
	void (*failed)(void *context);
	void *context;
};

/* ---- one node, made at @name in @dir_fd ---- */

static int make_file(int dir_fd, const char *name, mode_t mode, const void *content, size_t size)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	int r = 0;

	if (fd < 0)
		return -errno;
	for (size_t done = 0; done < size && r == 0;) {
		ssize_t n = write(fd, (const char *)content + done, size - done);

		if (n < 0)
			r = -errno;
		else
			done += (size_t)n;
	}
	close(fd);
	return r;
}

static int make_link(int dir_fd, const char *name, const struct kernfs_node *node)
{
	char target[PATH_MAX];
	int r = kernfs_readlink(node, target, sizeof(target));

	if (r < 0)
		return r;
	return symlinkat(target, dir_fd, name) < 0 ? -errno : 0;
}

static int make_attribute(int dir_fd, const char *name, mode_t mode, const struct kernfs_node *node)
{
	char text[PAGE];
	const void *blob;
	size_t size;
	int n;

	if (kernfs_is_blob(node)) {
		blob = kernfs_blob(node, &size);
		return make_file(dir_fd, name, mode, blob, size);
	}
	/* A show that fails has no text to be the same, and what no reader may open is not to be read here either. */
	n = kernfs_is_constant(node) && mode & 0444 ? kernfs_constant_text(node, text) : -EACCES;
	if (n >= 0)
		return make_file(dir_fd, name, mode, text, (size_t)n);
	return mknodat(dir_fd, name, S_IFSOCK | mode, 0) < 0 ? -errno : 0;
}

static int make(const struct mirror *mirror, int dir_fd, const char *name, const struct kernfs_node *node)
{
	struct timespec times[2];
	struct stat stat;
	mode_t mode;
	int r;

	kernfs_stat(node, &stat);
	mode = stat.st_mode & 07777;
	if (kernfs_type(node) == KERNFS_DIR)
		r = mkdirat(dir_fd, name, mode) < 0 ? -errno : 0;
	else if (kernfs_type(node) == KERNFS_LINK)
		r = make_link(dir_fd, name, node);
	else
		r = make_attribute(dir_fd, name, mode, node);
	if (r == 0 && mode & mirror->umask && kernfs_type(node) != KERNFS_LINK && fchmodat(dir_fd, name, mode, 0) < 0)
		r = -errno;
	node_times(&stat, times);
	if (r == 0 && utimensat(dir_fd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	return r;
}

/* ---- what the model tells of ---- */

static void note(struct mirror *mirror, int r)
{
	if (r >= 0 || mirror->error)
		return;
	mirror->error = r;
	if (mirror->live && mirror->failed)
		mirror->failed(mirror->context);
}

static void take_name(struct mirror *mirror, char name[32])
{
	snprintf(name, 32, "%lu", mirror->taken++);
}

static void added(void *context, const struct kernfs_node *node)
{
	struct mirror *mirror = context;
	char path[PATH_MAX], name[32];
	int r = kernfs_path(node, path, sizeof(path));

	if (r < 0) {
		note(mirror, r);
		return;
	}
	if (!mirror->live) {
		note(mirror, make(mirror, mirror->root_fd, path, node));
		return;
	}
	take_name(mirror, name);
	r = make(mirror, mirror->workshop_fd, name, node);
	if (r == 0 && renameat(mirror->workshop_fd, name, mirror->root_fd, path) < 0)
		r = -errno;
	note(mirror, r);
}

static void remove_entry(int dir_fd, const char *name)
{
	struct dirent *entry;
	DIR *directory;
	int fd;

	if (unlinkat(dir_fd, name, 0) == 0 || errno != EISDIR)
		return;
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(directory)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			remove_entry(dirfd(directory), entry->d_name);
	closedir(directory);
	unlinkat(dir_fd, name, AT_REMOVEDIR);
}

/* At one moment it is gone, with all that is below it; then there is time to take it apart. */
static void removed(void *context, const struct kernfs_node *node)
{
	struct mirror *mirror = context;
	char path[PATH_MAX], name[32];
	int r = kernfs_path(node, path, sizeof(path));

	if (r >= 0 && kernfs_type(node) != KERNFS_DIR) {
		note(mirror, unlinkat(mirror->root_fd, path, 0) < 0 ? -errno : 0);
		return;
	}
	take_name(mirror, name);
	if (r >= 0 && renameat(mirror->root_fd, path, mirror->workshop_fd, name) < 0)
		r = -errno;
	if (r >= 0)
		remove_entry(mirror->workshop_fd, name);
	note(mirror, r < 0 ? r : 0);
}

static void changed(void *context, const struct kernfs_node *node)
{
	struct mirror *mirror = context;
	struct timespec times[2];
	char path[PATH_MAX];
	struct stat stat;
	int r = kernfs_path(node, path, sizeof(path));

	kernfs_stat(node, &stat);
	node_times(&stat, times);
	if (r >= 0 && kernfs_type(node) != KERNFS_LINK && fchmodat(mirror->root_fd, path, stat.st_mode & 07777, 0) < 0)
		r = -errno;
	if (r >= 0 && utimensat(mirror->root_fd, path, times, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	/* An ordinary user cannot give a file away; then it shows the owner that it can have. */
	if (r >= 0 && geteuid() == 0 &&
	    fchownat(mirror->root_fd, path, stat.st_uid, stat.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	note(mirror, r < 0 ? r : 0);
}

/* ---- the whole ---- */

static bool add_with_children(void *context, const struct kernfs_node *node)
{
	added(context, node);
	if (kernfs_type(node) == KERNFS_DIR)
		kernfs_readdir((struct kernfs_node *)node, add_with_children, context);
	return ((struct mirror *)context)->error == 0;
}

static int open_directories(struct mirror *mirror, const char *directory, const char *workshop)
{
	const struct stat root = {.st_mode = S_IFDIR};
	struct timespec times[2];

	mirror->root_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	mirror->workshop_fd = open(workshop, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (mirror->root_fd < 0 || mirror->workshop_fd < 0)
		return -errno;
	node_times(&root, times);
	return utimensat(AT_FDCWD, directory, times, 0) < 0 ? -errno : 0;
}

int mirror_new(struct kernel *k, const char *directory, const char *workshop, void (*failed)(void *context),
	       void *context, struct mirror **ret_mirror)
{
	struct mirror *mirror = calloc(1, sizeof(*mirror));
	int r;

	if (!mirror)
		return -ENOMEM;
	mirror->k = k;
	mirror->failed = failed;
	mirror->context = context;
	mirror->watcher = (struct kernfs_watcher){mirror, added, removed, changed};
	mirror->umask = umask(0);
	umask(mirror->umask);
	r = open_directories(mirror, directory, workshop);
	if (r == 0) {
		kernel_lock(k);
		kernfs_readdir(kernfs_root(k), add_with_children, mirror);
		kernfs_watch(k, &mirror->watcher);
		mirror->live = true;
		r = mirror->error;
		kernel_unlock(k);
	}
	if (r < 0) {
		mirror_free(mirror);
		return r;
	}
	*ret_mirror = mirror;
	return 0;
}

int mirror_fd(const struct mirror *mirror)
{
	return mirror->root_fd;
}

int mirror_error(const struct mirror *mirror)
{
	return mirror->error;
}

void mirror_free(struct mirror *mirror)
{
	if (!mirror)
		return;
	kernel_lock(mirror->k);
	kernfs_watch(mirror->k, NULL);
	kernel_unlock(mirror->k);
	if (mirror->root_fd >= 0)
		close(mirror->root_fd);
	if (mirror->workshop_fd >= 0)
		close(mirror->workshop_fd);
	free(mirror);
}
