/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Functions that are plugged in and pulled out while the machine runs (drivers/pci/hotplug/pciehp_pci.c): the kernel
 * notices by itself, on a thread of its own, and takes the same paths as a rescan and a removal. What was pulled out is
 * gone at once (its configuration space reads as all ones), and no rescan finds it.
 */
#include "kernel/hotplug.h"

#include "kernel/background.h"

/* ---- slots ---- */

static void insert(struct kernel *k, struct pci_slot *slot)
{
	struct pci_slot *after;

	TAILQ_FOREACH (after, &k->slots, list)
		if (pci_address_compare(after->description->address, slot->description->address) > 0)
			break;
	if (after)
		TAILQ_INSERT_BEFORE(after, slot, list);
	else
		TAILQ_INSERT_TAIL(&k->slots, slot, list);
}

void pci_init_slots(struct kernel *k)
{
	TAILQ_INIT(&k->slots);
	for (size_t i = 0; i < k->machine->n_devices; i++) {
		struct pci_slot *slot = xcalloc(sizeof(*slot));

		slot->description = &k->machine->devices[i];
		insert(k, slot);
	}
}

void pci_reset_slots(struct kernel *k)
{
	struct pci_slot *slot, *next;

	for (slot = TAILQ_FIRST(&k->slots); slot; slot = next) {
		next = TAILQ_NEXT(slot, list);
		slot->empty = false;
		if (slot->description != &slot->own)
			continue;
		TAILQ_REMOVE(&k->slots, slot, list);
		free(slot);
	}
	memset(k->next_plugged, 0, sizeof(k->next_plugged));
}

void pci_free_slots(struct kernel *k)
{
	struct pci_slot *slot;

	while ((slot = TAILQ_FIRST(&k->slots))) {
		TAILQ_REMOVE(&k->slots, slot, list);
		free(slot);
	}
}

static void set_empty(struct kernel *k, const struct pci_dev *dev)
{
	struct pci_slot *slot;

	TAILQ_FOREACH (slot, &k->slots, list)
		if (slot->description == dev->description)
			slot->empty = true;
}

/* ---- out ---- */

static void disconnect(struct kernel *k, struct pci_dev *dev)
{
	struct device *other;

	dev->disconnected = true;
	set_empty(k, dev);
	/* With it, what can be reached through it alone. */
	TAILQ_FOREACH (other, &k->pci_bus.device_list, on_bus)
		if (!to_pci_dev(other)->disconnected &&
		    (other->parent == &dev->device || to_pci_dev(other)->physfn == dev))
			disconnect(k, to_pci_dev(other));
}

static void pull_out(struct kernel *k, void *argument)
{
	struct pci_dev *dev = argument;

	STEP(k, PCI_UNPLUG, .device = dev->device.name);
	if (pci_lock_rescan_remove(k) == 0) {
		if (dev->physfn)
			iov_remove_vf(dev);
		else
			pci_stop_and_remove(dev);
		pci_unlock_rescan_remove(k);
	}
	kobject_put(&dev->device.kobj);
}

void hotplug_vanish(struct pci_dev *dev)
{
	struct kernel *k = dev->device.kobj.k;

	if (dev->disconnected)
		return;
	disconnect(k, dev);
	kobject_get(&dev->device.kobj);
	background_start(k, "hotplug", pull_out, dev);
}

int hotplug_remove(struct kernel *k, const char *address, const char **ret_why)
{
	struct device *device = bus_find_device(k, address);

	if (!device) {
		*ret_why = "no such device on the bus";
		return -ENODEV;
	}
	hotplug_vanish(to_pci_dev(device));
	kobject_put(&device->kobj);
	return 0;
}

/* ---- in ---- */

static const struct device_model *find_model(struct kernel *k, const char *name)
{
	for (size_t i = 0; i < k->machine->n_devices; i++)
		if (!strcmp(k->machine->devices[i].model->name, name))
			return k->machine->devices[i].model;
	return k->host.find_model ? k->host.find_model(k->host.context, name) : NULL;
}

static void plug_in(struct kernel *k, void *argument)
{
	const struct pci_slot *slot = argument;
	char address[PCI_ADDRESS_TEXT];

	STEP(k, PCI_PLUG, .device = pci_address_format(slot->description->address, address));
	if (pci_lock_rescan_remove(k))
		return;
	pci_add_described(k, slot->description);
	pci_unlock_rescan_remove(k);
}

static const char *refuse_to_add(struct kernel *k, struct pci_address address, const struct device_model *model,
				 int *ret_error)
{
	*ret_error = -EEXIST;
	if (pci_find(k, address))
		return "there is a device at this address";
	*ret_error = -ENODEV;
	if (!pci_bus_exists(k, address))
		return "no such bus";
	*ret_error = -ENOENT;
	if (!model)
		return "neither the machine nor the fixtures know such a model";
	*ret_error = -EINVAL;
	if (model->class_code >> 8 == 0x0604)
		return "bridges cannot be plugged in";
	*ret_error = 0;
	return NULL;
}

int hotplug_add(struct kernel *k, const char *text, const char *name, int group, const char **ret_why)
{
	const struct device_model *model = find_model(k, name);
	struct pci_address address;
	struct pci_slot *slot, *before = NULL, *other;
	int ret;

	if (pci_address_parse(text, &address)) {
		*ret_why = "not the address of a PCI function";
		return -EINVAL;
	}
	*ret_why = refuse_to_add(k, address, model, &ret);
	if (ret)
		return ret;
	TAILQ_FOREACH (other, &k->slots, list)
		if (!pci_address_compare(other->description->address, address))
			before = other;
	slot = xcalloc(sizeof(*slot));
	slot->description = &slot->own;
	slot->own = (struct machine_device){.address = address, .model = model, .group = group};
	/* Where the same kind was before, it has the same addresses; another one has some of its own. */
	if (before && before->description->model == model)
		memcpy(slot->resources, before->resources, sizeof(slot->resources));
	else
		pci_setup_plugged(k, slot);
	insert(k, slot);
	background_start(k, "hotplug", plug_in, slot);
	return 0;
}
