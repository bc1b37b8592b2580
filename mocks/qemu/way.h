/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The way `qemu`: the command on a stock Linux kernel, with the devices that QEMU has for the machine. The host's files are
 * its root, and what it writes is gone with it.
 */
#pragma once

#include "kernel/machine.h"

#include <stdbool.h>
#include <sys/types.h>

struct qemu_way_options {
	const struct machine *machine;
	const char *profile; /* which kernel; NULL: the machine's own */
	bool ordinary_user;  /* the command runs as @uid */
	uid_t uid;
	const char *console_path; /* where the kernel's messages go; NULL: nowhere, unless it fails */
	char *const *command;     /* argv, NULL-terminated */
};

/*
 * Runs the command. To be called by the main thread of a process that has no other: the emulator ends when that thread does.
 * 0 and the command's wait status in *ret_status (or that of the signal that stopped the run before it), or -errno with what
 * to tell in *ret_error (malloc'd).
 */
int qemu_way_run(const struct qemu_way_options *options, int *ret_status, char **ret_error);
