/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mocksys-cli.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
};

static const struct verb verbs[] = {
	{"run", cmd_run, "run a command, or a shell, on a fake machine"},
	{"mount", cmd_mount, "serve a fake machine on a directory until a signal"},
	{"check", cmd_check, "validate fixtures"},
	{"list", cmd_list, "list the machines, devices and drivers that can be named"},
	{"record", cmd_record, "write the machine that this runs on as a fixture"},
};

#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void print_help(FILE *out)
{
	fputs("Usage: mocksys VERB [OPTION]...\n"
	      "A fake Linux machine with PCI devices and drivers that bind, unbind and fail as the real ones do.\n\n",
	      out);
	for (size_t i = 0; i < N_VERBS; i++)
		fprintf(out, "  %-8s %s\n", verbs[i].name, verbs[i].help);
	fputs("\n`mocksys VERB --help` says more of one.\n", out);
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < N_VERBS; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct verb *verb;

	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_help(stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("mocksys " MOCKSYS_VERSION);
		return 0;
	}
	verb = find_verb(argv[1]);
	if (!verb) {
		fprintf(stderr, "mocksys: unknown verb '%s' (try `mocksys --help`)\n", argv[1]);
		return EXIT_USAGE;
	}
	return verb->run(argc - 1, argv + 1);
}
