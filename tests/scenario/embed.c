/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The library inside programs that are not easy to live with: many threads, of which some fork, allocate, print and wait
 * all the time; closed standard streams; SIGCHLD ignored; a process that adopts orphans; limits that leave no room.
 */
#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Addresses of the machine two-vfs. */
#define VF "0000:04:10.0"
#define OTHER_VF "0000:04:10.2"
#define DRIVER "vfio-pci-igbvf"
#define OTHER_DRIVER "igbvf-vfio-pci"

static const struct vfiobind_address vf = {.bus = 4, .slot = 0x10}, other_vf = {.bus = 4, .slot = 0x10, .function = 2};

/* What the header promises: a thread of this size is enough. */
#define STACK_SIZE (128 * 1024)

static size_t rounds(size_t n)
{
	const char *text = getenv("EMBED_ROUNDS");

	return under_valgrind() ? 2 : text ? strtoul(text, NULL, 10) : n;
}

/* ---- what is done, with nothing that fails the test from another thread than the test's own ---- */

struct job {
	const struct vfiobind_address *address;
	const char *driver;
	size_t rounds;
	struct vfiobind_context *context; /* NULL: one of its own each time */
	struct vfiobind_error error;
	char what[64]; /* that went wrong; empty if nothing did */
};

#define JOB(device, name, n)                                                                       \
	{                                                                                          \
		.address = (device), .driver = (name), .rounds = (n), .error = VFIOBIND_ERROR_INIT \
	}

static bool failed(struct job *job, bool good, const char *what)
{
	if (!good)
		snprintf(job->what, sizeof(job->what), "%s", what);
	return !good;
}

static void free_result(struct vfiobind_result **result)
{
	vfiobind_result_free(*result);
}

static void free_device(struct vfiobind_device **device)
{
	vfiobind_device_free(*device);
}

static void detach_and_reattach(struct job *job, struct vfiobind_context *context)
{
	struct vfiobind_detach_options options = VFIOBIND_DETACH_OPTIONS_INIT;
	_cleanup_(free_result) struct vfiobind_result *detached = NULL, *reattached = NULL;
	_cleanup_(free_device) struct vfiobind_device *device = NULL;
	int r;

	options.driver = job->driver;
	r = vfiobind_device_detach(context, job->address, 1, &options, &detached, &job->error);
	if (failed(job, r == 0, "detach") ||
	    failed(job, strcmp(detached->devices[0]->to, job->driver) == 0, "the driver after the detach"))
		return;
	r = vfiobind_device_read(context, job->address, &device, &job->error);
	if (failed(job, r == 0, "read") || failed(job, device->detached != NULL, "the record of the detach"))
		return;
	r = vfiobind_device_reattach(context, job->address, 1, NULL, &reattached, &job->error);
	if (!failed(job, r == 0, "reattach"))
		failed(job, strcmp(reattached->devices[0]->to, "igbvf") == 0, "the driver after the reattach");
}

static void *work(void *data)
{
	struct job *job = data;

	for (size_t i = 0; i < job->rounds && !job->what[0]; i++) {
		struct vfiobind_context *context = job->context;

		if (!context && failed(job, vfiobind_context_new(&context) == 0, "context"))
			break;
		detach_and_reattach(job, context);
		if (!job->context)
			vfiobind_context_free(context);
	}
	return NULL;
}

static void assert_job(const struct job *job)
{
	char text[1024];

	vfiobind_error_format(&job->error, text, sizeof(text));
	if (job->what[0])
		fail_msg("%s: %s", job->what, text);
}

static pthread_t start_thread(void *(*function)(void *), void *data)
{
	pthread_attr_t attributes;
	pthread_t thread;

	assert_int_equal(pthread_attr_init(&attributes), 0);
	assert_int_equal(pthread_attr_setstacksize(&attributes, STACK_SIZE), 0);
	assert_int_equal(pthread_create(&thread, &attributes, function, data), 0);
	pthread_attr_destroy(&attributes);
	return thread;
}

static void run_job(struct job *job)
{
	pthread_join(start_thread(work, job), NULL);
}

static void load_modules(void)
{
	RUN_WELL("modprobe", "-a", "vfio_pci_igbvf", "igbvf_vfio_pci");
}

/* ---- what must be the same before and after ---- */

static bool has_children(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0;
}

static size_t count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(directory);
	while (readdir(directory))
		n++;
	closedir(directory);
	return n;
}

/* Debian 12's valgrind has no pidfd_open(2): there a worker ends later, and what has not yet ended would be counted. */
static void skip_where_workers_cannot_be_counted(void)
{
	if (under_valgrind())
		skip();
}

