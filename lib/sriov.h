/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_SRIOV_H
#define VFIOBIND_SRIOV_H

#include "operation.h"

/* What the attributes of a physical function say. */
struct sriov_state {
	uint32_t totalvfs;
	uint32_t numvfs;
	bool autoprobe;
};

/* One change of the virtual functions. The operation's devices are the physical function, then those that it has now. */
struct sriov {
	struct operation operation;
	struct vfiobind_error error;
	struct sriov_box *box; /* the result */
	struct record *record; /* what is journalled: before and after */
	struct sriov_state before;
	struct attribute_store numvfs;
	struct attribute_store autoprobe;
	bool removed; /* the virtual functions that there were */
	bool refused; /* the first store was, with nothing done for it */
};

static inline struct operation_device *sriov_pf(struct operation *operation)
{
	return &operation->devices[0];
}

static inline bool sriov_changes_number(const struct record *record)
{
	return record->numvfs != record->target_numvfs;
}

static inline bool sriov_changes_autoprobe(const struct record *record)
{
	return record->autoprobe != record->target_autoprobe;
}

/* sriov-check.c: refuses a device that cannot have virtual functions. */
int sriov_refuse_no_pf(struct operation *operation);

/* sriov-check.c: reads what there is, completes the record, refuses what cannot be or would take away what is in use. */
int sriov_check(struct sriov *sriov, enum vfiobind_autoprobe autoprobe);

/* sriov-apply.c: opens what will be written, a test of permission; then writes the journal. Nothing is stored. */
int sriov_prepare(struct sriov *sriov);

/* sriov-apply.c: the stores, and a look at what the kernel made of them. */
int sriov_apply(struct sriov *sriov);

/* sriov-apply.c: after a failure, of which the error gets to know what became of it. */
void sriov_roll_back(struct sriov *sriov);

/*
 * sriov-apply.c: What is written down of a virtual function that was removed is of one that is no more; another one may come
 * to its address, and be of its kind.
 */
void sriov_forget_removed(struct sriov *sriov);

/* sriov-state.c: reading sriov_numvfs waits for the function's driver. The error is that of @error, which may be NULL. */
int sriov_read_state(struct operation *operation, const struct operation_device *pf, struct sriov_state *state,
		     struct vfiobind_error *error);

/* sriov-state.c: the path of an attribute, below the sysfs root. Returns @path. */
const char *sriov_path(const struct operation_device *pf, const char *attribute, char path[static 64]);

/* sriov-state.c: whether there are as many virtual functions as an operation that was not ended was to create, and all is as it wanted. */
bool sriov_is_done(struct operation *operation, struct operation_device *pf, const struct record *record);

/* sriov-state.c: as many virtual functions as before an operation that was not ended, and sriov_drivers_autoprobe as it was. */
enum rollback sriov_undo(struct operation *operation, struct operation_device *pf, const struct record *record);

#endif
