/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker-pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

/* A hundred clients may hang in a hundred stores: small stacks make that cheap. The model is not deep. */
#define STACK_SIZE (256 * 1024)

struct worker {
	SLIST_ENTRY(worker) link;
	pthread_t thread;
};

struct worker_pool {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	STAILQ_HEAD(, job) jobs; /* submitted, not taken yet */
	size_t n_jobs;
	size_t n_idle; /* threads that wait for a job */
	SLIST_HEAD(, worker) workers;
	bool ending;
};

static void *work(void *argument)
{
	struct worker_pool *pool = argument;

	pthread_mutex_lock(&pool->lock);
	for (;;) {
		struct job *job = STAILQ_FIRST(&pool->jobs);

		if (!job) {
			if (pool->ending)
				break;
			pool->n_idle++;
			pthread_cond_wait(&pool->wake, &pool->lock);
			pool->n_idle--;
			continue;
		}
		STAILQ_REMOVE_HEAD(&pool->jobs, link);
		pool->n_jobs--;
		pthread_mutex_unlock(&pool->lock);
		job->run(job);
		pthread_mutex_lock(&pool->lock);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

int worker_pool_new(struct worker_pool **ret_pool)
{
	struct worker_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return -ENOMEM;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->wake, NULL);
	STAILQ_INIT(&pool->jobs);
	SLIST_INIT(&pool->workers);
	*ret_pool = pool;
	return 0;
}

static int add_worker(struct worker_pool *pool)
{
	struct worker *worker = malloc(sizeof(*worker));
	pthread_attr_t attributes;
	sigset_t all, before;
	int error;

	if (!worker)
		return -ENOMEM;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	/* Signals are for the thread that serves: they end its read(2). */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&worker->thread, &attributes, work, pool);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	if (error) {
		free(worker);
		return -error;
	}
	SLIST_INSERT_HEAD(&pool->workers, worker, link);
	return 0;
}

int worker_pool_submit(struct worker_pool *pool, struct job *job)
{
	int r = 0;

	pthread_mutex_lock(&pool->lock);
	/* An idle thread that was woken for an earlier job still counts as idle until it runs: hence the comparison. */
	if (pool->n_idle <= pool->n_jobs)
		r = add_worker(pool);
	if (r == 0) {
		STAILQ_INSERT_TAIL(&pool->jobs, job, link);
		pool->n_jobs++;
		pthread_cond_signal(&pool->wake);
	}
	pthread_mutex_unlock(&pool->lock);
	return r;
}

void worker_pool_free(struct worker_pool *pool)
{
	struct worker *worker;

	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->ending = true;
	pthread_cond_broadcast(&pool->wake);
	pthread_mutex_unlock(&pool->lock);
	while ((worker = SLIST_FIRST(&pool->workers))) {
		SLIST_REMOVE_HEAD(&pool->workers, link);
		pthread_join(worker->thread, NULL);
		free(worker);
	}
	pthread_cond_destroy(&pool->wake);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}
