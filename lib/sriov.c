/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Virtual functions of a physical function: what there are, and others. */
#include "sriov.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "error.h"
#include "journal.h"
#include "sysfs.h"
#include "vfs.h"

/* What a caller wants of them: there may be no number, and no device, yet. */
#define READ "read its virtual functions"

static const char *phrase_of(uint32_t numvfs)
{
	if (numvfs == VFIOBIND_NUMVFS_KEEP)
		return "set sriov_drivers_autoprobe";
	return numvfs ? "create virtual functions" : "remove its virtual functions";
}

struct sriov_box {
	struct arena arena;
	struct vfiobind_sriov sriov;
};

static int collect_vfs(struct operation *operation)
{
	struct vfiobind_address *vfs;
	size_t n;
	int r;

	r = vfs_list(operation->context, &sriov_pf(operation)->handle, operation->arena, &vfs, &n, operation->error);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = collect_device(operation, &vfs[i]);
	return r;
}

/* Whether a VF was removed while it was being looked at: the next attempt finds others, or none. */
static bool has_changed(struct operation *operation)
{
	struct vfiobind_error *error = operation->error;

	if (error->code != VFIOBIND_ERROR_DEVICE_NOT_FOUND && error->code != VFIOBIND_ERROR_DEVICE_VANISHED)
		return false;
	if (!device_exists(operation->context, &sriov_pf(operation)->handle))
		return false;
	*error = (struct vfiobind_error)VFIOBIND_ERROR_INIT;
	return true;
}

/* Whether the VFs are still those that are locked: others may have come at the same addresses. */
static int has_all(struct operation *operation, bool *ret_all)
{
	struct vfiobind_address *vfs;
	size_t n;
	int r;

	r = vfs_list(operation->context, &sriov_pf(operation)->handle, operation->arena, &vfs, &n, operation->error);
	*ret_all = r == 0 && n == operation->n_devices - 1;
	for (size_t i = 0; r == 0 && *ret_all && i < n; i++)
		*ret_all = vfiobind_address_compare(&vfs[i], &operation->devices[i + 1].handle.address) == 0 &&
			   !sysfs_is_absent(operation->devices[i + 1].handle.fd, "vendor");
	return r;
}

/* All locks are taken in one order, so the VFs must be known before: if others have come meanwhile, once more. */
static int collect_all(struct operation *operation, const struct vfiobind_address *address)
{
	bool all = false;
	int r = 0;

	for (int attempt = 0; r == 0 && !all && attempt < 8; attempt++) {
		operation_end(operation);
		r = collect_device(operation, address);
		if (r == 0)
			r = sriov_refuse_no_pf(operation);
		if (r == 0)
			r = collect_vfs(operation);
		if (r < 0 && operation->n_devices && has_changed(operation)) {
			r = 0;
			continue;
		}
		if (r == 0)
			r = operation_lock(operation);
		if (r == 0)
			r = has_all(operation, &all);
	}
	if (r == 0 && !all)
		r = fail(operation->error, .code = VFIOBIND_ERROR_LOCKED, .device = address,
			 .found = "a process that creates and removes virtual functions without end");
	return r;
}

/* A VF's warnings too, with its address before them. */
static int fill(struct operation *operation, struct vfiobind_sriov *sriov)
{
	struct operation_device *pf = sriov_pf(operation);
	int r = 0;

	for (size_t i = 1; r == 0 && i < operation->n_devices; i++) {
		const struct operation_device *vf = &operation->devices[i];

		for (size_t j = 0; r == 0 && j < vf->result->n_warnings; j++)
			r = warn_result(operation, pf, "%s: %s", vf->handle.name, vf->result->warnings[j]);
	}
	sriov->address = pf->handle.address;
	sriov->n_warnings = pf->result->n_warnings;
	sriov->warnings = pf->result->warnings;
	return r;
}

static int describe(struct operation *operation, enum vfs_care care, struct vfiobind_sriov *sriov)
{
	struct operation_device *pf = sriov_pf(operation);
	char driver[SYSFS_NAME_SIZE];
	struct sriov_state now;
	int r;

	r = sriov_read_state(operation, pf, &now, operation->error);
	if (r == 0)
		r = device_read_driver(operation->context, &pf->handle, driver, operation->error);
	if (r < 0)
		return r;
	sriov->driver = r ? arena_strdup(operation->arena, driver) : NULL;
	if (r && !sriov->driver)
		return fail_memory(operation->error);
	sriov->totalvfs = now.totalvfs;
	sriov->numvfs = now.numvfs;
	sriov->autoprobe = now.autoprobe;
	return vfs_describe(operation, pf, care, sriov);
}

/* It is done: what cannot be read of it any more is no failure. */
static void describe_done(struct sriov *sriov)
{
	static const char *const without_memory[] = {"out of memory: not all of it can be told"};
	struct operation *operation = &sriov->operation;
	struct vfiobind_sriov *result = &sriov->box->sriov;
	struct vfiobind_error *error = &sriov->error;
	int r;

	r = describe(operation, sriov_changes_number(sriov->record) ? VFS_WAIT : VFS_WARN, result);
	if (r < 0 && r != -ENOMEM)
		r = warn_result(operation, sriov_pf(operation), "cannot %s: %s", error->operation,
				vfiobind_error_code_summary(error->code));
	if (r == 0)
		r = fill(operation, result);
	if (r == 0)
		return;
	result->address = sriov_pf(operation)->handle.address;
	result->n_warnings = ARRAY_SIZE(without_memory);
	result->warnings = without_memory;
}

