/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The node tree and its files: what a file server (mocks/fuse) or a test does to the fake kernel.
 * The model lock is held in every call.
 *
 * The root holds `sys`, `dev/vfio`, `proc/modules` and `lib/modules`.
 */
#pragma once

#include "kernel.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

enum kernfs_type { KERNFS_DIR, KERNFS_LINK, KERNFS_FILE };

struct kernfs_node;
struct kernfs_file; /* an open file */

#define KERNFS_ROOT_INO 1

struct kernfs_node *kernfs_root(struct kernel *k);
/* The node that has @ino now, or NULL. Numbers belong to paths for life: across removal, re-creation and reset. */
struct kernfs_node *kernfs_by_ino(struct kernel *k, uint64_t ino);
/* The child called @name (".." and "." are not children), or NULL. */
struct kernfs_node *kernfs_lookup(struct kernfs_node *dir, const char *name);
/* Walks @path from the root ("sys/bus/pci"), following no links. */
struct kernfs_node *kernfs_find(struct kernel *k, const char *path);
/*
 * Walks @path from the root as open(2) would: through links; through one at its very end too unless @nofollow. 0 and
 * *ret_node, or -ENOENT, -ENOTDIR.
 */
int kernfs_walk(struct kernel *k, const char *path, bool nofollow, struct kernfs_node **ret_node);
struct kernfs_node *kernfs_parent(struct kernfs_node *node);

uint64_t kernfs_ino(const struct kernfs_node *node);
enum kernfs_type kernfs_type(const struct kernfs_node *node);
const char *kernfs_name(const struct kernfs_node *node);
/* Path from the root ("sys/bus/pci/…") into @buffer; the length, or -ENAMETOOLONG. */
int kernfs_path(const struct kernfs_node *node, char *buffer, size_t size);

/* A caller may keep what a LOOKUP said of this node for as long as it likes. Otherwise it must ask every time. */
bool kernfs_is_static(const struct kernfs_node *node);
/* The node can be written: a caller that caches inodes must hand out a fresh one at each lookup (or writers would queue there). */
bool kernfs_has_store(const struct kernfs_node *node);
/* Its size changes by itself (the kernel's log): what stat said must not be kept. */
bool kernfs_size_changes(const struct kernfs_node *node);
/* Its text is the same for as long as it is there. */
bool kernfs_is_constant(const struct kernfs_node *node);
/* That text into @buffer (a page): its length, or -errno as a read has it. Passes no step: nobody reads. */
int kernfs_constant_text(const struct kernfs_node *node, char *buffer);
/* Served from memory and never changing (lib/modules): may be cached and mapped. */
bool kernfs_is_blob(const struct kernfs_node *node);

void kernfs_stat(const struct kernfs_node *node, struct stat *ret_stat);
/* The target, relative as in sysfs, NUL-terminated; its length, or -errno. */
int kernfs_readlink(const struct kernfs_node *node, char *buffer, size_t size);
/* access(2) of current client: mode bits, root overrides (as the kernel's access does). 0 or -EACCES. */
int kernfs_access(const struct kernfs_node *node, int mask);
/* Mode (07777), owner, times: persist until the node goes. @mask as FUSE_SET_ATTR_*: MODE 1, UID 2, GID 4. Size is ignored. */
int kernfs_setattr(struct kernfs_node *node, const struct stat *attributes, int mask);

/* Calls @entry for each child, in hash order, until it returns false. */
void kernfs_readdir(struct kernfs_node *dir, bool (*entry)(void *context, const struct kernfs_node *child),
		    void *context);

/* open(2): 0 and *ret_file, or -EACCES (no such mode bit or no such method, even for root), -ENODEV, -EINVAL (O_DIRECT), -EBUSY. */
int kernfs_open(struct kernfs_node *node, int flags, struct kernfs_file **ret_file);
/* Whether a read or a write of this file could wait: then it must not run on the thread that serves others. */
bool kernfs_read_may_wait(const struct kernfs_file *file);
bool kernfs_write_may_wait(const struct kernfs_file *file);
/* One read(2) or write(2). Bytes, or -errno. */
ssize_t kernfs_read(struct kernfs_file *file, char *buffer, size_t size, off_t offset);
ssize_t kernfs_write(struct kernfs_file *file, const char *data, size_t size, off_t offset);
/* poll(2) events of the file now. */
unsigned kernfs_poll(struct kernfs_file *file);
void kernfs_release(struct kernfs_file *file);

/*
 * Who keeps a picture of the tree: told of each change as it comes about, in the model's order, with the model lock
 * held; must not wait. Every member is needed.
 */
struct kernfs_watcher {
	void *context;
	/* @node is there now, without children yet. */
	void (*added)(void *context, const struct kernfs_node *node);
	/* Neither @node nor what was below it can be found any more. */
	void (*removed)(void *context, const struct kernfs_node *node);
	/* Its mode, owner or size. */
	void (*changed)(void *context, const struct kernfs_node *node);
};
/* One watcher at a time, which must outlive its watch; NULL: none. */
void kernfs_watch(struct kernel *k, const struct kernfs_watcher *watcher);
/* The content of a blob. */
const void *kernfs_blob(const struct kernfs_node *node, size_t *ret_size);

/* The permanent name of control nodes: writing "load NAME" or "unload NAME" is init_module, delete_module; the errno comes back. */
#define KERNFS_CONTROL "sys/kernel/debug/mocksys"
