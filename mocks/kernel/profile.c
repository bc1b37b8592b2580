/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/profile.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

enum { N_PROFILES = 6 };

const char *const profile_names[] = {"5.10", "5.19", "6.1", "6.6", "6.12", "7.2", NULL};

static const struct {
	const char *name;
	size_t offset;
	bool values[N_PROFILES];
} switches[] = {
#define X(member, name, ...) {name, offsetof(struct profile, member), {PROFILE_VALUES(__VA_ARGS__)}},
#define PROFILE_VALUES(a, b, c, d, e, f, meaning) a, b, c, d, e, f
	PROFILE_SWITCHES(X)
#undef X
};

enum { N_SWITCHES = sizeof(switches) / sizeof(*switches) };

static bool *member(struct profile *profile, size_t i)
{
	return (bool *)((char *)profile + switches[i].offset);
}

int profile_find(const char *name, struct profile *ret_profile)
{
	for (size_t column = 0; column < N_PROFILES; column++) {
		if (strcmp(profile_names[column], name))
			continue;
		for (size_t i = 0; i < N_SWITCHES; i++)
			*member(ret_profile, i) = switches[i].values[column];
		return 0;
	}
	return -EINVAL;
}

int profile_set(struct profile *profile, const char *name, bool value)
{
	for (size_t i = 0; i < N_SWITCHES; i++)
		if (!strcmp(switches[i].name, name)) {
			*member(profile, i) = value;
			return 0;
		}
	return -EINVAL;
}

const char *profile_switch_name(size_t i)
{
	return i < N_SWITCHES ? switches[i].name : NULL;
}
