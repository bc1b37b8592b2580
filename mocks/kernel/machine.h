/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a machine is before its kernel boots: plain data, filled by mocks/fixture (or by a test, by hand) and only
 * read by the model. Strings and arrays belong to whoever filled them and must outlive the struct kernel.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Position of a PCI function. Printed DDDD:BB:SS.F; a domain may need more than four digits (VMD: 10000). */
struct pci_address {
	uint32_t domain;
	uint8_t bus;
	uint8_t slot;     /* 0..31 */
	uint8_t function; /* 0..7 */
};

#define PCI_ADDRESS_TEXT 24 /* longest text of an address with its NUL, rounded up */

/* Formats @address into @text (at least PCI_ADDRESS_TEXT bytes) and returns @text. */
char *pci_address_format(struct pci_address address, char *text);
/* Parses exactly DDDD:BB:SS.F (nothing before or after). Returns 0, or -EINVAL with *ret_address untouched. */
int pci_address_parse(const char *text, struct pci_address *ret_address);
int pci_address_compare(struct pci_address a, struct pci_address b);

/* Where a fact comes from: every fixture says it. */
enum evidence { EVIDENCE_CAPTURED, EVIDENCE_SOURCE, EVIDENCE_INVENTED };

#define PCI_ANY_ID UINT32_MAX

/* One line of a driver's id table (struct pci_device_id). */
struct pci_device_id {
	uint32_t vendor, device;       /* PCI_ANY_ID: any */
	uint32_t subvendor, subdevice; /* PCI_ANY_ID: any */
	uint32_t class_code, class_mask;
	unsigned long driver_data;
	bool override_only; /* PCI_ID_F_VFIO_DRIVER_OVERRIDE: matches only while driver_override names the driver */
};

/* A condition that a driver's probe checks, and the errno it fails with. Evaluated in order; the first that holds decides. */
enum probe_subject { PROBE_IS_VF, PROBE_IS_PF, PROBE_HAS_VFS, PROBE_IS_BRIDGE, PROBE_HAS_GROUP, PROBE_ALWAYS };

struct probe_condition {
	enum probe_subject subject;
	bool unless;     /* fail when the subject does NOT hold */
	int error;       /* positive errno, EPROBE_DEFER (517) included */
	const char *why; /* for the trace */
};

enum driver_behaviour {
	DRIVER_STUB, /* binds, shows nothing (pci-stub) */
	DRIVER_PORT, /* a PCI Express port's: what is behind it can wake the machine from now on */
	DRIVER_NET,  /* net/ethN while bound */
	DRIVER_NVME, /* nvme/nvmeN, and its disk */
	DRIVER_VFIO, /* vfio-pci and the variants: group node, vfio-dev/vfioN */
};

/* What a DRIVER_NET driver shows beside net/ethN. */
struct net_features {
	unsigned rx_queues, tx_queues;
	enum ptp_order { PTP_NONE, PTP_BEFORE_NET, PTP_AFTER_QUEUES } ptp;
	bool wakeup; /* the first probe makes a wakeup device that stays */
};

struct module_parameter {
	const char *name;
	unsigned mode; /* 0444, 0644 */
	const char *value;
};

/* A loadable module (or a built-in one): file name and what it drags in. Names have underscores. */
struct module_desc {
	const char *name;
	const char *const *depends;      /* NULL-terminated; loaded first, this module becomes their holder */
	const char *const *softdep_post; /* NULL-terminated, may be NULL: kmod loads them afterwards */
	const struct module_parameter *parameters;
	size_t n_parameters;
	bool builtin;
};

