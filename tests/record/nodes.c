/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nodes.h"

#include "kernel/kernfs.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void die(const char *what, const char *path)
{
	fprintf(stderr, "%s: %s\n", path, what);
	exit(1);
}

static struct node_fact *add(struct node_list *list, const char *path, char type)
{
	if (list->n == list->capacity) {
		list->capacity = list->capacity * 2 + 256;
		list->nodes = reallocarray(list->nodes, list->capacity, sizeof(*list->nodes));
		if (!list->nodes)
			die("out of memory", path);
	}
	list->nodes[list->n] = (struct node_fact){.path = strdup(path), .type = type};
	return &list->nodes[list->n++];
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(((const struct node_fact *)a)->path, ((const struct node_fact *)b)->path);
}

static void sort(struct node_list *list)
{
	qsort(list->nodes, list->n, sizeof(*list->nodes), compare_paths);
}

void nodes_free(struct node_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->nodes[i].path);
		free(list->nodes[i].text);
	}
	free(list->nodes);
	*list = (struct node_list){0};
}

/* ---- numbers ---- */

static bool starts_with(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

/* Takes the digits after @prefix out of @path; false: there are none. */
static bool drop_number(char *path, const char *prefix)
{
	char *at = strstr(path, prefix), *end;

	if (!at)
		return false;
	at += strlen(prefix);
	end = at + strspn(at, "0123456789");
	if (end == at || (*end && *end != '/'))
		return false;
	memmove(at, end, strlen(end) + 1);
	return true;
}

void nodes_renumber(struct node_list *list)
{
	char directory[PATH_MAX] = "";
	unsigned n = 0;

	for (size_t i = 0; i < list->n; i++) {
		struct node_fact *node = &list->nodes[i];
		size_t length = strlen(directory);

		drop_number(node->path, "/net/eth");
		drop_number(node->path, "/ptp/ptp");
		drop_number(node->path, "/wakeup/wakeup");
		if (!strstr(node->path, "/msi_irqs/"))
			continue;
		if (!length || !starts_with(node->path, directory)) {
			length = (size_t)(strstr(node->path, "/msi_irqs/") - node->path) + strlen("/msi_irqs/");
			snprintf(directory, sizeof(directory), "%.*s", (int)length, node->path);
			n = 0;
		}
		free(node->path);
		if (asprintf(&node->path, "%s%u", directory, n++) < 0)
			die("out of memory", directory);
	}
	sort(list);
}

/* ---- captures ---- */

void nodes_from_capture(struct node_list *list, const char *path)
{
	FILE *stream = fopen(path, "re");
	size_t capacity = 0;
	char *line = NULL;

	if (!stream)
		die("cannot be read", path);
	while (getline(&line, &capacity, stream) > 0) {
		char *rest = line, *name, *type, *mode, *size;
		struct node_fact *node;

		line[strcspn(line, "\n")] = '\0';
		name = strsep(&rest, " ");
		type = strsep(&rest, " ");
		if (!type || strlen(type) != 1 || !strchr("dlfb", *type))
			die("not a capture", path);
		node = add(list, name, *type);
		if (*type == 'f' || *type == 'b') {
			mode = strsep(&rest, " ");
			size = strsep(&rest, " ");
			if (!size)
				die("not a capture", path);
			node->mode = (unsigned)strtoul(mode, NULL, 8);
			node->size = strtoull(size, NULL, 10);
		}
		node->text = strdup(rest ? rest : "");
	}
	free(line);
	fclose(stream);
	sort(list);
}

/* ---- the fake ---- */

static char *read_node(struct kernfs_node *node, size_t *ret_size)
{
	char *buffer = calloc(1, 8192);
	struct kernfs_file *file;
	ssize_t n;

	*ret_size = 0;
	if (kernfs_open(node, O_RDONLY, &file))
		return buffer;
	n = kernfs_read(file, buffer, 8191, 0);
	kernfs_release(file);
	*ret_size = n > 0 ? (size_t)n : 0;
	buffer[*ret_size] = '\0';
	return buffer;
}

/* As a capture has it: without the last newline, the others as \n, cut at @limit bytes before that. */
static char *escape(char *text, size_t size, size_t limit)
{
	char *escaped = calloc(2, size + 1), *to = escaped;

	if (size > limit)
		size = limit;
	if (size && text[size - 1] == '\n')
		size--;
	for (size_t i = 0; i < size; i++) {
		if (text[i] != '\n') {
			*to++ = text[i];
			continue;
		}
		*to++ = '\\';
		*to++ = 'n';
	}
	free(text);
	return escaped;
}

static char *hex(char *bytes, size_t size)
{
	char *text = calloc(2, size + 1);

	for (size_t i = 0; i < size; i++)
		sprintf(text + 2 * i, "%02x", (unsigned char)bytes[i]);
	free(bytes);
	return text;
}

/* A binary attribute says its size; a text attribute always has a page. */
static bool is_binary(const struct kernfs_node *node)
{
	const char *name = kernfs_name(node);

	return !strcmp(name, "config") || !strcmp(name, "rom") ||
	       (!strncmp(name, "resource", 8) && name[8] >= '0' && name[8] <= '9');
}

static void add_node(struct node_list *list, struct kernfs_node *node, const char *path, size_t text_limit)
{
	struct node_fact *fact = add(list, path, "dlf"[kernfs_type(node)]);
	struct stat status;
	size_t size;

	kernfs_stat(node, &status);
	if (fact->type == 'l') {
		fact->text = calloc(1, PATH_MAX);
		kernfs_readlink(node, fact->text, PATH_MAX);
		return;
	}
	if (fact->type == 'd') {
		fact->text = strdup("");
		return;
	}
	fact->mode = status.st_mode & 07777;
	fact->size = (unsigned long long)status.st_size;
	if (!is_binary(node)) {
		fact->text = read_node(node, &size);
		fact->text = escape(fact->text, size, text_limit);
		return;
	}
	fact->type = 'b';
	fact->text = strcmp(kernfs_name(node), "config") ? strdup("") : read_node(node, &size);
	if (!strcmp(kernfs_name(node), "config"))
		fact->text = hex(fact->text, size);
}

struct walk {
	struct node_list *list;
	const char *path;
	size_t text_limit;
};

static bool walk_child(void *context, const struct kernfs_node *child)
{
	struct walk *walk = context;
	char path[PATH_MAX];
	struct walk below = {walk->list, path, walk->text_limit};

	snprintf(path, sizeof(path), "%s/%s", walk->path, kernfs_name(child));
	add_node(walk->list, (struct kernfs_node *)child, path, walk->text_limit);
	if (kernfs_type(child) == KERNFS_DIR)
		kernfs_readdir((struct kernfs_node *)child, walk_child, &below);
	return true;
}

void nodes_from_kernel(struct node_list *list, struct kernel *k, size_t text_limit)
{
	struct walk walk = {list, "/sys", text_limit};

	kernel_lock(k);
	kernfs_readdir(kernfs_find(k, "sys"), walk_child, &walk);
	kernel_unlock(k);
	sort(list);
}

/* ---- a directory ---- */

static void write_file(const char *path, const struct node_fact *node)
{
	FILE *stream = fopen(path, "we");

	if (!stream)
		die("cannot be written", path);
	for (const char *c = node->text; *c; c++) {
		unsigned byte = (unsigned char)*c;

		if (node->type == 'b') {
			sscanf(c++, "%2x", &byte);
		} else if (c[0] == '\\' && c[1] == 'n') {
			byte = '\n';
			c++;
		}
		putc((int)byte, stream);
	}
	if (node->type == 'f' && *node->text)
		putc('\n', stream);
	if (fclose(stream))
		die("cannot be written", path);
	chmod(path, node->mode | 0400);
}

void nodes_write(const struct node_list *list, const char *root)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < list->n; i++) {
		const struct node_fact *node = &list->nodes[i];
		int r = 0;

		snprintf(path, sizeof(path), "%s%s", root, node->path);
		/* A capture leaves out what is above its parts. */
		for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
			*slash = '\0';
			mkdir(path, 0755);
			*slash = '/';
		}
		if (node->type == 'd')
			mkdir(path, 0755);
		else if (node->type == 'l')
			r = symlink(node->text, path);
		else
			write_file(path, node);
		if (r)
			die("cannot be made", path);
	}
}
