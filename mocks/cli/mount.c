/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `mocksys mount`: a fake machine on a directory, until a signal. */
#include "fixture/fixture.h"
#include "fuse/client.h"
#include "fuse/fuse-server.h"
#include "kernel/kernel.h"
#include "mocksys-cli.h"
#include "sandbox/module-tree.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

struct mount_options {
	const char **machines; /* as many as there are arguments fit */
	size_t n_machines;
	const char *profile;
	const char *directory;
};

static void print_help(FILE *out)
{
	fputs("Usage: mocksys mount -m MACHINE [-k PROFILE] DIR\n"
	      "Serves a fake machine in the foreground until SIGINT, SIGTERM or an unmount: DIR/sys, DIR/dev/vfio,\n"
	      "DIR/lib/modules, DIR/proc/modules.\n\n"
	      "  -m, --machine MACHINE  a name that `mocksys list` shows, or a file; may be given more than once\n"
	      "  -k, --kernel PROFILE   the kernel to behave like (\"6.12\"), instead of the machine's own\n"
	      "  -h, --help\n",
	      out);
}

/* -1: go on; otherwise the exit status. */
static int parse_options(int argc, char **argv, struct mount_options *options)
{
	static const struct option names[] = {
		{"machine", required_argument, NULL, 'm'},
		{"kernel", required_argument, NULL, 'k'},
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
		case 'h':
			print_help(stdout);
			return 0;
		default:
			return EXIT_USAGE;
		}
	}
	if (options->n_machines == 0 || argc - optind != 1) {
		fputs("mocksys mount: needs -m MACHINE and one directory (try `mocksys mount --help`)\n", stderr);
		return EXIT_USAGE;
	}
	options->directory = argv[optind];
	return -1;
}

static struct fuse_server *running;

static void stop(int signal)
{
	fuse_server_stop(running);
}

static const int stop_signals[] = {SIGINT, SIGTERM, SIGHUP};

/* Until there is a server to stop, signals wait: a mount that is half made would stay. */
static void block_signals(sigset_t *ret_before)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(stop_signals) / sizeof(stop_signals[0]); i++)
		sigaddset(&set, stop_signals[i]);
	sigprocmask(SIG_BLOCK, &set, ret_before);
}

static void stop_on_signals(struct fuse_server *server, const sigset_t *mask)
{
	const struct sigaction action = {.sa_handler = stop};

	running = server;
	for (size_t i = 0; i < sizeof(stop_signals) / sizeof(stop_signals[0]); i++)
		sigaction(stop_signals[i], &action, NULL);
	sigprocmask(SIG_SETMASK, mask, NULL);
}

static int fail(const char *what, const char *name, int error)
{
	fprintf(stderr, "mocksys: %s %s: %s\n", what, name, strerror(-error));
	return 1;
}

static int serve(struct kernel *k, const struct mount_options *options)
{
	struct fuse_server *server;
	sigset_t before;
	int r;

	block_signals(&before);
	r = fuse_server_mount(k, options->directory, &server);
	if (r < 0) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		if (r == -ENOPKG)
			fputs("mocksys: there is no fusermount3 (package fuse3)\n", stderr);
		return fail("cannot mount on", options->directory, r);
	}
	stop_on_signals(server, &before);
	printf("serving %s on %s\n", options->machines[0], options->directory);
	fflush(stdout);
	r = fuse_server_run(server);
	block_signals(&before);
	fuse_server_free(server);
	return r < 0 ? fail("cannot serve", options->directory, r) : 0;
}

/* Boots the machine with its /lib/modules and serves it. */
static int boot_and_serve(const struct machine *machine, const struct mount_options *options)
{
	struct kernel_host host = {0};
	struct module_tree *modules;
	struct utsname name;
	struct kernel *k;
	char *error = NULL;
	int r;

	uname(&name);
	r = module_tree_new(machine, name.release, &modules);
	if (r < 0)
		return fail("cannot make /lib/modules of", options->machines[0], r);
	host.files = module_tree_files(modules, &host.n_files);
	host.kill = client_kill;
	host.name = client_name;
	r = kernel_new(machine, options->profile, &host, &k, &error);
	if (r < 0) {
		fprintf(stderr, "mocksys: %s: %s\n", options->machines[0], error ? error : strerror(-r));
		free(error);
		r = 1;
	} else {
		r = serve(k, options);
		kernel_free(k);
	}
	module_tree_free(modules);
	return r;
}

int cmd_mount(int argc, char **argv)
{
	struct mount_options options = {.machines = calloc(argc, sizeof(*options.machines))};
	struct fixture *fixture;
	int r;

	if (!options.machines)
		return fail("cannot", "start", -ENOMEM);
	r = parse_options(argc, argv, &options);
	if (r < 0) {
		r = fixture_load(options.machines, options.n_machines, stderr, &fixture);
		if (r == 0) {
			fixture_set_kernel(fixture, options.profile);
			r = boot_and_serve(fixture_machine(fixture), &options);
			fixture_free(fixture);
		} else {
			r = 1;
		}
	}
	free(options.machines);
	return r;
}
