/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Replays a transcript on the bare model: every return value, errno, link target, list and uevent must be the same.
 * One is what a real Linux 6.12 answered (data/variant-linux-6.12.transcript); tests/rows are the specification's.
 */
#include "model.h"
#include "q35-machine.h"

#include "fixture/fixture.h"
#include "kernel/step.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *transcript;

/* "\n", "\0" and "\\" in the operation's text. Returns the length. */
static size_t unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		if (*from == '\\' && from[1]) {
			from++;
			*to++ = *from == 'n' ? '\n' : *from == '0' ? '\0' : *from;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
	return (size_t)(to - text);
}

static void print_result(FILE *out, long ret, const char *prefix)
{
	if (ret < 0)
		fprintf(out, "= %s%s\n", prefix, errno_name((int)-ret));
	else
		fprintf(out, "= %ld \n", ret);
}

static void op_write(struct kernel *k, FILE *out, char *path)
{
	char *data = strchr(path, ' ');

	*data++ = '\0';
	size_t size = unescape(data);

	print_result(out, model_write_bytes(k, path, data, size), "-1 ");
}

static void op_read(struct kernel *k, FILE *out, char *path)
{
	char text[8192];
	long ret = model_read(k, path, text, sizeof(text));

	if (ret < 0) {
		print_result(out, ret, "-1 ");
		return;
	}
	fprintf(out, "= %ld ", ret);
	for (long i = 0; i < ret; i++)
		fputs(text[i] == '\n' ? "\\n" : (char[]){text[i], 0}, out);
	fputc('\n', out);
}

static void op_readlink(struct kernel *k, FILE *out, char *path)
{
	const char *target = model_readlink(k, path);

	fprintf(out, "= %s\n", target ? target : "ENOENT");
}

static void op_list(struct kernel *k, FILE *out, char *path)
{
	char *list = model_list(k, path);

	if (list)
		fprintf(out, "= 0 %s\n", list);
	else
		fprintf(out, "= ENOENT\n");
	free(list);
}

static void op_write_nothing(struct kernel *k, FILE *out, char *path)
{
	print_result(out, model_write_bytes(k, path, "", 0), "-1 ");
}

/* PATH COUNT: one write of COUNT times x. */
static void op_write_many(struct kernel *k, FILE *out, char *path)
{
	char *count = strchr(path, ' '), data[8192];
	size_t size;

	*count++ = '\0';
	size = strtoul(count, NULL, 10);
	assert_true(size <= sizeof(data));
	memset(data, 'x', size);
	print_result(out, model_write_bytes(k, path, data, size), "-1 ");
}

static void op_read_length(struct kernel *k, FILE *out, char *path)
{
	char text[8192];

	print_result(out, model_read(k, path, text, sizeof(text)), "-1 ");
}

/* NAME[ PARAMETERS] */
static void op_init_module(struct kernel *k, FILE *out, char *name)
{
	char *parameters = strchr(name, ' ');

	if (parameters)
		*parameters++ = '\0';
	kernel_lock(k);
	print_result(out, kernel_init_module(k, name, parameters ?: ""), "");
	kernel_unlock(k);
}

static void op_delete_module(struct kernel *k, FILE *out, char *name)
{
	kernel_lock(k);
	print_result(out, kernel_delete_module(k, name), "");
	kernel_unlock(k);
}

static void op_load(struct kernel *k, FILE *out, char *name)
{
	kernel_lock(k);
	fprintf(out, "= exit %d\n", kernel_modprobe(k, name) ? 1 : 0);
	kernel_unlock(k);
}

static void op_unload(struct kernel *k, FILE *out, char *name)
{
	kernel_lock(k);
	fprintf(out, "= exit %d\n", kernel_delete_module(k, name) ? 1 : 0);
	kernel_unlock(k);
}

static void op_uevents(struct kernel *k, FILE *out, char *argument)
{
	char *message;
	size_t size;
	int n = 0;

	kernel_lock(k);
	while ((size = kernel_next_uevent(k, &message))) {
		for (size_t i = 0; i + 1 < size; i++)
			if (!message[i])
				message[i] = ' ';
		fprintf(out, "  uevent %s\n", message);
		free(message);
		n++;
	}
	kernel_unlock(k);
	fprintf(out, "= %d uevents\n", n);
}

