/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the kernel reads numbers and names from a store (lib/kstrtox.c, lib/string_helpers.c), and plain helpers for memory. */
#include "kernel/base.h"

#include <ctype.h>
#include <stdarg.h>

void *xcalloc(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory)
		abort();
	return memory;
}

char *xstrdup(const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		abort();
	return copy;
}

char *xasprintf(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	return text;
}

int kstrtoull(const char *text, unsigned long long *ret)
{
	unsigned base = 10;
	unsigned long long value = 0;
	bool any = false;

	if (*text == '+')
		text++;
	if (text[0] == '0' && (text[1] | 32) == 'x' && isxdigit((unsigned char)text[2])) {
		base = 16;
		text += 2;
	} else if (text[0] == '0') {
		base = 8;
	}
	for (; isxdigit((unsigned char)*text); text++) {
		unsigned digit =
			isdigit((unsigned char)*text) ? (unsigned)(*text - '0') : (unsigned)((*text | 32) - 'a' + 10);

		if (digit >= base)
			break;
		if (__builtin_mul_overflow(value, base, &value) || __builtin_add_overflow(value, digit, &value))
			return -ERANGE;
		any = true;
	}
	if (*text == '\n')
		text++;
	if (!any || *text)
		return -EINVAL;
	*ret = value;
	return 0;
}

int kstrtobool(const char *text, bool *ret)
{
	switch (text[0]) {
	case 'y':
	case 'Y':
	case 't':
	case 'T':
	case '1':
		*ret = true;
		return 0;
	case 'n':
	case 'N':
	case 'f':
	case 'F':
	case '0':
		*ret = false;
		return 0;
	case 'o':
	case 'O':
		if ((text[1] | 32) != 'n' && (text[1] | 32) != 'f')
			return -EINVAL;
		*ret = (text[1] | 32) == 'n';
		return 0;
	default:
		return -EINVAL;
	}
}

bool sysfs_streq(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b || (!*a && *b == '\n' && !b[1]) || (*a == '\n' && !a[1] && !*b);
}

bool name_equal_dashes(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if ((*a == '-' ? '_' : *a) != (*b == '-' ? '_' : *b))
			return false;
	return *a == *b;
}

int number_take(uint64_t *bits, size_t words)
{
	for (size_t i = 0; i < words; i++)
		if (~bits[i]) {
			int bit = __builtin_ctzll(~bits[i]);

			bits[i] |= 1ull << bit;
			return (int)i * 64 + bit;
		}
	return -1;
}

void number_release(uint64_t *bits, int number)
{
	bits[number / 64] &= ~(1ull << (number % 64));
}
