/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SIGKILL for any process of a run, at any moment: nothing may be left. test-kill WAY [--as-nobody]; the moments come
 * from MOCKSYS_TEST_SEED, or from a seed that is printed, and MOCKSYS_TEST_MOMENTS is how many of them for each role.
 */
#include "sandbox-test.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST_US = 25000, MOST_VICTIMS = 10 };

static const char *way;
static int n_moments = 35; /* of each role: more than a hundred in all */
static unsigned short seed[3];

/* Busy with the fake, and with a process that nobody waits for. */
static const char busy[] = "(setsid sleep 1000 &)\n"
			   "while :; do\n"
			   "	cat /sys/bus/pci/devices/*/modalias\n"
			   "	echo 0000:03:00.0 >/sys/bus/pci/drivers/e1000e/unbind\n"
			   "	echo 0000:03:00.0 >/sys/bus/pci/drivers/e1000e/bind\n"
			   "done >/dev/null 2>&1";

static void remove_cache(void)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -rf %s/mocksys", test_directory);
	assert_int_equal(system(command), 0);
}

/*
 * Again and again: the first victim may just have made way for the next of its role. But not for ever: until its exec(2)
 * nothing tells a fusermount3 that is to unmount from the others, and on an idle machine nearly each would be killed.
 */
static int kill_until_ended(const struct run *run, const char *role)
{
	pid_t last = 0;
	int status, n_victims = 0;

	while (waitpid(run->pid, &status, WNOHANG) == 0) {
		pid_t victim = n_victims < MOST_VICTIMS ? run_find(run, role) : 0;

		if (victim)
			kill(victim, SIGKILL);
		n_victims += victim && victim != last;
		last = victim;
		sched_yield();
	}
	return status;
}

static void kill_at_moments(const char *role)
{
	for (int i = 0; i < n_moments; i++) {
		struct timespec moment = {.tv_nsec = 1000 * (nrand48(seed) % LONGEST_US)};
		struct run run;
		int status;

		/* Every third time depmod is on the way, too. */
		if (i % 3 == 0)
			remove_cache();
		run_start(&run, WORDS("--via", way), SHELL(busy));
		nanosleep(&moment, NULL);
		status = kill_until_ended(&run, role);
		/* By itself it ends in order, or as the command did: a crash might have left something, too. */
		if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
			fail_msg("mocksys crashed: %s", strsignal(WTERMSIG(status)));
		run_wait_until_gone(&run);
		assert_nothing_left();
	}
}

static void killed_launcher_leaves_nothing(void **state)
{
	kill_at_moments("launcher");
}

static void killed_process_between_leaves_nothing(void **state)
{
	kill_at_moments("between");
}

static void killed_command_leaves_nothing(void **state)
{
	kill_at_moments("command");
}

/* The command goes on without it, and the machine is as good as it was. */
static const char restarts[] = "(setsid sleep 1000 &)\n"
			       "trap 'cat /sys/bus/pci/devices/0000:03:00.0/vendor; exit 7' TERM\n"
			       "echo begins\n"
			       "while :; do\n"
			       "	sh -c 'cd /sys/bus/pci; cat devices/*/modalias\n"
			       "		echo 0000:03:00.0 >drivers/e1000e/unbind\n"
			       "		echo 0000:03:00.0 >drivers/e1000e/bind' >/dev/null 2>&1\n"
			       "done 2>/dev/null";

static void killed_programs_leave_nothing(void **state)
{
	struct run run;
	char *line;
	int status;

	run_start(&run, WORDS("--via", way), SHELL(restarts));
	line = run_read_line(&run);
	assert_non_null(line);
	assert_string_equal(line, "begins");
	free(line);
	for (int i = 0; i < n_moments; i++) {
		struct timespec moment = {.tv_nsec = 1000 * (nrand48(seed) % LONGEST_US)};
		pid_t victim;

		nanosleep(&moment, NULL);
		while (!(victim = run_find(&run, "program")))
			sched_yield();
		kill(victim, SIGKILL);
	}
	kill(run.pid, SIGTERM);
	line = run_read_line(&run);
	assert_non_null(line);
	assert_string_equal(line, "0x8086");
	free(line);
	status = run_wait(&run);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
	run_wait_until_gone(&run);
	assert_nothing_left();
}

/* Waits until the process @pid is waiting in the kernel for good: for an answer of the server. */
static void wait_until_blocked(pid_t pid)
{
	char path[64], text[4096];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (;;) {
		FILE *file = fopen(path, "re");
		char *state;

		assert_non_null(file);
		assert_non_null(fgets(text, sizeof(text), file));
		fclose(file);
		state = strrchr(text, ')');
		if (state && (state[2] == 'D' || state[2] == 'S'))
			return;
		sched_yield();
	}
}

/* A write that the fake kernel holds for a minute. The writer says that it begins, and then can only write. */
static const char blocked[] = "cd /sys\n"
			      "echo 0000:03:00.0 >bus/pci/drivers/e1000e/unbind\n"
			      "echo 'dd.probe delay=60000' >kernel/debug/mocksys/faults\n"
			      "echo begins\n"
			      "echo 0000:03:00.0 >bus/pci/drivers/e1000e/bind && echo ends";

static void blocked_store_ends_with(const char *role)
{
	struct run run;
	time_t begin = time(NULL);
	char *line;

	run_start(&run, WORDS("--via", way), SHELL(blocked));
	line = run_read_line(&run);
	if (!line || strcmp(line, "begins") != 0)
		fail_msg("expected 'begins', not '%s'", line ? line : "(end)");
	free(line);
	wait_until_blocked(run_find(&run, "command"));
	assert_return_code(kill(run_find(&run, role), SIGKILL), errno);
	run_wait(&run);
	/* It did not go through, and nobody waited until it would have. */
	assert_null(run_read_line(&run));
	run_wait_until_gone(&run);
	assert_nothing_left();
	assert_true(time(NULL) - begin < 50);
}

static void blocked_store_ends_with_the_launcher(void **state)
{
	blocked_store_ends_with("launcher");
}

static void blocked_store_ends_when_the_process_between_is_killed(void **state)
{
	blocked_store_ends_with("between");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_launcher_leaves_nothing),
		cmocka_unit_test(killed_process_between_leaves_nothing),
		cmocka_unit_test(killed_command_leaves_nothing),
		cmocka_unit_test(killed_programs_leave_nothing),
		cmocka_unit_test(blocked_store_ends_with_the_launcher),
		cmocka_unit_test(blocked_store_ends_when_the_process_between_is_killed),
	};
	const char *chosen = getenv("MOCKSYS_TEST_SEED"), *moments = getenv("MOCKSYS_TEST_MOMENTS");
	unsigned number = chosen ? strtoul(chosen, NULL, 10) : (unsigned)time(NULL) ^ (unsigned)getpid();

	if (moments)
		n_moments = atoi(moments);
	way = argc > 1 ? argv[1] : "mount";
	argc -= argc > 1;
	sandbox_test_begin(&argc, argv + 1, way);
	printf("MOCKSYS_TEST_SEED=%u\n", number);
	memcpy(seed, &number, sizeof(number));
	return sandbox_test_end(cmocka_run_group_tests(tests, NULL, NULL));
}
