/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What scripts rely on, typed in: each verb with each of its options, the keys of its document, each exit status. Whether
 * --help and the manual page tell the same of it is tests/cli's affair.
 */
#include "beside.h"
#include "domain-file.h"
#include "harness.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Of the machine two-vfs. */
#define PF "0000:04:00.0"
#define VF "0000:04:10.0"
#define DRIVER "vfio-pci-igbvf"

/* Stands for a file with a domain that has VF. */
#define THE_FILE "FILE"

/* What is promised: the verbs, in the order of the help; more options and keys may come, none of these may go. */
static const struct verb {
	const char *name;
	const char *arguments[2]; /* that will do */
	const char *options[8];
	const char *
		changes; /* an option with which nothing is done, for trying the others; NULL if nothing is done anyway */
	const char *keys[32];
	const char *element;          /* the key whose array's elements are described by... */
	const char *element_keys[16]; /* these */
} verbs[] = {
	{
		.name = "list",
		.options = {"--all", "--tree", "--driver-type TYPE", "--json"},
	},
	{
		.name = "show",
		.arguments = {VF},
		.options = {"--json"},
		.keys = {"address",          "name",           "vendor",          "device",      "subsystem_vendor",
			 "subsystem_device", "class",          "modalias",        "driver",      "module",
			 "driver_type",      "variant",        "driver_override", "iommu_group", "group_devices",
			 "group_viable",     "group_blockers", "physfn",          "virtfns",     "numvfs",
			 "netdevs",          "vfio",           "detached"},
	},
	{
		.name = "detach",
		.arguments = {VF},
		.options = {"--driver NAME", "--group", "--timeout SECONDS", "--dry-run", "--force", "--json"},
		.changes = "--dry-run",
		.keys = {"devices"},
		.element = "devices",
		.element_keys = {"address", "from", "to", "module", "variant", "changed", "warnings", "vfio"},
	},
	{
		.name = "reattach",
		.arguments = {VF},
		.options = {"--group", "--timeout SECONDS", "--dry-run", "--json"},
		.changes = "--dry-run",
		.keys = {"devices"},
		.element = "devices",
		.element_keys = {"address", "from", "to", "module", "variant", "changed", "warnings", "vfio"},
	},
	{
		.name = "reset",
		.arguments = {VF},
		.options = {"--method NAME"},
	},
	{
		.name = "sriov",
		.arguments = {PF},
		.options = {"--numvfs N", "--no-autoprobe", "--timeout SECONDS"},
		.keys = {"device", "driver", "totalvfs", "numvfs", "drivers_autoprobe", "changed", "vfs", "warnings"},
		.element = "vfs",
		.element_keys = {"index", "address", "driver", "driver_type", "iommu_group", "netdevs", "ready"},
	},
	{
		.name = "hostdev",
		.arguments = {"release", THE_FILE}, /* of a domain that uses none of them: nothing is to be done */
		.options = {"--domain DOMAIN", "--json"},
		.keys = {"devices"},
		.element = "devices",
		.element_keys = {"address", "from", "to", "module", "variant", "changed", "warnings", "vfio"},
	},
	{
		.name = "explain",
		.arguments = {VF},
		.options = {"--json"},
		.keys = {"device", "chosen", "candidates"},
		.element = "candidates",
		.element_keys = {"driver", "module", "alias", "line", "rank", "usable", "reason"},
	},
	{
		.name = "doctor",
		.options = {"--json"},
		.keys = {"checks"},
		.element = "checks",
		.element_keys = {"check", "ok", "found", "hint"},
	},
	{
		.name = "repair",
		.options = {"--dry-run", "--json"},
		.keys = {"devices"},
	},
};

/* Of all verbs. */
static const char *const global_options[] = {"--help", "--version", "--verbose", "--color WHEN"};

