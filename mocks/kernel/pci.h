/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PCI functions: what the model knows of one beside its struct device. */
#pragma once

#include "kernel/base.h"

struct net_device;
struct nvme;
struct vfio_device;
struct wakeup_source;

/* Where the capabilities of a function lie in its config space; 0: it has none. */
struct pci_capabilities {
	uint16_t pm, msi, msix, express, advanced_features;
	uint16_t aer, sriov, ari, serial;
};

struct pci_resource {
	uint64_t start, size;
	uint32_t flags;
};

enum { PCI_BARS = 6, PCI_ROM = 6, PCI_IOV = 7, PCI_WINDOWS = 13, PCI_RESOURCES = 17 };

struct pci_dev {
	struct device device;
	struct pci_address address;
	const struct device_model *model;
	const struct machine_device *description; /* NULL: a VF */
	uint8_t config[4096];
	size_t config_size;
	struct pci_capabilities caps;
	struct pci_resource resources[PCI_RESOURCES];
	uint8_t secondary, subordinate; /* bridges */
	struct device *secondary_bus;   /* class pci_bus */
	bool ari_behind;                /* the functions of that bus have no slots */

	struct pci_dev *physfn; /* a reference; NULL: not a VF */
	unsigned vf_index;
	struct pci_dev **vfs;
	unsigned numvfs, totalvfs;
	bool vf_autoprobe;

	struct iommu_group *group;
	int wanted_group;
	unsigned enable_count;
	unsigned dma_bits;
	const char *power_state;
	bool runtime_allowed;   /* power/control is `auto` */
	unsigned runtime_users; /* who keeps it awake, beside power/control */
	bool vfio_idles_in_d3;  /* disable_idle_d3 was N when it was bound */
	bool suspends_in_order; /* power/async is `disabled` */
	bool can_wake;
	struct wakeup_source *wakeup;
	bool broken_parity, d3cold_allowed, no_msi_bus;
	long numa_node;
	char reset_methods[64]; /* blank separated, in order of preference */
	uint16_t irqs[64];
	unsigned n_irqs;
	struct kernfs_node *msi_irqs;

	struct net_device *net;
	struct device *ptp;
	struct vfio_device *vfio;
	struct nvme *nvme;
	bool added;        /* offered to drivers, and not stopped yet */
	bool removing;     /* somebody asked for it */
	bool disconnected; /* pulled out: its configuration space reads as all ones */
	bool gone;
};

static inline struct pci_dev *to_pci_dev(struct device *device)
{
	return (struct pci_dev *)device;
}

static inline struct pci_dev *kobj_to_pci_dev(struct kobject *kobj)
{
	return to_pci_dev(container_of(kobj, struct device, kobj));
}

/* pci-config.c */
uint16_t pci_read16(const struct pci_dev *dev, unsigned offset);
uint32_t pci_read32(const struct pci_dev *dev, unsigned offset);
void pci_write32(struct pci_dev *dev, unsigned offset, uint32_t value);
void pci_find_capabilities(struct pci_dev *dev);
bool pci_is_bridge(const struct pci_dev *dev);
bool pci_has_flr(const struct pci_dev *dev);
bool pci_has_pm_reset(const struct pci_dev *dev);
void pci_write_addresses(struct pci_dev *dev);
ssize_t pci_config_read(struct kobject *kobj, const struct attribute *attr, char *buffer, size_t size, off_t offset);
ssize_t pci_config_write(struct kobject *kobj, const struct attribute *attr, const char *data, size_t size,
			 off_t offset);

/* pci-setup.c */
/* Of all described functions, once: as the firmware does. */
void pci_setup_resources(struct kernel *k);
void pci_assign_resources(struct kernel *k, struct pci_dev *dev);

/* pci-driver.c */
bool pci_bus_match(struct pci_dev *dev, struct device_driver *driver, const char **ret_why);
int pci_device_probe(struct pci_dev *dev, struct device_driver *driver, const char **ret_why);
void pci_device_remove(struct pci_dev *dev, struct device_driver *driver);
ssize_t pci_new_id_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count);
ssize_t pci_remove_id_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count);
ssize_t pci_override_show(struct kobject *kobj, const struct attribute *attr, char *buffer);
ssize_t pci_override_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count);

