/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where functions have their memory and ports. The firmware decides, and Linux keeps it (drivers/pci/setup-bus.c): bus
 * after bus, in the order of addresses, what is behind a bridge within its windows. The same machine gets the same.
 */
#include "kernel/hotplug.h"

#include <linux/pci_regs.h>

/* IORESOURCE_* */
enum { IO = 0x100, MEM = 0x200, PREFETCH = 0x2000, MEM_64 = 0x100000 };

static const struct {
	uint32_t flags;
	uint64_t root;    /* where a root bus begins */
	uint64_t plugged; /* where there is room for what is plugged in later */
	uint64_t grain;   /* of a bridge's window */
	uint64_t reserve; /* what a port has at least into which something may be plugged */
} kinds[N_WINDOWS] = {
	[WINDOW_IO] = {IO, 0x3000, 0xc000, 0x1000, 0x1000},
	[WINDOW_MEMORY] = {MEM, 0xe0000000, 0xf0000000, 0x100000, 0x200000},
	[WINDOW_PREFETCHABLE] = {MEM | PREFETCH | MEM_64 | 1, 0x380000000000, 0x390000000000, 0x100000, 0x200000},
};

/* What is being filled, of a root bus or of a bridge's windows. */
struct space {
	uint64_t next[N_WINDOWS];
	uint64_t align[N_WINDOWS]; /* the largest that anything wanted */
};

static struct pci_resource *resources_of(struct kernel *k, const struct machine_device *described)
{
	struct pci_slot *slot;

	TAILQ_FOREACH (slot, &k->slots, list)
		if (slot->description == described)
			return slot->resources;
	abort(); /* every description has its slot */
}

static uint64_t align_up(uint64_t value, uint64_t size)
{
	return (value + size - 1) / size * size;
}

/* A bridge forwards above 4G only what may be prefetched; a root bus has no such rule. */
static enum pci_window_kind kind_of(uint32_t flags, bool root)
{
	if (flags & IO)
		return WINDOW_IO;
	return flags & MEM_64 && (root || flags & PREFETCH) ? WINDOW_PREFETCHABLE : WINDOW_MEMORY;
}

static uint64_t take(struct space *space, enum pci_window_kind kind, uint64_t size, uint64_t align)
{
	uint64_t start = align_up(space->next[kind], align);

	space->next[kind] = start + size;
	if (align > space->align[kind])
		space->align[kind] = align;
	return start;
}

static void set_resource(struct space *space, struct pci_resource *resource, const struct pci_bar *bar, uint64_t fixed,
			 unsigned copies, bool root)
{
	uint64_t size = bar->size * copies;

	if (!size)
		return;
	*resource = (struct pci_resource){.flags = bar->flags, .size = size, .start = fixed};
	if (!fixed)
		resource->start = take(space, kind_of(bar->flags, root), size, bar->size < 16 ? 16 : bar->size);
}

static unsigned total_vfs(const struct device_model *model)
{
	struct pci_dev *dev = xcalloc(sizeof(*dev));
	unsigned total = 0;

	memcpy(dev->config, model->config, sizeof(dev->config));
	dev->config_size = model->config_size;
	pci_find_capabilities(dev);
	if (dev->caps.sriov && model->vf)
		total = pci_read16(dev, dev->caps.sriov + PCI_SRIOV_TOTAL_VF);
	free(dev);
	return total;
}

static bool takes_plugs(const struct device_model *model)
{
	struct pci_dev *dev = xcalloc(sizeof(*dev));
	bool result;

	memcpy(dev->config, model->config, sizeof(dev->config));
	dev->config_size = model->config_size;
	pci_find_capabilities(dev);
	result = dev->caps.express && (pci_read32(dev, dev->caps.express + PCI_EXP_SLTCAP) & PCI_EXP_SLTCAP_HPC);
	free(dev);
	return result;
}

/* pci_fixup_video(): what a PC's firmware left of the video BIOS at the place where it has it is no ROM but memory. */
static void mark_video_shadow(struct pci_resource *rom, const struct device_model *model)
{
	enum { SHADOWED = 0x10, IN_USE = 2, PLACE = 0xc0000 };

	if (model->class_code >> 8 == 0x0300 && rom->start == PLACE)
		rom->flags = MEM | SHADOWED | IN_USE;
}

static void set_up_function(struct kernel *k, struct space *space, struct pci_resource *resources,
			    const struct machine_device *described, bool root)
{
	const struct device_model *model = described->model;
	unsigned vfs = total_vfs(model);

	for (unsigned i = 0; i < PCI_BARS; i++)
		set_resource(space, &resources[i], &model->bars[i], described->bar_start[i], 1, root);
	set_resource(space, &resources[PCI_ROM], &model->rom, described->rom_start, 1, root);
	mark_video_shadow(&resources[PCI_ROM], model);
	for (unsigned i = 0; i < PCI_BARS; i++)
		set_resource(space, &resources[PCI_IOV + i], &model->vf_bars[i], described->vf_bar_start[i], vfs, root);
}

