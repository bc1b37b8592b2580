/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "actors.h"

#include "model.h"

#include "kernel/base.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct store {
	struct kernel *k;
	pthread_t thread;
	const char *actor, *path, *data;
	long ret;
	bool done;
};

static void *run(void *argument)
{
	struct store *store = argument;
	struct client client = {.pid = 2};
	char text[8192];

	snprintf(client.actor, sizeof(client.actor), "%s", store->actor);
	kernel_enter(&client);
	store->ret = store->data ? model_write(store->k, store->path, store->data)
				 : model_read(store->k, store->path, text, sizeof(text));
	kernel_lock(store->k);
	store->done = true;
	kernel_unlock(store->k);
	return NULL;
}

struct store *store_start(struct kernel *k, const char *actor, const char *path, const char *data)
{
	struct store *store = calloc(1, sizeof(*store));

	assert_non_null(store);
	*store = (struct store){.k = k, .actor = actor, .path = path, .data = data};
	assert_int_equal(pthread_create(&store->thread, NULL, run, store), 0);
	return store;
}

long store_finish(struct store *store)
{
	long ret;

	pthread_join(store->thread, NULL);
	ret = store->ret;
	free(store);
	return ret;
}

bool store_is_done(const struct store *store)
{
	bool done;

	kernel_lock(store->k);
	done = store->done;
	kernel_unlock(store->k);
	return done;
}

void model_wait_until(struct kernel *k, char *(*list)(struct kernel *), const char *text)
{
	bool found = false;

	kernel_lock(k);
	while (!found) {
		char *lines = list(k);

		found = strstr(lines, text);
		free(lines);
		kernel_unlock(k);
		sched_yield();
		kernel_lock(k);
	}
	kernel_unlock(k);
}

void model_wait_for_queue(struct kernel *k, const char *name, unsigned waiters)
{
	struct device *device;

	kernel_lock(k);
	device = bus_find_device(k, name);
	assert_non_null(device);
	/* The next ticket has been drawn. */
	while (device->lock.next_ticket - device->lock.serving < waiters + 1) {
		/* The waiter drops the model lock when it waits; nothing is broadcast then. */
		kernel_unlock(k);
		sched_yield();
		kernel_lock(k);
	}
	kobject_put(&device->kobj);
	kernel_unlock(k);
}
