/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All that is known of one device, as one object. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "attribute.h"
#include "context.h"
#include "device.h"
#include "domain.h"
#include "error.h"
#include "group.h"
#include "journal.h"
#include "netdev.h"
#include "show.h"
#include "sysfs.h"
#include "util.h"
#include "vfio.h"
#include "vfs.h"

struct device_box {
	struct arena arena;
	struct vfiobind_device device;
};

struct reader {
	struct vfiobind_context *context;
	struct device_handle handle;
	struct arena *arena;
	struct vfiobind_device *device;
	struct vfiobind_error *error;
};

static int read_id(const struct reader *reader, const char *name, unsigned long maximum, unsigned long *ret_value)
{
	int r = attribute_read_hex(reader->context, reader->handle.directory, name, maximum, ret_value);

	return r < 0 ? device_fail_read(reader->context, &reader->handle, name, r, reader->error) : 0;
}

static int read_ids(const struct reader *reader)
{
	struct vfiobind_device *device = reader->device;
	const struct {
		const char *name;
		uint16_t *value;
	} ids[] = {
		{"vendor", &device->vendor},
		{"device", &device->device},
		{"subsystem_vendor", &device->subsystem_vendor},
		{"subsystem_device", &device->subsystem_device},
	};
	unsigned long value;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		r = read_id(reader, ids[i].name, 0xffff, &value);
		if (r < 0)
			return r;
		*ids[i].value = (uint16_t)value;
	}
	r = read_id(reader, "class", 0xffffff, &value);
	if (r < 0)
		return r;
	device->class_code = (uint32_t)value;
	return 0;
}

/* Copies a text into the object. Returns 0 or -ENOMEM with the error set. */
static int keep(const struct reader *reader, const char **member, const char *text)
{
	*member = arena_strdup(reader->arena, text);
	return *member ? 0 : fail_memory(reader->error);
}

static int read_driver(const struct reader *reader)
{
	struct vfiobind_device *device = reader->device;
	char driver[SYSFS_NAME_SIZE], module[SYSFS_NAME_SIZE];
	int r;

	r = device_read_driver(reader->context, &reader->handle, driver, reader->error);
	if (r < 0)
		return r;
	device->driver_type = device_classify_driver(reader->context, reader->handle.fd, r ? driver : NULL);
	if (!r)
		return 0;
	device->variant = device->driver_type == VFIOBIND_DRIVER_TYPE_VFIO && strcmp(driver, "vfio-pci") != 0;
	r = keep(reader, &device->driver, driver);
	if (r == 0 && sysfs_readlink_name(reader->handle.fd, "driver/module", module) == 0)
		r = keep(reader, &device->module, module);
	return r;
}

static int read_override(const struct reader *reader)
{
	char text[ATTRIBUTE_TEXT_SIZE];
	int r = device_read_override(reader->context, &reader->handle, text, reader->error);

	return r > 0 ? keep(reader, &reader->device->driver_override, text) : r;
}

/*
 * "../../../devices/pci0000:00/0000:00:1c.0/0000:04:00.0": the nearest function above it, which is a bridge. Between
 * them may be another domain's root, as below a VMD endpoint: "…/0000:00:0e.0/pci10000:e0/10000:e0:06.0".
 */
static int read_parent(const struct reader *reader)
{
	struct vfiobind_device *device = reader->device;
	char target[PATH_MAX], *slash;

	if (sysfs_readlink(reader->context->sysfs_fd, reader->handle.directory, target, sizeof(target)) < 0)
		return 0;
	for (bool self = true; !device->has_parent && (slash = strrchr(target, '/')); self = false) {
		device->has_parent = !self && vfiobind_address_parse(slash + 1, &device->parent) == 0;
		*slash = '\0';
	}
	return 0;
}

static int read_group(const struct reader *reader)
{
	struct vfiobind_device *device = reader->device;
	struct vfiobind_group_member **members;
	int r;

	device->iommu_group = -1;
	r = group_read_number(reader->context, &reader->handle, &device->iommu_group, reader->error);
	if (r <= 0)
		return r;
	r = group_read_members(reader->context, &reader->handle, false, reader->arena, &members,
			       &device->n_group_members, reader->error);
	if (r < 0)
		return r;
	device->group_members = members;
	device->group_viable = true;
	for (size_t i = 0; i < device->n_group_members; i++)
		if (members[i]->blocks && vfiobind_address_compare(&members[i]->address, &device->address) != 0)
			device->group_viable = false;
	return 0;
}

static int read_virtfns(const struct reader *reader)
{
	struct vfiobind_device *device = reader->device;
	struct vfiobind_address *virtfns;
	char target[SYSFS_NAME_SIZE];
	size_t n;
	int r;

	if (sysfs_readlink_name(reader->handle.fd, "physfn", target) == 0)
		device->has_physfn = vfiobind_address_parse(target, &device->physfn) == 0;
	if (!sysfs_exists(reader->handle.fd, "sriov_totalvfs"))
		return 0;
	r = vfs_list(reader->context, &reader->handle, reader->arena, &virtfns, &n, reader->error);
	if (r < 0)
		return r;
	device->virtfns = virtfns;
	device->n_virtfns = n;
	device->numvfs = (int32_t)n;
	return 0;
}

