/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Runs the command until it, or its worker, is about to make change number @n, and kills all of them; or with
 * @only_command only the command, and the worker goes on. Returns whether there was such a change.
 */
bool kill_at(const char *const *command, size_t n, bool only_command);
