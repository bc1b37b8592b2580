/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bare model as a test drives it: one call is one system call below /sys. */
#pragma once

#include "kernel/kernel.h"
#include "kernel/kernfs.h"

/* Boots @machine ("6.12" unless @profile says otherwise); fails the test when it does not come up. */
struct kernel *model_new(const struct machine *machine, const char *profile);

/* open(O_WRONLY), one write, close: what the first that fails returns. Links in @path are followed. */
long model_write(struct kernel *k, const char *path, const char *data);
long model_write_bytes(struct kernel *k, const char *path, const char *data, size_t size);
/* open, read to the end, close: bytes, or -errno; @buffer is NUL-terminated (PAGE + 1 bytes at least). */
long model_read(struct kernel *k, const char *path, char *buffer, size_t size);
/* readlink: the target, or NULL. Valid until the next call. */
const char *model_readlink(struct kernel *k, const char *path);
struct kernfs_node *model_find(struct kernel *k, const char *path);
bool model_exists(struct kernel *k, const char *path);
/* Names of a directory, sorted, `/` behind directories and `@` behind links, blank separated; NULL: no such directory. */
char *model_list(struct kernel *k, const char *path);
/* All nodes with type, mode, size and text: equal before and after means nothing was left (malloc'd).
 * Without the control files, and the log: that is history. */
char *model_dump(struct kernel *k);
