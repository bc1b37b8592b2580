/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Run-time power management and wakeup, as far as files show them (drivers/base/power/sysfs.c, wakeup.c). */
#include "kernel/pci.h"

#include <linux/pci_regs.h>

/* ---- class devices, none of which sleeps by itself ---- */

static ssize_t no_autosuspend(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	return refused(EIO, "the driver does not use autosuspend");
}

static bool has_debugging(struct kobject *kobj)
{
	return kobj->k->profile.pm_advanced_debug;
}

static const struct attribute class_attrs[] = {
	{"async", 0644, .text = "disabled\n", .visible = has_debugging, .flags = ATTRIBUTE_STATIC},
	{"autosuspend_delay_ms", 0644, no_autosuspend, .flags = ATTRIBUTE_STATIC},
	{"control", 0644, .text = "auto\n", .flags = ATTRIBUTE_STATIC},
	{"runtime_active_kids", 0444, .text = "0\n", .visible = has_debugging, .flags = ATTRIBUTE_STATIC},
	{"runtime_active_time", 0444, .text = "0\n", .flags = ATTRIBUTE_STATIC},
	{"runtime_enabled", 0444, .text = "disabled\n", .visible = has_debugging, .flags = ATTRIBUTE_STATIC},
	{"runtime_status", 0444, .text = "unsupported\n", .flags = ATTRIBUTE_STATIC},
	{"runtime_suspended_time", 0444, .text = "0\n", .flags = ATTRIBUTE_STATIC},
	{"runtime_usage", 0444, .text = "0\n", .visible = has_debugging, .flags = ATTRIBUTE_STATIC},
};

void power_add_class_device(struct device *device)
{
	struct kobject *kobj = &device->kobj;

	kernfs_add_attrs(kernfs_add_dir(kobj->node, "power", NULL), kobj, class_attrs, ARRAY_SIZE(class_attrs));
}

/* ---- functions ---- */

static unsigned usage(const struct pci_dev *dev)
{
	return !dev->runtime_allowed + dev->runtime_users;
}

/* Without a driver it is as good as asleep; host drivers that would let it sleep here find something to do. */
static bool is_suspended(const struct pci_dev *dev)
{
	return !usage(dev) && (dev->vfio || !dev->device.driver);
}

void pci_update_power_state(struct pci_dev *dev)
{
	bool sleeps =
		dev->vfio && (dev->device.kobj.k->profile.vfio_runtime_pm ? is_suspended(dev) : dev->vfio_idles_in_d3);

	if (dev->caps.pm)
		dev->power_state = sleeps ? "D3hot" : "D0";
}

/* Each of them keeps its bridge awake. */
static unsigned active_children(const struct device *bridge)
{
	struct device *child;
	unsigned n = 0;

	TAILQ_FOREACH (child, &bridge->kobj.k->pci_bus.device_list, on_bus)
		n += child->parent == bridge && !is_suspended(to_pci_dev(child));
	return n;
}

#define SHOW(name, ...)                                                                              \
	static ssize_t name##_show(struct kobject *kobj, const struct attribute *attr, char *buffer) \
	{                                                                                            \
		const struct pci_dev *dev = kobj_to_pci_dev(kobj);                                   \
                                                                                                     \
		return sprintf(buffer, __VA_ARGS__);                                                 \
	}

SHOW(async, "%s\n", dev->suspends_in_order ? "disabled" : "enabled")
SHOW(control, "%s\n", dev->runtime_allowed ? "auto" : "on")
SHOW(active_kids, "%u\n", active_children(&dev->device))
SHOW(enabled, "%s\n", dev->runtime_allowed ? "enabled" : "forbidden")
SHOW(status, "%s\n", is_suspended(dev) ? "suspended" : "active")
SHOW(usage, "%u\n", usage(dev))
SHOW(wakeup, "%s\n", dev->wakeup ? "enabled" : "disabled")
SHOW(wakeup_counter, "%s\n", dev->wakeup ? "0" : "")

static ssize_t async_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	struct pci_dev *dev = kobj_to_pci_dev(kobj);

	if (sysfs_streq(buffer, "enabled"))
		dev->suspends_in_order = false;
	else if (sysfs_streq(buffer, "disabled"))
		dev->suspends_in_order = true;
	else
		return refused(EINVAL, "neither enabled nor disabled");
	return (ssize_t)count;
}

static ssize_t autosuspend_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	return refused(EIO, "the driver does not use autosuspend");
}