static int run_set(struct sriov *sriov, const struct vfiobind_address *address,
		   const struct vfiobind_sriov_options *options)
{
	struct operation *operation = &sriov->operation;
	int r;

	r = context_begin(operation->context, operation->error);
	if (r == 0)
		r = collect_all(operation, address);
	if (r == 0)
		r = journal_look(operation);
	if (r == 0)
		r = sriov_check(sriov, options->autoprobe);
	if (r == 0)
		r = sriov_prepare(sriov);
	if (r == 0)
		r = sriov_apply(sriov);
	if (operation->n_devices == 0)
		return r;
	if (r < 0)
		sriov_roll_back(sriov);
	sriov_forget_removed(sriov);
	if (operation->error->state <= VFIOBIND_STATE_RESTORED)
		journal_drop(operation);
	if (r < 0)
		return r;
	sriov->box->sriov.changed = sriov_changes_number(sriov->record) || sriov_changes_autoprobe(sriov->record);
	describe_done(sriov);
	return 0;
}

static int run_read(struct sriov *sriov, const struct vfiobind_address *address)
{
	struct operation *operation = &sriov->operation;
	int r;

	r = context_begin(operation->context, operation->error);
	if (r == 0)
		r = collect_device(operation, address);
	if (r == 0)
		r = sriov_refuse_no_pf(operation);
	if (r == 0)
		r = describe(operation, VFS_LOOK, &sriov->box->sriov);
	return r == 0 ? fill(operation, &sriov->box->sriov) : r;
}

static void sriov_end(struct sriov **sriov)
{
	if (!*sriov)
		return;
	if ((*sriov)->operation.context)
		operation_end(&(*sriov)->operation);
	free((*sriov)->record);
	free(*sriov);
}

static struct sriov *sriov_new(struct vfiobind_context *context)
{
	struct sriov *sriov = calloc(1, sizeof(*sriov));

	if (!sriov)
		return NULL;
	sriov->operation = (struct operation)OPERATION_INIT;
	sriov->error = (struct vfiobind_error)VFIOBIND_ERROR_INIT;
	sriov->numvfs = sriov->autoprobe = (struct attribute_store)ATTRIBUTE_STORE_NONE;
	sriov->box = calloc(1, sizeof(*sriov->box));
	sriov->record = calloc(1, sizeof(*sriov->record));
	if (!sriov->box || !sriov->record) {
		free(sriov->box);
		sriov_end(&sriov);
		return NULL;
	}
	sriov->operation.context = context;
	sriov->operation.error = &sriov->error;
	sriov->operation.kind = RECORD_SRIOV;
	sriov->operation.arena = &sriov->box->arena;
	return sriov;
}

static int finish(struct sriov *sriov, const struct vfiobind_address *address, const char *phrase, int r,
		  struct vfiobind_sriov **ret_sriov, struct vfiobind_error *error)
{
	if (r < 0) {
		error_add_device(&sriov->error, address);
		error_add_operation(&sriov->error, phrase);
		error_copy(error, &sriov->error);
	}
	if (r < 0 || !ret_sriov)
		vfiobind_sriov_free(&sriov->box->sriov);
	else
		*ret_sriov = &sriov->box->sriov;
	return r;
}

int vfiobind_sriov_read(struct vfiobind_context *context, const struct vfiobind_address *address,
			struct vfiobind_sriov **ret_sriov, struct vfiobind_error *error)
{
	_cleanup_(sriov_end) struct sriov *sriov = NULL;

	if (!context || !address)
		return fail(error, .code = VFIOBIND_ERROR_INVALID_ARGUMENT, .operation = READ);
	sriov = sriov_new(context);
	if (!sriov)
		return fail_memory(error);
	return finish(sriov, address, READ, run_read(sriov, address), ret_sriov, error);
}

int vfiobind_sriov_set(struct vfiobind_context *context, const struct vfiobind_address *address, uint32_t numvfs,
		       const struct vfiobind_sriov_options *options, struct vfiobind_sriov **ret_sriov,
		       struct vfiobind_error *error)
{
	struct vfiobind_sriov_options copy = VFIOBIND_SRIOV_OPTIONS_INIT;
	_cleanup_(sriov_end) struct sriov *sriov = NULL;

	copy_options(copy, options);
	if (!context || !address || copy.autoprobe > VFIOBIND_AUTOPROBE_ON)
		return fail(error, .code = VFIOBIND_ERROR_INVALID_ARGUMENT, .operation = phrase_of(numvfs));
	sriov = sriov_new(context);
	if (!sriov)
		return fail_memory(error);
	sriov->record->target_numvfs = numvfs;
	sriov->operation.force = copy.force;
	return finish(sriov, address, phrase_of(numvfs), run_set(sriov, address, &copy), ret_sriov, error);
}

struct vfiobind_sriov *vfiobind_sriov_free(struct vfiobind_sriov *sriov)
{
	struct sriov_box *box;

	if (!sriov)
		return NULL;
	box = container_of(sriov, struct sriov_box, sriov);
	arena_free(&box->arena);
	free(box);
	return NULL;
}