/* What the words in capitals stand for: what will do, and what will not. */
static const struct {
	const char *word, *good, *bad;
} values[] = {
	{"TYPE", "vfio", "vfi"}, {"NAME", "vfio-pci", "no/name"}, {"SECONDS", "20", "soon"},
	{"N", "2", "two"},       {"DOMAIN", "web", ""},           {"WHEN", "never", "sometimes"},
};

/* "--driver NAME" becomes "--driver=vfio-pci"; malloc'd. */
static char *with_value(const char *option, bool good)
{
	const char *space = strchr(option, ' ');

	if (!space)
		return strdup(option);
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		if (strcmp(values[i].word, space + 1) == 0)
			return format_text("%.*s=%s", (int)(space - option), option,
					   good ? values[i].good : values[i].bad);
	fail_msg("no value for %s", option);
	return NULL;
}

/* `vfiobind VERB ARGUMENTS FIRST SECOND` with what is not NULL. */
static struct output run_verb(const struct verb *verb, const char *first, const char *second)
{
	_cleanup_domain_ struct domain_file file = DOMAIN("mail", {.address = VF});
	const char *const words[] = {verb->arguments[0], verb->arguments[1], first, second};
	const char *command[8] = {"vfiobind", verb->name};
	size_t n = 2;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i])
			command[n++] = strcmp(words[i], THE_FILE) == 0 ? file.path : words[i];
	return run(command);
}

static bool is_reset(const struct verb *verb)
{
	return strcmp(verb->name, "reset") == 0;
}

/* ---- options ---- */

static void check_option(const struct verb *verb, const char *option)
{
	_cleanup_text_ char *good = with_value(option, true), *bad = with_value(option, false);
	_cleanup_output_ struct output output = {.out = NULL};

	if (is_reset(verb) && strncmp(option, "--method", 8) == 0) {
		free(good);
		good = strdup("--method=flr");
	}
	output = run_verb(verb, good, verb->changes);
	if (output.status != 0)
		fail_msg("vfiobind %s %s: status %d: %s", verb->name, good, output.status, output.err);
	/* A name may be anybody's: whether it is one of a driver is another question. */
	if (strcmp(good, bad) != 0) {
		_cleanup_output_ struct output refused = run_verb(verb, bad, verb->changes);

		if (refused.status != 2)
			fail_msg("vfiobind %s %s: status %d", verb->name, bad, refused.status);
	}
}

static void each_verb_takes_its_options(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		machine_reset(NULL);
		if (is_reset(&verbs[i]))
			RUN_WELL("vfiobind", "detach", VF, "--driver", DRIVER);
		for (size_t j = 0; verbs[i].options[j]; j++)
			check_option(&verbs[i], verbs[i].options[j]);
		for (size_t j = 0; j < ARRAY_SIZE(global_options); j++)
			check_option(&verbs[i], global_options[j]);
	}
}

static bool has_option(const struct output *help, const char *option)
{
	_cleanup_text_ char *word = format_text("%.*s ", (int)strcspn(option, " "), option);

	return strstr(help->out, word);
}

/* Of which the first verb comes before @last. */
static bool is_tried(const char *option, size_t last)
{
	for (size_t i = 0; i < last; i++)
		for (size_t j = 0; verbs[i].options[j]; j++)
			if (strcmp(verbs[i].options[j], option) == 0)
				return true;
	return false;
}

/* An option of another verb is a mistake, not a wish that is passed over. */
static void no_verb_takes_the_options_of_others(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		_cleanup_output_ struct output help = RUN_EXPECTING(0, "vfiobind", verbs[i].name, "--help");

		for (size_t other = 0; other < ARRAY_SIZE(verbs); other++)
			for (size_t j = 0; verbs[other].options[j]; j++) {
				const char *option = verbs[other].options[j];
				_cleanup_text_ char *good = with_value(option, true);
				_cleanup_output_ struct output output = {.out = NULL};

				if (is_tried(option, other) || has_option(&help, option))
					continue;
				output = run_verb(&verbs[i], good, NULL);
				if (output.status != 2)
					fail_msg("vfiobind %s %s: status %d", verbs[i].name, good, output.status);
			}
	}
	assert_nothing_written();
}