/* Processes whose name is the library's worker's and whose group is ours, as pidfds' numbers. */
static size_t find_workers(pid_t *pids, size_t room)
{
	DIR *directory = opendir("/proc");
	struct dirent *entry;
	size_t n = 0;

	assert_non_null(directory);
	while ((entry = readdir(directory))) {
		_cleanup_text_ char *path = format_text("/proc/%.16s/stat", entry->d_name);
		_cleanup_text_ char *text = read_file(path);
		int pid, group;
		char state;

		if (text && sscanf(text, "%d (vfiobind-worker) %c %*d %d", &pid, &state, &group) == 3 &&
		    group == getpgrp() && state != 'Z' && n < room)
			pids[n++] = pid;
	}
	closedir(directory);
	return n;
}

/* Waits until the process has ended; no longer than a machine could be slow. */
static void assert_ends(pid_t pid)
{
	struct pollfd poll_fd = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};

	if (poll_fd.fd < 0)
		return;
	assert_int_equal(poll(&poll_fd, 1, 60000), 1);
	close(poll_fd.fd);
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

static void *make_context(void *data)
{
	struct vfiobind_context **context = data;
	struct vfiobind_device *device;

	/* With its worker. */
	if (vfiobind_context_new(context) == 0 && vfiobind_device_read(*context, &vf, &device, NULL) == 0)
		vfiobind_device_free(device);
	return NULL;
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

/* ---- processes ---- */

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

/* A child of the program, with a copy of all that a context has open; ends when the pipe does. */
struct bystander {
	pid_t pid;
	int pipe;
};

static struct bystander bystander_start(struct vfiobind_context *context)
{
	struct bystander bystander;
	int ends[2];

	assert_return_code(pipe(ends), errno);
	bystander.pipe = ends[1];
	bystander.pid = fork();
	assert_return_code(bystander.pid, errno);
	if (bystander.pid == 0) {
		char byte;

		close(ends[1]);
		vfiobind_context_free(context);
		while (read(ends[0], &byte, 1) < 0)
			;
		_exit(0);
	}
	close(ends[0]);
	return bystander;
}

static void bystander_end(const struct bystander *bystander)
{
	int status;

	close(bystander->pipe);
	assert_int_equal(waitpid(bystander->pid, &status, 0), bystander->pid);
	assert_int_equal(status, 0);
}

static void a_worker_outlives_neither_its_context_nor_a_fork(void **state)
{
	struct job job = JOB(&vf, DRIVER, 1);
	struct bystander bystanders[2];
	pid_t workers[8];

	skip_where_workers_cannot_be_counted();
	load_modules();
	make_context(&job.context);
	/* One that has freed the context, and one that keeps what it has open. */
	bystanders[0] = bystander_start(job.context);
	bystanders[1] = bystander_start(NULL);
	assert_int_equal(find_workers(workers, ARRAY_SIZE(workers)), 2);
	run_job(&job);
	assert_job(&job);
	vfiobind_context_free(job.context);
	assert_int_equal(find_workers(workers, ARRAY_SIZE(workers)), 0);
	/* The second has the pipe of the first open too. */
	bystander_end(&bystanders[1]);
	bystander_end(&bystanders[0]);
	assert_false(has_children());
}

/* The program is killed, but a child of its has the worker's socket open too. */
static void a_worker_does_not_outlive_its_program(void **state)
{
	int ready[2], end[2], status;
	pid_t workers[8], program;
	size_t n;
	char byte;

	skip_where_workers_cannot_be_counted();
	assert_return_code(pipe(ready), errno);
	assert_return_code(pipe(end), errno);
	program = fork();
	assert_return_code(program, errno);
	if (program == 0) {
		struct vfiobind_context *context = NULL;

		close(end[1]);
		make_context(&context);
		if (fork() == 0) {
			while (read(end[0], &byte, 1) < 0)
				;
			_exit(0);
		}
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	n = find_workers(workers, ARRAY_SIZE(workers));
	assert_int_equal(n, 2);
	assert_return_code(kill(program, SIGKILL), errno);
	assert_int_equal(waitpid(program, &status, 0), program);
	for (size_t i = 0; i < n; i++)
		assert_ends(workers[i]);
	for (size_t i = 0; i < 2; i++) {
		close(ready[i]);
		close(end[i]);
	}
}

static void a_killed_worker_costs_no_more_than_an_operation(void **state)
{
	skip_where_workers_cannot_be_counted();
	/* The worker, or its keeper. */
	for (size_t which = 0; which < 2; which++) {
		struct job job = JOB(&vf, DRIVER, 1);
		pid_t workers[8];

		machine_reset(NULL);
		load_modules();
		make_context(&job.context);
		assert_int_equal(find_workers(workers, ARRAY_SIZE(workers)), 2);
		assert_return_code(kill(workers[which], SIGKILL), errno);
		assert_ends(workers[which]);
		run_job(&job);
		/* Without its keeper one may have answered all the same, or some calls. */
		if (job.error.code == VFIOBIND_ERROR_WORKER_KILLED)
			job.what[0] = '\0';
		assert_job(&job);
		run_job(&job);
		assert_job(&job);
		vfiobind_context_free(job.context);
		assert_false(has_children());
		assert_int_equal(find_workers(workers, ARRAY_SIZE(workers)), 0);
	}
}

/* What is stuck in the kernel is no child of the program's, not even when it ends. */
static void a_stuck_worker_is_left_to_init(void **state)
{
	struct vfiobind_detach_options options = VFIOBIND_DETACH_OPTIONS_INIT;
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_context *context;
	pid_t workers[8];
	size_t n;

	skip_where_workers_cannot_be_counted();
	load_modules();
	add_fault("dd.probe driver=" DRIVER " hold");
	assert_int_equal(vfiobind_context_new(&context), 0);
	assert_int_equal(vfiobind_context_set_timeout(context, 200), 0);
	options.driver = DRIVER;
	assert_int_equal(vfiobind_device_detach(context, &vf, 1, &options, NULL, &error), -ETIMEDOUT);
	vfiobind_context_free(context);
	assert_false(has_children());
	n = find_workers(workers, ARRAY_SIZE(workers));
	assert_int_equal(n, 1);
	write_file(CONTROL "/reset", "1");
	assert_ends(workers[0]);
	assert_false(has_children());
}

/* ---- limits ---- */

static void no_process_can_be_started(void)
{
	/* Root has no such limit. */
	const struct rlimit none = {0, 0};

	if (geteuid() == 0 && setresuid(12345, 12345, 12345) < 0)
		_exit(77);
	if (setrlimit(RLIMIT_NPROC, &none) < 0)
		_exit(77);
}

static void no_file_can_be_opened(void)
{
	/* For the sysfs root and the device's directory, but not for the worker's. */
	const struct rlimit few = {count_descriptors() + 1, count_descriptors() + 1};

	if (setrlimit(RLIMIT_NOFILE, &few) < 0)
		_exit(77);
}

static void a_worker_that_cannot_be_started_is_an_error_of_its_own(void **state)
{
	static const struct {
		void (*limit)(void);
		int number;
	} cases[] = {{no_process_can_be_started, EAGAIN}, {no_file_can_be_opened, EMFILE}};

	/* There the shim needs descriptors, and a directory that is the user's. */
	if (is_way_plain())
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		pid_t pid = fork();
		int status;

		assert_return_code(pid, errno);
		if (pid == 0) {
			struct vfiobind_error error = VFIOBIND_ERROR_INIT;
			struct vfiobind_context *context;
			struct vfiobind_device *device;
			int r;

			cases[i].limit();
			if (vfiobind_context_new(&context) < 0)
				_exit(1);
			r = vfiobind_device_read(context, &vf, &device, &error);
			vfiobind_context_free(context);
			_exit(r == -cases[i].number && error.code == VFIOBIND_ERROR_WORKER_UNAVAILABLE ? 0 : 2);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) == 77)
			print_message("%zu: cannot be shown here\n", i);
		else
			assert_int_equal(WEXITSTATUS(status), 0);
	}
}

static const struct CMUnitTest two_vfs_tests[] = {
	SCENARIO(a_program_of_many_threads_loses_nothing),
	SCENARIO(two_contexts_work_in_two_threads),
	SCENARIO(two_contexts_share_a_device),
	SCENARIO(a_context_may_be_used_by_one_thread_after_another),
	SCENARIO(a_program_that_adopts_orphans_sees_no_child),
	SCENARIO(no_handler_of_forks_is_called),
	SCENARIO(a_worker_outlives_neither_its_context_nor_a_fork),
	SCENARIO(a_worker_does_not_outlive_its_program),
	SCENARIO(a_killed_worker_costs_no_more_than_an_operation),
	SCENARIO(a_stuck_worker_is_left_to_init),
	SCENARIO(a_worker_that_cannot_be_started_is_an_error_of_its_own),
};

SCENARIO_MAIN(SUITE("two-vfs", two_vfs_tests))
