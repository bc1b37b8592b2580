/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Kernels, archives of their modules, and a QEMU, that were fetched and made once: below $MOCKSYS_QEMU_CACHE, or the tree that
 * mocksys was built in, or the user's cache directory. It may be removed at any time when nothing runs.
 */
#pragma once

#include <stdio.h>

struct cache;

/* 0 and *ret_cache, or -errno and *ret_error. */
int cache_open(struct cache **ret_cache, char **ret_error);
void cache_close(struct cache *cache);

/*
 * The directory of the newest kernel of @profile (see fetch-kernel), fetched if need be. Returns 0 and *ret_path (malloc'd),
 * -errno and *ret_error otherwise: -ENOENT when it is not here and cannot be had.
 */
int cache_kernel(struct cache *cache, const char *profile, char **ret_path, char **ret_error);

/* A QEMU that has more devices than that of Debian 12, fetched if need be. 0 and *ret_path (malloc'd), or -errno. */
int cache_qemu(struct cache *cache, char **ret_path);

/* The archive of the modules in @list (see make-modules) for @kernel. 0 and *ret_path (malloc'd), or -errno and *ret_error. */
int cache_modules(struct cache *cache, const char *kernel, const char *list, char **ret_path, char **ret_error);
