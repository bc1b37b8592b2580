/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a crash or a time-out has left, from the journals: finished where that is possible, undone else. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "context.h"
#include "error.h"
#include "group.h"
#include "journal.h"
#include "module.h"
#include "operation.h"
#include "process.h"
#include "repair.h"
#include "reset.h"
#include "sriov.h"
#include "users.h"

/* -------------------------------------------------------------------------------------------------- one transaction */

/* The devices of one call that has not ended, and what their journals say. */
struct transaction {
	struct repair *repair;
	struct operation operation;
	struct vfiobind_error error; /* of the attempts, for the notes */
};

static int settle(struct transaction *transaction, const struct operation_device *device,
		  enum vfiobind_repair_outcome outcome, const char *note)
{
	struct repair *repair = transaction->repair;

	if (!repair->dry_run && outcome != VFIOBIND_REPAIR_PENDING && outcome != VFIOBIND_REPAIR_FAILED)
		unlinkat(repair->journals_fd, device->handle.name, 0);
	return repair_add(repair, &device->handle.address, device->record, outcome, note);
}

/* What it was is in the journal, which is text and stays. */
static int settle_failed(struct transaction *transaction, const struct operation_device *device)
{
	char path[256], note[512];

	snprintf(note, sizeof(note),
		 "it is neither as it was nor as it should be: see dmesg and run vfiobind repair again; if that fails "
		 "too, "
		 "put it right by hand as %s has it, then remove that",
		 state_path(transaction->repair->context, STATE_JOURNALS, device->handle.name, path));
	return settle(transaction, device, VFIOBIND_REPAIR_FAILED, note);
}

static int settle_unclosed(struct transaction *transaction, const struct operation_device *device, int number)
{
	char path[256], note[512];

	snprintf(note, sizeof(note),
		 "it is as it should be, but %s stays: %s; make room there, then run vfiobind repair again",
		 state_path(transaction->repair->context, STATE_JOURNALS, device->handle.name, path),
		 strerrordesc_np(-number));
	return settle(transaction, device, VFIOBIND_REPAIR_FAILED, note);
}

/* Nothing was done to it. What had no time, or was another process's, is done the next time. */
static int add_failure(struct transaction *transaction, const struct vfiobind_address *address,
		       const struct record *record)
{
	const struct vfiobind_error *error = &transaction->error;
	bool is_pending = error->code == VFIOBIND_ERROR_LOCKED || error->code == VFIOBIND_ERROR_TIMED_OUT;

	return repair_add_failure(transaction->repair, address, record,
				  is_pending ? VFIOBIND_REPAIR_PENDING : VFIOBIND_REPAIR_FAILED, error);
}

static int settle_all(struct transaction *transaction, enum vfiobind_repair_outcome outcome, const char *note)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < transaction->operation.n_devices; i++)
		r = settle(transaction, &transaction->operation.devices[i], outcome, note);
	return r;
}

static int take_locks(struct transaction *transaction, const struct record *record)
{
	struct repair *repair = transaction->repair;
	_cleanup_free_ int32_t *groups = calloc(record->n_members, sizeof(*groups));

	if (!groups)
		return fail_memory(&transaction->error);
	for (size_t i = 0; i < record->n_members; i++) {
		struct device_handle handle;

		groups[i] = -1;
		if (device_open(repair->context, &record->members[i], &handle, NULL) < 0)
			continue;
		group_read_number(repair->context, &handle, &groups[i], NULL);
		close_fd(handle.fd);
	}
	return locks_take(repair->context, record->members, record->n_members, groups, record->n_members,
			  &transaction->operation.locks, &transaction->error);
}

/* What the operation knew and had done, as the journal tells: whatever may have been stored counts as stored. */
static void restore_device(struct transaction *transaction, struct operation_device *device, struct record *record)
{
	struct snapshot *before = &device->before;

	device->record = record;
	device->has_record = device->journalled = true;
	before->bound = record->before.driver[0];
	memcpy(before->driver, record->before.driver, sizeof(before->driver));
	before->overridden = record->before.driver_override[0];
	memcpy(before->driver_override, record->before.driver_override, sizeof(before->driver_override));
	before->has_vfs = record->had_vfs;
	memcpy(device->target.driver, record->target, sizeof(device->target.driver));
	memcpy(device->target.module, record->target_module, sizeof(device->target.module));
	/* The name was not known before the module was loaded. */
	if (!device->target.driver[0] && device->target.module[0])
		driver_find_in_module(transaction->repair->context, device->target.module, &device->target, NULL);
	device->new_override = record->host.driver_override[0] ? record->host.driver_override : "\n";
	device->is_the_domains = record->domain[0];
	device->stays = record->stays;
	device->named = !record->stays;
	device->change = device->stored = device->override_stored = device->unbound = !record->stays;
}

