/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

static const struct verb *const verbs[] = {
	&list_verb,  &show_verb,    &detach_verb,  &reattach_verb, &reset_verb,
	&sriov_verb, &hostdev_verb, &explain_verb, &doctor_verb,   &repair_verb,
};

/* In columns, with two blanks before the help: completions read it. */
static void print_verbs(void)
{
	size_t width = 0;

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (strlen(verbs[i]->arguments) > width)
			width = strlen(verbs[i]->arguments);
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		printf("  %-9s %-*s  %s\n", verbs[i]->name, (int)width, verbs[i]->arguments, verbs[i]->help);
}

static void print_help(const struct verb *verb)
{
	if (verb) {
		printf("vfiobind %s [OPTION...] %s\n\n%s\n\n", verb->name, verb->arguments, verb->help);
	} else {
		printf("vfiobind [OPTION...] VERB [OPTION...] [DEVICE...]\n\n"
		       "Gives host PCI devices to vfio-pci or a VFIO variant driver, and back.\n\n");
		print_verbs();
		puts("");
	}
	options_print(verb);
	puts("\nDEVICE is an address (0000:04:11.5, 04:11.5), a node device name (pci_0000_04_11_5) or a network\n"
	     "interface. Exit status: 0 done, 1 failed and rolled back, 2 usage, 3 refused before anything was\n"
	     "touched, 4 timed out, 5 failed and could not be undone. See vfiobind(8).");
}

/* Where there is no verb yet. */
static int fail_verb(const struct cli *cli, const char *found)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;

	error.code = VFIOBIND_ERROR_INVALID_ARGUMENT;
	snprintf(error.operation, sizeof(error.operation), "run");
	snprintf(error.expected, sizeof(error.expected), "a verb");
	snprintf(error.found, sizeof(error.found), "%s", found);
	snprintf(error.hint, sizeof(error.hint), "see vfiobind --help");
	return output_error(cli, &error);
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (strcmp(name, verbs[i]->name) == 0)
			return verbs[i];
	return NULL;
}

static bool wants_color(const struct cli *cli)
{
	const char *no_color = getenv("NO_COLOR");

	if (cli->color_when && strcmp(cli->color_when, "auto") != 0)
		return strcmp(cli->color_when, "always") == 0;
	return isatty(STDOUT_FILENO) && !(no_color && no_color[0]);
}

static int run_verb(struct cli *cli)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	int status;

	if (cli->n_arguments < cli->verb->min_arguments)
		return output_usage_error(cli, cli->verb->arguments, "nothing");
	if (cli->verb->max_arguments >= 0 && cli->n_arguments > cli->verb->max_arguments)
		return output_usage_error(cli, cli->verb->max_arguments ? "one argument" : "no argument",
					  cli->arguments[cli->verb->max_arguments]);
	if (vfiobind_context_new(&cli->context) < 0) {
		error.code = VFIOBIND_ERROR_OUT_OF_MEMORY;
		return output_error(cli, &error);
	}
	if (cli->timeout_ms)
		vfiobind_context_set_timeout(cli->context, cli->timeout_ms);
	if (cli->verbose)
		vfiobind_context_set_observer(cli->context, result_observe, NULL);
	status = cli->verb->run(cli);
	vfiobind_context_free(cli->context);
	return status;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	int first;

	first = options_parse(cli, NULL, argc, argv, &error);
	if (first < 0)
		return output_error(cli, &error);
	if (first < argc) {
		cli->verb = find_verb(argv[first]);
		if (!cli->verb)
			return fail_verb(cli, argv[first]);
		argc -= first;
		argv += first;
		first = options_parse(cli, cli->verb, argc, argv, &error);
		if (first < 0)
			return output_error(cli, &error);
	}
	if (cli->help) {
		print_help(cli->verb);
		return EXIT_DONE;
	}
	if (cli->version) {
		printf("vfiobind %s\n", vfiobind_library_version());
		return EXIT_DONE;
	}
	if (!cli->verb)
		return fail_verb(cli, "nothing");
	cli->n_arguments = argc - first;
	cli->arguments = argv + first;
	cli->color = wants_color(cli);
	return run_verb(cli);
}

/* Else the next file that is opened would get the number, and with it what is printed. */
static bool open_standard_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) != fd)
			return false;
	return true;
}

int main(int argc, char **argv)
{
	struct cli cli = {.verb = NULL};
	int status;

	if (!open_standard_streams())
		return EXIT_FAILED;
	/* Before the options are read: that they are wrong has to be said as JSON too. */
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		cli.json = cli.json || strcmp(argv[i], "--json") == 0;
	status = run(&cli, argc, argv);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "vfiobind: cannot write to standard output: %s\n", strerrordesc_np(errno));
		return status ? status : EXIT_FAILED;
	}
	return status;
}
