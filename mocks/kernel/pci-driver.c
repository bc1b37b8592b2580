/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which driver takes which function: id tables, dynamic ids, driver_override (drivers/pci/pci-driver.c). */
#include "kernel/pci.h"

#include <ctype.h>

struct ids {
	uint32_t vendor, device, subvendor, subdevice, class_code;
};

static bool id_matches(const struct pci_device_id *id, const struct ids *ids)
{
	return (id->vendor == PCI_ANY_ID || id->vendor == ids->vendor) &&
	       (id->device == PCI_ANY_ID || id->device == ids->device) &&
	       (id->subvendor == PCI_ANY_ID || id->subvendor == ids->subvendor) &&
	       (id->subdevice == PCI_ANY_ID || id->subdevice == ids->subdevice) &&
	       !((id->class_code ^ ids->class_code) & id->class_mask);
}

static bool dynamic_id_matches(const struct device_driver *driver, const struct ids *ids)
{
	const struct dynamic_id *entry;

	TAILQ_FOREACH (entry, &driver->dynamic_ids, list)
		if (id_matches(&entry->id, ids))
			return true;
	return false;
}

static bool has_static_ids(struct kernel *k, const struct device_driver *driver)
{
	/* Before 5.15 the VFIO drivers' table was empty. */
	return driver->desc->n_ids && (driver->desc->behaviour != DRIVER_VFIO || k->profile.vfio_id_table);
}

static bool static_id_matches(struct kernel *k, const struct device_driver *driver, const struct ids *ids,
			      bool override, bool *ret_override_only)
{
	if (!has_static_ids(k, driver))
		return false;
	for (size_t i = 0; i < driver->desc->n_ids; i++) {
		const struct pci_device_id *id = &driver->desc->ids[i];

		if (!id_matches(id, ids))
			continue;
		if (!id->override_only || override)
			return true;
		*ret_override_only = true;
	}
	return false;
}

/* pci_match_device() */
bool pci_bus_match(struct pci_dev *dev, struct device_driver *driver, const char **ret_why)
{
	const struct device_model *model = dev->model;
	const struct ids ids = {model->vendor, model->device, model->subsystem_vendor, model->subsystem_device,
				model->class_code};
	const char *override = dev->device.driver_override, *ignored;
	bool override_only = false;

	if (!ret_why)
		ret_why = &ignored;
	/* pci_dev->match_driver: set when the bus-add step is reached, past the add event. */
	if (!dev->device.registered) {
		*ret_why = "the device is not ready for drivers yet, or being removed";
		return false;
	}
	if (override && strcmp(override, driver->desc->name)) {
		*ret_why = "driver_override names another driver";
		return false;
	}
	/* A driver_override that names the driver matches any device: a dummy id stands in. */
	if (override || dynamic_id_matches(driver, &ids) ||
	    static_id_matches(dev->device.kobj.k, driver, &ids, false, &override_only))
		return true;
	*ret_why = override_only ? "id is override-only and driver_override is unset"
				 : "the driver has no id for this device and driver_override is unset";
	return false;
}

static bool subject_holds(const struct pci_dev *dev, enum probe_subject subject)
{
	switch (subject) {
	case PROBE_IS_VF:
		return dev->physfn;
	case PROBE_IS_PF:
		return iov_is_pf(dev);
	case PROBE_HAS_VFS:
		return dev->numvfs;
	case PROBE_IS_BRIDGE:
		return pci_is_bridge(dev);
	case PROBE_HAS_GROUP:
		return dev->group;
	case PROBE_ALWAYS:
		return true;
	}
	return false;
}

int pci_check_conditions(const struct pci_dev *dev, const struct driver_desc *driver, const char **ret_why)
{
	for (size_t i = 0; i < driver->n_conditions; i++) {
		const struct probe_condition *condition = &driver->conditions[i];

		if (subject_holds(dev, condition->subject) == condition->unless)
			continue;
		*ret_why = condition->why ? condition->why : "a condition of the driver's fixture";
		return -condition->error;
	}
	return 0;
}

