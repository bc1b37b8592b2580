/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the driver nvme shows while it is bound (drivers/nvme/host): a controller nvme/nvmeN, its subsystem, a disk and
 * the disk's character device. Where a subsystem may have several controllers the disk is the subsystem's, and what the
 * controller has is hidden (multipath.c).
 */
#include "kernel/pci.h"

enum { NVME_MAJOR = 240, GENERIC_MAJOR = 239, BLOCK_EXT_MAJOR = 259, NSID = 1 };

struct disk {
	struct device device;
	struct nvme *nvme;
	unsigned sequence;
};

struct nvme {
	struct pci_dev *pci;
	int instance, hwmon_number;
	bool live;
	struct device *controller, *subsystem, *hwmon, *generic;
	struct disk *disk, *hidden;
};

static struct nvme *to_nvme(struct kobject *kobj)
{
	return container_of(kobj, struct device, kobj)->data;
}

/* nvme_core_init(): its classes are there before any controller. */
void nvme_core_module_init(struct kernel *k)
{
	class_get(k, "nvme");
	class_get(k, "nvme-subsystem");
	class_get(k, "nvme-generic");
}

void nvme_core_module_exit(struct kernel *k)
{
	class_remove(k, "nvme-generic");
	class_remove(k, "nvme-subsystem");
	class_remove(k, "nvme");
}

/* ---- what each says ---- */

#define SHOW(name, ...)                                                                              \
	static ssize_t name##_show(struct kobject *kobj, const struct attribute *attr, char *buffer) \
	{                                                                                            \
		const struct nvme *nvme = to_nvme(kobj);                                             \
                                                                                                     \
		return sprintf(buffer, __VA_ARGS__);                                                 \
	}

static unsigned address_number(const struct pci_dev *pci)
{
	return (unsigned)pci->address.bus << 8 | (unsigned)pci->address.slot << 3 | pci->address.function;
}

SHOW(address, "%s\n", nvme->pci->device.name)
SHOW(numa_node, "%ld\n", nvme->pci->numa_node)
SHOW(state, "%s\n", nvme->live ? "live" : "resetting")
SHOW(queue_count, "%u\n", nvme->live ? 3 : 1)
SHOW(sqsize, "%u\n", nvme->live ? 1023 : 0)
SHOW(cntrltype, "%s\n", nvme->live ? "io" : "reserved")
/* What the device says of itself: blank padded, and nothing before it was asked. */
SHOW(serial, nvme->live ? "mocksys%-13x\n" : "(efault)\n", address_number(nvme->pci))
SHOW(model, "%-40s\n", nvme->live ? "NVMe controller" : "(efault)")
SHOW(firmware, "%-8s\n", nvme->live ? "1.0" : "(efault)")
SHOW(subsysnqn, nvme->live ? "nqn.2014-08.org.nvmexpress:uuid:mocksys%x\n" : "(efault)\n", address_number(nvme->pci))
SHOW(size, "%llu\n", (unsigned long long)nvme->pci->model->namespace_sectors)
SHOW(wwid, "nvme.%04x-mocksys%x-%08x\n", nvme->pci->model->vendor, address_number(nvme->pci), NSID)
SHOW(name, "nvme\n%.0s", nvme->pci->device.name)

static ssize_t diskseq_show(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	return sprintf(buffer, "%u\n", ((struct disk *)container_of(kobj, struct device, kobj))->sequence);
}

static ssize_t hidden_show(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	return sprintf(buffer, "%d\n", container_of(kobj, struct device, kobj)->quiet);
}

static ssize_t partscan_show(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	return sprintf(buffer, "%d\n", !container_of(kobj, struct device, kobj)->quiet);
}

static ssize_t accept_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	return (ssize_t)count; /* there is no queue to be reset or scanned */
}

static bool is_late(struct kobject *kobj)
{
	return kobj->k->profile.nvme_late_attributes;
}

