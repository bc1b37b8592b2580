/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* One word a time: a blank in it would make two of it. */
static bool is_word(const char *text)
{
	return *text && strlen(text) < 64 && !text[strcspn(text, " \t\n")];
}

static int write_verb(struct mocksys *machine, const char *file, const char *verb, const char *address)
{
	char text[128];

	if (!is_word(address))
		return client_fail(machine, -EINVAL, "not the address of a PCI function: '%s'", address);
	snprintf(text, sizeof(text), "%s %s", verb, address);
	return client_write(machine, file, text);
}

int mocksys_device_add(struct mocksys *machine, const char *address, const char *model, int group)
{
	char text[256];

	if (!is_word(address) || !is_word(model))
		return client_fail(machine, -EINVAL, "not an address and a device model: '%s', '%s'", address, model);
	snprintf(text, sizeof(text), group < 0 ? "add %s %s" : "add %s %s group=%d", address, model, group);
	return client_write(machine, "hotplug", text);
}

int mocksys_device_remove(struct mocksys *machine, const char *address)
{
	return write_verb(machine, "hotplug", "remove", address);
}

int mocksys_user_open(struct mocksys *machine, const char *address)
{
	return write_verb(machine, "users", "open", address);
}

int mocksys_user_close(struct mocksys *machine, const char *address)
{
	return write_verb(machine, "users", "close", address);
}
