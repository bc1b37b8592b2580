/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "q35-machine.h"

#include <errno.h>

#define ID(v, d, override)                                              \
	{                                                               \
		v, d, PCI_ANY_ID, PCI_ANY_ID, .override_only = override \
	}
#define ANY_ID                                                                        \
	{                                                                             \
		PCI_ANY_ID, PCI_ANY_ID, PCI_ANY_ID, PCI_ANY_ID, .override_only = true \
	}
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const struct pci_device_id e1000e_ids[] = {ID(0x8086, 0x10d3, false)};
static const struct pci_device_id variant_ids[] = {ID(0x8086, 0x10d3, true)};
static const struct pci_device_id any_ids[] = {ANY_ID};
static const struct pci_device_id igb_ids[] = {ID(0x8086, 0x10c9, false)};
static const struct pci_device_id port_ids[] = {
	{PCI_ANY_ID, PCI_ANY_ID, PCI_ANY_ID, PCI_ANY_ID, .class_code = 0x060400, .class_mask = 0xffffff}};

static const struct driver_desc e1000e = {.name = "e1000e",
					  .module = "e1000e",
					  .behaviour = DRIVER_NET,
					  .ids = e1000e_ids,
					  .n_ids = 1,
					  .net = {1, 1, PTP_BEFORE_NET, true},
					  .msix_vectors = 3};
static const struct driver_desc variant = {.name = "vfio-pci-e1000e",
					   .module = "vfio_pci_e1000e",
					   .behaviour = DRIVER_VFIO,
					   .ids = variant_ids,
					   .n_ids = 1};
static const struct driver_desc vfio_pci = {
	.name = "vfio-pci", .module = "vfio_pci", .behaviour = DRIVER_VFIO, .ids = any_ids, .n_ids = 1};
static const struct driver_desc pcieport = {.name = "pcieport",
					    .module = "pcieportdrv",
					    .behaviour = DRIVER_PORT,
					    .ids = port_ids,
					    .n_ids = 1,
					    .managed_dma = true};
static const struct driver_desc igb = {.name = "igb",
				       .module = "igb",
				       .behaviour = DRIVER_NET,
				       .ids = igb_ids,
				       .n_ids = 1,
				       .net = {1, 1, PTP_AFTER_QUEUES, true},
				       .sriov_configure = true,
				       .sriov_limit = 7};
static const struct driver_desc *const drivers[] = {&e1000e, &variant, &vfio_pci, &pcieport, &igb};

static const char *const none[] = {NULL};
static const char *const core[] = {"vfio_pci_core", "vfio", NULL};
static const char *const vfio_and_irqbypass[] = {"vfio", "irqbypass", NULL};

/* busybox's modprobe, which took the transcript, follows no soft dependencies: so vfio has none here. */
static const struct module_desc modules[] = {
	{.name = "vfio", .depends = none},
	{.name = "irqbypass", .depends = none},
	{.name = "vfio_pci_core", .depends = vfio_and_irqbypass},
	{.name = "vfio_pci", .depends = core},
	{.name = "vfio_pci_e1000e", .depends = core},
	{.name = "e1000e", .depends = none},
	{.name = "igb", .depends = none},
	{.name = "pcieportdrv", .depends = none, .builtin = true},
};

#define VENDOR(v, d) [0] = (v)&0xff, (v) >> 8, (d)&0xff, (d) >> 8

/* PCIe at 0x40: a root port. */
static const struct device_model port = {
	.name = "port",
	.vendor = 0x1b36,
	.device = 0x000c,
	.subsystem_vendor = 0x1b36,
	.class_code = 0x060400,
	.config = {VENDOR(0x1b36, 0x000c), [0x06] = 0x10, [0x0e] = 1, [0x34] = 0x40, [0x40] = 0x10, 0x00, 0x42, 0x01},
	.config_size = 256};
static const struct device_model lpc = {.name = "lpc",
					.vendor = 0x8086,
					.device = 0x2918,
					.subsystem_vendor = 0x1af4,
					.subsystem_device = 0x1100,
					.class_code = 0x060100,
					.config = {VENDOR(0x8086, 0x2918)},
					.config_size = 256};
