/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who uses VFIO devices: processes that have a node open, and those that the control file `users` tells of. A real one
 * gets its device by ioctls, of which the fake has none: a process that opens a group's node stands for one that has got
 * all of its devices, if the group is viable. One that opens a device's own node (cdev) holds it, as a real one does
 * before it goes on.
 */
#include "kernel/vfio.h"

#include "kernel/iommu.h"

/* The first user claims the group's DMA and enables the device, the last one lets go. */
static void take(struct vfio_device *vfio)
{
	struct pci_dev *dev = vfio->pci;

	if (vfio->users++)
		return;
	dev->group->user_claims++;
	dev->enable_count++;
	dev->runtime_users += dev->vfio_idles_in_d3; /* the others never gave it back */
	vfio->module->users++;
	pci_update_power_state(dev);
}

static void drop(struct vfio_device *vfio)
{
	struct pci_dev *dev = vfio->pci;

	if (--vfio->users)
		return;
	dev->group->user_claims--;
	dev->enable_count--;
	dev->runtime_users -= dev->vfio_idles_in_d3;
	vfio->module->users--;
	pci_update_power_state(dev);
	kernel_changed(dev->device.kobj.k);
}

/* ---- the control file ---- */

int vfio_user_open(struct pci_dev *dev, const char **ret_why)
{
	int ret;

	if (!dev->vfio || dev->vfio->leaving) {
		*ret_why = dev->vfio ? "the device is leaving its VFIO driver" : "the device is on no VFIO driver";
		return -ENODEV;
	}
	if (dev->group->host_users) {
		*ret_why = "the IOMMU group is not viable: a device of it is on a host driver";
		return -EPERM;
	}
	*ret_why = "a fault rule";
	ret = (int)STEP(dev->device.kobj.k, VFIO_OPEN, .device = dev->device.name);
	if (!ret)
		take(dev->vfio);
	return ret;
}

int vfio_user_close(struct pci_dev *dev, const char **ret_why)
{
	if (!dev->vfio || !dev->vfio->users) {
		*ret_why = "nobody has the device open";
		return -ENODEV;
	}
	STEP(dev->device.kobj.k, VFIO_CLOSE, .device = dev->device.name);
	drop(dev->vfio);
	return 0;
}

/* ---- /dev/vfio/N ---- */

/* Calls @each for the devices of @group. */
static void for_each_device(struct vfio_group *group, void (*each)(struct vfio_device *vfio))
{
	struct device *device;

	TAILQ_FOREACH (device, &group->device.kobj.k->pci_bus.device_list, on_bus) {
		struct vfio_device *vfio = to_pci_dev(device)->vfio;

		if (vfio && vfio->group == group)
			each(vfio);
	}
}

/* vfio_group_fops_open() */
int vfio_open_group(struct device *device)
{
	struct vfio_group *group = (struct vfio_group *)device;
	struct kernel *k = device->kobj.k;
	char path[40];
	int ret = 0;

	snprintf(path, sizeof(path), "dev/%s", device->devname);
	if (group->opened)
		ret = -EBUSY;
	ret = (int)STEP(k, VFIO_OPEN, .path = path, .result = ret, .why = ret ? "the group is open already" : NULL);
	if (ret)
		return ret;
	group->opened = true;
	/* One that is not viable can be opened, and no more. */
	group->claims = !group->group->host_users;
	if (group->claims)
		for_each_device(group, take);
	return 0;
}

void vfio_close_group(struct device *device)
{
	struct vfio_group *group = (struct vfio_group *)device;
	char path[40];

	/* A reset has closed it for its process. */
	if (!group->opened)
		return;
	snprintf(path, sizeof(path), "dev/%s", device->devname);
	STEP(device->kobj.k, VFIO_CLOSE, .path = path);
	group->opened = false;
	if (group->claims)
		for_each_device(group, drop);
	group->claims = false;
}

void vfio_join_users(struct vfio_device *vfio)
{
	if (vfio->group->claims)
		take(vfio);
}

/* ---- /dev/vfio/devices/vfioN ---- */

/* vfio_device_fops_cdev_open() */
int vfio_open_cdev(struct device *device)
{
	struct vfio_device *vfio = (struct vfio_device *)device;
	int ret = vfio->leaving ? -ENODEV : 0;

	ret = (int)STEP(device->kobj.k, VFIO_OPEN, .device = vfio->pci->device.name, .result = ret,
			.why = ret ? "the device is leaving its VFIO driver" : NULL);
	if (!ret)
		vfio->cdevs++;
	return ret;
}

void vfio_close_cdev(struct device *device)
{
	struct vfio_device *vfio = (struct vfio_device *)device;

	if (!vfio->cdevs)
		return;
	STEP(device->kobj.k, VFIO_CLOSE, .device = vfio->pci->device.name);
	vfio->cdevs--;
	kernel_changed(device->kobj.k);
}

/* ---- the end ---- */

void vfio_forget_users(struct kernel *k)
{
	struct device *device;
	struct vfio_group *group;

	TAILQ_FOREACH (group, &k->vfio_groups, list)
		group->opened = group->claims = false;
	TAILQ_FOREACH (device, &k->pci_bus.device_list, on_bus) {
		struct vfio_device *vfio = to_pci_dev(device)->vfio;

		if (!vfio)
			continue;
		vfio->cdevs = 0;
		while (vfio->users)
			drop(vfio);
	}
}

static bool is_unused(const void *argument)
{
	const struct vfio_device *vfio = argument;

	return !vfio->users && !vfio->cdevs;
}

struct unbinding {
	const struct vfio_device *vfio;
	const bool *interrupted; /* of who waits */
};

static bool is_unused_or_interrupted(const void *argument)
{
	const struct unbinding *unbinding = argument;

	return is_unused(unbinding->vfio) || (unbinding->interrupted && *unbinding->interrupted);
}

static void log_interrupted(struct device *device)
{
	struct kernel *k = device->kobj.k;
	pid_t pid = kernel_client()->pid;
	char comm[16] = "?";

	if (k->host.name)
		k->host.name(k->host.context, pid, comm);
	device_log(k, device, LOG_LEVEL_WARNING,
		   "Device is currently in use, task \"%s\" (%d) blocked until device is released", comm, pid);
}

/* vfio_pci_core_request(), then the wait that the first signal makes one that no signal ends. */
void vfio_wait_for_users(struct vfio_device *vfio)
{
	struct device *device = &vfio->pci->device;
	struct kernel *k = device->kobj.k;
	const struct unbinding unbinding = {vfio, kernel_client()->interrupted};
	bool in_use = !is_unused(vfio);

	STEP(k, VFIO_WAIT_USERS, .device = device->name, .why = in_use ? "somebody has the device open" : NULL);
	if (is_unused(vfio))
		return;
	device_log(k, device, LOG_LEVEL_WARNING,
		   "No device request channel registered, blocked until released by user");
	if (kernel_wait_for(k, is_unused_or_interrupted, &unbinding) || is_unused(vfio))
		return;
	log_interrupted(device);
	kernel_wait_for(k, is_unused, vfio);
}
