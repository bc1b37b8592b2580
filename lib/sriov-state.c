/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the attributes of a physical function say, and how that is undone: by the operation itself, or by a repair. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sriov.h"
#include "store.h"

const char *sriov_path(const struct operation_device *pf, const char *attribute, char path[static 64])
{
	snprintf(path, 64, "%s/%s", pf->handle.directory, attribute);
	return path;
}

static int read_number(struct operation *operation, const struct operation_device *pf, const char *name,
		       uint32_t *ret_number, struct vfiobind_error *error)
{
	char text[16], *end;
	unsigned long number;
	ssize_t n = attribute_read(operation->context, pf->handle.directory, name, text, sizeof(text));

	if (n < 0)
		return device_fail_read(operation->context, &pf->handle, name, (int)n, error);
	number = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || number > 0xffff)
		return device_fail_read(operation->context, &pf->handle, name, -EBADMSG, error);
	*ret_number = (uint32_t)number;
	return 0;
}

int sriov_read_state(struct operation *operation, const struct operation_device *pf, struct sriov_state *state,
		     struct vfiobind_error *error)
{
	uint32_t autoprobe = 0;
	int r;

	r = read_number(operation, pf, "sriov_totalvfs", &state->totalvfs, error);
	if (r == 0)
		r = read_number(operation, pf, "sriov_drivers_autoprobe", &autoprobe, error);
	if (r == 0)
		r = read_number(operation, pf, "sriov_numvfs", &state->numvfs, error);
	state->autoprobe = autoprobe;
	return r;
}

static bool same_state(const struct sriov_state *now, uint64_t numvfs, bool autoprobe)
{
	return now->numvfs == numvfs && now->autoprobe == autoprobe;
}

bool sriov_is_done(struct operation *operation, struct operation_device *pf, const struct record *record)
{
	struct sriov_state now;

	return sriov_read_state(operation, pf, &now, NULL) == 0 &&
	       same_state(&now, record->target_numvfs, record->target_autoprobe);
}

/* Twice, as what is stored to undo. */
static int read_now(struct operation *operation, struct operation_device *pf, struct sriov_state *now)
{
	int r = sriov_read_state(operation, pf, now, NULL);

	return r < 0 && r != -ETIMEDOUT ? sriov_read_state(operation, pf, now, NULL) : r;
}

static int put_back(struct operation *operation, struct operation_device *pf, const struct sriov_state *now,
		    const struct record *record)
{
	char path[64], text[16];
	int r = 0;

	if (now->autoprobe != record->autoprobe)
		r = store_twice(operation, sriov_path(pf, "sriov_drivers_autoprobe", path),
				record->autoprobe ? "1" : "0");
	if (r < 0 || now->numvfs == record->numvfs)
		return r;
	sriov_path(pf, "sriov_numvfs", path);
	if (now->numvfs)
		r = store_twice(operation, path, "0");
	snprintf(text, sizeof(text), "%u", (unsigned int)record->numvfs);
	return r == 0 && record->numvfs ? store_twice(operation, path, text) : r;
}

enum rollback sriov_undo(struct operation *operation, struct operation_device *pf, const struct record *record)
{
	struct sriov_state now;
	int r;

	r = read_now(operation, pf, &now);
	if (r == 0 && same_state(&now, record->numvfs, record->autoprobe))
		return ROLLBACK_DONE;
	/* None are there between the two. Any other number is another process's. */
	if (r == 0 && now.numvfs && now.numvfs != record->numvfs && now.numvfs != record->target_numvfs)
		return ROLLBACK_FOREIGN;
	if (r == 0)
		r = put_back(operation, pf, &now, record);
	if (r == 0)
		r = read_now(operation, pf, &now);
	if (r < 0)
		return r == -ETIMEDOUT ? ROLLBACK_PENDING : ROLLBACK_FAILED;
	return same_state(&now, record->numvfs, record->autoprobe) ? ROLLBACK_DONE : ROLLBACK_FAILED;
}
