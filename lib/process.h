/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_PROCESS_H
#define VFIOBIND_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "deadline.h"

/* Processes are known by their number and when they were started: numbers come again. */

/* When a process was started, in ticks since the boot; 0 if there is none of this number. */
uint64_t process_start(pid_t pid);

/* Waits until the process has ended. Returns 0, or -ETIMEDOUT. */
int process_wait(pid_t pid, uint64_t start, struct deadline deadline);

#endif
