/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a domain's start and end ask of the host, from its XML; and what QEMU has to be told of it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "document.h"
#include "domain-xml.h"

/* ---------------------------------------------------------------------------------------------- the arguments of QEMU */

static struct json_object *add_word(struct json_object *words, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static struct json_object *add_word(struct json_object *words, const char *format, ...)
{
	va_list arguments;
	char *word;
	int n;

	va_start(arguments, format);
	n = vasprintf(&word, format, arguments);
	va_end(arguments);
	if (n < 0)
		return words;
	json_object_array_add(words, json_text(word));
	free(word);
	return words;
}

/* How many of @kind precede device @i: libvirt counts them so. */
static size_t count_before(const struct domain *domain, size_t i, bool nvme)
{
	size_t n = 0;

	for (size_t j = 0; j < i; j++)
		if (nvme)
			n += domain->devices[j].n_namespaces;
		else
			n += domain->hostdevs[j].kind != VFIOBIND_HOSTDEV_KIND_NVME;
	return n;
}

static bool is_first_of_iommufd(const struct domain *domain, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (domain->devices[j].iommufd)
			return false;
	return domain->devices[i].iommufd;
}

/* QEMU's own NVMe driver has the controller, not the guest: its namespaces are block devices of QEMU's. */
static void add_disks(struct json_object *words, const struct domain *domain, size_t i, const char *address)
{
	const struct domain_device *device = &domain->devices[i];
	size_t first = count_before(domain, i, true);

	for (size_t j = 0; j < device->n_namespaces; j++) {
		add_word(words, "-blockdev");
		add_word(words, "driver=nvme,node-name=nvme%zu,device=%s,namespace=%lu", first + j, address,
			 device->namespaces[j]);
	}
}

static struct json_object *qemu_words(const struct domain *domain, size_t i)
{
	const struct domain_device *device = &domain->devices[i];
	struct json_object *words = json_object_new_array();
	const char *backend = device->iommufd ? ",iommufd=iommufd0" : "";
	char address[VFIOBIND_ADDRESS_SIZE];

	vfiobind_address_format(&domain->hostdevs[i].address, address, sizeof(address));
	if (domain->hostdevs[i].kind == VFIOBIND_HOSTDEV_KIND_NVME) {
		add_disks(words, domain, i, address);
		return words;
	}
	if (is_first_of_iommufd(domain, i)) {
		add_word(words, "-object");
		add_word(words, "iommufd,id=iommufd0");
	}
	add_word(words, "-device");
	if (device->alias)
		add_word(words, "vfio-pci,host=%s,id=%s%s", address, device->alias, backend);
	else
		add_word(words, "vfio-pci,host=%s,id=hostdev%zu%s", address, count_before(domain, i, false), backend);
	return words;
}

/* ------------------------------------------------------------------------------------------------------------- output */

/* What the library does not know of, or NULL. */
static const char *warning_of(const struct domain_device *device, const struct vfiobind_result_device *result)
{
	if (device->iommufd && result->vfio && !result->vfio->cdev)
		return "it has no character device, which iommufd needs: the kernel lacks CONFIG_VFIO_DEVICE_CDEV";
	if (device->has_network_address)
		return "the MAC address, VLAN and port profile of the interface are not set: ip link set PF vf N ...";
	return NULL;
}

/* What is not prepared though it may be a host device, in words; to be freed. NULL without memory. */
static char *note_of(const struct cli *cli, const struct domain_network *network)
{
	bool is_input = strcmp(cli->arguments[1], "-") == 0;
	char *note;

	if (asprintf(&note,
		     "%s:%lu: note: <interface type='network'> of %s%s: if that is a pool of host devices, none is "
		     "prepared; name one by <interface type='hostdev'>",
		     is_input ? "standard input" : cli->arguments[1], network->line,
		     network->name ? "network " : "no network", network->name ? network->name : "") < 0)
		return NULL;
	return note;
}

/* In the document they are warnings. */
static void print_notes(const struct cli *cli, const struct domain *domain)
{
	for (size_t i = 0; !cli->json && i < domain->n_networks; i++) {
		char *note = note_of(cli, &domain->networks[i]);

		output_note(note ? note : "out of memory");
		free(note);
	}
}

static struct json_object *json_notes(const struct cli *cli, const struct domain *domain)
{
	struct json_object *notes = json_object_new_array();

	for (size_t i = 0; i < domain->n_networks; i++) {
		char *note = note_of(cli, &domain->networks[i]);

		json_object_array_add(notes, json_text(note));
		free(note);
	}
	return notes;
}

static void print_json(const struct cli *cli, const struct domain *domain, const char *name,
		       const struct vfiobind_result *result, bool prepares)
{
	struct json_object *document = json_object_new_object(), *devices = json_object_new_array();

	for (size_t i = 0; i < result->n_devices; i++) {
		const char *warning = prepares ? warning_of(&domain->devices[i], result->devices[i]) : NULL;
		struct json_object *device = json_result_device(cli, result->devices[i]), *warnings;

		if (warning && json_object_object_get_ex(device, "warnings", &warnings))
			json_object_array_add(warnings, json_text(warning));
		json_object_object_add(device, "managed", json_object_new_boolean(domain->hostdevs[i].managed));
		if (prepares)
			json_object_object_add(device, "qemu", qemu_words(domain, i));
		json_object_array_add(devices, device);
	}
	json_object_object_add(document, "domain", json_text(name));
	json_object_object_add(document, "devices", devices);
	json_object_object_add(document, "warnings", prepares ? json_notes(cli, domain) : json_object_new_array());
	json_print(document);
}

/* Nothing else is on stdout: qemu-system-x86_64 $(vfiobind hostdev prepare …) shall do. */
static void print_words(const struct domain *domain, size_t i)
{
	struct json_object *words = qemu_words(domain, i);

	for (size_t j = 0; j < json_object_array_length(words); j++)
		printf("%s%s", j ? " " : "", json_object_get_string(json_object_array_get_idx(words, j)));
	puts("");
	json_object_put(words);
}

static void print_prepared(const struct cli *cli, const struct domain *domain, const struct vfiobind_result *result)
{
	for (size_t i = 0; i < result->n_devices; i++) {
		const struct vfiobind_result_device *device = result->devices[i];
		const char *warning = warning_of(&domain->devices[i], device);

		for (size_t j = 0; j < device->n_warnings; j++)
			output_warning(cli, &device->address, device->warnings[j]);
		if (warning)
			output_warning(cli, &device->address, warning);
		if (!cli->json)
			print_words(domain, i);
	}
}

/* ------------------------------------------------------------------------------------------------------------ the verb */

/* The library does not know what the file is called. */
static void say_how_to_start_afresh(const struct cli *cli, const char *domain, struct vfiobind_error *error)
{
	char *file, *name;

	if (error->code != VFIOBIND_ERROR_USED_BY_DOMAIN || strcmp(error->found, domain) != 0)
		return;
	file = output_quote(cli->arguments[1]);
	name = cli->domain ? output_quote(cli->domain) : NULL;
	snprintf(error->hint, sizeof(error->hint),
		 "it is this domain, by an earlier prepare; to begin anew: vfiobind hostdev release %s%s%s",
		 file ? file : "FILE", name ? " --domain " : "", name ? name : "");
	free(file);
	free(name);
}

static int prepare(struct cli *cli, const struct domain *domain, const struct vfiobind_hostdev_options *options)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_result *result;

	if (vfiobind_hostdev_prepare(cli->context, domain->hostdevs, domain->n_devices, options, &result, &error) < 0) {
		say_how_to_start_afresh(cli, options->domain, &error);
		return output_error(cli, &error);
	}
	if (cli->json)
		print_json(cli, domain, options->domain, result, true);
	print_notes(cli, domain);
	print_prepared(cli, domain, result);
	vfiobind_result_free(result);
	return EXIT_DONE;
}

