/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Config space: the capabilities in it decide what a function shows. */
#include "kernel/pci.h"

#include <linux/pci_regs.h>

uint16_t pci_read16(const struct pci_dev *dev, unsigned offset)
{
	return (uint16_t)(dev->config[offset] | dev->config[offset + 1] << 8);
}

uint32_t pci_read32(const struct pci_dev *dev, unsigned offset)
{
	return pci_read16(dev, offset) | (uint32_t)pci_read16(dev, offset + 2) << 16;
}

void pci_write32(struct pci_dev *dev, unsigned offset, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		dev->config[offset + i] = (uint8_t)(value >> 8 * i);
}

static void note_capability(struct pci_dev *dev, uint8_t id, uint16_t offset)
{
	switch (id) {
	case PCI_CAP_ID_PM:
		dev->caps.pm = offset;
		break;
	case PCI_CAP_ID_MSI:
		dev->caps.msi = offset;
		break;
	case PCI_CAP_ID_MSIX:
		dev->caps.msix = offset;
		break;
	case PCI_CAP_ID_EXP:
		dev->caps.express = offset;
		break;
	case PCI_CAP_ID_AF:
		dev->caps.advanced_features = offset;
		break;
	}
}

static void note_extended(struct pci_dev *dev, uint16_t id, uint16_t offset)
{
	switch (id) {
	case PCI_EXT_CAP_ID_ERR:
		dev->caps.aer = offset;
		break;
	case PCI_EXT_CAP_ID_SRIOV:
		dev->caps.sriov = offset;
		break;
	case PCI_EXT_CAP_ID_ARI:
		dev->caps.ari = offset;
		break;
	}
}

void pci_find_capabilities(struct pci_dev *dev)
{
	unsigned offset, limit;

	dev->caps = (struct pci_capabilities){0};
	if (!(pci_read16(dev, PCI_STATUS) & PCI_STATUS_CAP_LIST))
		return;
	/* Both lists may loop: no more links than could fit. */
	offset = dev->config[PCI_CAPABILITY_LIST] & ~3u;
	for (limit = 48; offset >= 0x40 && limit; limit--) {
		note_capability(dev, dev->config[offset], (uint16_t)offset);
		offset = dev->config[offset + 1] & ~3u;
	}
	if (dev->config_size < 4096)
		return;
	offset = 0x100;
	for (limit = 960; offset >= 0x100 && offset <= 0xffc && limit; limit--) {
		uint32_t header = pci_read32(dev, offset);

		if (!header || header == UINT32_MAX)
			return;
		note_extended(dev, (uint16_t)header, (uint16_t)offset);
		offset = header >> 20 & 0xffc;
	}
}

bool pci_is_bridge(const struct pci_dev *dev)
{
	return (dev->config[PCI_HEADER_TYPE] & 0x7f) != PCI_HEADER_TYPE_NORMAL;
}

bool pci_has_flr(const struct pci_dev *dev)
{
	return dev->caps.express && (pci_read32(dev, dev->caps.express + PCI_EXP_DEVCAP) & PCI_EXP_DEVCAP_FLR);
}

bool pci_has_pm_reset(const struct pci_dev *dev)
{
	return dev->caps.pm && !(pci_read16(dev, dev->caps.pm + PCI_PM_CTRL) & PCI_PM_CTRL_NO_SOFT_RESET);
}

static uint64_t align_up(uint64_t value, uint64_t size)
{
	return (value + size - 1) / size * size;
}

/* The next free place of the kind of @flags: always the same for the same machine. */
static uint64_t place(struct kernel *k, uint64_t size, uint32_t flags)
{
	uint64_t *next = flags & 0x100 ? &k->next_io : flags & 0x100000 ? &k->next_mem64 : &k->next_mem;
	uint64_t start = align_up(*next, size < 16 ? 16 : size);

	*next = start + size;
	return start;
}