struct driver_desc {
	const char *name;   /* directory in /sys/bus/pci/drivers, exact spelling */
	const char *module; /* a module_desc of the machine */
	enum driver_behaviour behaviour;
	enum evidence evidence;
	const struct pci_device_id *ids;
	size_t n_ids;
	const struct probe_condition *conditions;
	size_t n_conditions;
	struct net_features net;
	bool managed_dma; /* driver_managed_dma: no claim on the group's DMA (pcieport, pci-stub; every DRIVER_VFIO) */
	bool sriov_configure; /* the driver can create VFs */
	bool sriov_keep;      /* its remove() leaves VFs in place (nvme); the default is to disable SR-IOV first */
	unsigned sriov_limit; /* the driver lowers sriov_totalvfs to this; 0: it does not */
	bool async_probe;
	bool runtime_pm;       /* the driver lets a device sleep: it gives its reference back */
	unsigned msix_vectors; /* msi_irqs while bound; 0: none */
	const char *file;      /* where it was described; NULL: by hand, so a fixture of the machine must describe it */
};

/* IORESOURCE_* flag words as `resource` prints them. */
struct pci_bar {
	uint64_t size; /* bytes; 0: no such BAR */
	uint32_t flags;
};

/* A kind of function: a card's PF, a VF, a bridge. Capabilities are read from `config`, never stated twice. */
struct device_model {
	const char *name;
	const char *file; /* where it was described, for messages */
	enum evidence evidence;
	uint16_t vendor, device, subsystem_vendor, subsystem_device;
	uint32_t class_code; /* 24 bits */
	uint8_t revision;
	uint8_t config[4096];
	size_t config_size; /* 256 or 4096 */
	struct pci_bar bars[6];
	struct pci_bar rom;
	struct pci_bar vf_bars[6];
	uint64_t namespace_sectors;    /* of an NVMe controller's namespace; 0: it has none */
	bool namespace_shared;         /* other controllers could have it too */
	const struct device_model *vf; /* model of its VFs; NULL without SR-IOV */
	const char *qemu;              /* QEMU's -device name, or NULL */
	unsigned irq;
};

/* Differences from how a VF would come up by itself. */
struct machine_vf {
	unsigned index;
	const char *driver; /* NULL: unbound */
	const char *driver_override;
	int group; /* -1: the lowest free */
};

/* What a bridge forwards to the bus behind it. */
enum pci_window_kind { WINDOW_IO, WINDOW_MEMORY, WINDOW_PREFETCHABLE, N_WINDOWS };

struct pci_window {
	uint64_t start, end; /* end 0: assigned at boot */
};

struct machine_device {
	struct pci_address address;
	const struct device_model *model;
	const char *driver;             /* bound at boot; NULL: unbound */
	const char *driver_override;    /* NULL: unset */
	int group;                      /* IOMMU group; -1: the lowest free at boot, in order of address */
	uint8_t secondary, subordinate; /* bus numbers of a bridge */
	unsigned numvfs;
	bool no_vf_autoprobe; /* sriov_drivers_autoprobe reads 0 */
	const struct machine_vf *vfs;
	size_t n_vfs;
	const char *mac;       /* aa:bb:cc:dd:ee:ff, or NULL: made from the address */
	uint64_t bar_start[6]; /* 0: assigned at boot */
	uint64_t rom_start;    /* 0: assigned */
	uint64_t vf_bar_start[6];
	struct pci_window windows[N_WINDOWS];
};

/* A profile switch set by the machine file, beside its profile. */
struct profile_setting {
	const char *name;
	bool value;
};

struct machine {
	const char *name;
	const char *file;
	const char *profile; /* "6.12" */
	enum evidence evidence;
	const struct driver_desc *const *drivers; /* in the order of modules.alias */
	size_t n_drivers;
	const struct module_desc
		*modules; /* every module that can be loaded, those of the drivers and their dependencies */
	size_t n_modules;
	const char *const *
		loaded; /* NULL-terminated: modules of these drivers (driver or module names) are loaded at boot, in order */
	const struct machine_device *devices; /* sorted by address */
	size_t n_devices;
	const struct profile_setting *settings;
	size_t n_settings;
	const char *modprobe_config; /* text of /etc/modprobe.d/mocksys.conf, or NULL */
	bool no_iommu;
};

/* The modules that any DRIVER_VFIO driver needs (vfio, irqbypass, vfio_pci_core, vfio_iommu_type1 …), in order of loading. */
extern const struct module_desc vfio_module_descs[];
extern const size_t n_vfio_module_descs;
