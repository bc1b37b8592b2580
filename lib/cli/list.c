/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "document.h"

#define BASE_CLASS_BRIDGE 0x06

bool list_is_bridge(const struct vfiobind_device *device)
{
	return device->header_type > 0 || device->class_code >> 16 == BASE_CLASS_BRIDGE;
}

bool list_wants(const struct cli *cli, const struct vfiobind_device *device)
{
	if (cli->driver_type && strcmp(vfiobind_driver_type_name(device->driver_type), cli->driver_type) != 0)
		return false;
	return cli->all || !list_is_bridge(device);
}

static const char *type_color(enum vfiobind_driver_type type)
{
	static const char *const colors[] = {
		[VFIOBIND_DRIVER_TYPE_NONE] = "2",       [VFIOBIND_DRIVER_TYPE_HOST] = NULL,
		[VFIOBIND_DRIVER_TYPE_VFIO] = "32",      [VFIOBIND_DRIVER_TYPE_XEN] = "33",
		[VFIOBIND_DRIVER_TYPE_USERSPACE] = "33",
	};

	return colors[type];
}

void list_print_columns(const struct cli *cli, const struct vfiobind_device *device, struct names *names,
			bool mark_group)
{
	char *name = device->error && !device->vendor ? NULL : names_device(names, device), group[16] = "-";

	if (device->iommu_group >= 0)
		snprintf(group, sizeof(group), "%d%s", device->iommu_group, mark_group ? "*" : "");
	output_colored(cli, type_color(device->driver_type), 16, device->driver);
	printf("  %-9s  %5s  ", vfiobind_driver_type_name(device->driver_type), group);
	output_text(name);
	puts("");
	free(name);
}

void list_print_pending(const struct vfiobind_device *device)
{
	char address[VFIOBIND_ADDRESS_SIZE];

	if (!device->pending)
		return;
	vfiobind_address_format(&device->address, address, sizeof(address));
	printf("! %s: not ended: ", address);
	output_pending(device->pending);
	puts("");
}

static void print_table(const struct cli *cli, const struct vfiobind_devices *devices, struct names *names)
{
	char address[VFIOBIND_ADDRESS_SIZE];

	printf("%-12s  %-16s  %-9s  %5s  %s\n", "ADDRESS", "DRIVER", "TYPE", "GROUP", "NAME");
	for (size_t i = 0; i < devices->n_devices; i++) {
		if (!list_wants(cli, devices->devices[i]))
			continue;
		vfiobind_address_format(&devices->devices[i]->address, address, sizeof(address));
		printf("%-12s  ", address);
		list_print_columns(cli, devices->devices[i], names, false);
	}
	for (size_t i = 0; i < devices->n_devices; i++)
		if (list_wants(cli, devices->devices[i]))
			list_print_pending(devices->devices[i]);
}

static void print_json(const struct cli *cli, const struct vfiobind_devices *devices, struct names *names)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < devices->n_devices; i++)
		if (list_wants(cli, devices->devices[i]))
			json_object_array_add(array, json_device(devices->devices[i], names));
	json_print(array);
}

static bool is_driver_type(const char *name)
{
	for (int i = 0; vfiobind_driver_type_name((enum vfiobind_driver_type)i); i++)
		if (strcmp(name, vfiobind_driver_type_name((enum vfiobind_driver_type)i)) == 0)
			return true;
	return false;
}

/* The devices that could not be read in full. The worst of all decides. */
static int print_errors(const struct vfiobind_devices *devices)
{
	int worst = EXIT_DONE;

	for (size_t i = 0; i < devices->n_devices; i++) {
		int status = devices->devices[i]->error ? output_partial_error(devices->devices[i]->error) : EXIT_DONE;

		worst = status > worst ? status : worst;
	}
	return worst;
}

static int run(struct cli *cli)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_devices *devices;
	struct names *names;
	int status;

	if (cli->driver_type && !is_driver_type(cli->driver_type))
		return output_usage_error(cli, "none, host, vfio, xen or userspace", cli->driver_type);
	/* The document has parent, physfn and group_devices: the tree would be the same once more, in another form. */
	if (cli->tree && cli->json)
		return output_usage_error(cli, "one of --tree and --json", "both");
	if (vfiobind_devices_read(cli->context, &devices, &error) < 0)
		return output_error(cli, &error);
	names = names_new();
	if (cli->json)
		print_json(cli, devices, names);
	else if (cli->tree)
		tree_print(cli, devices, names);
	else
		print_table(cli, devices, names);
	names_free(names);
	status = print_errors(devices);
	vfiobind_devices_free(devices);
	return status;
}

const struct verb list_verb = {
	.name = "list",
	.arguments = "",
	.help = "PCI devices: address, driver, kind of driver, IOMMU group, name.",
	.does = "list devices",
	.options = OPTION_ALL | OPTION_TREE | OPTION_DRIVER_TYPE | OPTION_JSON,
	.max_arguments = 0,
	.run = run,
};
