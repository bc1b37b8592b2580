/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Modules: /sys/module, loading and unloading (kernel/module/main.c), and /proc/modules. */
#include "kernel/base.h"

#include "kernel/pci.h"
#include "kernel/vfio.h"

static struct module *to_module(struct kobject *kobj)
{
	return container_of(kobj, struct module, kobj);
}

static const struct module_desc *find_desc(struct kernel *k, const char *name)
{
	for (size_t i = 0; i < k->machine->n_modules; i++)
		if (name_equal_dashes(k->machine->modules[i].name, name))
			return &k->machine->modules[i];
	return NULL;
}

struct module *module_find(struct kernel *k, const char *name)
{
	struct module *module;

	TAILQ_FOREACH (module, &k->modules, list)
		if (name_equal_dashes(module->desc->name, name))
			return module;
	return NULL;
}

static bool holds(const struct module *holder, const struct module *module)
{
	for (const char *const *d = holder->desc->depends; d && *d; d++)
		if (name_equal_dashes(*d, module->desc->name))
			return true;
	return false;
}

static unsigned count_holders(struct kernel *k, const struct module *module)
{
	struct module *other;
	unsigned n = 0;

	TAILQ_FOREACH (other, &k->modules, list)
		n += holds(other, module);
	return n;
}

static ssize_t initstate_show(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	static const char *const states[] = {"coming", "live", "going"};

	return sprintf(buffer, "%s\n", states[to_module(kobj)->state]);
}

/* module_refcount() */
static unsigned references(struct kernel *k, const struct module *module)
{
	bool holds_inodes = k->profile.vfio_fs && !strcmp(module->desc->name, "vfio") && vfio_is_in_use(k);

	return count_holders(k, module) + module->users + holds_inodes;
}

static ssize_t refcnt_show(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	return sprintf(buffer, "%u\n", references(kobj->k, to_module(kobj)));
}

static ssize_t module_uevent_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	return uevent_store_common(kobj->k, kobj->node, "module", buffer, count, NULL, NULL);
}

static const struct attribute uevent_attr = {"uevent", 0200, .store = module_uevent_store, .flags = ATTRIBUTE_STATIC};

static const struct attribute loadable_attrs[] = {
	{"coresize", 0444, .text = "16384\n"}, {"initsize", 0444, .text = "0\n"}, {"initstate", 0444, initstate_show},
	{"refcnt", 0444, refcnt_show},         {"taint", 0444, .text = "\n"},
};

static void release_module(struct kobject *kobj)
{
	free(to_module(kobj)->parameter_values);
	free(to_module(kobj));
}

/* What is built in has a directory for its parameters only, or (late) for its drivers. */
static bool has_directory(struct kernel *k, const struct module_desc *desc)
{
	return !desc->builtin || desc->n_parameters || k->profile.builtin_module_link;
}

static struct module *make_module(struct kernel *k, const struct module_desc *desc)
{
	struct module *module = xcalloc(sizeof(*module)), *dependency;

	kobject_init(&module->kobj, k, release_module);
	module->desc = desc;
	module->state = MODULE_COMING;
	if (has_directory(k, desc)) {
		module->kobj.node = kernfs_add_dir(kernfs_get_dir(k->sys, "module"), desc->name, &module->kobj);
		kernfs_add_attr(module->kobj.node, &module->kobj, &uevent_attr);
	}
	module_add_parameters(module);
	if (!desc->builtin) {
		kernfs_add_attrs(module->kobj.node, &module->kobj, loadable_attrs, ARRAY_SIZE(loadable_attrs));
		module->holders = kernfs_add_dir(module->kobj.node, "holders", NULL);
	}
	/* add_usage_links(): only what was loaded holds another. */
	TAILQ_FOREACH (dependency, &k->modules, list)
		if (!desc->builtin && dependency->holders && holds(module, dependency))
			kernfs_add_link(dependency->holders, desc->name, module->kobj.node);
	TAILQ_INSERT_TAIL(&k->modules, module, list);
	return module;
}

static void release_driver(struct kobject *kobj)
{
	struct device_driver *driver = container_of(kobj, struct device_driver, kobj);

	kobject_put(&driver->module->kobj);
	free(driver);
}

