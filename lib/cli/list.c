/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "document.h"

#define BASE_CLASS_BRIDGE 0x06

struct list {
	struct names *names;
	size_t n;
	struct vfiobind_device **devices;
};

static bool is_wanted(const struct cli *cli, const struct vfiobind_device *device)
{
	bool bridge = device->header_type > 0 || device->class_code >> 16 == BASE_CLASS_BRIDGE;

	if (cli->driver_type && strcmp(vfiobind_driver_type_name(device->driver_type), cli->driver_type) != 0)
		return false;
	return cli->all || !bridge;
}

/* Reads the devices that are wanted. One that has gone since it was listed is left out. */
static int read_devices(struct cli *cli, struct list *list, struct vfiobind_error *error)
{
	struct vfiobind_address *addresses;
	size_t n;
	int r;

	r = vfiobind_device_list(cli->context, &addresses, &n, error);
	if (r < 0)
		return r;
	list->devices = calloc(n + 1, sizeof(*list->devices));
	if (!list->devices) {
		free(addresses);
		error->code = VFIOBIND_ERROR_OUT_OF_MEMORY;
		return -1;
	}
	for (size_t i = 0; i < n && r == 0; i++) {
		struct vfiobind_device *device;

		r = vfiobind_device_read(cli->context, &addresses[i], &device, error);
		if (r < 0 &&
		    (error->code == VFIOBIND_ERROR_DEVICE_NOT_FOUND || error->code == VFIOBIND_ERROR_DEVICE_VANISHED)) {
			r = 0;
			continue;
		}
		if (r == 0 && is_wanted(cli, device))
			list->devices[list->n++] = device;
		else if (r == 0)
			vfiobind_device_free(device);
	}
	free(addresses);
	return r;
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

static void print_row(const struct cli *cli, const struct list *list, const struct vfiobind_device *device)
{
	char address[VFIOBIND_ADDRESS_SIZE], group[16] = "-";
	char *name = names_device(list->names, device);

	vfiobind_address_format(&device->address, address, sizeof(address));
	if (device->iommu_group >= 0)
		snprintf(group, sizeof(group), "%d", device->iommu_group);
	printf("%-12s  ", address);
	output_colored(cli, type_color(device->driver_type), 16, device->driver);
	printf("  %-9s", vfiobind_driver_type_name(device->driver_type));
	if (!cli->tree)
		printf("  %5s", group);
	printf("  ");
	output_text(name);
	puts("");
	free(name);
}

static int compare_groups(const void *a, const void *b)
{
	const struct vfiobind_device *const *first = a, *const *second = b;

	if ((*first)->iommu_group != (*second)->iommu_group)
		return (*first)->iommu_group < (*second)->iommu_group ? -1 : 1;
	return vfiobind_address_compare(&(*first)->address, &(*second)->address);
}

static void print_tree(const struct cli *cli, const struct list *list)
{
	qsort(list->devices, list->n, sizeof(*list->devices), compare_groups);
	for (size_t i = 0; i < list->n; i++) {
		const struct vfiobind_device *device = list->devices[i];
		bool last = i + 1 == list->n || list->devices[i + 1]->iommu_group != device->iommu_group;

		if (i == 0 || list->devices[i - 1]->iommu_group != device->iommu_group) {
			if (device->iommu_group < 0)
				puts("no IOMMU group");
			else
				printf("IOMMU group %d\n", device->iommu_group);
		}
		printf(last ? "`- " : "|- ");
		print_row(cli, list, device);
	}
}

static void print_table(const struct cli *cli, const struct list *list)
{
	printf("%-12s  %-16s  %-9s  %5s  %s\n", "ADDRESS", "DRIVER", "TYPE", "GROUP", "NAME");
	for (size_t i = 0; i < list->n; i++)
		print_row(cli, list, list->devices[i]);
}

static void print_json(const struct list *list)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < list->n; i++)
		json_object_array_add(array, json_device(list->devices[i], list->names));
	json_print(array);
}

static bool is_driver_type(const char *name)
{
	for (int i = 0; vfiobind_driver_type_name((enum vfiobind_driver_type)i); i++)
		if (strcmp(name, vfiobind_driver_type_name((enum vfiobind_driver_type)i)) == 0)
			return true;
	return false;
}

static int run(struct cli *cli)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct list list = {.n = 0};
	int status = EXIT_DONE;

	if (cli->driver_type && !is_driver_type(cli->driver_type)) {
		error.code = VFIOBIND_ERROR_INVALID_ARGUMENT;
		snprintf(error.operation, sizeof(error.operation), "list");
		snprintf(error.expected, sizeof(error.expected), "none, host, vfio, xen or userspace");
		snprintf(error.found, sizeof(error.found), "%s", cli->driver_type);
		return output_error(cli, &error);
	}
	if (read_devices(cli, &list, &error) < 0) {
		status = output_error(cli, &error);
	} else {
		list.names = names_new();
		if (cli->json)
			print_json(&list);
		else if (cli->tree)
			print_tree(cli, &list);
		else
			print_table(cli, &list);
		names_free(list.names);
	}
	for (size_t i = 0; i < list.n; i++)
		vfiobind_device_free(list.devices[i]);
	free(list.devices);
	return status;
}

const struct verb list_verb = {
	.name = "list",
	.arguments = "",
	.help = "PCI devices: address, driver, kind of driver, IOMMU group, name.",
	.options = OPTION_ALL | OPTION_TREE | OPTION_DRIVER_TYPE | OPTION_JSON,
	.max_arguments = 0,
	.run = run,
};
