/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The floor for mocks/fuse: a FUSE file system that does nothing. It has the given paths of a machine, with the types,
 * sizes and time-outs that the fake has for them, but its answers are constants and its loop is libfuse's own.
 *
 *	null-fuse MACHINE DIR PATH...     serves on DIR until it is unmounted; a line when ready
 */
#include "fixture/fixture.h"
#include "kernel/kernfs.h"

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NODES 64
#define FOR_EVER 86400.0

/* Node id = index + 1: the root is the first. */
static struct node {
	size_t parent;
	char name[NAME_MAX + 1];
	struct stat stat;
	double entry_timeout, attr_timeout;
	char target[PATH_MAX];
} nodes[MAX_NODES];

static size_t n_nodes;

static size_t find_child(size_t parent, const char *name)
{
	for (size_t i = 1; i < n_nodes; i++)
		if (nodes[i].parent == parent && strcmp(nodes[i].name, name) == 0)
			return i;
	return 0;
}

static size_t add_node(size_t parent, const struct kernfs_node *node)
{
	struct node *added = &nodes[n_nodes];

	if (n_nodes == MAX_NODES) {
		fputs("null-fuse: too many nodes\n", stderr);
		exit(1);
	}
	added->parent = parent;
	snprintf(added->name, sizeof(added->name), "%s", kernfs_name(node));
	kernfs_stat(node, &added->stat);
	added->stat.st_ino = n_nodes + 1;
	added->entry_timeout = kernfs_is_static(node) && !kernfs_has_store(node) ? FOR_EVER : 0;
	added->attr_timeout = S_ISDIR(added->stat.st_mode) ? 0 : FOR_EVER;
	if (kernfs_type(node) == KERNFS_LINK)
		kernfs_readlink(node, added->target, sizeof(added->target));
	return n_nodes++;
}

/* Copies the nodes on the way to @path. */
static int add_path(struct kernel *k, const char *path)
{
	struct kernfs_node *node = kernfs_root(k);
	char *copy = strdup(path), *rest = copy, *name;
	size_t at = 0, child;

	while ((name = strsep(&rest, "/")) && node) {
		node = kernfs_lookup(node, name);
		if (!node)
			break;
		child = find_child(at, name);
		at = child ? child : add_node(at, node);
	}
	free(copy);
	return node ? 0 : -ENOENT;
}

static int copy_machine(const char *machine, char *const *paths)
{
	struct fixture *fixture;
	struct kernel *k;
	char *error = NULL;
	int r;

	r = fixture_load(&machine, 1, stderr, &fixture);
	if (r < 0)
		return r;
	r = kernel_new(fixture_machine(fixture), NULL, NULL, &k, &error);
	if (r == 0) {
		kernel_lock(k);
		add_node(0, kernfs_root(k));
		for (; *paths && r == 0; paths++)
			r = add_path(k, *paths);
		kernel_unlock(k);
		kernel_free(k);
	}
	free(error);
	fixture_free(fixture);
	return r;
}

static void null_init(void *userdata, struct fuse_conn_info *conn)
{
	conn->want &= ~(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE | FUSE_CAP_READDIRPLUS |
			FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_AUTO_INVAL_DATA);
	conn->want |= conn->capable & FUSE_CAP_ATOMIC_O_TRUNC;
}

static void null_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	size_t i = find_child(parent - 1, name);
	struct fuse_entry_param entry = {.ino = i + 1,
					 .attr = nodes[i].stat,
					 .entry_timeout = nodes[i].entry_timeout,
					 .attr_timeout = nodes[i].attr_timeout};

	if (i == 0)
		fuse_reply_err(req, ENOENT);
	else
		fuse_reply_entry(req, &entry);
}

static void null_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	fuse_reply_attr(req, &nodes[ino - 1].stat, nodes[ino - 1].attr_timeout);
}

static void null_readlink(fuse_req_t req, fuse_ino_t ino)
{
	fuse_reply_readlink(req, nodes[ino - 1].target);
}

static void null_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	fi->direct_io = 1;
	fuse_reply_open(req, fi);
}

static void null_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	static const char text[] = "0x8086\n";

	fuse_reply_buf(req, text, offset == 0 ? sizeof(text) - 1 : 0);
}

static void null_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
		       struct fuse_file_info *fi)
{
	fuse_reply_write(req, size);
}

static const struct fuse_lowlevel_ops null_operations = {
	.init = null_init,
	.lookup = null_lookup,
	.getattr = null_getattr,
	.readlink = null_readlink,
	.open = null_open,
	.read = null_read,
	.write = null_write,
};

static int serve(const char *directory)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_session *session;
	int r = 1;

	fuse_opt_add_arg(&args, "null-fuse");
	session = fuse_session_new(&args, &null_operations, sizeof(null_operations), NULL);
	fuse_opt_free_args(&args);
	if (!session)
		return 1;
	if (fuse_session_mount(session, directory) == 0) {
		puts("ready");
		fflush(stdout);
		r = fuse_session_loop(session) != 0;
		fuse_session_unmount(session);
	}
	fuse_session_destroy(session);
	return r;
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fputs("usage: null-fuse MACHINE DIR PATH...\n", stderr);
		return 2;
	}
	if (copy_machine(argv[1], argv + 3) < 0) {
		fprintf(stderr, "null-fuse: %s does not have all of the paths\n", argv[1]);
		return 1;
	}
	return serve(argv[2]);
}
