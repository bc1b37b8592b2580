/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "module.h"

#include <errno.h>
#include <libkmod.h>
#include <limits.h>
#include <linux/module.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "attribute.h"
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

bool module_suits(struct vfiobind_context *context, const char *modalias, bool *ret_loaded)
{
	struct kmod_ctx *kmod = get_kmod(context);
	struct kmod_list *list = NULL, *entry;
	bool found = false;

	*ret_loaded = false;
	if (!kmod || kmod_module_new_from_lookup(kmod, modalias, &list) < 0)
		return false;
	kmod_list_foreach(entry, list)
	{
		struct kmod_module *module = kmod_module_get_module(entry);
		enum module_status status = module_look_up(context, kmod_module_get_name(module));

		*ret_loaded = *ret_loaded || status == MODULE_PRESENT;
		/* What is blacklisted udev does not load. */
		found = found || status != MODULE_BLACKLISTED;
		kmod_module_unref(module);
	}
	kmod_module_unref_list(list);
	return found;
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

/* One module that has to be inserted, in its turn. */
struct insertion {
	struct kmod_module *module;
	char *options;
	bool command;  /* modprobe.d wants a command run instead */
	bool required; /* else a soft dependency: its failure is of no matter */
};

struct insertions {
	struct insertion *list;
	size_t n;
	bool out_of_memory;
};

static void insertions_free(struct insertions *insertions)
{
	for (size_t i = 0; i < insertions->n; i++) {
		kmod_module_unref(insertions->list[i].module);
		free(insertions->list[i].options);
	}
	free(insertions->list);
}

/* libkmod gives its callback no data. Only during one call of plan_insertions(). */
static _Thread_local struct insertions *planned;

static void add_insertion(struct kmod_module *module, bool install, const char *options)
{
	struct insertion *longer = reallocarray(planned->list, planned->n + 1, sizeof(*longer));
	char *copy = strdup(options);

	if (longer)
		planned->list = longer;
	if (!longer || !copy) {
		free(copy);
		planned->out_of_memory = true;
		return;
	}
	longer[planned->n++] = (struct insertion){
		.module = kmod_module_ref(module),
		.options = copy,
		.command = install,
	};
}

/*
 * What libkmod would insert for @module: dependencies, itself, soft dependencies, each with its options. Whether one is
 * loaded already is not asked for: the kernel says so. Returns a positive number if it is blacklisted.
 */
static int plan_insertions(struct kmod_module *module, struct insertions *insertions)
{
	struct kmod_list *dependencies = kmod_module_get_dependencies(module), *entry;
	int r;

	planned = insertions;
	r = kmod_module_probe_insert_module(module,
					    KMOD_PROBE_APPLY_BLACKLIST | KMOD_PROBE_IGNORE_LOADED | KMOD_PROBE_DRY_RUN,
					    NULL, NULL, NULL, add_insertion);
	planned = NULL;
	for (size_t i = 0; i < insertions->n; i++) {
		struct insertion *insertion = &insertions->list[i];

		insertion->required = insertion->module == module;
		kmod_list_foreach(entry, dependencies)
		{
			struct kmod_module *other = kmod_module_get_module(entry);

			insertion->required = insertion->required || other == insertion->module;
			kmod_module_unref(other);
		}
	}
	kmod_module_unref_list(dependencies);
	return insertions->out_of_memory ? -ENOMEM : r;
}

/* What Linux calls the compression that it can undo, and the ends of the names of such files. */
static bool kernel_decompresses(struct vfiobind_context *context, const char *path)
{
	static const struct {
		const char *suffix;
		const char *name;
	} compressions[] = {{".gz", "gzip"}, {".xz", "xz"}, {".zst", "zstd"}};
	const char *suffix = strrchr(path, '.');
	char text[32];

	for (size_t i = 0; suffix && i < ARRAY_SIZE(compressions); i++)
		if (strcmp(suffix, compressions[i].suffix) == 0)
			return attribute_read(context, "module", "compression", text, sizeof(text)) > 0 &&
			       strcmp(text, compressions[i].name) == 0;
	return false;
}

/*
 * By the worker, for a module's start waits for the devices that it finds. But one that the kernel cannot decompress
 * goes through memory, which is libkmod's affair: such a kernel (before 5.17, or built so) is waited for.
 */
static int insert(struct vfiobind_context *context, const struct insertion *insertion)
{
	const char *path = kmod_module_get_path(insertion->module), *suffix;
	char name[SYSFS_NAME_SIZE + 16];
	int flags = 0, r;

	snprintf(name, sizeof(name), "module/%s", kmod_module_get_name(insertion->module));
	/* Built in, or loaded. */
	if (!path || sysfs_exists(context->sysfs_fd, name))
		return 0;
	suffix = strrchr(path, '.');
	if (suffix && strcmp(suffix, ".ko") != 0) {
		if (!kernel_decompresses(context, path)) {
			r = kmod_module_insert_module(insertion->module, 0, insertion->options);
			context_tell(context, VFIOBIND_ACTION_LOAD_MODULE, NULL,
				     kmod_module_get_name(insertion->module), r);
			return r;
		}
		flags = MODULE_INIT_COMPRESSED_FILE;
	}
	r = worker_start(&context->worker, context->sysfs_fd, context->deadline);
	if (r == 0)
		r = worker_insert_module(&context->worker, context->deadline, path, insertion->options, flags);
	r = r == -EEXIST ? 0 : r;
	context_tell(context, VFIOBIND_ACTION_LOAD_MODULE, NULL, kmod_module_get_name(insertion->module), r);
	return r;
}

static int fail_insert(struct vfiobind_context *context, const struct insertion *insertion, int number,
		       struct vfiobind_error *error)
{
	enum vfiobind_error_code code = VFIOBIND_ERROR_MODULE_LOAD_FAILED;
	const char *name = kmod_module_get_name(insertion->module);
	char lockdown[128];
	int positive;

	if (worker_failed(number)) {
		code = attribute_error_code(context, number, code, &positive);
		return fail(error, .code = code, .number = positive, .operation = "load module", .object = name,
			    .hint = number == -ETIMEDOUT ? "its start waits in the kernel; see dmesg" : NULL);
	}
	if (number == -ENOENT)
		return module_fail(context, name, MODULE_FILE_MISSING, error);
	if ((number == -EPERM || number == -EACCES) &&
	    attribute_read(context, "kernel/security", "lockdown", lockdown, sizeof(lockdown)) > 0 &&
	    !strstr(lockdown, "[none]"))
		return fail(error, .code = VFIOBIND_ERROR_LOCKDOWN, .operation = "load module", .object = name,
			    .found = lockdown, .hint = "sign the module, or boot with lockdown=none");
	if (number == -EPERM || number == -EACCES)
		return fail(error, .code = VFIOBIND_ERROR_PERMISSION_DENIED, .number = -number,
			    .operation = "load module", .object = name, .hint = "run it as root");
	return fail(error, .code = VFIOBIND_ERROR_MODULE_LOAD_FAILED, .number = -number, .operation = "load module",
		    .object = name, .path = kmod_module_get_path(insertion->module),
		    .hint = number == -ENOKEY || number == -EKEYREJECTED ? "the kernel wants signed modules"
									 : "see dmesg");
}

int module_load(struct vfiobind_context *context, const char *name, struct vfiobind_error *error)
{
	_cleanup_(module_unrefp) struct kmod_module *module = find(context, name);
	_cleanup_(insertions_free) struct insertions insertions = {.list = NULL};
	int r;

	if (!module)
		return module_fail(context, name, MODULE_UNKNOWN, error);
	r = plan_insertions(module, &insertions);
	if (r > 0)
		return module_fail(context, name, MODULE_BLACKLISTED, error);
	if (r == -ENOMEM)
		return fail_memory(error);
	if (r < 0)
		return fail(error, .code = VFIOBIND_ERROR_MODULE_LOAD_FAILED, .number = -r, .operation = "load module",
			    .object = name, .path = kmod_module_get_path(module));
	/* A library must not start shells; modprobe is the one to do that. */
	for (size_t i = 0; i < insertions.n; i++)
		if (insertions.list[i].required && insertions.list[i].command)
			return module_fail(context, kmod_module_get_name(insertions.list[i].module),
					   MODULE_INSTALL_COMMAND, error);
	for (size_t i = 0; i < insertions.n; i++) {
		const struct insertion *insertion = &insertions.list[i];

		r = insertion->command ? 0 : insert(context, insertion);
		if (r < 0 && (insertion->required || worker_failed(r)))
			return fail_insert(context, insertion, r, error);
	}
	return 0;
}
