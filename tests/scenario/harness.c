/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the program ---- */

/*
 * SCENARIO_SKIP="TEST=WHY;TEST=WHY;…": tests that are known to skip, so that nobody waits until they do. Returns how many of
 * @suite are left in @tests.
 */
static size_t drop_skipped(const struct suite *suite, struct CMUnitTest *tests)
{
	const char *skip = getenv("SCENARIO_SKIP");
	size_t n = 0;

	for (size_t i = 0; i < suite->n_tests; i++) {
		_cleanup_text_ char *word = format_text("%s=", suite->tests[i].name);
		const char *known = skip ? strstr(skip, word) : NULL;

		if (!known || (known != skip && known[-1] != ';')) {
			tests[n++] = suite->tests[i];
			continue;
		}
		known += strlen(word);
		printf("skipped: it needs %.*s,\n[  SKIPPED ] %s\n", (int)strcspn(known, ";"), known,
		       suite->tests[i].name);
	}
	fflush(stdout);
	return n;
}

int scenario_main(int argc, char **argv, const struct suite *suites, size_t n_suites)
{
	const struct suite *suite = NULL;
	struct CMUnitTest tests[128];
	size_t n;

	for (size_t i = 0; argc > 1 && i < n_suites; i++)
		if (strcmp(argv[1], suites[i].machine) == 0)
			suite = &suites[i];
	if (!suite || argc > 3 || (!exists(CONTROL) && !on_real_kernel())) {
		fprintf(stderr, "usage: mocksys run -m MACHINE -- %s MACHINE [TEST]\nMACHINE is one of", argv[0]);
		for (size_t i = 0; i < n_suites; i++)
			fprintf(stderr, " %s", suites[i].machine);
		fprintf(stderr, "\n");
		return 2;
	}
	if (argc == 3)
		cmocka_set_test_filter(argv[2]);
	assert_true(suite->n_tests <= ARRAY_SIZE(tests));
	n = drop_skipped(suite, tests);
	return n && _cmocka_run_group_tests(suite->machine, tests, n, NULL, NULL) != 0;
}

/* ---- real kernels ---- */

bool on_real_kernel(void)
{
	const char *way = getenv("MOCKSYS_WAY");

	return way && strcmp(way, "qemu") == 0;
}

/* Faults, the trace, what is held: a test that needs them can be had on the fake only. */
static void only_on_the_fake(const char *path)
{
	if (!on_real_kernel() || strncmp(path, CONTROL "/", strlen(CONTROL "/")) != 0)
		return;
	print_message("skipped: it needs %s, which only the fake has\n", strrchr(path, '/') + 1);
	skip();
}

void needs_no_kernel(void)
{
	if (!on_real_kernel())
		return;
	print_message("skipped: it needs no kernel, and would take long\n");
	skip();
}

/* ---- the machine ---- */

char *format_text(const char *format, ...)
{
	va_list arguments;
	char *text;
	int n;

	va_start(arguments, format);
	n = vasprintf(&text, format, arguments);
	va_end(arguments);
	assert_return_code(n, errno);
	return text;
}

int try_write_file(const char *path, const char *text)
{
	int fd, r = 0;

	only_on_the_fake(path);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		r = -errno;
	close(fd);
	return r;
}

void write_file(const char *path, const char *text)
{
	int r = try_write_file(path, text);

	if (r < 0)
		fail_msg("cannot write '%s' to %s: %s", text, path, strerror(-r));
}

static char *read_descriptor(int fd, size_t *ret_size)
{
	size_t size = 0, room = 4096;
	char *text = malloc(room + 1);
	ssize_t n;

	assert_non_null(text);
	while ((n = read(fd, text + size, room - size)) > 0) {
		size += (size_t)n;
		if (size < room)
			continue;
		room *= 2;
		text = realloc(text, room + 1);
		assert_non_null(text);
	}
	if (n < 0) {
		int error = errno;

		free(text);
		errno = error;
		return NULL;
	}
	text[size] = '\0';
	if (ret_size)
		*ret_size = size;
	return text;
}