static ssize_t control_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	struct pci_dev *dev = kobj_to_pci_dev(kobj);
	bool automatic = sysfs_streq(buffer, "auto");
	int ret;

	/* control_store() takes the lock first. */
	ret = device_lock(&dev->device);
	if (ret)
		return ret;
	if (!automatic && !sysfs_streq(buffer, "on"))
		ret = refused(EINVAL, "neither on nor auto");
	else
		dev->runtime_allowed = automatic;
	pci_update_power_state(dev);
	device_unlock(&dev->device);
	return ret ? ret : (ssize_t)count;
}

static ssize_t wakeup_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	struct pci_dev *dev = kobj_to_pci_dev(kobj);

	if (sysfs_streq(buffer, "enabled"))
		wakeup_enable(dev);
	else if (sysfs_streq(buffer, "disabled"))
		wakeup_disable(dev);
	else
		return refused(EINVAL, "neither enabled nor disabled");
	return (ssize_t)count;
}

static const struct attribute power_attrs[] = {
	{"async", 0644, async_show, async_store, .visible = has_debugging, .flags = ATTRIBUTE_STATIC},
	{"autosuspend_delay_ms", 0644, no_autosuspend, autosuspend_store, .flags = ATTRIBUTE_STATIC},
	{"control", 0644, control_show, control_store, .flags = ATTRIBUTE_STATIC},
	{"runtime_active_kids", 0444, active_kids_show, .visible = has_debugging, .flags = ATTRIBUTE_STATIC},
	{"runtime_active_time", 0444, .text = "0\n", .flags = ATTRIBUTE_STATIC},
	{"runtime_enabled", 0444, enabled_show, .visible = has_debugging, .flags = ATTRIBUTE_STATIC},
	{"runtime_status", 0444, status_show, .flags = ATTRIBUTE_STATIC},
	{"runtime_suspended_time", 0444, .text = "0\n", .flags = ATTRIBUTE_STATIC},
	{"runtime_usage", 0444, usage_show, .visible = has_debugging, .flags = ATTRIBUTE_STATIC},
};

static const struct attribute wakeup_attrs[] = {
	{"wakeup", 0644, wakeup_show, wakeup_store},         {"wakeup_abort_count", 0444, wakeup_counter_show},
	{"wakeup_active", 0444, wakeup_counter_show},        {"wakeup_active_count", 0444, wakeup_counter_show},
	{"wakeup_count", 0444, wakeup_counter_show},         {"wakeup_expire_count", 0444, wakeup_counter_show},
	{"wakeup_last_time_ms", 0444, wakeup_counter_show},  {"wakeup_max_time_ms", 0444, wakeup_counter_show},
	{"wakeup_total_time_ms", 0444, wakeup_counter_show},
};

void pci_add_power(struct pci_dev *dev)
{
	struct kobject *kobj = &dev->device.kobj;
	struct kernfs_node *power = kernfs_add_dir(kobj->node, "power", NULL);

	kernfs_add_attrs(power, kobj, power_attrs, ARRAY_SIZE(power_attrs));
	if (dev->can_wake)
		kernfs_add_attrs(power, kobj, wakeup_attrs, ARRAY_SIZE(wakeup_attrs));
}

static ssize_t host_bridge_kids_show(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	return sprintf(buffer, "%u\n", active_children(container_of(kobj, struct device, kobj)));
}

/* It does not sleep by itself either, but is a device of the bus. */
static const struct attribute host_bridge_attrs[] = {
	{"async", 0644, .text = "enabled\n", .visible = has_debugging, .flags = ATTRIBUTE_STATIC},
	{"autosuspend_delay_ms", 0644, no_autosuspend, .flags = ATTRIBUTE_STATIC},
	{"control", 0644, .text = "auto\n", .flags = ATTRIBUTE_STATIC},
	{"runtime_active_kids", 0444, host_bridge_kids_show, .visible = has_debugging, .flags = ATTRIBUTE_STATIC},
	{"runtime_active_time", 0444, .text = "0\n", .flags = ATTRIBUTE_STATIC},
	{"runtime_enabled", 0444, .text = "disabled\n", .visible = has_debugging, .flags = ATTRIBUTE_STATIC},
	{"runtime_status", 0444, .text = "unsupported\n", .flags = ATTRIBUTE_STATIC},
	{"runtime_suspended_time", 0444, .text = "0\n", .flags = ATTRIBUTE_STATIC},
	{"runtime_usage", 0444, .text = "0\n", .visible = has_debugging, .flags = ATTRIBUTE_STATIC},
};

