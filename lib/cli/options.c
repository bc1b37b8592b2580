/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* Adding an option is adding a row. Exactly one of flag and value says where it goes. */
#define FLAG(member) .flag = offsetof(struct cli, member)
#define VALUE(member, NAME) .value = offsetof(struct cli, member), .argument = (NAME)

static const struct option_row {
	const char *name;
	char letter; /* 0 if it has none */
	const char *argument;
	const char *help;
	unsigned int set; /* enum option_set; 0 for an option that every verb has */
	size_t flag;
	size_t value;
} rows[] = {
	{"json", 0, .help = "print one JSON document", .set = OPTION_JSON, FLAG(json)},
	{"all", 'a', .help = "bridges too", .set = OPTION_ALL, FLAG(all)},
	{"tree", 't', .help = "below their bridges and physical functions, and who shares a group", .set = OPTION_TREE,
	 FLAG(tree)},
	{"driver-type", 0, .help = "only devices on this kind of driver: none, host, vfio, xen, userspace",
	 .set = OPTION_DRIVER_TYPE, VALUE(driver_type, "TYPE")},
	{"driver", 'd', .help = "a VFIO driver or its module; else the best match", .set = OPTION_DRIVER,
	 VALUE(driver, "NAME")},
	{"group", 'g', .help = "also the other endpoints of the IOMMU group", .set = OPTION_GROUP, FLAG(group)},
	{"dry-run", 'n', .help = "change nothing, print what would be done", .set = OPTION_DRY_RUN, FLAG(dry_run)},
	{"force", 'f', .help = "what only speaks against it becomes a warning", .set = OPTION_FORCE, FLAG(force)},
	{"method", 'm', .help = "by this method alone: flr, pm, bus ...", .set = OPTION_METHOD, VALUE(method, "NAME")},
	{"numvfs", 0, .help = "as many virtual functions; 0 for none", .set = OPTION_SRIOV, VALUE(numvfs, "N")},
	{"no-autoprobe", 0, .help = "no host driver takes virtual functions, from now on", .set = OPTION_SRIOV,
	 FLAG(no_autoprobe)},
	{"autoprobe", 0, .help = "host drivers take virtual functions, from now on", .set = OPTION_SRIOV,
	 FLAG(autoprobe)},
	{"domain", 0, .help = "the domain's name; else that in FILE", .set = OPTION_DOMAIN, VALUE(domain, "NAME")},
	{"timeout", 0, .help = "how long to wait for the kernel, in seconds; 30 without it", VALUE(timeout, "SECONDS")},
	{"color", 0, .help = "colours: auto, always, never", VALUE(color_when, "WHEN")},
	{"verbose", 'v', .help = "say on stderr what was written", FLAG(verbose)},
	{"help", 'h', .help = "this text", FLAG(help)},
	{"version", 'V', .help = "the version", FLAG(version)},
};

static bool has_option(const struct verb *verb, const struct option_row *row)
{
	return row->set == 0 || (verb && (verb->options & row->set));
}

static int fail(const struct verb *verb, const char *found, const char *expected, struct vfiobind_error *error)
{
	error->code = VFIOBIND_ERROR_INVALID_ARGUMENT;
	snprintf(error->operation, sizeof(error->operation), "%s", verb ? verb->does : "run");
	snprintf(error->found, sizeof(error->found), "%s", found);
	snprintf(error->expected, sizeof(error->expected), "%s", expected);
	snprintf(error->hint, sizeof(error->hint), "see vfiobind %s%s--help", verb ? verb->name : "", verb ? " " : "");
	return -1;
}

/* Decimal, with a fraction at choice, a day at most: nobody means more. */
static bool parse_timeout(const char *text, unsigned int *ret_milliseconds)
{
	double seconds;
	char *end;

	if (strspn(text, "0123456789.") != strlen(text))
		return false;
	seconds = strtod(text, &end);
	if (end == text || *end || seconds < 0.001 || seconds > 86400)
		return false;
	*ret_milliseconds = (unsigned int)(seconds * 1000);
	return true;
}

int options_parse(struct cli *cli, const struct verb *verb, int argc, char **argv, struct vfiobind_error *error)
{
	struct option options[ARRAY_SIZE(rows) + 1] = {0};
	/* '+': stop at the verb. ':': no message of getopt's own. */
	char letters[2 * ARRAY_SIZE(rows) + 3] = {verb ? ':' : '+', verb ? 0 : ':'};
	int n = 0, index;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!has_option(verb, &rows[i]))
			continue;
		options[n++] = (struct option){rows[i].name, rows[i].argument ? required_argument : no_argument, NULL,
					       (int)(256 + i)};
		if (rows[i].letter)
			snprintf(letters + strlen(letters), sizeof(letters) - strlen(letters), "%c%s", rows[i].letter,
				 rows[i].argument ? ":" : "");
	}
	opterr = 0;
	optind = 0; /* glibc: start afresh, also with another '+' */
	while ((index = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		const struct option_row *row = NULL;

		if (index == '?')
			return fail(verb, argv[optind - 1], "a known option", error);
		if (index == ':')
			return fail(verb, argv[optind - 1], "an argument after the option", error);
		for (size_t i = 0; i < ARRAY_SIZE(rows) && !row; i++)
			if (index == (int)(256 + i) || index == rows[i].letter)
				row = &rows[i];
		if (row->flag)
			*(bool *)((char *)cli + row->flag) = true;
		else
			*(const char **)((char *)cli + row->value) = optarg;
	}
	if (cli->color_when && strcmp(cli->color_when, "auto") != 0 && strcmp(cli->color_when, "always") != 0 &&
	    strcmp(cli->color_when, "never") != 0)
		return fail(verb, cli->color_when, "auto, always or never", error);
	if (cli->timeout && !parse_timeout(cli->timeout, &cli->timeout_ms))
		return fail(verb, cli->timeout, "seconds, from 0.001 to 86400", error);
	return optind;
}

void options_print(const struct verb *verb)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[64];

		if (!has_option(verb, &rows[i]))
			continue;
		snprintf(text, sizeof(text), "%s%c%s--%s%s%s", rows[i].letter ? "-" : " ",
			 rows[i].letter ? rows[i].letter : ' ', rows[i].letter ? ", " : "  ", rows[i].name,
			 rows[i].argument ? " " : "", rows[i].argument ? rows[i].argument : "");
		printf("  %-26s %s\n", text, rows[i].help);
	}
}
