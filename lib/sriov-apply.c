/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The stores that change the virtual functions, and what is to be done when one fails. A store into sriov_numvfs waits for
 * the drivers of the PF and of the VFs; the worker does it.
 */
#include "sriov.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "context.h"
#include "error.h"
#include "journal.h"
#include "store.h"
#include "users.h"
#include "vfs.h"

int sriov_prepare(struct sriov *sriov)
{
	struct operation *operation = &sriov->operation;
	struct operation_device *pf = sriov_pf(operation);
	char path[64];
	int r = 0;

	if (sriov_changes_autoprobe(sriov->record))
		r = store_open(operation, pf, sriov_path(pf, "sriov_drivers_autoprobe", path), &sriov->autoprobe);
	if (r == 0 && sriov_changes_number(sriov->record))
		r = store_open(operation, pf, sriov_path(pf, "sriov_numvfs", path), &sriov->numvfs);
	if (r == 0 && (sriov_changes_autoprobe(sriov->record) || sriov_changes_number(sriov->record)))
		r = journal_begin_one(operation, pf, sriov->record);
	if (r == 0)
		operation->log_fd = diagnose_open_log(operation->context);
	return r;
}

static int store_autoprobe(struct sriov *sriov)
{
	struct operation *operation = &sriov->operation;
	struct operation_device *pf = sriov_pf(operation);
	char path[64];
	int r;

	pf->stored = true;
	r = attribute_store(operation->context, &sriov->autoprobe, sriov->record->target_autoprobe ? "1" : "0");
	if (r == 0)
		return 0;
	return store_fail(operation, pf,
			  &(struct store_failure){
				  .operation = "set sriov_drivers_autoprobe",
				  .code = VFIOBIND_ERROR_AUTOPROBE_FAILED,
				  .number = r,
				  .path = sriov_path(pf, "sriov_drivers_autoprobe", path),
			  });
}

/* What sriov_numvfs_store() and sriov_enable() mean by an errno; a driver may mean anything by others. */
static const char *explain(const struct operation_device *pf, int number, char buffer[static SYSFS_NAME_SIZE + 64])
{
	static const struct {
		int number;
		const char *hint;
	} meanings[] = {
		{-ENOMEM,
		 "the firmware has left no addresses or bus numbers for them: see dmesg; turn SR-IOV on in the "
		 "firmware, or boot with pci=realloc on the kernel command line"},
		{-EBUSY, "another process has created some meanwhile"},
		{-ERANGE, "its driver allows fewer by now: see sriov_totalvfs"},
	};

	/* It has no sriov_configure; or it is vfio-pci, whose own may be off. */
	if (number == -ENOENT && strcmp(pf->before.driver, "vfio-pci") == 0)
		return "vfio-pci does it only with its parameter enable_sriov; or give it back to its host driver";
	if (number == -ENOENT) {
		snprintf(buffer, SYSFS_NAME_SIZE + 64, "its driver, %s, does not support it", pf->before.driver);
		return buffer;
	}
	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
		if (meanings[i].number == number)
			return meanings[i].hint;
	return "see dmesg";
}

static int store_number(struct sriov *sriov, uint64_t number)
{
	struct operation *operation = &sriov->operation;
	struct operation_device *pf = sriov_pf(operation);
	char path[64], text[16], hint[SYSFS_NAME_SIZE + 64];
	int r;

	snprintf(text, sizeof(text), "%u", (unsigned int)number);
	pf->stored = true;
	r = attribute_store(operation->context, &sriov->numvfs, text);
	if (r == 0)
		return 0;
	/* sriov_numvfs_store(): ENOENT before the driver is asked, or by vfio-pci, which then does nothing. */
	sriov->refused = r == -ENOENT && !sriov->removed && !sriov_changes_autoprobe(sriov->record);
	return store_fail(
		operation, pf,
		&(struct store_failure){
			.operation = "set the number of virtual functions to",
			.object = text,
			.code = r == -ENOENT ? VFIOBIND_ERROR_SRIOV_UNSUPPORTED : VFIOBIND_ERROR_NUMVFS_FAILED,
			.number = r,
			.path = sriov_path(pf, "sriov_numvfs", path),
			.hint = explain(pf, r, hint),
		});
}

