/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox/mounts.h"
#include "sandbox/util.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mount.h>

int mounts_clone(int directory_fd, const char *path)
{
	/* Always recursive: a user namespace may not take a mount away from what is mounted below it. */
	int fd = open_tree(directory_fd, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	return fd < 0 ? -errno : fd;
}

int mounts_attach(int tree_fd, const char *path)
{
	return move_mount(tree_fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

int mounts_make_read_only(int tree_fd)
{
	struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};

	return mount_setattr(tree_fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof(attributes)) < 0 ? -errno
													     : 0;
}

int mounts_cover_read_only(const char *path)
{
	_cleanup_close_ int tree = mounts_clone(AT_FDCWD, path);
	int r;

	if (tree < 0)
		return tree;
	r = mounts_make_read_only(tree);
	return r < 0 ? r : mounts_attach(tree, path);
}

int mounts_tmpfs(const char *path)
{
	return mount("mocksys", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") < 0 ? -errno : 0;
}

int mounts_fuse(int fuse_fd, const char *path, unsigned uid, unsigned gid)
{
	char options[128];

	/* allow_other: nested user namespaces and `--uid` are other users to FUSE. */
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=%u,group_id=%u,allow_other", fuse_fd, uid,
		 gid);
	return mount("mocksys", path, "fuse", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) < 0 ? -errno : 0;
}

int mounts_overlay(const char *path, const char *upper, const char *work)
{
	char options[3 * PATH_MAX];

	/* userxattr: the trusted ones are out of reach in a user namespace. */
	if (snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s,workdir=%s,userxattr", path, upper, work) >=
	    (int)sizeof(options))
		return -ENAMETOOLONG;
	return mount("mocksys", path, "overlay", 0, options) < 0 ? -errno : 0;
}
