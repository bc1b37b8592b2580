/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The node itself, for the two halves of kernfs: the tree (kernfs.c) and its open files (kernfs-file.c). */
#pragma once

#include "kernel/base.h"

struct kernfs_node {
	struct kernel *k;
	struct kernfs_node *parent; /* a reference; NULL for the root */
	char *path;                 /* from the root, without a leading slash */
	const char *name;           /* the last part of path */
	uint32_t hash;
	enum kernfs_type type;
	uint64_t ino;
	unsigned refs;
	bool removed, permanent, is_static, size_changes;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	TAILQ_ENTRY(kernfs_node) sibling;
	TAILQ_HEAD(, kernfs_node) children; /* in hash order */
	unsigned subdirs;
	struct kernfs_node *target; /* of a link: a reference */
	const struct attribute *attr;
	struct attribute *own_attr;
	struct kobject *kobj; /* a reference, or NULL */
	unsigned active;      /* shows and stores running in it */
	size_t size;
	const void *blob;
};

/* Begins and ends a show or store in @node. -ENODEV when it is gone. */
int kernfs_get_active(struct kernfs_node *node);
void kernfs_put_active(struct kernfs_node *node);
