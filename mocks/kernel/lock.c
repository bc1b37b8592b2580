/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The model lock, and the locks of the modelled kernel on top of it.
 *
 * Model code runs on one thread at a time. The lock is given up in two places only: in step() when a rule makes a step
 * wait, and here, in the wait for a modelled lock or condition. Every wait ends when abort_error is set.
 */
#include "kernel/background.h"

#include <time.h>

static _Thread_local struct client current_client = {.actor = "kernel"};
static _Thread_local unsigned own_operations; /* of this thread, among k->operations */

void kernel_enter(const struct client *client)
{
	current_client = client ? *client : (struct client){.actor = "kernel"};
}

const struct client *kernel_client(void)
{
	return &current_client;
}

void kernel_lock(struct kernel *k)
{
	pthread_mutex_lock(&k->lock);
}

void kernel_unlock(struct kernel *k)
{
	pthread_mutex_unlock(&k->lock);
}

void kernel_interrupt(struct kernel *k, bool *interrupted)
{
	*interrupted = true;
	kernel_changed(k);
}

void kernel_changed(struct kernel *k)
{
	pthread_cond_broadcast(&k->changed);
}

int kernel_wait_for(struct kernel *k, bool (*ready)(const void *argument), const void *argument)
{
	int ret = 0;

	if (ready(argument))
		return 0;
	background_waits(k, ready, argument);
	while (!ret && !ready(argument)) {
		if (!k->abort_error)
			pthread_cond_wait(&k->changed, &k->lock);
		ret = k->abort_error;
	}
	background_goes_on();
	return ret;
}

int kernel_wait_until(struct kernel *k, const struct timespec *deadline)
{
	int error = 0;

	background_waits(k, NULL, NULL);
	while (!k->abort_error && error != ETIMEDOUT)
		error = pthread_cond_timedwait(&k->changed, &k->lock, deadline);
	background_goes_on();
	return k->abort_error;
}

struct turn {
	const struct mutex *mutex;
	unsigned long ticket;
};

static bool is_served(const void *argument)
{
	const struct turn *turn = argument;

	return turn->mutex->serving == turn->ticket;
}

int mutex_lock(struct kernel *k, struct mutex *mutex)
{
	struct turn turn = {.mutex = mutex};

	/* Once aborted nobody begins anything: what is half done stays so, for the one who aborts to clear away. */
	if (k->abort_error)
		return k->abort_error;
	turn.ticket = mutex->next_ticket++;
	/* An abandoned ticket blocks later ones, but an abort ends all of them, and then the lock is made anew. */
	return kernel_wait_for(k, is_served, &turn);
}

void mutex_unlock(struct kernel *k, struct mutex *mutex)
{
	mutex->serving++;
	kernel_changed(k);
}

void kernel_finish_operations(struct kernel *k, int error)
{
	k->abort_error = error;
	kernel_changed(k);
	while (k->operations > own_operations)
		pthread_cond_wait(&k->changed, &k->lock);
}

void kernel_operation_begin(struct kernel *k)
{
	k->operations++;
	own_operations++;
}

void kernel_operation_adopt(void)
{
	own_operations++;
}

void kernel_operation_end(struct kernel *k)
{
	k->operations--;
	own_operations--;
	if (k->abort_error)
		kernel_changed(k);
}
