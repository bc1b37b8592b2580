/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "modalias.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

int modalias_parse(const char *text, const char *prefix, struct modalias *ret_modalias)
{
	/* Values have upper case digits, so that a key is never taken for one. */
	static const char value_characters[] = "0123456789ABCDEF*?[]!^-";
	static const char *const keys[MODALIAS_FIELDS] = {
		[MODALIAS_VENDOR] = "v",
		[MODALIAS_DEVICE] = "d",
		[MODALIAS_SUBSYSTEM_VENDOR] = "sv",
		[MODALIAS_SUBSYSTEM_DEVICE] = "sd",
		[MODALIAS_BASE_CLASS] = "bc",
		[MODALIAS_SUBCLASS] = "sc",
		[MODALIAS_INTERFACE] = "i",
	};
	struct modalias modalias;

	if (strncmp(text, prefix, strlen(prefix)) != 0)
		return -EINVAL;
	text += strlen(prefix);
	for (int i = 0; i < MODALIAS_FIELDS; i++) {
		size_t length;

		if (strncmp(text, keys[i], strlen(keys[i])) != 0)
			return -EINVAL;
		text += strlen(keys[i]);
		length = strspn(text, value_characters);
		if (length == 0 || length >= sizeof(modalias.fields[i]))
			return -EINVAL;
		memcpy(modalias.fields[i], text, length);
		modalias.fields[i][length] = '\0';
		text += length;
	}
	if (*text)
		return -EINVAL;
	*ret_modalias = modalias;
	return 0;
}

bool modalias_match(const struct modalias *pattern, const struct modalias *device)
{
	for (int i = 0; i < MODALIAS_FIELDS; i++)
		if (fnmatch(pattern->fields[i], device->fields[i], 0) != 0)
			return false;
	return true;
}

unsigned int modalias_specificity(const struct modalias *pattern)
{
	/* Each kind outweighs all kinds below it together. */
	static const unsigned int weights[MODALIAS_FIELDS] = {
		[MODALIAS_SUBSYSTEM_VENDOR] = 16,
		[MODALIAS_SUBSYSTEM_DEVICE] = 16,
		[MODALIAS_DEVICE] = 8,
		[MODALIAS_VENDOR] = 4,
		[MODALIAS_BASE_CLASS] = 1,
		[MODALIAS_SUBCLASS] = 1,
		[MODALIAS_INTERFACE] = 1,
	};
	unsigned int specificity = 0;

	for (int i = 0; i < MODALIAS_FIELDS; i++)
		if (strcmp(pattern->fields[i], "*") != 0)
			specificity += weights[i];
	return specificity;
}
