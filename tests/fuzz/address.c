/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is an address is read, written and read again the same; what is none leaves the output alone. */
#include "fuzz.h"

#include "vfiobind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct vfiobind_address none = {.domain = 0xdeadbeef, .bus = 0xaa, .slot = 0x15, .function = 5};
	struct vfiobind_address address = none, again;
	char *text = text_of(data, size), written[VFIOBIND_ADDRESS_SIZE];

	if (vfiobind_address_parse(text, &address) < 0) {
		require(vfiobind_address_compare(&address, &none) == 0);
	} else {
		require(address.slot < 32 && address.function < 8);
		require(vfiobind_address_format(&address, written, sizeof(written)) == 0);
		require(vfiobind_address_parse(written, &again) == 0);
		require(vfiobind_address_compare(&address, &again) == 0);
	}
	free(text);
	return 0;
}
