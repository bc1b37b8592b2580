/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* VFIO groups and devices, for the two halves of VFIO: what drivers make of them (vfio.c), who uses them (vfio-user.c). */
#pragma once

#include "kernel/pci.h"

/* /dev/vfio/N and its class device: from the group's first VFIO device to its last. */
struct vfio_group {
	struct device device;
	TAILQ_ENTRY(vfio_group) list;
	struct iommu_group *group;
	unsigned n_devices;
	bool opened; /* by a process: one at a time */
	bool claims; /* which makes it a user of the group's devices */
};

struct vfio_device {
	struct device device;
	struct vfio_group *group;
	struct pci_dev *pci; /* NULL: it has left */
	struct module *module;
	int index;
	unsigned users; /* by way of the group, or said to be there by the control file */
	unsigned cdevs; /* opened: unbinding waits for these too, though they use nothing yet */
	bool leaving;   /* being unbound: nobody may open it any more */
};

/* vfio-pci.c */
int vfio_pci_check(struct pci_dev *dev, const struct device_driver *driver, const char **ret_why);
bool vfio_pci_enables_sriov(const struct pci_dev *pf);
bool vfio_pci_never_idles(const struct device_driver *driver);
void vfio_pci_module_init(struct kernel *k, const struct module *module);

/* vfio-user.c: what struct device asks of its node. */
int vfio_open_group(struct device *device);
void vfio_close_group(struct device *device);
int vfio_open_cdev(struct device *device);
void vfio_close_cdev(struct device *device);
/* A device has come to an open group: its process may use it, too. */
void vfio_join_users(struct vfio_device *vfio);
/* vfio_unregister_group_dev(): returns when nobody has the device open any more. */
void vfio_wait_for_users(struct vfio_device *vfio);
