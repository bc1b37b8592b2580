/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "context.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "error.h"
#include "module.h"
#include "sysfs.h"
#include "util.h"

/* Drivers take seconds; one that takes longer than this will hardly come back. */
#define DEFAULT_TIMEOUT_MS 30000

const char *vfiobind_library_version(void)
{
	return VFIOBIND_VERSION;
}

int vfiobind_context_new(struct vfiobind_context **ret_context)
{
	struct vfiobind_context *context = calloc(1, sizeof(*context));
	struct utsname name;

	if (!context)
		return -ENOMEM;
	context->sysfs_fd = -1;
	context->timeout_ms = DEFAULT_TIMEOUT_MS;
	context->worker = (struct worker)WORKER_NONE;
	uname(&name);
	context->sysfs_root = strdup("/sys");
	context->device_root = strdup("/dev");
	context->state_root = strdup("/run/vfiobind");
	context->proc_root = strdup("/proc");
	if (asprintf(&context->modules_root, "/lib/modules/%s", name.release) < 0)
		context->modules_root = NULL;
	if (!context->sysfs_root || !context->device_root || !context->state_root || !context->proc_root ||
	    !context->modules_root) {
		vfiobind_context_free(context);
		return -ENOMEM;
	}
	*ret_context = context;
	return 0;
}

struct vfiobind_context *vfiobind_context_free(struct vfiobind_context *context)
{
	if (!context)
		return NULL;
	worker_end(&context->worker);
	close_fd(context->sysfs_fd);
	module_forget(context);
	free(context->sysfs_root);
	free(context->modules_root);
	free(context->device_root);
	free(context->state_root);
	free(context->proc_root);
	free(context);
	return NULL;
}

static int set_root(char **root, const char *path)
{
	char *copy;

	if (!path || path[0] != '/')
		return -EINVAL;
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	free(*root);
	*root = copy;
	return 0;
}

int vfiobind_context_set_sysfs_root(struct vfiobind_context *context, const char *path)
{
	return context->sysfs_fd >= 0 ? -EBUSY : set_root(&context->sysfs_root, path);
}

int vfiobind_context_set_modules_root(struct vfiobind_context *context, const char *path)
{
	return context->kmod ? -EBUSY : set_root(&context->modules_root, path);
}

int vfiobind_context_set_device_root(struct vfiobind_context *context, const char *path)
{
	return set_root(&context->device_root, path);
}

int vfiobind_context_set_timeout(struct vfiobind_context *context, unsigned int milliseconds)
{
	if (milliseconds == 0)
		return -EINVAL;
	context->timeout_ms = milliseconds;
	return 0;
}

int vfiobind_context_set_state_root(struct vfiobind_context *context, const char *path)
{
	return set_root(&context->state_root, path);
}

int vfiobind_context_set_proc_root(struct vfiobind_context *context, const char *path)
{
	return set_root(&context->proc_root, path);
}

int vfiobind_context_set_observer(struct vfiobind_context *context, vfiobind_observer observer, void *data)
{
	context->observer = observer;
	context->observer_data = data;
	return 0;
}

void context_tell(const struct vfiobind_context *context, enum vfiobind_action_kind kind, const char *path,
		  const char *value, int result)
{
	const struct vfiobind_action action = {.kind = kind, .path = path, .value = value};

	if (context->observer)
		context->observer(context->observer_data, &action, result);
}

void context_extend(struct vfiobind_context *context)
{
	context->deadline = deadline_in(context->timeout_ms);
}

int context_begin(struct vfiobind_context *context, struct vfiobind_error *error)
{
	int fd;

	context_extend(context);
	if (context->sysfs_fd >= 0)
		return 0;
	fd = sysfs_open_directory(-1, context->sysfs_root);
	if (fd < 0)
		return fail(error, .code = VFIOBIND_ERROR_SYSFS_UNAVAILABLE, .number = -fd, .path = context->sysfs_root,
			    .hint = "mount sysfs");
	context->sysfs_fd = fd;
	return 0;
}
