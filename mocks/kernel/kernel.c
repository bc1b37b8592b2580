/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A machine comes up, is reset, ends. */
#include "kernel/base.h"

#include "kernel/background.h"
#include "kernel/hotplug.h"
#include "kernel/iommu.h"
#include "kernel/kernfs-internal.h"
#include "kernel/pci.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* The part of the tree that every machine has. */
static const char *const skeleton[] = {
	"sys/block",     "sys/bus",      "sys/class",   "sys/class/net",
	"sys/dev/block", "sys/dev/char", "sys/devices", "sys/devices/virtual",
	"sys/kernel",    "sys/module",   "dev/vfio",    "proc",
};

/* Classes of the kernel itself, there before any module. */
static const char *const builtin_classes[] = {"block", "hwmon", "iommu", "misc", "net", "pci_bus", "ptp", "wakeup"};

static struct kernfs_node *permanent_dir(struct kernel *k, const char *path)
{
	struct kernfs_node *node = kernfs_get_dir(k->root, path);

	kernfs_set_permanent(node);
	for (struct kernfs_node *up = node; up != k->root; up = kernfs_parent(up))
		kernfs_set_static(up);
	return node;
}

static void add_files(struct kernel *k)
{
	for (const char *const *path = k->host.mount_points; path && *path; path++)
		permanent_dir(k, *path);
	for (size_t i = 0; i < k->host.n_files; i++) {
		const struct kernel_file *file = &k->host.files[i];
		char *directory = xstrdup(file->path), *slash = strrchr(directory, '/');
		struct kernfs_node *node;

		*slash = '\0';
		node = kernfs_add_blob(permanent_dir(k, directory), slash + 1, file->data, file->size, file->mode);
		kernfs_set_permanent(node);
		kernfs_set_static(node);
		free(directory);
	}
}

static char *complain(const struct machine *machine, struct device *device, const char *what, const char *driver)
{
	return xasprintf("machine %s: device %s: %s%s%s", machine->name, device->name, what, driver ? " " : "",
			 driver ? driver : "");
}

static struct device_driver *find_driver(struct kernel *k, const char *name)
{
	struct device_driver *driver;

	TAILQ_FOREACH (driver, &k->pci_bus.driver_list, on_bus)
		if (!strcmp(driver->desc->name, name))
			return driver;
	return NULL;
}

static int bind_at_boot(struct kernel *k, struct device *device, const char *name, char **ret_error)
{
	struct device_driver *driver = find_driver(k, name);
	int ret;

	if (!driver) {
		*ret_error = complain(k->machine, device, "its driver is not loaded:", name);
		return -EINVAL;
	}
	ret = device_bind_at_boot(device, driver);
	if (!ret)
		return 0;
	*ret_error = complain(k->machine, device, "its driver refuses it:", name);
	return ret > 0 ? -ret : ret;
}

/* A VF that the machine says nothing of comes up on the first driver that matches. */
static int boot_vf(struct kernel *k, struct pci_dev *pf, struct pci_dev *vf, char **ret_error)
{
	const struct machine_vf *described = iov_described_vf(pf, vf->vf_index);
	struct device_driver *driver;

	if (described) {
		if (described->driver_override)
			vf->device.driver_override = xstrdup(described->driver_override);
		return described->driver ? bind_at_boot(k, &vf->device, described->driver, ret_error) : 0;
	}
	if (!pf->vf_autoprobe)
		return 0;
	TAILQ_FOREACH (driver, &k->pci_bus.driver_list, on_bus)
		if (pci_bus_match(vf, driver, NULL) && device_bind_at_boot(&vf->device, driver) == 0)
			return 0;
	return 0;
}

static int boot_device(struct kernel *k, const struct machine_device *described, char **ret_error)
{
	struct pci_dev *dev = pci_find(k, described->address);
	int ret;

	if (described->driver && (ret = bind_at_boot(k, &dev->device, described->driver, ret_error)))
		return ret;
	if (!described->numvfs)
		return 0;
	if (!iov_is_pf(dev) || described->numvfs > dev->totalvfs) {
		*ret_error = complain(k->machine, &dev->device, "it cannot have that many VFs", NULL);
		return -EINVAL;
	}
	ret = iov_enable(dev, described->numvfs);
	if (ret) {
		*ret_error = complain(k->machine, &dev->device, "its VFs cannot be added", NULL);
		return ret;
	}
	for (unsigned i = 0; i < dev->numvfs && !ret; i++)
		ret = boot_vf(k, dev, dev->vfs[i], ret_error);
	return ret;
}

