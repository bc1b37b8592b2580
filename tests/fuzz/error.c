/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes as an error: it is one line of printable ASCII, of the length that was said, in a buffer of any size. */
#include "fuzz.h"

#include "vfiobind.h"

static void end(char *text, size_t size)
{
	text[size - 1] = '\0';
}

static void check_line(const char *line)
{
	for (const char *c = line; *c; c++)
		require(*c >= 0x20 && *c <= 0x7e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	const size_t first = sizeof(error.size), room = sizeof(error) - first;
	char whole[8192], part[512], *text = text_of(data, size);
	size_t length, cut = size ? data[0] * 2 : 0;

	/* Not into a bool: there a byte that is neither 0 nor 1 means nothing. */
	memcpy((char *)&error + first, data, size < room ? size : room);
	error.has_device = size > 20 && data[20] & 1;
	end(error.operation, sizeof(error.operation));
	end(error.path, sizeof(error.path));
	end(error.expected, sizeof(error.expected));
	end(error.found, sizeof(error.found));
	end(error.hint, sizeof(error.hint));
	length = vfiobind_error_format(&error, whole, sizeof(whole));
	require(length == strlen(whole));
	check_line(whole);
	require(vfiobind_error_format(&error, part, cut) == length);
	require(cut == 0 || (strlen(part) < cut && strncmp(part, whole, strlen(part)) == 0));

	length = vfiobind_text_escape(text, NULL, 0);
	require(length >= strlen(text) && length <= 4 * strlen(text));
	require(vfiobind_text_escape(text, part, cut) == length);
	if (cut) {
		require(strlen(part) < cut && strlen(part) <= length);
		check_line(part);
	}
	free(text);
	return 0;
}
