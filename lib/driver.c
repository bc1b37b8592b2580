/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a name to a driver. The name of a driver and that of its module have no rule between them: the kernel is asked. */
#include "driver.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "alias.h"
#include "context.h"
#include "error.h"
#include "module.h"
#include "util.h"

/* One part of a path, short enough for a path of its own, printable. */
static bool is_name(const char *name)
{
	size_t length = strnlen(name, 128);

	if (length == 0 || length >= 128 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)name[i] < ' ' || name[i] == '/' || name[i] == 0x7f)
			return false;
	return true;
}

static int compare_module(const struct alias *alias, void *data)
{
	return module_names_equal(alias->module, data);
}

/* A driver with a device shows what it is, also when it is built in and no module is known. */
static bool has_vfio_device(struct vfiobind_context *context, const char *driver)
{
	char path[2 * SYSFS_NAME_SIZE];
	struct vfiobind_address address;
	struct sysfs_walk walk;
	const char *name;
	bool found = false;

	snprintf(path, sizeof(path), "bus/pci/drivers/%s", driver);
	if (sysfs_walk_open(&walk, context->sysfs_fd, path) < 0)
		return false;
	while (!found && sysfs_walk_next(&walk, &name) > 0) {
		if (vfiobind_address_parse(name, &address) < 0)
			continue;
		snprintf(path, sizeof(path), "%s/vfio-dev", name);
		found = sysfs_exists(walk.fd, path);
	}
	sysfs_walk_close(&walk);
	return found;
}

bool driver_is_vfio(struct vfiobind_context *context, const char *driver, const char *module)
{
	char path[SYSFS_NAME_SIZE + 64];

	if (strcmp(driver, "vfio-pci") == 0 || strcmp(module, "vfio_pci") == 0)
		return true;
	if (module[0]) {
		/* Who uses the core's symbols holds it; all VFIO drivers for PCI do, since there is a core (5.15). */
		snprintf(path, sizeof(path), "module/vfio_pci_core/holders/%s", module);
		if (sysfs_exists(context->sysfs_fd, path))
			return true;
	}
	if (driver[0] && has_vfio_device(context, driver))
		return true;
	/* The core may be built in, then nobody holds it; or the module is not loaded yet; or built in, and only its name known. */
	if (alias_walk(context, compare_module, (void *)(module[0] ? module : driver)) > 0)
		return true;
	return module[0] && module_depends_on(context, module, "vfio_pci_core");
}

/* The driver whose name differs in nothing but - and _. Returns 1, or 0 if there is none. */
static int find_twin(struct vfiobind_context *context, const char *name, char twin[static SYSFS_NAME_SIZE])
{
	struct sysfs_walk walk;
	const char *entry;
	int found = 0;

	if (!strpbrk(name, "-_") || sysfs_walk_open(&walk, context->sysfs_fd, "bus/pci/drivers") < 0)
		return 0;
	while (!found && sysfs_walk_next(&walk, &entry) > 0) {
		found = module_names_equal(entry, name);
		if (found)
			snprintf(twin, SYSFS_NAME_SIZE, "%s", entry);
	}
	sysfs_walk_close(&walk);
	return found;
}

/*
 * What is built in has no directory of its module, unless it has parameters, or the kernel is a late one (module_add_driver());
 * nor has such a driver a link to it. Then the names are all there is.
 */
static bool find_built_in(struct vfiobind_context *context, struct driver_choice *choice)
{
	char path[2 * SYSFS_NAME_SIZE], twin[SYSFS_NAME_SIZE];

	if (!find_twin(context, choice->module, twin))
		return false;
	snprintf(path, sizeof(path), "bus/pci/drivers/%s/module", twin);
	if (sysfs_exists(context->sysfs_fd, path))
		return false;
	snprintf(choice->driver, sizeof(choice->driver), "%s", twin);
	return true;
}

int driver_find_in_module(struct vfiobind_context *context, const char *name, struct driver_choice *choice,
			  struct vfiobind_error *error)
{
	static const char bus[] = "pci:";
	char path[SYSFS_NAME_SIZE + 32], several[256] = "", first[SYSFS_NAME_SIZE] = "";
	struct sysfs_walk walk;
	const char *entry;
	size_t n = 0, length = 0;
	int r;

	snprintf(path, sizeof(path), "module/%s/drivers", choice->module);
	r = sysfs_walk_open(&walk, context->sysfs_fd, path);
	while (r >= 0 && (r = sysfs_walk_next(&walk, &entry)) > 0) {
		if (strncmp(entry, bus, strlen(bus)) != 0)
			continue;
		entry += strlen(bus);
		if (module_names_equal(entry, name)) {
			snprintf(first, sizeof(first), "%s", entry);
			n = 1;
			break;
		}
		if (n++ == 0)
			snprintf(first, sizeof(first), "%s", entry);
		if (length < sizeof(several))
			length += (size_t)snprintf(several + length, sizeof(several) - length, "%s%s",
						   length ? " " : "", entry);
	}
	if (r != -ENOENT)
		sysfs_walk_close(&walk);
	if (n == 0 && find_built_in(context, choice))
		return 0;
	if (n == 0)
		return fail(error, .code = VFIOBIND_ERROR_MODULE_HAS_NO_DRIVER, .operation = "use module",
			    .object = choice->module, .path = path);
	if (n > 1)
		return fail(error, .code = VFIOBIND_ERROR_DRIVER_AMBIGUOUS, .operation = "use module",
			    .object = choice->module, .found = several, .hint = "name one of the drivers");
	snprintf(choice->driver, sizeof(choice->driver), "%s", first);
	return 0;
}

