/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `mocksys run`: a command, or a shell, on a fake machine. */
#include "run.h"

#include "fixture/fixture.h"
#include "kernel/kernfs.h"
#include "mocksys-cli.h"
#include "qemu/way.h"

#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#define CONTROL_DIRECTORY "/" KERNFS_CONTROL

enum {
	OPTION_VIA = 256,
	OPTION_UID,
	OPTION_HOST_NET,
	OPTION_NO_PIN,
	OPTION_TRACE,
};

static void print_help(FILE *out)
{
	fputs("Usage: mocksys run -m MACHINE... [OPTION]... [-- COMMAND [ARGUMENT]...]\n"
	      "Runs COMMAND, or a shell, on a fake machine. Nothing of it reaches the host, nothing of it is left "
	      "afterwards.\n\n"
	      "  -m, --machine MACHINE  a name that `mocksys list` shows, or a file; several make one machine\n"
	      "  -k, --kernel PROFILE   the kernel to behave like (\"6.12\"), instead of the machine's own\n"
	      "      --via WAY          mount (the default): the fake covers /sys for every program; needs a user "
	      "namespace\n"
	      "                         shim: for dynamically linked programs only; needs no namespace\n"
	      "                         plain: the same; needs no FUSE either\n"
	      "                         auto: the first of these that works here; says which, and why not the others\n"
	      "                         qemu: no fake, but a stock Linux with the devices that QEMU has; some "
	      "seconds\n"
	      "      --uid N            COMMAND runs as the ordinary user N\n"
	      "      --host-net         COMMAND stays in the host's network, and sees no uevents\n"
	      "      --no-pin           COMMAND may use all CPUs (and each access to the fake costs more)\n"
	      "      --trace FILE       writes every step of the fake kernel to FILE at the end\n"
	      "  -h, --help\n\n"
	      "Ends as COMMAND ends: with its exit status, or by the signal that killed it. 125: it could not be "
	      "started;\n"
	      "126, 127: it cannot be run, or was not found; 2: this command line is wrong.\n",
	      out);
}

/* ---- options ---- */

static bool parse_way(const char *name, struct run_options *options)
{
	if (strcmp(name, "auto") == 0) {
		options->any_way = true;
		return true;
	}
	if (strcmp(name, "qemu") == 0) {
		options->real_way = true;
		return true;
	}
	if (way_parse(name, &options->sandbox.way))
		return true;
	fprintf(stderr, "mocksys run: --via '%s': not one of mount, shim, plain, auto, qemu\n", name);
	return false;
}

static bool parse_uid(const char *text, struct run_options *options)
{
	char *end;
	unsigned long uid;

	errno = 0;
	uid = strtoul(text, &end, 10);
	if (errno || end == text || *end || uid == 0 || uid >= UINT32_MAX) {
		fprintf(stderr, "mocksys run: --uid '%s': not the number of an ordinary user\n", text);
		return false;
	}
	options->sandbox.uid = uid;
	options->sandbox.ordinary_user = true;
	return true;
}

/* -1: go on; otherwise the exit status. */
static int parse_options(int argc, char **argv, struct run_options *options)
{
	static const struct option names[] = {
		{"machine", required_argument, NULL, 'm'},
		{"kernel", required_argument, NULL, 'k'},
		{"via", required_argument, NULL, OPTION_VIA},
		{"uid", required_argument, NULL, OPTION_UID},
		{"host-net", no_argument, NULL, OPTION_HOST_NET},
		{"no-pin", no_argument, NULL, OPTION_NO_PIN},
		{"trace", required_argument, NULL, OPTION_TRACE},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "+m:k:h", names, NULL)) != -1) {
		switch (c) {
		case 'm':
			options->machines[options->n_machines++] = optarg;
			break;
		case 'k':
			options->profile = optarg;
			break;
		case OPTION_VIA:
			if (!parse_way(optarg, options))
				return EXIT_USAGE;
			break;
		case OPTION_UID:
			if (!parse_uid(optarg, options))
				return EXIT_USAGE;
			break;
		case OPTION_HOST_NET:
			options->sandbox.host_net = true;
			break;
		case OPTION_NO_PIN:
			options->sandbox.no_pin = true;
			break;
		case OPTION_TRACE:
			options->trace_path = optarg;
			break;
		case 'h':
			print_help(stdout);
			return 0;
		default:
			return EXIT_USAGE;
		}
	}
	if (options->n_machines == 0) {
		fputs("mocksys run: needs -m MACHINE (`mocksys list` names them; try `mocksys run --help`)\n", stderr);
		return EXIT_USAGE;
	}
	options->sandbox.command = argv + optind;
	return -1;
}

/* ---- the ways ---- */

static int run_in_any_way(struct run_options *options)
{
	static const enum way ladder[] = {WAY_MOUNT, WAY_SHIM, WAY_PLAIN};
	int status = EXIT_LAUNCH;

	for (size_t i = 0; i < sizeof(ladder) / sizeof(ladder[0]); i++) {
		bool other_way;

		options->sandbox.way = ladder[i];
		status = run_in_one_way(options, &other_way);
		if (!other_way)
			break;
	}
	return status;
}

/* No fake kernel and no sandbox: the machine is all that is taken from the fixture. */
static int run_on_real_kernel(const struct run_options *options)
{
	struct qemu_way_options real = {
		.profile = options->profile,
		.ordinary_user = options->sandbox.ordinary_user,
		.uid = options->sandbox.uid,
		.console_path = options->trace_path,
		.command = options->sandbox.command,
	};
	struct fixture *fixture;
	char *error = NULL;
	int status, r;

	if (fixture_load(options->machines, options->n_machines, stderr, &fixture) < 0)
		return EXIT_LAUNCH;
	real.machine = fixture_machine(fixture);
	r = qemu_way_run(&real, &status, &error);
	if (r < 0)
		fprintf(stderr, "mocksys: way qemu: %s\n", error ? error : strerror(-r));
	free(error);
	fixture_free(fixture);
	return r < 0 ? EXIT_LAUNCH : sandbox_exit_status(status);
}

static int run_in_chosen_way(struct run_options *options)
{
	bool other_way;

	if (options->real_way)
		return run_on_real_kernel(options);
	return options->any_way ? run_in_any_way(options) : run_in_one_way(options, &other_way);
}

static void print_hints(const struct run_options *options)
{
	fprintf(stderr,
		"You are on the fake machine %s now. Try\n"
		"  lspci -k                               its devices and their drivers\n"
		"  cat " CONTROL_DIRECTORY "/trace    what its kernel did, step by step, and why\n"
		"  exit                                   back to the host, where nothing has changed\n",
		options->machines[0]);
}

int cmd_run(int argc, char **argv)
{
	struct run_options options = {.machines = calloc(argc, sizeof(*options.machines))};
	char *shell[] = {NULL, NULL};
	struct utsname name;
	int status = options.machines ? parse_options(argc, argv, &options) : EXIT_LAUNCH;

	if (status < 0) {
		uname(&name);
		options.sandbox.release = name.release;
		if (!options.sandbox.command[0]) {
			shell[0] = getenv("SHELL") ?: "/bin/sh";
			options.sandbox.command = shell;
			print_hints(&options);
		}
		status = run_in_chosen_way(&options);
	}
	free(options.machines);
	return status;
}
