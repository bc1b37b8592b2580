/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_OPERATION_H
#define VFIOBIND_OPERATION_H

#include "attribute.h"
#include "deadline.h"
#include "device.h"
#include "driver.h"
#include "lock.h"
#include "record.h"
#include "sysfs.h"
#include "util.h"

/*
 * A detach or reattach on its way: collect.c finds its devices, lock.c keeps others off them, plan.c looks what is to be
 * done, journal.c writes that down, apply.c does it, verify.c tells whether the kernel did it, rollback.c undoes it.
 *
 * What a domain gets and gives back is the same, but for what hostdev.c adds: some of the devices stay on their driver,
 * and it is written down of all of them that the domain has them.
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
	bool named;                             /* asked for itself, and not for the sake of its group */
	const char *driver;                     /* of a detach: the name asked for; NULL for the best match */
	const struct vfiobind_hostdev *hostdev; /* what a domain wants of it; NULL if there is none */
	int32_t iommu_group;                    /* -1 for none */
	char identity[64];                      /* what it is, as far as it can be told */
	bool has_record;                        /* something is written down of a device at this address */
	struct record *record;                  /* and it is this device; else NULL */
	struct snapshot before;
	struct driver_choice target; /* of a detach */
	/* Of a reattach: */
	const char *new_override; /* what driver_override is to become, "\n" to clear it; NULL: it stays */
	bool leave_unbound;       /* it was on no driver before */
	bool change;              /* something has to be written */
	/* Of what a domain gets or gives back: */
	bool stays;          /* on the driver that it is on, whatever the operation is */
	bool is_the_domains; /* it gets it, or has it: that is written down, changed or not */
	bool gone;           /* it was removed while the domain had it: all that is left is its record */
	bool shares_group;   /* the domain has others of its group already */
	bool journalled;
	bool loaded; /* its driver's module was loaded for it */
	/* The driver that got it, when it had none, by a module's being loaded; empty if none did. */
	char taken_by[SYSFS_NAME_SIZE];
	size_t n_netdevs;
	char (*netdevs)[32];
	char disk[SYSFS_NAME_SIZE]; /* the first; empty if it has none */
	char vfio_device[32];       /* "vfio0", before; empty if it has none */

	/* Opened before the first store, as a test of permission. */
	struct attribute_store driver_override;
	struct attribute_store unbind; /* not open if it was not bound */
	struct attribute_store reset;  /* open only where a reset is due */
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
	enum record_operation kind;
	const char *driver; /* the name asked for, for all devices; NULL for the best match */
	const char *domain; /* that gets devices, or gives them back; NULL: no domain has a part in it */
	const struct vfiobind_hostdev *hostdevs; /* and which, in their order; NULL: only their addresses are known */
	bool whole_group;
	bool dry_run;
	bool force;
	struct locks locks;
	struct attribute_store drivers_probe;
	int log_fd;                  /* the kernel's log, from before the first store on; -1 if out of reach */
	struct deadline nodes_until; /* nodes of the devices are waited for; 0: not yet */
	size_t n_devices;
	struct operation_device *devices;
};

/* A VFIO driver is to have the devices. */
static inline bool is_detach(const struct operation *operation)
{
	return operation->kind == RECORD_DETACH || operation->kind == RECORD_PREPARE;
}

#define OPERATION_INIT                                               \
	{                                                            \
		.drivers_probe = ATTRIBUTE_STORE_NONE, .log_fd = -1, \
	}

/*
 * operation.c: all of it, from the entry of a function of the library to its result. The error is @operation's, and says
 * what could not be done.
 */
int operation_run(struct operation *operation, const struct vfiobind_address *addresses, size_t n,
		  struct vfiobind_result **ret_result);

/* operation.c: what cannot be done, where that is all there is to say of it: "cannot reattach". */
const char *operation_phrase(enum record_operation kind);

/* collect.c: the devices named, then with whole_group the other endpoints of their groups. */
int collect(struct operation *operation, const struct vfiobind_address *addresses, size_t n);

/* collect.c: whether the operation has a device of this address. */
bool has_device(const struct operation *operation, const struct vfiobind_address *address);

/* collect.c: one device. */
int collect_device(struct operation *operation, const struct vfiobind_address *address);

/* collect.c: gives back all that the operation has opened, locks and devices. */
void operation_end(struct operation *operation);

/* operation.c: takes the locks of all its devices and their groups. */
int operation_lock(struct operation *operation);

/* plan.c: reads what is there, refuses what cannot be, chooses the drivers. Writes nothing. */
int plan(struct operation *operation);

