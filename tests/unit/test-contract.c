/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-contract PREFIX HEADER MAP: what the header of a library declares is what its map exports, and each function has a
 * comment of its own that says since when.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *prefix, *header, *map;

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;

	assert_non_null(file);
	assert_true(getdelim(&text, &size, '\0', file) > 0);
	fclose(file);
	return text;
}

/* The name that begins at @text, up to what cannot be part of one. */
static size_t name_length(const char *text)
{
	size_t n = 0;

	while (isalnum((unsigned char)text[n]) || text[n] == '_')
		n++;
	return n;
}

/* Comments taken out, so that what is left are declarations. */
static char *without_comments(const char *text)
{
	char *copy = strdup(text), *begin, *end;

	assert_non_null(copy);
	while ((begin = strstr(copy, "/*"))) {
		end = strstr(begin, "*/");
		assert_non_null(end);
		memmove(begin, end + 2, strlen(end + 2) + 1);
	}
	return copy;
}

static void what_is_declared_is_exported(void **state)
{
	char *text = read_file(header), *symbols = read_file(map), *declarations = without_comments(text);
	size_t n = 0;

	for (char *at = declarations; (at = strstr(at, prefix)); at += name_length(at)) {
		char symbol[128];

		/* A function's: not one of a type, nor a part of another name. */
		if (at[name_length(at)] != '(' || (at > declarations && at[-1] == '_'))
			continue;
		snprintf(symbol, sizeof(symbol), "\t%.*s;\n", (int)name_length(at), at);
		if (!strstr(symbols, symbol))
			fail_msg("not in the map: %s", symbol);
		n++;
	}
	for (const char *at = symbols; (at = strstr(at, prefix)); at += name_length(at))
		n--;
	if (n)
		fail_msg("the map has other functions than the header");
	free(declarations);
	free(symbols);
	free(text);
}

static void each_function_is_documented(void **state)
{
	char *text = read_file(header), *symbols = read_file(map);

	for (const char *symbol = symbols; (symbol = strstr(symbol, prefix)); symbol += name_length(symbol)) {
		char declaration[128], *at, *end;

		snprintf(declaration, sizeof(declaration), "%.*s(", (int)name_length(symbol), symbol);
		/* In comments the name is followed by ")": the declaration is where it is not. */
		for (at = strstr(text, declaration); at && at[strlen(declaration)] == ')';
		     at = strstr(at + 1, declaration))
			;
		assert_non_null(at);
		*at = '\0';
		end = strrchr(text, '/');
		if (!end || end[-1] != '*' || strchr(end, ';') ||
		    strncmp(end - strlen("Since: 0.1\n *"), "Since: 0.", 9) != 0)
			fail_msg("%s has no comment that ends in \"Since: 0.1\"", declaration);
		*at = *declaration;
	}
	free(symbols);
	free(text);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_declared_is_exported),
		cmocka_unit_test(each_function_is_documented),
	};

	if (argc != 4)
		return 2;
	prefix = argv[1];
	header = argv[2];
	map = argv[3];
	return cmocka_run_group_tests_name(prefix, tests, NULL, NULL);
}