static void the_number_of_devices_is_the_verbs(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		bool takes_several = strcmp(verbs[i].name, "detach") == 0 || strcmp(verbs[i].name, "reattach") == 0;

		if (verbs[i].arguments[0])
			ASSERT_FAILS(2, "invalid-argument", "untouched", verbs[i].name);
		if (!takes_several)
			ASSERT_FAILS(2, "invalid-argument", "untouched", verbs[i].name, PF,
				     verbs[i].arguments[0] ? VF : NULL);
	}
	assert_nothing_written();
}

/* ---- documents ---- */

static void assert_keys(const char *verb, struct json_object *object, const char *const *keys)
{
	for (size_t i = 0; keys[i]; i++)
		if (!json_object_object_get_ex(object, keys[i], NULL))
			fail_msg("%s: no %s in %s", verb, keys[i], json_object_to_json_string(object));
}

static void each_verb_prints_the_keys_that_are_promised(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		_cleanup_output_ struct output output = {.out = NULL};
		_cleanup_json_ struct json_object *document = NULL;
		struct json_object *elements;

		if (!verbs[i].keys[0])
			continue;
		output = run_verb(&verbs[i], "--json", verbs[i].changes);
		document = json_of(&output);
		assert_int_equal(output.status, 0);
		assert_keys(verbs[i].name, document, verbs[i].keys);
		if (!verbs[i].element)
			continue;
		elements = json_at(document, verbs[i].element);
		assert_true(json_object_array_length(elements) > 0);
		for (size_t j = 0; j < json_object_array_length(elements); j++)
			assert_keys(verbs[i].name, json_object_array_get_idx(elements, j), verbs[i].element_keys);
	}
}

/* Numbers are numbers, what is there or not is true or false, ids are texts. */
static void the_kinds_of_values_are_those_that_are_promised(void **state)
{
	static const struct {
		const char *path;
		enum json_type type;
	} kinds[] = {
		{"vendor", json_type_string},
		{"class", json_type_string},
		{"driver_type", json_type_string},
		{"variant", json_type_boolean},
		{"driver", json_type_string},
		{"driver_override", json_type_string},
		{"iommu_group", json_type_int},
		{"group_devices", json_type_array},
		{"group_viable", json_type_boolean},
		{"group_blockers", json_type_array},
		{"physfn", json_type_string},
		{"virtfns", json_type_array},
		{"netdevs", json_type_array},
		{"vfio.device", json_type_string},
		{"vfio.group_node", json_type_string},
		{"vfio.cdev", json_type_null},
		{"numvfs", json_type_null},
		{"detached.host_driver", json_type_string},
		{"detached.since", json_type_string},
	};
	_cleanup_output_ struct output output = {.out = NULL};
	_cleanup_json_ struct json_object *document = NULL;

	RUN_WELL("vfiobind", "detach", VF, "--driver", DRIVER);
	output = RUN_EXPECTING(0, "vfiobind", "show", VF, "--json");
	document = json_of(&output);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (json_object_get_type(json_at(document, kinds[i].path)) != kinds[i].type)
			fail_msg("%s is %s", kinds[i].path,
				 json_object_to_json_string(json_at(document, kinds[i].path)));
	assert_json_text(document, "vendor", "0x8086");
	assert_json_text(document, "class", "0x020000");
}

/* ---- exit statuses ---- */

static void assert_status(const struct failure *expected, const char *const *command)
{
	static const char *const keys[] = {"error", "state", NULL};
	static const char *const error_keys[] = {"code",     "operation", "device", "path", "errno",
						 "expected", "found",     "hint",   NULL};
	_cleanup_output_ struct output output = run(command);
	_cleanup_json_ struct json_object *document = json_of(&output);

	if (output.status != expected->status)
		fail_msg("status %d: %s", output.status, output.out);
	assert_keys("failure", document, keys);
	assert_int_equal(json_object_object_length(document), 2);
	assert_keys("failure", json_at(document, "error"), error_keys);
	assert_int_equal(json_object_object_length(json_at(document, "error")), ARRAY_SIZE(error_keys) - 1);
	assert_json_text(document, "error.code", expected->code);
	assert_json_text(document, "state", expected->state);
}

