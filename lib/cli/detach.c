/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include "cli.h"

static int run(struct cli *cli)
{
	struct vfiobind_detach_options options = VFIOBIND_DETACH_OPTIONS_INIT;
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_address *addresses;
	struct vfiobind_result *result;
	int status;

	status = find_devices(cli, &addresses);
	if (status != EXIT_DONE)
		return status;
	options.driver = cli->driver;
	options.whole_group = cli->group;
	options.dry_run = cli->dry_run;
	options.force = cli->force;
	status = vfiobind_device_detach(cli->context, addresses, (size_t)cli->n_arguments, &options, &result, &error);
	free(addresses);
	return status < 0 ? output_error(cli, &error) : result_print(cli, result);
}

const struct verb detach_verb = {
	.name = "detach",
	.arguments = "DEVICE...",
	.help = "Host driver to VFIO driver. Several devices: all or none.",
	.does = "detach",
	.options = OPTION_DRIVER | OPTION_GROUP | OPTION_DRY_RUN | OPTION_FORCE | OPTION_JSON,
	.min_arguments = 1,
	.max_arguments = -1,
	.run = run,
};
