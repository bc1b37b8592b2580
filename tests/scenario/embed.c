/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The library inside programs that are not easy to live with: many threads, of which some fork, allocate, print and wait
 * all the time; closed standard streams; SIGCHLD ignored; a process that adopts orphans.
 */
#include "harness.h"
#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define OTHER_DRIVER "igbvf-vfio-pci"

static const struct vfiobind_address other_vf = {.bus = 4, .slot = 0x10, .function = 2};

static size_t rounds(size_t n)
{
	const char *text = getenv("EMBED_ROUNDS");

	return under_valgrind() ? 2 : text ? strtoul(text, NULL, 10) : n;
}

/* ---- a program of many threads ---- */

/* The others shall have the processor too: in way mount all are on one. */
static void pause_a_little(void)
{
	const struct timespec pause = {.tv_nsec = 50000};

	nanosleep(&pause, NULL);
}

struct crowd {
	atomic_bool end;
	atomic_size_t waited, forked, printed;
	pthread_t threads[5];
	size_t n_threads;
};

static void *allocate(void *data)
{
	struct crowd *crowd = data;
	void *blocks[64] = {NULL};

	for (size_t i = 0; !atomic_load(&crowd->end); i++) {
		size_t at = i % 64;

		free(blocks[at]);
		blocks[at] = malloc(1 + i * 7919 % 65536);
		if (at == 0)
			pause_a_little();
	}
	for (size_t i = 0; i < 64; i++)
		free(blocks[i]);
	return NULL;
}

static void *fork_children(void *data)
{
	struct crowd *crowd = data;

	while (!atomic_load(&crowd->end)) {
		pid_t pid = fork();

		if (pid == 0) {
			free(malloc(100));
			_exit(0);
		}
		atomic_fetch_add(&crowd->forked, pid > 0);
		pause_a_little();
	}
	return NULL;
}

/* Children that are nobody's business must not turn up here. With SIGCHLD ignored, none does. */
static void *wait_for_children(void *data)
{
	struct crowd *crowd = data;

	while (!atomic_load(&crowd->end)) {
		atomic_fetch_add(&crowd->waited, waitpid(-1, NULL, 0) > 0);
		pause_a_little();
	}
	return NULL;
}

/* ThreadSanitizer says rightly that a thread must not use descriptors of others: this one is there to do so. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
	return "race:use_closed_streams\n";
}

static void *use_closed_streams(void *data)
{
	struct crowd *crowd = data;
	char byte;

	while (!atomic_load(&crowd->end)) {
		for (int fd = 0; fd < 3; fd++) {
			atomic_fetch_add(&crowd->printed, write(fd, "noise", 5) > 0);
			atomic_fetch_add(&crowd->printed, read(fd, &byte, 1) > 0);
		}
		pause_a_little();
	}
	return NULL;
}

static void crowd_begin(struct crowd *crowd)
{
	static void *(*const habits[])(void *) = {allocate, allocate, fork_children, wait_for_children,
						  use_closed_streams};

	/* In way plain the shim's own sockets may get these numbers. */
	crowd->n_threads = ARRAY_SIZE(habits) - is_way_plain();
	for (size_t i = 0; i < crowd->n_threads; i++)
		crowd->threads[i] = start_thread(habits[i], crowd);
}

static void crowd_end(struct crowd *crowd)
{
	atomic_store(&crowd->end, true);
	for (size_t i = 0; i < crowd->n_threads; i++)
		pthread_join(crowd->threads[i], NULL);
}

struct streams {
	int kept[3];
};

static void streams_close(struct streams *streams)
{
	fflush(NULL);
	for (int fd = 0; fd < 3; fd++) {
		streams->kept[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 100);
		assert_return_code(streams->kept[fd], errno);
		close(fd);
	}
}

static void streams_reopen(const struct streams *streams)
{
	for (int fd = 0; fd < 3; fd++) {
		dup2(streams->kept[fd], fd);
		close(streams->kept[fd]);
	}
}