static const struct device_model ahci = {.name = "ahci",
					 .vendor = 0x8086,
					 .device = 0x2922,
					 .subsystem_vendor = 0x1af4,
					 .subsystem_device = 0x1100,
					 .class_code = 0x010601,
					 .config = {VENDOR(0x8086, 0x2922)},
					 .config_size = 256};
static const struct device_model smbus = {.name = "smbus",
					  .vendor = 0x8086,
					  .device = 0x2930,
					  .subsystem_vendor = 0x1af4,
					  .subsystem_device = 0x1100,
					  .class_code = 0x0c0500,
					  .config = {VENDOR(0x8086, 0x2930)},
					  .config_size = 256};
/* PM (no soft reset bit clear: it can reset by PM) at 0xc8, PCIe without FLR at 0xe0. */
static const struct device_model nic = {
	.name = "nic",
	.vendor = 0x8086,
	.device = 0x10d3,
	.subsystem_vendor = 0x8086,
	.class_code = 0x020000,
	.config_size = 4096,
	.config = {VENDOR(0x8086, 0x10d3), [0x06] = 0x10, [0x34] = 0xc8, [0xc8] = 0x01, 0xe0, [0xe0] = 0x10, 0x00, 0x02,
		   0x00},
	.bars = {{0x20000, 0x40200}, {0x20000, 0x40200}, {0x20, 0x40101}, {0x4000, 0x40200}}};
static const struct device_model nic_vf = {.name = "nic-vf",
					   .vendor = 0x8086,
					   .device = 0x10ca,
					   .subsystem_vendor = 0x8086,
					   .class_code = 0x020000,
					   .config_size = 4096,
					   .config = {VENDOR(0x8086, 0x10ca)}};
/* SR-IOV at 0x160: 8 VFs of 8086:10ca, offset 0x80, stride 2. */
static const struct device_model nic_pf = {.name = "nic-pf",
					   .vendor = 0x8086,
					   .device = 0x10c9,
					   .subsystem_vendor = 0x8086,
					   .class_code = 0x020000,
					   .config_size = 4096,
					   .vf = &nic_vf,
					   .vf_bars = {{0x4000, 0x14220c}},
					   .config = {VENDOR(0x8086, 0x10c9),
						      [0x06] = 0x10,
						      [0x34] = 0xe0,
						      [0xe0] = 0x10,
						      0x00,
						      0x02,
						      0x00,
						      [0x100] = 0x10,
						      0x00,
						      0x01,
						      0x00,
						      [0x10c] = 8,
						      0,
						      8,
						      0,
						      [0x114] = 0x80,
						      0,
						      2,
						      0,
						      [0x11a] = 0xca,
						      0x10}};

#define AT(b, s, f)                                             \
	{                                                       \
		.domain = 0, .bus = b, .slot = s, .function = f \
	}
static const struct machine_device devices[] = {
	{.address = AT(0, 2, 0), .model = &port, .driver = "pcieport", .group = 1, .secondary = 1, .subordinate = 1},
	{.address = AT(0, 3, 0), .model = &port, .driver = "pcieport", .group = 2, .secondary = 2, .subordinate = 2},
	{.address = AT(0, 0x1f, 0), .model = &lpc, .group = 5},
	{.address = AT(0, 0x1f, 2), .model = &ahci, .group = 5},
	{.address = AT(0, 0x1f, 3), .model = &smbus, .group = 5},
	{.address = AT(1, 0, 0), .model = &nic, .group = 6},
	{.address = AT(2, 0, 0), .model = &nic_pf, .group = 7},
};

const struct machine q35_machine = {.name = "q35",
				    .profile = "6.12",
				    .drivers = drivers,
				    .n_drivers = COUNT(drivers),
				    .modules = modules,
				    .n_modules = COUNT(modules),
				    .loaded = none,
				    .devices = devices,
				    .n_devices = COUNT(devices)};