static const struct attribute controller_attrs[] = {
	{"address", 0444, address_show},
	{"cntlid", 0444, .text = "0\n"},
	{"cntrltype", 0444, cntrltype_show},
	{"dctype", 0444, .text = "none\n"},
	{"firmware_rev", 0444, firmware_show},
	{"kato", 0444, .text = "0\n"},
	{"model", 0444, model_show},
	{"numa_node", 0444, numa_node_show},
	{"passthru_err_log_enabled", 0644, .text = "off\n", .store = accept_store, .visible = is_late},
	{"queue_count", 0444, queue_count_show},
	{"rescan_controller", 0200, .store = accept_store},
	{"reset_controller", 0200, .store = accept_store},
	{"serial", 0444, serial_show},
	{"sqsize", 0444, sqsize_show},
	{"state", 0444, state_show},
	{"subsysnqn", 0444, subsysnqn_show},
	{"transport", 0444, .text = "pcie\n"},
};

static const struct attribute subsystem_attrs[] = {
	{"firmware_rev", 0444, firmware_show}, {"iopolicy", 0644, .text = "numa\n", .store = accept_store},
	{"model", 0444, model_show},           {"serial", 0444, serial_show},
	{"subsysnqn", 0444, subsysnqn_show},   {"subsystype", 0444, .text = "nvm\n"},
};

static const struct attribute hwmon_attrs[] = {
	{"name", 0444, name_show},
	{"temp1_alarm", 0444, .text = "0\n"},
	{"temp1_crit", 0444, .text = "99850\n"},
	{"temp1_input", 0444, .text = "49850\n"},
	{"temp1_label", 0444, .text = "Composite\n"},
	{"temp1_max", 0644, .text = "69850\n", .store = accept_store},
	{"temp1_min", 0644, .text = "-273150\n", .store = accept_store},
};

static const struct attribute disk_attrs[] = {
	{"alignment_offset", 0444, .text = "0\n"},
	{"capability", 0444, .text = "0\n"},
	{"csi", 0444, .text = "0\n", .visible = is_late},
	{"discard_alignment", 0444, .text = "0\n"},
	{"diskseq", 0444, diskseq_show},
	{"events", 0444, .text = ""},
	{"events_async", 0444, .text = ""},
	{"events_poll_msecs", 0644, .text = "-1\n", .store = accept_store},
	{"ext_range", 0444, .text = "256\n"},
	{"hidden", 0444, hidden_show},
	{"inflight", 0444, .text = "       0        0\n"},
	{"metadata_bytes", 0444, .text = "0\n", .visible = is_late},
	{"nsid", 0444, .text = "1\n"},
	{"nuse", 0444, size_show, .visible = is_late},
	{"partscan", 0444, partscan_show, .visible = is_late},
	{"passthru_err_log_enabled", 0644, .text = "off\n", .store = accept_store, .visible = is_late},
	{"range", 0444, .text = "0\n"},
	{"removable", 0444, .text = "0\n"},
	{"ro", 0444, .text = "0\n"},
	{"size", 0444, size_show},
	{"stat", 0444,
	 .text = "       0        0        0        0        0        0        0        0        0        0        0   "
		 "     0"
		 "        0        0        0        0        0\n"},
	{"wwid", 0444, wwid_show},
};
/* What is in them is the block layer's business. */
static const char *const disk_folders[] = {"holders", "integrity", "queue", "slaves", "trace"};

/* DMA pools of the driver. */
static const struct attribute pools_attr = {
	"pools", 0444,
	.text = "poolinfo - 0.1\nprp list 256        0    0  256  0\nprp list page       0    0 4096  0\n"};

/* ---- coming ---- */

static void controller_keys(void *object, struct uevent *uevent)
{
	uevent_key(uevent, "NVME_TRTYPE=pcie");
}

static void disk_keys(void *object, struct uevent *uevent)
{
	uevent_key(uevent, "DEVTYPE=disk");
	uevent_key(uevent, "DISKSEQ=%u", ((struct disk *)object)->sequence);
}

