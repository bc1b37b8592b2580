/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_DRIVER_H
#define VFIOBIND_DRIVER_H

#include "sysfs.h"
#include "vfiobind.h"

/* A driver, or the module that will register one. */
struct driver_choice {
	char driver[SYSFS_NAME_SIZE]; /* the name of its directory; empty until the module is loaded */
	char module[SYSFS_NAME_SIZE]; /* empty if not known */
	bool load;                    /* the module has to be loaded */
};

/*
 * Finds the VFIO driver that @name means: a driver, or else a module, in any spelling. Loads nothing. A driver of
 * another kind is refused.
 */
int driver_find(struct vfiobind_context *context, const char *name, struct driver_choice *ret_choice,
		struct vfiobind_error *error);

/* Fills choice->driver from what choice->module has registered; of several the one that is named like @name. */
int driver_find_in_module(struct vfiobind_context *context, const char *name, struct driver_choice *choice,
			  struct vfiobind_error *error);

/* Whether a driver is one for VFIO, as far as that can be told before it has a device. @module may be empty. */
bool driver_is_vfio(struct vfiobind_context *context, const char *driver, const char *module);

/* Loads the module of the choice, and finds its driver. */
int driver_load(struct vfiobind_context *context, const char *name, struct driver_choice *choice,
		struct vfiobind_error *error);

#endif
