/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Functions and buses appearing and going (drivers/pci/probe.c, bus.c, remove.c). */
#include "kernel/hotplug.h"
#include "kernel/iommu.h"
#include "kernel/kernfs-internal.h"

#include <linux/pci_regs.h>

/* A host bridge: it has no driver and is on no bus. */
struct host_bridge {
	struct device device;
	struct device *bus;
};

/*
 * pci_lock_rescan_remove(). The owner may take it again: a PF's removal disables its SR-IOV, which takes it on its own
 * account when a store on sriov_numvfs is what asks.
 */
int pci_lock_rescan_remove(struct kernel *k)
{
	int ret;

	if (k->rescan_depth && pthread_equal(k->rescan_owner, pthread_self())) {
		k->rescan_depth++;
		return 0;
	}
	ret = (int)STEP(k, PCI_LOCK);
	if (!ret)
		ret = mutex_lock(k, &k->rescan_remove);
	if (ret)
		return ret;
	k->rescan_owner = pthread_self();
	k->rescan_depth = 1;
	return 0;
}

void pci_unlock_rescan_remove(struct kernel *k)
{
	if (--k->rescan_depth == 0)
		mutex_unlock(k, &k->rescan_remove);
}

struct pci_dev *pci_find(struct kernel *k, struct pci_address address)
{
	struct device *device;

	TAILQ_FOREACH (device, &k->pci_bus.device_list, on_bus)
		if (!pci_address_compare(to_pci_dev(device)->address, address))
			return to_pci_dev(device);
	return NULL;
}

void pci_uevent_keys(void *object, struct uevent *uevent)
{
	struct device *device = object;
	const struct device_model *model = to_pci_dev(device)->model;

	if (device->driver)
		uevent_key(uevent, "DRIVER=%s", device->driver->desc->name);
	uevent_key(uevent, "PCI_CLASS=%04X", model->class_code);
	uevent_key(uevent, "PCI_ID=%04X:%04X", model->vendor, model->device);
	uevent_key(uevent, "PCI_SUBSYS_ID=%04X:%04X", model->subsystem_vendor, model->subsystem_device);
	uevent_key(uevent, "PCI_SLOT_NAME=%s", device->name);
	/* Stripped from unbind events, lest udev load the host driver's module again (driver core, since 4.14). */
	if (uevent->size < 7 || strncmp(uevent->text, "unbind@", 7))
		uevent_key(uevent, "MODALIAS=pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X", model->vendor, model->device,
			   model->subsystem_vendor, model->subsystem_device, model->class_code >> 16,
			   model->class_code >> 8 & 0xff, model->class_code & 0xff);
}

/* ---- buses ---- */

/* What every `rescan` does: @bus of @domain and below, or with bus -1 everything. */
ssize_t pci_rescan_common(struct kernel *k, long domain, int bus, const char *buffer, size_t count)
{
	unsigned long long value;
	int ret;

	if (kstrtoull(buffer, &value))
		return refused(EINVAL, step_no_number);
	if (!value)
		return (ssize_t)count;
	ret = pci_lock_rescan_remove(k);
	if (ret)
		return ret;
	pci_rescan(k, domain, bus);
	pci_unlock_rescan_remove(k);
	return (ssize_t)count;
}

static ssize_t one_bus_rescan_store(struct kobject *kobj, const struct attribute *attr, const char *buffer,
				    size_t count)
{
	const struct device *bus = container_of(kobj, struct device, kobj);

	return pci_rescan_common(kobj->k, bus->major, (int)bus->minor, buffer, count);
}

static const struct attribute bus_attrs[] = {
	{"cpuaffinity", 0444, .text = "3\n"},
	{"cpulistaffinity", 0444, .text = "0-1\n"},
	{"rescan", 0200, .store = one_bus_rescan_store},
};

static struct device *add_bus(struct kernel *k, struct device *parent, uint32_t domain, uint8_t number)
{
	struct device *bus = xcalloc(sizeof(*bus));
	char name[32];

	/* Without a devname these are no device numbers: they say which bus it is. */
	bus->major = domain;
	bus->minor = number;
	snprintf(name, sizeof(name), "%04x:%02x", domain, number);
	class_device_add(k, bus, class_get(k, "pci_bus"), parent, name, bus_attrs, ARRAY_SIZE(bus_attrs));
	return bus;
}

static void release_host_bridge(struct kobject *kobj)
{
	struct device *device = container_of(kobj, struct device, kobj);

	free(device->name);
	free(container_of(device, struct host_bridge, device));
}

static struct device *host_bridge(struct kernel *k, uint32_t domain, uint8_t number)
{
	static const struct attribute uevent = {"uevent", 0644, .text = ""};
	struct kernfs_node *devices = kernfs_get_dir(k->sys, "devices"), *node;
	struct host_bridge *bridge;
	char name[32];

