/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain.h"

#include <stdio.h>
#include <string.h>

#include "context.h"
#include "error.h"
#include "group.h"
#include "journal.h"

bool domain_uses(const struct record *record)
{
	return record->operation == RECORD_PREPARE;
}

int domain_refuse_used(struct operation *operation, const struct operation_device *device)
{
	char hint[256];

	if (!device->record || !domain_uses(device->record))
		return 0;
	if (operation->domain && strcmp(operation->domain, device->record->domain) == 0)
		snprintf(hint, sizeof(hint),
			 "it is this domain, by an earlier prepare: let it give the device back first");
	else
		snprintf(hint, sizeof(hint), "when %.64s has ended: vfiobind hostdev release FILE, which is its XML",
			 device->record->domain);
	return fail(operation->error, .code = VFIOBIND_ERROR_USED_BY_DOMAIN, .device = &device->handle.address,
		    .found = device->record->domain, .hint = hint);
}

/* By sysfs, not by the record: that may be what cannot be understood, or of a device that is there no more. */
static bool is_of_group(struct operation *operation, const struct vfiobind_address *address, int32_t group,
			char identity[static 64])
{
	struct device_handle other;
	int32_t number = -1;

	if (device_open(operation->context, address, &other, NULL) < 0)
		return false;
	group_read_number(operation->context, &other, &number, NULL);
	if (attribute_read(operation->context, other.directory, "modalias", identity, 64) <= 0)
		strcpy(identity, JOURNAL_UNKNOWN);
	close_fd(other.fd);
	return number == group;
}

/* Without a look at sysfs, which nearly all records spare. */
static bool may_matter(const struct operation_device *device, const struct record *record)
{
	char group[sizeof(record->iommu_group)];

	snprintf(group, sizeof(group), "%d", device->iommu_group);
	return domain_uses(record) && strcmp(record->iommu_group, group) == 0;
}

static int look_at(struct operation *operation, struct operation_device *device, int devices_fd, const char *name)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_address address;
	struct record *record;
	char identity[64], found[320];
	int r;

	if (vfiobind_address_parse(name, &address) < 0 || has_device(operation, &address))
		return 0;
	r = journal_read(operation->context, STATE_DEVICES, devices_fd, name, operation->arena, &record, &error);
	if (r == 0 || (r > 0 && !may_matter(device, record)) ||
	    !is_of_group(operation, &address, device->iommu_group, identity))
		return 0;
	if (r < 0) {
		error_copy(operation->error, &error);
		return r;
	}
	if (!journal_is_current(operation->context, record, identity))
		return 0;
	if (operation->kind == RECORD_PREPARE && strcmp(record->domain, operation->domain) == 0) {
		device->shares_group = true;
		return 0;
	}
	snprintf(found, sizeof(found), "%s, by %s", name, record->domain);
	return fail(operation->error, .code = VFIOBIND_ERROR_GROUP_USED_BY_DOMAIN, .device = &device->handle.address,
		    .found = found,
		    .hint = operation->kind == RECORD_PREPARE ? "only one domain can have devices of a group"
							      : "all devices of a group have to be given back at once");
}

int domain_refuse_group(struct operation *operation, struct operation_device *device)
{
	_cleanup_close_ int devices_fd = -1;
	struct sysfs_walk walk;
	const char *name;
	int r, refused = 0;

	if (device->iommu_group < 0)
		return 0;
	r = state_open(operation->context, STATE_DEVICES, false, &devices_fd, operation->error);
	if (r < 0 || devices_fd < 0)
		return r;
	r = sysfs_walk_open(&walk, devices_fd, ".");
	if (r < 0)
		return state_fail(operation->context, STATE_DEVICES, "", "read", r, operation->error);
	while (refused == 0 && (r = sysfs_walk_next(&walk, &name)) > 0)
		refused = look_at(operation, device, devices_fd, name);
	sysfs_walk_close(&walk);
	if (r < 0)
		return state_fail(operation->context, STATE_DEVICES, "", "read", r, operation->error);
	return refused;
}
