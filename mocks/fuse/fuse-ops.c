/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One function a FUSE request; kernel-semantics.md A0 says what sysfs answers to each.
 *
 * All of them run on the serving thread, with the model lock, so that clients see the tree change in one order. Only a
 * read or a write that could wait goes to the pool.
 *
 * Without a handler on purpose, since libfuse then answers ENOSYS and Linux does by itself what sysfs does: FLUSH,
 * FSYNC and FSYNCDIR (succeed, and are not sent again), FALLOCATE (EOPNOTSUPP), TMPFILE (EOPNOTSUPP), LSEEK (SEEK_END
 * is 4096), COPY_FILE_RANGE, locks (kept by Linux).
 *
 * INTERRUPT has none either. It comes for every signal, harmless ones too, and an EINTR in answer would end a write(2)
 * that the kernel never ends: the waits of bind and unbind are not interruptible. So the store goes on; when its client
 * has been killed meanwhile the reply finds nobody (ENOENT), which libfuse ignores.
 */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>
#include <time.h>

/* Seconds for which Linux may keep an answer: a day stands for ever. */
#define FOR_EVER 86400.0

static struct fuse_server *server_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static struct fuse_server *enter_as(fuse_req_t req, struct client *client, bool certain)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct fuse_server *server = server_of(req);

	*client = (struct client){.pid = ctx->pid};
	if (ctx->uid != server->root) {
		client->uid = ctx->uid;
		client->gid = ctx->gid;
	}
	client_cache_name(&server->clients, client, certain);
	kernel_enter(client);
	kernel_lock(server->k);
	return server;
}

/* Begins the model's part of a request: acts for its client, with the lock. */
static struct fuse_server *enter(fuse_req_t req, struct client *client)
{
	return enter_as(req, client, false);
}

/* The same for what shows in the trace, and what schedules wait for: the actor's name must be right. */
static struct fuse_server *enter_step(fuse_req_t req, struct client *client)
{
	return enter_as(req, client, true);
}

static void leave(struct fuse_server *server)
{
	kernel_unlock(server->k);
}

static struct kernfs_node *node_of(struct fuse_server *server, fuse_ino_t id)
{
	uint64_t ino = node_ids_ino(&server->ids, id);

	return ino ? kernfs_by_ino(server->k, ino) : NULL;
}

/*
 * Answers @error, a negative errno or 0. Linux takes no errno of 512 and above from a server: it would leave the
 * request unanswered and its client hanging. No store of a current kernel returns one to write(2) (EPROBE_DEFER becomes
 * EAGAIN).
 */
static void reply_error(fuse_req_t req, int error)
{
	fuse_reply_err(req, error <= -512 ? EIO : -error);
}

static void reply_bytes(fuse_req_t req, const char *data, ssize_t n)
{
	if (n < 0)
		reply_error(req, n);
	else
		fuse_reply_buf(req, data, n);
}

static void reply_written(fuse_req_t req, ssize_t n)
{
	if (n < 0)
		reply_error(req, n);
	else
		fuse_reply_write(req, n);
}

/*
 * A directory's number of links changes with its children, a log's size as it grows, any other file's attributes only by
 * those who ask. @node may be NULL: it is gone.
 */
