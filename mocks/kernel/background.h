/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Threads of the kernel's own (background.c). With the model lock in every call. */
#pragma once

#include "kernel/base.h"

/*
 * Runs @function(k, @argument) as @actor, of no client, on a thread of its own. Returns when it is done or waits for
 * something. May be called wherever a step may wait.
 */
void background_start(struct kernel *k, const char *actor, void (*function)(struct kernel *k, void *argument),
		      void *argument);
/* Waits until none of them can go on: what a client's operation has made possible is done before the client goes on. */
void background_settle(struct kernel *k);

/* For lock.c: the thread that calls waits until @ready (NULL: for a time), and has waited. */
void background_waits(struct kernel *k, bool (*ready)(const void *argument), const void *argument);
void background_goes_on(void);