static const char *const detach[] = {"vfiobind", "detach", VF, "--driver", DRIVER, "--json", NULL};

static void status_0_is_done(void **state)
{
	_cleanup_output_ struct output output = run(detach);
	_cleanup_json_ struct json_object *document = json_of(&output);

	assert_int_equal(output.status, 0);
	assert_json_bool(document, "devices.0.changed", true);
}

static void status_1_is_failed_and_rolled_back(void **state)
{
	add_fault("dd.probe driver=" DRIVER " fail=EBUSY");
	assert_status(&(const struct failure){1, "probe-busy", "restored"}, detach);
	assert_device(VF, "igbvf", "(null)");
}

static void status_2_is_wrong_use(void **state)
{
	assert_status(&(const struct failure){2, "invalid-address", "untouched"},
		      (const char *const[]){"vfiobind", "detach", "x/y", "--json", NULL});
	assert_status(&(const struct failure){2, "invalid-argument", "untouched"},
		      (const char *const[]){"vfiobind", "attach", VF, "--json", NULL});
}

/* Not "cannot hostdev". */
static void wrong_use_is_told_in_words(void **state)
{
	static const struct {
		const char *command[5];
		const char *line;
	} uses[] = {
		{{"attach"}, "cannot run: invalid argument (expected a verb, found attach); see vfiobind --help\n"},
		{{"hostdev", "start", "web.xml"},
		 "cannot prepare or release the devices of a domain: invalid argument (expected prepare or release, "
		 "found start); see vfiobind hostdev --help\n"},
		{{"sriov"},
		 "cannot change virtual functions: invalid argument (expected DEVICE, found nothing); see vfiobind "
		 "sriov --help\n"},
		{{"doctor", "--group"},
		 "cannot check the host: invalid argument (expected a known option, found --group); see vfiobind "
		 "doctor --help\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(uses); i++) {
		const char *const *words = uses[i].command;
		_cleanup_output_ struct output output =
			RUN_EXPECTING(2, "vfiobind", words[0], words[1], words[2], words[3]);
		_cleanup_text_ char *line = format_text("vfiobind: %s", uses[i].line);

		assert_string_equal(output.err, line);
		assert_string_equal(output.out, "");
	}
}

static void a_file_that_cannot_be_read_is_told_so_first(void **state)
{
	static const struct {
		const char *file, *why;
	} files[] = {
		{"nosuch.xml", "No such file or directory"},
		{"/", "Is a directory"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_output_ struct output output =
			RUN_EXPECTING(2, "vfiobind", "hostdev", "prepare", files[i].file);
		_cleanup_text_ char *line = format_text("vfiobind: cannot read %s: %s; FILE is what virsh dumpxml "
							"DOMAIN prints, or - for standard input\n",
							files[i].file, files[i].why);

		assert_string_equal(output.err, line);
		ASSERT_FAILS(2, "invalid-domain", "untouched", "hostdev", "prepare", files[i].file);
	}
}

/* "unbind 0000:04:10.0" for each store that the fake has seen, in their order. */
static char *stores_of_trace(void)
{
	_cleanup_text_ char *trace = trace_read();
	char *rest = trace, *list = NULL;
	size_t size;
	FILE *stream = open_memstream(&list, &size);

	assert_non_null(stream);
	for (char *line; (line = strsep(&rest, "\n"));) {
		const char *path = strstr(line, " sys.write path="), *value = strstr(line, " value=");
		const char *end = value ? strstr(value, " = ") : NULL;

		if (!path || !end || path > value)
			continue;
		while (memchr(path + 1, '/', (size_t)(value - path - 1)))
			path++;
		value += strlen(" value=");
		fprintf(stream, "%.*s %.*s\n", (int)(value - strlen(" value=") - path - 1), path + 1,
			strncmp(value, "\\n", 2) == 0 ? 0 : (int)(end - value), value);
	}
	fclose(stream);
	return list;
}

/* The same for each line "echo 0000:04:10.0 > .../unbind" of what was said; other lines are let out. */
static char *stores_of_lines(const char *said)
{
	_cleanup_text_ char *copy = strdup(said);
	char *rest = copy, *list = NULL;
	size_t size;
	FILE *stream = open_memstream(&list, &size);

	assert_non_null(stream);
	for (char *line; (line = strsep(&rest, "\n"));) {
		char *to = strstr(line, " > /sys/"), *comment = strstr(line, "  # ");

		if (strncmp(line, "echo", 4) != 0 || !to)
			continue;
		if (comment)
			*comment = '\0';
		*to = '\0';
		fprintf(stream, "%s %s\n", strrchr(to + 1, '/') + 1, to > line + 4 ? line + 5 : "");
	}
	fclose(stream);
	return list;
}

static struct output assert_verbose(int status, size_t n_stores, const char *const *command)
{
	_cleanup_text_ char *told = NULL, *done = NULL;
	struct output output;
	size_t n = 0;

	trace_clear();
	output = run_expecting(status, command);
	done = stores_of_trace();
	told = stores_of_lines(output.err);
	assert_string_equal(told, done);
	for (const char *at = told; (at = strchr(at, '\n')); at++)
		n++;
	if (n != n_stores)
		fail_msg("%s: %zu stores: %s", command[1], n, told);
	return output;
}
#define ASSERT_VERBOSE(status, n_stores, ...) \
	assert_verbose((status), (n_stores), (const char *const[]){"vfiobind", __VA_ARGS__, "-v", NULL})

static void each_store_of_each_verb_is_told(void **state)
{
	_cleanup_domain_ struct domain_file file = DOMAIN("web", {.address = VF, .managed = "yes"});
	static const char *const killed[] = {"vfiobind", "detach", VF, "--driver", DRIVER, NULL};
	struct output outputs[] = {
		ASSERT_VERBOSE(0, 3, "detach", VF, "--driver", DRIVER),
		ASSERT_VERBOSE(0, 0, "show", VF),
		ASSERT_VERBOSE(0, 1, "reset", VF),
		ASSERT_VERBOSE(0, 3, "reattach", VF),
		ASSERT_VERBOSE(0, 2, "sriov", PF, "--numvfs", "1", "--json"),
		ASSERT_VERBOSE(0, 1, "sriov", PF, "--no-autoprobe"),
		ASSERT_VERBOSE(0, 1, "sriov", PF, "--autoprobe"),
		ASSERT_VERBOSE(0, 3, "hostdev", "prepare", file.path),
		ASSERT_VERBOSE(0, 4, "hostdev", "release", file.path, "--json"),
	};
	bool crashed = beside_crash_at(killed, "sys.write path=*/igbvf/unbind times=1");

	assert_true(crashed);
	assert_non_null(strstr(outputs[0].err, "modprobe vfio_pci_igbvf\n"));
	assert_string_equal(outputs[2].err, "echo 1 > /sys/bus/pci/devices/" VF "/reset\n");
	for (size_t i = 0; i < ARRAY_SIZE(outputs); i++)
		output_free(&outputs[i]);
	/* This one waits for the store that the one that was killed has left to the kernel. */
	RUN_WELL("vfiobind", "repair", "--dry-run");
	outputs[0] = ASSERT_VERBOSE(0, 3, "repair");
	output_free(&outputs[0]);
	assert_device(VF, "igbvf", "(null)");
}

/* What the kernel refuses, too, and what is undone after it. */
static void a_store_that_fails_is_told_with_its_reason(void **state)
{
	struct output output;

	RUN_WELL("modprobe", DRIVER);
	add_fault("dd.probe driver=" DRIVER " fail=EBUSY");
	output = ASSERT_VERBOSE(1, 6, "detach", VF, "--driver", DRIVER);
	assert_non_null(strstr(output.err, "; it is as it was; see dmesg\n"));
	output_free(&output);
	clear_faults();
	add_fault("sys.write path=*/igbvf/unbind fail=EIO");
	output = ASSERT_VERBOSE(1, 3, "detach", VF, "--driver", DRIVER);
	assert_non_null(strstr(output.err, "echo " VF " > /sys/bus/pci/drivers/igbvf/unbind  # Input/output error\n"));
	assert_non_null(strstr(output.err, "; it is as it was; see dmesg\n"));
	output_free(&output);
}

static void status_3_is_refused(void **state)
{
	assert_status(&(const struct failure){3, "not-vfio-driver", "untouched"},
		      (const char *const[]){"vfiobind", "detach", VF, "--driver", "igbvf", "--json", NULL});
	assert_nothing_written();
}

static void status_4_is_timed_out(void **state)
{
	RUN_WELL("modprobe", DRIVER);
	add_fault("dd.probe driver=" DRIVER " hold");
	assert_status(&(const struct failure){4, "timed-out", "pending"},
		      (const char *const[]){"vfiobind", "detach", VF, "--driver", DRIVER, "--json", ENOUGH, NULL});
	beside_release_all();
	RUN_WELL("vfiobind", "repair");
}

static void status_5_is_neither_done_nor_undone(void **state)
{
	add_fault("dd.probe device=" VF " fail=EIO");
	assert_status(&(const struct failure){5, "probe-failed", "broken"}, detach);
	clear_faults();
	RUN_WELL("vfiobind", "repair");
	assert_device(VF, "igbvf", "(null)");
}

/* ---- what is told of it ---- */

static void the_help_names_each_verb(void **state)
{
	_cleanup_output_ struct output help = RUN_EXPECTING(0, "vfiobind", "--help");
	_cleanup_output_ struct output version = RUN_EXPECTING(0, "vfiobind", "--version");
	_cleanup_output_ struct output nothing = RUN_EXPECTING(2, "vfiobind");
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		_cleanup_text_ char *line = format_text("\n  %s ", verbs[i].name);

		if (!strstr(help.out, line))
			fail_msg("no %s in the help", verbs[i].name);
	}
	for (const char *at = help.out; (at = strstr(at, "\n  ")); at++)
		n += isalpha((unsigned char)at[3]) != 0;
	assert_int_equal(n, ARRAY_SIZE(verbs));
	assert_string_equal(help.err, "");
	assert_string_equal(nothing.out, "");
	assert_non_null(strstr(version.out, "vfiobind"));
}

static const struct CMUnitTest two_vfs_tests[] = {
	SCENARIO(each_verb_takes_its_options),
	SCENARIO(no_verb_takes_the_options_of_others),
	SCENARIO(the_number_of_devices_is_the_verbs),
	SCENARIO(each_verb_prints_the_keys_that_are_promised),
	SCENARIO(the_kinds_of_values_are_those_that_are_promised),
	SCENARIO(status_0_is_done),
	SCENARIO(status_1_is_failed_and_rolled_back),
	SCENARIO(status_2_is_wrong_use),
	SCENARIO(wrong_use_is_told_in_words),
	SCENARIO(a_file_that_cannot_be_read_is_told_so_first),
	SCENARIO(each_store_of_each_verb_is_told),
	SCENARIO(a_store_that_fails_is_told_with_its_reason),
	SCENARIO(status_3_is_refused),
	SCENARIO(status_4_is_timed_out),
	SCENARIO(status_5_is_neither_done_nor_undone),
	SCENARIO(the_help_names_each_verb),
};

SCENARIO_MAIN(SUITE("two-vfs", two_vfs_tests))