static void set_number(struct device *device, unsigned major, unsigned minor)
{
	device->major = major;
	device->minor = minor;
	device->devname = device->devname_text;
}

static struct device *add(struct nvme *nvme, struct device *device, const char *class, struct device *parent,
			  const char *name, const struct attribute *attrs, size_t n_attrs)
{
	struct kernel *k = nvme->pci->device.kobj.k;

	device->data = nvme;
	snprintf(device->devname_text, sizeof(device->devname_text), "%s", name);
	class_device_add(k, device, class_get(k, class), parent, name, attrs, n_attrs);
	return device;
}

static void add_controller(struct nvme *nvme)
{
	struct device *device = xcalloc(sizeof(*device));
	char name[32];

	snprintf(name, sizeof(name), "nvme%d", nvme->instance);
	device->add_keys = controller_keys;
	set_number(device, NVME_MAJOR, (unsigned)nvme->instance);
	nvme->controller =
		add(nvme, device, "nvme", &nvme->pci->device, name, controller_attrs, ARRAY_SIZE(controller_attrs));
}

static void add_subsystem(struct nvme *nvme)
{
	char name[32];

	snprintf(name, sizeof(name), "nvme-subsys%d", nvme->instance);
	nvme->subsystem = add(nvme, xcalloc(sizeof(struct device)), "nvme-subsystem", NULL, name, subsystem_attrs,
			      ARRAY_SIZE(subsystem_attrs));
	kernfs_add_link(nvme->subsystem->kobj.node, nvme->controller->name, nvme->controller->kobj.node);
}

static void add_hwmon(struct nvme *nvme)
{
	struct kernel *k = nvme->pci->device.kobj.k;
	char name[32];

	nvme->hwmon_number = number_take(k->hwmon_names, ARRAY_SIZE(k->hwmon_names));
	snprintf(name, sizeof(name), "hwmon%d", nvme->hwmon_number);
	nvme->hwmon = add(nvme, xcalloc(sizeof(struct device)), "hwmon", nvme->controller, name, hwmon_attrs,
			  ARRAY_SIZE(hwmon_attrs));
}

static struct disk *add_disk(struct nvme *nvme, struct device *parent, const char *name, bool hidden)
{
	struct kernel *k = nvme->pci->device.kobj.k;
	struct disk *disk = xcalloc(sizeof(*disk));
	int minor = number_take(k->block_minors, ARRAY_SIZE(k->block_minors));

	disk->sequence = ++k->disk_sequence;
	disk->device.add_keys = disk_keys;
	disk->device.quiet = hidden;
	disk->device.is_block = true;
	disk->device.minor = (unsigned)minor;
	if (!hidden)
		set_number(&disk->device, BLOCK_EXT_MAJOR, (unsigned)minor);
	add(nvme, &disk->device, "block", parent, name, disk_attrs, ARRAY_SIZE(disk_attrs));
	for (size_t i = 0; i < ARRAY_SIZE(disk_folders); i++)
		kernfs_add_dir(disk->device.kobj.node, disk_folders[i], NULL);
	if (parent == nvme->controller) { /* a queue for each processor */
		kernfs_get_dir(disk->device.kobj.node, "mq/0");
		kernfs_get_dir(disk->device.kobj.node, "mq/1");
	}
	kernfs_add_link(kernfs_get_dir(k->sys, "block"), name, disk->device.kobj.node);
	return disk;
}

static void add_namespace(struct nvme *nvme)
{
	const struct device_model *model = nvme->pci->model;
	struct device *owner = model->namespace_shared ? nvme->subsystem : nvme->controller,
		      *generic = xcalloc(sizeof(*generic));
	char name[48];

	if (model->namespace_shared) {
		snprintf(name, sizeof(name), "nvme%dc%dn%d", nvme->instance, nvme->instance, NSID);
		nvme->hidden = add_disk(nvme, nvme->controller, name, true);
	}
	snprintf(name, sizeof(name), "nvme%dn%d", nvme->instance, NSID);
	nvme->disk = add_disk(nvme, owner, name, false);
	snprintf(name, sizeof(name), "ng%dn%d", nvme->instance, NSID);
	set_number(generic, GENERIC_MAJOR, (unsigned)nvme->instance);
	nvme->generic = add(nvme, generic, "nvme-generic", owner, name, NULL, 0);
}

