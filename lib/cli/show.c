/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli.h"
#include "document.h"

static void print_line(const char *label, const char *text)
{
	printf("%-17s", label);
	output_text(text);
	puts("");
}

static void print_node(const char *label, const char *path, const struct vfiobind_access *access)
{
	printf("%-17s", label);
	output_node(path, access);
	puts("");
}

static void print_driver(const struct vfiobind_device *device)
{
	printf("%-17s", "driver");
	output_text(device->driver);
	printf(" (%s%s", vfiobind_driver_type_name(device->driver_type), device->variant ? ", variant" : "");
	if (device->module) {
		printf(", module ");
		output_text(device->module);
	}
	puts(")");
	print_line("driver_override", device->driver_override);
}

static void print_address(const char *before, const struct vfiobind_address *address)
{
	char text[VFIOBIND_ADDRESS_SIZE];

	vfiobind_address_format(address, text, sizeof(text));
	printf("%s%s", before, text);
}

static void print_group(const struct vfiobind_device *device)
{
	if (device->iommu_group < 0) {
		print_line("IOMMU group", NULL);
		return;
	}
	printf("%-17s%d, %s\n", "IOMMU group", device->iommu_group, device->group_viable ? "viable" : "not viable");
	for (size_t i = 0; i < device->n_group_members; i++) {
		const struct vfiobind_group_member *member = device->group_members[i];
		bool self = vfiobind_address_compare(&member->address, &device->address) == 0;

		if (self)
			continue;
		print_address("                 ", &member->address);
		printf(" ");
		output_text(member->driver);
		puts(member->blocks ? " (blocks)" : "");
	}
}

static void print_functions(const struct vfiobind_device *device)
{
	if (device->has_parent) {
		printf("%-17s", "behind");
		print_address("", &device->parent);
		puts("");
	}
	if (device->has_physfn) {
		printf("%-17s", "VF of");
		print_address("", &device->physfn);
		puts("");
	}
	if (device->numvfs >= 0) {
		printf("%-17s%d", "VFs", device->numvfs);
		for (size_t i = 0; i < device->n_virtfns; i++)
			print_address(" ", &device->virtfns[i]);
		puts("");
	}
}

static void print_since(const char *label, time_t since)
{
	struct tm local;
	char text[64];

	localtime_r(&since, &local);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z", &local);
	printf("%-17ssince %s", label, text);
}

static void print_detached(const struct vfiobind_detached *detached)
{
	print_since("detached", detached->since);
	if (detached->host_driver) {
		printf(", from ");
		output_text(detached->host_driver);
	}
	puts("");
}

static void print_pending(const struct vfiobind_pending *pending)
{
	print_since("not ended", pending->since);
	printf(", ");
	output_pending(pending);
	puts("");
}

static void print_device(const struct vfiobind_device *device, struct names *names)
{
	char *name = names_device(names, device);

	print_address("", &device->address);
	printf(" ");
	output_text(name);
	free(name);
	printf("\n%-17s%04x:%04x (subsystem %04x:%04x), class %06x\n", "id", device->vendor, device->device,
	       device->subsystem_vendor, device->subsystem_device, device->class_code);
	print_line("modalias", device->modalias);
	print_driver(device);
	if (device->detached)
		print_detached(device->detached);
	if (device->pending)
		print_pending(device->pending);
	print_group(device);
	print_functions(device);
	for (size_t i = 0; i < device->n_netdevs; i++)
		print_line("interface", device->netdevs[i]);
	if (device->vfio) {
		print_line("VFIO device", device->vfio->device);
		print_node("group node", device->vfio->group_node, &device->vfio->group_access);
		print_node("device node", device->vfio->cdev, &device->vfio->cdev_access);
	}
	if (device->domain)
		print_line("domain", device->domain);
}

static int run(struct cli *cli)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_address *address;
	struct vfiobind_device *device;
	struct names *names;
	int status;

	status = find_devices(cli, &address);
	if (status != EXIT_DONE)
		return status;
	status = vfiobind_device_read(cli->context, address, &device, &error);
	free(address);
	if (status < 0)
		return output_error(cli, &error);
	names = names_new();
	if (cli->json)
		json_print(json_device(device, names));
	else
		print_device(device, names);
	names_free(names);
	vfiobind_device_free(device);
	return EXIT_DONE;
}

const struct verb show_verb = {
	.name = "show",
	.arguments = "DEVICE",
	.help = "All that is known of one device.",
	.does = "show a device",
	.options = OPTION_JSON,
	.min_arguments = 1,
	.max_arguments = 1,
	.run = run,
};
