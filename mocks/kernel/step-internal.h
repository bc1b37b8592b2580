/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What hangs on a step: the trace and the fault rules. */
#pragma once

#include "kernel/base.h"

struct trace_record {
	TAILQ_ENTRY(trace_record) list;
	unsigned long sequence;
	char text[];
};

struct rule;

/* A step that a rule holds until somebody writes its id to `release`. */
struct held_step {
	TAILQ_ENTRY(held_step) list;
	unsigned long id;
	bool released;
	char *text; /* `ACTOR STEP key=value…` */
};

TAILQ_HEAD(rules, rule);

struct step_state {
	TAILQ_HEAD(trace_records, trace_record) trace;
	unsigned long next_sequence, n_records, n_dropped;
	unsigned long n_clears;      /* after each, numbers begin anew */
	unsigned n_watchers;         /* who wait for a step */
	struct rules rules, unfired; /* those that a reset dropped before they had fired */
	TAILQ_HEAD(, held_step) held;
	unsigned long next_held;
};

bool step_may_wait(enum step_id id);
bool step_may_fail(enum step_id id);

void trace_record(struct step_state *state, enum step_id id, const struct step_args *args, long result);
void trace_clear(struct step_state *state);
/* `ACTOR STEP key=value…` into @line; its length. */
size_t trace_format(char *line, enum step_id id, const struct step_args *args);
enum { TRACE_LINE = 1024, STEP_WHY = 512 };

/* The result of the step after the rules that match it, and in *@why what made it another; may wait. */
long rules_apply(struct kernel *k, enum step_id id, const struct step_args *args, char *why);
void rules_free(struct rules *rules);
