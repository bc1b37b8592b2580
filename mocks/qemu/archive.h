/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Archives for the kernel's initial file system ("newc" of cpio(5)). Several in a row make one file system. */
#pragma once

#include <stddef.h>
#include <stdio.h>

/* Each returns 0 or -errno. @name: below the root, without a slash in front; @mode: type and permissions. */
int archive_add(FILE *archive, const char *name, unsigned mode, const void *data, size_t size);
int archive_add_file(FILE *archive, const char *name, unsigned mode, const char *path);
/* All of @folder, under the names that they have in it. */
int archive_add_tree(FILE *archive, const char *folder);
int archive_end(FILE *archive);
