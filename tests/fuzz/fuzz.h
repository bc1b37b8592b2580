/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a fuzzer of this folder is: libFuzzer's function, and nothing else. It is linked to libFuzzer where the compiler has
 * it, else to driver.c, which takes the same arguments: FUZZER [-runs=N] [-seed=N] CORPUS...
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of no use where assertions may be left out. */
#define require(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

/* The input as a text that ends where its memory ends, so that one byte too much is seen. To be freed. */
static inline char *text_of(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	require(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}
