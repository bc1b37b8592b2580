/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_REPAIR_H
#define VFIOBIND_REPAIR_H

#include "operation.h"

struct repairs_box {
	struct arena arena;
	struct vfiobind_repairs repairs;
	void **devices;
	size_t n_devices;
};

struct repair {
	struct vfiobind_context *context;
	struct vfiobind_error *error;
	bool dry_run;
	bool began; /* something may have been stored */
	struct repairs_box *box;
	int journals_fd; /* -1 if there are none */
	int devices_fd;
};

/* repair-result.c: what was said of the device at an address; NULL if nothing was yet. */
struct vfiobind_repaired *repair_find(const struct repair *repair, const struct vfiobind_address *address);

/* repair-result.c: says what became of a device, and how it is now. @record may be NULL, so may @note. */
int repair_add(struct repair *repair, const struct vfiobind_address *address, const struct record *record,
	       enum vfiobind_repair_outcome outcome, const char *note);

/* repair-result.c: the same with all that an error says, but of which device it is: path and remedy too. */
int repair_add_failure(struct repair *repair, const struct vfiobind_address *address, const struct record *record,
		       enum vfiobind_repair_outcome outcome, const struct vfiobind_error *error);

#endif
