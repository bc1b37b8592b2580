/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox/module-files.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What a block begins with. A later layout gets another magic; it says the byte order, too. */
struct block_header {
	char magic[16];
	uint32_t byte_order;
	uint32_t n_files;
	uint64_t size; /* of all that follows */
	uint64_t hash; /* of all that follows */
};

struct file_header {
	uint32_t path_size; /* with its NUL */
	uint32_t size;
};

static const char magic[16] = "mocksys-modules";
#define BYTE_ORDER_MARK 0x01020304

unsigned long long module_hash(unsigned long long hash, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3ULL;
	return hash;
}

struct bytes *module_files_add(struct module_files *files, const char *path)
{
	struct module_file *file;

	files->files = reallocarray(files->files, files->n + 1, sizeof(*files->files));
	if (!files->files)
		abort();
	file = &files->files[files->n++];
	*file = (struct module_file){.path = strdup(path)};
	if (!file->path)
		abort();
	return &file->content;
}

const struct module_file *module_files_find(const struct module_files *files, const char *path)
{
	for (size_t i = 0; i < files->n; i++)
		if (strcmp(files->files[i].path, path) == 0)
			return &files->files[i];
	return NULL;
}

void module_files_free(struct module_files *files)
{
	for (size_t i = 0; i < files->n; i++) {
		free(files->files[i].path);
		bytes_free(&files->files[i].content);
	}
	free(files->files);
	*files = (struct module_files){0};
}

void module_files_pack(const struct module_files *files, struct bytes *ret_packed)
{
	struct block_header header = {.byte_order = BYTE_ORDER_MARK, .n_files = files->n};
	struct bytes body = {0};

	for (size_t i = 0; i < files->n; i++) {
		const struct module_file *file = &files->files[i];
		struct file_header entry = {.path_size = strlen(file->path) + 1, .size = file->content.size};

		bytes_add(&body, &entry, sizeof(entry));
		bytes_add(&body, file->path, entry.path_size);
		bytes_add(&body, file->content.data, entry.size);
	}
	memcpy(header.magic, magic, sizeof(magic));
	header.size = body.size;
	header.hash = module_hash(MODULE_HASH_START, body.data, body.size);
	bytes_add(ret_packed, &header, sizeof(header));
	bytes_add(ret_packed, body.data, body.size);
	bytes_free(&body);
}

static int unpack_file(const char **position, const char *end, struct module_files *files)
{
	struct file_header entry;
	const char *path = *position + sizeof(entry);

	if ((size_t)(end - *position) < sizeof(entry))
		return -EBADMSG;
	memcpy(&entry, *position, sizeof(entry));
	if (entry.path_size == 0 || (uint64_t)entry.path_size + entry.size > (size_t)(end - path) ||
	    path[entry.path_size - 1] != '\0')
		return -EBADMSG;
	bytes_add(module_files_add(files, path), path + entry.path_size, entry.size);
	*position = path + entry.path_size + entry.size;
	return 0;
}

int module_files_unpack(const void *packed, size_t size, struct module_files *ret_files)
{
	const char *position = (const char *)packed + sizeof(struct block_header);
	const char *end = (const char *)packed + size;
	struct module_files files = {0};
	struct block_header header;
	int r = 0;

	if (size < sizeof(header))
		return -EBADMSG;
	memcpy(&header, packed, sizeof(header));
	if (memcmp(header.magic, magic, sizeof(magic)) != 0 || header.byte_order != BYTE_ORDER_MARK ||
	    header.size != size - sizeof(header) ||
	    header.hash != module_hash(MODULE_HASH_START, position, header.size))
		return -EBADMSG;
	for (uint32_t i = 0; i < header.n_files && r == 0; i++)
		r = unpack_file(&position, end, &files);
	if (r == 0 && position != end)
		r = -EBADMSG;
	if (r < 0) {
		module_files_free(&files);
		return r;
	}
	*ret_files = files;
	return 0;
}
