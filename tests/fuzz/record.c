/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A record that can be read is written and read again the same. */
#include "fuzz.h"

#include <errno.h>

#include "record.h"
#include "state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = {.head = NULL};
	struct record *record = calloc(1, sizeof(*record)), *again = calloc(1, sizeof(*again));
	char *text = text_of(data, size), *written = NULL, *rewritten = NULL;
	ssize_t length;
	int r;

	require(record && again);
	r = record_parse(text, &arena, record);
	require(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT);
	length = r == 0 ? record_format(record, &written) : -EFBIG;
	require(length > 0 || length == -EFBIG);
	if (length > 0) {
		char *copy = strdup(written);

		require(copy && length < STATE_FILE_SIZE && strlen(written) == (size_t)length);
		require(record_parse(copy, &arena, again) == 0);
		require(record_format(again, &rewritten) == length && strcmp(written, rewritten) == 0);
		free(copy);
	}
	free(rewritten);
	free(written);
	free(text);
	free(again);
	free(record);
	arena_free(&arena);
	return 0;
}
