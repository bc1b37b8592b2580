/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Binding and unbinding, in the order of the kernel's drivers/base/dd.c; its names and its return values. */
#include "kernel/base.h"

#include "kernel/iommu.h"
#include "kernel/pci.h"

int device_lock(struct device *device)
{
	struct kernel *k = device->kobj.k;
	int ret;

	ret = (int)STEP(k, DD_LOCK, .device = device->name);
	return ret ? ret : mutex_lock(k, &device->lock);
}

void device_unlock(struct device *device)
{
	mutex_unlock(device->kobj.k, &device->lock);
}

static void driver_sysfs_add(struct device *device)
{
	STEP(device->kobj.k, DD_LINK_DRIVER, .device = device->name, .driver = device->driver->desc->name);
	kernfs_add_link(device->driver->kobj.node, device->name, device->kobj.node);
	kernfs_add_link(device->kobj.node, "driver", device->driver->kobj.node);
}

static void driver_sysfs_remove(struct device *device)
{
	kernfs_remove_by_name(device->driver->kobj.node, device->name);
	kernfs_remove_by_name(device->kobj.node, "driver");
}

static void deferred_probe_add(struct device *device)
{
	struct kernel *k = device->kobj.k;

	if (device->deferred)
		return;
	device->deferred = true;
	kobject_get(&device->kobj);
	TAILQ_INSERT_TAIL(&k->deferred, device, on_deferred);
}

void deferred_probe_remove(struct device *device)
{
	if (!device->deferred)
		return;
	device->deferred = false;
	TAILQ_REMOVE(&device->kobj.k->deferred, device, on_deferred);
	kobject_put(&device->kobj);
}

char *deferred_probe_text(struct kernel *k)
{
	struct device *device;
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		abort();
	TAILQ_FOREACH (device, &k->deferred, on_deferred)
		fprintf(stream, "%s\t\n", device->name);
	fclose(stream);
	return text;
}

void deferred_probe_work(struct kernel *k)
{
	unsigned n = 0;
	struct device *device;

	if (!k->deferred_trigger)
		return;
	k->deferred_trigger = false;
	TAILQ_FOREACH (device, &k->deferred, on_deferred)
		n++;
	/* Each that is on the list now, once: one that defers again goes to its end. */
	while (n-- && (device = TAILQ_FIRST(&k->deferred))) {
		kobject_get(&device->kobj);
		deferred_probe_remove(device);
		device_attach(device);
		kobject_put(&device->kobj);
	}
}

void kernel_queue_work(struct kernel *k, struct device *device, struct device_driver *driver,
		       void (*run)(struct device *device, struct device_driver *driver))
{
	struct work *work = xcalloc(sizeof(*work));

	work->device = device;
	work->driver = driver;
	work->run = run;
	kobject_get(&device->kobj);
	kobject_get(&driver->kobj);
	STAILQ_INSERT_TAIL(&k->works, work, list);
}

void kernel_run_works(struct kernel *k)
{
	struct work *work;

	while ((work = STAILQ_FIRST(&k->works))) {
		STAILQ_REMOVE_HEAD(&k->works, list);
		if (!k->abort_error)
			work->run(work->device, work->driver);
		kobject_put(&work->driver->kobj);
		kobject_put(&work->device->kobj);
		free(work);
	}
}

/* call_driver_probe(): what is refused as no match is for debugging only, all else is an error. */
static void log_probe_failure(struct device *device, struct device_driver *driver, int error)
{
	struct kernel *k = device->kobj.k;

	if (error == -EPROBE_DEFER || error == -ENODEV || error == -ENXIO)
		return;
	if (k->profile.probe_message_names_driver)
		device_log(k, device, LOG_LEVEL_ERR, "probe with driver %s failed with error %d", driver->desc->name,
			   error);
	else
		kernel_log(k, LOG_LEVEL_WARNING, "%s: probe of %s failed with error %d", driver->desc->name,
			   device->name, error);
}

static int call_probe(struct device *device, struct device_driver *driver)
{
	struct kernel *k = device->kobj.k;
	const char *why = NULL;
	int probed, ret;

	step_forget_reason();
	ret = (int)STEP(k, DD_PROBE, .device = device->name, .driver = driver->desc->name);
	if (!ret)
		ret = pci_device_probe(to_pci_dev(device), driver, &why);
	probed = ret;
	if (ret && !why)
		why = step_reason();
	ret = (int)STEP(k, DD_PROBED, .device = device->name, .driver = driver->desc->name, .result = ret, .why = why);
	/* A rule made a failure of it: what the probe made must go. */
	if (ret && !probed)
		pci_device_remove(to_pci_dev(device), driver);
	return ret;
}

