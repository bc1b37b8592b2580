/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What vfio-pci does that the variants do not: its parameters, and what it takes at no price (drivers/vfio/pci/vfio_pci.c). */
#include "kernel/vfio.h"

#define VFIO_PCI "vfio-pci"

/* Errata of theirs let user space harm the host. */
static const struct {
	uint16_t vendor, device;
} denylist[] = {
	{0x8086, 0x0435}, {0x8086, 0x0443}, /* QAT DH895xCC, its VFs */
	{0x8086, 0x19e2}, {0x8086, 0x19e3}, /* QAT C3xxx */
	{0x8086, 0x37c8}, {0x8086, 0x37c9}, /* QAT C62x */
	{0x8086, 0x0b25}, {0x8086, 0x0cfe}, /* DSA, IAX of Sapphire Rapids: late stable kernels */
};

static bool is_vfio_pci(const struct device_driver *driver)
{
	return driver && !strcmp(driver->desc->name, VFIO_PCI);
}

static bool is_denylisted(const struct device_model *model)
{
	for (size_t i = 0; i < ARRAY_SIZE(denylist); i++)
		if (model->vendor == denylist[i].vendor && model->device == denylist[i].device)
			return true;
	return false;
}

/* vfio_pci_probe() */
int vfio_pci_check(struct pci_dev *dev, const struct device_driver *driver, const char **ret_why)
{
	struct kernel *k = dev->device.kobj.k;

	if (!is_vfio_pci(driver) || !is_denylisted(dev->model))
		return 0;
	if (module_parameter_is_set(driver->module, "disable_denylist")) {
		device_log(k, &dev->device, LOG_LEVEL_WARNING, "device denylist disabled - allowing device %04x:%04x.",
			   dev->model->vendor, dev->model->device);
		return 0;
	}
	device_log(k, &dev->device, LOG_LEVEL_WARNING,
		   "%04x:%04x exists in vfio-pci device denylist, driver probing disallowed.", dev->model->vendor,
		   dev->model->device);
	*ret_why = "the device is in vfio-pci's denylist";
	return -EINVAL;
}

/* vfio_pci_sriov_configure(): the parameter is looked at each time. */
bool vfio_pci_enables_sriov(const struct pci_dev *pf)
{
	const struct device_driver *driver = pf->device.driver;

	return is_vfio_pci(driver) && module_parameter_is_set(driver->module, "enable_sriov");
}

bool vfio_pci_never_idles(const struct device_driver *driver)
{
	const struct kernel *k = driver->kobj.k;

	return k->profile.vfio_pci_core ? k->vfio_never_idles
					: module_parameter_is_set(driver->module, "disable_idle_d3");
}

/* vfio_pci_core_set_params(): what it is while the module is loaded holds for all VFIO drivers. Before 5.15 it was looked at. */
void vfio_pci_module_init(struct kernel *k, const struct module *module)
{
	if (!strcmp(module->desc->name, "vfio_pci"))
		k->vfio_never_idles = module_parameter_is_set(module, "disable_idle_d3");
}
