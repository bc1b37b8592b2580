/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "attribute.h"
#include "context.h"
#include "error.h"
#include "state.h"
#include "util.h"

/* Who has the lock says so in its file: a process number and a command. */
static void sign(int fd)
{
	char note[64];
	int length = snprintf(note, sizeof(note), "%d %.32s\n", getpid(), program_invocation_short_name);

	if (ftruncate(fd, 0) == 0 && pwrite(fd, note, (size_t)length, 0) < 0)
		return; /* for people only: it works without */
}

static int fail_locked(struct vfiobind_context *context, const char *name, int fd, struct vfiobind_error *error)
{
	char path[256], note[64], found[128], command[33] = "";
	ssize_t n = pread(fd, note, sizeof(note) - 1, 0);
	int pid = 0;

	note[n > 0 ? n : 0] = '\0';
	if (sscanf(note, "%d %32[^\n]", &pid, command) == 2)
		snprintf(found, sizeof(found), "pid %d, %s", pid, command);
	else
		snprintf(found, sizeof(found), "a process that is not known");
	return fail(error, .code = VFIOBIND_ERROR_LOCKED, .operation = "lock", .object = name,
		    .path = state_path(context, STATE_LOCKS, name, path), .found = found,
		    .hint = "wait until it has ended, or give it more time with --timeout");
}

static int take(struct vfiobind_context *context, int directory_fd, const char *name, struct locks *locks,
		struct vfiobind_error *error)
{
	int fd = state_open_file(directory_fd, name), r = 0, number;
	enum vfiobind_error_code code;

	if (fd < 0)
		return state_fail(context, STATE_LOCKS, name, "lock", fd, error);
	locks->fds[locks->n++] = fd;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		r = -errno;
	if (r == -EWOULDBLOCK) {
		r = worker_start(&context->worker, context->sysfs_fd, context->deadline);
		if (r == 0)
			r = worker_lock(&context->worker, context->deadline, fd);
	}
	if (r == -ETIMEDOUT)
		return fail_locked(context, name, fd, error);
	if (worker_failed(r)) {
		code = attribute_error_code(context, r, VFIOBIND_ERROR_SYSTEM, &number);
		return fail(error, .code = code, .number = number, .operation = "lock", .object = name);
	}
	if (r < 0)
		return state_fail(context, STATE_LOCKS, name, "lock", r, error);
	sign(fd);
	return 0;
}

static int compare_addresses(const void *a, const void *b)
{
	return vfiobind_address_compare(a, b);
}

static int compare_groups(const void *a, const void *b)
{
	const int32_t *first = a, *second = b;

	return (*first > *second) - (*first < *second);
}

static int take_all(struct vfiobind_context *context, int directory_fd, struct vfiobind_address *addresses,
		    size_t n_addresses, int32_t *groups, size_t n_groups, struct locks *locks,
		    struct vfiobind_error *error)
{
	char name[32];
	int r = 0;

	qsort(addresses, n_addresses, sizeof(*addresses), compare_addresses);
	if (n_groups)
		qsort(groups, n_groups, sizeof(*groups), compare_groups);
	for (size_t i = 0; r == 0 && i < n_addresses; i++) {
		vfiobind_address_format(&addresses[i], name, sizeof(name));
		if (i == 0 || vfiobind_address_compare(&addresses[i - 1], &addresses[i]) != 0)
			r = take(context, directory_fd, name, locks, error);
		if (r < 0)
			error_add_device(error, &addresses[i]);
	}
	for (size_t i = 0; r == 0 && i < n_groups; i++) {
		snprintf(name, sizeof(name), "group-%d", groups[i]);
		/* -1: in none. */
		if (groups[i] >= 0 && (i == 0 || groups[i - 1] != groups[i]))
			r = take(context, directory_fd, name, locks, error);
	}
	return r;
}

int locks_take(struct vfiobind_context *context, const struct vfiobind_address *addresses, size_t n_addresses,
	       const int32_t *groups, size_t n_groups, struct locks *locks, struct vfiobind_error *error)
{
	_cleanup_free_ struct vfiobind_address *sorted_addresses = calloc(n_addresses + 1, sizeof(*addresses));
	_cleanup_free_ int32_t *sorted_groups = calloc(n_groups + 1, sizeof(*groups));
	_cleanup_close_ int directory_fd = -1;
	int r;

	*locks = (struct locks){.fds = calloc(n_addresses + n_groups, sizeof(*locks->fds))};
	if (!sorted_addresses || !sorted_groups || !locks->fds)
		return fail_memory(error);
	memcpy(sorted_addresses, addresses, n_addresses * sizeof(*addresses));
	if (n_groups)
		memcpy(sorted_groups, groups, n_groups * sizeof(*groups));
	r = state_open(context, STATE_LOCKS, true, &directory_fd, error);
	if (r == 0)
		r = take_all(context, directory_fd, sorted_addresses, n_addresses, sorted_groups, n_groups, locks,
			     error);
	if (r < 0) {
		/* Of a directory or a group that cannot be had: for the sake of this one. */
		if (n_addresses)
			error_add_device(error, &addresses[0]);
		locks_release(locks);
	}
	return r;
}

/* Explicitly, for a fork(2) of the program's may hold the open file too. */
void locks_release(struct locks *locks)
{
	while (locks->n) {
		int fd = locks->fds[--locks->n];

		flock(fd, LOCK_UN);
		close_fd(fd);
	}
	free(locks->fds);
	locks->fds = NULL;
}
