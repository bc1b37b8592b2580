/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A set of files that go together, in memory and as one block of bytes. */
#pragma once

#include "sandbox/bytes.h"

struct module_file {
	char *path; /* below /lib/modules/<release> */
	struct bytes content;
};

struct module_files {
	struct module_file *files;
	size_t n;
};

/* An empty file of that path, to be filled; valid until the next is added. */
struct bytes *module_files_add(struct module_files *files, const char *path);
const struct module_file *module_files_find(const struct module_files *files, const char *path);
void module_files_free(struct module_files *files);

/* All of them as one block, with a checksum; and back: 0, or -EBADMSG for anything that is not exactly such a block. */
void module_files_pack(const struct module_files *files, struct bytes *ret_packed);
int module_files_unpack(const void *packed, size_t size, struct module_files *ret_files);

/* FNV-1a, to be continued from @hash. */
unsigned long long module_hash(unsigned long long hash, const void *data, size_t size);
#define MODULE_HASH_START 0xcbf29ce484222325ULL
