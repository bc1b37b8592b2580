/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_MODULE_H
#define VFIOBIND_MODULE_H

#include "vfiobind.h"

/* What can be done with a module. */
enum module_status {
	MODULE_PRESENT,         /* loaded or built in: /sys/module has it */
	MODULE_LOADABLE,        /* its file is there */
	MODULE_UNKNOWN,         /* no such module */
	MODULE_FILE_MISSING,    /* the index names a file that is not there */
	MODULE_BLACKLISTED,     /* by modprobe.d or the kernel command line */
	MODULE_INSTALL_COMMAND, /* modprobe.d wants a command run instead */
};

/* "vfio-pci" to "vfio_pci": modules are known by underscores only. */
void module_normalise(char *name);

/* Whether two names differ in nothing but - and _. */
bool module_names_equal(const char *a, const char *b);

/* Looks a module up, by its normalised name; loads nothing. */
enum module_status module_look_up(struct vfiobind_context *context, const char *module);

/* One phrase for a status, such as "blacklisted". */
const char *module_status_text(enum module_status status);

/* Whether a module comes, or has come, for a device of this modalias, and whether one is loaded or built in. */
bool module_suits(struct vfiobind_context *context, const char *modalias, bool *ret_loaded);

/* Whether the index says that the module needs @dependency. */
bool module_depends_on(struct vfiobind_context *context, const char *module, const char *dependency);

/* Turns a status that is neither present nor loadable into an error. */
int module_fail(struct vfiobind_context *context, const char *module, enum module_status status,
		struct vfiobind_error *error);

/* Loads a module and what it depends on. Runs no install command. */
int module_load(struct vfiobind_context *context, const char *module, struct vfiobind_error *error);

/* Forgets what libkmod has read, so that changes of the configuration and the indexes are seen. */
void module_forget(struct vfiobind_context *context);

#endif