static void set_resource(struct kernel *k, struct pci_resource *resource, const struct pci_bar *bar, uint64_t fixed,
			 unsigned copies)
{
	if (!bar->size)
		return;
	resource->flags = bar->flags;
	resource->size = bar->size * copies;
	resource->start = fixed ? fixed : place(k, resource->size, bar->flags);
}

/* A function that comes back has its addresses as before: Linux reads what is programmed. */
static struct pci_resource *remembered(struct kernel *k, const struct pci_dev *dev)
{
	return k->resources + PCI_RESOURCES * (dev->description - k->machine->devices);
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

/* Addresses in config space are those of the resources. */
static void write_bars(struct pci_dev *dev)
{
	for (unsigned i = 0; i < PCI_BARS; i++) {
		const struct pci_resource *resource = &dev->resources[i];
		bool io = resource->flags & 0x100;

		if (!resource->size)
			continue;
		pci_write32(dev, PCI_BASE_ADDRESS_0 + 4 * i, (uint32_t)resource->start | (resource->flags & 0xf) | io);
		if (resource->flags & 0x100000)
			pci_write32(dev, PCI_BASE_ADDRESS_0 + 4 * (i + 1), (uint32_t)(resource->start >> 32));
	}
}

static void assign_at_boot(struct kernel *k, struct pci_dev *dev)
{
	const struct machine_device *described = dev->description;
	const struct device_model *model = dev->model;
	unsigned vfs = dev->caps.sriov ? pci_read16(dev, dev->caps.sriov + PCI_SRIOV_TOTAL_VF) : 1;

	for (unsigned i = 0; i < PCI_BARS; i++)
		set_resource(k, &dev->resources[i], &model->bars[i], described->bar_start[i], 1);
	set_resource(k, &dev->resources[PCI_ROM], &model->rom, described->rom_start, 1);
	for (unsigned i = 0; i < PCI_BARS && dev->totalvfs; i++)
		set_resource(k, &dev->resources[PCI_IOV + i], &model->vf_bars[i], described->vf_bar_start[i], vfs);
}

void pci_assign_resources(struct kernel *k, struct pci_dev *dev)
{
	if (dev->physfn) {
		assign_slices(dev);
		return;
	}
	if (k->booting) {
		assign_at_boot(k, dev);
		memcpy(remembered(k, dev), dev->resources, sizeof(dev->resources));
	} else {
		memcpy(dev->resources, remembered(k, dev), sizeof(dev->resources));
	}
	write_bars(dev);
}

/* pci_read_config(): without CAP_SYS_ADMIN the standard header only, and for the rest nothing. */
ssize_t pci_config_read(struct kobject *kobj, const struct attribute *attr, char *buffer, size_t size, off_t offset)
{
	struct pci_dev *dev = kobj_to_pci_dev(kobj);
	size_t limit = kernel_client()->uid == 0 ? dev->config_size : 64;

	if ((size_t)offset >= limit)
		return 0;
	if (size > limit - (size_t)offset)
		size = limit - (size_t)offset;
	memcpy(buffer, dev->config + offset, size);
	return (ssize_t)size;
}

/* Which bits of the standard header a write can change: command, cache line, latency, BARs' addresses stay as assigned. */
ssize_t pci_config_write(struct kobject *kobj, const struct attribute *attr, const char *data, size_t size,
			 off_t offset)
{
	struct pci_dev *dev = kobj_to_pci_dev(kobj);

	for (size_t i = 0; i < size && (size_t)offset + i < dev->config_size; i++) {
		size_t at = (size_t)offset + i;
		bool writable = at == PCI_COMMAND || at == PCI_COMMAND + 1 || at == PCI_CACHE_LINE_SIZE ||
				at == PCI_LATENCY_TIMER || at == PCI_INTERRUPT_LINE;

		if (writable)
			dev->config[at] = (uint8_t)data[i];
	}
	return (ssize_t)size;
}
