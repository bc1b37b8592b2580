/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The attributes of a PCI function (drivers/pci/pci-sysfs.c, aer.c, aspm.c): one table, each line says when it is there. */
#include "kernel/pci.h"

#include <linux/pci_regs.h>

#define SHOW(name, ...)                                                                              \
	static ssize_t name##_show(struct kobject *kobj, const struct attribute *attr, char *buffer) \
	{                                                                                            \
		const struct pci_dev *dev = kobj_to_pci_dev(kobj);                                   \
                                                                                                     \
		(void)dev;                                                                           \
		return sprintf(buffer, __VA_ARGS__);                                                 \
	}

SHOW(vendor, "0x%04x\n", dev->model->vendor)
SHOW(device, "0x%04x\n", dev->model->device)
SHOW(subsystem_vendor, "0x%04x\n", dev->model->subsystem_vendor)
SHOW(subsystem_device, "0x%04x\n", dev->model->subsystem_device)
SHOW(revision, "0x%02x\n", dev->model->revision)
SHOW(class, "0x%06x\n", dev->model->class_code)
SHOW(modalias, "pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X\n", dev->model->vendor, dev->model->device,
     dev->model->subsystem_vendor, dev->model->subsystem_device, dev->model->class_code >> 16,
     dev->model->class_code >> 8 & 0xff, dev->model->class_code & 0xff)
SHOW(irq, "%u\n", dev->physfn ? 0 : dev->model->irq)
SHOW(enable, "%u\n", dev->enable_count)
SHOW(broken_parity_status, "%d\n", dev->broken_parity)
SHOW(d3cold_allowed, "%d\n", dev->d3cold_allowed)
SHOW(msi_bus, "%d\n", !dev->no_msi_bus)
SHOW(dma_mask_bits, "%u\n", dev->dma_bits)
SHOW(numa_node, "%ld\n", dev->numa_node)
SHOW(ari_enabled, "%d\n", pci_ari_enabled(dev))
SHOW(power_state, "%s\n", dev->power_state)
SHOW(secondary_bus, "%u\n", dev->secondary)
SHOW(subordinate_bus, "%u\n", dev->subordinate)
SHOW(boot_vga, "%d\n", 1)

/* From the highest byte to the lowest. */
static ssize_t serial_number_show(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	const struct pci_dev *dev = kobj_to_pci_dev(kobj);
	const uint8_t *bytes = &dev->config[dev->caps.serial + 4];

	return sprintf(buffer, "%02x-%02x-%02x-%02x-%02x-%02x-%02x-%02x\n", bytes[7], bytes[6], bytes[5], bytes[4],
		       bytes[3], bytes[2], bytes[1], bytes[0]);
}

static ssize_t resource_show(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	const struct pci_dev *dev = kobj_to_pci_dev(kobj);
	int lines = pci_is_bridge(dev) ? PCI_RESOURCES : PCI_WINDOWS;
	ssize_t used = 0;

	for (int i = 0; i < lines; i++) {
		struct pci_resource r = dev->resources[i];

		used += sprintf(buffer + used, "0x%016llx 0x%016llx 0x%016llx\n", (unsigned long long)r.start,
				(unsigned long long)(r.size ? r.start + r.size - 1 : 0), (unsigned long long)r.flags);
	}
	return used;
}

static const char *link_speed(unsigned code)
{
	static const char *const speeds[] = {"Unknown",        "2.5 GT/s PCIe",  "5.0 GT/s PCIe", "8.0 GT/s PCIe",
					     "16.0 GT/s PCIe", "32.0 GT/s PCIe", "64.0 GT/s PCIe"};

	return code < ARRAY_SIZE(speeds) ? speeds[code] : speeds[0];
}

static unsigned express_word(const struct pci_dev *dev, unsigned offset)
{
	return pci_read16(dev, dev->caps.express + offset);
}

SHOW(max_link_speed, "%s\n", link_speed(express_word(dev, PCI_EXP_LNKCAP) & 0xf))
SHOW(max_link_width, "%u\n", (express_word(dev, PCI_EXP_LNKCAP) >> 4 & 0x3f))
SHOW(current_link_speed, "%s\n", link_speed(express_word(dev, PCI_EXP_LNKSTA) & 0xf))
SHOW(current_link_width, "%u\n", (express_word(dev, PCI_EXP_LNKSTA) >> 4 & 0x3f))

