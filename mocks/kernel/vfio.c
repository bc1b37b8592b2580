/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vfio and vfio_pci_core: what every VFIO driver, generic or variant, does alike (drivers/vfio/). */
#include "kernel/vfio.h"

#include "kernel/iommu.h"

#include <linux/pci_regs.h>
#include <sys/sysmacros.h>

enum { VFIO_MAJOR = 245, VFIO_CDEV_MAJOR = 244, MISC_MAJOR = 10, VFIO_MISC_MINOR = 196 };

static const char *const none[] = {NULL};
static const char *const on_vfio[] = {"vfio", NULL};
static const char *const of_core[] = {"vfio", "vfio_virqfd", "irqbypass", NULL};
static const char *const vfio_softdeps[] = {"vfio_iommu_type1", NULL};

const struct module_desc vfio_module_descs[] = {
	{.name = "vfio", .depends = none, .softdep_post = vfio_softdeps},
	{.name = "vfio_virqfd", .depends = none},
	{.name = "irqbypass", .depends = none},
	{.name = "vfio_pci_core", .depends = of_core},
	{.name = "vfio_iommu_type1", .depends = on_vfio},
};
const size_t n_vfio_module_descs = ARRAY_SIZE(vfio_module_descs);

/* vfio_init() of the module vfio: its misc device, then its classes. */
void vfio_module_init(struct kernel *k)
{
	struct device *misc = xcalloc(sizeof(*misc));

	misc->major = MISC_MAJOR;
	misc->minor = VFIO_MISC_MINOR;
	misc->devname = "vfio/vfio";
	misc->devmode = "0666";
	k->vfio_misc = misc;
	class_device_add(k, misc, class_get(k, "misc"), NULL, "vfio", NULL, 0);
	class_get(k, "vfio");
	if (k->profile.vfio_dev)
		class_get(k, "vfio-dev");
}

void vfio_module_exit(struct kernel *k)
{
	class_remove(k, "vfio-dev");
	class_remove(k, "vfio");
	class_device_remove(k, k->vfio_misc);
	k->vfio_misc = NULL;
}

static struct vfio_group *find_group(struct kernel *k, const struct iommu_group *group)
{
	struct vfio_group *found;

	TAILQ_FOREACH (found, &k->vfio_groups, list)
		if (found->group == group)
			return found;
	return NULL;
}

static struct vfio_group *make_group(struct kernel *k, struct pci_dev *dev)
{
	struct vfio_group *group = xcalloc(sizeof(*group));
	struct device *device = &group->device;
	char name[16];

	group->group = dev->group;
	group->n_devices = 1;
	device->open_node = vfio_open_group;
	device->close_node = vfio_close_group;
	device->major = VFIO_MAJOR;
	device->minor = (unsigned)number_take(k->vfio_minors, ARRAY_SIZE(k->vfio_minors));
	snprintf(name, sizeof(name), "%u", dev->group->id);
	snprintf(device->devname_text, sizeof(device->devname_text), "vfio/%s", name);
	device->devname = device->devname_text;
	TAILQ_INSERT_TAIL(&k->vfio_groups, group, list);
	class_device_add(k, device, class_get(k, "vfio"), NULL, name, NULL, 0);
	return group;
}

/* vfio_group_find_or_alloc(): siblings that come at the same time share one group. */
static int get_group(struct kernel *k, struct pci_dev *dev, struct vfio_group **ret_group)
{
	struct vfio_group *group;
	int ret = mutex_lock(k, &k->vfio_group_lock);

	if (ret)
		return ret;
	group = find_group(k, dev->group);
	if (group)
		group->n_devices++;
	else if (!(ret = (int)STEP(k, VFIO_ADD_GROUP, .device = dev->device.name)))
		group = make_group(k, dev);
	mutex_unlock(k, &k->vfio_group_lock);
	if (!ret)
		*ret_group = group;
	return ret;
}

static void remove_group(struct kernel *k, struct pci_dev *dev, struct vfio_group *group)
{
	int minor = (int)group->device.minor;

	STEP(k, VFIO_REMOVE_GROUP, .device = dev->device.name);
	TAILQ_REMOVE(&k->vfio_groups, group, list);
	class_device_remove(k, &group->device);
	number_release(k->vfio_minors, minor);
}

static void put_group(struct kernel *k, struct pci_dev *dev, struct vfio_group *group)
{
	bool locked = mutex_lock(k, &k->vfio_group_lock) == 0; /* not after an abort: then all goes */

	if (!--group->n_devices)
		remove_group(k, dev, group);
	if (locked)
		mutex_unlock(k, &k->vfio_group_lock);
}