/* ---- going ---- */

static void remove_device(struct kernel *k, struct device **device)
{
	if (*device)
		class_device_remove(k, *device);
	*device = NULL;
}

static void remove_disk(struct kernel *k, struct disk **disk)
{
	int minor;

	if (!*disk)
		return;
	minor = (int)(*disk)->device.minor;
	kernfs_remove_by_name(kernfs_get_dir(k->sys, "block"), (*disk)->device.name);
	class_device_remove(k, &(*disk)->device);
	*disk = NULL;
	number_release(k->block_minors, minor);
}

void nvme_remove(struct pci_dev *dev)
{
	struct kernel *k = dev->device.kobj.k;
	struct nvme *nvme = dev->nvme;

	if (!nvme)
		return;
	STEP(k, NVME_REMOVE, .device = dev->device.name);
	remove_device(k, &nvme->generic);
	remove_disk(k, &nvme->disk);
	remove_disk(k, &nvme->hidden);
	if (nvme->hwmon)
		number_release(k->hwmon_names, nvme->hwmon_number);
	remove_device(k, &nvme->hwmon);
	remove_device(k, &nvme->controller);
	remove_device(k, &nvme->subsystem);
	kernfs_remove_by_name(dev->device.kobj.node, pools_attr.name);
	number_release(k->nvme_names, nvme->instance);
	dev->nvme = NULL;
	free(nvme);
}

/* ---- probing ---- */

/* nvme_reset_work(), and what follows when the controller answers. */
static int bring_up(struct pci_dev *dev, const struct driver_desc *driver, const char **ret_why)
{
	struct nvme *nvme = dev->nvme;
	int ret = pci_check_conditions(dev, driver, ret_why);

	if (ret)
		return ret;
	nvme->live = true;
	add_subsystem(nvme);
	add_hwmon(nvme);
	kobject_uevent(dev->device.kobj.k, nvme->controller->kobj.node, "change", "nvme",
		       (const char *const[]){"NVME_EVENT=connected", NULL}, device_uevent_keys, nvme->controller);
	if (dev->model->namespace_sectors)
		add_namespace(nvme);
	return 0;
}

/* Before 6.2 the probe only began it; a controller that then does not answer loses its driver (nvme_remove_dead_ctrl()). */
static void bring_up_later(struct device *device, struct device_driver *driver)
{
	struct pci_dev *dev = to_pci_dev(device);
	const char *why;

	if (dev->nvme && !dev->nvme->live && device->driver == driver && bring_up(dev, driver->desc, &why))
		device_release_driver(device);
}

int nvme_probe(struct pci_dev *dev, struct device_driver *driver, const char **ret_why)
{
	struct kernel *k = dev->device.kobj.k;
	int ret = (int)STEP(k, NVME_ADD, .device = dev->device.name, .driver = driver->desc->name);

	if (ret)
		return ret;
	dev->nvme = xcalloc(sizeof(*dev->nvme));
	dev->nvme->pci = dev;
	dev->nvme->instance = number_take(k->nvme_names, ARRAY_SIZE(k->nvme_names));
	add_controller(dev->nvme);
	kernfs_add_attr(dev->device.kobj.node, &dev->device.kobj, &pools_attr);
	if (!k->profile.nvme_probe_finishes && !k->booting) {
		kernel_queue_work(k, &dev->device, driver, bring_up_later);
		return 0;
	}
	ret = bring_up(dev, driver->desc, ret_why);
	if (ret)
		nvme_remove(dev);
	return ret;
}