static const struct {
	const char *name;
	void (*run)(struct kernel *k, FILE *out, char *argument);
} operations[] = {
	{"w ", op_write},
	{"w0 ", op_write_nothing},
	{"wn ", op_write_many},
	{"r ", op_read},
	{"rn ", op_read_length},
	{"l ", op_readlink},
	{"ls ", op_list},
	{"mod ", op_load},
	{"rmmod ", op_unload},
	{"load ", op_init_module},
	{"unload ", op_delete_module},
	{"ue", op_uevents},
};

/* Blanks at the end of a line mean nothing; the number of a wakeup device says how many the machine ever had. */
static void normalise(char *text)
{
	char *to = text;

	for (const char *from = text; *from;) {
		if (!strncmp(from, "wakeup", 6) && isdigit((unsigned char)from[6])) {
			memmove(to, from, 6);
			to += 6;
			for (from += 6; isdigit((unsigned char)*from); from++)
				;
			continue;
		}
		while (*from == '\n' && to > text && to[-1] == ' ')
			to--;
		*to++ = *from++;
	}
	*to = '\0';
}

static char *run(struct kernel *k, const char *line)
{
	char *copy = strdup(line), *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++)
		if (!strncmp(copy, operations[i].name, strlen(operations[i].name))) {
			operations[i].run(k, out, copy + strlen(operations[i].name));
			break;
		}
	fclose(out);
	free(copy);
	normalise(text);
	return text;
}

/* The lines of the transcript up to the next operation or comment. */
static char *expected_answer(FILE *in, char **next, size_t *capacity)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	ssize_t length;

	while ((length = getline(next, capacity, in)) > 0 && (*next)[0] != '>' && (*next)[0] != '#' &&
	       strncmp(*next, "END", 3))
		fputs(*next, out);
	if (length <= 0)
		(*next)[0] = '\0';
	fclose(out);
	normalise(text);
	return text;
}

/* Line by line: cmocka cuts long messages. */
static void print_lines(const char *title, char *text)
{
	char *line;

	print_error("%s\n", title);
	while ((line = strsep(&text, "\n")))
		print_error("%s\n", line);
}

/* `machine NAME-OR-FILE [PROFILE]` on the first line; without it the machine of the captured transcript. */
static struct kernel *boot(const char *line, struct fixture **ret_fixture)
{
	char name[256], path[4096], profile[16];
	const char *machine = name;
	int n = sscanf(line, "machine %255s %15s", name, profile);

	if (n < 1)
		return model_new(&q35_machine, NULL);
	if (strchr(name, '.')) {
		snprintf(path, sizeof(path), "%.*s/%s", (int)(strrchr(transcript, '/') - transcript), transcript, name);
		machine = path;
	}
	assert_int_equal(fixture_load(&machine, 1, stderr, ret_fixture), 0);
	if (n == 2)
		fixture_set_kernel(*ret_fixture, profile);
	return model_new(fixture_machine(*ret_fixture), n == 2 ? profile : NULL);
}

static int replay(struct kernel *k, FILE *in, char *line, size_t capacity)
{
	int n = 0;

	while (line[0]) {
		char *operation, *actual, *expected;

		if (line[0] != '>') {
			free(expected_answer(in, &line, &capacity));
			continue;
		}
		operation = strndup(line + 2, strcspn(line + 2, "\n"));
		expected = expected_answer(in, &line, &capacity);
		actual = run(k, operation);
		if (strcmp(expected, actual)) {
			print_error("> %s\n", operation);
			print_lines("expected:", expected);
			print_lines("the model said:", actual);
			fail();
		}
		free(operation);
		free(expected);
		free(actual);
		n++;
	}
	free(line);
	return n;
}

static void model_answers_as_the_transcript_says(void **state)
{
	FILE *in = fopen(transcript, "r");
	struct fixture *fixture = NULL;
	struct kernel *k;
	char *line = NULL;
	size_t capacity = 0;

	assert_non_null(in);
	assert_true(getline(&line, &capacity, in) > 0);
	k = boot(line, &fixture);
	assert_true(replay(k, in, line, capacity) > 0);
	fclose(in);
	kernel_free(k);
	fixture_free(fixture);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(model_answers_as_the_transcript_says)};

	if (argc != 2) {
		fprintf(stderr, "usage: %s TRANSCRIPT\n", argv[0]);
		return 2;
	}
	transcript = argv[1];
	return cmocka_run_group_tests_name("transcript", tests, NULL, NULL);
}
