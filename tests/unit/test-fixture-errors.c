/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Broken fixtures and what is said of them: tests/fixture-errors/NAME.yaml must give exactly NAME.expected.
 *
 *   test-fixture-errors            all
 *   test-fixture-errors NAME...    these
 *   test-fixture-errors --update   writes the .expected files anew; then read the difference
 */
#include "fixture/fixture.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char *read_all(const char *path)
{
	FILE *stream = fopen(path, "r");
	char *text = NULL;
	size_t capacity = 0;
	ssize_t size;

	if (!stream)
		return NULL;
	size = getdelim(&text, &capacity, EOF, stream);
	fclose(stream);
	if (size < 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* What `mocksys check` says of fixture @name (malloc'd). */
static char *complaints(const char *name)
{
	char *text = NULL, path[256];
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	int errors;

	assert_non_null(stream);
	snprintf(path, sizeof(path), "%s.yaml", name);
	errors = fixture_check(path, stream);
	fclose(stream);
	if (!errors)
		fail_msg("%s: no error was found", path);
	return text;
}

static void complaints_are_as_expected(void **state)
{
	const char *name = *state;
	char *text = complaints(name), *expected, path[256];

	snprintf(path, sizeof(path), "%s.expected", name);
	expected = read_all(path);
	if (!expected)
		fail_msg("%s is not there; run this program with --update", path);
	if (strcmp(text, expected))
		print_error("expected:\n%s\nfound:\n%s\n", expected, text);
	assert_string_equal(text, expected);
	free(expected);
	free(text);
}

static void update(const char *name)
{
	char *text = complaints(name), path[256];
	FILE *stream;

	snprintf(path, sizeof(path), "%s.expected", name);
	stream = fopen(path, "w");
	assert_non_null(stream);
	fputs(text, stream);
	fclose(stream);
	free(text);
}

static int is_fixture(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > 5 && !strcmp(entry->d_name + length - 5, ".yaml");
}

static bool is_wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc == 1;
}

int main(int argc, char **argv)
{
	struct dirent **entries;
	struct CMUnitTest *tests;
	bool updating = argc == 2 && !strcmp(argv[1], "--update");
	int n, n_tests = 0, failed = 0;

	/* Relative paths, so that the messages are the same everywhere. */
	if (chdir(FIXTURE_ERRORS) < 0 || setenv("MOCKSYS_FIXTURES", "folder", 1) < 0) {
		perror(FIXTURE_ERRORS);
		return 1;
	}
	n = scandir(".", &entries, is_fixture, alphasort);
	if (n <= 0) {
		fprintf(stderr, "no fixtures in %s\n", FIXTURE_ERRORS);
		return 1;
	}
	tests = calloc((size_t)n, sizeof(*tests));
	for (int i = 0; tests && i < n; i++) {
		char *name = entries[i]->d_name;

		name[strlen(name) - strlen(".yaml")] = '\0';
		if (updating)
			update(name);
		else if (is_wanted(name, argc, argv))
			tests[n_tests++] = (struct CMUnitTest){
				.name = name, .test_func = complaints_are_as_expected, .initial_state = name};
	}
	if (!updating && !n_tests) {
		fputs("no such fixture\n", stderr);
		failed = 1;
	}
	if (n_tests)
		failed = _cmocka_run_group_tests("fixture-errors", tests, (size_t)n_tests, NULL, NULL);
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
	free(tests);
	return failed;
}