static void set_up_bus(struct kernel *k, struct space *space, uint32_t domain, uint8_t bus, bool root);

/* The windows are as large as what is found behind the bridge when it begins at 0; then it begins where there is room. */
static void set_up_bridge(struct kernel *k, struct space *space, const struct machine_device *bridge)
{
	struct pci_resource *resources = resources_of(k, bridge) + PCI_WINDOWS;
	bool plugs = takes_plugs(bridge->model);
	struct space needed = {0}, given = {0};

	set_up_bus(k, &needed, bridge->address.domain, bridge->secondary, false);
	for (unsigned kind = 0; kind < N_WINDOWS; kind++) {
		const struct pci_window *fixed = &bridge->windows[kind];
		uint64_t align = needed.align[kind], size = align_up(needed.next[kind], kinds[kind].grain);

		if (align < kinds[kind].grain)
			align = kinds[kind].grain;
		if (plugs && size < kinds[kind].reserve)
			size = align = kinds[kind].reserve;
		resources[kind] = (struct pci_resource){.flags = kinds[kind].flags};
		if (fixed->end)
			resources[kind].start = fixed->start, resources[kind].size = fixed->end - fixed->start + 1;
		else if (size)
			resources[kind].start = take(space, kind, size, align), resources[kind].size = size;
		else
			resources[kind].flags = 0;
		given.next[kind] = resources[kind].start;
	}
	set_up_bus(k, &given, bridge->address.domain, bridge->secondary, false);
}

static void set_up_bus(struct kernel *k, struct space *space, uint32_t domain, uint8_t bus, bool root)
{
	for (size_t i = 0; i < k->machine->n_devices; i++) {
		const struct machine_device *described = &k->machine->devices[i];

		if (described->address.domain != domain || described->address.bus != bus)
			continue;
		set_up_function(k, space, resources_of(k, described), described, root);
		/* No bridge leads to its own bus: check-bus.c. */
		if (described->secondary > bus)
			set_up_bridge(k, space, described);
	}
}

static bool is_behind_bridge(struct kernel *k, struct pci_address address)
{
	for (size_t i = 0; i < k->machine->n_devices; i++) {
		const struct machine_device *d = &k->machine->devices[i];

		if (d->secondary == address.bus && d->address.domain == address.domain && d->address.bus < address.bus)
			return true;
	}
	return false;
}

void pci_setup_resources(struct kernel *k)
{
	struct space root = {0};

	for (unsigned kind = 0; kind < N_WINDOWS; kind++)
		root.next[kind] = kinds[kind].root;
	for (size_t i = 0; i < k->machine->n_devices; i++) {
		struct pci_address address = k->machine->devices[i].address;

		/* The devices are sorted: the first of a bus stands for it. */
		if (i && k->machine->devices[i - 1].address.domain == address.domain &&
		    k->machine->devices[i - 1].address.bus == address.bus)
			continue;
		if (!is_behind_bridge(k, address))
			set_up_bus(k, &root, address.domain, address.bus, true);
	}
}

/* Linux would look into the windows of the port that it is plugged into: the fake is not that exact. */
void pci_setup_plugged(struct kernel *k, struct pci_slot *slot)
{
	struct space space = {0};

	for (unsigned kind = 0; kind < N_WINDOWS; kind++)
		space.next[kind] = k->next_plugged[kind] ? k->next_plugged[kind] : kinds[kind].plugged;
	set_up_function(k, &space, slot->resources, slot->description, true);
	memcpy(k->next_plugged, space.next, sizeof(k->next_plugged));
}

/* A VF's BARs are slices of its PF's. */
static void assign_slices(struct pci_dev *vf)
{
	for (unsigned i = 0; i < PCI_BARS; i++) {
		const struct pci_resource *whole = &vf->physfn->resources[PCI_IOV + i];
		uint64_t slice = vf->physfn->model->vf_bars[i].size;

		if (slice)
			vf->resources[i] =
				(struct pci_resource){whole->start + slice * vf->vf_index, slice, whole->flags};
	}
}

/* A function that comes back has its addresses as before: Linux reads what is programmed. */
void pci_assign_resources(struct kernel *k, struct pci_dev *dev)
{
	if (dev->physfn) {
		assign_slices(dev);
		return;
	}
	memcpy(dev->resources, resources_of(k, dev->description), sizeof(dev->resources));
	pci_write_addresses(dev);
}