static ssize_t store_flag(const char *buffer, size_t count, bool *ret_flag)
{
	unsigned long long value;

	if (kstrtoull(buffer, &value))
		return refused(EINVAL, step_no_number);
	*ret_flag = value;
	return (ssize_t)count;
}

static ssize_t broken_parity_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	return store_flag(buffer, count, &kobj_to_pci_dev(kobj)->broken_parity);
}

static ssize_t d3cold_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	return store_flag(buffer, count, &kobj_to_pci_dev(kobj)->d3cold_allowed);
}

static ssize_t msi_bus_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	bool allowed;
	ssize_t ret;

	if (kernel_client()->uid != 0)
		return refused(EPERM, step_not_root);
	ret = store_flag(buffer, count, &allowed);
	if (ret > 0)
		kobj_to_pci_dev(kobj)->no_msi_bus = !allowed;
	return ret;
}

static ssize_t numa_node_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	bool negative = buffer[0] == '-';
	unsigned long long value;

	if (kernel_client()->uid != 0)
		return refused(EPERM, step_not_root);
	/* One node, number 0, is online; -1 is "none". */
	if (kstrtoull(buffer + negative, &value) || value > (negative ? 1 : 0))
		return refused(EINVAL, "neither -1 nor the number of a node that is online");
	kobj_to_pci_dev(kobj)->numa_node = negative ? -(long)value : (long)value;
	return (ssize_t)count;
}

/* enable_store(): takes D; a bound function is its driver's business. */
static ssize_t enable_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	struct pci_dev *dev = kobj_to_pci_dev(kobj);
	struct kernel *k = kobj->k;
	const char *why = NULL;
	unsigned long long value;
	int ret = 0;

	if (kernel_client()->uid != 0)
		return refused(EPERM, step_not_root);
	if (kstrtoull(buffer, &value))
		return refused(EINVAL, step_no_number);
	ret = device_lock(&dev->device);
	if (ret)
		return ret;
	if (dev->device.driver) {
		ret = -EBUSY;
		why = "the device has a driver";
	} else if (!value && !dev->enable_count) {
		ret = -EIO;
		why = "it is not enabled";
	}
	ret = (int)STEP(k, PCI_ENABLE, .device = dev->device.name, .value = value ? "1" : "0", .result = ret,
			.why = why);
	if (!ret && value) {
		dev->enable_count++;
		dev->power_state = "D0";
	} else if (!ret) {
		dev->enable_count--;
	}
	device_unlock(&dev->device);
	return ret ? ret : (ssize_t)count;
}

static ssize_t uevent_show(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	struct device *device = container_of(kobj, struct device, kobj);
	bool locks = kobj->k->profile.uevent_takes_lock;
	struct uevent uevent = {.size = 0};
	int ret = locks ? device_lock(device) : 0;

	if (ret)
		return ret;
	device_uevent_keys(device, &uevent);
	if (locks)
		device_unlock(device);
	for (size_t i = 0; i < uevent.size; i++)
		buffer[i] = uevent.text[i] ? uevent.text[i] : '\n';
	return (ssize_t)uevent.size;
}

static ssize_t uevent_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	return uevent_store_common(kobj->k, kobj->node, "pci", buffer, count, device_uevent_keys,
				   container_of(kobj, struct device, kobj));
}

static ssize_t remove_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	struct pci_dev *dev = kobj_to_pci_dev(kobj);
	struct kernel *k = kobj->k;
	struct kernfs_node *self;
	unsigned long long value;
	int ret;

	if (kstrtoull(buffer, &value))
		return refused(EINVAL, step_no_number);
	if (!value || dev->removing)
		return (ssize_t)count; /* a second writer comes too late, and is told that all is well */
	dev->removing = true;
	/* Its own file goes first of all: another's removal, of its bridge say, would wait for this very store. */
	self = kernfs_lookup(kobj->node, "remove");
	if (self)
		kernfs_remove_self(self);
	ret = pci_lock_rescan_remove(k);
	if (ret)
		return ret;
	pci_stop_and_remove(dev);
	pci_unlock_rescan_remove(k);
	return (ssize_t)count;
}

