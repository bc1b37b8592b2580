/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Threads for what may wait: as many as jobs wait at one time, kept for the next ones. */
#pragma once

#include <sys/queue.h>

struct job {
	STAILQ_ENTRY(job) link;
	void (*run)(struct job *job); /* on a thread of the pool; owns @job */
};

struct worker_pool;

int worker_pool_new(struct worker_pool **ret_pool);
/*
 * Runs @job without waiting for any other one. 0, or -errno when no thread could be had: then @job is still the
 * caller's.
 */
int worker_pool_submit(struct worker_pool *pool, struct job *job);
/* Waits for the jobs to end and frees. What makes them end is the caller's business. */
void worker_pool_free(struct worker_pool *pool);
