/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The disks of a device, and who uses them. A controller's namespaces are block devices below it, …/nvme/nvme0/nvme0n1,
 * with their partitions below them; all other storage goes through SCSI, and its hosts and targets lie between.
 */
#include "block.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attribute.h"
#include "context.h"
#include "descriptor.h"
#include "sysfs.h"
#include "util.h"

struct visit {
	struct vfiobind_context *context;
	char *mounts; /* /proc/self/mountinfo; empty if it cannot be read */
	char *swaps;
	char *buffer;
	size_t size;
};

/* A file of /proc, whole. */
static char *read_whole(const struct vfiobind_context *context, const char *name)
{
	char path[PATH_MAX], *text = NULL;
	size_t size = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", context->proc_root, name);
	file = descriptor_open_stream(path);
	if (!file || getdelim(&text, &size, '\0', file) < 0) {
		free(text);
		text = strdup("");
	}
	if (file)
		fclose(file);
	return text;
}

/* "ID PARENT MAJOR:MINOR ROOT MOUNTPOINT …": returns 1 and the mount point, escaped as it is there. */
static bool is_mounted(const char *mounts, const char *number, char *point, size_t size)
{
	for (const char *line = mounts; line && *line; line = strchr(line, '\n')) {
		char found[32], where[PATH_MAX];

		line += *line == '\n';
		if (sscanf(line, "%*d %*d %31s %*s %4095s", found, where) == 2 && strcmp(found, number) == 0) {
			snprintf(point, size, "%.*s", (int)size - 1, where);
			return true;
		}
	}
	return false;
}

/* Lines that begin with a path: the last part of it is looked for. */
static bool is_swapped_on(const char *swaps, const char *name)
{
	for (const char *line = swaps; line && *line; line = strchr(line, '\n')) {
		char path[PATH_MAX];
		const char *last;

		line += *line == '\n';
		if (sscanf(line, "%4095s", path) != 1)
			continue;
		last = strrchr(path, '/');
		if (last && strcmp(last + 1, name) == 0)
			return true;
	}
	return false;
}

/* The first entry of @directory/holders. */
static bool is_held(int directory_fd, char *holder, size_t size)
{
	struct sysfs_walk walk;
	const char *name;
	bool found;

	if (sysfs_walk_open(&walk, directory_fd, "holders") < 0)
		return false;
	found = sysfs_walk_next(&walk, &name) > 0;
	if (found)
		snprintf(holder, size, "%s", name);
	sysfs_walk_close(&walk);
	return found;
}

static int look_at(const struct visit *visit, int parent_fd, const char *path, const char *name)
{
	_cleanup_close_ int fd = sysfs_open_directory(parent_fd, name);
	char number[32], where[128], full[PATH_MAX];
	ssize_t n;

	if (fd < 0)
		return 0;
	snprintf(full, sizeof(full), "%s/%s", path, name);
	n = attribute_read(visit->context, full, "dev", number, sizeof(number));
	if (worker_failed(n))
		return (int)n;
	if (n > 0 && is_mounted(visit->mounts, number, where, sizeof(where)))
		snprintf(visit->buffer, visit->size, "%s is mounted on %s", name, where);
	else if (is_swapped_on(visit->swaps, name))
		snprintf(visit->buffer, visit->size, "%s is swapped on", name);
	else if (is_held(fd, where, sizeof(where)))
		snprintf(visit->buffer, visit->size, "%s is part of %s", name, where);
	else
		return 0;
	return 1;
}

/* A disk, then the partitions whose names begin with its own. */
static int look_at_disk(const struct visit *visit, int parent_fd, const char *path, const char *disk)
{
	int r = look_at(visit, parent_fd, path, disk);
	char full[PATH_MAX], copy[NAME_MAX + 1];
	struct sysfs_walk walk;
	const char *name;

	snprintf(copy, sizeof(copy), "%s", disk);
	if (r != 0 || sysfs_walk_open(&walk, parent_fd, copy) < 0)
		return r;
	snprintf(full, sizeof(full), "%s/%s", path, copy);
	while (r == 0 && sysfs_walk_next(&walk, &name) > 0)
		if (strncmp(name, copy, strlen(copy)) == 0)
			r = look_at(visit, walk.fd, full, name);
	sysfs_walk_close(&walk);
	return r;
}

/* "nvme0n1" below "nvme0": the controller's other directories (hwmon0, power, ng0n1) are named otherwise. */
static bool is_namespace(const char *name, const char *controller)
{
	size_t length = strlen(controller);

	return strncmp(name, controller, length) == 0 && name[length] == 'n';
}

static int walk_disks(const struct device_handle *device,
		      int (*look)(void *data, int parent_fd, const char *path, const char *name), void *data)
{
	struct sysfs_walk controllers, disks;
	char controller[NAME_MAX + 1], path[PATH_MAX];
	const char *name;
	int r = 0;

	if (sysfs_walk_open(&controllers, device->fd, "nvme") < 0)
		return 0;
	while (r == 0 && sysfs_walk_next(&controllers, &name) > 0) {
		snprintf(controller, sizeof(controller), "%s", name);
		snprintf(path, sizeof(path), "%s/nvme/%s", device->directory, controller);
		if (sysfs_walk_open(&disks, controllers.fd, controller) < 0)
			continue;
		while (r == 0 && sysfs_walk_next(&disks, &name) > 0)
			if (is_namespace(name, controller))
				r = look(data, disks.fd, path, name);
		sysfs_walk_close(&disks);
	}
	sysfs_walk_close(&controllers);
	return r;
}

static int visit_disk(void *data, int parent_fd, const char *path, const char *name)
{
	return look_at_disk(data, parent_fd, path, name);
}

static int take_first(void *data, int parent_fd, const char *path, const char *name)
{
	snprintf(data, NAME_MAX + 1, "%s", name);
	return 1;
}

void block_first(const struct device_handle *device, char *buffer)
{
	buffer[0] = '\0';
	walk_disks(device, take_first, buffer);
}

int block_in_use(struct vfiobind_context *context, const struct device_handle *device, char *first, char *buffer,
		 size_t size)
{
	struct visit visit = {.context = context, .buffer = buffer, .size = size};
	int r = -ENOMEM;

	first[0] = '\0';
	/* Nearly all devices have no disks: then nothing is read. */
	if (!sysfs_exists(device->fd, "nvme"))
		return 0;
	block_first(device, first);
	visit.mounts = read_whole(context, "self/mountinfo");
	visit.swaps = read_whole(context, "swaps");
	if (visit.mounts && visit.swaps)
		r = walk_disks(device, visit_disk, &visit);
	free(visit.mounts);
	free(visit.swaps);
	return r;
}
