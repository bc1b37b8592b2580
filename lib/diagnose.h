/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_DIAGNOSE_H
#define VFIOBIND_DIAGNOSE_H

#include <stdbool.h>
#include <stddef.h>

/* What the kernel's log says of a probe. */
struct log_clue {
	int number;        /* the positive errno of the probe; 0 if the log does not say */
	char message[192]; /* the last one of the device while a driver had it, its newline cut; or empty */
};

/*
 * Looks for messages of the kernel about the device in records of /dev/kmsg: "PRIORITY,…;MESSAGE\n KEY=VALUE\n…". What
 * user space wrote there is passed over, and what was said while no driver had the device. The clue is added to.
 */
void diagnose_parse_log(char *records, const char *device, struct log_clue *clue);

/* Reads the next record of the log that @log_fd is (-1 for none). Returns false if there is none yet. */
bool diagnose_next_record(int log_fd, char *record, size_t size);

/* Whether the text of debugfs' devices_deferred lists the device: a name a line, and a tab and a reason at choice. */
bool diagnose_is_deferred(const char *text, const char *device);

#endif
