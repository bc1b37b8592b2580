/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* By ptrace(2), so that the call has not been made yet. */
#include "kill-at.h"

#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

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
		/* In a build with it, LeakSanitizer would trace the process at its end: there can be but one. */
		setenv("ASAN_OPTIONS", "verify_asan_link_order=0:detect_leaks=0", 1);
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

bool kill_at(const char *const *command, size_t n, bool only_command)
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
