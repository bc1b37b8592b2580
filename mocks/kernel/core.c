/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Class devices: their directory, links, number and events (drivers/base/core.c, class.c). */
#include "kernel/base.h"

#include "kernel/kernfs-internal.h"

#include <sys/sysmacros.h>

static void class_uevent(struct kernel *k, struct class_type *class, const char *action)
{
	kobject_uevent(k, class->node, action, "class", NULL, NULL, NULL);
}

struct class_type *class_get(struct kernel *k, const char *name)
{
	char path[64];
	struct class_type *class = NULL;

	for (size_t i = 0; i < k->n_classes; i++) {
		if (!strcmp(k->classes[i].name, name) && k->classes[i].node)
			return &k->classes[i];
		if (!strcmp(k->classes[i].name, name))
			class = &k->classes[i];
	}
	if (!class) {
		if (k->n_classes == ARRAY_SIZE(k->classes))
			abort();
		class = &k->classes[k->n_classes++];
		class->name = name;
	}
	snprintf(path, sizeof(path), "class/%s", name);
	class->node = kernfs_get_dir(k->sys, path);
	class_uevent(k, class, "add");
	return class;
}

void class_remove(struct kernel *k, const char *name)
{
	for (size_t i = 0; i < k->n_classes; i++) {
		struct class_type *class = &k->classes[i];

		if (strcmp(class->name, name) || !class->node)
			continue;
		class_uevent(k, class, "remove");
		kernfs_remove(class->node);
		class->node = NULL;
		return;
	}
}

static void number_keys(const struct device *device, struct uevent *uevent)
{
	if (!device->devname)
		return;
	uevent_key(uevent, "MAJOR=%u", device->major);
	uevent_key(uevent, "MINOR=%u", device->minor);
	uevent_key(uevent, "DEVNAME=%s", device->devname);
	if (device->devmode)
		uevent_key(uevent, "DEVMODE=%s", device->devmode);
}

/* dev_uevent(): the number first, then what bus or class know. */
void device_uevent_keys(void *object, struct uevent *uevent)
{
	struct device *device = object;

	number_keys(device, uevent);
	if (device->add_keys)
		device->add_keys(device, uevent);
}

void device_uevent(struct kernel *k, struct device *device, const char *action)
{
	kobject_uevent(k, device->kobj.node, action, device->class ? device->class->name : "pci", NULL,
		       device_uevent_keys, device);
}

/* The keys as `uevent` prints them: a line each. */
static ssize_t show_uevent(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	struct device *device = container_of(kobj, struct device, kobj);
	struct uevent uevent = {.size = 0};

	device_uevent_keys(device, &uevent);
	for (size_t i = 0; i < uevent.size; i++)
		buffer[i] = uevent.text[i] ? uevent.text[i] : '\n';
	return (ssize_t)uevent.size;
}

static ssize_t store_uevent(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	struct device *device = container_of(kobj, struct device, kobj);

	return uevent_store_common(kobj->k, kobj->node, device->class->name, buffer, count, device_uevent_keys, device);
}

static ssize_t show_dev(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	struct device *device = container_of(kobj, struct device, kobj);

	return sprintf(buffer, "%u:%u\n", device->major, device->minor);
}

static const struct attribute uevent_attr = {"uevent", 0644, show_uevent, store_uevent, .flags = ATTRIBUTE_STATIC};
static const struct attribute dev_attr = {"dev", 0444, show_dev, .flags = ATTRIBUTE_STATIC | ATTRIBUTE_CONSTANT};

static void release_class_device(struct kobject *kobj)
{
	struct device *device = container_of(kobj, struct device, kobj);

	if (device->parent)
		kobject_put(&device->parent->kobj);
	free(device->name);
	free(device);
}

static struct kernfs_node *class_parent_node(struct kernel *k, const struct device *device)
{
	char path[64];

	/* get_device_parent(): a class device of another one sits right in its directory. */
	if (device->parent && device->parent->class)
		return device->parent->kobj.node;
	if (device->parent)
		return kernfs_get_dir(device->parent->kobj.node, device->class->name);
	snprintf(path, sizeof(path), "devices/virtual/%s", device->class->name);
	return kernfs_get_dir(k->sys, path);
}

static ssize_t refuse_read(struct kobject *kobj, const struct attribute *attr, char *buffer, size_t size, off_t offset)
{
	return -EINVAL; /* VFIO nodes answer ioctls only */
}

static ssize_t refuse_write(struct kobject *kobj, const struct attribute *attr, const char *data, size_t size,
			    off_t offset)
{
	return refused(EINVAL, "VFIO nodes answer ioctls only");
}

