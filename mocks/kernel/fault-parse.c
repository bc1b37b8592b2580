/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fault rules as they are written, one a line:
 *   STEP [device=A] [driver=D] [path=GLOB] [actor=N] [after=N] [times=N] fail=ERRNO|delay=MS|hold|vanish|kill
 */
#include "kernel/fault.h"

#include "kernel/kernfs.h"

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

/* The keys that say which steps are meant. */
static char **match_slot(struct rule *rule, const char *key)
{
	const struct {
		const char *key;
		char **slot;
	} slots[] = {
		{"device", &rule->device}, {"driver", &rule->driver}, {"path", &rule->path}, {"actor", &rule->actor}};

	for (size_t i = 0; i < ARRAY_SIZE(slots); i++)
		if (!strcmp(slots[i].key, key))
			return slots[i].slot;
	return NULL;
}

/* One key=value of a rule. NULL, or what is wrong with it. */
static const char *parse_pair(struct rule *rule, const char *key, const char *value)
{
	char **slot = match_slot(rule, key);

	if (slot)
		return set_string(slot, value);
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

/* What a rule does, where that is one word. */
static bool parse_flag(struct rule *rule, const char *word)
{
	if (!strcmp(word, "hold"))
		rule->hold = true;
	else if (!strcmp(word, "kill"))
		rule->kill = true;
	else if (!strcmp(word, "vanish"))
		rule->vanish = true;
	else
		return false;
	return true;
}

int step_parse(const char *name, enum step_id *ret_id)
{
	for (int id = 0; id < STEP_COUNT; id++)
		if (!strcmp(step_name((enum step_id)id), name)) {
			*ret_id = (enum step_id)id;
			return 0;
		}
	return -EINVAL;
}

static const char *parse_words(char *line, struct rule *rule)
{
	const char *complaint = NULL;
	bool first = true;
	char *word;

	while (!complaint && (word = strsep(&line, " \t"))) {
		char *value;

		if (!*word)
			continue;
		if (first) {
			if (step_parse(word, &rule->step))
				return "no such step";
			first = false;
			continue;
		}
		if (parse_flag(rule, word))
			continue;
		value = strchr(word, '=');
		if (!value)
			return "a word without =";
		*value++ = '\0';
		complaint = parse_pair(rule, word, value);
	}
	return first ? "no step" : complaint;
}

static bool does_something(const struct rule *rule)
{
	return rule->error || rule->delay_ms || rule->hold || rule->kill || rule->vanish;
}

const char *rule_parse_match(char *line, struct rule *rule)
{
	const char *complaint = parse_words(line, rule);

	if (!complaint && (does_something(rule) || rule->after || rule->times))
		return "only device=, driver=, path= and actor= say which step";
	return complaint;
}

static const char *parse_rule(char *line, struct rule *rule)
{
	const char *complaint;

	rule->text = xstrdup(line);
	complaint = parse_words(line, rule);
	if (complaint)
		return complaint;
	if (!does_something(rule))
		return "none of fail=, delay=, hold, vanish and kill";
	/* A device that vanishes takes its time, too. */
	if ((rule->delay_ms || rule->hold || rule->vanish) && !step_may_wait(rule->step))
		return "this step cannot wait";
	if (rule->error && !step_may_fail(rule->step))
		return "this step cannot fail";
	return NULL;
}

int step_rules_parse(struct kernel *k, const char *text)
{
	struct rules added = TAILQ_HEAD_INITIALIZER(added);
	bool clear = false;
	char *copy = xstrdup(text), *rest = copy, *line, *comment;
	struct rule *rule;
	int ret = 0;

	while (!ret && (line = strsep(&rest, "\n"))) {
		const char *complaint;

		line += strspn(line, " \t");
		if (!*line || *line == '#')
			continue;
		/* As what is read there ends: how often it has fired. */
		comment = strstr(line, " #");
		if (comment)
			*comment = '\0';
		if (!strcmp(line, "clear")) {
			clear = true;
			rules_free(&added);
			continue;
		}
		rule = xcalloc(sizeof(*rule));
		TAILQ_INSERT_TAIL(&added, rule, list);
		complaint = parse_rule(line, rule);
		if (!complaint)
			continue;
		ret = control_refuse(k, "faults", rule->text, EINVAL, complaint);
	}
	/* All of it, or none. */
	if (ret)
		rules_free(&added);
	else if (clear)
		rules_free(&k->steps->rules);
	TAILQ_CONCAT(&k->steps->rules, &added, list);
	free(copy);
	return ret;
}
