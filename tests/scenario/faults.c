/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What fault rules do to a program, in every way. (How they are written and matched is tested on the bare model.) */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define VF "0000:04:10.0"
#define PF "0000:04:00.0"
#define UNBIND "/sys/bus/pci/drivers/igbvf/unbind"

static pid_t start(const char *path, const char *text)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0)
		_exit(-try_write_file(path, text));
	return pid;
}

/* The wait status. */
static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	return status;
}

/* ---- kill ---- */

static void assert_killed(int status)
{
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

/* A process dies when it leaves the kernel: what it asked for is done. */
static void kill_ends_the_writer_and_not_what_it_wrote(void **state)
{
	static const char *const steps[] = {"sys.write", "dd.unlink-driver", "dd.remove", "sys.return"};

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		machine_reset(NULL);
		add_fault("%s device=%s kill times=1", steps[i], VF);
		assert_killed(wait_for(start(UNBIND, VF)));
		/* The answer may still be on its way; this one is behind it on the device's lock. */
		write_file(DEVICES "/" VF "/power/control", "on");
		assert_device(VF, NULL, "(null)");
		assert_int_equal(TRACE_COUNT(" sys.return path=sys/bus/pci/drivers/igbvf/unbind value=" VF " = 12 "),
				 i == 3);
		clear_faults();
	}
}

static void kill_says_so_in_the_trace(void **state)
{
	add_fault("dd.remove kill times=1");
	assert_killed(wait_for(start(UNBIND, VF)));
	assert_int_equal(TRACE_COUNT(" dd.remove device=" VF " ", " = 0 why=fault rule: dd.remove kill times=1"), 1);
}

/* Two levels down: neither the command's own namespace nor the server's knows the number that the writer has for itself. */
static void kill_reaches_into_other_pid_namespaces(void **state)
{
	pid_t outer;

	add_fault("dd.remove kill times=1");
	fflush(NULL);
	outer = fork();
	assert_return_code(outer, errno);
	if (outer == 0) {
		pid_t inner;
		int status;

		if (unshare(CLONE_NEWPID) < 0 || (inner = fork()) < 0)
			_exit(77);
		if (inner == 0)
			_exit(-try_write_file(UNBIND, VF));
		waitpid(inner, &status, 0);
		_exit(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? 0 : 1);
	}
	switch (WEXITSTATUS(wait_for(outer))) {
	case 0:
		return;
	case 77:
		print_message("skipped: no PID namespace can be made here\n");
		skip();
	default:
		fail_msg("it was not killed");
	}
}

static void kill_takes_the_actor_that_it_names(void **state)
{
	_cleanup_output_ struct output killed = {.out = NULL};

	add_fault("dd.probe actor=victim kill");
	RUN_WELL("env", "MOCKSYS_ACTOR=other", "sh", "-c",
		 "echo " VF " >" UNBIND "; echo " VF " >/sys/bus/pci/drivers_probe");
	assert_device(VF, "igbvf", "(null)");
	write_file(UNBIND, VF);
	killed = RUN_EXPECTING(128 + SIGKILL, "env", "MOCKSYS_ACTOR=victim", "sh", "-c",
			       "echo " VF " >/sys/bus/pci/drivers_probe");
	assert_int_equal(fault_fired("dd.probe actor=victim"), 1);
}

/* ---- wait ---- */

/* The next line of the step that is waited for, without its newline. */
static char *next_line(int fd)
{
	char line[1024];
	ssize_t n = read(fd, line, sizeof(line));

	assert_true(n > 1);
	assert_int_equal(line[n - 1], '\n');
	return format_text("%.*s", (int)n - 1, line);
}

static int watch_for(const char *step)
{
	int fd = open(CONTROL "/wait", O_RDWR | O_CLOEXEC);

	assert_return_code(fd, errno);
	assert_int_equal(write(fd, step, strlen(step)), strlen(step));
	return fd;
}

static void a_test_waits_until_a_step_is_held(void **state)
{
	int fd = watch_for("held dd.remove device=" VF);
	_cleanup_text_ char *held = NULL, *returned = NULL;
	pid_t pid;

	add_fault("dd.remove hold");
	pid = start(UNBIND, VF);
	held = next_line(fd);
	/* The links are gone, the driver is not. */
	assert_device(VF, NULL, "(null)");
	assert_true(exists(DEVICES "/" VF "/net"));
	clear_faults();
	held[strcspn(held, " ")] = '\0';
	write_file(CONTROL "/release", held);
	assert_int_equal(wait_for(pid), 0);
	assert_false(exists(DEVICES "/" VF "/net"));
	close(fd);
	fd = watch_for("sys.return device=" VF);
	returned = next_line(fd);
	assert_non_null(strstr(returned, " sys.return path=sys/bus/pci/drivers/igbvf/unbind value=" VF " = 12"));
	close(fd);
}

static void no_signal(int number)
{
}

