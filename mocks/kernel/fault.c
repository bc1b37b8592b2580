/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fault rules, one a line:
 *   STEP [device=A] [driver=D] [path=GLOB] [actor=N] [after=N] [times=N] fail=ERRNO|delay=MS|hold
 */
#include "kernel/kernfs.h"
#include "kernel/step-internal.h"

#include <fnmatch.h>
#include <time.h>

struct rule {
	TAILQ_ENTRY(rule) list;
	char *text; /* as written */
	enum step_id step;
	char *device, *driver, *path, *actor;
	unsigned long after, times; /* times 0: for ever */
	unsigned long seen, fired;
	int error; /* fail=: positive errno */
	unsigned long delay_ms;
	bool hold;
};

static void rule_free(struct rule *rule)
{
	free(rule->text);
	free(rule->device);
	free(rule->driver);
	free(rule->path);
	free(rule->actor);
	free(rule);
}

static void free_rules(struct rules *rules)
{
	struct rule *rule;

	while ((rule = TAILQ_FIRST(rules))) {
		TAILQ_REMOVE(rules, rule, list);
		rule_free(rule);
	}
}

void rules_clear(struct step_state *state)
{
	free_rules(&state->rules);
}

static bool field_matches(const char *wanted, const char *actual)
{
	return !wanted || (actual && !strcmp(wanted, actual));
}

static bool path_matches(const char *glob, const char *path)
{
	char absolute[PAGE];

	if (!glob)
		return true;
	if (!path)
		return false;
	snprintf(absolute, sizeof(absolute), "/%s", path);
	return fnmatch(glob, absolute, 0) == 0;
}

static bool rule_matches(const struct rule *rule, enum step_id id, const struct step_args *args)
{
	return rule->step == id && field_matches(rule->device, args->device) &&
	       field_matches(rule->driver, args->driver) && field_matches(rule->actor, kernel_client()->actor) &&
	       path_matches(rule->path, args->path);
}

static int wait_ms(struct kernel *k, unsigned long ms)
{
	struct timespec deadline;
	int ret = 0;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += (time_t)(ms / 1000);
	deadline.tv_nsec += (long)(ms % 1000) * 1000000;
	if (deadline.tv_nsec >= 1000000000) {
		deadline.tv_sec++;
		deadline.tv_nsec -= 1000000000;
	}
	while (!ret)
		ret = kernel_wait_until(k, &deadline);
	return ret == -ETIMEDOUT ? 0 : ret;
}

static int hold(struct kernel *k, enum step_id id, const struct step_args *args)
{
	struct held_step *held = xcalloc(sizeof(*held));
	char line[TRACE_LINE + 8];
	int ret = 0;

	trace_format(line, id, args);
	held->id = ++k->steps->next_held;
	held->text = xstrdup(line);
	TAILQ_INSERT_TAIL(&k->steps->held, held, list);
	kernel_changed(k);
	while (!ret && !held->released)
		ret = kernel_wait(k);
	TAILQ_REMOVE(&k->steps->held, held, list);
	free(held->text);
	free(held);
	return ret;
}

const char step_aborted[] = "the machine is being reset, or its server is ending";

long rules_apply(struct kernel *k, enum step_id id, const struct step_args *args, char *why)
{
	struct rule *rule;
	unsigned long delay = 0;
	bool held = false;
	int error = 0, ret = 0;

	/* Decide first, wait then: while the lock is dropped, the rules may change. */
	TAILQ_FOREACH (rule, &k->steps->rules, list) {
		if (!rule_matches(rule, id, args))
			continue;
		if (rule->seen++ < rule->after || (rule->times && rule->fired >= rule->times))
			continue;
		rule->fired++;
		delay += rule->delay_ms;
		held |= rule->hold;
		if (error || !rule->error)
			continue;
		error = rule->error;
		snprintf(why, STEP_WHY, "fault rule: %s", rule->text);
	}
	if (delay)
		ret = wait_ms(k, delay);
	if (!ret && held)
		ret = hold(k, id, args);
	if (ret) {
		snprintf(why, STEP_WHY, "%s", step_aborted);
		return ret;
	}
	return error ? -error : args->result;
}

bool step_has_rules(struct kernel *k)
{
	return !TAILQ_EMPTY(&k->steps->rules);
}

static bool parse_number(const char *text, unsigned long *ret)
{
	unsigned long long value;

	if (kstrtoull(text, &value) || value > 86400000)
		return false;
	*ret = (unsigned long)value;
	return true;
}

static const char *set_string(char **slot, const char *value)
{
	free(*slot);
	*slot = xstrdup(value);
	return NULL;
}

