/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "group.h"

#include <errno.h>
#include <string.h>

#include "error.h"
#include "sysfs.h"

int group_read_number(struct vfiobind_context *context, const struct device_handle *device, int32_t *ret_number,
		      struct vfiobind_error *error)
{
	char name[SYSFS_NAME_SIZE];
	int r = sysfs_readlink_name(device->fd, "iommu_group", name);

	if (r == -ENOENT && device_exists(context, device))
		return 0;
	/* At most 9 digits: never above INT32_MAX. */
	if (r == 0 && (strspn(name, "0123456789") != strlen(name) || strlen(name) > 9))
		r = -EBADMSG;
	if (r < 0)
		return device_fail_read(context, device, "iommu_group", r, error);
	*ret_number = (int32_t)strtol(name, NULL, 10);
	return 1;
}

/*
 * A group can be given to user space if all its bound drivers leave DMA to others (driver_managed_dma in the kernel):
 * the VFIO drivers, pci-stub, and the driver of PCIe ports.
 */
static bool blocks_group(const struct vfiobind_group_member *member)
{
	if (member->driver_type == VFIOBIND_DRIVER_TYPE_NONE || member->driver_type == VFIOBIND_DRIVER_TYPE_VFIO)
		return false;
	return strcmp(member->driver, "pcieport") != 0 && strcmp(member->driver, "pci-stub") != 0;
}

static int read_member(struct vfiobind_context *context, const struct vfiobind_address *address, struct arena *arena,
		       struct vfiobind_group_member **ret_member, struct vfiobind_error *error)
{
	struct vfiobind_group_member *member;
	char driver[SYSFS_NAME_SIZE];
	struct device_handle device;
	int r;

	r = device_open(context, address, &device, error);
	if (r < 0)
		return r;
	member = arena_zalloc(arena, sizeof(*member));
	r = device_read_driver(context, &device, driver, error);
	if (r >= 0 && member) {
		member->address = *address;
		member->driver_type = device_classify_driver(context, device.fd, r ? driver : NULL);
		member->driver = r ? arena_strdup(arena, driver) : NULL;
		if (r && !member->driver)
			member = NULL;
	}
	close_fd(device.fd);
	if (r < 0)
		return r;
	if (!member)
		return fail_memory(error);
	member->blocks = blocks_group(member);
	*ret_member = member;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct vfiobind_group_member *const *first = a, *const *second = b;

	return vfiobind_address_compare(&(*first)->address, &(*second)->address);
}

int group_read_members(struct vfiobind_context *context, const struct device_handle *device, bool others,
		       struct arena *arena, struct vfiobind_group_member ***ret_members, size_t *ret_n,
		       struct vfiobind_error *error)
{
	struct vfiobind_error local = VFIOBIND_ERROR_INIT;
	struct vfiobind_group_member *member = NULL;
	struct vfiobind_address address;
	void **members = NULL;
	struct sysfs_walk walk;
	const char *name;
	size_t n = 0;
	int r;

	r = sysfs_walk_open(&walk, device->fd, "iommu_group/devices");
	if (r < 0)
		return device_fail_read(context, device, "iommu_group/devices", r, error);
	while ((r = sysfs_walk_next(&walk, &name)) > 0) {
		/* Members on other buses, such as platform devices, are none of ours; they are not seen as blockers. */
		if (vfiobind_address_parse(name, &address) < 0)
			continue;
		if (others && vfiobind_address_compare(&address, &device->address) == 0)
			continue;
		r = read_member(context, &address, arena, &member, &local);
		/* It was removed meanwhile: no failure, so the caller's error stays as it is. */
		if (r == -ENODEV) {
			local = (struct vfiobind_error)VFIOBIND_ERROR_INIT;
			continue;
		}
		if (r == 0 && arena_append(arena, &members, &n, member) < 0)
			r = fail_memory(&local);
		if (r < 0) {
			error_copy(error, &local);
			break;
		}
	}
	sysfs_walk_close(&walk);
	if (r < 0 && local.code == VFIOBIND_ERROR_NONE)
		return device_fail_read(context, device, "iommu_group/devices", r, error);
	if (r < 0)
		return r;
	if (n)
		qsort(members, n, sizeof(*members), compare);
	*ret_members = (struct vfiobind_group_member **)members;
	*ret_n = n;
	return 0;
}
