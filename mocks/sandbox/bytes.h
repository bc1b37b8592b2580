/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>

/* A growing block of bytes. Zero-initialised: empty. */
struct bytes {
	char *data;
	size_t size, room;
};

/* Both end the process when there is no memory, as nothing sensible is left to do. */
void bytes_add(struct bytes *bytes, const void *data, size_t size);
/* Adds formatted text with its NUL. */
void bytes_add_string(struct bytes *bytes, const char *format, ...) __attribute__((format(printf, 2, 3)));
void bytes_free(struct bytes *bytes);