static void host_driver_starts(struct pci_dev *dev, const struct driver_desc *driver)
{
	dev->enable_count++;
	dev->power_state = "D0";
	dev->runtime_users += !driver->runtime_pm;
	if (driver->behaviour == DRIVER_NET || driver->behaviour == DRIVER_NVME)
		dev->dma_bits = 64;
	if (driver->behaviour == DRIVER_PORT)
		pci_port_probe(dev);
	pci_add_irqs(dev, driver->msix_vectors);
}

static void host_driver_ends(struct pci_dev *dev, const struct driver_desc *driver)
{
	dev->runtime_users -= !driver->runtime_pm;
	pci_remove_irqs(dev);
	iov_reset_totalvfs(dev);
	if (dev->enable_count)
		dev->enable_count--;
}

/* pci_device_probe() and the driver's own probe. 0 or -errno. */
int pci_device_probe(struct pci_dev *dev, struct device_driver *driver, const char **ret_why)
{
	const struct driver_desc *desc = driver->desc;
	int ret;

	/* pci_device_can_probe() */
	if (dev->physfn && !dev->physfn->vf_autoprobe && !dev->device.driver_override) {
		*ret_why = "sriov_drivers_autoprobe of the PF is 0 and driver_override is unset";
		return -ENODEV;
	}
	/* nvme asks its device, and that takes a controller. */
	ret = desc->behaviour == DRIVER_NVME ? 0 : pci_check_conditions(dev, desc, ret_why);
	if (ret)
		return ret;
	if (desc->behaviour == DRIVER_VFIO)
		return vfio_probe(dev, driver, ret_why);
	host_driver_starts(dev, desc);
	if (desc->sriov_limit && iov_is_pf(dev) && dev->totalvfs > desc->sriov_limit)
		dev->totalvfs = desc->sriov_limit;
	if (desc->behaviour == DRIVER_NET)
		ret = net_probe(dev, desc);
	else if (desc->behaviour == DRIVER_NVME)
		ret = nvme_probe(dev, driver, ret_why);
	if (ret)
		host_driver_ends(dev, desc);
	return ret;
}

/* pci_device_remove() and the driver's own remove. Cannot fail. */
void pci_device_remove(struct pci_dev *dev, struct device_driver *driver)
{
	const struct driver_desc *desc = driver->desc;

	if (desc->behaviour == DRIVER_VFIO) {
		vfio_remove(dev);
		return;
	}
	if (desc->behaviour == DRIVER_NVME)
		nvme_remove(dev);
	if (desc->behaviour == DRIVER_NET)
		net_remove(dev);
	else if (dev->numvfs && !desc->sriov_keep)
		iov_disable(dev);
	host_driver_ends(dev, desc);
}

/* Up to @n hex numbers as sscanf("%x %x …") takes them: how many there are; what follows is nobody's. */
static int scan_hex(const char *text, unsigned long *values, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		char *end;

		while (isspace((unsigned char)*text))
			text++;
		if (!isxdigit((unsigned char)*text))
			break;
		values[i] = strtoul(text, &end, 16);
		if (i < 6)
			values[i] = (uint32_t)values[i];
		text = end;
	}
	return i;
}

static bool driver_data_known(struct kernel *k, const struct device_driver *driver, unsigned long driver_data)
{
	if (!has_static_ids(k, driver))
		return true;
	for (size_t i = 0; i < driver->desc->n_ids; i++)
		if (driver->desc->ids[i].driver_data == driver_data)
			return true;
	return false;
}

/* new_id_store(): NULL, or why the id is refused, with the errno. */
static const char *refuse_new_id(struct kernel *k, const struct device_driver *driver, int fields,
				 const unsigned long *v, int *ret_error)
{
	/* The stub device that stands for the id holds 16 bits of each. */
	const struct ids ids = {(uint16_t)v[0], (uint16_t)v[1], (uint16_t)v[2], (uint16_t)v[3], (uint32_t)v[4]};
	bool override_only = false;

	*ret_error = -EINVAL;
	if (fields < 2)
		return "vendor and device are needed";
	*ret_error = -EEXIST;
	if (fields < 7 && static_id_matches(k, driver, &ids, false, &override_only))
		return "the driver's table has this id";
	if (fields < 7 && k->profile.new_id_checks_dynamic && dynamic_id_matches(driver, &ids))
		return "this id was added before";
	*ret_error = -EINVAL;
	if (!driver_data_known(k, driver, v[6]))
		return "no entry of the driver's table has this driver_data";
	*ret_error = 0;
	return NULL;
}

