/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One function a FUSE request (those of open files and directories are in files of their own). What sysfs answers to
 * each was seen on Linux 6.18; tests/rows/a0-files.rows holds us to it.
 *
 * All of them run on the serving thread, with the model lock, so that clients see the tree change in one order. Only a
 * read or a write that could wait goes to the pool.
 *
 * Without a handler on purpose, since libfuse then answers ENOSYS and Linux does by itself what sysfs does: FLUSH,
 * FSYNC and FSYNCDIR (succeed, and are not sent again), FALLOCATE (EOPNOTSUPP), TMPFILE (EOPNOTSUPP), LSEEK (SEEK_END
 * is 4096), COPY_FILE_RANGE, locks (kept by Linux).
 */
#include "request.h"

#include "wire/node.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

/* Seconds for which Linux may keep an answer: a day stands for ever. */
#define FOR_EVER 86400.0

/*
 * A directory's number of links changes with its children, a log's size as it grows, any other file's attributes only
 * by those who ask. @node may be NULL: it is gone.
 */
static double attr_timeout(const struct kernfs_node *node)
{
	return node && kernfs_type(node) != KERNFS_DIR && !kernfs_size_changes(node) ? FOR_EVER : 0;
}

/*
 * Linux would open a device of its own for a node of such a type, so it is a regular file to Linux; its times tell the
 * shim what it is.
 */
static void hide_device(struct stat *stat)
{
	struct timespec times[2];

	if (!S_ISCHR(stat->st_mode))
		return;
	node_times(stat, times);
	stat->st_atim = times[0];
	stat->st_mtim = times[1];
	stat->st_rdev = 0;
	stat->st_mode = (stat->st_mode & 07777) | S_IFREG;
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
	conn->max_write = MAX_WRITE;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct client client;
	struct fuse_server *server = request_enter(req, &client);
	struct kernfs_node *dir = server_node(server, parent);
	struct kernfs_node *node = dir && kernfs_type(dir) == KERNFS_DIR ? kernfs_lookup(dir, name) : NULL;
	struct fuse_entry_param entry = {0};
	bool has_store, is_static;
	int r;

	if (!node) {
		request_leave(server);
		/* An error, not an entry with node id 0: what is not there may come, so Linux has to ask again. */
		reply_error(req, -ENOENT);
		return;
	}
	kernfs_stat(node, &entry.attr);
	hide_device(&entry.attr);
	has_store = kernfs_has_store(node) && kernfs_type(node) == KERNFS_FILE;
	is_static = kernfs_is_static(node);
	entry.attr_timeout = attr_timeout(node);
	request_leave(server);

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
	node_ids_forget(&request_server(req)->ids, ino, n_lookups);
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t n, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < n; i++)
		node_ids_forget(&request_server(req)->ids, forgets[i].ino, forgets[i].nlookup);
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
	const struct kernfs_node *node = server_node(server, id);

	*ret_timeout = attr_timeout(node);
	if (!node)
		return stat_gone(server, id, ret_stat);
	kernfs_stat(node, ret_stat);
	hide_device(ret_stat);
	return 0;
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct client client;
	struct fuse_server *server = request_enter(req, &client);
	struct stat stat;
	double timeout;
	int r = stat_node(server, ino, &stat, &timeout);

	request_leave(server);
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
	struct fuse_server *server = request_enter(req, &client);
	struct kernfs_node *node = server_node(server, ino);
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
	request_leave(server);
	if (r < 0)
		reply_error(req, r);
	else
		fuse_reply_attr(req, &stat, timeout);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct client client;
	struct fuse_server *server = request_enter(req, &client);
	const struct kernfs_node *node = server_node(server, ino);
	int n = -ENOENT;

	if (node)
		n = kernfs_type(node) == KERNFS_LINK ? kernfs_readlink(node, server->buffer, PATH_MAX) : -EINVAL;
	request_leave(server);
	if (n < 0)
		reply_error(req, n);
	else
		fuse_reply_readlink(req, server->buffer);
}

static void op_access(fuse_req_t req, fuse_ino_t ino, int mask)
{
	struct client client;
	struct fuse_server *server = request_enter(req, &client);
	const struct kernfs_node *node = server_node(server, ino);
	int r = node ? kernfs_access(node, mask) : 0;

	request_leave(server);
	reply_error(req, r);
}

/* What sysfs has no operation for: @error, unless the caller may not write in the directory in the first place. */
static void refuse_change(fuse_req_t req, fuse_ino_t parent, int error)
{
	struct client client;
	struct fuse_server *server = request_enter(req, &client);
	const struct kernfs_node *dir = server_node(server, parent);

	if (dir && kernfs_access(dir, W_OK | X_OK) < 0)
		error = -EACCES;
	request_leave(server);
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
