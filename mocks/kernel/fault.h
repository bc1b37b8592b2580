/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fault rules, for the two halves of them: what they do (fault.c) and how they are written (fault-parse.c). */
#pragma once

#include "kernel/step-internal.h"

struct rule {
	TAILQ_ENTRY(rule) list;
	char *text; /* as written */
	enum step_id step;
	char *device, *driver, *path, *actor;
	unsigned long after, times; /* times 0: for ever */
	unsigned long seen, fired;
	int error; /* fail=: positive errno */
	unsigned long delay_ms;
	bool hold, kill;
};

void rule_free(struct rule *rule);
