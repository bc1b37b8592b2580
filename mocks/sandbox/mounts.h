/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The few shapes in which the sandbox mounts. Everything returns 0 (or a descriptor), or -errno. */
#pragma once

/* A detached copy of the mount tree at @path, with all that is mounted below: a descriptor. */
int mounts_clone(int directory_fd, const char *path);
/* Attaches a detached tree at @path (closes nothing). */
int mounts_attach(int tree_fd, const char *path);
/* Makes a detached tree, with all below, read-only. */
int mounts_make_read_only(int tree_fd);
/* @path as it is, but read-only. */
int mounts_cover_read_only(const char *path);
int mounts_tmpfs(const char *path);
/* An answer to /dev/fuse @fuse_fd appears at @path. */
int mounts_fuse(int fuse_fd, const char *path, unsigned uid, unsigned gid);
/* @path with changes that go to the directories @upper and @work. */
int mounts_overlay(const char *path, const char *upper, const char *work);