static void add_vfio_dev(struct kernel *k, struct pci_dev *dev, struct vfio_device *vfio)
{
	char name[16];

	vfio->index = number_take(k->vfio_indexes, ARRAY_SIZE(k->vfio_indexes));
	snprintf(name, sizeof(name), "vfio%d", vfio->index);
	if (k->profile.vfio_cdev) {
		vfio->device.major = VFIO_CDEV_MAJOR;
		vfio->device.minor = (unsigned)vfio->index;
		snprintf(vfio->device.devname_text, sizeof(vfio->device.devname_text), "vfio/devices/%s", name);
		vfio->device.devname = vfio->device.devname_text;
		vfio->device.open_node = vfio_open_cdev;
		vfio->device.close_node = vfio_close_cdev;
	}
	class_device_add(k, &vfio->device, class_get(k, "vfio-dev"), &dev->device, name, NULL, 0);
}

/* vfio_pci_core_register_device(), in its order of tests. */
static int refuse(struct pci_dev *dev, const char **ret_why)
{
	if (pci_is_bridge(dev)) {
		*ret_why = "not an endpoint: the header type is not 0";
		return -EINVAL;
	}
	if (dev->numvfs) {
		*ret_why = "the PF has VFs enabled";
		return -EBUSY;
	}
	if (!dev->group) {
		*ret_why = "the device has no IOMMU group";
		return -EINVAL;
	}
	if (dev->device.kobj.k->profile.iommu_incoherent) {
		*ret_why = "the IOMMU cannot keep the device coherent with the processors' caches";
		return -EINVAL;
	}
	return 0;
}

/* Nobody uses it, so it may sleep: pm_runtime_allow(), pm_runtime_put(). */
static void start_idling(struct pci_dev *dev)
{
	struct kernel *k = dev->device.kobj.k;

	dev->vfio_idles_in_d3 = !vfio_pci_never_idles(dev->device.driver);
	dev->runtime_allowed = k->profile.vfio_runtime_pm;
	dev->runtime_users += !dev->runtime_allowed || !dev->vfio_idles_in_d3;
	pci_update_power_state(dev);
}

static void end_idling(struct pci_dev *dev)
{
	dev->runtime_users -= !dev->device.kobj.k->profile.vfio_runtime_pm || !dev->vfio_idles_in_d3;
	dev->runtime_allowed = false;
	pci_update_power_state(dev);
}

int vfio_probe(struct pci_dev *dev, struct device_driver *driver, const char **ret_why)
{
	struct kernel *k = dev->device.kobj.k;
	struct vfio_device *vfio;
	int ret = vfio_pci_check(dev, driver, ret_why);

	if (!ret)
		ret = refuse(dev, ret_why);
	if (ret)
		return ret;
	vfio = xcalloc(sizeof(*vfio));
	vfio->pci = dev;
	vfio->module = driver->module;
	ret = get_group(k, dev, &vfio->group);
	if (ret) {
		free(vfio);
		return ret;
	}
	ret = (int)STEP(k, VFIO_ADD_DEVICE, .device = dev->device.name, .driver = driver->desc->name);
	if (ret) {
		put_group(k, dev, vfio->group);
		free(vfio);
		return ret;
	}
	dev->vfio = vfio;
	if (k->profile.vfio_dev)
		add_vfio_dev(k, dev, vfio);
	start_idling(dev);
	vfio_join_users(vfio);
	return 0;
}

static void remove_vfio_dev(struct kernel *k, struct vfio_device *vfio)
{
	if (k->profile.vfio_dev)
		class_device_remove(k, &vfio->device);
}

void vfio_remove(struct pci_dev *dev)
{
	struct kernel *k = dev->device.kobj.k;
	struct vfio_device *vfio = dev->vfio;
	struct vfio_group *group = vfio->group;
	int index = vfio->index;

	vfio->leaving = true;
	if (dev->numvfs)
		iov_configure(dev, 0);
	/* The directory may go while users remain, the structure may not: hold it until all is done. */
	if (k->profile.vfio_dev)
		kobject_get(&vfio->device.kobj);
	STEP(k, VFIO_REMOVE_DEVICE, .device = dev->device.name);
	if (k->profile.vfio_dev_before_users) {
		remove_vfio_dev(k, vfio);
		vfio_wait_for_users(vfio);
	} else {
		vfio_wait_for_users(vfio);
		remove_vfio_dev(k, vfio);
	}
	put_group(k, dev, group);
	dev->vfio = NULL;
	/* Nobody has it open, unless an abort ended the wait: then whoever closes it later closes nothing. */
	vfio->pci = NULL;
	vfio->cdevs = 0;
	end_idling(dev);
	if (k->profile.vfio_dev) {
		number_release(k->vfio_indexes, index);
		kobject_put(&vfio->device.kobj);
	} else {
		free(vfio);
	}
}

bool vfio_is_in_use(struct kernel *k)
{
	return !TAILQ_EMPTY(&k->vfio_groups);
}

void vfio_init(struct kernel *k)
{
	TAILQ_INIT(&k->vfio_groups);
	/* /dev/vfio/vfio is there before the module: opening it loads vfio. */
	devnode_add(k, "vfio/vfio", 0666, makedev(MISC_MAJOR, VFIO_MISC_MINOR), NULL);
}
