/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qemu/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void words_add(struct words *words, const char *format, ...)
{
	char **grown = reallocarray(words->all, words->n + 2, sizeof(*grown)), *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	if (grown)
		words->all = grown;
	if (!grown || !text) {
		words->failed = true;
		free(text);
		return;
	}
	words->all[words->n++] = text;
	words->all[words->n] = NULL;
}

void words_free(struct words *words)
{
	for (size_t i = 0; i < words->n; i++)
		free(words->all[i]);
	free(words->all);
	*words = (struct words){0};
}
