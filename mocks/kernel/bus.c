/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /sys/bus/pci and the files of its drivers (drivers/base/bus.c). */
#include "kernel/base.h"

#include "kernel/pci.h"

struct device *bus_find_device(struct kernel *k, const char *name)
{
	struct device *device;

	TAILQ_FOREACH (device, &k->pci_bus.device_list, on_bus)
		if (sysfs_streq(device->name, name)) {
			kobject_get(&device->kobj);
			return device;
		}
	return NULL;
}

static struct device_driver *to_driver(struct kobject *kobj)
{
	return container_of(kobj, struct device_driver, kobj);
}

/* What was written, without the newline that the kernel overlooks, for the trace. */
static const char *written(const char *buffer, char *text, size_t size)
{
	snprintf(text, size, "%.*s", (int)strcspn(buffer, "\n"), buffer);
	return text;
}

static ssize_t no_such_device(struct kernel *k, const char *buffer, const struct device_driver *driver)
{
	char text[64];

	return STEP(k, DD_MATCH, .driver = driver ? driver->desc->name : NULL,
		    .value = written(buffer, text, sizeof(text)), .result = -ENODEV,
		    .why = "no such device on the bus");
}

static ssize_t bind_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	struct device_driver *driver = to_driver(kobj);
	struct device *device = bus_find_device(kobj->k, buffer);
	const char *why = NULL;
	ssize_t ret;

	if (!device)
		return no_such_device(kobj->k, buffer, driver);
	/* Neither test takes the device lock: a driver that does not match is refused at once, whoever holds it. */
	if (!kobj->k->profile.bind_bound_ebusy && device->driver)
		ret = STEP(kobj->k, DD_MATCH, .device = device->name, .driver = driver->desc->name, .result = -ENODEV,
			   .why = "the device has a driver already");
	else if (!pci_bus_match(to_pci_dev(device), driver, &why))
		ret = STEP(kobj->k, DD_MATCH, .device = device->name, .driver = driver->desc->name, .result = -ENODEV,
			   .why = why);
	else
		ret = device_driver_attach(driver, device);
	kobject_put(&device->kobj);
	return ret ? ret : (ssize_t)count;
}

static ssize_t unbind_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	struct device_driver *driver = to_driver(kobj);
	struct device *device = bus_find_device(kobj->k, buffer);
	ssize_t ret = (ssize_t)count;

	if (!device)
		return no_such_device(kobj->k, buffer, driver);
	if (device->driver != driver) {
		ret = STEP(kobj->k, DD_MATCH, .device = device->name, .driver = driver->desc->name, .result = -ENODEV,
			   .why = "the device is not bound to this driver");
	} else {
		int locked = (int)STEP(kobj->k, DD_LOCK, .device = device->name);

		if (!locked)
			locked = device_release_driver(device);
		if (locked)
			ret = locked;
	}
	kobject_put(&device->kobj);
	return ret;
}

static ssize_t driver_uevent_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	return uevent_store_common(kobj->k, kobj->node, "drivers", buffer, count, NULL, NULL);
}

/* In the order in which they appear: a watcher sees the directory before `bind`. */
static const struct attribute driver_attrs[] = {
	{"uevent", 0200, .store = driver_uevent_store},
	{"new_id", 0200, .store = pci_new_id_store},
	{"remove_id", 0200, .store = pci_remove_id_store},
	{"unbind", 0200, .store = unbind_store},
	{"bind", 0200, .store = bind_store},
};

/* module_add_driver() */
static void add_module_links(struct device_driver *driver)
{
	struct module *module = driver->module;
	char link[80];

	if (!module->kobj.node)
		return;
	kernfs_add_link(driver->kobj.node, "module", module->kobj.node);
	snprintf(link, sizeof(link), "pci:%s", driver->desc->name);
	if (!module->drivers)
		module->drivers = kernfs_add_dir(module->kobj.node, "drivers", NULL);
	kernfs_add_link(module->drivers, link, driver->kobj.node);
}

static void remove_module_links(struct device_driver *driver)
{
	char link[80];

	if (!driver->module->kobj.node)
		return;
	kernfs_remove_by_name(driver->kobj.node, "module");
	snprintf(link, sizeof(link), "pci:%s", driver->desc->name);
	kernfs_remove_by_name(driver->module->drivers, link);
}

void bus_add_driver(struct kernel *k, struct device_driver *driver)
{

	STEP(k, DRIVER_ADD, .driver = driver->desc->name, .module = driver->module->desc->name);
	driver->kobj.node = kernfs_add_dir(k->pci_bus.drivers, driver->desc->name, &driver->kobj);
	TAILQ_INSERT_TAIL(&k->pci_bus.driver_list, driver, on_bus);
	driver->registered = true;
	/* bus_add_driver(): devices are taken before the driver's own files and its event exist. */
	if (k->pci_bus.drivers_autoprobe && !k->booting)
		driver_attach(driver);
	add_module_links(driver);
	kernfs_add_attrs(driver->kobj.node, &driver->kobj, driver_attrs, ARRAY_SIZE(driver_attrs));
	kobject_uevent(k, driver->kobj.node, "add", "drivers", NULL, NULL, NULL);
}