	snprintf(name, sizeof(name), "pci%04x:%02x", domain, number);
	node = kernfs_lookup(devices, name);
	if (node)
		return container_of(node->kobj, struct device, kobj);
	bridge = xcalloc(sizeof(*bridge));
	kobject_init(&bridge->device.kobj, k, release_host_bridge);
	bridge->device.name = xstrdup(name);
	bridge->device.kobj.node = kernfs_add_dir(devices, name, &bridge->device.kobj);
	kobject_put(&bridge->device.kobj); /* the node holds it */
	kernfs_add_attr(bridge->device.kobj.node, NULL, &uevent);
	pci_add_host_bridge_power(&bridge->device);
	bridge->bus = add_bus(k, &bridge->device, domain, number);
	return &bridge->device;
}

void pci_remove_host_bridges(struct kernel *k)
{
	struct kernfs_node *node, *next;

	for (node = TAILQ_FIRST(&kernfs_get_dir(k->sys, "devices")->children); node; node = next) {
		next = TAILQ_NEXT(node, sibling);
		if (!node->kobj)
			continue;
		class_device_remove(
			k,
			container_of(container_of(node->kobj, struct device, kobj), struct host_bridge, device)->bus);
		kernfs_remove(node);
	}
}

/* Of the described bridges the one that leads to @bus most directly. */
static const struct machine_device *described_bridge(struct kernel *k, uint32_t domain, int bus)
{
	const struct machine_device *best = NULL;
	struct pci_slot *slot;

	TAILQ_FOREACH (slot, &k->slots, list) {
		const struct machine_device *d = slot->description;

		if (slot->empty || !d->secondary || d->address.domain != domain || bus < d->secondary ||
		    bus > d->subordinate)
			continue;
		if (!best || d->secondary > best->secondary)
			best = d;
	}
	return best;
}

/* The device that a function on @address sits below; NULL: its bridge is not there. */
static struct device *parent_device(struct kernel *k, struct pci_address address)
{
	const struct machine_device *bridge = described_bridge(k, address.domain, address.bus);
	struct pci_dev *dev;

	if (!bridge)
		return host_bridge(k, address.domain, address.bus);
	dev = pci_find(k, bridge->address);
	return dev && !dev->removing ? &dev->device : NULL;
}

/* Whether @bus is @ancestor or below it. */
static bool bus_is_below(struct kernel *k, uint32_t domain, int bus, int ancestor)
{
	while (bus != ancestor) {
		const struct machine_device *bridge = described_bridge(k, domain, bus);

		if (!bridge || bridge->address.bus == bus)
			return false;
		bus = bridge->address.bus;
	}
	return true;
}

/* ---- functions ---- */

static void release_function(struct kobject *kobj)
{
	struct pci_dev *dev = kobj_to_pci_dev(kobj);

	if (dev->physfn)
		kobject_put(&dev->physfn->device.kobj);
	if (dev->device.parent)
		kobject_put(&dev->device.parent->kobj);
	free(dev->device.driver_override);
	free(dev->device.name);
	free(dev->vfs);
	free(dev);
}

static void init_config(struct pci_dev *dev)
{
	memcpy(dev->config, dev->model->config, sizeof(dev->config));
	dev->config_size = dev->model->config_size;
	pci_find_capabilities(dev);
	if (dev->physfn) {
		/* A VF has no ids of its own in config space. */
		memset(dev->config + PCI_VENDOR_ID, 0xff, 4);
	}
	if (dev->description && dev->description->secondary) {
		dev->secondary = dev->description->secondary;
		dev->subordinate = dev->description->subordinate;
		dev->config[PCI_PRIMARY_BUS] = dev->address.bus;
		dev->config[PCI_SECONDARY_BUS] = dev->secondary;
		dev->config[PCI_SUBORDINATE_BUS] = dev->subordinate;
	}
}

/* Devices on the bus in order of their appearance, VFs behind their PF: bus order is address order at boot. */
static void insert_on_bus(struct kernel *k, struct pci_dev *dev)
{
	struct device *after;

	TAILQ_FOREACH (after, &k->pci_bus.device_list, on_bus)
		if (pci_address_compare(to_pci_dev(after)->address, dev->address) > 0)
			break;
	if (after)
		TAILQ_INSERT_BEFORE(after, &dev->device, on_bus);
	else
		TAILQ_INSERT_TAIL(&k->pci_bus.device_list, &dev->device, on_bus);
}