static int refuse(const char *name, const char *found, struct vfiobind_error *error)
{
	return fail(error, .code = VFIOBIND_ERROR_NOT_VFIO_DRIVER, .operation = "use driver", .object = name,
		    .expected = "vfio-pci or a VFIO variant driver", .found = found);
}

/* Returns 1 if the directory of the driver exists. */
static int find_driver(struct vfiobind_context *context, const char *name, struct driver_choice *choice)
{
	char path[2 * SYSFS_NAME_SIZE];

	snprintf(path, sizeof(path), "bus/pci/drivers/%s/module", name);
	if (sysfs_readlink_name(context->sysfs_fd, path, choice->module) < 0) {
		/* Built in, without the name of a module. */
		choice->module[0] = '\0';
		snprintf(path, sizeof(path), "bus/pci/drivers/%s", name);
		if (!sysfs_exists(context->sysfs_fd, path))
			return 0;
	}
	snprintf(choice->driver, sizeof(choice->driver), "%s", name);
	return 1;
}

static int find_module(struct vfiobind_context *context, const char *name, struct driver_choice *choice,
		       struct vfiobind_error *error)
{
	enum module_status status;
	int r;

	snprintf(choice->module, sizeof(choice->module), "%s", name);
	module_normalise(choice->module);
	status = module_look_up(context, choice->module);
	if (status == MODULE_UNKNOWN)
		return fail(error, .code = VFIOBIND_ERROR_DRIVER_NOT_FOUND, .operation = "use driver", .object = name,
			    .path = context->modules_root, .hint = "is its package installed, was depmod run?");
	if (status == MODULE_PRESENT) {
		r = driver_find_in_module(context, name, choice, error);
		if (r < 0)
			return r;
	}
	/* Before it is loaded: a host driver would at once take every device that it knows. */
	if (!driver_is_vfio(context, choice->driver, choice->module))
		return refuse(name, choice->driver[0] ? choice->driver : choice->module, error);
	if (status != MODULE_PRESENT && status != MODULE_LOADABLE)
		return module_fail(context, choice->module, status, error);
	choice->load = status == MODULE_LOADABLE;
	/* The one driver whose name is known before it is loaded: it is part of the user interface. */
	if (choice->load && strcmp(choice->module, "vfio_pci") == 0)
		snprintf(choice->driver, sizeof(choice->driver), "vfio-pci");
	return 0;
}

/*
 * Words and drivers that other tools know as kinds of driver: what they mean cannot be had here, and is not to be taken for
 * a driver that is missing. The word for what can be had is "vfio".
 */
static int refuse_kind(const char *name, struct vfiobind_error *error)
{
	static const struct {
		const char *name;
		const char *hint;
	} kinds[] = {
		{"none", "to unbind it from all drivers write to unbind of its own"},
		{"kvm", "KVM's own way to assign devices is gone since Linux 4.12: use vfio"},
		{"xen", "Xen's own tools give it away: xl pci-assignable-add"},
		{"pciback", "Xen's own tools give it away: xl pci-assignable-add"},
		{"xen-pciback", "Xen's own tools give it away: xl pci-assignable-add"},
		{"host", "to give it back use reattach"},
		{"userspace", "name a VFIO driver: it serves programs in user space, too"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (module_names_equal(name, kinds[i].name))
			return fail(error, .code = VFIOBIND_ERROR_DRIVER_TYPE_UNSUPPORTED, .operation = "use driver",
				    .object = name, .expected = "vfio, vfio-pci or a VFIO variant driver",
				    .hint = kinds[i].hint);
	return 0;
}

int driver_find(struct vfiobind_context *context, const char *name, struct driver_choice *ret_choice,
		struct vfiobind_error *error)
{
	struct driver_choice choice = {.load = false};
	char twin[SYSFS_NAME_SIZE];
	int r;

	if (!is_name(name))
		return fail(error, .code = VFIOBIND_ERROR_INVALID_DRIVER_NAME, .operation = "use driver",
			    .object = name);
	r = refuse_kind(name, error);
	if (r < 0)
		return r;
	if (find_driver(context, name, &choice) ||
	    (find_twin(context, name, twin) && find_driver(context, twin, &choice))) {
		if (!driver_is_vfio(context, choice.driver, choice.module))
			return refuse(name, choice.driver, error);
	} else {
		r = find_module(context, name, &choice, error);
		if (r < 0)
			return r;
	}
	*ret_choice = choice;
	return 0;
}

int driver_load(struct vfiobind_context *context, const char *name, struct driver_choice *choice,
		struct vfiobind_error *error)
{
	int r;

	if (!choice->load)
		return 0;
	r = module_load(context, choice->module, error);
	if (r == 0)
		r = driver_find_in_module(context, name, choice, error);
	if (r == 0)
		choice->load = false;
	return r;
}
