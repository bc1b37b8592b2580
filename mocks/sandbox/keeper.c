/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The process between the launcher and the command: it has orphans to reap and the command's end to tell of. */
#include "sandbox/messages.h"
#include "sandbox/sandbox-internal.h"
#include "sandbox/util.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

bool die_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* It may have died before; then somebody else is the parent now. */
	return getppid() == parent;
}

/* A signal for the command: false when it was the launcher's end instead. */
static bool hand_on_signal(pid_t command, int sock)
{
	struct message message;

	if (message_receive(sock, &message) < 0)
		return false;
	/* It is this process's child, and not waited for yet: no other can have its pid. */
	if (message.kind == MESSAGE_SIGNAL)
		kill(command, message.number);
	message_done(&message);
	return true;
}

/* True when @command has ended, false when the launcher has. */
static bool reap_until(pid_t command, int sock, int child_fd, int *ret_status)
{
	struct pollfd watched[] = {{.fd = child_fd, .events = POLLIN}, {.fd = sock, .events = POLLIN}};

	for (;;) {
		struct signalfd_siginfo info;
		pid_t pid;
		int status;

		while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
			if (pid != command)
				continue;
			*ret_status = status;
			return true;
		}
		if (poll(watched, ARRAY_SIZE(watched), -1) < 0) {
			if (errno != EINTR)
				return false;
			continue;
		}
		if (watched[1].revents && !hand_on_signal(command, sock))
			return false;
		/* One signal may stand for several ends: all are looked for. */
		if (watched[0].revents && read(child_fd, &info, sizeof(info)) < 0)
			return false;
	}
}

/* The guardian has a process group of its own; the command belongs to the launcher's, which the terminal knows. */
static void leave_guardian(const struct sandbox *sandbox, pid_t guardian)
{
	setpgid(0, sandbox->process_group);
	if (!die_with(guardian))
		_exit(EXIT_FAILURE);
}

void keeper_run(const struct sandbox *sandbox, int sock, const char *proc_modules)
{
	_cleanup_close_ int child_fd = -1;
	pid_t command, keeper = getpid();
	sigset_t child;
	int status;

	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	child_fd = signalfd(-1, &child, SFD_CLOEXEC);
	command = fork();
	if (command < 0) {
		message_failed(sock, errno, "cannot make a process for the command: %s", strerror(errno));
		return;
	}
	if (command == 0) {
		close(sock);
		if (sandbox->options.way != WAY_MOUNT)
			leave_guardian(sandbox, keeper);
		command_exec(sandbox, proc_modules);
	}
	message_send(sock, &(struct message){.kind = MESSAGE_STARTED, .fds = {-1, -1}});
	if (reap_until(command, sock, child_fd, &status))
		message_send(sock, &(struct message){.kind = MESSAGE_STATUS, .number = status, .fds = {-1, -1}});
}