static double attr_timeout(const struct kernfs_node *node)
{
	return node && kernfs_type(node) != KERNFS_DIR && !kernfs_size_changes(node) ? FOR_EVER : 0;
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	/* Splicing 4 KiB costs more than it saves. What Linux would cache or ask in advance is what must be seen. */
	conn->want &= ~(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE | FUSE_CAP_READDIRPLUS |
			FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_CACHE_SYMLINKS |
			FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_HANDLE_KILLPRIV);
	/* `echo > attribute` is then one OPEN with O_TRUNC. Without it a SETATTR would come first. */
	conn->want |= conn->capable & FUSE_CAP_ATOMIC_O_TRUNC;
	conn->time_gran = 1;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct client client;
	struct fuse_server *server = enter(req, &client);
	struct kernfs_node *dir = node_of(server, parent);
	struct kernfs_node *node = dir && kernfs_type(dir) == KERNFS_DIR ? kernfs_lookup(dir, name) : NULL;
	struct fuse_entry_param entry = {0};
	bool has_store, is_static;
	int r;

	if (!node) {
		leave(server);
		/* An error, not an entry with node id 0: what is not there may come, so Linux has to ask again. */
		reply_error(req, -ENOENT);
		return;
	}
	kernfs_stat(node, &entry.attr);
	has_store = kernfs_has_store(node) && kernfs_type(node) == KERNFS_FILE;
	is_static = kernfs_is_static(node);
	entry.attr_timeout = attr_timeout(node);
	leave(server);

	r = node_ids_remember(&server->ids, &entry.attr, has_store, &entry.ino);
	if (r < 0) {
		reply_error(req, r);
		return;
	}
	entry.entry_timeout = is_static && !has_store ? FOR_EVER : 0;
	if (fuse_reply_entry(req, &entry) == -ENOENT)
		node_ids_forget(&server->ids, entry.ino, 1); /* nobody heard it, so nobody will forget it */
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n_lookups)
{
	node_ids_forget(&server_of(req)->ids, ino, n_lookups);
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t n, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < n; i++)
		node_ids_forget(&server_of(req)->ids, forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

/* A node that is gone keeps its inode while somebody has it open: fstat(2) succeeds. */
static int stat_gone(struct fuse_server *server, fuse_ino_t id, struct stat *ret_stat)
{
	const struct node_id *known = node_ids_find(&server->ids, id);

	if (!known)
		return -ENOENT;
	*ret_stat = (struct stat){.st_ino = known->ino,
				  .st_mode = known->mode,
				  .st_size = known->size,
				  .st_nlink = S_ISDIR(known->mode) ? 2 : 1,
				  .st_blksize = 4096};
	return 0;
}

static int stat_node(struct fuse_server *server, fuse_ino_t id, struct stat *ret_stat, double *ret_timeout)
{
	const struct kernfs_node *node = node_of(server, id);

	*ret_timeout = attr_timeout(node);
	if (!node)
		return stat_gone(server, id, ret_stat);
	kernfs_stat(node, ret_stat);
	return 0;
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct client client;
	struct fuse_server *server = enter(req, &client);
	struct stat stat;
	double timeout;
	int r = stat_node(server, ino, &stat, &timeout);

	leave(server);
	if (r < 0)
		reply_error(req, r);
	else
		fuse_reply_attr(req, &stat, timeout);
}

/* notify_change(), setattr_prepare(): without default_permissions Linux leaves these to us. */
static int may_setattr(const struct kernfs_node *node, const struct client *client, const struct stat *wanted, int mask,
		       bool is_open)
{
	struct stat now;

	kernfs_stat(node, &now);
	if (client->uid == 0)
		return 0;
	if ((mask & FUSE_SET_ATTR_UID && wanted->st_uid != now.st_uid) ||
	    (mask & FUSE_SET_ATTR_GID && wanted->st_gid != client->gid))
		return -EPERM;
	if (mask & (FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID) && client->uid != now.st_uid)
		return -EPERM;
	/* touch(1) needs to write; a time of one's choice needs to own. */
	if (mask & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME) && client->uid != now.st_uid &&
	    !(mask & (FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME_NOW)))
		return -EPERM;
	if (mask & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_SIZE) && client->uid != now.st_uid &&
	    !is_open)
		return kernfs_access(node, W_OK);
	return 0;
}

static void resolve_now(struct stat *wanted, int mask)
{
	struct timespec now;

	if (!(mask & (FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME_NOW)))
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	if (mask & FUSE_SET_ATTR_ATIME_NOW)
		wanted->st_atim = now;
	if (mask & FUSE_SET_ATTR_MTIME_NOW)
		wanted->st_mtim = now;
}

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *wanted, int mask, struct fuse_file_info *fi)
{
	struct client client;
	struct fuse_server *server = enter(req, &client);
	struct kernfs_node *node = node_of(server, ino);
	struct stat stat;
	double timeout = 0;
	int r = node ? may_setattr(node, &client, wanted, mask, fi != NULL) : 0;

	/* truncate(2), ftruncate(2): no effect, no store. */
	mask &= ~FUSE_SET_ATTR_SIZE;
	if (r == 0 && node && mask) {
		resolve_now(wanted, mask);
		r = kernfs_setattr(node, wanted, mask);
	}
	if (r == 0)
		r = stat_node(server, ino, &stat, &timeout);
	leave(server);
	if (r < 0)
		reply_error(req, r);
	else
		fuse_reply_attr(req, &stat, timeout);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct client client;
	struct fuse_server *server = enter(req, &client);
	const struct kernfs_node *node = node_of(server, ino);
	int n = -ENOENT;

	if (node)
		n = kernfs_type(node) == KERNFS_LINK ? kernfs_readlink(node, server->buffer, PATH_MAX) : -EINVAL;
	leave(server);
	if (n < 0)
		reply_error(req, n);
	else
		fuse_reply_readlink(req, server->buffer);
}

static void op_access(fuse_req_t req, fuse_ino_t ino, int mask)
{
	struct client client;
	struct fuse_server *server = enter(req, &client);
	const struct kernfs_node *node = node_of(server, ino);
	int r = node ? kernfs_access(node, mask) : 0;

	leave(server);
	reply_error(req, r);
}

