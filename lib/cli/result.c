/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What became of the devices of a detach or reattach, or would. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "document.h"

/* In quotes, unless each character is harmless. */
char *output_quote(const char *text)
{
	static const char harmless[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:-";
	char *word, *end;

	if (text[0] && strspn(text, harmless) == strlen(text))
		return strdup(text);
	word = malloc(4 * strlen(text) + 3);
	if (!word)
		return NULL;
	end = word;
	*end++ = '\'';
	for (; *text; text++)
		if (*text == '\'')
			end = stpcpy(end, "'\\''");
		else
			*end++ = *text;
	strcpy(end, "'");
	return word;
}

/* The line for a shell that does the same, to be freed. */
static char *shell_line(const struct vfiobind_action *action)
{
	char *path = output_quote(action->path ? action->path : ""), *value = output_quote(action->value), *line = NULL;
	int r = -1;

	if (path && value && action->kind == VFIOBIND_ACTION_LOAD_MODULE)
		r = asprintf(&line, "modprobe %s", value);
	else if (path && value && action->kind == VFIOBIND_ACTION_WRITE_DRIVER)
		r = asprintf(&line, "driver=$(cd /sys/module/%s/drivers && echo pci:*) && echo \"${driver#pci:}\" > %s",
			     value, path);
	else if (path && value && strcmp(action->value, "\n") == 0)
		r = asprintf(&line, "echo > %s", path);
	else if (path && value)
		r = asprintf(&line, "echo %s > %s", value, path);
	free(path);
	free(value);
	return r < 0 ? NULL : line;
}

static void print_action(FILE *stream, const struct vfiobind_action *action, const char *comment)
{
	char *line = shell_line(action), escaped[4096];

	vfiobind_text_escape(line ? line : "", escaped, sizeof(escaped));
	fprintf(stream, "%s%s%s\n", escaped, comment ? "  # " : "", comment ? comment : "");
	free(line);
}

void result_observe(void *data, const struct vfiobind_action *action, int result)
{
	print_action(stderr, action, result < 0 ? strerrordesc_np(-result) : NULL);
}

struct json_object *json_result_device(const struct cli *cli, const struct vfiobind_result_device *device)
{
	struct json_object *object = json_object_new_object(), *commands;

	json_object_object_add(object, "address", json_address(&device->address));
	json_object_object_add(object, "from", json_text(device->from));
	json_object_object_add(object, "to", json_text(device->to));
	json_object_object_add(object, "module", json_text(device->module));
	json_object_object_add(object, "variant", json_object_new_boolean(device->variant));
	json_object_object_add(object, "changed", json_object_new_boolean(device->changed));
	json_object_object_add(object, "warnings", json_text_array(device->warnings, device->n_warnings));
	json_object_object_add(object, "vfio", json_vfio(device->vfio));
	json_object_object_add(object, "netdevs", json_text_array(device->netdevs, device->n_netdevs));
	if (!cli->dry_run)
		return object;
	commands = json_object_new_array();
	for (size_t i = 0; i < device->n_actions; i++) {
		char *line = shell_line(device->actions[i]);

		json_object_array_add(commands, json_text(line));
		free(line);
	}
	json_object_object_add(object, "commands", commands);
	return object;
}

static void print_json(const struct cli *cli, const struct vfiobind_result *result)
{
	struct json_object *document = json_object_new_object(), *devices = json_object_new_array();

	for (size_t i = 0; i < result->n_devices; i++)
		json_object_array_add(devices, json_result_device(cli, result->devices[i]));
	json_object_object_add(document, "devices", devices);
	json_print(document);
}

static void print_device(const struct cli *cli, const struct vfiobind_result_device *device)
{
	char address[VFIOBIND_ADDRESS_SIZE];

	vfiobind_address_format(&device->address, address, sizeof(address));
	printf("%s%s: ", cli->dry_run ? "# " : "", address);
	output_text(device->from ? device->from : "no driver");
	if (!device->changed) {
		puts(", left alone");
		return;
	}
	printf(" -> ");
	if (device->to || !cli->dry_run)
		output_text(device->to ? device->to : "no driver");
	else
		printf(device->module ? "the module's driver" : "the host driver");
	if (device->module) {
		printf(" (module ");
		output_text(device->module);
		printf("%s)", device->variant ? ", variant" : "");
	}
	if (device->vfio && device->vfio->group_node) {
		printf(", ");
		output_node(device->vfio->group_node, &device->vfio->group_access);
	}
	if (device->vfio && device->vfio->cdev) {
		printf(", ");
		output_node(device->vfio->cdev, &device->vfio->cdev_access);
	}
	for (size_t i = 0; i < device->n_netdevs; i++) {
		printf(", ");
		output_text(device->netdevs[i]);
	}
	puts("");
}

int result_print(const struct cli *cli, struct vfiobind_result *result)
{
	if (cli->json)
		print_json(cli, result);
	for (size_t i = 0; i < result->n_devices; i++) {
		const struct vfiobind_result_device *device = result->devices[i];

		for (size_t j = 0; j < device->n_warnings; j++)
			output_warning(cli, &device->address, device->warnings[j]);
		if (cli->json)
			continue;
		print_device(cli, device);
		if (cli->dry_run)
			for (size_t j = 0; j < device->n_actions; j++)
				print_action(stdout, device->actions[j], NULL);
	}
	vfiobind_result_free(result);
	return EXIT_DONE;
}
