/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The trace: one line a step, `SEQ ACTOR STEP key=value… = RESULT [why=…]`, the newest TRACE_LIMIT of them. */
#include "kernel/step-internal.h"

#include <ctype.h>

enum { TRACE_LIMIT = 100000, LINE = TRACE_LINE };

/* Appends @text as one word: what could break the line or the fields is escaped. */
static size_t append_escaped(char *line, size_t used, const char *text, bool spaces)
{
	for (; *text && used + 5 < LINE; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '\n')
			used += (size_t)sprintf(line + used, "\\n");
		else if (c < 32 || c > 126 || c == '\\' || (c == ' ' && !spaces))
			used += (size_t)sprintf(line + used, "\\%03o", c);
		else
			line[used++] = (char)c;
	}
	line[used] = '\0';
	return used;
}

static size_t append_pair(char *line, size_t used, const char *key, const char *value)
{
	if (!value || used + strlen(key) + 8 > LINE)
		return used;
	used += (size_t)sprintf(line + used, " %s=", key);
	return append_escaped(line, used, value, false);
}

static size_t append_result(char *line, size_t used, long result)
{
	const char *name = result < 0 ? errno_name((int)-result) : NULL;

	if (used + 32 > LINE)
		used = LINE - 32;
	return used + (size_t)(name ? sprintf(line + used, " = %s", name) : sprintf(line + used, " = %ld", result));
}

size_t trace_format(char *line, enum step_id id, const struct step_args *args)
{
	size_t used = append_escaped(line, 0, kernel_client()->actor, false);

	used += (size_t)sprintf(line + used, " %s", step_name(id));
	used = append_pair(line, used, "device", args->device);
	used = append_pair(line, used, "driver", args->driver);
	used = append_pair(line, used, "module", args->module);
	used = append_pair(line, used, "path", args->path);
	used = append_pair(line, used, "action", args->action);
	return append_pair(line, used, "value", args->value);
}

void trace_record(struct step_state *state, enum step_id id, const struct step_args *args, long result)
{
	char line[LINE + 8];
	size_t used = trace_format(line, id, args);
	struct trace_record *record;

	used = append_result(line, used, result);
	if (args->why && used + 8 < LINE) {
		used += (size_t)sprintf(line + used, " why=");
		used = append_escaped(line, used, args->why, true);
	}
	record = malloc(sizeof(*record) + used + 1);
	if (!record)
		abort();
	memcpy(record->text, line, used + 1);
	record->sequence = ++state->next_sequence;
	TAILQ_INSERT_TAIL(&state->trace, record, list);
	if (++state->n_records <= TRACE_LIMIT)
		return;
	record = TAILQ_FIRST(&state->trace);
	TAILQ_REMOVE(&state->trace, record, list);
	free(record);
	state->n_records--;
	state->n_dropped++;
}

void trace_clear(struct step_state *state)
{
	struct trace_record *record;

	while ((record = TAILQ_FIRST(&state->trace))) {
		TAILQ_REMOVE(&state->trace, record, list);
		free(record);
	}
	state->next_sequence = state->n_records = state->n_dropped = 0;
	state->n_clears++;
}

void step_trace_clear(struct kernel *k)
{
	trace_clear(k->steps);
}

char *step_trace_text(struct kernel *k)
{
	struct trace_record *record;
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		abort();
	if (k->steps->n_dropped)
		fprintf(stream, "# %lu older steps dropped\n", k->steps->n_dropped);
	TAILQ_FOREACH (record, &k->steps->trace, list)
		fprintf(stream, "%lu %s\n", record->sequence, record->text);
	fclose(stream);
	return text;
}

char *kernel_trace(struct kernel *k)
{
	return step_trace_text(k);
}
