/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tree of nodes: directories, links to nodes, attributes. Its open files are in kernfs-file.c. */
#include "kernel/inode.h"
#include "kernel/kernfs-internal.h"

#include <unistd.h>

/* Any fixed hash will do: readdir is in hash order, not sorted, as in the kernel. */
static uint32_t name_hash(const char *name)
{
	uint32_t hash = 2166136261u;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	return hash;
}

struct kernfs_node *kernfs_get(struct kernfs_node *node)
{
	node->refs++;
	return node;
}

void kernfs_put(struct kernfs_node *node)
{
	struct kernfs_node *parent = node->parent;

	if (--node->refs)
		return;
	if (node->target)
		kernfs_put(node->target);
	if (node->kobj)
		kobject_put(node->kobj);
	if (node->own_attr)
		free((char *)node->own_attr->name);
	free(node->own_attr);
	free(node->path);
	free(node);
	if (parent)
		kernfs_put(parent);
}

void kernfs_watch(struct kernel *k, const struct kernfs_watcher *watcher)
{
	k->watcher = watcher;
}

static struct kernfs_node *announce(struct kernfs_node *node)
{
	const struct kernfs_watcher *watcher = node->k->watcher;

	if (watcher)
		watcher->added(watcher->context, node);
	return node;
}

static void announce_change(const struct kernfs_node *node)
{
	const struct kernfs_watcher *watcher = node->k->watcher;

	if (watcher)
		watcher->changed(watcher->context, node);
}

static void announce_removal(const struct kernfs_node *node)
{
	const struct kernfs_watcher *watcher = node->k->watcher;

	if (watcher)
		watcher->removed(watcher->context, node);
}

static struct kernfs_node *add_node(struct kernfs_node *parent, const char *name, enum kernfs_type type, mode_t mode,
				    struct kobject *kobj)
{
	struct kernfs_node *node = xcalloc(sizeof(*node)), *after;

	node->k = parent->k;
	node->parent = kernfs_get(parent);
	node->path = *parent->path ? xasprintf("%s/%s", parent->path, name) : xstrdup(name);
	node->name = node->path + strlen(node->path) - strlen(name);
	node->hash = name_hash(name);
	node->type = type;
	node->mode = mode;
	node->refs = 1;
	node->kobj = kobj ? kobject_get(kobj) : NULL;
	TAILQ_INIT(&node->children);
	node->ino = inode_assign(node->k->inodes, node->path, node);
	TAILQ_FOREACH (after, &parent->children, sibling)
		if (after->hash > node->hash)
			break;
	if (after)
		TAILQ_INSERT_BEFORE(after, node, sibling);
	else
		TAILQ_INSERT_TAIL(&parent->children, node, sibling);
	if (type == KERNFS_DIR)
		parent->subdirs++;
	return node;
}

int kernfs_init(struct kernel *k)
{
	struct kernfs_node *root = xcalloc(sizeof(*root));

	k->inodes = inode_table_new();
	root->k = k;
	root->path = xstrdup("");
	root->name = root->path;
	root->type = KERNFS_DIR;
	root->mode = 0755;
	root->refs = 1;
	root->permanent = root->is_static = true;
	TAILQ_INIT(&root->children);
	root->ino = inode_assign(k->inodes, "", root);
	k->root = root;
	return 0;
}

void kernfs_exit(struct kernel *k)
{
	struct kernfs_node *child;

	while ((child = TAILQ_FIRST(&k->root->children)))
		kernfs_remove(child);
	kernfs_put(k->root);
	inode_table_free(k->inodes);
}

struct kernfs_node *kernfs_add_dir(struct kernfs_node *parent, const char *name, struct kobject *kobj)
{
	return announce(add_node(parent, name, KERNFS_DIR, 0755, kobj));
}

struct kernfs_node *kernfs_get_dir(struct kernfs_node *parent, const char *path)
{
	char *copy = xstrdup(path), *rest = copy, *name;

	while ((name = strsep(&rest, "/"))) {
		struct kernfs_node *child = kernfs_lookup(parent, name);

		parent = child ? child : kernfs_add_dir(parent, name, NULL);
	}
	free(copy);
	return parent;
}

