/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "document.h"

/* The driver's name if it is known, else its module's. */
static const char *candidate_name(const struct vfiobind_candidate *candidate)
{
	if (!candidate)
		return NULL;
	return candidate->driver ? candidate->driver : candidate->module;
}

static struct json_object *json_candidate(const struct vfiobind_candidate *candidate)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "driver", json_text(candidate->driver));
	json_object_object_add(object, "module", json_text(candidate->module));
	json_object_object_add(object, "alias", json_text(candidate->alias));
	json_object_object_add(object, "line", candidate->line ? json_object_new_int64(candidate->line) : NULL);
	json_object_object_add(object, "rank", json_object_new_int64(candidate->rank));
	json_object_object_add(object, "usable", json_object_new_boolean(candidate->usable));
	json_object_object_add(object, "reason", json_text(candidate->reason));
	return object;
}

static void print_json(const struct vfiobind_ranking *ranking)
{
	struct json_object *document = json_object_new_object(), *candidates = json_object_new_array();

	for (size_t i = 0; i < ranking->n_candidates; i++)
		json_object_array_add(candidates, json_candidate(ranking->candidates[i]));
	json_object_object_add(document, "device", json_address(&ranking->address));
	json_object_object_add(document, "chosen", json_text(candidate_name(ranking->chosen)));
	json_object_object_add(document, "candidates", candidates);
	json_object_object_add(document, "warnings", json_text_array(ranking->warnings, ranking->n_warnings));
	json_print(document);
}

static void print_text(const struct cli *cli, const struct vfiobind_ranking *ranking)
{
	char address[VFIOBIND_ADDRESS_SIZE];

	vfiobind_address_format(&ranking->address, address, sizeof(address));
	printf("%s ", address);
	output_text(ranking->modalias);
	puts("");
	for (size_t i = 0; i < ranking->n_candidates; i++) {
		const struct vfiobind_candidate *candidate = ranking->candidates[i];
		bool chosen = candidate == ranking->chosen;

		printf("%s %2u  ", chosen ? "*" : " ", candidate->rank);
		output_colored(cli, chosen ? "32" : candidate->usable ? NULL : "31", 20, candidate_name(candidate));
		printf("  ");
		output_text(candidate->reason);
		if (candidate->line)
			printf(" (modules.alias:%u)", candidate->line);
		puts("");
	}
	if (!ranking->chosen)
		puts("none of them can be used");
}

static int run(struct cli *cli)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_ranking *ranking;
	struct vfiobind_address *address;
	int status;

	status = find_devices(cli, &address);
	if (status != EXIT_DONE)
		return status;
	status = vfiobind_driver_rank(cli->context, address, &ranking, &error);
	free(address);
	if (status < 0)
		return output_error(cli, &error);
	if (cli->json)
		print_json(ranking);
	else
		print_text(cli, ranking);
	for (size_t i = 0; i < ranking->n_warnings; i++)
		output_warning(cli, &ranking->address, ranking->warnings[i]);
	vfiobind_ranking_free(ranking);
	return EXIT_DONE;
}

const struct verb explain_verb = {
	.name = "explain",
	.arguments = "DEVICE",
	.help = "Which VFIO drivers suit the device, the best first, and why.",
	.does = "explain the choice of a driver",
	.options = OPTION_JSON,
	.min_arguments = 1,
	.max_arguments = 1,
	.run = run,
};
