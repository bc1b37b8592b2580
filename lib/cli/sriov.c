/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "document.h"

static struct json_object *json_vf(const struct vfiobind_vf *vf)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "index", json_object_new_int64(vf->index));
	json_object_object_add(object, "address", json_address(&vf->address));
	json_object_object_add(object, "driver", json_text(vf->driver));
	json_object_object_add(object, "driver_type", json_text(vfiobind_driver_type_name(vf->driver_type)));
	json_object_object_add(object, "iommu_group",
			       vf->iommu_group < 0 ? NULL : json_object_new_int(vf->iommu_group));
	json_object_object_add(object, "netdevs", json_text_array(vf->netdevs, vf->n_netdevs));
	json_object_object_add(object, "ready", json_object_new_boolean(vf->ready));
	return object;
}

static void print_json(const struct vfiobind_sriov *sriov)
{
	struct json_object *document = json_object_new_object(), *vfs = json_object_new_array();

	for (size_t i = 0; i < sriov->n_vfs; i++)
		json_object_array_add(vfs, json_vf(sriov->vfs[i]));
	json_object_object_add(document, "device", json_address(&sriov->address));
	json_object_object_add(document, "driver", json_text(sriov->driver));
	json_object_object_add(document, "totalvfs", json_object_new_int64(sriov->totalvfs));
	json_object_object_add(document, "numvfs", json_object_new_int64(sriov->numvfs));
	json_object_object_add(document, "drivers_autoprobe", json_object_new_boolean(sriov->autoprobe));
	json_object_object_add(document, "changed", json_object_new_boolean(sriov->changed));
	json_object_object_add(document, "vfs", vfs);
	json_object_object_add(document, "warnings", json_text_array(sriov->warnings, sriov->n_warnings));
	json_print(document);
}

static void print_text(const struct vfiobind_sriov *sriov)
{
	char address[VFIOBIND_ADDRESS_SIZE], group[16];

	vfiobind_address_format(&sriov->address, address, sizeof(address));
	printf("%s: ", address);
	output_text(sriov->driver ? sriov->driver : "no driver");
	printf(", %u of %u virtual functions, drivers_autoprobe %s\n", sriov->numvfs, sriov->totalvfs,
	       sriov->autoprobe ? "on" : "off");
	for (size_t i = 0; i < sriov->n_vfs; i++) {
		const struct vfiobind_vf *vf = sriov->vfs[i];

		vfiobind_address_format(&vf->address, address, sizeof(address));
		snprintf(group, sizeof(group), vf->iommu_group < 0 ? "-" : "%d", vf->iommu_group);
		printf("%3u  %-12s  group %-4s  ", vf->index, address, group);
		output_text(vf->driver ? vf->driver : "no driver");
		for (size_t j = 0; j < vf->n_netdevs; j++) {
			printf(", ");
			output_text(vf->netdevs[j]);
		}
		puts(vf->ready ? "" : " (not ready)");
	}
}

/* Decimal; the kernel takes 16 bits. */
static bool parse_numvfs(const char *text, uint32_t *ret_number)
{
	size_t length = strlen(text);
	unsigned long number;

	if (length == 0 || length > 5 || strspn(text, "0123456789") != length)
		return false;
	number = strtoul(text, NULL, 10);
	*ret_number = (uint32_t)number;
	return number <= 0xffff;
}

static int run_on(struct cli *cli, const struct vfiobind_address *address)
{
	struct vfiobind_sriov_options options = VFIOBIND_SRIOV_OPTIONS_INIT;
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	bool changes = cli->numvfs || cli->autoprobe || cli->no_autoprobe;
	struct vfiobind_sriov *sriov;
	uint32_t numvfs = VFIOBIND_NUMVFS_KEEP;
	int r;

	options.force = cli->force;
	options.autoprobe = cli->autoprobe      ? VFIOBIND_AUTOPROBE_ON
			    : cli->no_autoprobe ? VFIOBIND_AUTOPROBE_OFF
						: VFIOBIND_AUTOPROBE_KEEP;
	if (cli->numvfs && !parse_numvfs(cli->numvfs, &numvfs))
		return output_usage_error(cli, "a number from 0 to 65535", cli->numvfs);
	if (changes)
		r = vfiobind_sriov_set(cli->context, address, numvfs, &options, &sriov, &error);
	else
		r = vfiobind_sriov_read(cli->context, address, &sriov, &error);
	if (r < 0)
		return output_error(cli, &error);
	for (size_t i = 0; i < sriov->n_warnings; i++)
		output_warning(cli, &sriov->address, sriov->warnings[i]);
	if (cli->json)
		print_json(sriov);
	else
		print_text(sriov);
	vfiobind_sriov_free(sriov);
	return EXIT_DONE;
}

static int run(struct cli *cli)
{
	struct vfiobind_address *address;
	int status;

	if (cli->autoprobe && cli->no_autoprobe)
		return output_usage_error(cli, "one of --autoprobe and --no-autoprobe", "both");
	status = find_devices(cli, &address);
	if (status != EXIT_DONE)
		return status;
	status = run_on(cli, address);
	free(address);
	return status;
}

const struct verb sriov_verb = {
	.name = "sriov",
	.arguments = "DEVICE",
	.help = "Shows, creates or removes virtual functions, and waits until they are ready.",
	.does = "change virtual functions",
	.options = OPTION_SRIOV | OPTION_FORCE | OPTION_JSON,
	.min_arguments = 1,
	.max_arguments = 1,
	.run = run,
};