/*
 * A member of the transaction. Returns 1 if it is to be repaired; 0 if there is nothing left to do for it.
 */
static int add_member(struct transaction *transaction, const struct vfiobind_address *address,
		      const char *transaction_id)
{
	struct repair *repair = transaction->repair;
	struct operation *operation = &transaction->operation;
	struct operation_device *device;
	struct record *record;
	char name[VFIOBIND_ADDRESS_SIZE];
	bool is_gone;
	int r;

	if (has_device(operation, address) || repair_find(repair, address))
		return 0;
	vfiobind_address_format(address, name, sizeof(name));
	r = journal_read(repair->context, STATE_JOURNALS, repair->journals_fd, name, &repair->box->arena, &record,
			 &transaction->error);
	/* It was ended already; or it is another operation's by now. */
	if (r == 0 || (r > 0 && strcmp(record->transaction, transaction_id) != 0))
		return 0;
	if (r < 0)
		return repair_add_failure(repair, address, NULL, VFIOBIND_REPAIR_MALFORMED, &transaction->error);
	r = collect_device(operation, address);
	if (r < 0 && transaction->error.code != VFIOBIND_ERROR_DEVICE_NOT_FOUND)
		return add_failure(transaction, address, record);
	device = r == 0 ? &operation->devices[operation->n_devices - 1] : NULL;
	is_gone = !device || device->gone;
	if (!is_gone && journal_is_current(repair->context, record, device->identity)) {
		restore_device(transaction, device, record);
		return 1;
	}
	if (device) {
		close_fd(device->handle.fd);
		operation->n_devices--;
	}
	if (!repair->dry_run)
		unlinkat(repair->journals_fd, name, 0);
	return repair_add(repair, address, record, VFIOBIND_REPAIR_FORGOTTEN,
			  is_gone ? "the device is gone" : "it is another device, or the kernel was booted since");
}

/* The kernel still has a store: for which device, and for whose sake? */
static int settle_pending(struct transaction *transaction)
{
	char users[192], note[320];
	int r = 0;

	for (size_t i = 0; r == 0 && i < transaction->operation.n_devices; i++) {
		const struct operation_device *device = &transaction->operation.devices[i];
		const struct users_query query = {
			.device = &device->handle,
			.iommu_group = device->iommu_group,
			.vfio_device = device->record->vfio_device,
			.leaves = true,
		};

		users_describe(transaction->repair->context, &query, users, sizeof(users));
		snprintf(note, sizeof(note),
			 "the kernel has not finished a store%s%s; %s, then run vfiobind repair again",
			 users[0] ? ": " : "", users, users[0] ? "end who has it" : "see dmesg");
		r = settle(transaction, device, VFIOBIND_REPAIR_PENDING, note);
	}
	return r;
}

/* Returns 1 if all stores have come back: the devices' may be those of several workers, after a repair. */
static int wait_for_workers(struct transaction *transaction)
{
	const struct operation *operation = &transaction->operation;

	for (size_t i = 0; i < operation->n_devices; i++) {
		const struct record *record = operation->devices[i].record;

		if (record->worker && process_wait((pid_t)record->worker, record->worker_start,
						   transaction->repair->context->deadline) < 0)
			return settle_pending(transaction);
	}
	return 1;
}

/* Returns 1 if the device is on the driver that it was to be detached to, 0, or -ENOMEM. */
static int is_at_target(struct transaction *transaction, struct operation_device *device)
{
	int r = device->target.driver[0] ? verify_device(&transaction->operation, device) : -ENODEV;

	return r == -ENOMEM ? fail_memory(transaction->repair->error) : r == 0;
}

static enum rollback undo_device(struct operation *operation, struct operation_device *device)
{
	journal_take_over(operation, device);
	switch (operation->kind) {
	case RECORD_RESET:
		return reset_undo(operation, device, device->record->reset_methods, device->record->reset_method);
	case RECORD_SRIOV:
		return sriov_undo(operation, device, device->record);
	default:
		return rollback_device(operation, device);
	}
}

