/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int mocksys_fault_add(struct mocksys *machine, const char *rules)
{
	return client_write(machine, "faults", rules);
}

int mocksys_fault_clear(struct mocksys *machine)
{
	return client_write(machine, "faults", "clear");
}

/* A line of the control file: `RULE # fired N of M`; cut behind the rule. False: it is something else. */
static bool parse_line(char *line, unsigned long *ret_fired)
{
	char *comment = strstr(line, " # fired ");

	if (!comment || sscanf(comment, " # fired %lu of", ret_fired) != 1)
		return false;
	*comment = '\0';
	return true;
}

int mocksys_fault_count(struct mocksys *machine, const char *rule, unsigned long *ret_fired)
{
	size_t length = strcspn(rule, "\n");
	_cleanup_free_ char *text = NULL;
	unsigned long sum = 0, fired;
	bool found = false;
	char *rest;
	int r = client_read(machine, "faults", &text);

	if (r < 0)
		return r;
	rest = text;
	for (char *line; (line = strsep(&rest, "\n"));) {
		if (!parse_line(line, &fired) || strncmp(line, rule, length) != 0 || line[length])
			continue;
		found = true;
		sum += fired;
	}
	if (!found)
		return client_fail(machine, -ENOENT, "no such fault rule: '%s'", rule);
	if (ret_fired)
		*ret_fired = sum;
	return 0;
}

int mocksys_fault_unfired(struct mocksys *machine, char **ret_rules)
{
	_cleanup_free_ char *text = NULL;
	char *rest, *end;
	unsigned long fired;
	int r = client_read(machine, "faults", &text);

	if (r < 0)
		return r;
	/* In place: what is kept gets shorter. */
	rest = end = text;
	for (char *line; (line = strsep(&rest, "\n"));) {
		size_t length;

		if (!parse_line(line, &fired) || fired)
			continue;
		length = strlen(line);
		memmove(end, line, length);
		end += length;
		*end++ = '\n';
	}
	*end = '\0';
	if (ret_rules) {
		*ret_rules = text;
		text = NULL;
	}
	return 0;
}
