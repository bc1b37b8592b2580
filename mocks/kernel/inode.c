/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inode numbers belong to paths for life. Linux unmounts everything that is mounted below a FUSE directory when a
 * LOOKUP answers that directory with another node id, so a path keeps its number across removal, return and reset.
 */
#include "kernel/inode.h"

#include "kernel/base.h"

#include <search.h>

struct inode {
	const char *path; /* first, so that a lone path compares with an inode */
	uint64_t number;
	struct kernfs_node *node;
};

struct inode_table {
	void *by_path;
	struct inode **by_number;
	size_t n, capacity;
};

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct inode_table *inode_table_new(void)
{
	struct inode_table *table = xcalloc(sizeof(*table));

	table->n = KERNFS_ROOT_INO; /* number 0 is none */
	return table;
}

static void free_inode(void *pointer)
{
	struct inode *inode = pointer;

	free((char *)inode->path);
	free(inode);
}

void inode_table_free(struct inode_table *table)
{
	tdestroy(table->by_path, free_inode);
	free(table->by_number);
	free(table);
}

uint64_t inode_assign(struct inode_table *table, const char *path, struct kernfs_node *node)
{
	struct inode **found = tfind(&path, &table->by_path, compare_paths);
	struct inode *inode;

	if (found) {
		(*found)->node = node;
		return (*found)->number;
	}
	inode = xcalloc(sizeof(*inode));
	*inode = (struct inode){xstrdup(path), table->n, node};
	if (table->n >= table->capacity) {
		table->capacity = table->capacity ? 2 * table->capacity : 4096;
		table->by_number = realloc(table->by_number, table->capacity * sizeof(*table->by_number));
		if (!table->by_number)
			abort();
	}
	table->by_number[table->n++] = inode;
	if (!tsearch(inode, &table->by_path, compare_paths))
		abort();
	return inode->number;
}

void inode_forget(struct inode_table *table, uint64_t number, const struct kernfs_node *node)
{
	if (table->by_number[number]->node == node)
		table->by_number[number]->node = NULL;
}

struct kernfs_node *inode_find(const struct inode_table *table, uint64_t number)
{
	return number >= KERNFS_ROOT_INO && number < table->n ? table->by_number[number]->node : NULL;
}
