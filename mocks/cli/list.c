/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mocksys list: what can be named. */
#include "mocksys-cli.h"

#include "fixture/fixture.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char help[] = "Usage: mocksys list [machine|device|driver]\n"
			   "Shows the machines, device models and drivers that can be named: kind, name, evidence\n"
			   "(captured on a real kernel, from source, or invented), and what it is.\n"
			   "\n"
			   "  -h, --help  print this\n";

static void print(void *context, const struct fixture_info *info)
{
	const char *kind = context;

	if (kind && strcmp(kind, info->kind))
		return;
	printf("%-8s %-24s %-9s %s\n", info->kind, info->name, info->evidence ?: "broken", info->about ?: "");
}

static int usage(const char *what, const char *argument)
{
	fprintf(stderr, "mocksys list: %s%s (try `mocksys list --help`)\n", what, argument);
	return EXIT_USAGE;
}

int cmd_list(int argc, char **argv)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	static const char *const kinds[] = {"machine", "device", "driver"};
	const char *kind = NULL;
	int option;

	optind = 0; /* another getopt may have run before */
	opterr = 0;
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option != 'h')
			return usage("unknown option ", argv[optind - 1]);
		fputs(help, stdout);
		return 0;
	}
	if (argc - optind > 1)
		return usage("one kind at most", "");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds) && optind < argc; i++)
		/* "machine" and "machines" alike */
		if (!strncmp(argv[optind], kinds[i], strlen(kinds[i])) && strlen(argv[optind]) <= strlen(kinds[i]) + 1)
			kind = kinds[i];
	if (optind < argc && !kind)
		return usage("no such kind: ", argv[optind]);
	fixture_list(print, (void *)kind);
	return 0;
}
