/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "document.h"

/* What was done to the devices decides; where nothing was, the kind of error does. */
static enum exit_status exit_status_of(const struct vfiobind_error *error)
{
	static const enum exit_status by_state[] = {
		[VFIOBIND_STATE_RESTORED] = EXIT_FAILED,
		[VFIOBIND_STATE_PENDING] = EXIT_PENDING,
		[VFIOBIND_STATE_BROKEN] = EXIT_BROKEN,
	};
	static const enum exit_status by_class[] = {
		[VFIOBIND_ERROR_CLASS_NONE] = EXIT_FAILED,          [VFIOBIND_ERROR_CLASS_USAGE] = EXIT_USAGE,
		[VFIOBIND_ERROR_CLASS_PRECONDITION] = EXIT_REFUSED, [VFIOBIND_ERROR_CLASS_FAILURE] = EXIT_FAILED,
		[VFIOBIND_ERROR_CLASS_TIME_OUT] = EXIT_PENDING,
	};

	if (error->state != VFIOBIND_STATE_UNTOUCHED)
		return by_state[error->state];
	return by_class[vfiobind_error_code_class(error->code)];
}

int output_error(const struct cli *cli, const struct vfiobind_error *error)
{
	char line[4096];

	vfiobind_error_format(error, line, sizeof(line));
	if (cli->json)
		json_print(json_error(error));
	fprintf(stderr, "vfiobind: %s\n", line);
	return exit_status_of(error);
}

int output_usage_error(const struct cli *cli, const char *expected, const char *found)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;

	error.code = VFIOBIND_ERROR_INVALID_ARGUMENT;
	snprintf(error.operation, sizeof(error.operation), "%s", cli->verb->does);
	snprintf(error.expected, sizeof(error.expected), "%s", expected);
	snprintf(error.found, sizeof(error.found), "%s", found);
	snprintf(error.hint, sizeof(error.hint), "see vfiobind %s --help", cli->verb->name);
	return output_error(cli, &error);
}

int output_partial_error(const struct vfiobind_error *error)
{
	char line[4096];

	vfiobind_error_format(error, line, sizeof(line));
	fprintf(stderr, "vfiobind: %s\n", line);
	return (int)exit_status_of(error);
}

void output_warning(const struct cli *cli, const struct vfiobind_address *device, const char *text)
{
	char address[VFIOBIND_ADDRESS_SIZE], line[4096];

	/* In the document they are already. */
	if (cli->json)
		return;
	vfiobind_address_format(device, address, sizeof(address));
	vfiobind_text_escape(text, line, sizeof(line));
	fprintf(stderr, "vfiobind: %s: warning: %s\n", address, line);
}

void output_note(const char *text)
{
	char line[4096];

	vfiobind_text_escape(text, line, sizeof(line));
	fprintf(stderr, "vfiobind: %s\n", line);
}

void output_text(const char *text)
{
	char line[4096];

	vfiobind_text_escape(text ? text : "-", line, sizeof(line));
	fputs(line, stdout);
}

void output_node(const char *path, const struct vfiobind_access *access)
{
	const struct passwd *user = path ? getpwuid(access->uid) : NULL;
	const struct group *group = path ? getgrgid(access->gid) : NULL;

	output_text(path);
	if (!path)
		return;
	printf(" (");
	if (user)
		output_text(user->pw_name);
	else
		printf("%u", (unsigned int)access->uid);
	printf(":");
	if (group)
		output_text(group->gr_name);
	else
		printf("%u", (unsigned int)access->gid);
	printf(" %04o)", (unsigned int)access->mode);
}

void output_pending(const struct vfiobind_pending *pending)
{
	printf("a %s by pid %d", pending->operation, (int)pending->pid);
	if (pending->command) {
		printf(", ");
		output_text(pending->command);
	}
	printf("; unless that still runs: vfiobind repair");
}

void output_colored(const struct cli *cli, const char *color, int width, const char *text)
{
	char line[4096];

	vfiobind_text_escape(text ? text : "-", line, sizeof(line));
	if (cli->color && color)
		printf("\033[%sm%-*s\033[0m", color, width, line);
	else
		printf("%-*s", width, line);
}

int find_devices(const struct cli *cli, struct vfiobind_address **ret_addresses)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_address *addresses = calloc((size_t)cli->n_arguments, sizeof(*addresses));

	if (!addresses) {
		error.code = VFIOBIND_ERROR_OUT_OF_MEMORY;
		return output_error(cli, &error);
	}
	for (int i = 0; i < cli->n_arguments; i++)
		if (vfiobind_device_find(cli->context, cli->arguments[i], &addresses[i], &error) < 0) {
			free(addresses);
			return output_error(cli, &error);
		}
	*ret_addresses = addresses;
	return EXIT_DONE;
}
