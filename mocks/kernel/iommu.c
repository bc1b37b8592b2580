/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/iommu.h"

#include "kernel/pci.h"

static struct iommu_group *find_group(struct kernel *k, unsigned id)
{
	struct iommu_group *group;

	TAILQ_FOREACH (group, &k->groups, list)
		if (group->id == id)
			return group;
	return NULL;
}

static unsigned lowest_free(struct kernel *k)
{
	unsigned id = 0;

	while (find_group(k, id))
		id++;
	return id;
}

/* intel_iommu_get_resv_regions(): the floppy's 16M behind an ISA bridge, and what is no memory but messages. */
static ssize_t reserved_regions_show(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	const struct iommu_group *group = container_of(kobj, struct iommu_group, kobj);
	struct device *device;
	bool isa = false;

	TAILQ_FOREACH (device, &kobj->k->pci_bus.device_list, on_bus)
		isa |= to_pci_dev(device)->group == group && to_pci_dev(device)->model->class_code >> 8 == 0x0601;
	return sprintf(buffer, "%s0x00000000fee00000 0x00000000feefffff msi\n",
		       isa ? "0x0000000000000000 0x0000000000ffffff direct-relaxable\n" : "");
}

static const char *const domain_types[] = {"identity", "DMA", "DMA-FQ", "auto"};

static ssize_t type_show(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	return sprintf(buffer, "%s\n", container_of(kobj, struct iommu_group, kobj)->type);
}

static ssize_t type_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	struct iommu_group *group = container_of(kobj, struct iommu_group, kobj);
	const char *type = NULL;

	if (kernel_client()->uid != 0)
		return refused(EACCES, "it takes CAP_SYS_ADMIN and CAP_SYS_RAWIO");
	for (size_t i = 0; i < ARRAY_SIZE(domain_types); i++)
		if (sysfs_streq(buffer, domain_types[i]))
			type = domain_types[i];
	if (!type)
		return refused(EINVAL, "no such type of domain");
	/* Owned: by a host driver's default domain, or by a user's claim; a device on a VFIO driver does not count. */
	if (!kobj->k->profile.group_type_multi) {
		if (group->n_devices != 1)
			return refused(EINVAL, "the group has several devices");
		if (group->n_bound)
			return refused(EBUSY, "the group's device has a driver");
	} else if (group->host_users || group->user_claims) {
		return refused(EPERM, "the group's DMA is owned by a driver or by user space");
	}
	group->type = !strcmp(type, "auto") ? "identity" : type;
	return (ssize_t)count;
}

static void release_group(struct kobject *kobj)
{
	free(container_of(kobj, struct iommu_group, kobj));
}

static struct iommu_group *make_group(struct kernel *k, unsigned id)
{
	static const struct attribute regions = {"reserved_regions", 0444, reserved_regions_show};
	static const struct attribute writable = {"type", 0644, type_show, type_store};
	static const struct attribute readable = {"type", 0444, type_show};
	struct iommu_group *group = xcalloc(sizeof(*group));
	char name[16];

	kobject_init(&group->kobj, k, release_group);
	group->id = id;
	group->type = "identity";
	snprintf(name, sizeof(name), "%u", id);
	group->kobj.node = kernfs_add_dir(kernfs_get_dir(k->sys, "kernel/iommu_groups"), name, &group->kobj);
	group->devices = kernfs_add_dir(group->kobj.node, "devices", NULL);
	kernfs_add_attr(group->kobj.node, &group->kobj, &regions);
	kernfs_add_attr(group->kobj.node, &group->kobj, k->profile.group_type_writable ? &writable : &readable);
	TAILQ_INSERT_TAIL(&k->groups, group, list);
	return group;
}

void iommu_group_add_device(struct pci_dev *dev)
{
	struct kernel *k = dev->device.kobj.k;
	struct iommu_group *group;
	unsigned id;

	if (k->machine->no_iommu)
		return;
	id = dev->wanted_group >= 0 ? (unsigned)dev->wanted_group : lowest_free(k);
	group = find_group(k, id);
	if (!group)
		group = make_group(k, id);
	group->n_devices++;
	dev->group = group;
	kernfs_add_link(dev->device.kobj.node, "iommu_group", group->kobj.node);
	kernfs_add_link(group->devices, dev->device.name, dev->device.kobj.node);
	kernfs_add_link(dev->device.kobj.node, "iommu", kernfs_get_dir(k->sys, "devices/virtual/iommu/dmar0"));
	kernfs_add_link(kernfs_get_dir(k->sys, "devices/virtual/iommu/dmar0/devices"), dev->device.name,
			dev->device.kobj.node);
}

void iommu_group_remove_device(struct pci_dev *dev)
{
	struct kernel *k = dev->device.kobj.k;
	struct iommu_group *group = dev->group;

	if (!group)
		return;
	kernfs_remove_by_name(kernfs_get_dir(k->sys, "devices/virtual/iommu/dmar0/devices"), dev->device.name);
	kernfs_remove_by_name(dev->device.kobj.node, "iommu");
	kernfs_remove_by_name(group->devices, dev->device.name);
	kernfs_remove_by_name(dev->device.kobj.node, "iommu_group");
	dev->group = NULL;
	if (--group->n_devices)
		return;
	TAILQ_REMOVE(&k->groups, group, list);
	kernfs_remove(group->kobj.node);
	kobject_put(&group->kobj);
}

static bool manages_dma(const struct device_driver *driver)
{
	return driver->desc->managed_dma || driver->desc->behaviour == DRIVER_VFIO;
}

int iommu_device_use_dma(struct pci_dev *dev, struct device_driver *driver)
{
	struct kernel *k = dev->device.kobj.k;

	bool claims = !manages_dma(driver) && k->profile.dma_ownership;

	if (!dev->group)
		return 0;
	if (claims && dev->group->user_claims)
		return -EBUSY;
	dev->group->n_bound++;
	dev->group->host_users += claims;
	return 0;
}

void iommu_device_unuse_dma(struct pci_dev *dev, struct device_driver *driver)
{
	if (!dev->group)
		return;
	dev->group->n_bound--;
	if (!manages_dma(driver) && dev->device.kobj.k->profile.dma_ownership)
		dev->group->host_users--;
}

void iommu_init(struct kernel *k)
{
	/* As QEMU's emulated Intel IOMMU shows it. */
	static const struct attribute attrs[] = {
		{"address", 0444, .text = "fed90000\n"},
		{"cap", 0444, .text = "d2008c222f0686\n"},
		{"domains_supported", 0444, .text = "65536\n"},
		{"ecap", 0444, .text = "f00f5a\n"},
		{"version", 0444, .text = "1:0\n"},
	};
	struct kernfs_node *dmar;

	kernfs_set_static(kernfs_get_dir(k->sys, "kernel/iommu_groups"));
	class_get(k, "iommu");
	if (k->machine->no_iommu)
		return;
	dmar = kernfs_get_dir(k->sys, "devices/virtual/iommu/dmar0");
	kernfs_get_dir(dmar, "devices");
	kernfs_add_attrs(kernfs_get_dir(dmar, "intel-iommu"), NULL, attrs, ARRAY_SIZE(attrs));
	kernfs_add_link(class_get(k, "iommu")->node, "dmar0", dmar);
	kernfs_add_link(dmar, "subsystem", class_get(k, "iommu")->node);
}