static void a_program_of_many_threads_loses_nothing(void **state)
{
	struct job first = JOB(&vf, DRIVER, 2), job = JOB(&vf, DRIVER, rounds(20));
	struct crowd crowd = {.end = false};
	size_t descriptors, memory, descriptors_after, memory_after;
	struct streams streams;
	bool children;

	load_modules();
	signal(SIGCHLD, SIG_IGN);
	run_job(&first);
	assert_job(&first);
	descriptors = count_descriptors();
	memory = mallinfo2().uordblks;
	streams_close(&streams);
	crowd_begin(&crowd);
	run_job(&job);
	crowd_end(&crowd);
	streams_reopen(&streams);
	descriptors_after = count_descriptors();
	memory_after = mallinfo2().uordblks;
	while (waitpid(-1, NULL, 0) > 0)
		;
	children = has_children();
	signal(SIGCHLD, SIG_DFL);

	assert_job(&job);
	assert_int_equal(atomic_load(&crowd.waited), 0);
	assert_true(atomic_load(&crowd.forked) > 0);
	assert_int_equal(descriptors_after, descriptors);
	assert_false(children);
	print_message("%zu rounds beside %zu forks; %zu bytes before, %zu after; %zu times a stream was open\n",
		      job.rounds, atomic_load(&crowd.forked), memory, memory_after, atomic_load(&crowd.printed));
	assert_true(memory_after < memory + 64 * 1024);
}

static void two_contexts_work_in_two_threads(void **state)
{
	struct job jobs[] = {JOB(&vf, DRIVER, rounds(15)), JOB(&other_vf, OTHER_DRIVER, rounds(15))};
	pthread_t threads[2];

	load_modules();
	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
		threads[i] = start_thread(work, &jobs[i]);
	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
		pthread_join(threads[i], NULL);
	assert_job(&jobs[0]);
	assert_job(&jobs[1]);
	assert_false(has_children());
}

/* The second waits for the lock of the first, in a process that is the same for both. */
static void two_contexts_share_a_device(void **state)
{
	struct job jobs[] = {JOB(&vf, DRIVER, rounds(8)), JOB(&vf, DRIVER, rounds(8))};
	pthread_t threads[2];

	load_modules();
	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
		threads[i] = start_thread(work, &jobs[i]);
	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
		pthread_join(threads[i], NULL);
	/* One finds what the other has just done; but nothing fails. */
	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
		if (strcmp(jobs[i].what, "detach") == 0 || strcmp(jobs[i].what, "reattach") == 0)
			assert_job(&jobs[i]);
	RUN_WELL("vfiobind", "reattach", VF);
	assert_device(VF, "igbvf", "(null)");
}

static void a_context_may_be_used_by_one_thread_after_another(void **state)
{
	struct vfiobind_context *context = NULL;
	struct job job = JOB(&vf, DRIVER, 1);

	load_modules();
	pthread_join(start_thread(make_context, &context), NULL);
	assert_non_null(context);
	job.context = context;
	for (int i = 0; i < 3; i++) {
		run_job(&job);
		assert_job(&job);
	}
	vfiobind_context_free(context);
	assert_false(has_children());
}

/* ---- orphans and forks ---- */

static atomic_uint n_handled;

static void count_signal(int number)
{
	atomic_fetch_add(&n_handled, 1);
}

/* Orphans become the children of such a process, and of a container's first one. */
static void a_program_that_adopts_orphans_sees_no_child(void **state)
{
	struct job job = JOB(&vf, DRIVER, rounds(5));
	unsigned int handled;

	load_modules();
	assert_return_code(prctl(PR_SET_CHILD_SUBREAPER, 1), errno);
	atomic_store(&n_handled, 0);
	signal(SIGCHLD, count_signal);
	run_job(&job);
	handled = atomic_load(&n_handled);
	signal(SIGCHLD, SIG_DFL);
	assert_return_code(prctl(PR_SET_CHILD_SUBREAPER, 0), errno);
	assert_job(&job);
	assert_int_equal(handled, 0);
	assert_false(has_children());
}

static void count_fork(void)
{
	atomic_fetch_add(&n_handled, 1);
}

static void no_handler_of_forks_is_called(void **state)
{
	struct job job = JOB(&vf, DRIVER, 1);

	load_modules();
	assert_int_equal(pthread_atfork(count_fork, count_fork, count_fork), 0);
	atomic_store(&n_handled, 0);
	run_job(&job);
	assert_job(&job);
	assert_int_equal(atomic_load(&n_handled), 0);
}

static const struct CMUnitTest two_vfs_tests[] = {
	SCENARIO(a_program_of_many_threads_loses_nothing),
	SCENARIO(two_contexts_work_in_two_threads),
	SCENARIO(two_contexts_share_a_device),
	SCENARIO(a_context_may_be_used_by_one_thread_after_another),
	SCENARIO(a_program_that_adopts_orphans_sees_no_child),
	SCENARIO(no_handler_of_forks_is_called),
};

SCENARIO_MAIN(SUITE("two-vfs", two_vfs_tests))
