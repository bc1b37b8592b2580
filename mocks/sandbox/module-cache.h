/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Indexes that were made once are kept in $XDG_CACHE_HOME/mocksys, ~/.cache/mocksys or, without a home of one's own,
 * /tmp/mocksys-UID. Anything there that is not as it was written is made again; it may be removed at any time.
 */
#pragma once

#include "sandbox/module-files.h"

/* 0 and *ret_files, or -ENOENT. */
int module_cache_read(unsigned long long key, struct module_files *ret_files);
/* Keeps @files. A cache that cannot be written costs time only, so nothing is returned. */
void module_cache_write(unsigned long long key, const struct module_files *files);
