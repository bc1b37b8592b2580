/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "steps.h"

#include "harness.h"

#include <stdio.h>
#include <string.h>

void steps_free(struct steps *steps)
{
	for (size_t i = 0; i < steps->n; i++)
		free(steps->rules[i]);
	free(steps->trace);
}

/* "SEQ ACTOR STEP key=value… = RESULT": the rule that means this step, whose like were @before it. */
static char *rule_of(char *line, const struct steps *steps)
{
	static const char *const keys[] = {"path=", "device=", "driver="};
	char rule[1024], *rest = line, *word;
	size_t used = 0, length;
	unsigned int before = 0;

	strsep(&rest, " ");
	strsep(&rest, " ");
	word = strsep(&rest, " ");
	used += (size_t)snprintf(rule, sizeof(rule), "%s", word);
	while ((word = strsep(&rest, " ")) && strcmp(word, "=") != 0)
		for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
			if (strncmp(word, keys[i], strlen(keys[i])) == 0)
				used += (size_t)snprintf(rule + used, sizeof(rule) - used, " %s%s%s", keys[i],
							 i == 0 ? "/" : "", word + strlen(keys[i]));
	assert_true(used < sizeof(rule) - 32);
	length = strlen(rule);
	for (size_t i = 0; i < steps->n; i++)
		before += strncmp(steps->rules[i], rule, length) == 0 &&
			  strncmp(steps->rules[i] + length, " after=", 7) == 0;
	return format_text("%s after=%u times=1", rule, before);
}

void steps_read(struct steps *steps)
{
	char *rest;

	*steps = (struct steps){.trace = trace_read()};
	rest = steps->trace;
	for (char *line; (line = strsep(&rest, "\n"));)
		if (*line) {
			assert_true(steps->n < ARRAY_SIZE(steps->rules));
			steps->rules[steps->n] = rule_of(line, steps);
			steps->n++;
		}
}
