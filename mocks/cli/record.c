/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mocksys record: the machine that it runs on, as a fixture. */
#include "mocksys-cli.h"

#include "fixture/fixture.h"
#include "fixture/record.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

static const char help[] =
	"Usage: mocksys record [-o FILE] [--keep-serials]\n"
	"Writes this machine as a fixture, for `mocksys run -m FILE`: its PCI functions, what they are bound to, "
	"their\n"
	"models and drivers, as /sys and /lib/modules show them. Nothing is changed.\n"
	"\n"
	"  -o, --output FILE   writes to FILE, not to standard output\n"
	"      --keep-serials  leaves serial numbers and MAC addresses as they are; without it they are made up\n"
	"  -h, --help          print this\n"
	"\n"
	"Run it as root: others can read only the first 64 bytes of config space, and so no capabilities.\n"
	"Serial numbers are known in the device serial number capability, in vital product data, and as MAC addresses "
	"of\n"
	"interfaces; look through the file for others that a vendor may have put elsewhere before you pass it on.\n"
	"Exit status: 0 recorded, 1 failed, 2 usage.\n";

struct record_command {
	const char *output;
	bool keep_serials;
};

/* -1: go on; otherwise the exit status. */
static int parse_options(int argc, char **argv, struct record_command *command)
{
	static const struct option options[] = {{"output", required_argument, NULL, 'o'},
						{"keep-serials", no_argument, NULL, 'k'},
						{"help", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	int option;

	optind = 0; /* another getopt may have run before */
	while ((option = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
		switch (option) {
		case 'o':
			command->output = optarg;
			break;
		case 'k':
			command->keep_serials = true;
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		default:
			fputs("Try `mocksys record --help`.\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "mocksys record: what is %s? (try `mocksys record --help`)\n", argv[optind]);
	return EXIT_USAGE;
}

static int write_text(const char *path, const char *text)
{
	FILE *stream = path ? fopen(path, "we") : stdout;
	int error = 0;

	if (!stream || fputs(text, stream) < 0 || fflush(stream) < 0)
		error = errno;
	if (stream && path && fclose(stream) < 0 && !error)
		error = errno;
	if (error)
		fprintf(stderr, "mocksys record: cannot write %s: %s\n", path ?: "standard output", strerror(error));
	return error ? 1 : 0;
}

int cmd_record(int argc, char **argv)
{
	struct record_command command = {0};
	struct record_options options = {.root = ""};
	struct utsname name;
	char *text = NULL;
	int status = parse_options(argc, argv, &command);

	if (status >= 0)
		return status;
	uname(&name);
	options.release = name.release;
	options.keep_serials = command.keep_serials;
	if (fixture_record(&options, stderr, &text) < 0)
		return 1;
	status = write_text(command.output, text);
	free(text);
	/* What cannot be loaded again would be found out too late, on another machine. */
	if (!status && command.output && fixture_check(command.output, stderr) > 0) {
		fprintf(stderr,
			"mocksys record: %s is not right, as said above; correct it by hand, and please report what "
			"this "
			"machine has\n",
			command.output);
		status = 1;
	}
	return status;
}
