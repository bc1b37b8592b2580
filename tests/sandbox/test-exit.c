/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mocksys ends as its command ends, hands signals on, and keeps out of the terminal's way. test-exit WAY [--as-nobody] */
#include "sandbox-test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static const char *way;

static void assert_line(struct run *run, const char *expected)
{
	char *line = run_read_line(run);

	if (!line || strcmp(line, expected) != 0)
		fail_msg("expected '%s', not '%s'", expected, line ? line : "(end)");
	free(line);
}

static void exit_status_is_the_commands(void **state)
{
	static const int statuses[] = {0, 1, 2, 3, 77, 125, 128, 255};

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		char script[32];
		int status;

		snprintf(script, sizeof(script), "exit %d", statuses[i]);
		status = run_status(WORDS("--via", way), SHELL(script));
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), statuses[i]);
	}
}

static void dies_of_the_commands_signal(void **state)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGABRT, SIGKILL, SIGSEGV, SIGPIPE, SIGTERM, SIGUSR1};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		char script[64];
		int status;

		snprintf(script, sizeof(script), "ulimit -c 0; kill -%d $$", signals[i]);
		status = run_status(WORDS("--via", way), SHELL(script));
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), signals[i]);
	}
}

static void missing_command_is_127(void **state)
{
	int status = run_status(WORDS("--via", way), WORDS("no-such-program"));

	assert_int_equal(WEXITSTATUS(status), 127);
	status = run_status(WORDS("--via", way), WORDS("/etc/passwd"));
	assert_int_equal(WEXITSTATUS(status), 126);
}

static void ways_that_do_not_exist_are_refused(void **state)
{
	int status = run_status(WORDS("--via", "telepathy"), WORDS("true"));
	assert_int_equal(WEXITSTATUS(status), 2);
}

static void signals_are_handed_on(void **state)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		struct run run;
		char script[128];
		int status;

		snprintf(script, sizeof(script),
			 "trap 'echo got it; exit 9' %d; echo ready; while :; do sleep 1000 & wait; done", signals[i]);
		run_start(&run, WORDS("--via", way), SHELL(script));
		assert_line(&run, "ready");
		assert_return_code(kill(run.pid, signals[i]), errno);
		assert_line(&run, "got it");
		status = run_wait(&run);
		run_wait_until_gone(&run);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 9);
	}
}

static void background_processes_end_with_the_command(void **state)
{
	struct run run;

	run_start(&run, WORDS("--via", way), SHELL("setsid sleep 1000 & echo done"));
	assert_line(&run, "done");
	assert_int_equal(run_wait(&run), 0);
	run_wait_until_gone(&run);
	assert_nothing_left();
}