static char *read_bytes(const char *path, size_t *ret_size)
{
	int fd, error;
	char *text;

	only_on_the_fake(path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	text = read_descriptor(fd, ret_size);
	error = errno;
	close(fd);
	errno = error;
	return text;
}

char *read_file(const char *path)
{
	return read_bytes(path, NULL);
}

void assert_text(const char *path, const char *expected)
{
	_cleanup_text_ char *text = read_file(path);

	assert_non_null(text);
	assert_string_equal(text, expected);
}

bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

char *link_name(const char *format, ...)
{
	char path[256], target[512], *slash;
	va_list arguments;
	ssize_t n;

	va_start(arguments, format);
	vsnprintf(path, sizeof(path), format, arguments);
	va_end(arguments);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return NULL;
	target[n] = '\0';
	slash = strrchr(target, '/');
	return strdup(slash ? slash + 1 : target);
}

void assert_device(const char *address, const char *driver, const char *driver_override)
{
	_cleanup_text_ char *now = link_name(DEVICES "/%s/driver", address);
	_cleanup_text_ char *path = format_text(DEVICES "/%s/driver_override", address);
	_cleanup_text_ char *override_now = read_file(path);

	assert_string_equal(now ? now : "(none)", driver ? driver : "(none)");
	assert_non_null(override_now);
	override_now[strcspn(override_now, "\n")] = '\0';
	assert_string_equal(override_now, driver_override);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return ftw->level == 0 ? 0 : remove(path);
}

int machine_reset(void **state)
{
	if (on_real_kernel()) /* what was touched is removed from its bus and found again: see tests/qemu/README.md */
		RUN_WELL("/run/mocksys/reset");
	else
		write_file(CONTROL "/reset", "1");
	/* What the library has written down of the machine as it was: the sandbox's own, or the guest's. */
	nftw("/run/vfiobind", remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	/* The reset's own end is a step after it, in which the test has no part. */
	trace_clear();
	return 0;
}

void add_fault(const char *format, ...)
{
	char rule[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(rule, sizeof(rule), format, arguments);
	va_end(arguments);
	write_file(CONTROL "/faults", rule);
}

void clear_faults(void)
{
	write_file(CONTROL "/faults", "clear");
}

unsigned long fault_fired(const char *rule)
{
	_cleanup_text_ char *rules = read_file(CONTROL "/faults");
	unsigned long sum = 0, fired;
	char *rest = rules;

	assert_non_null(rules);
	for (char *line; (line = strsep(&rest, "\n"));) {
		const char *comment = strstr(line, " # fired ");

		if (comment && strncmp(line, rule, strlen(rule)) == 0 && sscanf(comment, " # fired %lu", &fired) == 1)
			sum += fired;
	}
	return sum;
}

/* ---- the trace ---- */

static bool is_control_step(const char *line)
{
	return strstr(line, " path=sys/kernel/debug/mocksys/") != NULL;
}

char *trace_read(void)
{
	_cleanup_text_ char *all = read_file(CONTROL "/trace");
	char *kept = calloc(1, (all ? strlen(all) : 0) + 2), *end = kept, *rest = all;

	assert_non_null(all);
	assert_non_null(kept);
	for (char *line; (line = strsep(&rest, "\n"));)
		if (*line && !is_control_step(line))
			end += sprintf(end, "%s\n", line);
	return kept;
}

void trace_clear(void)
{
	if (!on_real_kernel())
		write_file(CONTROL "/trace", "clear");
}

static bool holds_all(const char *line, const char *const *words)
{
	for (; *words; words++)
		if (!strstr(line, *words))
			return false;
	return true;
}

unsigned int trace_count(const char *const *words)
{
	_cleanup_text_ char *trace = trace_read();
	char *rest = trace;
	unsigned int n = 0;

	for (char *line; (line = strsep(&rest, "\n"));)
		n += *line && holds_all(line, words);
	return n;
}

void assert_traced(unsigned int n, const char *const *words)
{
	if (!on_real_kernel())
		assert_int_equal(trace_count(words), n);
}

void assert_nothing_written(void)
{
	_cleanup_text_ char *trace = on_real_kernel() ? NULL : trace_read();
	char *rest = trace;

	for (char *line; (line = strsep(&rest, "\n"));)
		if (strstr(line, " sys.write ") || strstr(line, " module.load "))
			fail_msg("something was touched: %s", line);
}

/* ---- programs ---- */

void output_free(struct output *output)
{
	free(output->out);
	free(output->err);
}

static char *read_back(int fd)
{
	char *text;

	assert_return_code(lseek(fd, 0, SEEK_SET), errno);
	text = read_descriptor(fd, NULL);
	assert_non_null(text);
	close(fd);
	return text;
}

struct output run(const char *const *command)
{
	int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC), status;
	pid_t pid;

	assert_return_code(out, errno);
	assert_return_code(err, errno);
	fflush(NULL);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0) {
		int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

		dup2(null, STDIN_FILENO);
		dup2(out, STDOUT_FILENO);
		dup2(err, STDERR_FILENO);
		execvp(command[0], (char *const *)command);
		dprintf(STDERR_FILENO, "cannot run %s: %s\n", command[0], strerror(errno));
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	return (struct output){
		.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
		.out = read_back(out),
		.err = read_back(err),
	};
}

static void print_output(const char *const *command, const struct output *output)
{
	print_error("$");
	for (; *command; command++)
		print_error(" %s", *command);
	print_error("\n%s%sstatus %d\n", output->out, output->err, output->status);
}

struct output run_expecting(int status, const char *const *command)
{
	struct output output = run(command);

	if (output.status == status)
		return output;
	print_output(command, &output);
	fail_msg("status %d instead of %d", output.status, status);
	return output;
}

void run_well(const char *const *command)
{
	struct output output = run_expecting(0, command);

	output_free(&output);
}

bool have_program(const char *name)
{
	static const char path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char copy[sizeof(path)], *rest = copy;

	memcpy(copy, path, sizeof(path));
	for (char *directory; (directory = strsep(&rest, ":"));) {
		_cleanup_text_ char *full = format_text("%s/%s", directory, name);

		if (access(full, X_OK) == 0)
			return true;
	}
	return false;
}

bool is_way_plain(void)
{
	const char *way = getenv("MOCKSYS_WAY");

	return way && strcmp(way, "plain") == 0;
}

/* ---- JSON ---- */

struct json_object *json_of(const struct output *output)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *object;

	assert_non_null(tokener);
	object = json_tokener_parse_ex(tokener, output->out, (int)strlen(output->out));
	if (!object || strspn(output->out + json_tokener_get_parse_end(tokener), "\n") !=
			       strlen(output->out + json_tokener_get_parse_end(tokener)))
		fail_msg("not one JSON document: %s", output->out);
	json_tokener_free(tokener);
	return object;
}

void json_free(struct json_object **object)
{
	json_object_put(*object);
}

struct json_object *json_at(struct json_object *object, const char *path)
{
	_cleanup_text_ char *copy = strdup(path);
	char *rest = copy;

	for (char *key; (key = strsep(&rest, "."));) {
		struct json_object *child = NULL;

		if (json_object_is_type(object, json_type_array))
			child = json_object_array_get_idx(object, strtoul(key, NULL, 10));
		else if (!json_object_object_get_ex(object, key, &child))
			fail_msg("no %s in the document (at %s): %s", path, key, json_object_to_json_string(object));
		object = child;
	}
	return object;
}

void assert_json_text(struct json_object *object, const char *path, const char *expected)
{
	struct json_object *member = json_at(object, path);

	if (!expected) {
		if (member)
			fail_msg("%s is %s instead of null", path, json_object_to_json_string(member));
		return;
	}
	if (!json_object_is_type(member, json_type_string) || strcmp(json_object_get_string(member), expected) != 0)
		fail_msg("%s is %s instead of \"%s\"", path, json_object_to_json_string(member), expected);
}

void assert_json_bool(struct json_object *object, const char *path, bool expected)
{
	struct json_object *member = json_at(object, path);

	if (!json_object_is_type(member, json_type_boolean) || json_object_get_boolean(member) != expected)
		fail_msg("%s is %s instead of %s", path, json_object_to_json_string(member),
			 expected ? "true" : "false");
}

void assert_json_int(struct json_object *object, const char *path, int expected)
{
	struct json_object *member = json_at(object, path);

	if (!json_object_is_type(member, json_type_int) || json_object_get_int(member) != expected)
		fail_msg("%s is %s instead of %d", path, json_object_to_json_string(member), expected);
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

void assert_fails(const struct failure *expected, const char *const *command)
{
	const char *words[32];
	size_t n = 0;

	for (; command[n]; n++)
		words[n] = command[n];
	words[n] = "--json";
	words[n + 1] = NULL;
	{
		_cleanup_output_ struct output output = run_expecting(expected->status, words);
		_cleanup_json_ struct json_object *document = json_of(&output);

		if (!strstr(output.out, expected->code))
			print_error("%s", output.out);
		assert_json_text(document, "error.code", expected->code);
		assert_json_text(document, "state", expected->state);
		if (count_lines(output.err) != 1 || strncmp(output.err, "vfiobind: ", 10) != 0)
			fail_msg("stderr is not one line of the command: %s", output.err);
		for (size_t i = 0; i < 8; i++) {
			static const char *const members[8] = {"code",  "operation", "device", "path",
							       "errno", "expected",  "found",  "hint"};
			_cleanup_text_ char *path = format_text("error.%s", members[i]);

			json_at(document, path);
		}
	}
}