void pci_add_host_bridge_power(struct device *bridge)
{
	struct kernfs_node *power = kernfs_add_dir(bridge->kobj.node, "power", NULL);

	kernfs_add_attrs(power, &bridge->kobj, host_bridge_attrs, ARRAY_SIZE(host_bridge_attrs));
}

/* pci_pm_init(): a function that can signal PME can wake the machine. */
bool pci_signals_pme(const struct pci_dev *dev)
{
	return dev->caps.pm && (pci_read16(dev, dev->caps.pm + PCI_PM_PMC) & PCI_PM_CAP_PME_MASK);
}

/* device_set_wakeup_capable(), of a function that is there already. */
static void set_wakeup_capable(struct pci_dev *dev)
{
	struct kobject *kobj = &dev->device.kobj;

	if (dev->can_wake)
		return;
	dev->can_wake = true;
	kernfs_add_attrs(kernfs_lookup(kobj->node, "power"), kobj, wakeup_attrs, ARRAY_SIZE(wakeup_attrs));
	device_uevent(kobj->k, &dev->device, "change");
}

static bool is_root_port(const struct pci_dev *dev)
{
	return dev->caps.express &&
	       (pci_read16(dev, dev->caps.express + PCI_EXP_FLAGS) & PCI_EXP_FLAGS_TYPE) >> 4 == PCI_EXP_TYPE_ROOT_PORT;
}

static bool is_below(const struct device *device, const struct device *ancestor)
{
	for (; device; device = device->parent)
		if (device == ancestor)
			return true;
	return false;
}

/* pcie_pme_mark_devices(): a root port hears of PMEs, and so whatever is behind it now can wake. What comes later is not told. */
void pci_port_probe(struct pci_dev *port)
{
	struct device *device;

	if (!is_root_port(port))
		return;
	set_wakeup_capable(port);
	TAILQ_FOREACH (device, &port->device.kobj.k->pci_bus.device_list, on_bus)
		if (is_below(device, &port->device))
			set_wakeup_capable(to_pci_dev(device));
}

/* ---- wakeup sources ---- */

static ssize_t source_name_show(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	return sprintf(buffer, "%s\n", container_of(kobj, struct device, kobj)->parent->name);
}

static const struct attribute source_attrs[] = {
	{"name", 0444, source_name_show},        {"active_count", 0444, .text = "0\n"},
	{"active_time_ms", 0444, .text = "0\n"}, {"event_count", 0444, .text = "0\n"},
	{"expire_count", 0444, .text = "0\n"},   {"last_change_ms", 0444, .text = "0\n"},
	{"max_time_ms", 0444, .text = "0\n"},    {"prevent_suspend_time_ms", 0444, .text = "0\n"},
	{"total_time_ms", 0444, .text = "0\n"},  {"wakeup_count", 0444, .text = "0\n"},
};

struct wakeup_source {
	struct device device;
	int number;
};

static struct wakeup_source *register_source(struct pci_dev *dev)
{
	struct kernel *k = dev->device.kobj.k;
	struct wakeup_source *source = xcalloc(sizeof(*source));
	char name[24];

	source->number = number_take(k->wakeup_names, ARRAY_SIZE(k->wakeup_names));
	snprintf(name, sizeof(name), "wakeup%d", source->number);
	source->device.no_power = true;
	class_device_add(k, &source->device, class_get(k, "wakeup"), &dev->device, name, source_attrs,
			 ARRAY_SIZE(source_attrs));
	return source;
}

static void unregister_source(struct kernel *k, struct wakeup_source *source)
{
	int number = source->number;

	class_device_remove(k, &source->device);
	number_release(k->wakeup_names, number);
}

/* device_wakeup_enable(): one too many is made before it is found out. */
void wakeup_enable(struct pci_dev *dev)
{
	struct wakeup_source *source;

	if (!dev->can_wake)
		return;
	source = register_source(dev);
	if (dev->wakeup)
		unregister_source(dev->device.kobj.k, source);
	else
		dev->wakeup = source;
}

void wakeup_disable(struct pci_dev *dev)
{
	if (dev->wakeup)
		unregister_source(dev->device.kobj.k, dev->wakeup);
	dev->wakeup = NULL;
}
