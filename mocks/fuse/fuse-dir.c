/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Open directories: what READDIR answers is laid out once, when a directory is read from its start. */
#include "request.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <unistd.h>

void open_dir_free(struct open_dir *dir)
{
	LIST_REMOVE(dir, link);
	free(dir->entries);
	free(dir);
}

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct open_dir *dir = calloc(1, sizeof(*dir));
	struct client client;
	struct fuse_server *server;
	const struct kernfs_node *node;
	int r;

	if (!dir) {
		reply_error(req, -ENOMEM);
		return;
	}
	server = request_enter(req, &client);
	node = server_node(server, ino);
	r = node ? kernfs_access(node, R_OK) : -ENOENT;
	request_leave(server);
	if (r < 0) {
		free(dir);
		reply_error(req, r);
		return;
	}
	dir->ino = ino; /* a directory's own number: it never gets a fresh id */
	LIST_INSERT_HEAD(&server->dirs, dir, link);
	fi->fh = (uintptr_t)dir;
	if (fuse_reply_open(req, fi) == -ENOENT)
		open_dir_free(dir);
}

struct listing {
	fuse_req_t req;
	struct open_dir *dir;
	int result;
};

static bool add_entry(struct listing *listing, const char *name, uint64_t ino, mode_t type)
{
	const struct stat stat = {.st_ino = ino, .st_mode = type};
	struct open_dir *dir = listing->dir;
	size_t size = fuse_add_direntry(listing->req, NULL, 0, name, NULL, 0);

	if (dir->room - dir->size < size) {
		size_t room = dir->room ? dir->room * 2 : 4096;
		char *bigger = realloc(dir->entries, room);

		if (!bigger) {
			listing->result = -ENOMEM;
			return false;
		}
		dir->entries = bigger;
		dir->room = room;
	}
	fuse_add_direntry(listing->req, dir->entries + dir->size, size, name, &stat, dir->size + size);
	dir->size += size;
	return true;
}

static bool add_child(void *context, const struct kernfs_node *child)
{
	struct stat stat;

	kernfs_stat(child, &stat);
	return add_entry(context, kernfs_name(child), stat.st_ino, stat.st_mode & S_IFMT);
}

/* A removed directory still has its `.` and `..`, and nothing else (seen on sysfs of 6.18). */
static int list_directory(fuse_req_t req, struct fuse_server *server, struct open_dir *dir)
{
	struct kernfs_node *node = kernfs_by_ino(server->k, dir->ino);
	struct kernfs_node *parent = node ? kernfs_parent(node) : NULL;
	struct listing listing = {.req = req, .dir = dir};

	dir->size = 0;
	if (add_entry(&listing, ".", dir->ino, S_IFDIR) &&
	    add_entry(&listing, "..", parent ? kernfs_ino(parent) : KERNFS_ROOT_INO, S_IFDIR) && node)
		kernfs_readdir(node, add_child, &listing);
	return listing.result;
}

/* Length of the entry at @offset of the listing. */
static size_t entry_size(const struct open_dir *dir, size_t offset)
{
	const struct fuse_dirent *entry = (const struct fuse_dirent *)(dir->entries + offset);

	return FUSE_DIRENT_SIZE(entry);
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct open_dir *dir = (struct open_dir *)(uintptr_t)fi->fh;
	size_t start = 0, end;
	int r = 0;

	/* From the start (rewinddir(3) too) it is read anew. Later parts continue what was read then. */
	if (offset == 0 || !dir->entries) {
		struct client client;
		struct fuse_server *server = request_enter(req, &client);

		r = list_directory(req, server, dir);
		request_leave(server);
	}
	if (r < 0) {
		reply_error(req, r);
		return;
	}
	/* Found by walking: lseek(2) may have made any number of it. */
	while (start < dir->size && (off_t)start < offset)
		start += entry_size(dir, start);
	for (end = start; end < dir->size && end - start + entry_size(dir, end) <= size;)
		end += entry_size(dir, end);
	fuse_reply_buf(req, dir->entries + start, end - start);
}

void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	open_dir_free((struct open_dir *)(uintptr_t)fi->fh);
	reply_error(req, 0);
}
