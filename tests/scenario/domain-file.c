/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-file.h"

#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static void print_device(FILE *stream, const struct domain_device *device)
{
	const char *element = device->namespace ? "disk" : device->is_interface ? "interface" : "hostdev";
	const char *type = device->namespace ? "nvme" : device->is_interface ? "hostdev" : "pci";
	_cleanup_text_ char *managed = format_text(device->managed ? " managed='%s'" : "%s", device->managed ?: "");
	struct vfiobind_address address;

	assert_return_code(vfiobind_address_parse(device->address, &address), 0);
	fprintf(stream, "    <%s type='%s'%s>%s\n      <source", element, type, device->namespace ? "" : managed,
		device->inside ?: "");
	if (device->namespace)
		fprintf(stream, " type='pci'%s namespace='%s'", managed, device->namespace);
	fprintf(stream,
		"><address type='pci' domain='0x%04x' bus='0x%02x' slot='0x%02x' function='0x%x'/></source>\n"
		"    </%s>\n",
		address.domain, address.bus, address.slot, address.function, element);
}

struct domain_file domain_file(const char *name, const struct domain_device *devices, size_t n)
{
	/* Without a name in any directory: nothing is left of it, and children have it open. */
	struct domain_file file = {.fd = memfd_create("domain.xml", 0)};
	FILE *stream;

	assert_return_code(file.fd, errno);
	stream = fdopen(dup(file.fd), "w");
	assert_non_null(stream);
	fprintf(stream, "<domain type='kvm'>\n  <name>%s</name>\n  <devices>\n", name);
	for (size_t i = 0; i < n; i++)
		print_device(stream, &devices[i]);
	fprintf(stream, "  </devices>\n</domain>\n");
	assert_int_equal(fclose(stream), 0);
	snprintf(file.path, sizeof(file.path), "/proc/self/fd/%d", file.fd);
	return file;
}

void domain_file_free(struct domain_file *file)
{
	close(file->fd);
}

void assert_refused(const char *code, const char *found, const char *const *command)
{
	const char *words[16];
	size_t n = 0;

	for (; command[n]; n++)
		words[n] = command[n];
	words[n] = "--json";
	words[n + 1] = NULL;
	trace_clear();
	{
		_cleanup_output_ struct output output = run_expecting(3, words);
		_cleanup_json_ struct json_object *document = json_of(&output);

		assert_json_text(document, "error.code", code);
		assert_json_text(document, "error.found", found);
		assert_json_text(document, "state", "untouched");
	}
	assert_nothing_written();
}

void assert_domain(const char *device, const char *domain)
{
	_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "show", device, "--json");
	_cleanup_json_ struct json_object *document = json_of(&output);

	assert_json_text(document, "domain", domain);
}

void assert_nothing_noted(void)
{
	_cleanup_output_ struct output output =
		RUN_EXPECTING(0, "find", "/run/vfiobind/devices", "/run/vfiobind/journals", "-type", "f");

	assert_string_equal(output.out, "");
}

char *group_node(const char *device)
{
	_cleanup_text_ char *group = link_name(DEVICES "/%s/iommu_group", device);

	assert_non_null(group);
	return format_text("/dev/vfio/%s", group);
}
