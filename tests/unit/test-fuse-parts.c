/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of mocks/fuse that need neither a kernel nor a request: node ids, the worker pool. */
#include "fuse/node-ids.h"
#include "wire/worker-pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>

static uint64_t remember(struct node_ids *ids, uint64_t ino, bool fresh)
{
	const struct stat stat = {.st_ino = ino, .st_mode = S_IFREG | 0644, .st_size = 4096};
	uint64_t id = 0;

	assert_int_equal(node_ids_remember(ids, &stat, fresh, &id), 0);
	return id;
}

static void an_id_lives_until_all_its_lookups_are_forgotten(void **state)
{
	struct node_ids ids = {0};

	assert_int_equal(remember(&ids, 7, false), 7);
	assert_int_equal(remember(&ids, 7, false), 7);
	node_ids_forget(&ids, 7, 1);
	assert_non_null(node_ids_find(&ids, 7));
	node_ids_forget(&ids, 7, 1);
	assert_null(node_ids_find(&ids, 7));
	assert_int_equal(ids.n_ids, 0);
	node_ids_clear(&ids);
}

static void fresh_ids_are_never_used_again(void **state)
{
	struct node_ids ids = {0};
	uint64_t first = remember(&ids, 7, true), second;

	node_ids_forget(&ids, first, 1);
	second = remember(&ids, 7, true);
	assert_int_not_equal(first, second);
	assert_int_equal(node_ids_ino(&ids, second), 7);
	assert_int_equal(node_ids_ino(&ids, first), 0);
	node_ids_clear(&ids);
}

static void many_ids_are_found_and_none_is_kept(void **state)
{
	enum { N = 5000 };
	static uint64_t fresh[N];
	struct node_ids ids = {0};

	for (uint64_t i = 0; i < N; i++) {
		remember(&ids, i + 1, false);
		fresh[i] = remember(&ids, i + 1, true);
	}
	assert_int_equal(ids.n_ids, 2 * N);
	for (uint64_t i = 0; i < N; i++) {
		assert_int_equal(node_ids_ino(&ids, fresh[i]), i + 1);
		node_ids_forget(&ids, fresh[i], 1);
		node_ids_forget(&ids, i + 1, 1);
	}
	assert_int_equal(ids.n_ids, 0);
	assert_true(ids.n_spare < 1000);
	node_ids_clear(&ids);
}

/* A job that waits until @wanted of them run at once. */
struct meeting {
	pthread_mutex_t lock;
	pthread_cond_t change;
	int there, wanted, done;
};

struct guest {
	struct job job;
	struct meeting *meeting;
};

static void attend(struct job *job)
{
	struct meeting *meeting = ((struct guest *)job)->meeting;

	pthread_mutex_lock(&meeting->lock);
	meeting->there++;
	pthread_cond_broadcast(&meeting->change);
	while (meeting->there < meeting->wanted)
		pthread_cond_wait(&meeting->change, &meeting->lock);
	meeting->done++;
	pthread_mutex_unlock(&meeting->lock);
	free(job);
}

/* Ends only if every job gets a thread of its own; fewer would wait for ever. */
static void jobs_that_wait_for_each_other_all_run(void **state)
{
	struct meeting meeting = {.lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER};
	struct worker_pool *pool;

	assert_int_equal(worker_pool_new(&pool), 0);
	for (int round = 0; round < 3; round++) {
		pthread_mutex_lock(&meeting.lock);
		meeting.wanted += 20;
		pthread_mutex_unlock(&meeting.lock);
		for (int i = 0; i < 20; i++) {
			struct guest *guest = malloc(sizeof(*guest));

			assert_non_null(guest);
			*guest = (struct guest){.job.run = attend, .meeting = &meeting};
			assert_int_equal(worker_pool_submit(pool, &guest->job), 0);
		}
	}
	worker_pool_free(pool);
	assert_int_equal(meeting.done, 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_lives_until_all_its_lookups_are_forgotten),
		cmocka_unit_test(fresh_ids_are_never_used_again),
		cmocka_unit_test(many_ids_are_found_and_none_is_kept),
		cmocka_unit_test(jobs_that_wait_for_each_other_all_run),
	};

	return cmocka_run_group_tests_name("fuse-parts", tests, NULL, NULL);
}
