/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "cli.h"
#include "document.h"

/* The worst of all decides. */
static enum exit_status exit_status_of(const struct vfiobind_repairs *repairs)
{
	static const enum exit_status statuses[] = {
		[VFIOBIND_REPAIR_FINISHED] = EXIT_DONE,     [VFIOBIND_REPAIR_UNDONE] = EXIT_DONE,
		[VFIOBIND_REPAIR_FORGOTTEN] = EXIT_DONE,    [VFIOBIND_REPAIR_LEFT] = EXIT_DONE,
		[VFIOBIND_REPAIR_MALFORMED] = EXIT_REFUSED, [VFIOBIND_REPAIR_PENDING] = EXIT_PENDING,
		[VFIOBIND_REPAIR_FAILED] = EXIT_BROKEN,
	};
	enum exit_status worst = EXIT_DONE;

	for (size_t i = 0; i < repairs->n_devices; i++)
		if (statuses[repairs->devices[i]->outcome] > worst)
			worst = statuses[repairs->devices[i]->outcome];
	return worst;
}

static void print_repaired(const struct cli *cli, const struct vfiobind_repaired *repaired)
{
	enum vfiobind_repair_outcome outcome = repaired->outcome;
	bool is_trouble = outcome == VFIOBIND_REPAIR_PENDING || outcome == VFIOBIND_REPAIR_FAILED ||
			  outcome == VFIOBIND_REPAIR_MALFORMED;
	FILE *stream = is_trouble ? stderr : stdout;
	char address[VFIOBIND_ADDRESS_SIZE], text[4096];

	if (cli->json && !is_trouble)
		return;
	vfiobind_address_format(&repaired->address, address, sizeof(address));
	fprintf(stream, "%s%s: %s %s", is_trouble ? "vfiobind: " : "", address,
		repaired->operation ? repaired->operation : "record", vfiobind_repair_outcome_name(outcome));
	vfiobind_text_escape(repaired->driver ? repaired->driver : "no driver", text, sizeof(text));
	fprintf(stream, ", it is on %s", text);
	if (repaired->note) {
		vfiobind_text_escape(repaired->note, text, sizeof(text));
		fprintf(stream, "; %s", text);
	}
	fputc('\n', stream);
}

static struct json_object *document_of(const struct vfiobind_repairs *repairs)
{
	struct json_object *document = json_object_new_object(), *devices = json_object_new_array();

	for (size_t i = 0; i < repairs->n_devices; i++) {
		const struct vfiobind_repaired *repaired = repairs->devices[i];
		struct json_object *device = json_object_new_object();

		json_object_object_add(device, "address", json_address(&repaired->address));
		json_object_object_add(device, "operation", json_text(repaired->operation));
		json_object_object_add(device, "outcome", json_text(vfiobind_repair_outcome_name(repaired->outcome)));
		json_object_object_add(device, "driver", json_text(repaired->driver));
		json_object_object_add(device, "driver_override", json_text(repaired->driver_override));
		json_object_object_add(device, "note", json_text(repaired->note));
		json_object_array_add(devices, device);
	}
	json_object_object_add(document, "devices", devices);
	return document;
}

static int run(struct cli *cli)
{
	struct vfiobind_repair_options options = VFIOBIND_REPAIR_OPTIONS_INIT;
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_repairs *repairs;
	enum exit_status status;

	options.dry_run = cli->dry_run;
	if (vfiobind_repair(cli->context, &options, &repairs, &error) < 0)
		return output_error(cli, &error);
	for (size_t i = 0; i < repairs->n_devices; i++)
		print_repaired(cli, repairs->devices[i]);
	if (cli->json)
		json_print(document_of(repairs));
	status = exit_status_of(repairs);
	vfiobind_repairs_free(repairs);
	return status;
}

const struct verb repair_verb = {
	.name = "repair",
	.arguments = "",
	.help = "Finishes or undoes what a crash or a time-out has left.",
	.does = "repair",
	.options = OPTION_DRY_RUN | OPTION_JSON,
	.min_arguments = 0,
	.max_arguments = 0,
	.run = run,
};
