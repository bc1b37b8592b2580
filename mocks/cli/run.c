/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `mocksys run`: a command, or a shell, on a fake machine. */
#include "fixture/fixture.h"
#include "fuse/client.h"
#include "fuse/fuse-server.h"
#include "kernel/kernfs.h"
#include "mocksys-cli.h"
#include "plain/plain-server.h"
#include "qemu/way.h"
#include "sandbox/module-tree.h"
#include "sandbox/sandbox.h"
#include "wire/uevent-server.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/utsname.h>
#include <unistd.h>

/* What env(1) and timeout(1) use for a failure of their own. */
#define EXIT_LAUNCH 125

#define CONTROL_DIRECTORY "/" KERNFS_CONTROL

struct run;

struct run_options {
	const char **machines; /* as many as there are arguments fit */
	size_t n_machines;
	const char *profile;
	const char *trace_path;
	bool any_way;  /* --via auto */
	bool real_way; /* --via qemu */
	struct sandbox_options sandbox;
};

/* What serves the fake in a way. */
struct server_type {
	int (*start)(struct run *run, char **ret_error);
	int (*run)(void *server);
	void (*stop)(void *server);
	void (*free)(void *server);
	const char *what; /* "serve the fake by FUSE" */
};

/* One attempt, in one way. */
struct run {
	const struct run_options *options;
	struct sandbox *sandbox;
	struct fixture *fixture;
	struct module_tree *modules;
	struct kernel_host host;
	struct kernel *kernel;
	const struct server_type *server_type;
	void *server;
	struct uevent_server *wire; /* NULL: the shim needs none */
	FILE *trace;
	pthread_t server_thread;
	bool serving;
	int server_result;
	int server_ended; /* eventfd */
};

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

/* ---- the machine ---- */

static char *format_machine(void *context, const struct machine *snapshot)
{
	return fixture_format(snapshot);
}

static void announce(void *context, const char *message, size_t size)
{
	struct run *run = context;

	if (run->wire)
		uevent_server_send(run->wire, message, size);
	else
		sandbox_uevent(run->sandbox, message, size);
}

static const struct device_model *find_model(void *context, const char *name)
{
	struct run *run = context;

	return fixture_find_model(run->fixture, name, stderr);
}

static int load_modules(struct run *run, const char *release)
{
	int r = module_tree_new(fixture_machine(run->fixture), release, &run->modules);

	if (r == -ENOENT)
		fputs("mocksys: /lib/modules is empty, so programs find no module to load: depmod is missing "
		      "(apt install kmod)\n",
		      stderr);
	else if (r < 0)
		fprintf(stderr, "mocksys: cannot make /lib/modules/%s: %s\n", release, strerror(-r));
	else
		run->host.files = module_tree_files(run->modules, &run->host.n_files);
	return r == -ENOENT ? 0 : r;
}

static int boot(struct run *run, const char *release)
{
	const struct run_options *options = run->options;
	char *error = NULL;
	int r = fixture_load(options->machines, options->n_machines, stderr, &run->fixture);

	if (r < 0)
		return r;
	fixture_set_kernel(run->fixture, options->profile);
	r = load_modules(run, release);
	if (r < 0)
		return r;
	run->host.context = run;
	run->host.uevent = announce;
	run->host.find_model = find_model;
	run->host.kill = client_kill;
	run->host.name = client_name;
	run->host.format_machine = format_machine;
	run->host.mount_points = sandbox_mount_points(run->sandbox);
	r = kernel_new(fixture_machine(run->fixture), options->profile, &run->host, &run->kernel, &error);
	if (r < 0)
		fprintf(stderr, "mocksys: %s: %s\n", options->machines[0], error ? error : strerror(-r));
	free(error);
	return r;
}

/* ---- the server ---- */

static void *serve(void *argument)
{
	struct run *run = argument;

	run->server_result = run->server_type->run(run->server);
	eventfd_write(run->server_ended, 1);
	return NULL;
}

static int start_wire(struct run *run, char **ret_error)
{
	const char *directory = sandbox_wire_directory(run->sandbox);
	int r = directory ? uevent_server_new(directory, &run->wire) : 0;

	if (r < 0 && asprintf(ret_error, "cannot make sockets in %s: %s", directory, strerror(-r)) < 0)
		*ret_error = NULL;
	return r;
}

static int start_mounted(struct run *run, char **ret_error)
{
	struct fuse_server *server;
	int fd = sandbox_fuse_fd(run->sandbox, ret_error), r;

	if (fd < 0)
		return fd;
	r = fuse_server_new(run->kernel, fd, &server);
	if (r == 0)
		run->server = server;
	return r;
}

static int start_shimmed(struct run *run, char **ret_error)
{
	struct fuse_server *server;
	int r = fuse_server_mount(run->kernel, sandbox_directory(run->sandbox), &server);

	if (r == 0)
		run->server = server;
	return r;
}

static int start_plain(struct run *run, char **ret_error)
{
	struct plain_server *server;
	int r = plain_server_new(run->kernel, sandbox_directory(run->sandbox), &server);

	if (r == 0)
		run->server = server;
	return r;
}

static int run_fuse(void *server)
{
	return fuse_server_run(server);
}

static void stop_fuse(void *server)
{
	fuse_server_stop(server);
}

static void free_fuse(void *server)
{
	fuse_server_free(server);
}

static int run_plain(void *server)
{
	return plain_server_run(server);
}

static void stop_plain(void *server)
{
	plain_server_stop(server);
}

static void free_plain(void *server)
{
	plain_server_free(server);
}

