/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What speaks against an operation before anything is written: one function a reason, those of a detach alone in the table
 * at the end. Whether it can be overridden is a property of the error's code.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "block.h"
#include "context.h"
#include "domain.h"
#include "error.h"
#include "group.h"
#include "netdev.h"
#include "operation.h"
#include "users.h"

/* The base class of bridges in a modalias. Only they have another header than endpoints. */
static bool may_be_bridge(const char *identity)
{
	return strncmp(identity, "pci:", 4) != 0 || strstr(identity, "bc06");
}

int preflight_bridge(struct operation *operation, struct operation_device *device)
{
	char found[32];
	int type, r;

	if (!may_be_bridge(device->identity))
		return 0;
	r = device_read_header_type(operation->context, &device->handle, &type, operation->error);
	if (r < 0)
		return r;
	snprintf(found, sizeof(found), "header type %d", type);
	if (type != 0)
		return fail(operation->error, .code = VFIOBIND_ERROR_NOT_ENDPOINT, .device = &device->handle.address,
			    .found = found, .hint = "only endpoints can be assigned");
	return 0;
}

/* By the first link, not by sriov_numvfs: reading that one waits for the driver of the PF. */
int preflight_vfs(struct operation *operation, struct operation_device *device)
{
	char virtfn[SYSFS_NAME_SIZE], hint[80];

	device->before.has_vfs = sysfs_readlink_name(device->handle.fd, "virtfn0", virtfn) == 0;
	/* If it stays on its driver, they stay too. */
	if (!device->before.has_vfs || (device->hostdev && !device->hostdev->managed))
		return 0;
	snprintf(hint, sizeof(hint), "remove them first: vfiobind sriov %s --numvfs 0", device->handle.name);
	return fail(operation->error, .code = VFIOBIND_ERROR_PF_HAS_VFS, .device = &device->handle.address,
		    .found = virtfn, .hint = hint);
}

static int refuse_missing_container(struct operation *operation, struct operation_device *device)
{
	const struct vfiobind_context *context = operation->context;
	char container[PATH_MAX], iommufd[PATH_MAX];
	struct stat status;

	snprintf(container, sizeof(container), "%s/vfio/vfio", context->device_root);
	snprintf(iommufd, sizeof(iommufd), "%s/iommu", context->device_root);
	/* Either is a way to the device; and they come with the module, which is loaded if need be. */
	if (stat(container, &status) == 0 || stat(iommufd, &status) == 0 ||
	    !sysfs_exists(context->sysfs_fd, "module/vfio"))
		return 0;
	return fail(operation->error, .code = VFIOBIND_ERROR_VFIO_NODE_MISSING, .path = container,
		    .hint = "is devtmpfs mounted on /dev? in a container the node must be passed in");
}

int preflight_netdevs(struct operation *operation, struct operation_device *device)
{
	const char *driver = device->before.bound ? device->before.driver : NULL, *how;
	char found[128];
	int r;

	if (netdev_list(&device->handle, driver, operation->arena, &device->netdevs, &device->n_netdevs) < 0)
		return fail_memory(operation->error);
	for (size_t i = 0; i < device->n_netdevs; i++) {
		r = netdev_in_use(operation->context, &device->handle, device->netdevs[i], &how);
		if (r < 0)
			return device_fail_read(operation->context, &device->handle, "net", r, operation->error);
		if (r == 0)
			continue;
		snprintf(found, sizeof(found), "%s is %s", device->netdevs[i], how);
		return fail(operation->error, .code = VFIOBIND_ERROR_NETDEV_IN_USE, .found = found,
			    .hint = "take the interface down first, or use --force");
	}
	return 0;
}

int preflight_disks(struct operation *operation, struct operation_device *device)
{
	char found[256];
	int r = block_in_use(operation->context, &device->handle, device->disk, found, sizeof(found));

	if (r == -ENOMEM)
		return fail_memory(operation->error);
	if (r < 0)
		return device_fail_read(operation->context, &device->handle, "nvme", r, operation->error);
	if (r == 0)
		return 0;
	return fail(operation->error, .code = VFIOBIND_ERROR_BLOCK_IN_USE, .found = found,
		    .hint = "unmount it first, or use --force and lose what is not written");
}

int preflight_users(struct operation *operation, struct operation_device *device)
{
	const struct users_query query = {
		.device = &device->handle,
		/* Who has the group open may be the domain, for others of it. */
		.iommu_group = device->shares_group ? -1 : device->iommu_group,
		.vfio_device = device->vfio_device,
	};
	static const char *const hints[] = {
		[RECORD_DETACH] = "end the guest first; with --force its driver waits for that",
		[RECORD_PREPARE] = "end the guest first; with --force its driver waits for that",
		[RECORD_RESET] = "end the guest first; with --force the device is reset under it",
		[RECORD_RELEASE] = "end the guest first",
	};
	char found[256];

	if (device->before.driver_type != VFIOBIND_DRIVER_TYPE_VFIO)
		return 0;
	users_describe(operation->context, &query, found, sizeof(found));
	if (!found[0])
		return 0;
	return fail(operation->error, .code = VFIOBIND_ERROR_VFIO_IN_USE, .found = found,
		    .hint = hints[operation->kind]);
}

/* The kernel lets nobody open a device of a group in which a host driver does DMA. */
static int refuse_group_in_use(struct operation *operation, struct operation_device *device)
{
	struct vfiobind_group_member **members;
	char found[256] = "", address[VFIOBIND_ADDRESS_SIZE];
	size_t n, length = 0;
	int r;

	r = group_read_members(operation->context, &device->handle, true, operation->arena, &members, &n,
			       operation->error);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n && length < sizeof(found); i++) {
		if (!members[i]->blocks || has_device(operation, &members[i]->address))
			continue;
		vfiobind_address_format(&members[i]->address, address, sizeof(address));
		length += (size_t)snprintf(found + length, sizeof(found) - length, "%s%s on %.64s", length ? ", " : "",
					   address, members[i]->driver);
	}
	if (!length)
		return 0;
	return fail(operation->error, .code = VFIOBIND_ERROR_GROUP_IN_USE, .found = found,
		    .hint = operation->domain ? "the domain needs them too; or detach them first"
					      : "detach them too, with --group; or use --force and do so later");
}

static int refuse_group_of_domain(struct operation *operation, struct operation_device *device)
{
	return operation->domain ? domain_refuse_group(operation, device) : 0;
}

int preflight(struct operation *operation, struct operation_device *device)
{
	static int (*const checks[])(struct operation *, struct operation_device *) = {
		refuse_group_of_domain, refuse_missing_container, preflight_netdevs,
		preflight_disks,        preflight_users,          refuse_group_in_use,
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(checks); i++)
		r = preflight_check(operation, device, checks[i]);
	return r;
}

int preflight_check(struct operation *operation, struct operation_device *device,
		    int (*check)(struct operation *, struct operation_device *))
{
	struct vfiobind_error *error = operation->error;
	int r = check(operation, device);

	if (r == 0 || !operation->force || !vfiobind_error_code_can_be_forced(error->code))
		return r;
	r = warn_result(operation, device, "%s%s%s", vfiobind_error_code_summary(error->code),
			error->found[0] ? ": " : "", error->found);
	if (r == 0)
		*error = (struct vfiobind_error)VFIOBIND_ERROR_INIT;
	return r;
}
