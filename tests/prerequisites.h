/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a way to the fake needs of the host, found out without mocksys: what fails there is no reason to skip a test. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Then each call to the fake takes long, and is there for the memory: what only compares may compare less. */
bool under_valgrind(void);

/* Why @way ("mount", "shim", "plain") cannot work here, into @why; 0 when it must work. */
int prerequisites_missing(const char *way, char *why, size_t size);
