/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct arena_chunk {
	struct arena_chunk *next;
	max_align_t data[];
};

void *arena_zalloc(struct arena *arena, size_t size)
{
	struct arena_chunk *chunk;

	if (size > SIZE_MAX / 2)
		return NULL;
	chunk = calloc(1, sizeof(*chunk) + size);
	if (!chunk)
		return NULL;
	chunk->next = arena->head;
	arena->head = chunk;
	return chunk->data;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = arena_zalloc(arena, size);

	return copy ? memcpy(copy, text, size) : NULL;
}

static char *arena_vprintf(struct arena *arena, const char *format, va_list arguments)
{
	va_list again;
	char *text;
	int length;

	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (length < 0)
		return NULL;
	text = arena_zalloc(arena, (size_t)length + 1);
	if (text)
		vsnprintf(text, (size_t)length + 1, format, arguments);
	return text;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	text = arena_vprintf(arena, format, arguments);
	va_end(arguments);
	return text;
}

void arena_free(struct arena *arena)
{
	struct arena_chunk *chunk = arena->head;

	while (chunk) {
		struct arena_chunk *next = chunk->next;

		free(chunk);
		chunk = next;
	}
	arena->head = NULL;
}

int arena_extend(struct arena *arena, void **array, size_t *n, size_t size)
{
	/* Full when the length is 0 or a power of two: no capacity to keep beside the public fields. */
	if ((*n & (*n - 1)) == 0) {
		void *longer = arena_zalloc(arena, (*n ? *n * 2 : 1) * size);

		if (!longer)
			return -ENOMEM;
		if (*n)
			memcpy(longer, *array, *n * size);
		*array = longer;
	}
	(*n)++;
	return 0;
}

int arena_append(struct arena *arena, void ***array, size_t *n, const void *pointer)
{
	if (arena_extend(arena, (void **)array, n, sizeof(**array)) < 0)
		return -ENOMEM;
	(*array)[*n - 1] = (void *)pointer;
	return 0;
}

int arena_vwarn(struct arena *arena, const char *const **warnings, size_t *n, const char *format, va_list arguments)
{
	void **array = (void **)*warnings;
	char *text = arena_vprintf(arena, format, arguments);
	int r;

	if (!text)
		return -ENOMEM;
	r = arena_append(arena, &array, n, text);
	*warnings = (const char *const *)array;
	return r;
}

int arena_warn(struct arena *arena, const char *const **warnings, size_t *n, const char *format, ...)
{
	va_list arguments;
	int r;

	va_start(arguments, format);
	r = arena_vwarn(arena, warnings, n, format, arguments);
	va_end(arguments);
	return r;
}
