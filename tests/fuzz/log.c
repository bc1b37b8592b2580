/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes as records of /dev/kmsg, and as the list of deferred devices. */
#include "fuzz.h"

#include "diagnose.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct log_clue clue = {.number = 0};
	char *text = text_of(data, size), *list = text_of(data, size);

	diagnose_parse_log(text, "0000:04:11.5", &clue);
	require(clue.number >= 0 && strnlen(clue.message, sizeof(clue.message)) < sizeof(clue.message));
	require(!strchr(clue.message, '\n'));
	diagnose_is_deferred(list, "0000:04:11.5");
	free(list);
	free(text);
	return 0;
}