static const struct server_type server_types[] = {
	[WAY_MOUNT] = {start_mounted, run_fuse, stop_fuse, free_fuse, "serve the fake by FUSE"},
	[WAY_SHIM] = {start_shimmed, run_fuse, stop_fuse, free_fuse, "serve the fake by FUSE"},
	[WAY_PLAIN] = {start_plain, run_plain, stop_plain, free_plain, "make the fake in a directory"},
};

static int start_server(struct run *run, char **ret_error)
{
	int r;

	run->server_type = &server_types[run->options->sandbox.way];
	r = run->server_type->start(run, ret_error);
	if (r < 0 && *ret_error)
		return r;
	if (r == 0) {
		run->server_ended = eventfd(0, EFD_CLOEXEC);
		r = run->server_ended < 0 ? -errno : -pthread_create(&run->server_thread, NULL, serve, run);
		run->serving = r == 0;
	}
	if (r < 0 && asprintf(ret_error, "cannot %s: %s%s", run->server_type->what, strerror(-r),
			      r == -ENOPKG ? " (is fusermount3, package fuse3, installed?)" : "") < 0)
		*ret_error = NULL;
	return r;
}

/* A test whose fault never came about has tested something else than it says. */
static void report_unfired_rules(struct kernel *k)
{
	char *text, *rest;

	kernel_lock(k);
	rest = text = kernel_unfired_rules(k);
	kernel_unlock(k);
	for (char *rule; rest && (rule = strsep(&rest, "\n"));)
		if (*rule)
			fprintf(stderr, "mocksys: this fault rule never fired: %s\n", rule);
	free(text);
}

/* Frees whoever still waits for an answer, too: that must come before anybody waits for the command's processes. */
static void stop_server(struct run *run)
{
	if (run->serving) {
		run->server_type->stop(run->server);
		pthread_join(run->server_thread, NULL);
	}
	if (run->trace) {
		char *text;

		kernel_lock(run->kernel);
		text = kernel_trace(run->kernel);
		kernel_unlock(run->kernel);
		if ((text && fputs(text, run->trace) < 0) || fclose(run->trace) < 0)
			fprintf(stderr, "mocksys: cannot write %s: %s\n", run->options->trace_path, strerror(errno));
		run->trace = NULL;
		free(text);
	}
	if (run->server)
		run->server_type->free(run->server);
	run->server = NULL;
}

/* ---- a run ---- */

static void end_run(struct run *run)
{
	if (run->server)
		stop_server(run);
	if (run->trace)
		fclose(run->trace);
	/* Before the sandbox: its last events still have somewhere to go. */
	if (run->kernel) {
		report_unfired_rules(run->kernel);
		kernel_free(run->kernel);
	}
	uevent_server_free(run->wire);
	sandbox_close(run->sandbox);
	module_tree_free(run->modules);
	if (run->fixture)
		fixture_free(run->fixture);
	if (run->server_ended >= 0)
		close(run->server_ended);
}

static int wait_for_command(struct run *run)
{
	int status = 0;
	int r = sandbox_wait(run->sandbox, run->server_ended, &status);

	end_run(run);
	/* The command may have been quicker to end: what it has seen is not to be relied on, though. */
	if (run->server_result < 0) {
		fprintf(stderr, "mocksys: cannot %s any longer: %s\n", run->server_type->what,
			strerror(-run->server_result));
		return EXIT_LAUNCH;
	}
	if (r == -ECANCELED) {
		fputs("mocksys: the server of the fake ended before the command did\n", stderr);
		return EXIT_LAUNCH;
	}
	if (r < 0) {
		fprintf(stderr, "mocksys: cannot wait for the command: %s\n", strerror(-r));
		return EXIT_LAUNCH;
	}
	return sandbox_exit_status(status);
}

/* What came between before the command ran. */
static int give_up(struct run *run, char *error, bool *ret_other_way)
{
	int interrupted = run->sandbox ? sandbox_interrupted(run->sandbox) : 0;

	end_run(run);
	if (interrupted) {
		free(error);
		return sandbox_exit_status(interrupted);
	}
	if (error)
		fprintf(stderr, "mocksys: way %s: %s\n", way_name(run->options->sandbox.way), error);
	*ret_other_way = error;
	free(error);
	return EXIT_LAUNCH;
}

/* Returns the exit status. *@ret_other_way: the command has not run, and only the way is to blame. */
static int run_in_one_way(const struct run_options *options, bool *ret_other_way)
{
	struct run run = {.options = options, .server_ended = -1};
	struct sandbox_machine machine = {0};
	char *error = NULL;

	*ret_other_way = false;
	if (options->trace_path) {
		run.trace = fopen(options->trace_path, "we");
		if (!run.trace) {
			fprintf(stderr, "mocksys: cannot write %s: %s\n", options->trace_path, strerror(errno));
			return EXIT_LAUNCH;
		}
	}
	if (sandbox_open(&options->sandbox, &run.sandbox, &error) < 0)
		return give_up(&run, error, ret_other_way);
	if (start_wire(&run, &error) < 0)
		return give_up(&run, error, ret_other_way);
	if (boot(&run, options->sandbox.release) < 0)
		return give_up(&run, NULL, ret_other_way);
	machine.modprobe_config = fixture_machine(run.fixture)->modprobe_config;
	if (start_server(&run, &error) < 0)
		return give_up(&run, error, ret_other_way);
	/* Before the command says anything. */
	if (options->any_way)
		fprintf(stderr, "mocksys: taking way %s\n", way_name(options->sandbox.way));
	if (sandbox_start(run.sandbox, &machine, &error) < 0)
		return give_up(&run, error, ret_other_way);
	return wait_for_command(&run);
}

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
