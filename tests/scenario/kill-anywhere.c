/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SIGKILL for the command at its own system calls that change something, its worker's too: a repair brings the device to
 * its old or its new state. By ptrace(2), so that the call has not been made yet. Every day at every fifth call, from one
 * that differs; with MOCKSYS_TEST_ALL set at each.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Of the machine two-vfs. */
#define VF "0000:04:10.0"
#define DRIVER "vfio-pci-igbvf"

typedef struct __ptrace_syscall_info syscall_info;

static bool changes_something(const syscall_info *info)
{
	static const int numbers[] = {
		SYS_write,   SYS_pwrite64, SYS_sendmsg,      SYS_sendto,      SYS_ftruncate, SYS_mkdir,
		SYS_mkdirat, SYS_rename,   SYS_renameat,     SYS_renameat2,   SYS_unlink,    SYS_unlinkat,
		SYS_fsync,   SYS_flock,    SYS_finit_module, SYS_init_module,
	};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (info->entry.nr == (uint64_t)numbers[i])
			return true;
	return info->entry.nr == SYS_openat && (info->entry.args[2] & (O_CREAT | O_TRUNC));
}

static pid_t start_traced(const char *const *command)
{
	pid_t pid;
	int status;

	fflush(NULL);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execvp(command[0], (char *const *)command);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	assert_return_code(ptrace(PTRACE_SETOPTIONS, pid, NULL,
				  PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
					  PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL),
			   errno);
	assert_return_code(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), errno);
	return pid;
}

static bool enters_a_change(pid_t pid)
{
	syscall_info info = {.op = 0};

	return ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info), &info) > 0 &&
	       info.op == PTRACE_SYSCALL_INFO_ENTRY && changes_something(&info);
}

/*
 * Runs the command until it, or its worker, is about to make change number @n, and kills all of them; or with
 * @only_command only the command, and the worker goes on. Returns whether there was such a change.
 */
static bool kill_at(const char *const *command, size_t n, bool only_command)
{
	pid_t main_pid = start_traced(command), pid;
	bool killed = false, succeeded = false;
	size_t seen = 0;
	int status;

	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		int signal = 0;

		if (!WIFSTOPPED(status)) {
			succeeded = succeeded || (pid == main_pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
			continue;
		}
		if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
			if (!killed && enters_a_change(pid) && seen++ == n) {
				killed = true;
				kill(main_pid, SIGKILL);
				if (!only_command)
					kill(pid, SIGKILL);
			}
		} else if (WSTOPSIG(status) != SIGTRAP && WSTOPSIG(status) != SIGSTOP) {
			signal = WSTOPSIG(status);
		}
		ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)signal);
	}
	assert_int_equal(errno, ECHILD);
	assert_true(killed || succeeded);
	return killed;
}

static const char *const detach[] = {"vfiobind", "detach", VF, "--driver", DRIVER, NULL};
static const char *const reattach[] = {"vfiobind", "reattach", VF, NULL};

static void prepare(const char *const *command)
{
	machine_reset(NULL);
	RUN_WELL("modprobe", "vfio_pci_igbvf");
	if (command == reattach)
		run_well(detach);
}

static void check_each_call(const char *const *command, bool only_command)
{
	_cleanup_snapshot_ struct snapshot *before = NULL, *after = NULL;
	size_t n_old = 0, n_new = 0, stride = getenv("MOCKSYS_TEST_ALL") ? 1 : 5, first = (size_t)time(NULL) % stride;

	if (under_valgrind())
		skip(); /* it is the command that would be traced */
	prepare(command);
	before = snapshot_take_nodes();
	run_well(command);
	after = snapshot_take_nodes();
	print_message("from call %zu on, each %zu.\n", first, stride);
	for (size_t n = first;; n += stride) {
		_cleanup_snapshot_ struct snapshot *now = NULL;

		prepare(command);
		if (!kill_at(command, n, only_command))
			break;
		RUN_WELL("vfiobind", "repair");
		now = snapshot_take_nodes();
		if (snapshot_compare(before, now, NULL) == 0)
			n_old++;
		else if (snapshot_compare(after, now, "neither as before nor as after") == 0)
			n_new++;
		else
			fail_msg("killed at change %zu", n);
		run_well(detach);
		run_well(reattach);
		assert_device(VF, "igbvf", "(null)");
	}
	print_message("killed at %zu calls: %zu times as before, %zu times done\n", n_old + n_new, n_old, n_new);
	assert_true(n_old + n_new > 15 / stride);
	assert_int_not_equal(n_old, 0);
	assert_int_not_equal(n_new, 0);
}

static void a_detach_killed_at_any_call_is_repaired(void **state)
{
	check_each_call(detach, false);
}

static void a_reattach_killed_at_any_call_is_repaired(void **state)
{
	check_each_call(reattach, false);
}

static void a_detach_killed_without_its_worker_is_repaired(void **state)
{
	check_each_call(detach, true);
}

static void a_reattach_killed_without_its_worker_is_repaired(void **state)
{
	check_each_call(reattach, true);
}

static const struct CMUnitTest two_vfs_tests[] = {
	SCENARIO(a_detach_killed_at_any_call_is_repaired),
	SCENARIO(a_reattach_killed_at_any_call_is_repaired),
	SCENARIO(a_detach_killed_without_its_worker_is_repaired),
	SCENARIO(a_reattach_killed_without_its_worker_is_repaired),
};

SCENARIO_MAIN(SUITE("two-vfs", two_vfs_tests))
