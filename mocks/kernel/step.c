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

	STAILQ_INIT(&state->trace);
	TAILQ_INIT(&state->rules);
	TAILQ_INIT(&state->held);
	return state;
}

void step_state_free(struct step_state *state)
{
	trace_clear(state);
	rules_clear(state);
	free(state);
}

long step(struct kernel *k, enum step_id id, const struct step_args *args)
{
	long result;

	if (k->booting)
		return args->result;
	result = TAILQ_EMPTY(&k->steps->rules) ? args->result : rules_apply(k, id, args);
	trace_record(k->steps, id, args, result);
	return result;
}
