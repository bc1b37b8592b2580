/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Passes input, output and signals between this process and the command in the guest, until the command ends. */
#pragma once

#include "qemu/emulator.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

struct relay;

/* Before the emulator starts: from now on signals wait for relay_run(). @terminal: the command gets one. */
int relay_open(bool terminal, FILE *console, struct relay **ret_relay);
/* 0 and *ret_status, as qemu_way_run(). -EOPNOTSUPP when it was QEMU that refused. */
int relay_run(struct relay *relay, struct emulator *emulator, int *ret_status, char **ret_error);
/* Signals and the terminal are as they were. */
void relay_close(struct relay *relay);
