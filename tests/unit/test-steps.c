/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-steps DOCS: the table of steps in docs/testing.md is the model's. */
#include "kernel/step-internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *path;

static void the_documentation_has_each_step_once_and_says_what_it_can(void **state)
{
	static const char *const words[] = {"no", "yes"};
	unsigned seen[STEP_COUNT] = {0};
	char line[512], name[64], waits[8], fails[8];
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		int id = 0;

		if (sscanf(line, "| `%63[a-z.-]` | %7[a-z] | %7[a-z] |", name, waits, fails) != 3)
			continue;
		while (id < STEP_COUNT && strcmp(step_name((enum step_id)id), name) != 0)
			id++;
		if (id == STEP_COUNT)
			fail_msg("%s: there is no such step", name);
		seen[id]++;
		if (strcmp(waits, words[step_may_wait((enum step_id)id)]) != 0 ||
		    strcmp(fails, words[step_may_fail((enum step_id)id)]) != 0)
			fail_msg("%s: waits %s, fails %s: not so", name, waits, fails);
	}
	fclose(file);
	for (int id = 0; id < STEP_COUNT; id++)
		if (seen[id] != 1)
			fail_msg("%s: %u times in %s", step_name((enum step_id)id), seen[id], path);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_documentation_has_each_step_once_and_says_what_it_can),
	};

	if (argc != 2)
		return 2;
	path = argv[1];
	return cmocka_run_group_tests_name("steps", tests, NULL, NULL);
}
