/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "cli.h"
#include "document.h"

static void print_json(const struct vfiobind_report *report)
{
	struct json_object *document = json_object_new_object(), *checks = json_object_new_array();

	for (size_t i = 0; i < report->n_checks; i++) {
		const struct vfiobind_check *check = report->checks[i];
		struct json_object *object = json_object_new_object();

		json_object_object_add(object, "check", json_text(check->check));
		json_object_object_add(object, "ok", json_object_new_boolean(check->ok));
		json_object_object_add(object, "required", json_object_new_boolean(check->required));
		json_object_object_add(object, "found", json_text(check->found));
		json_object_object_add(object, "hint", json_text(check->hint));
		json_object_array_add(checks, object);
	}
	json_object_object_add(document, "checks", checks);
	json_print(document);
}

static void print_text(const struct cli *cli, const struct vfiobind_report *report)
{
	for (size_t i = 0; i < report->n_checks; i++) {
		const struct vfiobind_check *check = report->checks[i];
		const char *word = check->ok ? "ok" : check->required ? "FAIL" : "note";

		output_colored(cli, check->ok ? "32" : check->required ? "31" : "33", 5, word);
		printf(" %-18s ", check->check);
		output_text(check->found);
		if (check->hint) {
			printf("; ");
			output_text(check->hint);
		}
		puts("");
	}
	puts(report->ok ? "This host can assign devices." : "This host cannot assign devices.");
}

static int run(struct cli *cli)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_report *report;
	bool ok;

	if (vfiobind_host_check(cli->context, &report, &error) < 0)
		return output_error(cli, &error);
	if (cli->json)
		print_json(report);
	else
		print_text(cli, report);
	ok = report->ok;
	vfiobind_report_free(report);
	return ok ? EXIT_DONE : EXIT_REFUSED;
}

const struct verb doctor_verb = {
	.name = "doctor",
	.arguments = "",
	.help = "Can this host assign devices? If not, what is missing.",
	.does = "check the host",
	.options = OPTION_JSON,
	.max_arguments = 0,
	.run = run,
};