struct kernfs_node *kernfs_add_link(struct kernfs_node *parent, const char *name, struct kernfs_node *target)
{
	struct kernfs_node *node = add_node(parent, name, KERNFS_LINK, 0777, NULL);

	node->target = kernfs_get(target);
	return announce(node);
}

static struct kernfs_node *add_attr(struct kernfs_node *parent, struct kobject *kobj, const struct attribute *attr)
{
	struct kernfs_node *node = add_node(parent, attr->name, KERNFS_FILE, attr->mode, kobj);

	node->attr = attr;
	/* debugfs does not say how long a text is, which may be longer: who believed it would stop there. */
	node->size = attr->show_long ? 0 : PAGE;
	node->is_static = attr->flags & ATTRIBUTE_STATIC;
	return node;
}

struct kernfs_node *kernfs_add_attr(struct kernfs_node *parent, struct kobject *kobj, const struct attribute *attr)
{
	return announce(add_attr(parent, kobj, attr));
}

static struct kernfs_node *add_attr_copy(struct kernfs_node *parent, struct kobject *kobj, const struct attribute *attr,
					 const char *name)
{
	struct attribute *copy = xcalloc(sizeof(*copy));
	struct kernfs_node *node;

	*copy = *attr;
	copy->name = xstrdup(name);
	node = add_attr(parent, kobj, copy);
	node->own_attr = copy;
	return node;
}

struct kernfs_node *kernfs_add_attr_copy(struct kernfs_node *parent, struct kobject *kobj, const struct attribute *attr,
					 const char *name)
{
	return announce(add_attr_copy(parent, kobj, attr, name));
}

struct kernfs_node *kernfs_add_bin(struct kernfs_node *parent, struct kobject *kobj, const struct attribute *attr,
				   const char *name, size_t size)
{
	struct kernfs_node *node = add_attr_copy(parent, kobj, attr, name);

	node->size = size;
	return announce(node);
}

struct kernfs_node *kernfs_add_blob(struct kernfs_node *parent, const char *name, const void *data, size_t size,
				    mode_t mode)
{
	struct kernfs_node *node = add_node(parent, name, KERNFS_FILE, mode, NULL);

	node->blob = data ? data : ""; /* an empty file is a file */
	node->size = size;
	return announce(node);
}

void kernfs_add_attrs(struct kernfs_node *parent, struct kobject *kobj, const struct attribute *attrs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!attrs[i].visible || attrs[i].visible(kobj))
			kernfs_add_attr(parent, kobj, &attrs[i]);
}

void kernfs_remove_attrs(struct kernfs_node *parent, const struct attribute *attrs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		kernfs_remove_by_name(parent, attrs[i].name);
}

static void mark_removed(struct kernfs_node *node)
{
	struct kernfs_node *child;

	node->removed = true;
	inode_forget(node->k->inodes, node->ino, node);
	TAILQ_FOREACH (child, &node->children, sibling)
		mark_removed(child);
}

/* kernfs_drain(): nobody runs in the node any more. Its own store, when it is the caller, counts as nobody. */
static bool has_nobody(const void *node)
{
	return !((const struct kernfs_node *)node)->active;
}

static bool has_one(const void *node)
{
	return ((const struct kernfs_node *)node)->active <= 1;
}

static void drain(struct kernfs_node *node, bool with_self)
{
	kernel_wait_for(node->k, with_self ? has_one : has_nobody, node);
}

static void release_tree(struct kernfs_node *node)
{
	struct kernfs_node *child;

	while ((child = TAILQ_FIRST(&node->children))) {
		TAILQ_REMOVE(&node->children, child, sibling);
		drain(child, false);
		release_tree(child);
	}
	kernfs_put(node);
}

static void remove_node(struct kernfs_node *node, bool with_self)
{
	struct kernfs_node *parent = node->parent;

	if (node->removed)
		return;
	TAILQ_REMOVE(&parent->children, node, sibling);
	if (node->type == KERNFS_DIR)
		parent->subdirs--;
	mark_removed(node);
	announce_removal(node);
	kernfs_get(node);
	drain(node, with_self);
	release_tree(node);
	kernfs_put(node);
}