static int undo(struct transaction *transaction)
{
	static const struct {
		enum vfiobind_repair_outcome outcome;
		const char *note;
	} outcomes[] = {
		[ROLLBACK_DONE] = {VFIOBIND_REPAIR_UNDONE, NULL},
		[ROLLBACK_FAILED] = {VFIOBIND_REPAIR_FAILED, NULL},
		[ROLLBACK_FOREIGN] = {VFIOBIND_REPAIR_LEFT, "another process has changed it meanwhile"},
		[ROLLBACK_PENDING] = {VFIOBIND_REPAIR_PENDING,
				      "the kernel has not finished a store; see dmesg, then run vfiobind repair again"},
	};
	struct operation *operation = &transaction->operation;
	_cleanup_free_ enum rollback *rollbacks = calloc(operation->n_devices, sizeof(*rollbacks));
	int r = 0;

	if (!rollbacks)
		return fail_memory(transaction->repair->error);
	for (size_t n = operation->n_devices; n-- > 0;)
		rollbacks[n] = undo_device(operation, &operation->devices[n]);
	for (size_t i = 0; r == 0 && i < operation->n_devices; i++)
		if (rollbacks[i] == ROLLBACK_FAILED)
			r = settle_failed(transaction, &operation->devices[i]);
		else
			r = settle(transaction, &operation->devices[i], outcomes[rollbacks[i]].outcome,
				   outcomes[rollbacks[i]].note);
	return r;
}

/* Also of a reset: nothing is left of it but what was changed for the time. */
static int end_undone(struct transaction *transaction)
{
	return transaction->repair->dry_run ? settle_all(transaction, VFIOBIND_REPAIR_UNDONE, NULL) : undo(transaction);
}

/* Without the first device's journal it had not begun, or is undone; see journal.h. */
static bool has_begun(struct transaction *transaction, const struct record *record)
{
	struct repair *repair = transaction->repair;
	char name[VFIOBIND_ADDRESS_SIZE];
	struct record *first;
	int r;

	vfiobind_address_format(&record->members[0], name, sizeof(name));
	r = journal_read(repair->context, STATE_JOURNALS, repair->journals_fd, name, &repair->box->arena, &first, NULL);
	return r < 0 || (r > 0 && strcmp(first->transaction, record->transaction) == 0);
}

/* All that the kernel had to do is done: what is written down is yet to say so. */
static int finish(struct transaction *transaction)
{
	struct operation *operation = &transaction->operation;
	int r = 0;

	for (size_t n = operation->n_devices; r == 0 && n-- > 0;) {
		const struct operation_device *device = &operation->devices[n];

		if (!transaction->repair->dry_run)
			r = journal_commit_device(operation, device);
		r = r == 0 ? repair_add(transaction->repair, &device->handle.address, device->record,
					VFIOBIND_REPAIR_FINISHED, NULL)
			   : settle_unclosed(transaction, device, r);
	}
	return r;
}

/* Otherwise all of it is undone. */
static int end_detach(struct transaction *transaction)
{
	struct operation *operation = &transaction->operation;
	int done = 1;

	for (size_t i = 0; done > 0 && i < operation->n_devices; i++)
		done = is_at_target(transaction, &operation->devices[i]);
	if (done < 0)
		return done;
	return done ? finish(transaction) : end_undone(transaction);
}

/* The host driver's name, which stands there while it is insisted on (apply.c), is not what it was to become. */
static int take_back_name(struct operation *operation, const struct operation_device *device)
{
	const struct snapshot *before = &device->before;

	if (!before->bound || strcmp(before->driver, before->driver_override) != 0 || !device->record->owned ||
	    strcmp(before->driver, device->record->host.driver) != 0)
		return 0;
	return bind_override(operation, device, device->new_override);
}

