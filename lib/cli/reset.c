/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "document.h"

static void print_json(const struct vfiobind_reset *reset)
{
	struct json_object *document = json_object_new_object(), *methods = json_object_new_array();
	char *copy = reset->methods ? strdup(reset->methods) : NULL, *rest = copy, *word;

	while ((word = strsep(&rest, " ")))
		json_object_array_add(methods, json_text(word));
	free(copy);
	json_object_object_add(document, "device", json_address(&reset->address));
	json_object_object_add(document, "methods", methods);
	json_object_object_add(document, "warnings", json_text_array(reset->warnings, reset->n_warnings));
	json_print(document);
}

/* pci_reset_function() takes the first that works, in the order of reset_method, and tells nobody which it was. */
static void print_text(const struct vfiobind_reset *reset)
{
	char address[VFIOBIND_ADDRESS_SIZE], *copy = reset->methods ? strdup(reset->methods) : NULL, *rest = copy,
					     *word;
	bool several = copy && strchr(copy, ' ');

	vfiobind_address_format(&reset->address, address, sizeof(address));
	printf("%s: reset%s", address, several ? " by the first that works of: " : copy ? " by " : "");
	while ((word = strsep(&rest, " "))) {
		output_text(word);
		printf(rest ? ", " : "");
	}
	puts("");
	free(copy);
}

static int run(struct cli *cli)
{
	struct vfiobind_reset_options options = VFIOBIND_RESET_OPTIONS_INIT;
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_address *address;
	struct vfiobind_reset *reset;
	int status;

	status = find_devices(cli, &address);
	if (status != EXIT_DONE)
		return status;
	options.method = cli->method;
	options.force = cli->force;
	status = vfiobind_device_reset(cli->context, address, &options, &reset, &error);
	free(address);
	if (status < 0)
		return output_error(cli, &error);
	for (size_t i = 0; i < reset->n_warnings; i++)
		output_warning(cli, &reset->address, reset->warnings[i]);
	if (cli->json)
		print_json(reset);
	else
		print_text(reset);
	vfiobind_reset_free(reset);
	return EXIT_DONE;
}

const struct verb reset_verb = {
	.name = "reset",
	.arguments = "DEVICE",
	.help = "Resets a device that nobody uses.",
	.does = "reset",
	.options = OPTION_METHOD | OPTION_FORCE | OPTION_JSON,
	.min_arguments = 1,
	.max_arguments = 1,
	.run = run,
};
