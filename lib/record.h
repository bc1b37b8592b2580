/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_RECORD_H
#define VFIOBIND_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "attribute.h"
#include "sysfs.h"
#include "util.h"
#include "vfiobind.h"

/*
 * What is written down of one device: as a journal while an operation is on its way, so that it can be finished or undone
 * by another process; as a record while the device is detached, so that it can be brought back to what it was.
 *
 * A file is lines of a key and a value, the first of them the form's version, the last of them "end": what was cut off
 * is seen. A name or an override cannot hold a newline: Linux ends them there.
 */

enum record_operation {
	RECORD_DETACH,
	RECORD_REATTACH,
	RECORD_RESET,
	RECORD_SRIOV,
	RECORD_PREPARE, /* of a record: the domain has the device */
	RECORD_RELEASE,
};

/* The word for an operation: "detach". */
const char *record_operation_name(enum record_operation operation);

/* A driver and an override; an empty text is none. */
struct binding {
	char driver[SYSFS_NAME_SIZE];
	char driver_override[ATTRIBUTE_TEXT_SIZE];
};

struct record {
	struct vfiobind_address address;
	char identity[64];    /* its ids: another device may come to the same address */
	char boot[40];        /* of the kernel: the next one knows nothing of all this */
	char transaction[40]; /* the same for all devices of one call */
	enum record_operation operation;
	uint64_t since;   /* seconds since 1970 */
	uint64_t process; /* who did it */
	char command[64];
	uint64_t worker; /* whose stores they are, and when that process was started */
	uint64_t worker_start;
	struct binding host;   /* before it was detached first; of no meaning unless @owned */
	bool owned;            /* @host is known: it was on no VFIO driver when it was detached */
	struct binding before; /* before this operation */
	bool had_vfs;
	char target[SYSFS_NAME_SIZE]; /* of a detach: the driver; empty while only @target_module is known */
	char target_module[SYSFS_NAME_SIZE];
	char vfio_device[32]; /* it was on a VFIO driver: "vfio0" */
	char iommu_group[12];
	char domain[VFIOBIND_DOMAIN_SIZE]; /* that gets the device, or gives it back */
	bool stays;                        /* this operation leaves the device on its driver */
	bool borrowed;                     /* nobody has detached it, as far as is known: it is only the domain's */
	bool reattach;                     /* detached for the domain: it goes back when that gives it back */
	size_t n_netdevs;
	char (*netdevs)[32];
	char disk[SYSFS_NAME_SIZE]; /* the first; empty if it had none */
	char reset_methods[128];    /* of a reset: what reset_method was; empty: all were off */
	char reset_method[32];      /* and what it is for the time */
	uint64_t numvfs;            /* of an sriov: before it, */
	uint64_t target_numvfs;     /* and after */
	bool autoprobe;             /* sriov_drivers_autoprobe before it, */
	bool target_autoprobe;      /* and after */
	size_t n_members;           /* the other devices of the transaction */
	struct vfiobind_address *members;
};

/* Writes a record as text. Returns its length, or -EFBIG if it is longer than STATE_FILE_SIZE, or -ENOMEM. */
ssize_t record_format(const struct record *record, char **ret_text);

/*
 * Reads a record. The lists are @arena's. Returns 0; -EBADMSG if @text is none; -EPROTONOSUPPORT if it is one of a later
 * version; -ENOMEM.
 */
int record_parse(char *text, struct arena *arena, struct record *ret_record);

#endif