static int verify(struct sriov *sriov)
{
	struct operation *operation = &sriov->operation;
	struct operation_device *pf = sriov_pf(operation);
	struct vfiobind_address *vfs;
	char path[DEVICE_PATH_SIZE], expected[32], found[64];
	struct sriov_state now;
	size_t n;
	int r;

	r = sriov_read_state(operation, pf, &now, operation->error);
	if (r == 0)
		r = vfs_list(operation->context, &pf->handle, operation->arena, &vfs, &n, operation->error);
	if (r < 0 || (now.numvfs == sriov->record->target_numvfs && n == now.numvfs))
		return r;
	snprintf(expected, sizeof(expected), "%u", (unsigned int)sriov->record->target_numvfs);
	/* sriov_numvfs_store(): a driver may create fewer than it was asked for. They are ours, and so to be undone. */
	if (now.numvfs < sriov->record->target_numvfs)
		sriov->record->target_numvfs = now.numvfs;
	snprintf(found, sizeof(found), "%u, and %zu links", now.numvfs, n);
	return fail(operation->error, .code = VFIOBIND_ERROR_NUMVFS_DIFFERS, .device = &pf->handle.address,
		    .operation = "set the number of virtual functions", .expected = expected, .found = found,
		    .path = device_path(operation->context, &pf->handle, "sriov_numvfs", path));
}

int sriov_apply(struct sriov *sriov)
{
	struct record *record = sriov->record;
	int r = 0;

	if (sriov_changes_autoprobe(record))
		r = store_autoprobe(sriov);
	if (r < 0 || !sriov_changes_number(record))
		return r;
	if (record->numvfs) {
		r = store_number(sriov, 0);
		sriov->removed = r == 0;
	}
	if (r == 0 && record->target_numvfs)
		r = store_number(sriov, record->target_numvfs);
	return r == 0 ? verify(sriov) : r;
}

/* VFs that were removed against all warnings are not what they were when they come again. */
static bool had_detached(const struct operation *operation)
{
	for (size_t i = 1; i < operation->n_devices; i++) {
		const struct operation_device *vf = &operation->devices[i];

		if (vf->has_record || vf->before.driver_type > VFIOBIND_DRIVER_TYPE_HOST)
			return true;
	}
	return false;
}

static void describe_users(struct sriov *sriov)
{
	struct operation *operation = &sriov->operation;
	struct vfiobind_error *error = &sriov->error;

	for (size_t i = 1; i < operation->n_devices && !error->found[0]; i++) {
		const struct operation_device *vf = &operation->devices[i];
		const struct users_query query = {
			.device = &vf->handle,
			.iommu_group = vf->iommu_group,
			.vfio_device = vf->vfio_device,
			.leaves = true,
		};

		if (vf->before.driver_type == VFIOBIND_DRIVER_TYPE_VFIO)
			users_describe(operation->context, &query, error->found, sizeof(error->found));
	}
	snprintf(error->hint, sizeof(error->hint), "%srun vfiobind repair when it has ended",
		 error->found[0] ? "end who has it, and " : "see dmesg; ");
}

void sriov_roll_back(struct sriov *sriov)
{
	static const struct {
		enum vfiobind_state state;
		const char *hint;
	} outcomes[] = {
		[ROLLBACK_DONE] = {VFIOBIND_STATE_RESTORED, NULL},
		[ROLLBACK_FAILED] = {VFIOBIND_STATE_BROKEN, "run vfiobind repair"},
		[ROLLBACK_FOREIGN] = {VFIOBIND_STATE_BROKEN, "another process has changed it: it was left alone"},
		[ROLLBACK_PENDING] = {VFIOBIND_STATE_PENDING, "run vfiobind repair when it has ended"},
	};
	struct operation *operation = &sriov->operation;
	struct vfiobind_error *error = &sriov->error;
	enum rollback outcome;

	if (!sriov_pf(operation)->stored)
		return;
	if (error->code == VFIOBIND_ERROR_TIMED_OUT) {
		error->state = VFIOBIND_STATE_PENDING;
		describe_users(sriov);
		return;
	}
	context_extend(operation->context);
	journal_take_over(operation, sriov_pf(operation));
	outcome = sriov_undo(operation, sriov_pf(operation), sriov->record);
	error->state = sriov->refused && outcome == ROLLBACK_DONE ? VFIOBIND_STATE_UNTOUCHED : outcomes[outcome].state;
	if (outcomes[outcome].hint)
		snprintf(error->hint, sizeof(error->hint), "there were %u virtual functions; %s", sriov->before.numvfs,
			 outcomes[outcome].hint);
	if (outcome == ROLLBACK_DONE && sriov->removed && had_detached(operation)) {
		error->state = VFIOBIND_STATE_BROKEN;
		snprintf(error->hint, sizeof(error->hint),
			 "the virtual functions are there again, but not detached any more");
	}
}

void sriov_forget_removed(struct sriov *sriov)
{
	struct operation *operation = &sriov->operation;
	_cleanup_close_ int directory_fd = -1;

	if (!sriov->removed || state_open(operation->context, STATE_DEVICES, false, &directory_fd, NULL) < 0)
		return;
	for (size_t i = 1; i < operation->n_devices; i++)
		if (operation->devices[i].has_record)
			unlinkat(directory_fd, operation->devices[i].handle.name, 0);
}
