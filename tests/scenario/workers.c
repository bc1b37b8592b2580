/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The processes that the library starts in a program that has it in itself: how they end, and that they cannot begin. */
#include "harness.h"
#include "job.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* ---- how they end ---- */

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
	SCENARIO(a_worker_outlives_neither_its_context_nor_a_fork),
	SCENARIO(a_worker_does_not_outlive_its_program),
	SCENARIO(a_killed_worker_costs_no_more_than_an_operation),
	SCENARIO(a_stuck_worker_is_left_to_init),
	SCENARIO(a_worker_that_cannot_be_started_is_an_error_of_its_own),
};

SCENARIO_MAIN(SUITE("two-vfs", two_vfs_tests))