static void add_driver(struct kernel *k, struct module *module, const struct driver_desc *desc)
{
	struct device_driver *driver = xcalloc(sizeof(*driver));

	kobject_init(&driver->kobj, k, release_driver);
	driver->desc = desc;
	driver->module = module;
	kobject_get(&module->kobj);
	TAILQ_INIT(&driver->devices);
	TAILQ_INIT(&driver->dynamic_ids);
	bus_add_driver(k, driver);
}

/* What the module's init function does: register its drivers, or what makes vfio vfio. */
static void call_init(struct kernel *k, struct module *module)
{
	if (!strcmp(module->desc->name, "vfio"))
		vfio_module_init(k);
	if (!strcmp(module->desc->name, "nvme_core"))
		nvme_core_module_init(k);
	vfio_pci_module_init(k, module);
	for (size_t i = 0; i < k->machine->n_drivers; i++)
		if (name_equal_dashes(k->machine->drivers[i]->module, module->desc->name))
			add_driver(k, module, k->machine->drivers[i]);
}

static struct device_driver *driver_of(struct kernel *k, const struct module *module)
{
	struct device_driver *driver;

	TAILQ_FOREACH (driver, &k->pci_bus.driver_list, on_bus)
		if (driver->module == module)
			return driver;
	return NULL;
}

static int call_exit(struct kernel *k, struct module *module)
{
	struct device_driver *driver;
	int ret;

	/* One after the other from the start: while one is removed, others may come and go. */
	while ((driver = driver_of(k, module)))
		if ((ret = bus_remove_driver(k, driver)))
			return ret;
	if (!strcmp(module->desc->name, "vfio"))
		vfio_module_exit(k);
	if (!strcmp(module->desc->name, "nvme_core"))
		nvme_core_module_exit(k);
	return 0;
}

static const char *missing_dependency(struct kernel *k, const struct module_desc *desc)
{
	for (const char *const *d = desc->depends; d && *d; d++) {
		const struct module *module = module_find(k, *d);

		if (find_desc(k, *d) && (!module || module->state != MODULE_LIVE))
			return *d;
	}
	return NULL;
}

static int may_load(struct kernel *k, const char *name, const char **ret_why)
{
	const struct module_desc *desc = find_desc(k, name);

	if (!desc) {
		*ret_why = "the machine has no such module";
		return -ENOENT;
	}
	if (module_find(k, name)) {
		*ret_why = "it is loaded";
		return -EEXIST;
	}
	if (missing_dependency(k, desc)) {
		*ret_why = "unknown symbol: a module it depends on is not loaded";
		return -ENOENT;
	}
	return 0;
}

int kernel_init_module(struct kernel *k, const char *name, const char *parameters)
{
	const char *why = NULL;
	struct module *module;
	int ret = may_load(k, name, &why);

	ret = (int)STEP(k, MODULE_LOAD, .module = name, .result = ret, .why = why);
	if (!ret)
		ret = may_load(k, name, &why); /* a rule may have let others run */
	if (ret)
		return ret;
	if (!module_parameters_valid(k, find_desc(k, name), parameters))
		return STEP(k, MODULE_LOAD, .module = name, .result = -EINVAL, .why = "a parameter has no such value");
	module = make_module(k, find_desc(k, name));
	module_set_parameters(k, module, parameters);
	call_init(k, module);
	module->state = MODULE_LIVE;
	STEP(k, MODULE_LIVE, .module = module->desc->name);
	if (!module->desc->builtin)
		kobject_uevent(k, module->kobj.node, "add", "module", NULL, NULL, NULL);
	/* async_synchronize_full(): whoever loaded it finds its devices bound. */
	kernel_run_works(k);
	return 0;
}

static int remove_module(struct kernel *k, struct module *module)
{
	struct module *dependency;
	int ret = call_exit(k, module);

	if (ret)
		return ret;
	TAILQ_REMOVE(&k->modules, module, list);
	TAILQ_FOREACH (dependency, &k->modules, list)
		if (dependency->holders)
			kernfs_remove_by_name(dependency->holders, module->desc->name);
	if (module->kobj.node) {
		kobject_uevent(k, module->kobj.node, "remove", "module", NULL, NULL, NULL);
		kernfs_remove(module->kobj.node);
	}
	kobject_put(&module->kobj);
	return 0;
}