static int release(struct cli *cli, const struct domain *domain, const struct vfiobind_hostdev_options *options)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_result *result;

	if (vfiobind_hostdev_release(cli->context, domain->hostdevs, domain->n_devices, options, &result, &error) < 0)
		return output_error(cli, &error);
	if (!cli->json)
		return result_print(cli, result);
	print_json(cli, domain, options->domain, result, false);
	vfiobind_result_free(result);
	return EXIT_DONE;
}

static int run(struct cli *cli)
{
	static const struct {
		const char *name;
		int (*run)(struct cli *, const struct domain *, const struct vfiobind_hostdev_options *);
	} actions[] = {
		{"prepare", prepare},
		{"release", release},
	};
	struct vfiobind_hostdev_options options = VFIOBIND_HOSTDEV_OPTIONS_INIT;
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct domain *domain;
	size_t action = 0;
	int status;

	while (action < ARRAY_SIZE(actions) && strcmp(cli->arguments[0], actions[action].name) != 0)
		action++;
	if (action == ARRAY_SIZE(actions))
		return output_usage_error(cli, "prepare or release", cli->arguments[0]);
	if (cli->force && actions[action].run == release)
		return output_usage_error(cli, "--force with prepare only", "--force with release");
	if (domain_read(cli->arguments[1], &domain, &error) < 0)
		return output_error(cli, &error);
	options.domain = cli->domain ? cli->domain : domain->name;
	options.force = cli->force;
	status = options.domain ? actions[action].run(cli, domain, &options)
				: output_usage_error(cli, "--domain, or a <name> in the file", "neither");
	domain_free(domain);
	return status;
}

const struct verb hostdev_verb = {
	.name = "hostdev",
	.arguments = "prepare|release FILE",
	.help = "The devices of a libvirt domain, for its start and after its end. FILE is its XML, or - for standard "
		"input.",
	.does = "prepare or release the devices of a domain",
	.options = OPTION_DOMAIN | OPTION_FORCE | OPTION_JSON,
	.min_arguments = 2,
	.max_arguments = 2,
	.run = run,
};