static ssize_t rescan_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	const struct pci_dev *dev = kobj_to_pci_dev(kobj);

	return pci_rescan_common(kobj->k, dev->address.domain, dev->address.bus, buffer, count);
}

static ssize_t reset_subordinate_store(struct kobject *kobj, const struct attribute *attr, const char *buffer,
				       size_t count)
{
	unsigned long long value;

	if (kstrtoull(buffer, &value) || value != 1)
		return refused(EINVAL, "only 1 means anything");
	return (ssize_t)count;
}

static bool is_function(struct kobject *kobj)
{
	return !kobj_to_pci_dev(kobj)->physfn;
}

static bool is_express(struct kobject *kobj)
{
	return kobj_to_pci_dev(kobj)->caps.express;
}

static bool is_bridge(struct kobject *kobj)
{
	return pci_is_bridge(kobj_to_pci_dev(kobj));
}

static bool is_vga(struct kobject *kobj)
{
	return kobj_to_pci_dev(kobj)->model->class_code >> 8 == 0x0300;
}

static bool has_aer(struct kobject *kobj)
{
	return kobj_to_pci_dev(kobj)->caps.aer;
}

static bool is_root_port_with_aer(struct kobject *kobj)
{
	return has_aer(kobj) && is_bridge(kobj);
}

static bool has_serial_number(struct kobject *kobj)
{
	return kobj->k->profile.serial_number && kobj_to_pci_dev(kobj)->caps.serial;
}

static bool has_reset_method(struct kobject *kobj)
{
	return kobj->k->profile.reset_method && pci_reset_visible(kobj);
}

#define AER_FATAL_NAMES                                                                                             \
	"Undefined 0\nDLP 0\nSDES 0\nTLP 0\nFCP 0\nCmpltTO 0\nCmpltAbrt 0\nUnxCmplt 0\nRxOF 0\nMalfTLP 0\nECRC 0\n" \
	"UnsupReq 0\nACSViol 0\nUncorrIntErr 0\nBlockedTLP 0\nAtomicOpBlocked 0\nTLPBlockedErr 0\n"                 \
	"PoisonTLPBlocked 0\nDMWrReqBlocked 0\nIDECheck 0\nMisIDETLP 0\nPCRC_CHECK 0\nTLPXlatBlocked 0\n"