static int open_devnode(struct kobject *kobj, int flags)
{
	struct device *device = kobj ? container_of(kobj, struct device, kobj) : NULL;

	return device && device->open_node ? device->open_node(device) : 0;
}

static void close_devnode(struct kobject *kobj)
{
	struct device *device = kobj ? container_of(kobj, struct device, kobj) : NULL;

	if (device && device->close_node)
		device->close_node(device);
}

struct kernfs_node *devnode_add(struct kernel *k, const char *path, mode_t mode, dev_t number, struct kobject *kobj)
{
	const struct attribute attr = {"",
				       mode,
				       .read = refuse_read,
				       .write = refuse_write,
				       .number = number,
				       .open = open_devnode,
				       .release = close_devnode};
	const char *name = strrchr(path, '/') + 1;
	char *directory = xasprintf("dev/%.*s", (int)(name - 1 - path), path);
	struct kernfs_node *parent = kernfs_get_dir(k->root, directory);

	free(directory);
	if (kernfs_lookup(parent, name))
		return NULL; /* /dev/vfio/vfio is there before its module is */
	return kernfs_add_bin(parent, kobj, &attr, name, 0);
}

/* devtmpfs_create_node() */
static void add_devnode(struct kernel *k, struct device *device)
{
	if (strchr(device->devname, '/')) /* only /dev/vfio is ours */
		device->devnode = devnode_add(k, device->devname,
					      device->devmode ? (mode_t)strtoul(device->devmode, NULL, 8) : 0600,
					      makedev(device->major, device->minor), &device->kobj);
}

static struct kernfs_node *numbers(struct kernel *k, const struct device *device)
{
	return kernfs_get_dir(k->sys, device->is_block ? "dev/block" : "dev/char");
}

static void add_number(struct kernel *k, struct device *device)
{
	char name[32];

	kernfs_add_attr(device->kobj.node, &device->kobj, &dev_attr);
	snprintf(name, sizeof(name), "%u:%u", device->major, device->minor);
	kernfs_add_link(numbers(k, device), name, device->kobj.node);
	add_devnode(k, device);
}

void class_device_add(struct kernel *k, struct device *device, struct class_type *class, struct device *parent,
		      const char *name, const struct attribute *attrs, size_t n_attrs)
{
	struct kernfs_node *dir;

	kobject_init(&device->kobj, k, release_class_device);
	device->class = class;
	device->name = xstrdup(name);
	device->parent = parent;
	if (parent)
		kobject_get(&parent->kobj);
	dir = class_parent_node(k, device);
	device->kobj.node = kernfs_add_dir(dir, name, &device->kobj);
	kernfs_add_attr(device->kobj.node, &device->kobj, &uevent_attr);
	if (device->devname)
		add_number(k, device);
	kernfs_add_link(class->node, name, device->kobj.node);
	kernfs_add_link(device->kobj.node, "subsystem", class->node);
	if (parent)
		kernfs_add_link(device->kobj.node, "device", parent->kobj.node);
	kernfs_add_attrs(device->kobj.node, &device->kobj, attrs, n_attrs);
	if (!device->no_power)
		power_add_class_device(device);
	if (!device->quiet)
		device_uevent(k, device, "add");
}

/* devtmpfs_delete_node(): a directory that it has made goes with its last node. */
static void remove_devnode(struct kernfs_node *node)
{
	struct kernfs_node *directory = kernfs_get(kernfs_parent(node));

	kernfs_remove(node);
	if (TAILQ_EMPTY(&directory->children) && !directory->permanent)
		kernfs_remove(directory);
	kernfs_put(directory);
}

void class_device_remove(struct kernel *k, struct device *device)
{
	struct kernfs_node *node = device->kobj.node, *glue = kernfs_get(kernfs_parent(node));
	char name[32];

	/* device_del(): power/, the device node and its number, the class link, then the event, then the directory. */
	kernfs_remove_by_name(node, "power");
	if (device->devnode) {
		remove_devnode(device->devnode);
		device->devnode = NULL;
	}
	if (device->devname) {
		kernfs_remove_by_name(node, "dev");
		snprintf(name, sizeof(name), "%u:%u", device->major, device->minor);
		kernfs_remove_by_name(numbers(k, device), name);
	}
	if (device->class->node)
		kernfs_remove_by_name(device->class->node, device->name);
	if (!device->quiet)
		device_uevent(k, device, "remove");
	kernfs_remove(node);
	/* cleanup_glue_dir(): the directory named after the class goes with its last device. */
	if (TAILQ_EMPTY(&glue->children) && !(device->parent && device->parent->class))
		kernfs_remove(glue);
	kernfs_put(glue);
	kobject_put(&device->kobj);
}
