/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A list of strings that grows: the arguments of a program. NULL-terminated; a lack of memory is told at the end. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct words {
	char **all;
	size_t n;
	bool failed;
};

void words_add(struct words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));
void words_free(struct words *words);