static void a_signal_ends_a_wait(void **state)
{
	const struct sigaction action = {.sa_handler = no_signal};
	int ends[2];
	char byte;
	pid_t pid;

	assert_return_code(pipe2(ends, O_CLOEXEC), errno);
	fflush(NULL);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0) {
		int fd = watch_for("dd.probe");

		sigaction(SIGUSR1, &action, NULL);
		if (write(ends[1], "", 1) != 1)
			_exit(2);
		_exit(read(fd, &byte, 1) < 0 && errno == EINTR ? 0 : 1);
	}
	assert_int_equal(read(ends[0], &byte, 1), 1);
	/* One that comes before it waits is lost: until it has ended, again. */
	for (siginfo_t end = {.si_pid = 0}; end.si_pid == 0; sched_yield()) {
		assert_return_code(kill(pid, SIGUSR1), errno);
		assert_return_code(waitid(P_PID, (id_t)pid, &end, WEXITED | WNOHANG | WNOWAIT), errno);
	}
	assert_int_equal(wait_for(pid), 0);
	close(ends[0]);
	close(ends[1]);
}

static void a_wait_can_be_killed(void **state)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0) {
		int fd = watch_for("dd.probe");
		char byte;

		_exit(read(fd, &byte, 1) != 1);
	}
	kill(pid, SIGKILL);
	assert_killed(wait_for(pid));
}

/* ---- what a rule may say ---- */

static void device_matches_system_calls_on_its_files_and_with_its_address(void **state)
{
	add_fault("sys.write device=%s fail=EIO", VF);
	assert_int_equal(try_write_file(UNBIND, VF), -EIO);
	assert_int_equal(try_write_file(DEVICES "/" VF "/driver_override", "x"), -EIO);
	assert_int_equal(try_write_file("/sys/bus/pci/drivers_probe", VF "\n"), -EIO);
	assert_int_equal(try_write_file("/sys/bus/pci/drivers_probe", PF), 0);
	assert_int_equal(try_write_file(DEVICES "/" PF "/power/control", "on"), 0);
	assert_int_equal(fault_fired("sys.write"), 3);
}

static void a_malformed_rule_is_refused_and_the_trace_says_why(void **state)
{
	static const struct {
		const char *rule, *why;
	} rules[] = {
		{"dd.prob fail=EIO", "no such step"},
		{"dd.probe", "none of fail=, delay=, hold, vanish and kill"},
		{"dd.probe fail=EWHAT", "fail= wants the name of an errno"},
		{"dd.probe times=0 fail=EIO", "times= wants a number above 0"},
		{"dd.probe after=x fail=EIO", "after= wants a number"},
		{"dd.probe delay=0", "delay= wants milliseconds above 0"},
		{"dd.probe color=red fail=EIO", "no such key"},
		{"dd.probe hold now", "a word without ="},
		{"dd.remove fail=EIO", "this step cannot fail"},
		{"sys.open hold", "this step cannot wait"},
		{"dd.probe fail=EIO\ndd.probe fale=EIO", "no such key"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		_cleanup_text_ char *trace = NULL, *left = NULL;

		trace_clear();
		assert_int_equal(try_write_file(CONTROL "/faults", rules[i].rule), -EINVAL);
		trace = read_file(CONTROL "/trace");
		if (!strstr(trace, "/faults ") || !strstr(trace, " = EINVAL why=") || !strstr(trace, rules[i].why))
			fail_msg("%s: %s", rules[i].rule, trace);
		left = read_file(CONTROL "/faults");
		assert_string_equal(left, "");
	}
}

/* Neither does the file say how long it is: what believes that (tail, cp) would stop there. */
static void rules_can_be_written_back_as_they_are_read(void **state)
{
	static const char rule[] = "sys.write path=*/x fail=EIO";
	_cleanup_text_ char *read = NULL, *again = NULL;
	struct stat st;

	assert_return_code(stat(CONTROL "/faults", &st), errno);
	assert_int_equal(st.st_size, 0);
	add_fault("%s", rule);
	read = read_file(CONTROL "/faults");
	assert_string_equal(read, "sys.write path=*/x fail=EIO # fired 0 of 0\n");
	clear_faults();
	write_file(CONTROL "/faults", read);
	again = read_file(CONTROL "/faults");
	assert_string_equal(again, read);
	clear_faults();
}

static const struct CMUnitTest tests[] = {
	SCENARIO(kill_ends_the_writer_and_not_what_it_wrote),
	SCENARIO(kill_says_so_in_the_trace),
	SCENARIO(kill_reaches_into_other_pid_namespaces),
	SCENARIO(kill_takes_the_actor_that_it_names),
	SCENARIO(a_test_waits_until_a_step_is_held),
	SCENARIO(a_signal_ends_a_wait),
	SCENARIO(a_wait_can_be_killed),
	SCENARIO(device_matches_system_calls_on_its_files_and_with_its_address),
	SCENARIO(a_malformed_rule_is_refused_and_the_trace_says_why),
	SCENARIO(rules_can_be_written_back_as_they_are_read),
};

SCENARIO_MAIN(SUITE("two-vfs", tests))
