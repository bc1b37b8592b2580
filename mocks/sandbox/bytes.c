/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bytes_add(struct bytes *bytes, const void *data, size_t size)
{
	if (size == 0)
		return;
	if (bytes->size + size > bytes->room) {
		bytes->room = 2 * (bytes->size + size);
		bytes->data = realloc(bytes->data, bytes->room);
		if (!bytes->data) {
			fputs("mocksys: out of memory\n", stderr);
			abort();
		}
	}
	memcpy(bytes->data + bytes->size, data, size);
	bytes->size += size;
}

void bytes_add_string(struct bytes *bytes, const char *format, ...)
{
	char text[1024];
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (n >= (int)sizeof(text))
		n = sizeof(text) - 1;
	bytes_add(bytes, text, n + 1);
}

void bytes_free(struct bytes *bytes)
{
	free(bytes->data);
	*bytes = (struct bytes){0};
}
