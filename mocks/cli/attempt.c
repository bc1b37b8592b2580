/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `mocksys run` in one way: a machine is booted, served, and a command runs on it. */
#include "fixture/fixture.h"
#include "fuse/client.h"
#include "run.h"
#include "sandbox/module-tree.h"
#include "server.h"
#include "wire/uevent-server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
	const struct run_options *options;
	struct sandbox *sandbox;
	struct fixture *fixture;
	struct module_tree *modules;
	struct kernel_host host;
	struct kernel *kernel;
	struct uevent_server *wire; /* NULL: the shim needs none */
	struct server *server;
	int server_result;
	FILE *trace;
};

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

static int start_wire(struct run *run, char **ret_error)
{
	const char *directory = sandbox_wire_directory(run->sandbox);
	int r = directory ? uevent_server_new(directory, &run->wire) : 0;

	if (r < 0 && asprintf(ret_error, "cannot make sockets in %s: %s", directory, strerror(-r)) < 0)
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
	run->server_result = server_stop(run->server);
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
	server_free(run->server);
}

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
}

static int wait_for_command(struct run *run)
{
	int status = 0;
	int r = sandbox_wait(run->sandbox, server_ended(run->server), &status);

	end_run(run);
	/* The command may have been quicker to end: what it has seen is not to be relied on, though. */
	if (run->server_result < 0) {
		fprintf(stderr, "mocksys: cannot %s any longer: %s\n", server_what(run->options->sandbox.way),
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

int run_in_one_way(const struct run_options *options, bool *ret_other_way)
{
	struct run run = {.options = options};
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
	if (server_start(run.kernel, run.sandbox, options->sandbox.way, &run.server, &error) < 0)
		return give_up(&run, error, ret_other_way);
	/* Before the command says anything. */
	if (options->any_way)
		fprintf(stderr, "mocksys: taking way %s\n", way_name(options->sandbox.way));
	if (sandbox_start(run.sandbox, &machine, &error) < 0)
		return give_up(&run, error, ret_other_way);
	return wait_for_command(&run);
}