/* pci-bus.c */
struct pci_dev *pci_find(struct kernel *k, struct pci_address address);
int pci_add_function(struct kernel *k, struct pci_dev *dev);
void pci_bus_add_device(struct pci_dev *dev);
bool pci_ari_enabled(const struct pci_dev *dev);
/* Makes what is described and not there on @bus of @domain and below; bus -1: everywhere. R is held. */
void pci_rescan(struct kernel *k, long domain, int bus);
void pci_stop_and_remove(struct pci_dev *dev);
void pci_remove_host_bridges(struct kernel *k);
/* Whether a function could be found at @address: a bridge that is there leads to its bus, or it is a root bus. */
bool pci_bus_exists(struct kernel *k, struct pci_address address);
/* One function that is new, as a rescan finds it. R is held. */
void pci_add_described(struct kernel *k, const struct machine_device *described);
int pci_lock_rescan_remove(struct kernel *k);
void pci_unlock_rescan_remove(struct kernel *k);
ssize_t pci_rescan_common(struct kernel *k, long domain, int bus, const char *buffer, size_t count);
ssize_t pci_bus_rescan_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count);
void pci_uevent_keys(void *object, struct uevent *uevent);

/* pci-sysfs.c */
void pci_add_function_attrs(struct pci_dev *dev);
void pci_remove_function_attrs(struct pci_dev *dev);
void pci_add_resource_attrs(struct pci_dev *dev);
void pci_remove_resource_attrs(struct pci_dev *dev);
/* Interrupts in use, while a driver has them. */
void pci_add_irqs(struct pci_dev *dev, unsigned n);
void pci_remove_irqs(struct pci_dev *dev);

/* pci-power.c */
void pci_add_power(struct pci_dev *dev);
void pci_add_host_bridge_power(struct device *bridge);
/* What `power_state` reads, after its users or its driver changed. */
void pci_update_power_state(struct pci_dev *dev);
bool pci_signals_pme(const struct pci_dev *dev);
/* What the probe of a port does to all behind it. */
void pci_port_probe(struct pci_dev *port);
void wakeup_enable(struct pci_dev *dev);
void wakeup_disable(struct pci_dev *dev);

/* pci-reset.c */
void pci_init_reset_methods(struct pci_dev *dev);
ssize_t pci_reset_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count);
ssize_t pci_reset_method_show(struct kobject *kobj, const struct attribute *attr, char *buffer);
ssize_t pci_reset_method_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count);
bool pci_reset_visible(struct kobject *kobj);

/* iov.c */
bool iov_is_pf(const struct pci_dev *dev);
/* What the machine says of a VF, or NULL. */
const struct machine_vf *iov_described_vf(const struct pci_dev *pf, unsigned index);
void iov_init(struct pci_dev *dev);
void iov_reset_totalvfs(struct pci_dev *dev);
int iov_enable(struct pci_dev *pf, unsigned n);
void iov_disable(struct pci_dev *pf);
/* The driver's sriov_configure(); 0: none. */
int iov_configure(struct pci_dev *pf, unsigned n);
/* One VF alone. R is held. */
void iov_remove_vf(struct pci_dev *vf);
/* It goes without its PF's doing. */
void iov_forget_vf(struct pci_dev *vf);
void iov_add_attrs(struct pci_dev *dev);
void iov_remove_attrs(struct pci_dev *dev);

/* 0, or the -errno of the first of the driver's conditions that fails. */
int pci_check_conditions(const struct pci_dev *dev, const struct driver_desc *driver, const char **ret_why);

/* net.c, nvme.c, vfio.c: what a bound driver shows */
int net_probe(struct pci_dev *dev, const struct driver_desc *driver);
void net_remove(struct pci_dev *dev);
int nvme_probe(struct pci_dev *dev, struct device_driver *driver, const char **ret_why);
void nvme_remove(struct pci_dev *dev);
void nvme_core_module_init(struct kernel *k);
void nvme_core_module_exit(struct kernel *k);
void vfio_init(struct kernel *k);
void vfio_module_init(struct kernel *k);
void vfio_module_exit(struct kernel *k);
int vfio_probe(struct pci_dev *dev, struct device_driver *driver, const char **ret_why);
void vfio_remove(struct pci_dev *dev);
/* A device is bound to a VFIO driver. */
bool vfio_is_in_use(struct kernel *k);
/* Somebody opens or closes the VFIO device: 0, -ENODEV (not on a VFIO driver), -EPERM (the group is not viable). */
int vfio_user_open(struct pci_dev *dev, const char **ret_why);
int vfio_user_close(struct pci_dev *dev, const char **ret_why);
/* Everybody closes what he has open, and is not told. */
void vfio_forget_users(struct kernel *k);