/*
 * hostdev.c: of what a domain gets, what has to be on its driver already; and of what it gives back, what is not its own,
 * and what stays. The caller has read how the device is.
 */
int hostdev_plan_prepare(struct operation *operation, struct operation_device *device);
int hostdev_plan_release(struct operation *operation, struct operation_device *device);

/* preflight.c: what speaks against a detach of the device, as an error; or as a warning if that is overridden. */
int preflight(struct operation *operation, struct operation_device *device);
/* preflight.c: the same for one check. */
int preflight_check(struct operation *operation, struct operation_device *device,
		    int (*check)(struct operation *operation, struct operation_device *device));

/*
 * preflight.c: checks that are not of a detach alone: a bridge, virtual functions, somebody who has it open, an interface
 * that is up, a disk in use.
 */
int preflight_bridge(struct operation *operation, struct operation_device *device);
int preflight_vfs(struct operation *operation, struct operation_device *device);
int preflight_users(struct operation *operation, struct operation_device *device);
int preflight_netdevs(struct operation *operation, struct operation_device *device);
int preflight_disks(struct operation *operation, struct operation_device *device);

/* plan.c: reads what a device is before anything is written. */
int plan_read_before(struct operation *operation, struct operation_device *device);

/* plan.c: reads driver and driver_override as they are now. */
int plan_snapshot(struct operation *operation, const struct operation_device *device, struct snapshot *now,
		  struct vfiobind_error *error);

/* plan.c: the driver from which the device has to be unbound; NULL for none. */
const char *plan_unbinds_from(const struct operation_device *device);

/* plan.c: the actions of a device, for a dry run and for the result. */
int plan_actions(struct operation *operation, struct operation_device *device);

/* plan.c: whether driver_override does not have the value yet that it needs. */
bool plan_stores_override(const struct operation *operation, const struct operation_device *device);

/* apply.c: opens all that will be written: a test of permission. Nothing is stored. */
int apply_open(struct operation *operation);

/*
 * apply.c: loads modules. Nothing is stored, but a module may take devices as it is loaded: also after a failure there
 * may be something to roll back.
 */
int apply_load(struct operation *operation);

/* apply.c: the stores for one device, in their order. The caller verifies and rolls back. */
int apply_device(struct operation *operation, struct operation_device *device);

/* verify.c: reads back what became of the device, into its result. */
int verify_device(struct operation *operation, struct operation_device *device);

/* rollback.c: whether driver_override is the same in both. */
bool snapshot_same_override(const struct snapshot *a, const struct snapshot *b);

/*
 * bind.c: has exactly @driver bind the device, or no driver at all for NULL, whatever has it now. Leaves driver_override
 * as it comes. Returns 0, whether it worked or not, or -ETIMEDOUT.
 */
int bind_exactly(struct operation *operation, const struct operation_device *device, const char *driver,
		 const struct snapshot *now);

/* bind.c: stores into driver_override, twice if need be. Returns 0, whether it worked or not, or -ETIMEDOUT. */
int bind_override(struct operation *operation, const struct operation_device *device, const char *value);

/* What became of an attempt to undo. */
enum rollback {
	ROLLBACK_DONE,    /* the device is as it was, as far as it was us who changed it */
	ROLLBACK_FAILED,  /* it is not */
	ROLLBACK_FOREIGN, /* it is not, for another process has changed it meanwhile: it was left alone */
	ROLLBACK_PENDING, /* the kernel has not finished */
};

/* rollback.c: undoes what was done to the device. */
enum rollback rollback_device(struct operation *operation, struct operation_device *device);

/* diagnose.c: opens the kernel's log at its end. Returns the fd, or -1. */
int diagnose_open_log(const struct vfiobind_context *context);

/* diagnose.c: why did drivers_probe bind nothing? Fills the error with the most exact cause that can be proved. */
int diagnose_probe(struct operation *operation, const struct operation_device *device);

/* diagnose.c: the same after a reattach, where it is no error: in words. */
void diagnose_reattach(struct operation *operation, const struct operation_device *device, char *reason, size_t size);

/* Of a caller's structure that is shorter than the library's, what is missing is zero. */
#define copy_structure(copy, structure) \
	memcpy(&(copy), (structure), (structure)->size < sizeof(copy) ? (structure)->size : sizeof(copy))
#define copy_options(copy, options)                        \
	do {                                               \
		if (options)                               \
			copy_structure((copy), (options)); \
	} while (0)

/* operation.c: a warning in the result of a device. Returns 0, or -ENOMEM with the operation's error. */
int warn_result(struct operation *operation, const struct operation_device *device, const char *format, ...)
	_printf_(3, 4);

#endif