void kernfs_remove(struct kernfs_node *node)
{
	remove_node(node, false);
}

void kernfs_remove_self(struct kernfs_node *node)
{
	remove_node(node, true);
}

void kernfs_remove_by_name(struct kernfs_node *parent, const char *name)
{
	struct kernfs_node *node = kernfs_lookup(parent, name);

	if (node)
		kernfs_remove(node);
}

void kernfs_set_size(struct kernfs_node *node, size_t size)
{
	node->size = size;
	node->size_changes = true;
	announce_change(node);
}

bool kernfs_size_changes(const struct kernfs_node *node)
{
	return node->size_changes;
}

void kernfs_set_static(struct kernfs_node *node)
{
	node->is_static = true;
}

void kernfs_set_permanent(struct kernfs_node *node)
{
	for (; node && !node->permanent; node = node->parent)
		node->permanent = true;
}

void kernfs_remove_impermanent(struct kernfs_node *root)
{
	struct kernfs_node *child, *next;

	for (child = TAILQ_FIRST(&root->children); child; child = next) {
		next = TAILQ_NEXT(child, sibling);
		if (!child->permanent)
			kernfs_remove(child);
		else if (child->type == KERNFS_DIR)
			kernfs_remove_impermanent(child);
	}
}

struct kernfs_node *kernfs_root(struct kernel *k)
{
	return k->root;
}

struct kernfs_node *kernfs_by_ino(struct kernel *k, uint64_t ino)
{
	return inode_find(k->inodes, ino);
}

struct kernfs_node *kernfs_lookup(struct kernfs_node *dir, const char *name)
{
	uint32_t hash = name_hash(name);
	struct kernfs_node *child;

	if (dir->removed)
		return NULL;
	TAILQ_FOREACH (child, &dir->children, sibling)
		if (child->hash >= hash)
			break;
	for (; child && child->hash == hash; child = TAILQ_NEXT(child, sibling))
		if (!strcmp(child->name, name))
			return child;
	return NULL;
}

struct kernfs_node *kernfs_find(struct kernel *k, const char *path)
{
	char *copy = xstrdup(path), *rest = copy, *name;
	struct kernfs_node *node = k->root;

	while (node && (name = strsep(&rest, "/")))
		node = *name ? kernfs_lookup(node, name) : node;
	free(copy);
	return node;
}

/* As many links as open(2) follows. */
enum { LINKS = 40 };

/* One part of a path from @node: NULL when there is no such child. */
static struct kernfs_node *walk_part(struct kernfs_node *node, const char *name)
{
	if (!*name || !strcmp(name, "."))
		return node;
	return strcmp(name, "..") ? kernfs_lookup(node, name) : kernfs_parent(node);
}

int kernfs_walk(struct kernel *k, const char *path, bool nofollow, struct kernfs_node **ret_node)
{
	char *copy = xstrdup(path), *rest = copy, *name;
	struct kernfs_node *node = k->root;
	int ret = 0;

	while (!ret && (name = strsep(&rest, "/"))) {
		if (node->type == KERNFS_FILE)
			ret = -ENOTDIR;
		else if (!(node = walk_part(node, name)) || node->removed)
			ret = -ENOENT;
		for (int links = 0; !ret && node->type == KERNFS_LINK && (rest || !nofollow); links++)
			if (links == LINKS || (node = node->target)->removed)
				ret = links == LINKS ? -ELOOP : -ENOENT;
	}
	free(copy);
	if (!ret)
		*ret_node = node;
	return ret;
}

struct kernfs_node *kernfs_parent(struct kernfs_node *node)
{
	return node->parent ? node->parent : node;
}

uint64_t kernfs_ino(const struct kernfs_node *node)
{
	return node->ino;
}

enum kernfs_type kernfs_type(const struct kernfs_node *node)
{
	return node->type;
}

const char *kernfs_name(const struct kernfs_node *node)
{
	return node->name;
}

int kernfs_path(const struct kernfs_node *node, char *buffer, size_t size)
{
	int length = snprintf(buffer, size, "%s", node->path);

	return (size_t)length < size ? length : -ENAMETOOLONG;
}

bool kernfs_is_static(const struct kernfs_node *node)
{
	return node->is_static;
}

