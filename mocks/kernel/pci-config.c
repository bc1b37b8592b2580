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
	case PCI_EXT_CAP_ID_DSN:
		dev->caps.serial = offset;
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

static void write_bars(struct pci_dev *dev, unsigned offset, const struct pci_resource *resources)
{
	for (unsigned i = 0; i < PCI_BARS; i++) {
		bool io = resources[i].flags & 0x100;

		if (!resources[i].size)
			continue;
		pci_write32(dev, offset + 4 * i, (uint32_t)resources[i].start | (resources[i].flags & 0xf) | io);
		if (resources[i].flags & 0x100000)
			pci_write32(dev, offset + 4 * (i + 1), (uint32_t)(resources[i].start >> 32));
	}
}

static void write16(struct pci_dev *dev, unsigned offset, unsigned value)
{
	dev->config[offset] = (uint8_t)value;
	dev->config[offset + 1] = (uint8_t)(value >> 8);
}

/* A window that is none has its limit below its base. The low bits say how many bits an address has: the model's. */
static void write_windows(struct pci_dev *dev)
{
	const struct pci_resource none = {.start = UINT64_MAX, .size = 0};
	const struct pci_resource *windows = dev->resources + PCI_WINDOWS;
	uint64_t start[N_WINDOWS], end[N_WINDOWS];

	for (unsigned i = 0; i < N_WINDOWS; i++) {
		const struct pci_resource *window = windows[i].size ? &windows[i] : &none;

		start[i] = window->start;
		end[i] = window->start + window->size - (window->size ? 1 : 0);
		if (!window->size)
			end[i] = 0;
	}
	dev->config[PCI_IO_BASE] = (uint8_t)((start[WINDOW_IO] >> 8 & 0xf0) | (dev->config[PCI_IO_BASE] & 0xf));
	dev->config[PCI_IO_LIMIT] = (uint8_t)((end[WINDOW_IO] >> 8 & 0xf0) | (dev->config[PCI_IO_LIMIT] & 0xf));
	write16(dev, PCI_MEMORY_BASE, start[WINDOW_MEMORY] >> 16 & 0xfff0);
	write16(dev, PCI_MEMORY_LIMIT, end[WINDOW_MEMORY] >> 16 & 0xfff0);
	write16(dev, PCI_PREF_MEMORY_BASE, (start[WINDOW_PREFETCHABLE] >> 16 & 0xfff0) | 1);
	write16(dev, PCI_PREF_MEMORY_LIMIT, (end[WINDOW_PREFETCHABLE] >> 16 & 0xfff0) | 1);
	pci_write32(dev, PCI_PREF_BASE_UPPER32,
		    windows[WINDOW_PREFETCHABLE].size ? (uint32_t)(start[WINDOW_PREFETCHABLE] >> 32) : 0);
	pci_write32(dev, PCI_PREF_LIMIT_UPPER32, (uint32_t)(end[WINDOW_PREFETCHABLE] >> 32));
}

/* Addresses in config space are those of the resources. */
void pci_write_addresses(struct pci_dev *dev)
{
	write_bars(dev, PCI_BASE_ADDRESS_0, dev->resources);
	if (dev->caps.sriov && dev->totalvfs)
		write_bars(dev, dev->caps.sriov + PCI_SRIOV_BAR, dev->resources + PCI_IOV);
	if (dev->secondary)
		write_windows(dev);
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
	if (dev->disconnected)
		memset(buffer, 0xff, size);
	else
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
