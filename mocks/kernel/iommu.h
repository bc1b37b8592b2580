/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* IOMMU groups, and who owns the DMA of their devices (drivers/iommu/iommu.c). */
#pragma once

#include "kernel/base.h"

struct pci_dev;
struct device_driver;

struct iommu_group {
	struct kobject kobj;
	unsigned id;
	struct kernfs_node *devices;
	unsigned n_devices;
	const char *type;
	unsigned n_bound;     /* devices with a driver, of any kind */
	unsigned host_users;  /* bound drivers that use the default domain */
	unsigned user_claims; /* VFIO users: exclude host drivers */
	TAILQ_ENTRY(iommu_group) list;
};

void iommu_init(struct kernel *k);
/* Puts @dev in its group, made when it is the first. */
void iommu_group_add_device(struct pci_dev *dev);
void iommu_group_remove_device(struct pci_dev *dev);
/* pci_dma_configure(): 0, or -EBUSY when user space owns the group and @driver wants the default domain. */
int iommu_device_use_dma(struct pci_dev *dev, struct device_driver *driver);
void iommu_device_unuse_dma(struct pci_dev *dev, struct device_driver *driver);
