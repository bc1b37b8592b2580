/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses of PCI functions as text. */
#include "kernel/machine.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *pci_address_format(struct pci_address address, char *text)
{
	snprintf(text, PCI_ADDRESS_TEXT, "%04x:%02x:%02x.%x", address.domain, address.bus, address.slot,
		 address.function);
	return text;
}

/* Reads exactly as many hex digits as there are up to @end (at least @least, at most @most). */
static const char *parse_hex(const char *text, int least, int most, char end, unsigned long limit, unsigned long *ret)
{
	unsigned long value = 0;
	int digits = 0;

	for (; isxdigit((unsigned char)*text); text++, digits++) {
		if (digits == most)
			return NULL;
		value = value * 16 +
			(unsigned long)(isdigit((unsigned char)*text) ? *text - '0' : (*text | 32) - 'a' + 10);
	}
	if (digits < least || *text != end || value > limit)
		return NULL;
	*ret = value;
	return end ? text + 1 : text;
}

int pci_address_parse(const char *text, struct pci_address *ret_address)
{
	unsigned long domain, bus, slot, function;

	if (!(text = parse_hex(text, 4, 8, ':', UINT32_MAX, &domain)) ||
	    !(text = parse_hex(text, 2, 2, ':', 0xff, &bus)) || !(text = parse_hex(text, 2, 2, '.', 0x1f, &slot)) ||
	    !parse_hex(text, 1, 1, '\0', 7, &function))
		return -EINVAL;
	*ret_address = (struct pci_address){(uint32_t)domain, (uint8_t)bus, (uint8_t)slot, (uint8_t)function};
	return 0;
}

int pci_address_compare(struct pci_address a, struct pci_address b)
{
	if (a.domain != b.domain)
		return a.domain < b.domain ? -1 : 1;
	if (a.bus != b.bus)
		return a.bus - b.bus;
	if (a.slot != b.slot)
		return a.slot - b.slot;
	return a.function - b.function;
}
