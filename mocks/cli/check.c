/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mocksys check: says what is wrong with fixtures. */
#include "mocksys-cli.h"

#include "fixture/fixture.h"

#include <getopt.h>
#include <stdio.h>

static const char help[] =
	"Usage: mocksys check [--schema] FILE...\n"
	"Validates fixtures (machines, devices, drivers): every error with its file, line and column.\n"
	"\n"
	"      --schema  print the JSON Schema of fixtures instead\n"
	"  -h, --help    print this\n"
	"\n"
	"Exit status: 0 all are good, 1 there are errors, 2 usage.\n"
	"Drivers and devices are found by name in MOCKSYS_FIXTURES (folders with ':' between), then among those that "
	"ship.\n";

int cmd_check(int argc, char **argv)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'}, {"schema", no_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
	int option, errors = 0;

	optind = 0; /* another getopt may have run before */
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'h':
			fputs(help, stdout);
			return 0;
		case 's':
			fixture_print_schema(stdout);
			return 0;
		default:
			fputs("Try `mocksys check --help`.\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (optind == argc) {
		fputs("mocksys check: which files?\n", stderr);
		return EXIT_USAGE;
	}
	for (int i = optind; i < argc; i++)
		errors |= fixture_check(argv[i], stderr);
	return errors != 0;
}
