/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which modules a machine's kernel has, and which of them are loaded when the command starts. */
#pragma once

#include "kernel/machine.h"
#include "qemu/words.h"

/* Adds to @spec (protocol.h), and returns the list for make-modules in *ret_list (malloc'd). 0 or -ENOMEM. */
int guest_modules(const struct machine *machine, struct words *spec, char **ret_list);
