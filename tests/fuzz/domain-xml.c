/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any text as a domain: refused in one line, or devices that the library could be asked for. */
#include "domain-xml.h"
#include "fuzz.h"

#include <stdio.h>

static void check_device(const struct domain *domain, size_t i)
{
	const struct vfiobind_address *address = &domain->hostdevs[i].address;
	char text[VFIOBIND_ADDRESS_SIZE];

	require(vfiobind_address_format(address, text, sizeof(text)) == 0);
	require(address->slot < 32 && address->function < 8);
	require(domain->devices[i].line > 0);
	require((domain->hostdevs[i].kind == VFIOBIND_HOSTDEV_KIND_NVME) == (domain->devices[i].n_namespaces > 0));
	for (size_t j = 0; j < i; j++)
		require(vfiobind_address_compare(address, &domain->hostdevs[j].address) != 0);
	/* It becomes an argument of QEMU's, where a comma begins another. */
	for (const char *c = domain->devices[i].alias; c && *c; c++)
		require(*c != ',' && *c != ' ' && *c > ' ');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct domain *domain = NULL;
	char *text = text_of(data, size), line[4096];

	if (domain_parse(text, size, "fuzz.xml", &domain, &error) == 0) {
		require(error.code == VFIOBIND_ERROR_NONE);
		for (size_t i = 0; i < domain->n_devices; i++)
			check_device(domain, i);
		domain_free(domain);
	} else {
		require(!domain && error.code == VFIOBIND_ERROR_INVALID_DOMAIN);
		require(vfiobind_error_format(&error, line, sizeof(line)) < sizeof(line));
		require(!strpbrk(line, "\n\r\x1b"));
	}
	free(text);
	return 0;
}