/* pci_configure_ari(): the first function decides for the whole bus, if the bridge above can do it. */
static void configure_ari(struct pci_dev *dev)
{
	struct pci_dev *bridge = dev->device.parent->parent ? to_pci_dev(dev->device.parent) : NULL;

	if (!bridge || dev->physfn || dev->address.slot || dev->address.function || !dev->caps.express)
		return;
	bridge->ari_behind = dev->caps.ari && bridge->caps.express &&
			     pci_read32(bridge, bridge->caps.express + PCI_EXP_DEVCAP2) & PCI_EXP_DEVCAP2_ARI;
}

bool pci_ari_enabled(const struct pci_dev *dev)
{
	const struct pci_dev *bridge = dev->device.parent->parent ? to_pci_dev(dev->device.parent) : NULL;

	return bridge && bridge->ari_behind && dev->address.bus == bridge->secondary;
}

int pci_add_function(struct kernel *k, struct pci_dev *dev)
{
	struct device *device = &dev->device, *parent;
	char address[PCI_ADDRESS_TEXT];
	int ret;

	pci_address_format(dev->address, address);
	if (pci_find(k, dev->address))
		return -EEXIST;
	parent = parent_device(k, dev->physfn ? dev->physfn->address : dev->address);
	if (!parent)
		return -ENODEV;
	ret = (int)STEP(k, PCI_ADD_DEVICE, .device = address);
	if (ret)
		return ret;
	kobject_init(&device->kobj, k, release_function);
	device->name = xstrdup(address);
	device->parent = parent;
	kobject_get(&parent->kobj);
	device->add_keys = pci_uevent_keys;
	if (k->booting && dev->description && dev->description->driver_override)
		device->driver_override = xstrdup(dev->description->driver_override);
	init_config(dev);
	configure_ari(dev);
	iov_init(dev);
	pci_assign_resources(k, dev);
	dev->dma_bits = 32;
	dev->numa_node = -1;
	dev->power_state = dev->caps.pm || dev->physfn ? "D0" : "unknown";
	dev->can_wake = pci_signals_pme(dev);
	dev->d3cold_allowed = dev->caps.pm; /* pci_pm_init() */
	pci_init_reset_methods(dev);

	/* device_add() */
	device->kobj.node = kernfs_add_dir(parent->kobj.node, address, &device->kobj);
	pci_add_function_attrs(dev);
	kernfs_add_link(k->pci_bus.devices, address, device->kobj.node);
	kernfs_add_link(device->kobj.node, "subsystem", k->pci_bus.kobj.node);
	pci_add_power(dev);
	insert_on_bus(k, dev);
	iommu_group_add_device(dev);
	if (k->profile.resources_before_add)
		pci_add_resource_attrs(dev);
	device_uevent(k, device, "add");
	if (dev->secondary)
		dev->secondary_bus = add_bus(k, device, dev->address.domain, dev->secondary);
	return 0;
}

/* From here on drivers may match it. */
void pci_bus_add_device(struct pci_dev *dev)
{
	struct kernel *k = dev->device.kobj.k;

	if (!k->profile.resources_before_add)
		pci_add_resource_attrs(dev);
	dev->device.registered = true;
	dev->added = true;
	if (k->booting || (k->profile.autoprobe_on_add && !k->pci_bus.drivers_autoprobe))
		return;
	device_attach(&dev->device);
}

static struct pci_dev *make_function(const struct machine_device *described)
{
	struct pci_dev *dev = xcalloc(sizeof(*dev));

	dev->address = described->address;
	dev->description = described;
	dev->model = described->model;
	dev->wanted_group = described->group;
	return dev;
}

/* The function, with a reference, or NULL: it is known, or cannot be had. */
static struct pci_dev *find_new(struct kernel *k, const struct machine_device *described)
{
	struct pci_dev *dev;

	if (pci_find(k, described->address))
		return NULL;
	dev = make_function(described);
	if (pci_add_function(k, dev)) {
		free(dev);
		return NULL;
	}
	kobject_get(&dev->device.kobj);
	return dev;
}

static void offer_to_drivers(struct pci_dev *dev)
{
	if (!dev->removing)
		pci_bus_add_device(dev);
	kobject_put(&dev->device.kobj);
}

void pci_rescan(struct kernel *k, long domain, int bus)
{
	struct pci_dev **found;
	struct pci_slot *slot;
	size_t n = 0;

	TAILQ_FOREACH (slot, &k->slots, list)
		n++;
	found = xcalloc((n + 1) * sizeof(*found));
	n = 0;
	STEP(k, PCI_RESCAN);
	/* Found and announced first, then offered to drivers: pci_rescan_bus(). */
	TAILQ_FOREACH (slot, &k->slots, list) {
		const struct machine_device *described = slot->description;

		if (slot->empty || (bus >= 0 && (described->address.domain != (uint32_t)domain ||
						 !bus_is_below(k, (uint32_t)domain, described->address.bus, bus))))
			continue;
		found[n] = find_new(k, described);
		n += found[n] != NULL;
	}
	for (size_t i = 0; i < n; i++)
		offer_to_drivers(found[i]);
	free(found);
}

