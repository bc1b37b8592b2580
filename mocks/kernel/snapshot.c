/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/snapshot.h"

#include "kernel/base.h"
#include "kernel/iommu.h"
#include "kernel/pci.h"

static int group_of(const struct pci_dev *dev)
{
	return dev->group ? (int)dev->group->id : -1;
}

static const char *driver_of(const struct pci_dev *dev)
{
	return dev->device.driver ? dev->device.driver->desc->name : NULL;
}

/* While VFs go, some are gone. */
static struct machine_vf *snapshot_vfs(const struct pci_dev *pf, size_t *ret_n)
{
	struct machine_vf *vfs = xcalloc((pf->numvfs + 1) * sizeof(*vfs));

	*ret_n = 0;
	for (unsigned i = 0; i < pf->numvfs; i++) {
		if (!pf->vfs[i])
			continue;
		vfs[(*ret_n)++] = (struct machine_vf){i, driver_of(pf->vfs[i]), pf->vfs[i]->device.driver_override,
						      group_of(pf->vfs[i])};
	}
	return vfs;
}

static struct machine_device snapshot_device(const struct pci_dev *dev)
{
	struct machine_device device = *dev->description;

	device.driver = driver_of(dev);
	device.driver_override = dev->device.driver_override;
	device.group = group_of(dev);
	device.numvfs = dev->numvfs;
	device.no_vf_autoprobe = iov_is_pf(dev) && !dev->vf_autoprobe;
	device.n_vfs = 0;
	device.vfs = dev->numvfs ? snapshot_vfs(dev, &device.n_vfs) : NULL;
	return device;
}

struct machine *machine_snapshot(struct kernel *k)
{
	struct machine *snapshot = xcalloc(sizeof(*snapshot));
	struct machine_device *devices;
	struct device *device;
	struct module *module;
	const char **loaded;
	size_t n = 0;

	*snapshot = *k->machine;
	TAILQ_FOREACH (module, &k->modules, list)
		n++;
	loaded = xcalloc((n + 1) * sizeof(*loaded));
	n = 0;
	TAILQ_FOREACH (module, &k->modules, list)
		if (!module->desc->builtin)
			loaded[n++] = module->desc->name;
	snapshot->loaded = loaded;
	n = 0;
	TAILQ_FOREACH (device, &k->pci_bus.device_list, on_bus)
		n++;
	devices = xcalloc((n + 1) * sizeof(*devices));
	snapshot->n_devices = 0;
	TAILQ_FOREACH (device, &k->pci_bus.device_list, on_bus)
		if (!to_pci_dev(device)->physfn)
			devices[snapshot->n_devices++] = snapshot_device(to_pci_dev(device));
	snapshot->devices = devices;
	return snapshot;
}

void machine_snapshot_free(struct machine *snapshot)
{
	for (size_t i = 0; i < snapshot->n_devices; i++)
		free((void *)snapshot->devices[i].vfs);
	free((void *)snapshot->devices);
	free((void *)snapshot->loaded);
	free(snapshot);
}