/* One key=value of a rule. NULL, or what is wrong with it. */
static const char *parse_pair(struct rule *rule, const char *key, const char *value)
{
	if (!strcmp(key, "device"))
		return set_string(&rule->device, value);
	if (!strcmp(key, "driver"))
		return set_string(&rule->driver, value);
	if (!strcmp(key, "path"))
		return set_string(&rule->path, value);
	if (!strcmp(key, "actor"))
		return set_string(&rule->actor, value);
	if (!strcmp(key, "after"))
		return parse_number(value, &rule->after) ? NULL : "after= wants a number";
	if (!strcmp(key, "times"))
		return parse_number(value, &rule->times) && rule->times ? NULL : "times= wants a number above 0";
	if (!strcmp(key, "delay"))
		return parse_number(value, &rule->delay_ms) && rule->delay_ms ? NULL
									      : "delay= wants milliseconds above 0";
	if (!strcmp(key, "fail"))
		return (rule->error = errno_parse(value)) ? NULL : "fail= wants the name of an errno";
	return "no such key";
}

static const char *parse_step(struct rule *rule, const char *name)
{
	for (int id = 0; id < STEP_COUNT; id++)
		if (!strcmp(step_name((enum step_id)id), name)) {
			rule->step = (enum step_id)id;
			return NULL;
		}
	return "no such step";
}

static const char *parse_rule(char *line, struct rule *rule)
{
	char *rest = line, *word;
	const char *complaint = NULL;
	bool first = true;

	rule->text = xstrdup(line);
	while (!complaint && (word = strsep(&rest, " \t"))) {
		char *value;

		if (!*word)
			continue;
		if (first) {
			complaint = parse_step(rule, word);
			first = false;
			continue;
		}
		if (!strcmp(word, "hold")) {
			rule->hold = true;
			continue;
		}
		value = strchr(word, '=');
		if (!value)
			return "a word without =";
		*value++ = '\0';
		complaint = parse_pair(rule, word, value);
	}
	if (complaint)
		return complaint;
	if (!rule->error && !rule->delay_ms && !rule->hold)
		return "none of fail=, delay= and hold";
	if ((rule->delay_ms || rule->hold) && !step_may_wait(rule->step))
		return "this step cannot wait";
	if (rule->error && !step_may_fail(rule->step))
		return "this step cannot fail";
	return NULL;
}

int step_rules_parse(struct kernel *k, const char *text)
{
	struct rules added = TAILQ_HEAD_INITIALIZER(added);
	bool clear = false;
	char *copy = xstrdup(text), *rest = copy, *line;
	struct rule *rule;
	int ret = 0;

	while (!ret && (line = strsep(&rest, "\n"))) {
		const char *complaint;

		line += strspn(line, " \t");
		if (!*line || *line == '#')
			continue;
		if (!strcmp(line, "clear")) {
			clear = true;
			free_rules(&added);
			continue;
		}
		rule = xcalloc(sizeof(*rule));
		TAILQ_INSERT_TAIL(&added, rule, list);
		complaint = parse_rule(line, rule);
		if (!complaint)
			continue;
		ret = -EINVAL;
		/* Past the rules, or a rule could hide its own successor's refusal. */
		trace_record(
			k->steps, STEP_SYS_WRITE,
			&(struct step_args){.path = KERNFS_CONTROL "/faults", .value = rule->text, .why = complaint},
			ret);
	}
	/* All of it, or none. */
	if (ret)
		free_rules(&added);
	else if (clear)
		rules_clear(k->steps);
	TAILQ_CONCAT(&k->steps->rules, &added, list);
	free(copy);
	return ret;
}

void step_rules_clear(struct kernel *k)
{
	rules_clear(k->steps);
}

char *step_rules_text(struct kernel *k)
{
	struct rule *rule;
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		abort();
	TAILQ_FOREACH (rule, &k->steps->rules, list)
		fprintf(stream, "%s # fired %lu of %lu\n", rule->text, rule->fired, rule->seen);
	fclose(stream);
	return text;
}

char *step_held_text(struct kernel *k)
{
	struct held_step *held;
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		abort();
	TAILQ_FOREACH (held, &k->steps->held, list)
		fprintf(stream, "%lu %s\n", held->id, held->text);
	fclose(stream);
	return text;
}

int step_release(struct kernel *k, unsigned long id)
{
	struct held_step *held;

	TAILQ_FOREACH (held, &k->steps->held, list)
		if (held->id == id && !held->released) {
			held->released = true;
			kernel_changed(k);
			return 0;
		}
	return -ENOENT;
}