ssize_t pci_new_id_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	struct device_driver *driver = container_of(kobj, struct device_driver, kobj);
	unsigned long v[7] = {0, 0, PCI_ANY_ID, PCI_ANY_ID, 0, 0, 0};
	int fields = scan_hex(buffer, v, 7), ret;
	const char *why = refuse_new_id(kobj->k, driver, fields, v, &ret);
	struct dynamic_id *entry;

	ret = (int)STEP(kobj->k, PCI_ADD_ID, .driver = driver->desc->name, .value = buffer, .result = ret, .why = why);
	if (ret)
		return ret;
	entry = xcalloc(sizeof(*entry));
	entry->id = (struct pci_device_id){(uint32_t)v[0], (uint32_t)v[1], (uint32_t)v[2], (uint32_t)v[3],
					   (uint32_t)v[4], (uint32_t)v[5], v[6],           false};
	TAILQ_INSERT_TAIL(&driver->dynamic_ids, entry, list);
	driver_attach(driver);
	return (ssize_t)count;
}

ssize_t pci_remove_id_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	struct device_driver *driver = container_of(kobj, struct device_driver, kobj);
	unsigned long v[6] = {0, 0, PCI_ANY_ID, PCI_ANY_ID, 0, 0};
	struct dynamic_id *entry;

	if (scan_hex(buffer, v, 6) < 2)
		return STEP(kobj->k, PCI_REMOVE_ID, .driver = driver->desc->name, .value = buffer, .result = -EINVAL,
			    .why = "vendor and device are needed");
	TAILQ_FOREACH (entry, &driver->dynamic_ids, list) {
		const struct pci_device_id *id = &entry->id;

		if (id->vendor != v[0] || id->device != v[1] || (v[2] != PCI_ANY_ID && id->subvendor != v[2]) ||
		    (v[3] != PCI_ANY_ID && id->subdevice != v[3]) || ((id->class_code ^ v[4]) & v[5]))
			continue;
		/* Bound devices stay bound. */
		TAILQ_REMOVE(&driver->dynamic_ids, entry, list);
		free(entry);
		STEP(kobj->k, PCI_REMOVE_ID, .driver = driver->desc->name, .value = buffer);
		return (ssize_t)count;
	}
	return STEP(kobj->k, PCI_REMOVE_ID, .driver = driver->desc->name, .value = buffer, .result = -ENODEV,
		    .why = "no such dynamic id; those of the driver's table cannot be removed");
}

/* On old kernels the override is read and written under the device lock. */
static int override_lock(struct device *device)
{
	return device->kobj.k->profile.override_takes_lock ? device_lock(device) : 0;
}

static void override_unlock(struct device *device)
{
	if (device->kobj.k->profile.override_takes_lock)
		device_unlock(device);
}

ssize_t pci_override_show(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	struct device *device = container_of(kobj, struct device, kobj);
	ssize_t length = override_lock(device);

	if (length)
		return length;
	length = snprintf(buffer, PAGE, "%s\n", device->driver_override ? device->driver_override : "(null)");
	override_unlock(device);
	return length;
}

/* driver_set_override() */
ssize_t pci_override_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	struct device *device = container_of(kobj, struct device, kobj);
	size_t length = strcspn(buffer, "\n");
	char *override;
	int ret;

	if (count >= PAGE - 1)
		return STEP(kobj->k, PCI_OVERRIDE, .device = device->name, .result = -EINVAL,
			    .why = "longer than a page less two bytes");
	ret = override_lock(device);
	if (ret)
		return ret;
	override = length ? xasprintf("%.*s", (int)length, buffer) : NULL;
	ret = (int)STEP(kobj->k, PCI_OVERRIDE, .device = device->name, .value = override ? override : "(null)");
	if (ret) {
		free(override);
	} else {
		free(device->driver_override);
		device->driver_override = override;
	}
	override_unlock(device);
	return ret ? ret : (ssize_t)count;
}