/* What sysfs has no operation for: @error, unless the caller may not write in the directory in the first place. */
static void refuse_change(fuse_req_t req, fuse_ino_t parent, int error)
{
	struct client client;
	struct fuse_server *server = enter(req, &client);
	const struct kernfs_node *dir = node_of(server, parent);

	if (dir && kernfs_access(dir, W_OK | X_OK) < 0)
		error = -EACCES;
	leave(server);
	reply_error(req, error);
}

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	/* vfs_mknod() has a regular file made as open(O_CREAT) would. */
	refuse_change(req, parent, S_ISREG(mode) ? -EACCES : -EPERM);
}

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
	/* Comes only for a name that LOOKUP did not find. */
	reply_error(req, -EACCES);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	refuse_change(req, parent, -EPERM);
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	refuse_change(req, parent, -EPERM);
}

static void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	refuse_change(req, parent, -EPERM);
}

static void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent, const char *new_name,
		      unsigned flags)
{
	refuse_change(req, parent, -EPERM);
}

static void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	reply_error(req, -EPERM);
}

/* With the model lock. */
static void open_file_free(struct open_file *file)
{
	kernfs_release(file->file);
	LIST_REMOVE(file, link);
	free(file);
}

static void close_file(struct fuse_server *server, struct open_file *file)
{
	kernel_enter(&file->client);
	kernel_lock(server->k);
	open_file_free(file);
	leave(server);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct open_file *file = malloc(sizeof(*file));
	struct fuse_server *server;
	struct kernfs_node *node;
	int r;

	if (!file) {
		reply_error(req, -ENOMEM);
		return;
	}
	server = enter_step(req, &file->client);
	node = node_of(server, ino);
	/* kernfs_fop_open(): LOOKUP found it, but it is being removed. O_TRUNC has no effect. */
	r = node ? kernfs_open(node, fi->flags, &file->file) : -ENODEV;
	file->is_blob = r == 0 && kernfs_is_blob(node);
	leave(server);
	if (r < 0) {
		free(file);
		reply_error(req, r);
		return;
	}
	LIST_INSERT_HEAD(&server->files, file, link);
	fi->fh = (uintptr_t)file;
	/* One read(2) is one show, one write(2) one store with its own errno. What never changes may be cached and mapped. */
	fi->direct_io = !file->is_blob;
	fi->keep_cache = file->is_blob;
	if (fuse_reply_open(req, fi) == -ENOENT)
		close_file(server, file); /* the caller was killed while it waited: no RELEASE will come */
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	close_file(server_of(req), (struct open_file *)(uintptr_t)fi->fh);
	reply_error(req, 0);
}

static ssize_t read_file(struct open_file *file, char *buffer, size_t size, off_t offset)
{
	size_t done = 0;
	ssize_t n;

	if (!file->is_blob)
		return kernfs_read(file->file, buffer, size, offset);
	/* Linux takes a short answer to a cached read for the end of the file. */
	while (done < size && (n = kernfs_read(file->file, buffer + done, size - done, offset + done)) != 0) {
		if (n < 0)
			return n;
		done += n;
	}
	return done;
}

/* A read or a write on its way through the pool. */
struct transfer {
	struct job job;
	fuse_req_t req;
	struct fuse_server *server;
	struct open_file *file;
	struct client client;
	bool is_write;
	off_t offset;
	size_t size;
	char data[];
};

static void run_transfer(struct job *job)
{
	struct transfer *transfer = (struct transfer *)((char *)job - offsetof(struct transfer, job));
	struct open_file *file = transfer->file;
	ssize_t n;

	kernel_enter(&transfer->client);
	kernel_lock(transfer->server->k);
	if (transfer->is_write)
		n = kernfs_write(file->file, transfer->data, transfer->size, transfer->offset);
	else
		n = read_file(file, transfer->data, transfer->size, transfer->offset);
	kernel_unlock(transfer->server->k);
	kernel_enter(NULL);
	if (transfer->is_write)
		reply_written(transfer->req, n);
	else
		reply_bytes(transfer->req, transfer->data, n);
	free(transfer);
}

