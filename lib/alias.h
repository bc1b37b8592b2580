/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_ALIAS_H
#define VFIOBIND_ALIAS_H

#include "vfiobind.h"

/* An alias that says: this module has a VFIO driver for these devices. */
struct alias {
	const char *pattern; /* "vfio_pci:…" */
	const char *module;
	unsigned int line; /* in modules.alias, from 1; 0 for a module that is built into the kernel */
};

/* Returns 0 to go on; a positive number ends the walk, which returns it. */
typedef int (*alias_visitor)(const struct alias *alias, void *data);

/*
 * Walks over the vfio_pci: aliases, in the order of modules.alias, then those of built-in modules. Returns the negative
 * errno if modules.alias cannot be read; built-in modules without aliases are normal.
 */
int alias_walk(struct vfiobind_context *context, alias_visitor visitor, void *data);

#endif