void pci_add_described(struct kernel *k, const struct machine_device *described)
{
	struct pci_dev *dev = find_new(k, described);

	if (dev)
		offer_to_drivers(dev);
}

bool pci_bus_exists(struct kernel *k, struct pci_address address)
{
	const struct machine_device *bridge = described_bridge(k, address.domain, address.bus);
	struct pci_dev *dev = bridge ? pci_find(k, bridge->address) : NULL;
	char root[32];

	if (bridge)
		return dev && !dev->removing;
	snprintf(root, sizeof(root), "pci%04x:%02x", address.domain, address.bus);
	return kernfs_lookup(kernfs_get_dir(k->sys, "devices"), root);
}

ssize_t pci_bus_rescan_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	return pci_rescan_common(kobj->k, 0, -1, buffer, count);
}

/* pci_stop_dev(): its driver goes. Whoever waits for the device may bind it again until it is dead. */
static int stop_function(struct pci_dev *dev)
{
	int ret;

	if (!dev->added)
		return 0;
	ret = device_release_driver(&dev->device);
	if (ret)
		return ret;
	if (!dev->device.kobj.k->profile.resources_before_add)
		pci_remove_resource_attrs(dev);
	dev->added = false;
	return 0;
}

/* pci_stop_bus_device(): a PF takes its VFs along, so those behind a bridge are looked for anew each time, last first. */
static int stop_tree(struct pci_dev *dev)
{
	struct kernel *k = dev->device.kobj.k;
	struct device *child, *previous;
	int ret = 0;

	dev->removing = true;
	STEP(k, PCI_REMOVE_DEVICE, .device = dev->device.name);
	for (child = TAILQ_LAST(&k->pci_bus.device_list, device_on_bus); child && !ret && dev->secondary;
	     child = previous) {
		previous = TAILQ_PREV(child, device_on_bus, on_bus);
		if (child->parent != &dev->device || !to_pci_dev(child)->added)
			continue;
		ret = stop_tree(to_pci_dev(child));
		previous = TAILQ_LAST(&k->pci_bus.device_list, device_on_bus);
	}
	return ret ? ret : stop_function(dev);
}

/* device_del(), as far as it is a matter of files: from here on nobody can bind it. */
static int delete_function(struct pci_dev *dev)
{
	struct kernel *k = dev->device.kobj.k;
	struct device *device = &dev->device;
	int ret = mutex_lock(k, &device->lock);

	if (ret)
		return ret;
	device->dead = true;
	device_unlock(device);
	deferred_probe_remove(device);
	wakeup_disable(dev);
	kernfs_remove_by_name(device->kobj.node, "power");
	/* bus_remove_device() */
	kernfs_remove_by_name(device->kobj.node, "subsystem");
	kernfs_remove_by_name(k->pci_bus.devices, device->name);
	pci_remove_function_attrs(dev);
	ret = device_release_driver(device);
	if (ret)
		return ret;
	/* Its VFs, if its driver left it some, stay behind. */
	if (dev->physfn)
		iov_forget_vf(dev);
	pci_remove_resource_attrs(dev);
	iommu_group_remove_device(dev);
	TAILQ_REMOVE(&k->pci_bus.device_list, device, on_bus);
	device_uevent(k, device, "remove");
	kernfs_remove(device->kobj.node);
	dev->gone = true;
	kobject_put(&device->kobj);
	return 0;
}

static struct pci_dev *first_child(struct kernel *k, const struct pci_dev *bridge)
{
	struct device *child;

	TAILQ_FOREACH (child, &k->pci_bus.device_list, on_bus)
		if (child->parent == &bridge->device)
			return to_pci_dev(child);
	return NULL;
}

/* pci_remove_bus_device() */
static int remove_tree(struct pci_dev *dev)
{
	struct kernel *k = dev->device.kobj.k;
	struct pci_dev *child;
	int ret = 0;

	while (!ret && dev->secondary && (child = first_child(k, dev)))
		ret = remove_tree(child);
	if (ret)
		return ret;
	if (dev->secondary_bus)
		class_device_remove(k, dev->secondary_bus);
	dev->secondary_bus = NULL;
	return delete_function(dev);
}

void pci_stop_and_remove(struct pci_dev *dev)
{
	/* pci_dev_test_and_set_removed(): its bridge may have taken it along while we waited. */
	if (dev->gone)
		return;
	if (stop_tree(dev) == 0)
		remove_tree(dev);
}
