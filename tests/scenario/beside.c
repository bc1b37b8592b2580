/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "beside.h"

#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <mocksys.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* For the process that asks: a child of a fork(2) has one of its own. */
static struct mocksys *machine(void)
{
	static struct mocksys *opened;
	static pid_t owner;

	if (owner != getpid())
		assert_return_code(mocksys_new(NULL, &opened), 0);
	owner = getpid();
	return opened;
}

pid_t beside_start(const char *const *command)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		execvp(command[0], (char *const *)command);
		_exit(127);
	}
	return pid;
}

int beside_end(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

unsigned long beside_wait_held(const char *step)
{
	_cleanup_text_ char *line = NULL;
	unsigned long id;
	int r;

	do
		r = mocksys_step_wait_held(machine(), step, &id, &line);
	while (r == -EINTR);
	if (r < 0)
		fail_msg("%s: %s", step, mocksys_error(machine()));
	return id;
}

void beside_release(unsigned long id)
{
	assert_return_code(mocksys_step_release(machine(), id), 0);
}

bool beside_release_all(void)
{
	_cleanup_text_ char *held = read_file(CONTROL "/held");
	char *rest = held;
	bool any;

	assert_non_null(held);
	any = *held;
	clear_faults();
	for (char *line; (line = strsep(&rest, "\n"));) {
		line[strcspn(line, " ")] = '\0';
		if (*line)
			write_file(CONTROL "/release", line);
	}
	return any;
}

bool beside_crash_at(const char *const *command, const char *rule)
{
	_cleanup_text_ char *text = format_text("%s hold", rule), *step = strndup(rule, strcspn(rule, " "));
	pid_t pid;

	if (try_write_file(CONTROL "/faults", text) < 0)
		return false;
	pid = beside_start(command);
	beside_wait_held(step);
	assert_return_code(kill(pid, SIGKILL), errno);
	assert_int_equal(beside_end(pid), 128 + SIGKILL);
	beside_release_all();
	return true;
}
