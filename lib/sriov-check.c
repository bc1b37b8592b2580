/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What speaks against a change of the virtual functions. Nothing is written. */
#include "sriov.h"

#include <errno.h>
#include <stdio.h>

#include "error.h"

int sriov_refuse_no_pf(struct operation *operation)
{
	const struct device_handle *handle = &sriov_pf(operation)->handle;
	char physfn[SYSFS_NAME_SIZE], hint[300], path[DEVICE_PATH_SIZE];

	if (sysfs_exists(handle->fd, "sriov_totalvfs"))
		return 0;
	if (sysfs_readlink_name(handle->fd, "physfn", physfn) < 0)
		return fail(operation->error, .code = VFIOBIND_ERROR_NO_SRIOV, .device = &handle->address,
			    .path = device_path(operation->context, handle, "sriov_totalvfs", path),
			    .hint = "if the card has SR-IOV, turn it on in its firmware");
	snprintf(hint, sizeof(hint), "name its physical function: %s", physfn);
	return fail(operation->error, .code = VFIOBIND_ERROR_NO_SRIOV, .device = &handle->address,
		    .found = "a virtual function", .hint = hint);
}

static int refuse_number(struct sriov *sriov)
{
	const struct sriov_state *before = &sriov->before;
	struct operation_device *pf = sriov_pf(&sriov->operation);
	uint64_t wanted = sriov->record->target_numvfs;
	char found[32], expected[32], hint[80];

	if (wanted == before->numvfs)
		return 0;
	snprintf(expected, sizeof(expected), "at most %u", before->totalvfs);
	snprintf(found, sizeof(found), "%llu", (unsigned long long)wanted);
	if (wanted > before->totalvfs)
		return fail(&sriov->error, .code = VFIOBIND_ERROR_TOO_MANY_VFS, .device = &pf->handle.address,
			    .expected = expected, .found = found);
	snprintf(hint, sizeof(hint), "give it to its host driver: vfiobind reattach %s", pf->handle.name);
	if (!pf->before.bound)
		return fail(&sriov->error, .code = VFIOBIND_ERROR_SRIOV_UNSUPPORTED, .device = &pf->handle.address,
			    .found = "no driver", .hint = hint);
	return 0;
}

static int refuse_detached(struct operation *operation, struct operation_device *vf)
{
	const struct snapshot *before = &vf->before;
	bool host =
		before->driver_type == VFIOBIND_DRIVER_TYPE_NONE || before->driver_type == VFIOBIND_DRIVER_TYPE_HOST;
	char found[SYSFS_NAME_SIZE + 32], hint[128];

	if (host && !(vf->record && !before->bound))
		return 0;
	snprintf(found, sizeof(found), "%s on %s", vf->handle.name, before->bound ? before->driver : "no driver");
	snprintf(hint, sizeof(hint), "give it back first: vfiobind reattach %s; with --force it goes as it is",
		 vf->handle.name);
	return fail(operation->error, .code = VFIOBIND_ERROR_VF_DETACHED, .device = &vf->handle.address, .found = found,
		    .hint = hint);
}

static int check_vf(struct operation *operation, struct operation_device *vf)
{
	static int (*const checks[])(struct operation *, struct operation_device *) = {
		plan_read_before, preflight_users, refuse_detached, preflight_netdevs, preflight_disks,
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(checks); i++)
		r = preflight_check(operation, vf, checks[i]);
	if (r < 0)
		error_add_device(operation->error, &vf->handle.address);
	return r;
}

/* Does any VF go? */
static bool removes(const struct sriov *sriov)
{
	return sriov->before.numvfs && sriov->before.numvfs != sriov->record->target_numvfs;
}

int sriov_check(struct sriov *sriov, enum vfiobind_autoprobe autoprobe)
{
	struct operation *operation = &sriov->operation;
	struct record *record = sriov->record;
	int r;

	r = plan_read_before(operation, sriov_pf(operation));
	if (r == 0)
		r = sriov_read_state(operation, sriov_pf(operation), &sriov->before, operation->error);
	record->numvfs = sriov->before.numvfs;
	record->autoprobe = sriov->before.autoprobe;
	if (record->target_numvfs == VFIOBIND_NUMVFS_KEEP)
		record->target_numvfs = record->numvfs;
	record->target_autoprobe =
		autoprobe == VFIOBIND_AUTOPROBE_KEEP ? record->autoprobe : autoprobe == VFIOBIND_AUTOPROBE_ON;
	if (r == 0)
		r = refuse_number(sriov);
	for (size_t i = 1; r == 0 && removes(sriov) && i < operation->n_devices; i++)
		r = check_vf(operation, &operation->devices[i]);
	return r;
}
