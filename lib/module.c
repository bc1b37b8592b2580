/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "module.h"

#include <errno.h>
#include <libkmod.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "context.h"
#include "error.h"
#include "sysfs.h"
#include "util.h"

static void module_unrefp(struct kmod_module **module)
{
	kmod_module_unref(*module);
}

void module_normalise(char *name)
{
	for (; *name; name++)
		if (*name == '-')
			*name = '_';
}

bool module_names_equal(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (*a != *b && !((*a == '-' || *a == '_') && (*b == '-' || *b == '_')))
			return false;
	return *a == *b;
}

/* libkmod would print to stderr. */
static void log_nothing(void *data, int priority, const char *file, int line, const char *function, const char *format,
			va_list arguments)
{
}

static struct kmod_ctx *get_kmod(struct vfiobind_context *context)
{
	if (!context->kmod) {
		context->kmod = kmod_new(context->modules_root, NULL);
		if (context->kmod)
			kmod_set_log_fn(context->kmod, log_nothing, NULL);
	}
	return context->kmod;
}

void module_forget(struct vfiobind_context *context)
{
	if (context->kmod)
		kmod_unref(context->kmod);
	context->kmod = NULL;
}

/* By the name alone, aliases are not followed. Returns NULL if there is no such module. */
static struct kmod_module *find(struct vfiobind_context *context, const char *name)
{
	struct kmod_ctx *kmod = get_kmod(context);
	struct kmod_module *module = NULL;

	if (!kmod || kmod_module_new_from_name_lookup(kmod, name, &module) < 0)
		return NULL;
	return module;
}

static bool is_blacklisted(struct kmod_ctx *kmod, const char *name)
{
	struct kmod_config_iter *iterator = kmod_config_get_blacklists(kmod);
	bool found = false;

	while (iterator && !found && kmod_config_iter_next(iterator))
		found = module_names_equal(kmod_config_iter_get_key(iterator), name);
	if (iterator)
		kmod_config_iter_free_iter(iterator);
	return found;
}

enum module_status module_look_up(struct vfiobind_context *context, const char *name)
{
	_cleanup_(module_unrefp) struct kmod_module *module = NULL;
	char path[SYSFS_NAME_SIZE + 16];
	const char *file;

	snprintf(path, sizeof(path), "module/%s", name);
	if (sysfs_exists(context->sysfs_fd, path))
		return MODULE_PRESENT;
	module = find(context, name);
	if (!module)
		return MODULE_UNKNOWN;
	/* Known, but without a file: built in. kmod_module_get_initstate() would look into /sys once more. */
	file = kmod_module_get_path(module);
	if (!file)
		return MODULE_PRESENT;
	if (is_blacklisted(context->kmod, name))
		return MODULE_BLACKLISTED;
	if (kmod_module_get_install_commands(module))
		return MODULE_INSTALL_COMMAND;
	return access(file, F_OK) == 0 ? MODULE_LOADABLE : MODULE_FILE_MISSING;
}

static const struct {
	const char *text;
	enum vfiobind_error_code code;
	const char *hint;
} statuses[] = {
	[MODULE_PRESENT] = {.text = "loaded"},
	[MODULE_LOADABLE] = {.text = "can be loaded"},
	[MODULE_UNKNOWN] = {"no such module", VFIOBIND_ERROR_DRIVER_NOT_FOUND,
			    "is its package installed, was depmod run?"},
	[MODULE_FILE_MISSING] = {"its file is missing", VFIOBIND_ERROR_MODULE_MISSING, "install it, or run depmod"},
	[MODULE_BLACKLISTED] =
		{"blacklisted", VFIOBIND_ERROR_MODULE_BLACKLISTED,
		 "remove the blacklist line from modprobe.d or the kernel command line, or load it by hand"},
	[MODULE_INSTALL_COMMAND] = {"replaced by an install command", VFIOBIND_ERROR_MODULE_INSTALL_COMMAND,
				    "load it by hand with modprobe"},
};

const char *module_status_text(enum module_status status)
{
	return statuses[status].text;
}

int module_fail(struct vfiobind_context *context, const char *module, enum module_status status,
		struct vfiobind_error *error)
{
	return fail(error, .code = statuses[status].code, .operation = "load module", .object = module,
		    .path = context->modules_root, .hint = statuses[status].hint);
}

bool module_depends_on(struct vfiobind_context *context, const char *name, const char *dependency)
{
	_cleanup_(module_unrefp) struct kmod_module *module = find(context, name);
	struct kmod_list *list, *entry;
	bool found = false;

	if (!module)
		return false;
	list = kmod_module_get_dependencies(module);
	kmod_list_foreach(entry, list)
	{
		struct kmod_module *other = kmod_module_get_module(entry);

		found = found || strcmp(kmod_module_get_name(other), dependency) == 0;
		kmod_module_unref(other);
	}
	kmod_module_unref_list(list);
	return found;
}

/* A library must not start shells; modprobe is the one to do that. */
static int refuse_command(struct kmod_module *module, const char *command, void *data)
{
	*(bool *)data = true;
	return -ECANCELED;
}

int module_load(struct vfiobind_context *context, const char *name, struct vfiobind_error *error)
{
	_cleanup_(module_unrefp) struct kmod_module *module = find(context, name);
	bool command = false;
	int r;

	if (!module)
		return module_fail(context, name, MODULE_UNKNOWN, error);
	r = kmod_module_probe_insert_module(module, KMOD_PROBE_APPLY_BLACKLIST, NULL, refuse_command, &command, NULL);
	if (r > 0)
		return module_fail(context, name, MODULE_BLACKLISTED, error);
	if (command)
		return module_fail(context, name, MODULE_INSTALL_COMMAND, error);
	if (r == -EPERM || r == -EACCES)
		return fail(error, .code = VFIOBIND_ERROR_PERMISSION_DENIED, .number = -r, .operation = "load module",
			    .object = name, .hint = "run it as root; does the kernel want signed modules?");
	if (r < 0)
		return fail(error, .code = VFIOBIND_ERROR_MODULE_LOAD_FAILED, .number = -r, .operation = "load module",
			    .object = name, .path = kmod_module_get_path(module), .hint = "see dmesg");
	return 0;
}
