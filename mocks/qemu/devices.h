/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A machine's functions as QEMU's, at the same addresses. */
#pragma once

#include "kernel/machine.h"
#include "qemu/words.h"

/*
 * Adds QEMU's arguments to @arguments, and to @spec what the guest is to do about the functions (see protocol.h).
 * *ret_helpers: the slot of bus 0 for what the launcher needs itself.
 * -EOPNOTSUPP with *ret_error when QEMU has no such machine: a line for each function that stands in the way.
 */
int qemu_devices(const struct machine *machine, struct words *arguments, struct words *spec, unsigned *ret_helpers,
		 char **ret_error);

/* Replaces *ret_error, what QEMU said to these arguments, by the functions that it has no device for: true if it was that. */
bool qemu_devices_explain(const struct machine *machine, char **ret_error);
