/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The control files, /sys/kernel/debug/mocksys: how tests, shells and the shim drive the fake itself. */
#include "kernel/base.h"

#include "kernel/hotplug.h"
#include "kernel/snapshot.h"
#include "kernel/step-internal.h"

#include <limits.h>

int control_refuse(struct kernel *k, const char *file, const char *value, int error, const char *why)
{
	char path[64];

	snprintf(path, sizeof(path), KERNFS_CONTROL "/%s", file);
	trace_record(k->steps, STEP_SYS_WRITE, &(struct step_args){.path = path, .value = value, .why = why}, -error);
	return -error;
}

static ssize_t reset_store(struct kobject *kobj, const struct attribute *attr, const char *data, size_t size)
{
	int ret = kernel_reset(kobj->k);

	return ret ? ret : (ssize_t)size;
}

static char *trace_text(struct kobject *kobj, const struct attribute *attr)
{
	return step_trace_text(kobj->k);
}

static ssize_t trace_store(struct kobject *kobj, const struct attribute *attr, const char *data, size_t size)
{
	if (size < 5 || strncmp(data, "clear", 5) || size > 6 || (size == 6 && data[5] != '\n'))
		return -EINVAL;
	step_trace_clear(kobj->k);
	return (ssize_t)size;
}

static char *faults_text(struct kobject *kobj, const struct attribute *attr)
{
	return step_rules_text(kobj->k);
}

static ssize_t faults_store(struct kobject *kobj, const struct attribute *attr, const char *data, size_t size)
{
	char *text = xasprintf("%.*s", (int)size, data);
	int ret = step_rules_parse(kobj->k, text);

	free(text);
	return ret ? ret : (ssize_t)size;
}

static char *held_text(struct kobject *kobj, const struct attribute *attr)
{
	return step_held_text(kobj->k);
}

static ssize_t release_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	unsigned long long id;

	if (kstrtoull(buffer, &id))
		return control_refuse(kobj->k, "release", buffer, EINVAL, step_no_number);
	if (step_release(kobj->k, (unsigned long)id))
		return control_refuse(kobj->k, "release", buffer, ENOENT, "no step of this number is held");
	return (ssize_t)count;
}

static char *state_text(struct kobject *kobj, const struct attribute *attr)
{
	struct kernel *k = kobj->k;
	struct machine *snapshot;
	char *text;

	if (!k->host.format_machine)
		return xstrdup("");
	snapshot = machine_snapshot(k);
	text = k->host.format_machine(k->host.context, snapshot);
	machine_snapshot_free(snapshot);
	return text ? text : xstrdup("");
}

enum { SPLIT_MAX = 1024 };

/* Splits "VERB ARGUMENT[ REST]\n". @rest: SPLIT_MAX bytes, or NULL. */
static bool split(const char *data, size_t size, char *verb, char *argument, char *rest)
{
	char line[SPLIT_MAX];
	int end = 0;

	if (size >= sizeof(line))
		return false;
	memcpy(line, data, size);
	line[size] = '\0';
	if (sscanf(line, "%31s %127s%n", verb, argument, &end) != 2)
		return false;
	if (rest)
		strcpy(rest, line + end);
	return true;
}

/* What init_module(2) and delete_module(2) become in the shim: "load NAME[ PARAMETER=VALUE ...]", "unload NAME". */
static ssize_t modules_store(struct kobject *kobj, const struct attribute *attr, const char *data, size_t size)
{
	char verb[32], name[128], parameters[SPLIT_MAX];
	int ret = -EINVAL;

	if (!split(data, size, verb, name, parameters))
		return -EINVAL;
	if (kernel_client()->uid != 0)
		return -EPERM;
	if (!strcmp(verb, "load"))
		ret = kernel_init_module(kobj->k, name, parameters);
	else if (!strcmp(verb, "unload"))
		ret = kernel_delete_module(kobj->k, name);
	return ret ? ret : (ssize_t)size;
}

static int change_users(struct pci_dev *dev, const char *verb, const char **ret_why)
{
	*ret_why = "neither open nor close";
	if (!strcmp(verb, "open"))
		return vfio_user_open(dev, ret_why);
	if (!strcmp(verb, "close"))
		return vfio_user_close(dev, ret_why);
	return -EINVAL;
}

