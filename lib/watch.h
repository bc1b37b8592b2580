/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_WATCH_H
#define VFIOBIND_WATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "deadline.h"

/*
 * Waiting for what the kernel, or udev, makes a moment later: told by inotify(7) of nodes, by uevents of what is in sysfs,
 * which tells nobody else. Neither is sure: a file system may not tell, a network namespace may have no uevents, a
 * container may forbid them. So now and then the caller gets to look nevertheless.
 */
struct watch {
	int inotify; /* -1: not open */
	int uevents;
};

#define WATCH_NONE                           \
	{                                    \
		.inotify = -1, .uevents = -1 \
	}

/* Watches directories for what appears in them; one that is not there is passed over. */
void watch_directories(struct watch *watch, const char *const *paths, size_t n);

/* Watches what happens to devices. */
void watch_uevents(struct watch *watch);

/*
 * Waits until something has happened that may be what the caller waits for, or it is time to look. What is to be looked at
 * must have been looked at once after the watch was opened. Returns whether the deadline has not passed.
 */
bool watch_wait(struct watch *watch, struct deadline deadline);

void watch_close(struct watch *watch);

#endif