/* Which store or show could be told to wait decides whether it needs a thread; see ATTRIBUTE_STORE_INLINE. */
static const struct attribute attrs[] = {
	{"uevent", 0644, uevent_show, uevent_store, .flags = ATTRIBUTE_STATIC | ATTRIBUTE_SHOW_WAITS},
	{"remove", 0220, .store = remove_store, .visible = is_function},
	{"rescan", 0200, .store = rescan_store, .visible = is_function},
	{"reset", 0200, .store = pci_reset_store, .visible = pci_reset_visible},
	{"reset_method", 0644, pci_reset_method_show, pci_reset_method_store, .visible = has_reset_method},
	{"serial_number", 0400, serial_number_show, .visible = has_serial_number, .flags = ATTRIBUTE_CONSTANT},
	{"max_link_speed", 0444, max_link_speed_show, .visible = is_express, .flags = ATTRIBUTE_CONSTANT},
	{"max_link_width", 0444, max_link_width_show, .visible = is_express, .flags = ATTRIBUTE_CONSTANT},
	{"current_link_speed", 0444, current_link_speed_show, .visible = is_express},
	{"current_link_width", 0444, current_link_width_show, .visible = is_express},
	{"secondary_bus_number", 0444, secondary_bus_show, .visible = is_bridge},
	{"subordinate_bus_number", 0444, subordinate_bus_show, .visible = is_bridge},
	{"reset_subordinate", 0200, .store = reset_subordinate_store, .visible = is_bridge},
	{"boot_vga", 0444, boot_vga_show, .visible = is_vga},
	{"aer_dev_correctable", 0444, .visible = has_aer,
	 .text = "RxErr 0\nBadTLP 0\nBadDLLP 0\nRollover 0\nTimeout 0\nNonFatalErr 0\nCorrIntErr 0\nHeaderOF "
		 "0\nTOTAL_ERR_COR 0\n"},
	{"aer_dev_fatal", 0444, .visible = has_aer, .text = AER_FATAL_NAMES "TOTAL_ERR_FATAL 0\n"},
	{"aer_dev_nonfatal", 0444, .visible = has_aer, .text = AER_FATAL_NAMES "TOTAL_ERR_NONFATAL 0\n"},
	{"aer_rootport_total_err_cor", 0444, .visible = is_root_port_with_aer, .text = "0\n"},
	{"aer_rootport_total_err_fatal", 0444, .visible = is_root_port_with_aer, .text = "0\n"},
	{"aer_rootport_total_err_nonfatal", 0444, .visible = is_root_port_with_aer, .text = "0\n"},
	{"vendor", 0444, vendor_show, .flags = ATTRIBUTE_STATIC | ATTRIBUTE_CONSTANT},
	{"device", 0444, device_show, .flags = ATTRIBUTE_STATIC | ATTRIBUTE_CONSTANT},
	{"subsystem_vendor", 0444, subsystem_vendor_show, .flags = ATTRIBUTE_STATIC | ATTRIBUTE_CONSTANT},
	{"subsystem_device", 0444, subsystem_device_show, .flags = ATTRIBUTE_STATIC | ATTRIBUTE_CONSTANT},
	{"revision", 0444, revision_show, .flags = ATTRIBUTE_STATIC | ATTRIBUTE_CONSTANT},
	{"class", 0444, class_show, .flags = ATTRIBUTE_STATIC | ATTRIBUTE_CONSTANT},
	{"modalias", 0444, modalias_show, .flags = ATTRIBUTE_STATIC | ATTRIBUTE_CONSTANT},
	{"irq", 0444, irq_show, .flags = ATTRIBUTE_STATIC},
	{"resource", 0444, resource_show, .flags = ATTRIBUTE_STATIC},
	{"local_cpus", 0444, .text = "3\n", .flags = ATTRIBUTE_STATIC},
	{"local_cpulist", 0444, .text = "0-1\n", .flags = ATTRIBUTE_STATIC},
	{"numa_node", 0644, numa_node_show, numa_node_store, .flags = ATTRIBUTE_STATIC | ATTRIBUTE_STORE_INLINE},
	{"dma_mask_bits", 0444, dma_mask_bits_show, .flags = ATTRIBUTE_STATIC},
	{"consistent_dma_mask_bits", 0444, dma_mask_bits_show, .flags = ATTRIBUTE_STATIC},
	{"enable", 0644, enable_show, enable_store, .flags = ATTRIBUTE_STATIC},
	{"broken_parity_status", 0644, broken_parity_status_show, broken_parity_store,
	 .flags = ATTRIBUTE_STATIC | ATTRIBUTE_STORE_INLINE},
	{"msi_bus", 0644, msi_bus_show, msi_bus_store, .flags = ATTRIBUTE_STATIC | ATTRIBUTE_STORE_INLINE},
	{"d3cold_allowed", 0644, d3cold_allowed_show, d3cold_store, .flags = ATTRIBUTE_STATIC | ATTRIBUTE_STORE_INLINE},
	{"driver_override", 0644, pci_override_show, pci_override_store,
	 .flags = ATTRIBUTE_STATIC | ATTRIBUTE_SHOW_WAITS},
	{"ari_enabled", 0444, ari_enabled_show, .flags = ATTRIBUTE_STATIC},
	{"power_state", 0444, power_state_show, .flags = ATTRIBUTE_STATIC},
};

static ssize_t l0s_show(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	return sprintf(buffer, "0\n");
}

static ssize_t l0s_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	bool value;

	return kstrtobool(buffer, &value) ? refused(EINVAL, step_no_bool) : (ssize_t)count;
}

static const struct attribute l0s_attr = {"l0s_aspm", 0644, l0s_show, l0s_store};
static const struct attribute config_attr = {"config", 0644, .read = pci_config_read, .write = pci_config_write,
					     .flags = ATTRIBUTE_STATIC | ATTRIBUTE_STORE_INLINE};