/*
 * really_probe(). Positive: the probe's own error, which those who try several drivers pass over. Negative: the core
 * refused, and nothing was visible.
 */
static int really_probe(struct device *device, struct device_driver *driver)
{
	struct kernel *k = device->kobj.k;
	int owned, ret;

	device->driver = driver;
	owned = iommu_device_use_dma(to_pci_dev(device), driver);
	ret = (int)STEP(k, DD_DMA_CONFIGURE, .device = device->name, .driver = driver->desc->name, .result = owned,
			.why = owned ? "the IOMMU group's DMA is owned by user space" : NULL);
	if (ret) {
		if (!owned)
			iommu_device_unuse_dma(to_pci_dev(device), driver);
		device->driver = NULL;
		return ret;
	}
	/* The links precede ->probe(): they are there while it runs and go when it fails. */
	driver_sysfs_add(device);
	ret = call_probe(device, driver);
	if (ret) {
		log_probe_failure(device, driver, ret);
		driver_sysfs_remove(device);
		iommu_device_unuse_dma(to_pci_dev(device), driver);
		device->driver = NULL;
		return -ret;
	}
	/* driver_bound(): whoever waits for a supplier may try again. */
	TAILQ_INSERT_TAIL(&driver->devices, device, on_driver);
	deferred_probe_remove(device);
	k->deferred_trigger = !TAILQ_EMPTY(&k->deferred);
	STEP(k, DD_UEVENT_BIND, .device = device->name, .driver = driver->desc->name);
	device_uevent(k, device, "bind");
	return 0;
}

static int driver_probe_device(struct device_driver *driver, struct device *device)
{
	struct kernel *k = device->kobj.k;
	int ret;

	if (device->dead || !device->registered)
		return (int)STEP(k, DD_MATCH, .device = device->name, .driver = driver->desc->name, .result = -ENODEV,
				 .why = "the device is being removed");
	if (device->driver)
		return (int)STEP(k, DD_MATCH, .device = device->name, .driver = driver->desc->name,
				 .result = k->profile.bind_bound_ebusy ? -EBUSY : -ENODEV,
				 .why = "the device has a driver already");
	/* klist_remove() of an unregistering driver waits for whoever is at it. */
	driver->probes++;
	ret = really_probe(device, driver);
	driver->probes--;
	kernel_changed(k);
	return ret;
}

int device_driver_attach(struct device_driver *driver, struct device *device)
{
	struct kernel *k = device->kobj.k;
	int ret = device_lock(device);

	if (ret)
		return ret;
	ret = driver_probe_device(driver, device);
	/* Since 5.14 `bind` does not queue the device: it says EAGAIN instead. */
	if (abs(ret) == EPROBE_DEFER && !k->profile.bind_passes_errno)
		deferred_probe_add(device);
	device_unlock(device);
	if (ret == 0)
		return 0;
	if (!k->profile.bind_passes_errno)
		return -ENODEV;
	if (ret > 0)
		ret = -ret;
	/* 517 must not reach user space. */
	return ret == -EPROBE_DEFER ? -EAGAIN : ret;
}

static void release_driver_locked(struct device *device)
{
	struct kernel *k = device->kobj.k;
	struct device_driver *driver = device->driver;

	if (!driver)
		return;
	STEP(k, DD_UNLINK_DRIVER, .device = device->name, .driver = driver->desc->name);
	driver_sysfs_remove(device);
	STEP(k, DD_REMOVE, .device = device->name, .driver = driver->desc->name);
	pci_device_remove(to_pci_dev(device), driver);
	TAILQ_REMOVE(&driver->devices, device, on_driver);
	device->driver = NULL;
	iommu_device_unuse_dma(to_pci_dev(device), driver);
	STEP(k, DD_UEVENT_UNBIND, .device = device->name, .driver = driver->desc->name);
	device_uevent(k, device, "unbind");
}

