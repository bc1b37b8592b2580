/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct kernel *model_new(const struct machine *machine, const char *profile)
{
	struct kernel *k = NULL;
	char *error = NULL;

	kernel_enter(&(struct client){.pid = 1, .actor = "test"});
	if (kernel_new(machine, profile, NULL, &k, &error))
		fail_msg("%s", error);
	return k;
}

/* Walks @path below sys, following links as the VFS does. */
static struct kernfs_node *walk(struct kernel *k, struct kernfs_node *node, const char *path, int depth)
{
	char *copy = strdup(path), *rest = copy, *name;

	while (node && depth < 8 && (name = strsep(&rest, "/"))) {
		char target[PATH_MAX];

		if (!*name)
			continue;
		if (!strcmp(name, "..")) {
			node = kernfs_parent(node);
			continue;
		}
		struct kernfs_node *child = kernfs_type(node) == KERNFS_DIR ? kernfs_lookup(node, name) : NULL;

		if (child && kernfs_type(child) == KERNFS_LINK && rest) {
			assert_true(kernfs_readlink(child, target, sizeof(target)) > 0);
			child = walk(k, node, target, depth + 1);
		}
		node = child;
	}
	free(copy);
	return node;
}

struct kernfs_node *model_find(struct kernel *k, const char *path)
{
	return walk(k, kernfs_find(k, "sys"), path, 0);
}

bool model_exists(struct kernel *k, const char *path)
{
	bool found;

	kernel_lock(k);
	found = model_find(k, path);
	kernel_unlock(k);
	return found;
}

long model_write_bytes(struct kernel *k, const char *path, const char *data, size_t size)
{
	struct kernfs_file *file;
	struct kernfs_node *node;
	long ret;

	kernel_lock(k);
	node = model_find(k, path);
	ret = node ? kernfs_open(node, O_WRONLY, &file) : -ENOENT;
	if (!ret) {
		ret = kernfs_write(file, data, size, 0);
		kernfs_release(file);
	}
	kernel_unlock(k);
	return ret;
}

long model_write(struct kernel *k, const char *path, const char *data)
{
	return model_write_bytes(k, path, data, strlen(data));
}

long model_read(struct kernel *k, const char *path, char *buffer, size_t size)
{
	struct kernfs_file *file;
	struct kernfs_node *node;
	long ret;

	kernel_lock(k);
	node = model_find(k, path);
	ret = node ? kernfs_open(node, O_RDONLY, &file) : -ENOENT;
	if (!ret) {
		ret = kernfs_read(file, buffer, size - 1, 0);
		kernfs_release(file);
	}
	kernel_unlock(k);
	buffer[ret > 0 ? ret : 0] = '\0';
	return ret;
}

const char *model_readlink(struct kernel *k, const char *path)
{
	static char target[PATH_MAX];
	struct kernfs_node *node;
	bool found;

	kernel_lock(k);
	node = model_find(k, path);
	found = node && kernfs_type(node) == KERNFS_LINK && kernfs_readlink(node, target, sizeof(target)) > 0;
	kernel_unlock(k);
	return found ? target : NULL;
}

struct names {
	char *all[512];
	size_t n;
};

static bool add_name(void *context, const struct kernfs_node *child)
{
	static const char *const marks[] = {[KERNFS_DIR] = "/", [KERNFS_LINK] = "@", [KERNFS_FILE] = ""};
	struct names *names = context;

	assert_true(names->n < 512);
	if (asprintf(&names->all[names->n++], "%s%s", kernfs_name(child), marks[kernfs_type(child)]) < 0)
		abort();
	return true;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char *model_list(struct kernel *k, const char *path)
{
	struct names names = {.n = 0};
	struct kernfs_node *node;
	char *text = NULL;
	size_t size;
	FILE *stream;

	kernel_lock(k);
	node = model_find(k, path);
	if (node && kernfs_type(node) == KERNFS_DIR)
		kernfs_readdir(node, add_name, &names);
	kernel_unlock(k);
	if (!node)
		return NULL;
	qsort(names.all, names.n, sizeof(*names.all), compare);
	stream = open_memstream(&text, &size);
	for (size_t i = 0; i < names.n; i++) {
		fprintf(stream, "%s%s", i ? " " : "", names.all[i]);
		free(names.all[i]);
	}
	fclose(stream);
	return text;
}

struct dump {
	struct kernel *k;
	FILE *stream;
};

static bool dump_node(void *context, const struct kernfs_node *node)
{
	struct dump *dump = context;
	char path[PATH_MAX], text[8192];
	struct stat st;
	struct kernfs_file *file;
	long length = 0;

	assert_true(kernfs_path(node, path, sizeof(path)) >= 0);
	if (!strncmp(path, KERNFS_CONTROL, strlen(KERNFS_CONTROL)) || !strcmp(path, "dev/kmsg"))
		return true;
	kernfs_stat(node, &st);
	text[0] = '\0';
	if (kernfs_type(node) == KERNFS_LINK)
		kernfs_readlink(node, text, sizeof(text));
	else if (kernfs_type(node) == KERNFS_FILE && !kernfs_open((struct kernfs_node *)node, O_RDONLY, &file)) {
		length = kernfs_read(file, text, sizeof(text) - 1, 0);
		text[length > 0 ? length : 0] = '\0';
		kernfs_release(file);
	}
	fprintf(dump->stream, "%s %o %ld %ld %s\n", path, st.st_mode, (long)st.st_size, length, text);
	if (kernfs_type(node) == KERNFS_DIR)
		kernfs_readdir((struct kernfs_node *)node, dump_node, dump);
	return true;
}

char *model_dump(struct kernel *k)
{
	char *text = NULL;
	size_t size;
	struct dump dump = {k, open_memstream(&text, &size)};

	kernel_lock(k);
	kernfs_readdir(kernfs_root(k), dump_node, &dump);
	kernel_unlock(k);
	fclose(dump.stream);
	return text;
}
