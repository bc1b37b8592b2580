/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_OPERATION_H
#define VFIOBIND_OPERATION_H

#include "attribute.h"
#include "device.h"
#include "driver.h"
#include "sysfs.h"
#include "util.h"

/*
 * A detach or reattach on its way: plan.c fills it by reading, apply.c carries it out, verify.c tells whether the kernel
 * did it, rollback.c undoes it.
 */

/* How a device was before anything was written. */
struct snapshot {
	bool bound;
	char driver[SYSFS_NAME_SIZE];
	enum vfiobind_driver_type driver_type;
	bool overridden;
	char driver_override[ATTRIBUTE_TEXT_SIZE];
	bool has_vfs;
};

struct operation_device {
	struct device_handle handle;
	int32_t iommu_group; /* -1 for none */
	struct snapshot before;
	struct driver_choice target; /* of a detach */
	bool clear_override;         /* of a reattach */
	bool change;                 /* something has to be written */
	bool loaded;                 /* its driver's module was loaded for it */
	/* The driver that got it, when it had none, by a module's being loaded; empty if none did. */
	char taken_by[SYSFS_NAME_SIZE];

	/* Opened before the first store, as a test of permission. */
	struct attribute_store driver_override;
	struct attribute_store unbind; /* not open if it was not bound */
	/* What was tried, successfully or not: rollback looks no further than that. */
	bool stored;
	bool override_stored;
	bool unbound;

	struct vfiobind_result_device *result;
};

struct operation {
	struct vfiobind_context *context;
	struct vfiobind_error *error;
	struct arena *arena; /* of the result */
	bool detach;         /* else reattach */
	const char *driver;  /* the name asked for; NULL for the best match */
	bool whole_group;
	bool dry_run;
	bool force;
	struct attribute_store drivers_probe;
	int log_fd; /* the kernel's log, from before the first store on; -1 if out of reach */
	size_t n_devices;
	struct operation_device *devices;
};

/* plan.c: reads what is there, refuses what cannot be, chooses the drivers. Writes nothing. */
int plan(struct operation *operation);

/* plan.c: reads driver and driver_override as they are now. */
int plan_snapshot(struct operation *operation, const struct operation_device *device, struct snapshot *now,
		  struct vfiobind_error *error);

/* plan.c: the driver from which the device has to be unbound; NULL for none. */
const char *plan_unbinds_from(const struct operation_device *device);

/* plan.c: the actions of a device, for a dry run and for the result. */
int plan_actions(struct operation *operation, struct operation_device *device);

/* plan.c: whether driver_override does not have the value yet that it needs. */
bool plan_stores_override(const struct operation *operation, const struct operation_device *device);

/*
 * apply.c: opens all that will be written and loads modules. Nothing is stored, but a module may take devices as it is
 * loaded: also after a failure there may be something to roll back.
 */
int apply_prepare(struct operation *operation);

/* apply.c: the stores for one device, in their order. The caller verifies and rolls back. */
int apply_device(struct operation *operation, struct operation_device *device);

/* verify.c: reads back what became of the device, into its result. */
int verify_device(struct operation *operation, struct operation_device *device);

/* rollback.c: whether driver_override is the same in both. */
bool snapshot_same_override(const struct snapshot *a, const struct snapshot *b);

/*
 * rollback.c: undoes what was done to the device. Returns 1 if it is as it was, as far as it was us who changed it; 0 if
 * it is not; -ETIMEDOUT if the kernel has not finished.
 */
int rollback_device(struct operation *operation, struct operation_device *device);

/* diagnose.c: opens the kernel's log at its end. Returns the fd, or -1. */
int diagnose_open_log(const struct vfiobind_context *context);

/* diagnose.c: why did drivers_probe bind nothing? Fills the error with the most exact cause that can be proved. */
int diagnose_probe(struct operation *operation, const struct operation_device *device);

/* diagnose.c: the same after a reattach, where it is no error: in words. */
void diagnose_reattach(struct operation *operation, const struct operation_device *device, char *reason, size_t size);

#define warn_result(operation, device, ...)                                                                          \
	(arena_warn((operation)->arena, &(device)->result->warnings, &(device)->result->n_warnings, __VA_ARGS__) < 0 \
		 ? fail_memory((operation)->error)                                                                   \
		 : 0)

#endif
