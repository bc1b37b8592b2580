/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processes beside the test, and the steps at which rules hold them. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Starts a command whose output is of no interest. */
pid_t beside_start(const char *const *command);
/* Waits for its end: its exit status, or 128 + signal. */
int beside_end(pid_t pid);

/* Waits until a rule holds a step, "dd.probe driver=…": its number, for beside_release(). */
unsigned long beside_wait_held(const char *step);
void beside_release(unsigned long id);
/* Removes all rules, and lets go all that they hold. Returns whether there was anything. */
bool beside_release_all(void);

/*
 * Held at the step of this rule, the command is killed; then the kernel goes on, for it has what it was asked for.
 * Returns false if this step cannot be held.
 */
bool beside_crash_at(const char *const *command, const char *rule);