/* Devices first, then drivers, then who is bound to what: nothing binds by itself. */
static int boot(struct kernel *k, char **ret_error)
{
	int ret = 0;

	k->booting = true;
	memset(k->vfio_minors, 0, sizeof(k->vfio_minors));
	memset(k->vfio_indexes, 0, sizeof(k->vfio_indexes));
	memset(k->eth_names, 0, sizeof(k->eth_names));
	memset(k->ptp_names, 0, sizeof(k->ptp_names));
	k->resource_alignment[0] = '\0';
	memset(k->wakeup_names, 0, sizeof(k->wakeup_names));
	memset(k->irqs, 0, sizeof(k->irqs));
	memset(k->nvme_names, 0, sizeof(k->nvme_names));
	memset(k->hwmon_names, 0, sizeof(k->hwmon_names));
	memset(k->block_minors, 0, sizeof(k->block_minors));
	k->disk_sequence = 0;
	k->next_ifindex = 2; /* 1 is lo */
	k->rescan_remove = (struct mutex){0};
	k->vfio_group_lock = (struct mutex){0};
	k->rescan_depth = 0;
	for (size_t i = 0; i < ARRAY_SIZE(skeleton); i++)
		permanent_dir(k, skeleton[i]);
	TAILQ_INIT(&k->modules);
	TAILQ_INIT(&k->groups);
	for (size_t i = 0; i < ARRAY_SIZE(builtin_classes); i++)
		class_get(k, builtin_classes[i]);
	bus_init(k);
	iommu_init(k);
	vfio_init(k);
	pci_rescan(k, 0, -1);
	module_boot(k);
	for (size_t i = 0; i < k->machine->n_devices && !ret; i++)
		ret = boot_device(k, &k->machine->devices[i], ret_error);
	k->booting = false;
	return ret;
}

static void drop_uevents(struct kernel *k)
{
	char *message;

	while (kernel_next_uevent(k, &message))
		free(message);
}

/* All that boot() made, by the same paths that take devices and modules away: silently, and with nobody to wait for. */
static void shut_down(struct kernel *k)
{
	struct device *device;

	k->booting = true;
	TAILQ_FOREACH (device, &k->pci_bus.device_list, on_bus)
		device->lock = (struct mutex){0};
	vfio_forget_users(k);
	k->rescan_remove = (struct mutex){0};
	k->rescan_depth = 0;
	k->vfio_group_lock = (struct mutex){0};
	while ((device = TAILQ_LAST(&k->pci_bus.device_list, device_on_bus)))
		pci_stop_and_remove(to_pci_dev(device));
	pci_remove_host_bridges(k);
	module_exit(k);
	kernfs_remove_impermanent(k->root);
	for (size_t i = 0; i < k->n_classes; i++)
		k->classes[i].node = NULL;
	drop_uevents(k);
	k->booting = false;
}

static int init_locks(struct kernel *k)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&k->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&k->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	return 0;
}

/* malloc'd, or NULL. */
static char *known_profiles(void)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	for (const char *const *name = profile_names; stream && *name; name++)
		fprintf(stream, "%s%s", name == profile_names ? "" : ", ", *name);
	if (stream)
		fclose(stream);
	return text;
}

static int set_profile(struct kernel *k, const char *name, char **ret_error)
{
	const struct machine *machine = k->machine;

	if (profile_find(name, &k->profile)) {
		char *known = known_profiles();

		*ret_error = xasprintf("profile %s: there is none; known are %s", name, known ?: "");
		free(known);
		return -EINVAL;
	}
	for (size_t i = 0; i < machine->n_settings; i++)
		if (profile_set(&k->profile, machine->settings[i].name, machine->settings[i].value)) {
			*ret_error = xasprintf("machine %s: profile switch %s: there is none", machine->name,
					       machine->settings[i].name);
			return -EINVAL;
		}
	return 0;
}

int kernel_new(const struct machine *machine, const char *profile, const struct kernel_host *host,
	       struct kernel **ret_kernel, char **ret_error)
{
	struct kernel *k = xcalloc(sizeof(*k));
	int ret;

	k->machine = machine;
	if (host)
		k->host = *host;
	ret = set_profile(k, profile ? profile : machine->profile, ret_error);
	if (ret) {
		free(k);
		return ret;
	}
	init_locks(k);
	TAILQ_INIT(&k->backgrounds);
	pci_init_slots(k);
	pci_setup_resources(k);
	STAILQ_INIT(&k->uevents);
	k->steps = step_state_new();
	kobject_init(&k->self, k, NULL);
	STAILQ_INIT(&k->log);
	TAILQ_INIT(&k->deferred);
	STAILQ_INIT(&k->works);
	kernel_lock(k);
	kernfs_init(k);
	k->sys = permanent_dir(k, "sys");
	log_init(k);
	control_init(k);
	proc_init(k);
	add_files(k);
	ret = boot(k, ret_error);
	kernel_unlock(k);
	if (ret) {
		kernel_free(k);
		return ret;
	}
	*ret_kernel = k;
	return 0;
}

int kernel_reset(struct kernel *k)
{
	char *error = NULL;
	int ret;

	if (k->abort_error)
		return k->abort_error;
	kernel_finish_operations(k, -EIO);
	background_settle(k);
	k->abort_error = 0;
	shut_down(k);
	pci_reset_slots(k);
	step_rules_reset(k);
	ret = boot(k, &error); /* came up before, so it does again */
	free(error);
	step_trace_clear(k);
	return ret;
}

void kernel_abort(struct kernel *k)
{
	kernel_finish_operations(k, -ENODEV);
}

void kernel_free(struct kernel *k)
{
	kernel_lock(k);
	kernel_finish_operations(k, -ENODEV);
	background_settle(k);
	k->abort_error = 0;
	shut_down(k);
	kernfs_exit(k);
	log_clear(k);
	kernel_unlock(k);
	drop_uevents(k);
	step_state_free(k->steps);
	pci_free_slots(k);
	pthread_cond_destroy(&k->changed);
	pthread_mutex_destroy(&k->lock);
	free(k);
}
