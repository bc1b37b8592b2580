/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which number a path has, for life; which node has it now. */
#pragma once

#include "kernel/kernfs.h"

struct inode_table;

struct inode_table *inode_table_new(void);
void inode_table_free(struct inode_table *table);
/* The number of @path, which @node has from now on. */
uint64_t inode_assign(struct inode_table *table, const char *path, struct kernfs_node *node);
/* @node is gone; the number stays with its path. */
void inode_forget(struct inode_table *table, uint64_t number, const struct kernfs_node *node);
struct kernfs_node *inode_find(const struct inode_table *table, uint64_t number);