bool kernfs_has_store(const struct kernfs_node *node)
{
	const struct attribute *attr = node->attr;

	return attr && (attr->store || attr->store_long || attr->write || attr->stream);
}

bool kernfs_is_constant(const struct kernfs_node *node)
{
	const struct attribute *attr = node->attr;

	return attr && (attr->text || (attr->flags & ATTRIBUTE_CONSTANT));
}

int kernfs_constant_text(const struct kernfs_node *node, char *buffer)
{
	const struct attribute *attr = node->attr;

	if (attr->text)
		return (int)strlen(strcpy(buffer, attr->text));
	memset(buffer, 0, PAGE);
	return (int)attr->show(node->kobj, attr, buffer);
}

const void *kernfs_blob(const struct kernfs_node *node, size_t *ret_size)
{
	*ret_size = node->size;
	return node->blob;
}

bool kernfs_is_blob(const struct kernfs_node *node)
{
	return node->blob;
}

void kernfs_stat(const struct kernfs_node *node, struct stat *ret_stat)
{
	static const mode_t types[] = {[KERNFS_DIR] = S_IFDIR, [KERNFS_LINK] = S_IFLNK, [KERNFS_FILE] = S_IFREG};

	const dev_t number = node->attr ? node->attr->number : 0;

	*ret_stat = (struct stat){
		.st_ino = node->ino,
		.st_mode = (number ? S_IFCHR : types[node->type]) | node->mode,
		.st_rdev = number,
		.st_nlink = node->type == KERNFS_DIR ? 2 + node->subdirs : 1,
		.st_uid = node->uid,
		.st_gid = node->gid,
		/* kernfs: directories and links have no size, text attributes a page, binary ones their own. */
		.st_size = (off_t)node->size,
		.st_blksize = PAGE,
	};
}

/* The last directory that both paths share: length of the common part that ends at a slash. */
static size_t common_directories(const char *a, const char *b)
{
	size_t common = 0;

	for (size_t i = 0; a[i] && a[i] == b[i]; i++)
		if (a[i] == '/')
			common = i + 1;
	return common;
}

int kernfs_readlink(const struct kernfs_node *node, char *buffer, size_t size)
{
	size_t common = common_directories(node->path, node->target->path), used = 0;

	/* One ../ for each directory between the link and what both share. */
	for (const char *p = node->path + common; (p = strchr(p, '/')); p++) {
		if (used + 4 > size)
			return -ENAMETOOLONG;
		memcpy(buffer + used, "../", 3);
		used += 3;
	}
	if (used + strlen(node->target->path + common) + 1 > size)
		return -ENAMETOOLONG;
	strcpy(buffer + used, node->target->path + common);
	return (int)strlen(buffer);
}

int kernfs_access(const struct kernfs_node *node, int mask)
{
	const struct client *client = kernel_client();
	mode_t bits = node->mode & 7;

	if (client->uid == 0) {
		/* Root may all but execute what nobody may execute. */
		bool no_exec = node->type == KERNFS_FILE && !(node->mode & 0111);

		return (mask & X_OK) && no_exec ? -EACCES : 0;
	}
	if (client->uid == node->uid)
		bits = node->mode >> 6 & 7;
	else if (client->gid == node->gid)
		bits = node->mode >> 3 & 7;
	return ((mode_t)mask & 7 & ~bits) ? -EACCES : 0;
}

int kernfs_setattr(struct kernfs_node *node, const struct stat *attributes, int mask)
{
	const struct client *client = kernel_client();

	if ((mask & 7) && client->uid != 0 && client->uid != node->uid)
		return -EPERM;
	if (mask & 1)
		node->mode = attributes->st_mode & 07777;
	if (mask & 2)
		node->uid = attributes->st_uid;
	if (mask & 4)
		node->gid = attributes->st_gid;
	announce_change(node);
	return 0;
}

void kernfs_readdir(struct kernfs_node *dir, bool (*entry)(void *context, const struct kernfs_node *child),
		    void *context)
{
	struct kernfs_node *child;

	if (dir->removed)
		return;
	TAILQ_FOREACH (child, &dir->children, sibling)
		if (!entry(context, child))
			return;
}