/* Hands the request to the pool. @data: what to write, or NULL for a read. */
static void defer(fuse_req_t req, struct open_file *file, const struct client *client, const char *data, size_t size,
		  off_t offset)
{
	struct fuse_server *server = server_of(req);
	struct transfer *transfer = malloc(sizeof(*transfer) + size);
	int r = -ENOMEM;

	if (transfer) {
		*transfer = (struct transfer){.job.run = run_transfer,
					      .req = req,
					      .server = server,
					      .file = file,
					      .client = *client,
					      .is_write = data != NULL,
					      .offset = offset,
					      .size = size};
		if (data)
			memcpy(transfer->data, data, size);
		r = worker_pool_submit(server->pool, &transfer->job);
	}
	if (r == 0)
		return;
	free(transfer);
	reply_error(req, r);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct open_file *file = (struct open_file *)(uintptr_t)fi->fh;
	struct client client;
	struct fuse_server *server = enter_step(req, &client);
	ssize_t n;

	if (size > MAX_READ)
		size = MAX_READ;
	if (kernfs_read_may_wait(file->file)) {
		leave(server);
		defer(req, file, &client, NULL, size, offset);
		return;
	}
	n = read_file(file, server->buffer, size, offset);
	leave(server);
	reply_bytes(req, server->buffer, n);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
		     struct fuse_file_info *fi)
{
	struct open_file *file = (struct open_file *)(uintptr_t)fi->fh;
	struct client client;
	struct fuse_server *server = enter_step(req, &client);
	ssize_t n;

	if (kernfs_write_may_wait(file->file)) {
		leave(server);
		defer(req, file, &client, data, size, offset);
		return;
	}
	n = kernfs_write(file->file, data, size, offset);
	leave(server);
	reply_written(req, n);
}

static void op_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *handle)
{
	struct open_file *file = (struct open_file *)(uintptr_t)fi->fh;
	struct client client;
	struct fuse_server *server = enter(req, &client);
	unsigned events = kernfs_poll(file->file);

	leave(server);
	/* No attribute of a PCI device or a driver ever notifies, so nobody is to be woken later. */
	if (handle)
		fuse_pollhandle_destroy(handle);
	fuse_reply_poll(req, events);
}

static void op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned command, void *argument, struct fuse_file_info *fi,
		     unsigned flags, const void *in, size_t in_size, size_t out_size)
{
	reply_error(req, -ENOTTY);
}

static void open_dir_free(struct open_dir *dir)
{
	LIST_REMOVE(dir, link);
	free(dir->entries);
	free(dir);
}

static void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
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
	server = enter(req, &client);
	node = node_of(server, ino);
	r = node ? kernfs_access(node, R_OK) : -ENOENT;
	leave(server);
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
	static const mode_t types[] = {[KERNFS_DIR] = S_IFDIR, [KERNFS_LINK] = S_IFLNK, [KERNFS_FILE] = S_IFREG};

	return add_entry(context, kernfs_name(child), kernfs_ino(child), types[kernfs_type(child)]);
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

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct open_dir *dir = (struct open_dir *)(uintptr_t)fi->fh;
	size_t start = 0, end;
	int r = 0;

	/* From the start (rewinddir(3) too) it is read anew. Later parts continue what was read then. */
	if (offset == 0 || !dir->entries) {
		struct client client;
		struct fuse_server *server = enter(req, &client);

		r = list_directory(req, server, dir);
		leave(server);
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

static void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	open_dir_free((struct open_dir *)(uintptr_t)fi->fh);
	reply_error(req, 0);
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	/* As sysfs, but for the type, which Linux fills in. */
	const struct statvfs statistics = {.f_bsize = 4096, .f_frsize = 4096, .f_namemax = 255};

	fuse_reply_statfs(req, &statistics);
}

/* The namespaces in which kernfs keeps attributes of its own. (That a setxattr of root's would be kept is left out.) */
static bool has_xattrs(const char *name)
{
	static const char *const prefixes[] = {"user.", "trusted.", "security."};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size, int flags)
{
	reply_error(req, -EOPNOTSUPP);
}

static void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	reply_error(req, has_xattrs(name) ? -ENODATA : -EOPNOTSUPP);
}

static void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	if (size == 0)
		fuse_reply_xattr(req, 0);
	else
		fuse_reply_buf(req, NULL, 0);
}

static void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	reply_error(req, -EOPNOTSUPP);
}

void fuse_operations_end(struct fuse_server *server)
{
	while (!LIST_EMPTY(&server->files))
		open_file_free(LIST_FIRST(&server->files));
	while (!LIST_EMPTY(&server->dirs))
		open_dir_free(LIST_FIRST(&server->dirs));
}

const struct fuse_lowlevel_ops fuse_operations = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.readlink = op_readlink,
	.access = op_access,
	.mknod = op_mknod,
	.create = op_create,
	.mkdir = op_mkdir,
	.unlink = op_unlink,
	.rmdir = op_unlink,
	.symlink = op_symlink,
	.rename = op_rename,
	.link = op_link,
	.open = op_open,
	.read = op_read,
	.write = op_write,
	.release = op_release,
	.poll = op_poll,
	.ioctl = op_ioctl,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.releasedir = op_releasedir,
	.statfs = op_statfs,
	.setxattr = op_setxattr,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
	.removexattr = op_removexattr,
};
