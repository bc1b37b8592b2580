/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vfiobind.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Reads at most @maximum digits; strtoul() would accept blanks, signs, 0x and any length. Returns how many. */
static unsigned int read_hex(const char **text, unsigned int maximum, uint32_t *ret_value)
{
	uint32_t value = 0;
	unsigned int n = 0;

	while (n < maximum && hex_digit(**text) >= 0) {
		value = value << 4 | (uint32_t)hex_digit(**text);
		(*text)++;
		n++;
	}
	*ret_value = value;
	return n;
}

static bool skip(const char **text, char c)
{
	if (**text != c)
		return false;
	(*text)++;
	return true;
}

int vfiobind_address_parse(const char *text, struct vfiobind_address *ret_address)
{
	static const char prefix[] = "pci_";
	uint32_t domain = 0, bus, slot, function;
	const char *rest = text;
	bool node_device;
	unsigned int n;

	if (!text)
		return -EINVAL;
	node_device = strncmp(text, prefix, strlen(prefix)) == 0;
	if (node_device)
		rest += strlen(prefix);

	n = read_hex(&rest, 8, &bus);
	if (n >= 4) {
		domain = bus;
		if (!skip(&rest, node_device ? '_' : ':'))
			return -EINVAL;
		n = read_hex(&rest, 2, &bus);
	} else if (node_device) {
		return -EINVAL;
	}
	if (n != 2 || !skip(&rest, node_device ? '_' : ':'))
		return -EINVAL;
	if (read_hex(&rest, 2, &slot) != 2 || slot > 0x1f || !skip(&rest, node_device ? '_' : '.'))
		return -EINVAL;
	if (read_hex(&rest, 1, &function) != 1 || function > 7 || *rest)
		return -EINVAL;

	*ret_address = (struct vfiobind_address){
		.domain = domain,
		.bus = (uint8_t)bus,
		.slot = (uint8_t)slot,
		.function = (uint8_t)function,
	};
	return 0;
}

int vfiobind_address_format(const struct vfiobind_address *address, char *buffer, size_t size)
{
	char text[VFIOBIND_ADDRESS_SIZE];
	int length = snprintf(text, sizeof(text), "%04x:%02x:%02x.%x", address->domain, address->bus,
			      address->slot & 0x1fu, address->function & 7u);

	if (length < 0 || (size_t)length >= size)
		return -ENOSPC;
	memcpy(buffer, text, (size_t)length + 1);
	return 0;
}

int vfiobind_address_compare(const struct vfiobind_address *a, const struct vfiobind_address *b)
{
	if (a->domain != b->domain)
		return a->domain < b->domain ? -1 : 1;
	if (a->bus != b->bus)
		return a->bus < b->bus ? -1 : 1;
	if (a->slot != b->slot)
		return a->slot < b->slot ? -1 : 1;
	return (int)a->function - (int)b->function;
}