/* It goes on from where the device is now. */
static int end_reattach(struct transaction *transaction)
{
	struct operation *operation = &transaction->operation;
	int r;

	if (transaction->repair->dry_run)
		return settle_all(transaction, VFIOBIND_REPAIR_FINISHED, NULL);
	for (size_t i = 0; i < operation->n_devices; i++)
		journal_take_over(operation, &operation->devices[i]);
	r = plan(operation);
	if (r == 0)
		r = apply_open(operation);
	for (size_t i = 0; r == 0 && i < operation->n_devices; i++) {
		r = operation->devices[i].change ? apply_device(operation, &operation->devices[i])
						 : take_back_name(operation, &operation->devices[i]);
		if (r == 0)
			r = verify_device(operation, &operation->devices[i]);
	}
	if (r == -ENOMEM)
		return fail_memory(transaction->repair->error);
	if (r == -ETIMEDOUT)
		return settle_pending(transaction);
	if (r < 0) {
		/* Back to what the journal says, not to what this attempt has found. */
		for (size_t i = 0; i < operation->n_devices; i++)
			restore_device(transaction, &operation->devices[i], operation->devices[i].record);
		return undo(transaction);
	}
	return finish(transaction);
}

/* One device: the physical function. */
static int end_sriov(struct transaction *transaction)
{
	struct operation *operation = &transaction->operation;

	if (sriov_is_done(operation, &operation->devices[0], operation->devices[0].record))
		return settle_all(transaction, VFIOBIND_REPAIR_FINISHED, NULL);
	return end_undone(transaction);
}

static int repair_transaction(struct repair *repair, const struct record *record)
{
	static int (*const ends[])(struct transaction * transaction) = {
		[RECORD_DETACH] = end_detach, [RECORD_REATTACH] = end_reattach, [RECORD_RESET] = end_undone,
		[RECORD_SRIOV] = end_sriov,   [RECORD_PREPARE] = end_detach,    [RECORD_RELEASE] = end_reattach,
	};
	struct transaction transaction = {
		.repair = repair,
		.operation = OPERATION_INIT,
		.error = VFIOBIND_ERROR_INIT,
	};
	struct operation *operation = &transaction.operation;
	int r = 0;

	operation->context = repair->context;
	operation->error = &transaction.error;
	operation->arena = &repair->box->arena;
	operation->kind = record->operation;
	operation->domain = record->domain[0] ? record->domain : NULL;
	context_extend(repair->context);
	if (!repair->dry_run)
		r = take_locks(&transaction, record);
	if (r < 0)
		return add_failure(&transaction, &record->address, record);
	context_extend(repair->context);
	for (size_t i = 0; r >= 0 && i < record->n_members; i++)
		r = add_member(&transaction, &record->members[i], record->transaction);
	r = r < 0 ? r : operation->n_devices ? wait_for_workers(&transaction) : 0;
	repair->began = repair->began || (r > 0 && !repair->dry_run);
	if (r > 0)
		r = has_begun(&transaction, record) ? ends[operation->kind](&transaction) : end_undone(&transaction);
	operation_end(operation);
	return r;
}

/* ------------------------------------------------------------------------------------------------------- all of it */

/* What is written down of a device that has not been looked at yet. Returns 1; 0 if there is nothing, or no use for it. */
static int read_file(struct repair *repair, enum state_directory which, int directory_fd, const char *name,
		     struct vfiobind_address *address, struct record **ret_record)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	int r;

	if (vfiobind_address_parse(name, address) < 0 || repair_find(repair, address))
		return 0;
	r = journal_read(repair->context, which, directory_fd, name, &repair->box->arena, ret_record, &error);
	if (r == -ENOMEM)
		return fail_memory(repair->error);
	return r < 0 ? repair_add_failure(repair, address, NULL, VFIOBIND_REPAIR_MALFORMED, &error) : r;
}

static int repair_journal(struct repair *repair, const char *name)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_address address;
	struct record *record;
	char path[256];
	int r = read_file(repair, STATE_JOURNALS, repair->journals_fd, name, &address, &record);

	if (r <= 0)
		return r;
	if (vfiobind_address_compare(&record->address, &address) != 0 || !record->n_members) {
		fail(&error, .code = VFIOBIND_ERROR_STATE_MALFORMED, .found = "it is of another device",
		     .path = state_path(repair->context, STATE_JOURNALS, name, path),
		     .hint = "see what the device is bound to, then remove it");
		return repair_add_failure(repair, &address, NULL, VFIOBIND_REPAIR_MALFORMED, &error);
	}
	return repair_transaction(repair, record);
}

