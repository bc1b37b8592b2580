/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Several clients of the bare model, each on a thread of its own. */
#pragma once

#include "kernel/kernel.h"

#include <stdbool.h>

/* A store under way; a read when there is no data. */
struct store;
struct store *store_start(struct kernel *k, const char *actor, const char *path, const char *data);
bool store_is_done(const struct store *store);
/* Waits for it: what it returned. */
long store_finish(struct store *store);

/* Waits until @waiters stand in the queue for the lock of the device @name behind its holder. */
void model_wait_for_queue(struct kernel *k, const char *name, unsigned waiters);

/* Waits until @text stands in what @list says: the trace, the held steps. */
void model_wait_until(struct kernel *k, char *(*list)(struct kernel *), const char *text);