static int read_netdevs(const struct reader *reader)
{
	struct vfiobind_device *device = reader->device;
	char(*names)[NETDEV_NAME_SIZE];
	void **list = NULL;
	size_t n, n_names;

	if (netdev_list(&reader->handle, device->driver, reader->arena, &names, &n_names) < 0)
		return fail_memory(reader->error);
	for (size_t i = n = 0; i < n_names; i++)
		if (arena_append(reader->arena, &list, &n, names[i]) < 0)
			return fail_memory(reader->error);
	device->netdevs = (const char *const *)list;
	device->n_netdevs = n;
	return 0;
}

static int read_rest(const struct reader *reader)
{
	struct vfiobind_device *device = reader->device;
	char text[ATTRIBUTE_TEXT_SIZE];

	if (device_read_header_type(reader->context, &reader->handle, &device->header_type, NULL) < 0)
		device->header_type = -1;
	if (attribute_read(reader->context, reader->handle.directory, "modalias", text, sizeof(text)) > 0)
		return keep(reader, &device->modalias, text);
	return 0;
}

static int read_vfio(const struct reader *reader)
{
	if (reader->device->driver_type != VFIOBIND_DRIVER_TYPE_VFIO)
		return 0;
	return vfio_read(reader->context, &reader->handle, reader->device->iommu_group, reader->arena,
			 &reader->device->vfio, reader->error);
}

/* Also of another boot or device: until a repair has looked at it, it keeps others from the device. */
static int read_pending(const struct reader *reader)
{
	struct vfiobind_pending *pending;
	_cleanup_close_ int directory_fd = -1;
	struct record *record;

	if (state_open(reader->context, STATE_JOURNALS, false, &directory_fd, NULL) < 0 || directory_fd < 0 ||
	    journal_read(reader->context, STATE_JOURNALS, directory_fd, reader->handle.name, reader->arena, &record,
			 NULL) <= 0)
		return 0;
	pending = arena_zalloc(reader->arena, sizeof(*pending));
	if (!pending)
		return fail_memory(reader->error);
	pending->operation = record_operation_name(record->operation);
	pending->pid = (pid_t)record->process;
	pending->command = record->command[0] ? record->command : NULL;
	pending->since = (time_t)record->since;
	reader->device->pending = pending;
	return 0;
}

/* What cannot be read is as if it were not there: a repair says what is wrong with it. */
static int read_detached(const struct reader *reader)
{
	struct vfiobind_device *device = reader->device;
	struct vfiobind_detached *detached;
	_cleanup_close_ int directory_fd = -1;
	struct record *record;

	/* Else another process has reattached it. */
	if (device->driver_type != VFIOBIND_DRIVER_TYPE_VFIO && device->driver_type != VFIOBIND_DRIVER_TYPE_NONE)
		return 0;
	if (state_open(reader->context, STATE_DEVICES, false, &directory_fd, NULL) < 0 || directory_fd < 0 ||
	    journal_read(reader->context, STATE_DEVICES, directory_fd, reader->handle.name, reader->arena, &record,
			 NULL) <= 0 ||
	    !journal_is_current(reader->context, record, device->modalias ? device->modalias : JOURNAL_UNKNOWN))
		return 0;
	if (domain_uses(record))
		device->domain = record->domain;
	if (record->borrowed)
		return 0;
	detached = arena_zalloc(reader->arena, sizeof(*detached));
	if (!detached)
		return fail_memory(reader->error);
	detached->since = (time_t)record->since;
	if (record->owned && record->host.driver[0])
		detached->host_driver = record->host.driver;
	device->detached = detached;
	return 0;
}

/*
 * Links first: they never wait for a driver. Of the attributes it is driver_override that does, before Linux 6.12: it comes
 * last. On failure what was read before is there.
 */
static int read_parts(struct vfiobind_context *context, const struct vfiobind_address *address, struct device_box *box,
		      struct vfiobind_error *error)
{
	static int (*const parts[])(const struct reader *) = {
		read_driver, read_pending, read_group, read_parent,   read_virtfns,  read_netdevs,
		read_ids,    read_rest,    read_vfio,  read_detached, read_override,
	};
	struct reader reader = {.context = context, .arena = &box->arena, .device = &box->device, .error = error};
	int r;

	box->device.address = *address;
	box->device.iommu_group = box->device.numvfs = box->device.header_type = -1;
	r = device_open(context, address, &reader.handle, error);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(parts); i++)
		r = parts[i](&reader);
	close_fd(reader.handle.fd);
	if (r < 0)
		error_add_device(error, address);
	return r;
}

int show_device(struct vfiobind_context *context, const struct vfiobind_address *address,
		struct vfiobind_device **ret_device, struct vfiobind_error *error)
{
	struct device_box *box = calloc(1, sizeof(*box));

	*ret_device = box ? &box->device : NULL;
	return box ? read_parts(context, address, box, error) : fail_memory(error);
}

int vfiobind_device_read(struct vfiobind_context *context, const struct vfiobind_address *address,
			 struct vfiobind_device **ret_device, struct vfiobind_error *error)
{
	struct vfiobind_device *device;
	int r;

	if (!context || !address || !ret_device)
		return fail(error, .code = VFIOBIND_ERROR_INVALID_ARGUMENT, .operation = "read a device");
	r = context_begin(context, error);
	if (r < 0)
		return r;
	r = show_device(context, address, &device, error);
	if (r < 0)
		vfiobind_device_free(device);
	else
		*ret_device = device;
	return r;
}

struct vfiobind_device *vfiobind_device_free(struct vfiobind_device *device)
{
	struct device_box *box;

	if (!device)
		return NULL;
	box = container_of(device, struct device_box, device);
	arena_free(&box->arena);
	free(box);
	return NULL;
}