static int may_unload(struct kernel *k, const struct module *module, const char **ret_why)
{
	if (!module || module->desc->builtin) {
		*ret_why = "it is not loaded as a module";
		return -ENOENT;
	}
	if (count_holders(k, module)) {
		*ret_why = "other modules hold it";
		return -EWOULDBLOCK;
	}
	if (module->state != MODULE_LIVE) {
		*ret_why = "it is coming or going";
		return -EBUSY;
	}
	if (module->users) {
		*ret_why = "it is in use";
		return -EWOULDBLOCK;
	}
	return 0;
}

int kernel_delete_module(struct kernel *k, const char *name)
{
	const char *why = NULL;
	struct module *module;
	int ret = may_unload(k, module_find(k, name), &why);

	ret = (int)STEP(k, MODULE_UNLOAD, .module = name, .result = ret, .why = why);
	if (!ret)
		ret = may_unload(k, module_find(k, name), &why);
	if (ret)
		return ret;
	module = module_find(k, name);
	module->state = MODULE_GOING;
	return remove_module(k, module);
}

static int modprobe(struct kernel *k, const char *name, unsigned depth)
{
	const struct module_desc *desc = find_desc(k, name);
	int ret;

	if (!desc || depth > 16)
		return -ENOENT;
	if (module_find(k, name))
		return 0;
	for (const char *const *d = desc->depends; d && *d; d++)
		if (find_desc(k, *d) && (ret = modprobe(k, *d, depth + 1)))
			return ret;
	ret = kernel_init_module(k, name, "");
	for (const char *const *d = desc->softdep_post; !ret && d && *d; d++)
		modprobe(k, *d, depth + 1);
	return ret;
}

int kernel_modprobe(struct kernel *k, const char *name)
{
	return modprobe(k, name, 0);
}

/* `loaded` may say a driver or a module. */
static const char *module_of(struct kernel *k, const char *name)
{
	for (size_t i = 0; i < k->machine->n_drivers; i++)
		if (!strcmp(k->machine->drivers[i]->name, name))
			return k->machine->drivers[i]->module;
	return name;
}

void module_boot(struct kernel *k)
{
	for (size_t i = 0; i < k->machine->n_modules; i++)
		if (k->machine->modules[i].builtin)
			kernel_modprobe(k, k->machine->modules[i].name);
	for (const char *const *name = k->machine->loaded; name && *name; name++)
		kernel_modprobe(k, module_of(k, *name));
}

void module_exit(struct kernel *k)
{
	struct module *module;

	/* Last loaded first: nobody holds it. */
	while ((module = TAILQ_LAST(&k->modules, module_list)))
		remove_module(k, module);
}

static void print_holders(FILE *stream, struct kernel *k, const struct module *module)
{
	struct module *holder;
	bool any = false;

	TAILQ_FOREACH (holder, &k->modules, list)
		if (holds(holder, module)) {
			fprintf(stream, "%s,", holder->desc->name);
			any = true;
		}
	if (!any)
		fputc('-', stream);
}

/* /proc/modules: the newest first. */
static char *proc_modules(struct kobject *kobj, const struct attribute *attr)
{
	static const char *const states[] = {"Loading", "Live", "Unloading"};
	struct kernel *k = kobj->k;
	struct module *module;
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		abort();
	TAILQ_FOREACH_REVERSE(module, &k->modules, module_list, list)
	{
		if (module->desc->builtin)
			continue;
		fprintf(stream, "%s 16384 %u ", module->desc->name, references(k, module));
		print_holders(stream, k, module);
		fprintf(stream, " %s 0x0000000000000000\n", states[module->state]);
	}
	fclose(stream);
	return text;
}

void proc_init(struct kernel *k)
{
	static const struct attribute modules = {"modules", 0444, .show_long = proc_modules};
	struct kernfs_node *node = kernfs_add_attr(kernfs_get_dir(k->root, "proc"), &k->self, &modules);

	kernfs_set_permanent(node);
	kernfs_set_static(node);
}
