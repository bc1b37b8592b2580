/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Threads of the kernel's own: what it does by itself while clients go on. So that nothing depends on which thread runs
 * first, whoever starts one, and every client whose operation ends, waits until each is done or cannot go on.
 */
#include "kernel/background.h"

#include <limits.h>
#include <signal.h>

struct background {
	TAILQ_ENTRY(background) list;
	struct kernel *k;
	pthread_t thread;
	const char *actor;
	void (*run)(struct kernel *k, void *argument);
	void *argument;
	bool done;
	bool waits; /* until ready(), or for a time if there is none */
	bool (*ready)(const void *argument);
	const void *waits_for;
};

static _Thread_local struct background *self; /* NULL: a client's thread */

void background_waits(struct kernel *k, bool (*ready)(const void *argument), const void *argument)
{
	if (!self)
		return;
	self->waits = true;
	self->ready = ready;
	self->waits_for = argument;
	kernel_changed(k);
}

void background_goes_on(void)
{
	if (self)
		self->waits = false;
}

static void *run(void *argument)
{
	struct background *background = argument;
	struct kernel *k = background->k;
	struct client client = {.pid = 0};

	self = background;
	snprintf(client.actor, sizeof(client.actor), "%s", background->actor);
	kernel_enter(&client);
	kernel_lock(k);
	kernel_operation_adopt();
	background->run(k, background->argument);
	deferred_probe_work(k);
	background->done = true;
	kernel_operation_end(k);
	kernel_changed(k);
	kernel_unlock(k);
	return NULL;
}

static bool is_settled(const struct kernel *k)
{
	const struct background *background;

	TAILQ_FOREACH (background, &k->backgrounds, list)
		if (!background->done &&
		    (!background->waits || (background->ready && background->ready(background->waits_for))))
			return false;
	return true;
}

/* A thread that is done has let go of the lock, or it could not be held here. */
static void reap(struct kernel *k)
{
	struct background *background, *next;

	for (background = TAILQ_FIRST(&k->backgrounds); background; background = next) {
		next = TAILQ_NEXT(background, list);
		if (!background->done)
			continue;
		TAILQ_REMOVE(&k->backgrounds, background, list);
		pthread_join(background->thread, NULL);
		free(background);
	}
}

void background_settle(struct kernel *k)
{
	/* Not by one of them: it would wait for itself. */
	if (self || TAILQ_EMPTY(&k->backgrounds))
		return;
	while (!is_settled(k))
		pthread_cond_wait(&k->changed, &k->lock);
	reap(k);
}

void background_start(struct kernel *k, const char *actor, void (*function)(struct kernel *k, void *argument),
		      void *argument)
{
	struct background *background = xcalloc(sizeof(*background));
	pthread_attr_t attributes;
	sigset_t all, before;
	int error;

	*background = (struct background){
		.k = k,
		.actor = actor,
		.run = function,
		.argument = argument,
	};
	/* It is an operation from now on: a reset waits for it. */
	k->operations++;
	TAILQ_INSERT_TAIL(&k->backgrounds, background, list);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 16 * PTHREAD_STACK_MIN);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&background->thread, &attributes, run, background);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	if (error)
		abort();
	background_settle(k);
}
