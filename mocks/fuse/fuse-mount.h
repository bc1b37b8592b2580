/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mounts made through fusermount3, which stays to unmount when this process ends, however it ends. */
#pragma once

struct fuse_mount;

/*
 * Mounts on @directory. Returns the descriptor to serve and *ret_mount, or -errno: -ENOPKG without fusermount3, -EPERM
 * when it said why on stderr.
 */
int fuse_mount_new(const char *directory, struct fuse_mount **ret_mount);
/* Unmounts (lazily: whoever is in there keeps what is left) and frees. Close the descriptor first. */
void fuse_mount_free(struct fuse_mount *mount);
