/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_JOURNAL_H
#define VFIOBIND_JOURNAL_H

#include "operation.h"
#include "state.h"

/*
 * What an operation writes down before it touches anything, so that another process can finish or undo it: for each of
 * its devices a record in journals/, which becomes the device's record in devices/ when a detach has ended well. One
 * rename(2) does that, which needs no room on the disk.
 *
 * Of several devices the first one's journal is the last to be written, the last to become a record, and the first to be
 * removed when all was undone: without it, the others are of an operation that had not begun, or is undone.
 */

/*
 * Reads what is written down of the operation's devices. Errors: repair-needed if an operation on one of them has not
 * ended, state-malformed, and those of state_open().
 */
int journal_look(struct operation *operation);

/* Writes down what is about to be done to the devices that are to be changed. Errors: those of state_open(). */
int journal_begin(struct operation *operation);

/* The same for the one device of another operation, which has filled the members of @record that are its own. */
int journal_begin_one(struct operation *operation, struct operation_device *device, struct record *record);

/*
 * The next stores are those of the worker that there is now: the device's journal is to name it, so that a repair waits
 * for it. Where that cannot be written the device is brought back all the same.
 */
void journal_take_over(struct operation *operation, const struct operation_device *device);

/* It is done. What cannot be written down any more becomes a warning: a repair does it. */
int journal_commit(struct operation *operation);

/* The same for one device, whose files are not looked for again. Returns 0 or a negative errno. */
int journal_commit_device(const struct operation *operation, const struct operation_device *device);

/* Nothing was done, or all of it was undone. */
void journal_drop(struct operation *operation);

/*
 * Reads the record of a device from a directory of the state, @name as in readdir(3). Returns 1, or 0 if there is none.
 * The text and lists are @arena's. Errors: state-malformed, state-unsafe, state-unavailable.
 */
int journal_read(struct vfiobind_context *context, enum state_directory which, int directory_fd, const char *name,
		 struct arena *arena, struct record **ret_record, struct vfiobind_error *error);

/* The identity of a device that cannot be read. */
#define JOURNAL_UNKNOWN "unknown"

/* Whether a record is of this boot and of the device that is there now, as far as that can be told. */
bool journal_is_current(struct vfiobind_context *context, const struct record *record, const char *identity);

#endif