static bool has_no_probes(const void *driver)
{
	return !((const struct device_driver *)driver)->probes;
}

int bus_remove_driver(struct kernel *k, struct device_driver *driver)
{
	struct dynamic_id *id;
	int ret;

	STEP(k, DRIVER_REMOVE, .driver = driver->desc->name, .module = driver->module->desc->name);
	for (size_t i = ARRAY_SIZE(driver_attrs); i-- > 0;)
		kernfs_remove_by_name(driver->kobj.node, driver_attrs[i].name);
	driver->registered = false;
	ret = kernel_wait_for(k, has_no_probes, driver);
	/* An abort ends these waits early: what was waited for still runs. */
	if (!ret)
		ret = k->abort_error ? k->abort_error : driver_detach(driver);
	if (ret)
		return ret;
	TAILQ_REMOVE(&k->pci_bus.driver_list, driver, on_bus);
	remove_module_links(driver);
	kobject_uevent(k, driver->kobj.node, "remove", "drivers", NULL, NULL, NULL);
	kernfs_remove(driver->kobj.node);
	while ((id = TAILQ_FIRST(&driver->dynamic_ids))) {
		TAILQ_REMOVE(&driver->dynamic_ids, id, list);
		free(id);
	}
	kobject_put(&driver->kobj);
	return 0;
}

static ssize_t drivers_probe_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	struct device *device = bus_find_device(kobj->k, buffer);
	ssize_t ret = (ssize_t)count;

	if (!device)
		return no_such_device(kobj->k, buffer, NULL);
	/* bus_rescan_devices_helper(): a device that has a driver, even half-way, is left alone, and that is success. */
	if (device->driver)
		STEP(kobj->k, DD_MATCH, .device = device->name, .driver = device->driver->desc->name,
		     .why = "nothing to do: the device has a driver");
	else if (device_attach(device) < 0)
		ret = -EINVAL; /* whatever the reason, which a step has told */
	kobject_put(&device->kobj);
	return ret;
}

static ssize_t drivers_autoprobe_show(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	return sprintf(buffer, "%d\n", kobj->k->pci_bus.drivers_autoprobe);
}

static ssize_t drivers_autoprobe_store(struct kobject *kobj, const struct attribute *attr, const char *buffer,
				       size_t count)
{
	kobj->k->pci_bus.drivers_autoprobe = buffer[0] != '0';
	return (ssize_t)count;
}

static ssize_t bus_uevent_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	return uevent_store_common(kobj->k, kobj->node, "bus", buffer, count, NULL, NULL);
}

static ssize_t resource_alignment_show(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	return sprintf(buffer, "%s", kobj->k->resource_alignment);
}

/* Kept and shown; it would matter at the next boot only. */
static ssize_t resource_alignment_store(struct kobject *kobj, const struct attribute *attr, const char *buffer,
					size_t count)
{
	int length = (int)strcspn(buffer, "\n");

	snprintf(kobj->k->resource_alignment, sizeof(kobj->k->resource_alignment), length ? "%.*s\n" : "%.*s", length,
		 buffer);
	return (ssize_t)count;
}

static const struct attribute bus_attrs[] = {
	{"uevent", 0200, .store = bus_uevent_store, .flags = ATTRIBUTE_STATIC},
	{"drivers_probe", 0200, .store = drivers_probe_store, .flags = ATTRIBUTE_STATIC},
	{"drivers_autoprobe", 0644, drivers_autoprobe_show, drivers_autoprobe_store,
	 .flags = ATTRIBUTE_STATIC | ATTRIBUTE_STORE_INLINE},
	{"rescan", 0200, .store = pci_bus_rescan_store, .flags = ATTRIBUTE_STATIC},
	{"resource_alignment", 0644, resource_alignment_show, resource_alignment_store,
	 .flags = ATTRIBUTE_STATIC | ATTRIBUTE_STORE_INLINE},
};

void bus_init(struct kernel *k)
{
	struct bus_type *bus = &k->pci_bus;

	kobject_init(&bus->kobj, k, NULL);
	bus->kobj.node = kernfs_get_dir(k->sys, "bus/pci");
	bus->devices = kernfs_get_dir(bus->kobj.node, "devices");
	bus->drivers = kernfs_get_dir(bus->kobj.node, "drivers");
	kernfs_get_dir(bus->kobj.node, "slots");
	kernfs_set_static(bus->devices);
	kernfs_set_static(bus->drivers);
	kernfs_set_static(bus->kobj.node);
	TAILQ_INIT(&bus->device_list);
	TAILQ_INIT(&bus->driver_list);
	bus->drivers_autoprobe = true;
	kernfs_add_attrs(bus->kobj.node, &bus->kobj, bus_attrs, ARRAY_SIZE(bus_attrs));
}
