/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pci/pci.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

struct names {
	struct pci_access *access;
	bool broken;
};

/* libpci's handler of errors may not return, and is given nothing to know the caller by. */
static jmp_buf on_error;

static void leave(char *format, ...) __attribute__((noreturn));

static void leave(char *format, ...)
{
	longjmp(on_error, 1);
}

static void ignore(char *format, ...)
{
}

struct names *names_new(void)
{
	struct names *names = calloc(1, sizeof(*names));

	if (!names)
		return NULL;
	/* Not pci_init(): the names need no access to devices. Its own handlers would print, and end the program. */
	names->access = pci_alloc();
	names->access->error = leave;
	names->access->warning = ignore;
	names->access->debug = ignore;
	return names;
}

struct names *names_free(struct names *names)
{
	if (!names)
		return NULL;
	pci_free_name_list(names->access);
	pci_cleanup(names->access);
	free(names);
	return NULL;
}

char *names_device(struct names *names, const struct vfiobind_device *device)
{
	char text[256];

	snprintf(text, sizeof(text), "Device %04x:%04x", device->vendor, device->device);
	if (!names || names->broken)
		return strdup(text);
	/* A broken pci.ids costs the names only. */
	if (setjmp(on_error)) {
		names->broken = true;
		return strdup(text);
	}
	return strdup(pci_lookup_name(names->access, text, sizeof(text), PCI_LOOKUP_VENDOR | PCI_LOOKUP_DEVICE,
				      device->vendor, device->device));
}