void pci_add_function_attrs(struct pci_dev *dev)
{
	struct kobject *kobj = &dev->device.kobj;
	struct kernfs_node *link;

	kernfs_add_attrs(kobj->node, kobj, attrs, ARRAY_SIZE(attrs));
	kernfs_add_bin(kobj->node, kobj, &config_attr, "config", dev->config_size);
	link = kernfs_add_dir(kobj->node, "link", NULL);
	if (dev->caps.express && !pci_is_bridge(dev) && dev->address.bus)
		kernfs_add_attr(link, kobj, &l0s_attr);
	iov_add_attrs(dev);
}

void pci_remove_function_attrs(struct pci_dev *dev)
{
	iov_remove_attrs(dev);
	kernfs_remove_by_name(dev->device.kobj.node, "link");
	kernfs_remove_by_name(dev->device.kobj.node, "config");
	kernfs_remove_attrs(dev->device.kobj.node, attrs, ARRAY_SIZE(attrs));
}

/* Memory behind a BAR: the fake has none, it reads as all ones, as a device in D3 does. */
static ssize_t bar_read(struct kobject *kobj, const struct attribute *attr, char *buffer, size_t size, off_t offset)
{
	if (!(kobj_to_pci_dev(kobj)->resources[attr->index].flags & 0x100) && attr->index != PCI_ROM)
		return -EIO; /* memory BARs can be mapped only */
	memset(buffer, 0xff, size);
	return (ssize_t)size;
}

static ssize_t bar_write(struct kobject *kobj, const struct attribute *attr, const char *data, size_t size,
			 off_t offset)
{
	if (!(kobj_to_pci_dev(kobj)->resources[attr->index].flags & 0x100) && attr->index != PCI_ROM)
		return refused(EIO, "memory BARs can be mapped only");
	return (ssize_t)size;
}

void pci_add_resource_attrs(struct pci_dev *dev)
{
	struct kobject *kobj = &dev->device.kobj;
	char name[32];

	for (int i = 0; i <= PCI_ROM; i++) {
		const struct attribute attr = {"", 0600, .read = bar_read, .write = bar_write, .index = i};
		const struct pci_resource *resource = &dev->resources[i];

		if (!resource->size || (i == PCI_ROM && dev->physfn))
			continue;
		snprintf(name, sizeof(name), i == PCI_ROM ? "rom" : "resource%d", i);
		kernfs_add_bin(kobj->node, kobj, &attr, name, resource->size);
		if (i == PCI_ROM || !(resource->flags & 0x2000))
			continue;
		snprintf(name, sizeof(name), "resource%d_wc", i); /* prefetchable: write combining too */
		kernfs_add_bin(kobj->node, kobj, &attr, name, resource->size);
	}
}

void pci_remove_resource_attrs(struct pci_dev *dev)
{
	char name[32];

	for (int i = 0; i < PCI_BARS; i++) {
		snprintf(name, sizeof(name), "resource%d", i);
		kernfs_remove_by_name(dev->device.kobj.node, name);
		snprintf(name, sizeof(name), "resource%d_wc", i);
		kernfs_remove_by_name(dev->device.kobj.node, name);
	}
	kernfs_remove_by_name(dev->device.kobj.node, "rom");
}

enum { FIRST_MSI = 24 }; /* behind those of the I/O APIC */

void pci_add_irqs(struct pci_dev *dev, unsigned n)
{
	static const struct attribute msix = {"", 0444, .text = "msix\n"};
	struct kernel *k = dev->device.kobj.k;
	char name[16];

	if (!n)
		return;
	dev->msi_irqs = kernfs_add_dir(dev->device.kobj.node, "msi_irqs", NULL);
	for (; dev->n_irqs < n && dev->n_irqs < ARRAY_SIZE(dev->irqs); dev->n_irqs++) {
		int irq = number_take(k->irqs, ARRAY_SIZE(k->irqs));

		if (irq < 0)
			return;
		dev->irqs[dev->n_irqs] = (uint16_t)irq;
		snprintf(name, sizeof(name), "%d", irq + FIRST_MSI);
		kernfs_add_attr_copy(dev->msi_irqs, NULL, &msix, name);
	}
}

void pci_remove_irqs(struct pci_dev *dev)
{
	struct kernel *k = dev->device.kobj.k;

	if (dev->msi_irqs)
		kernfs_remove(dev->msi_irqs);
	dev->msi_irqs = NULL;
	while (dev->n_irqs)
		number_release(k->irqs, dev->irqs[--dev->n_irqs]);
}
