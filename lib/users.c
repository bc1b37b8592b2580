/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who has a VFIO device open: while somebody has, its driver does not let it go. */
#include "users.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "context.h"
#include "descriptor.h"
#include "error.h"
#include "sysfs.h"
#include "vfio.h"

struct node {
	char path[PATH_MAX]; /* empty: there is none to look for */
	bool exists;
	struct stat status;
};

struct search {
	const struct device_handle *device;
	struct node nodes[2]; /* the group's, the device's */
	bool leaves;
};

static void set_node(struct vfiobind_context *context, struct node *node, const char *name)
{
	snprintf(node->path, sizeof(node->path), "%s/vfio/%s", context->device_root, name);
	node->exists = stat(node->path, &node->status) == 0;
}

/*
 * Whether a descriptor is of the node: the same file, or the same device under another name, as in a container. A node
 * that was removed while it was open is known by the path that it had: devtmpfs says " (deleted)" behind it, but not every
 * file system knows at once.
 */
static bool is_node(const struct node *node, bool leaves, int descriptors_fd, const char *descriptor,
		    const char *target)
{
	const struct stat *known = &node->status;
	size_t length = strlen(node->path);
	struct stat status;

	if (!length || !strstr(target, "vfio"))
		return false;
	if (!node->exists)
		return leaves && strncmp(target, node->path, length) == 0 &&
		       (!target[length] || strcmp(target + length, " (deleted)") == 0);
	if (fstatat(descriptors_fd, descriptor, &status, 0) < 0)
		return false;
	return (status.st_dev == known->st_dev && status.st_ino == known->st_ino) ||
	       (S_ISCHR(known->st_mode) && S_ISCHR(status.st_mode) && status.st_rdev == known->st_rdev);
}

/* Since Linux 6.18 the descriptor of a device, however it was got, says which. */
static bool names_device(int process_fd, const char *descriptor, const struct device_handle *device)
{
	static const char key[] = "vfio-device-syspath:";
	char path[64], text[1024], *at, *end;
	_cleanup_close_ int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "fdinfo/%.32s", descriptor);
	fd = descriptor_open(process_fd, path, O_RDONLY | O_CLOEXEC, 0);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	at = strstr(text, key);
	if (!at)
		return false;
	at[strcspn(at, "\n")] = '\0';
	end = strrchr(at, '/');
	return end && strcmp(end + 1, device->name) == 0;
}

static bool uses(const struct search *search, int process_fd, int descriptors_fd, const char *descriptor)
{
	static const char anonymous[] = "anon_inode:[vfio-device]";
	char target[PATH_MAX];

	if (sysfs_readlink(descriptors_fd, descriptor, target, sizeof(target)) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(search->nodes); i++)
		if (is_node(&search->nodes[i], search->leaves, descriptors_fd, descriptor, target))
			return true;
	return strcmp(target, anonymous) == 0 && names_device(process_fd, descriptor, search->device);
}

static int add_user(int process_fd, pid_t pid, const char *path, struct arena *arena, void ***users, size_t *n)
{
	struct vfiobind_user *user = arena_zalloc(arena, sizeof(*user));
	_cleanup_close_ int fd = descriptor_open(process_fd, "comm", O_RDONLY | O_CLOEXEC, 0);
	char command[64];
	ssize_t length = fd < 0 ? 0 : read(fd, command, sizeof(command) - 1);

	command[length > 0 ? length : 0] = '\0';
	command[strcspn(command, "\n")] = '\0';
	if (!user)
		return -ENOMEM;
	user->pid = pid;
	user->command = arena_strdup(arena, command);
	user->path = arena_strdup(arena, path);
	if (!user->command || !user->path)
		return -ENOMEM;
	return arena_append(arena, users, n, user);
}

/* A process may end at any moment: what cannot be read is passed over. */
static int look_at(const struct search *search, int proc_fd, const char *process, struct arena *arena, void ***users,
		   size_t *n)
{
	_cleanup_close_ int process_fd = sysfs_open_directory(proc_fd, process);
	struct sysfs_walk walk;
	const char *descriptor;
	int r = 0;

	if (process_fd < 0 || sysfs_walk_open(&walk, process_fd, "fd") < 0)
		return 0;
	while (sysfs_walk_next(&walk, &descriptor) > 0)
		if (uses(search, process_fd, walk.fd, descriptor)) {
			char target[PATH_MAX] = "";

			sysfs_readlink(walk.fd, descriptor, target, sizeof(target));
			r = add_user(process_fd, (pid_t)strtol(process, NULL, 10), target, arena, users, n);
			break;
		}
	sysfs_walk_close(&walk);
	return r;
}

int users_find(struct vfiobind_context *context, const struct users_query *query, struct arena *arena,
	       struct vfiobind_user ***ret_users, size_t *ret_n)
{
	_cleanup_free_ struct search *search = calloc(1, sizeof(*search));
	_cleanup_close_ int proc_fd = -1;
	void **users = NULL;
	struct sysfs_walk walk;
	const char *name;
	char text[64];
	size_t n = 0;
	int r = 0;

	if (!search)
		return -ENOMEM;
	search->device = query->device;
	search->leaves = query->leaves;
	if (query->iommu_group >= 0) {
		snprintf(text, sizeof(text), "%d", query->iommu_group);
		set_node(context, &search->nodes[0], text);
	}
	if (query->vfio_device && query->vfio_device[0]) {
		snprintf(text, sizeof(text), "devices/%.32s", query->vfio_device);
		set_node(context, &search->nodes[1], text);
	}
	proc_fd = sysfs_open_directory(AT_FDCWD, context->proc_root);
	if (proc_fd >= 0 && sysfs_walk_open(&walk, proc_fd, ".") == 0) {
		while (r == 0 && sysfs_walk_next(&walk, &name) > 0)
			if (name[0] >= '1' && name[0] <= '9')
				r = look_at(search, proc_fd, name, arena, &users, &n);
		sysfs_walk_close(&walk);
	}
	*ret_users = (struct vfiobind_user **)users;
	*ret_n = n;
	return r;
}

void users_describe(struct vfiobind_context *context, const struct users_query *query, char *buffer, size_t size)
{
	struct arena arena = {NULL};
	struct vfiobind_user **users;
	size_t n, length = 0;

	buffer[0] = '\0';
	if (users_find(context, query, &arena, &users, &n) == 0)
		for (size_t i = 0; i < n && length < size; i++)
			length += (size_t)snprintf(buffer + length, size - length, "%s%s (pid %d)",
						   i ? ", " : "held by ", users[i]->command, users[i]->pid);
	arena_free(&arena);
}