/* As `> >(cat)` in a shell that makes way for its last command. */
static void children_that_were_there_before_are_left_alone(void **state)
{
	const char *mocksys = getenv("MOCKSYS");
	int order[2], answer[2], status;
	char byte = 0;
	pid_t pid;

	assert_return_code(pipe2(order, O_CLOEXEC), errno);
	assert_return_code(pipe2(answer, O_CLOEXEC), errno);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0) {
		if (fork() == 0) {
			close(order[1]);
			_exit(read(order[0], &byte, 1) != 1 || write(answer[1], &byte, 1) != 1);
		}
		execl(mocksys, mocksys, "run", "-m", "e1000e", "--via", way, "--", "true", NULL);
		_exit(127);
	}
	close(order[0]);
	close(answer[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(write(order[1], "x", 1), 1);
	assert_int_equal(read(answer[0], &byte, 1), 1);
	assert_int_equal(byte, 'x');
	close(order[1]);
	close(answer[0]);
	assert_nothing_left();
}

static void inherited_descriptors_reach_the_command(void **state)
{
	struct run run;
	int fd = fcntl(STDERR_FILENO, F_DUPFD, 42);

	assert_int_equal(fd, 42);
	run_start(&run, WORDS("--via", way), SHELL("readlink /proc/self/fd/42 >/dev/null && echo yes"));
	close(fd);
	assert_line(&run, "yes");
	run_wait(&run);
	run_wait_until_gone(&run);
}

/* ---- on a terminal ---- */

struct terminal_run {
	pid_t pid;
	int master;
};

/* mocksys as the foreground process group of a terminal of its own. */
static void start_on_terminal(struct terminal_run *run, const char *command, const char *argument)
{
	const char *mocksys = getenv("MOCKSYS");
	int slave;

	run->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_return_code(run->master, errno);
	assert_return_code(grantpt(run->master), errno);
	assert_return_code(unlockpt(run->master), errno);
	slave = open(ptsname(run->master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_return_code(slave, errno);
	run->pid = fork();
	if (run->pid == 0) {
		int terminal;

		setsid();
		/* The first terminal that a session leader opens is its own. */
		terminal = open(ptsname(run->master), O_RDWR | O_CLOEXEC);
		dup2(terminal, 0);
		dup2(terminal, 1);
		dup2(terminal, 2);
		execl(mocksys, mocksys, "run", "-m", "e1000e", "--via", way, "--", command, argument, NULL);
		_exit(127);
	}
	close(slave);
}

/* Reads until @text has come. */
static void await_text(struct terminal_run *run, const char *text)
{
	char seen[4096] = "";
	size_t n = 0;

	while (!strstr(seen, text)) {
		ssize_t got = read(run->master, seen + n, sizeof(seen) - n - 1);

		if (got <= 0)
			fail_msg("the terminal ended without '%s', but with '%s'", text, seen);
		n += got;
		seen[n] = '\0';
	}
}

/* The command of the next test (`test-exit --inside`): a shell would look for signals only now and then. */
static int count_interrupts(bool interruptible)
{
	sigset_t interrupt, pending;
	int number;

	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	sigprocmask(interruptible ? SIG_UNBLOCK : SIG_BLOCK, &interrupt, NULL);
	puts("ready");
	fflush(stdout);
	if (interruptible)
		pause();
	sigwait(&interrupt, &number);
	puts("interrupted");
	fflush(stdout);
	/* A line, so that a second one had time to come. */
	if (getchar() == EOF)
		return 1;
	sigpending(&pending);
	return sigismember(&pending, SIGINT) ? 5 : 4;
}

static char self[PATH_MAX];

static void interrupt_key_reaches_the_command_once(void **state)
{
	struct terminal_run run;
	int status;

	start_on_terminal(&run, self, "--inside");
	await_text(&run, "ready");
	assert_int_equal(write(run.master, "\003", 1), 1);
	await_text(&run, "interrupted");
	assert_int_equal(write(run.master, "x\n", 2), 2);
	assert_int_equal(waitpid(run.pid, &status, 0), run.pid);
	assert_int_equal(WEXITSTATUS(status), 4);
	close(run.master);
}

static void interrupt_key_ends_command_and_mocksys(void **state)
{
	struct terminal_run run;
	int status;

	start_on_terminal(&run, self, "--inside-interruptible");
	await_text(&run, "ready");
	assert_int_equal(write(run.master, "\003", 1), 1);
	assert_int_equal(waitpid(run.pid, &status, 0), run.pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGINT);
	close(run.master);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exit_status_is_the_commands),
		cmocka_unit_test(dies_of_the_commands_signal),
		cmocka_unit_test(missing_command_is_127),
		cmocka_unit_test(ways_that_do_not_exist_are_refused),
		cmocka_unit_test(signals_are_handed_on),
		cmocka_unit_test(background_processes_end_with_the_command),
		cmocka_unit_test(children_that_were_there_before_are_left_alone),
		cmocka_unit_test(inherited_descriptors_reach_the_command),
		cmocka_unit_test(interrupt_key_reaches_the_command_once),
		cmocka_unit_test(interrupt_key_ends_command_and_mocksys),
	};

	if (argc > 1 && strncmp(argv[1], "--inside", 8) == 0)
		return count_interrupts(strcmp(argv[1], "--inside-interruptible") == 0);
	if (!realpath(argv[0], self))
		return EXIT_FAILURE;
	/* Ignored in what a shell starts in the background, and so in what we start. */
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	way = argc > 1 ? argv[1] : "mount";
	argc -= argc > 1;
	sandbox_test_begin(&argc, argv + 1, way);
	return sandbox_test_end(cmocka_run_group_tests(tests, NULL, NULL));
}
