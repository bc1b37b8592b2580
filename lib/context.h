/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_CONTEXT_H
#define VFIOBIND_CONTEXT_H

#include "deadline.h"
#include "vfiobind.h"
#include "worker.h"

struct kmod_ctx;

struct vfiobind_context {
	char *sysfs_root;
	char *modules_root;
	char *device_root;
	char *state_root;
	char *proc_root;
	int sysfs_fd;          /* -1 until something was read */
	struct kmod_ctx *kmod; /* NULL until a module was looked up */
	unsigned int timeout_ms;
	struct deadline deadline; /* of the function of the library that was called */
	struct worker worker;
	vfiobind_observer observer; /* NULL if nobody is to be told */
	void *observer_data;
};

/*
 * Begins a function of the library: sets the deadline, and opens the sysfs root unless it is open; all of sysfs is then
 * reached relative to context->sysfs_fd.
 */
int context_begin(struct vfiobind_context *context, struct vfiobind_error *error);

/* Tells the observer, if there is one, what was just done; or was not, with a negative errno. */
void context_tell(const struct vfiobind_context *context, enum vfiobind_action_kind kind, const char *path,
		  const char *value, int result);

/* Sets the deadline anew, for another part of the function. */
void context_extend(struct vfiobind_context *context);

#endif
