/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What became of each device that a repair has looked at. */
#include <stdlib.h>

#include "context.h"
#include "error.h"
#include "repair.h"

const char *vfiobind_repair_outcome_name(enum vfiobind_repair_outcome outcome)
{
	static const char *const names[] = {
		[VFIOBIND_REPAIR_FINISHED] = "finished",   [VFIOBIND_REPAIR_UNDONE] = "undone",
		[VFIOBIND_REPAIR_FORGOTTEN] = "forgotten", [VFIOBIND_REPAIR_LEFT] = "left",
		[VFIOBIND_REPAIR_PENDING] = "pending",     [VFIOBIND_REPAIR_FAILED] = "failed",
		[VFIOBIND_REPAIR_MALFORMED] = "malformed",
	};

	return (size_t)outcome < ARRAY_SIZE(names) ? names[outcome] : NULL;
}

struct vfiobind_repaired *repair_find(const struct repair *repair, const struct vfiobind_address *address)
{
	for (size_t i = 0; i < repair->box->n_devices; i++) {
		struct vfiobind_repaired *repaired = repair->box->devices[i];

		if (vfiobind_address_compare(&repaired->address, address) == 0)
			return repaired;
	}
	return NULL;
}

/* How the device is now, as far as that can be read. */
static void describe_now(struct repair *repair, struct vfiobind_repaired *repaired)
{
	struct arena *arena = &repair->box->arena;
	struct device_handle handle;
	struct snapshot now;

	if (device_open(repair->context, &repaired->address, &handle, NULL) < 0)
		return;
	if (device_read_driver(repair->context, &handle, now.driver, NULL) > 0)
		repaired->driver = arena_strdup(arena, now.driver);
	if (repaired->outcome != VFIOBIND_REPAIR_PENDING &&
	    device_read_override(repair->context, &handle, now.driver_override, NULL) > 0)
		repaired->driver_override = arena_strdup(arena, now.driver_override);
	close_fd(handle.fd);
}

int repair_add(struct repair *repair, const struct vfiobind_address *address, const struct record *record,
	       enum vfiobind_repair_outcome outcome, const char *note)
{
	struct arena *arena = &repair->box->arena;
	struct vfiobind_repaired *repaired = arena_zalloc(arena, sizeof(*repaired));

	if (!repaired)
		return fail_memory(repair->error);
	repaired->address = *address;
	repaired->outcome = outcome;
	if (record)
		repaired->operation = record_operation_name(record->operation);
	repaired->note = note ? arena_strdup(arena, note) : NULL;
	if (arena_append(arena, &repair->box->devices, &repair->box->n_devices, repaired) < 0 ||
	    (note && !repaired->note))
		return fail_memory(repair->error);
	describe_now(repair, repaired);
	return 0;
}

int repair_add_failure(struct repair *repair, const struct vfiobind_address *address, const struct record *record,
		       enum vfiobind_repair_outcome outcome, const struct vfiobind_error *error)
{
	struct vfiobind_error what = *error;
	char note[1024];

	what.has_device = false;
	vfiobind_error_format(&what, note, sizeof(note));
	return repair_add(repair, address, record, outcome, note);
}

struct vfiobind_repairs *vfiobind_repairs_free(struct vfiobind_repairs *repairs)
{
	struct repairs_box *box;

	if (!repairs)
		return NULL;
	box = container_of(repairs, struct repairs_box, repairs);
	arena_free(&box->arena);
	free(box);
	return NULL;
}
