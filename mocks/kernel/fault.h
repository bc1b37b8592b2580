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
	bool hold, vanish, kill;
};

void rule_free(struct rule *rule);
/* Frees what is in it. */
void rule_clear(struct rule *rule);
/* Whether it is for such a step of @actor's. */
bool rule_matches(const struct rule *rule, enum step_id id, const struct step_args *args, const char *actor);
/* `STEP [device=A] [driver=D] [path=GLOB] [actor=N]`, cut into pieces in place. NULL, or what is wrong with it. */
const char *rule_parse_match(char *line, struct rule *rule);
int step_parse(const char *name, enum step_id *ret_id); /* 0 or -EINVAL */
