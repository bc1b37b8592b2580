/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Passes input, output and signals between this process and the command in the guest, until the command ends. */
#pragma once

#include "qemu/emulator.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

struct relay;

struct relay_options {
	bool terminal; /* the command gets one */
	FILE *console; /* where the kernel's messages go, or NULL */
	/* So long may it take until the command runs, and somewhat longer until a guest answers; 0: as long as it likes. */
	unsigned seconds;
};

/* Before the emulator starts: from now on signals wait for relay_run(). */
int relay_open(const struct relay_options *options, struct relay **ret_relay);
/*
 * 0 and *ret_status, as qemu_way_run(). -EOPNOTSUPP when it was QEMU that refused, -EAGAIN when the guest did not come up, or
 * not in time: then the command has not begun.
 */
int relay_run(struct relay *relay, struct emulator *emulator, int *ret_status, char **ret_error);
/* Signals and the terminal are as they were. */
void relay_close(struct relay *relay);