int device_release_driver(struct device *device)
{
	int ret = mutex_lock(device->kobj.k, &device->lock);

	if (ret)
		return ret;
	/* Whatever driver is bound once the lock is held: the kernel does not look again. */
	release_driver_locked(device);
	device_unlock(device);
	return 0;
}

/* Drivers in order of registration, with references: the list may change while a probe waits. */
static struct device_driver **snapshot_drivers(struct kernel *k, size_t *ret_n)
{
	struct device_driver *driver, **all;
	size_t n = 0;

	TAILQ_FOREACH (driver, &k->pci_bus.driver_list, on_bus)
		n++;
	all = xcalloc((n + 1) * sizeof(*all));
	n = 0;
	TAILQ_FOREACH (driver, &k->pci_bus.driver_list, on_bus) {
		kobject_get(&driver->kobj);
		all[n++] = driver;
	}
	*ret_n = n;
	return all;
}

/* __device_attach(): 1 bound, 0 nobody took it, negative: the core refused. */
int device_attach(struct device *device)
{
	struct kernel *k = device->kobj.k;
	struct device_driver **drivers;
	bool matched = false;
	size_t n;
	int ret = device_lock(device);

	if (ret)
		return ret;
	if (device->dead || device->driver) {
		ret = device->driver ? 1 : 0;
		device_unlock(device);
		return ret;
	}
	drivers = snapshot_drivers(k, &n);
	for (size_t i = 0; i < n; i++) {
		if (ret == 0 && drivers[i]->registered && pci_bus_match(to_pci_dev(device), drivers[i], NULL)) {
			int probed = driver_probe_device(drivers[i], device);

			matched = true;
			if (abs(probed) == EPROBE_DEFER)
				deferred_probe_add(device);
			/* A probe's error is positive, and the next driver is tried. */
			ret = probed == 0 ? 1 : probed < 0 ? probed : 0;
		}
		kobject_put(&drivers[i]->kobj);
	}
	free(drivers);
	/* The kernel calls it success. */
	if (!matched)
		STEP(k, DD_MATCH, .device = device->name,
		     .why = device->driver_override ? "no driver took it: none is called what driver_override says"
						    : "no driver took it: none has an id for it");
	device_unlock(device);
	return ret;
}

static struct device **snapshot_devices(struct kernel *k, size_t *ret_n)
{
	struct device *device, **all;
	size_t n = 0;

	TAILQ_FOREACH (device, &k->pci_bus.device_list, on_bus)
		n++;
	all = xcalloc((n + 1) * sizeof(*all));
	n = 0;
	TAILQ_FOREACH (device, &k->pci_bus.device_list, on_bus) {
		kobject_get(&device->kobj);
		all[n++] = device;
	}
	*ret_n = n;
	return all;
}

/* __driver_attach(), once it matches */
static void attach_matching(struct device *device, struct device_driver *driver)
{
	if (!driver->registered || device_lock(device))
		return;
	if (!device->driver && abs(driver_probe_device(driver, device)) == EPROBE_DEFER)
		deferred_probe_add(device);
	device_unlock(device);
}

/* Every unbound matching device on the bus, in bus order; errors are nobody's. */
void driver_attach(struct device_driver *driver)
{
	struct kernel *k = driver->kobj.k;
	bool later = driver->desc->async_probe && k->profile.async_probe;
	struct device **devices;
	size_t n;

	devices = snapshot_devices(k, &n);
	for (size_t i = 0; i < n; i++) {
		struct device *device = devices[i];

		if (!device->registered || !driver->registered || !pci_bus_match(to_pci_dev(device), driver, NULL))
			; /* none of its business */
		else if (later)
			kernel_queue_work(k, device, driver, attach_matching);
		else
			attach_matching(device, driver);
		kobject_put(&device->kobj);
	}
	free(devices);
}

int driver_detach(struct device_driver *driver)
{
	struct device *device;
	int ret;

	/* Last bound first. */
	while ((device = TAILQ_LAST(&driver->devices, device_on_driver))) {
		kobject_get(&device->kobj);
		ret = mutex_lock(device->kobj.k, &device->lock);
		if (!ret && device->driver == driver)
			release_driver_locked(device);
		if (!ret)
			device_unlock(device);
		kobject_put(&device->kobj);
		if (ret)
			return ret;
	}
	return 0;
}

int device_bind_at_boot(struct device *device, struct device_driver *driver)
{
	return really_probe(device, driver);
}
