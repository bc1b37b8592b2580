/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "context.h"
#include "descriptor.h"
#include "domain.h"
#include "error.h"
#include "process.h"

/* The kernel that runs now; another one has none of the bindings that this one had. */
static void read_boot(char boot[static 40])
{
	_cleanup_close_ int fd = descriptor_open(AT_FDCWD, "/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC, 0);
	ssize_t n = fd < 0 ? -1 : read(fd, boot, 36);

	strcpy(boot + (n == 36 ? 36 : 0), n == 36 ? "" : JOURNAL_UNKNOWN);
}

/* What cannot be told now, or could not be then, is no reason to forget whose the device is. */
static bool may_be_same(const char *then, const char *now)
{
	return strcmp(then, now) == 0 || strcmp(then, JOURNAL_UNKNOWN) == 0 || strcmp(now, JOURNAL_UNKNOWN) == 0;
}

bool journal_is_current(struct vfiobind_context *context, const struct record *record, const char *identity)
{
	char boot[40];

	read_boot(boot);
	return may_be_same(record->boot, boot) && may_be_same(record->identity, identity);
}

int journal_read(struct vfiobind_context *context, enum state_directory which, int directory_fd, const char *name,
		 struct arena *arena, struct record **ret_record, struct vfiobind_error *error)
{
	_cleanup_free_ char *text = malloc(STATE_FILE_SIZE);
	struct record *record = arena_zalloc(arena, sizeof(*record));
	char path[256];
	ssize_t n;
	int r;

	if (!text || !record)
		return fail_memory(error);
	n = state_read(directory_fd, name, text);
	if (n == -ENOENT)
		return 0;
	if (n < 0 && n != -EFBIG)
		return state_fail(context, which, name, "read", (int)n, error);
	/* A NUL would hide what follows it. */
	r = n < 0 || strlen(text) != (size_t)n ? -EBADMSG : record_parse(text, arena, record);
	if (r == -ENOMEM)
		return fail_memory(error);
	if (r < 0)
		return fail(error, .code = VFIOBIND_ERROR_STATE_MALFORMED, .operation = "read", .object = name,
			    .path = state_path(context, which, name, path),
			    .found = r == -EPROTONOSUPPORT ? "a later version" : "what no vfiobind writes",
			    .hint = r == -EPROTONOSUPPORT ? "use the newer vfiobind that wrote it"
							  : "see what the device is bound to, then remove the file");
	*ret_record = record;
	return 1;
}

static int look_at(struct operation *operation, struct operation_device *device, int journals_fd, int devices_fd)
{
	struct record *record = NULL;
	char found[128], path[256];
	int r = 0;

	if (journals_fd >= 0)
		r = journal_read(operation->context, STATE_JOURNALS, journals_fd, device->handle.name, operation->arena,
				 &record, operation->error);
	if (r < 0)
		return r;
	if (r > 0) {
		snprintf(found, sizeof(found), "a %s by pid %" PRIu64 ", %.64s",
			 record_operation_name(record->operation), record->process, record->command);
		return fail(operation->error, .code = VFIOBIND_ERROR_REPAIR_NEEDED, .found = found,
			    .path = state_path(operation->context, STATE_JOURNALS, device->handle.name, path),
			    .hint = "run vfiobind repair");
	}
	if (devices_fd >= 0)
		r = journal_read(operation->context, STATE_DEVICES, devices_fd, device->handle.name, operation->arena,
				 &record, operation->error);
	if (r <= 0)
		return r;
	device->has_record = true;
	if (device->gone || journal_is_current(operation->context, record, device->identity))
		device->record = record;
	/* Only its domain gives it back; hostdev.c sees to it that it is this one. */
	return operation->kind == RECORD_RELEASE ? 0 : domain_refuse_used(operation, device);
}

int journal_look(struct operation *operation)
{
	_cleanup_close_ int journals_fd = -1, devices_fd = -1;
	int r = 0;

	/* Who has no right to look cannot do more than a dry run either. */
	r = state_open(operation->context, STATE_JOURNALS, !operation->dry_run, &journals_fd, operation->error);
	if (r < 0 && operation->dry_run && operation->error->code == VFIOBIND_ERROR_PERMISSION_DENIED)
		r = 0;
	if (r == 0)
		r = state_open(operation->context, STATE_DEVICES, !operation->dry_run, &devices_fd, operation->error);
	for (size_t i = 0; r == 0 && i < operation->n_devices; i++) {
		r = look_at(operation, &operation->devices[i], journals_fd, devices_fd);
		if (r < 0)
			error_add_device(operation->error, &operation->devices[i].handle.address);
	}
	return r;
}

/* ------------------------------------------------------------------------------------------------------- writing */

static void fill_binding(struct binding *binding, const struct snapshot *snapshot)
{
	if (snapshot->bound)
		memcpy(binding->driver, snapshot->driver, sizeof(binding->driver));
	if (snapshot->overridden)
		memcpy(binding->driver_override, snapshot->driver_override, sizeof(binding->driver_override));
}

/* What a domain's part in it is. */
static void fill_domain(const struct operation *operation, const struct operation_device *device, struct record *record)
{
	const struct record *known = device->record;
	bool taken = device->change && device->before.driver_type != VFIOBIND_DRIVER_TYPE_VFIO;

	snprintf(record->domain, sizeof(record->domain), "%s", operation->domain);
	snprintf(record->iommu_group, sizeof(record->iommu_group), "%d", device->iommu_group);
	record->stays = device->stays;
	/* What was detached before the domain came stays so after it. */
	record->borrowed = known ? known->borrowed : !device->change;
	record->reattach = is_detach(operation) ? !known && taken : known->reattach;
}

/* What the device was before it was detached first: later moves keep it. */
static void fill_host(const struct operation *operation, const struct operation_device *device, struct record *record)
{
	if (device->record) {
		record->owned = device->record->owned;
		record->host = device->record->host;
		record->since = device->record->since;
		record->netdevs = device->record->netdevs;
		record->n_netdevs = device->record->n_netdevs;
		memcpy(record->disk, device->record->disk, sizeof(record->disk));
		return;
	}
	record->owned = is_detach(operation) && device->before.driver_type != VFIOBIND_DRIVER_TYPE_VFIO;
	record->since = (uint64_t)time(NULL);
	if (record->owned)
		fill_binding(&record->host, &device->before);
	record->netdevs = device->netdevs;
	record->n_netdevs = device->n_netdevs;
	memcpy(record->disk, device->disk, sizeof(record->disk));
}

/* Also what a domain gets, or gives back, as it is: there must be no half of it either. */
static bool is_written_down(const struct operation_device *device)
{
	return device->change || (device->is_the_domains && !device->gone);
}

static int write_record(struct operation *operation, struct operation_device *device, int directory_fd,
			struct record *record)
{
	_cleanup_free_ char *text = NULL;
	ssize_t n;
	int r;

	record->address = device->handle.address;
	snprintf(record->identity, sizeof(record->identity), "%s", device->identity);
	n = record_format(record, &text);
	if (n == -ENOMEM)
		return fail_memory(operation->error);
	r = n < 0 ? (int)n : state_write(directory_fd, device->handle.name, text, (size_t)n);
	if (r < 0)
		return state_fail(operation->context, STATE_JOURNALS, device->handle.name, "write", r,
				  operation->error);
	device->journalled = true;
	return 0;
}

static int write_journal(struct operation *operation, struct operation_device *device, int directory_fd,
			 const struct record *common)
{
	_cleanup_free_ struct record *record = malloc(sizeof(*record));

	if (!record)
		return fail_memory(operation->error);
	*record = *common;
	fill_host(operation, device, record);
	if (operation->domain)
		fill_domain(operation, device, record);
	fill_binding(&record->before, &device->before);
	record->had_vfs = device->before.has_vfs;
	memcpy(record->vfio_device, device->vfio_device, sizeof(record->vfio_device));
	if (is_detach(operation)) {
		snprintf(record->target, sizeof(record->target), "%s", device->target.driver);
		snprintf(record->target_module, sizeof(record->target_module), "%s", device->target.module);
	}
	return write_record(operation, device, directory_fd, record);
}

static int fill_common(struct operation *operation, struct record *common)
{
	struct worker *worker = &operation->context->worker;
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return fail(operation->error, .code = VFIOBIND_ERROR_SYSTEM, .number = errno,
			    .operation = "get a random number");
	snprintf(common->transaction, sizeof(common->transaction), "%016" PRIx64, number);
	read_boot(common->boot);
	common->operation = operation->kind;
	common->process = (uint64_t)getpid();
	snprintf(common->command, sizeof(common->command), "%.63s", program_invocation_short_name);
	common->worker = (uint64_t)worker->pid;
	common->worker_start = process_start(worker->pid);
	for (size_t i = 0; i < operation->n_devices; i++) {
		if (!is_written_down(&operation->devices[i]))
			continue;
		if (arena_extend(operation->arena, (void **)&common->members, &common->n_members,
				 sizeof(*common->members)) < 0)
			return fail_memory(operation->error);
		common->members[common->n_members - 1] = operation->devices[i].handle.address;
	}
	return 0;
}

int journal_begin(struct operation *operation)
{
	_cleanup_free_ struct record *common = calloc(1, sizeof(*common));
	_cleanup_close_ int directory_fd = -1;
	int r;

	if (!common)
		return fail_memory(operation->error);
	r = fill_common(operation, common);
	if (r == 0 && common->n_members)
		r = state_open(operation->context, STATE_JOURNALS, true, &directory_fd, operation->error);
	for (size_t n = operation->n_devices; r == 0 && n-- > 0;)
		if (is_written_down(&operation->devices[n]))
			r = write_journal(operation, &operation->devices[n], directory_fd, common);
	return r;
}

int journal_begin_one(struct operation *operation, struct operation_device *device, struct record *record)
{
	_cleanup_close_ int directory_fd = -1;
	int r;

	device->change = true;
	record->since = (uint64_t)time(NULL);
	r = fill_common(operation, record);
	if (r == 0)
		r = state_open(operation->context, STATE_JOURNALS, true, &directory_fd, operation->error);
	return r == 0 ? write_record(operation, device, directory_fd, record) : r;
}

void journal_take_over(struct operation *operation, const struct operation_device *device)
{
	struct vfiobind_context *context = operation->context;
	struct worker *worker = &context->worker;
	_cleanup_close_ int directory_fd = -1;
	_cleanup_free_ char *text = NULL;
	struct record *record;
	uint64_t start;
	ssize_t n;

	if (!device->journalled || worker_start(worker, context->sysfs_fd, context->deadline) < 0 ||
	    state_open(context, STATE_JOURNALS, true, &directory_fd, NULL) < 0 ||
	    journal_read(context, STATE_JOURNALS, directory_fd, device->handle.name, operation->arena, &record, NULL) <=
		    0)
		return;
	start = process_start(worker->pid);
	if (record->worker == (uint64_t)worker->pid && record->worker_start == start)
		return;
	record->worker = (uint64_t)worker->pid;
	record->worker_start = start;
	n = record_format(record, &text);
	if (n >= 0)
		state_write(directory_fd, device->handle.name, text, (size_t)n);
}

/* ---------------------------------------------------------------------------------------------------------- the end */

static int remove_file(int directory_fd, const char *name)
{
	return unlinkat(directory_fd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

/* What was detached already when a domain got it is so when it gives it back. */
static bool stays_detached(const struct operation *operation, const struct operation_device *device)
{
	return operation->domain && device->stays && !device->gone && !device->record->borrowed;
}

static int commit(const struct operation *operation, const struct operation_device *device, int journals_fd,
		  int devices_fd)
{
	const char *name = device->handle.name;
	int r;

	if (is_detach(operation) || stays_detached(operation, device))
		return renameat(journals_fd, name, devices_fd, name) < 0 ? -errno : 0;
	/* The record first: while the journal is there, a repair sees that the rest is to be done. */
	r = remove_file(devices_fd, name);
	if (r == 0 && device->journalled)
		r = remove_file(journals_fd, name);
	return r;
}

int journal_commit_device(const struct operation *operation, const struct operation_device *device)
{
	_cleanup_close_ int journals_fd = -1, devices_fd = -1;
	int r;

	r = state_open(operation->context, STATE_JOURNALS, true, &journals_fd, NULL);
	if (r == 0)
		r = state_open(operation->context, STATE_DEVICES, true, &devices_fd, NULL);
	if (r == 0)
		r = commit(operation, device, journals_fd, devices_fd);
	if (r == 0)
		r = state_sync(devices_fd);
	return r == 0 ? state_sync(journals_fd) : r;
}

int journal_commit(struct operation *operation)
{
	int r = 0;

	for (size_t n = operation->n_devices; r == 0 && n-- > 0;) {
		struct operation_device *device = &operation->devices[n];

		if (!device->journalled && (is_detach(operation) || !device->has_record))
			continue;
		/* Another domain's, of which nothing is given back. */
		if (operation->domain && !device->is_the_domains)
			continue;
		r = journal_commit_device(operation, device);
		if (r < 0)
			r = warn_result(operation, device, "its journal could not be closed (%s): run vfiobind repair",
					strerrordesc_np(-r));
	}
	return r;
}

void journal_drop(struct operation *operation)
{
	_cleanup_close_ int directory_fd = -1;

	for (size_t i = 0; i < operation->n_devices; i++) {
		struct operation_device *device = &operation->devices[i];

		if (!device->journalled)
			continue;
		if (directory_fd < 0 && state_open(operation->context, STATE_JOURNALS, false, &directory_fd, NULL) < 0)
			return;
		remove_file(directory_fd, device->handle.name);
		device->journalled = false;
	}
	if (directory_fd >= 0)
		state_sync(directory_fd);
}