static ssize_t users_store(struct kobject *kobj, const struct attribute *attr, const char *data, size_t size)
{
	char verb[32], name[128];
	const char *why = NULL;
	struct device *device;
	int ret;

	if (!split(data, size, verb, name, NULL))
		return control_refuse(kobj->k, "users", "", EINVAL, "`open ADDRESS` or `close ADDRESS` is wanted");
	device = bus_find_device(kobj->k, name);
	if (!device)
		return control_refuse(kobj->k, "users", name, ENODEV, "no such device on the bus");
	ret = change_users(to_pci_dev(device), verb, &why);
	kobject_put(&device->kobj);
	return ret ? control_refuse(kobj->k, "users", name, -ret, why) : (ssize_t)size;
}

/* `add ADDRESS MODEL [group=N]`: what is behind the model. False: it is something else. */
static bool parse_group(const char *text, int *ret_group)
{
	unsigned long long group;

	*ret_group = -1;
	if (!*text)
		return true;
	if (strncmp(text, "group=", 6) || kstrtoull(text + 6, &group) || group > INT_MAX)
		return false;
	*ret_group = (int)group;
	return true;
}

static ssize_t hotplug_store(struct kobject *kobj, const struct attribute *attr, const char *data, size_t size)
{
	char line[256], verb[32] = "", address[64] = "", model[64] = "", rest[32] = "", more[2] = "";
	const char *why = "`add ADDRESS MODEL [group=N]` or `remove ADDRESS` is wanted";
	struct kernel *k = kobj->k;
	int n, group, ret = -EINVAL;

	snprintf(line, sizeof(line), "%.*s", (int)size, data);
	n = sscanf(line, "%31s %63s %63s %31s %1s", verb, address, model, rest, more);
	if (!strcmp(verb, "add") && n >= 3 && n <= 4 && parse_group(rest, &group))
		ret = hotplug_add(k, address, model, group, &why);
	else if (!strcmp(verb, "remove") && n == 2)
		ret = hotplug_remove(k, address, &why);
	return ret ? control_refuse(k, "hotplug", line, -ret, why) : (ssize_t)size;
}

static const struct attribute attrs[] = {
	{"reset", 0200, .store_long = reset_store, .flags = ATTRIBUTE_CONTROL},
	{"trace", 0644, .show_long = trace_text, .store_long = trace_store,
	 .flags = ATTRIBUTE_CONTROL | ATTRIBUTE_STORE_INLINE},
	{"faults", 0644, .show_long = faults_text, .store_long = faults_store,
	 .flags = ATTRIBUTE_CONTROL | ATTRIBUTE_STORE_INLINE},
	{"held", 0444, .show_long = held_text, .flags = ATTRIBUTE_CONTROL},
	{"wait", 0644, .stream = &watch_stream,
	 .flags = ATTRIBUTE_CONTROL | ATTRIBUTE_SHOW_WAITS | ATTRIBUTE_STORE_INLINE},
	{"release", 0200, .store = release_store, .flags = ATTRIBUTE_CONTROL | ATTRIBUTE_STORE_INLINE},
	{"state", 0444, .show_long = state_text, .flags = ATTRIBUTE_CONTROL},
	{"modules", 0200, .store_long = modules_store, .flags = ATTRIBUTE_CONTROL},
	{"hotplug", 0200, .store_long = hotplug_store, .flags = ATTRIBUTE_CONTROL},
	{"users", 0200, .store_long = users_store, .flags = ATTRIBUTE_CONTROL | ATTRIBUTE_STORE_INLINE},
};

static char *deferred_text(struct kobject *kobj, const struct attribute *attr)
{
	return deferred_probe_text(kobj->k);
}

/* A part of the real debugfs that programs look at. */
static const struct attribute devices_deferred = {"devices_deferred", 0444, .show_long = deferred_text};

void control_init(struct kernel *k)
{
	struct kernfs_node *dir = kernfs_get_dir(k->root, KERNFS_CONTROL);

	for (size_t i = 0; i < ARRAY_SIZE(attrs); i++) {
		struct kernfs_node *node = kernfs_add_attr(dir, &k->self, &attrs[i]);

		/* They outlive a reset, so that a test may keep them open. */
		kernfs_set_permanent(node);
		kernfs_set_static(node);
	}
	kernfs_set_permanent(kernfs_add_attr(kernfs_parent(dir), &k->self, &devices_deferred));
}
