/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Steps: names, and the one function that everything passes. The trace is in trace.c, the rules in fault.c. */
#include "kernel/step-internal.h"

static const struct {
	const char *name;
	bool waits, fails;
} steps[] = {
#define X(id, name, waits, fails) [STEP_##id] = {name, waits, fails},
	STEPS(X)
#undef X
};

const char *step_name(enum step_id id)
{
	return steps[id].name;
}

bool step_may_wait(enum step_id id)
{
	return steps[id].waits;
}

bool step_may_fail(enum step_id id)
{
	return steps[id].fails;
}

struct step_state *step_state_new(void)
{
	struct step_state *state = xcalloc(sizeof(*state));

	TAILQ_INIT(&state->trace);
	TAILQ_INIT(&state->rules);
	TAILQ_INIT(&state->unfired);
	TAILQ_INIT(&state->held);
	return state;
}

void step_state_free(struct step_state *state)
{
	trace_clear(state);
	rules_free(&state->rules);
	rules_free(&state->unfired);
	free(state);
}

const char step_no_number[] = "not a number as kstrtoull() takes them";
const char step_no_bool[] = "not a truth value as kstrtobool() takes them";
const char step_not_root[] = "it takes CAP_SYS_ADMIN";

/* Why the store of this thread fails, as far as it is known; empty: it is not. */
static _Thread_local char reason[STEP_WHY];

void step_forget_reason(void)
{
	reason[0] = '\0';
}

const char *step_reason(void)
{
	return reason[0] ? reason : NULL;
}

void step_note_reason(const char *why)
{
	if (why != reason)
		snprintf(reason, sizeof(reason), "%s", why);
}

long step(struct kernel *k, enum step_id id, const struct step_args *args)
{
	struct step_args decided = *args;
	char why[STEP_WHY] = "";

	if (k->booting)
		return args->result;
	if (!TAILQ_EMPTY(&k->steps->rules))
		decided.result = rules_apply(k, id, args, why);
	if (why[0])
		decided.why = why;
	if (decided.result < 0 && decided.why)
		step_note_reason(decided.why);
	trace_record(k->steps, id, &decided, decided.result);
	if (k->steps->n_watchers)
		kernel_changed(k);
	return decided.result;
}