/* What is written down of a device that is detached no more says so of no device any more. */
static int repair_record(struct repair *repair, const char *name)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	char identity[64], driver[SYSFS_NAME_SIZE], text[ATTRIBUTE_TEXT_SIZE];
	struct vfiobind_address address;
	struct device_handle handle;
	const char *note = NULL;
	struct record *record;
	int r = read_file(repair, STATE_DEVICES, repair->devices_fd, name, &address, &record);

	if (r <= 0)
		return r;
	r = device_open(repair->context, &address, &handle, &error);
	if (r < 0 && error.code == VFIOBIND_ERROR_DEVICE_NOT_FOUND) {
		note = "the device is gone";
	} else if (r == 0) {
		if (attribute_read(repair->context, handle.directory, "modalias", identity, sizeof(identity)) <= 0)
			strcpy(identity, JOURNAL_UNKNOWN);
		r = device_read_driver(repair->context, &handle, driver, NULL);
		if (!journal_is_current(repair->context, record, identity))
			note = "it is another device, or the kernel was booted since";
		else if (r > 0 &&
			 device_classify_driver(repair->context, handle.fd, driver) == VFIOBIND_DRIVER_TYPE_HOST &&
			 device_read_override(repair->context, &handle, text, NULL) == 0)
			note = "another process has reattached it";
		close_fd(handle.fd);
	}
	if (!note)
		return 0;
	if (!repair->dry_run)
		unlinkat(repair->devices_fd, name, 0);
	return repair_add(repair, &address, NULL, VFIOBIND_REPAIR_FORGOTTEN, note);
}

static int walk_directory(struct repair *repair, enum state_directory which, int directory_fd,
			  int (*look)(struct repair *, const char *))
{
	struct sysfs_walk walk;
	const char *name;
	int r;

	if (directory_fd < 0)
		return 0;
	r = sysfs_walk_open(&walk, directory_fd, ".");
	if (r < 0)
		return state_fail(repair->context, which, "", "read", r, repair->error);
	while ((r = sysfs_walk_next(&walk, &name)) > 0) {
		r = look(repair, name);
		if (r < 0)
			break;
	}
	if (r < 0 && repair->error->code == VFIOBIND_ERROR_NONE)
		state_fail(repair->context, which, "", "read", r, repair->error);
	sysfs_walk_close(&walk);
	return r;
}

static int compare(const void *a, const void *b)
{
	const struct vfiobind_repaired *const *first = a, *const *second = b;

	return vfiobind_address_compare(&(*first)->address, &(*second)->address);
}

int vfiobind_repair(struct vfiobind_context *context, const struct vfiobind_repair_options *options,
		    struct vfiobind_repairs **ret_repairs, struct vfiobind_error *error)
{
	struct vfiobind_error local = VFIOBIND_ERROR_INIT;
	struct repair repair = {.context = context, .error = &local, .journals_fd = -1, .devices_fd = -1};
	struct repairs_box *box;
	int r;

	if (!context)
		return fail(error, .code = VFIOBIND_ERROR_INVALID_ARGUMENT, .operation = "repair");
	box = repair.box = calloc(1, sizeof(*box));
	if (!box)
		return fail_memory(error);
	repair.dry_run =
		options && options->size > offsetof(struct vfiobind_repair_options, dry_run) && options->dry_run;
	module_forget(context);
	r = context_begin(context, &local);
	if (r == 0)
		r = state_open(context, STATE_JOURNALS, false, &repair.journals_fd, &local);
	if (r == 0)
		r = state_open(context, STATE_DEVICES, repair.journals_fd >= 0 && !repair.dry_run, &repair.devices_fd,
			       &local);
	if (r == 0)
		r = walk_directory(&repair, STATE_JOURNALS, repair.journals_fd, repair_journal);
	if (r == 0)
		r = walk_directory(&repair, STATE_DEVICES, repair.devices_fd, repair_record);
	close_fd(repair.journals_fd);
	close_fd(repair.devices_fd);
	if (r == 0 && box->n_devices)
		qsort(box->devices, box->n_devices, sizeof(*box->devices), compare);
	box->repairs.devices = (struct vfiobind_repaired **)box->devices;
	box->repairs.n_devices = box->n_devices;
	/* What was not ended is still written down. */
	if (r < 0 && repair.began)
		local.state = VFIOBIND_STATE_BROKEN;
	if (r < 0) {
		error_add_operation(&local, "repair");
		error_copy(error, &local);
	}
	if (r < 0 || !ret_repairs)
		vfiobind_repairs_free(&box->repairs);
	else
		*ret_repairs = &box->repairs;
	return r;
}
