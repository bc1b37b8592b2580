/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Replays what a real Linux 6.12 answered (data/variant-linux-6.12.transcript) on the bare model: every return value,
 * errno, link target, list and uevent must be the same.
 */
#include "model.h"
#include "q35-machine.h"

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
	{"w ", op_write},     {"r ", op_read},	      {"l ", op_readlink}, {"ls ", op_list},
	{"mod ", op_load},    {"rmmod ", op_unload},  {"ue", op_uevents},
};

/* The number of a wakeup device says how many the machine ever had: left out. */
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

static void model_answers_as_linux_6_12_did(void **state)
{
	struct kernel *k = model_new(&q35_machine, NULL);
	FILE *in = fopen(transcript, "r");
	char *line = NULL;
	size_t capacity = 0;
	int n = 0;

	assert_non_null(in);
	assert_true(getline(&line, &capacity, in) > 0);
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
			print_lines("Linux said:", expected);
			print_lines("the model said:", actual);
			fail();
		}
		free(operation);
		free(expected);
		free(actual);
		n++;
	}
	assert_int_equal(n, 51);
	free(line);
	fclose(in);
	kernel_free(k);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(model_answers_as_linux_6_12_did)};

	transcript = argc > 1 ? argv[1] : "data/variant-linux-6.12.transcript";
	return cmocka_run_group_tests_name("transcript", tests, NULL, NULL);
}
