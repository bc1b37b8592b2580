/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The control file `wait`: who has written `STEP [device=A] [driver=D] [path=GLOB] [actor=N]` to it reads the next line of
 * the trace that is such a step, from the last time on that the trace was cleared, and waits for it if need be; then the
 * one after it. `held STEP …` is the same for the steps that a rule holds.
 */
#include "kernel/fault.h"

#include "kernel/kernfs.h"

struct watch {
	struct kernel *k;
	bool armed, held;
	struct rule wanted;
	unsigned long passed; /* the number up to which nothing more is to be found */
	unsigned long n_clears;
	char *line; /* being read; NULL: none */
	size_t length, done;
	const bool *interrupted; /* of the client that waits */
};

/* What is escaped, a newline say, is no part of an address. */
static const char *cut_at_escape(char *value)
{
	value[strcspn(value, "\\")] = '\0';
	return value;
}

/* The words of a line of the trace, or of a held step, that a rule looks at: `ACTOR STEP key=value…`. */
static bool is_wanted(const struct watch *watch, const char *text)
{
	char copy[TRACE_LINE + STEP_WHY], *rest = copy, *actor, *name, *word;
	struct step_args args = {.device = NULL};
	enum step_id id;

	snprintf(copy, sizeof(copy), "%s", text);
	actor = strsep(&rest, " ");
	name = strsep(&rest, " ");
	if (!name || step_parse(name, &id))
		return false;
	while ((word = strsep(&rest, " ")) && strcmp(word, "=")) {
		char *value = strchr(word, '=');

		if (!value)
			continue;
		*value++ = '\0';
		if (!strcmp(word, "device"))
			args.device = value;
		else if (!strcmp(word, "driver"))
			args.driver = value;
		else if (!strcmp(word, "path"))
			args.path = value;
		else if (!strcmp(word, "value"))
			args.value = cut_at_escape(value);
	}
	return rule_matches(&watch->wanted, id, &args, actor);
}

static const struct held_step *next_held(const struct watch *watch)
{
	const struct held_step *held;

	TAILQ_FOREACH (held, &watch->k->steps->held, list)
		if (held->id > watch->passed && is_wanted(watch, held->text))
			return held;
	return NULL;
}

static const struct trace_record *next_record(struct watch *watch)
{
	struct step_state *steps = watch->k->steps;
	const struct trace_record *record, *first = NULL;

	if (watch->n_clears != steps->n_clears) {
		watch->n_clears = steps->n_clears;
		watch->passed = 0;
	}
	TAILQ_FOREACH_REVERSE(record, &steps->trace, trace_records, list)
	{
		if (record->sequence <= watch->passed)
			break;
		first = record;
	}
	for (record = first; record; record = TAILQ_NEXT(record, list)) {
		if (is_wanted(watch, record->text))
			return record;
		watch->passed = record->sequence;
	}
	return NULL;
}

static bool is_over(const void *argument)
{
	struct watch *watch = (struct watch *)argument;

	if (watch->interrupted && *watch->interrupted)
		return true;
	return watch->held ? next_held(watch) != NULL : next_record(watch) != NULL;
}

/* The next line is there, or the -errno for which there is none. */
static int wait_for_line(struct watch *watch)
{
	const struct held_step *held;
	const struct trace_record *record;
	int ret;

	watch->interrupted = kernel_client()->interrupted;
	watch->k->steps->n_watchers++;
	ret = kernel_wait_for(watch->k, is_over, watch);
	watch->k->steps->n_watchers--;
	if (ret)
		return ret;
	held = watch->held ? next_held(watch) : NULL;
	record = watch->held ? NULL : next_record(watch);
	if (!held && !record)
		return -EINTR;
	watch->passed = held ? held->id : record->sequence;
	watch->line = xasprintf("%lu %s\n", watch->passed, held ? held->text : record->text);
	watch->length = strlen(watch->line);
	watch->done = 0;
	return 0;
}

static void drop_line(struct watch *watch)
{
	free(watch->line);
	watch->line = NULL;
}

static ssize_t watch_read(struct kobject *kobj, void *state, char *buffer, size_t size)
{
	struct watch *watch = state;
	int ret;

	if (!watch->armed)
		return -EINVAL;
	if (!size)
		return 0;
	if (!watch->line && (ret = wait_for_line(watch)))
		return ret;
	if (size > watch->length - watch->done)
		size = watch->length - watch->done;
	memcpy(buffer, watch->line + watch->done, size);
	watch->done += size;
	/* A line at a time: a reader that has more room shall not wait for the next one. */
	if (watch->done == watch->length)
		drop_line(watch);
	return (ssize_t)size;
}

static ssize_t watch_write(struct kobject *kobj, void *state, const char *data, size_t size)
{
	struct kernel *k = kobj->k;
	struct watch *watch = state;
	char *text = xasprintf("%.*s", (int)size, data), *line = text;
	struct rule wanted = {.text = NULL};
	const char *complaint;
	bool held;

	line[strcspn(line, "\n")] = '\0';
	held = !strncmp(line, "held ", 5);
	complaint = rule_parse_match(line + (held ? 5 : 0), &wanted);
	if (complaint) {
		snprintf(text, size + 1, "%.*s", (int)size, data);
		control_refuse(k, "wait", text, EINVAL, complaint);
		rule_clear(&wanted);
		free(text);
		return -EINVAL;
	}
	free(text);
	rule_clear(&watch->wanted);
	drop_line(watch);
	watch->wanted = wanted;
	watch->armed = true;
	watch->held = held;
	watch->passed = 0;
	watch->n_clears = k->steps->n_clears;
	return (ssize_t)size;
}

static void *watch_open(struct kobject *kobj)
{
	struct watch *watch = xcalloc(sizeof(*watch));

	watch->k = kobj->k;
	return watch;
}

static void watch_release(void *state)
{
	struct watch *watch = state;

	rule_clear(&watch->wanted);
	drop_line(watch);
	free(watch);
}

const struct stream watch_stream = {
	.open = watch_open, .release = watch_release, .write = watch_write, .read = watch_read};
