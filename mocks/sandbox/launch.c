/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The launcher's side: a child on its way to the command, signals handed on to it, and its end. */
#include "sandbox/messages.h"
#include "sandbox/namespaces.h"
#include "sandbox/sandbox-internal.h"
#include "sandbox/uevent-socket.h"
#include "sandbox/util.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const char *const way_names[] = {[WAY_MOUNT] = "mount", [WAY_SHIM] = "shim", [WAY_PLAIN] = "plain"};

const char *way_name(enum way way)
{
	return way_names[way];
}

bool way_parse(const char *name, enum way *ret_way)
{
	for (size_t i = 0; i < ARRAY_SIZE(way_names); i++)
		if (strcmp(way_names[i], name) == 0) {
			*ret_way = i;
			return true;
		}
	return false;
}

/* Signals that somebody may send to mocksys and means for the command. */
static const int forwarded_signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM};

static __attribute__((format(printf, 3, 4))) int fail(char **ret_error, int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(ret_error, format, arguments) < 0)
		*ret_error = NULL;
	va_end(arguments);
	return error;
}

/* ---- how things are before: for the command, and for the terminal ---- */

static int take_signals(struct sandbox *sandbox)
{
	sigset_t signals;

	/* A shell's SIG_IGN would take the children's status away. */
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&signals);
	for (size_t i = 0; i < ARRAY_SIZE(forwarded_signals); i++)
		sigaddset(&signals, forwarded_signals[i]);
	sigprocmask(SIG_BLOCK, &signals, &sandbox->signal_mask);
	sandbox->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
	return sandbox->signal_fd < 0 ? -errno : 0;
}

static void note_surroundings(struct sandbox *sandbox)
{
	sandbox->launcher = getpid();
	sandbox->process_group = getpgrp();
	sandbox->launcher_is_root = geteuid() == 0;
	sandbox->umask = umask(0);
	umask(sandbox->umask);
	sandbox->terminal_fd = -1;
	for (int fd = 0; fd < 3 && sandbox->terminal_fd < 0; fd++)
		if (tcgetpgrp(fd) == getpgrp())
			sandbox->terminal_fd = fd;
	if (!sandbox->options.no_pin) {
		int cpu = sched_getcpu();

		CPU_ZERO(&sandbox->cpus);
		CPU_SET(cpu < 0 ? 0 : cpu, &sandbox->cpus);
	}
}

/* A shell that had the terminal to itself gives it back to a process group that it cannot name from its PID namespace. */
static void take_terminal_back(struct sandbox *sandbox)
{
	sigset_t ttou;

	if (sandbox->terminal_fd < 0 || tcgetpgrp(sandbox->terminal_fd) == getpgrp())
		return;
	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	sigprocmask(SIG_BLOCK, &ttou, NULL);
	tcsetpgrp(sandbox->terminal_fd, getpgrp());
}

/* One CPU for server and command: a round trip is 9 microseconds then, and some 60 across two. */
static void pin(struct sandbox *sandbox)
{
	if (!sandbox->options.no_pin)
		sched_setaffinity(0, sizeof(sandbox->cpus), &sandbox->cpus);
}

/* ---- messages of the child ---- */

/* Takes note of a message that may come at any time. */
static int take_note(struct sandbox *sandbox, struct message *message, char **ret_error)
{
	switch (message->kind) {
	case MESSAGE_WARNING:
		fprintf(stderr, "mocksys: %s\n", message->text);
		return 0;
	case MESSAGE_FAILED:
		*ret_error = message->text;
		message->text = NULL;
		return -message->number;
	case MESSAGE_INIT:
		sandbox->init = message->number;
		waitpid(sandbox->child, NULL, 0);
		sandbox->child = 0;
		return 0;
	default:
		return 0;
	}
}

/*
 * Waits for a message of @kind. A signal meanwhile is an end before anything has begun: -EINTR. Not for STARTED, though:
 * the command may be running by then, and gets the signal as soon as it is known.
 */
static int await(struct sandbox *sandbox, enum message_kind kind, struct message *ret_message, char **ret_error)
{
	int signal_fd = kind == MESSAGE_STARTED ? -1 : sandbox->signal_fd;

	for (;;) {
		struct pollfd watched[] = {{.fd = sandbox->sock, .events = POLLIN},
					   {.fd = signal_fd, .events = POLLIN}};
		struct message message;
		int r;

		if (poll(watched, ARRAY_SIZE(watched), -1) < 0 && errno != EINTR)
			return fail(ret_error, -errno, "cannot wait for the sandbox: %s", strerror(errno));
		if (watched[1].revents) {
			struct signalfd_siginfo info;

			if (read(sandbox->signal_fd, &info, sizeof(info)) == sizeof(info))
				sandbox->interrupted = info.ssi_signo;
			return fail(ret_error, -EINTR, "interrupted by a signal: %s", strsignal(info.ssi_signo));
		}
		if (!watched[0].revents)
			continue;
		r = message_receive(sandbox->sock, &message);
		if (r < 0)
			return fail(ret_error, r, "the sandbox ended before the command began (was it killed?)");
		if (message.kind == kind) {
			*ret_message = message;
			return 0;
		}
		r = take_note(sandbox, &message, ret_error);
		message_done(&message);
		if (r < 0)
			return r;
	}
}

static int write_maps(struct sandbox *sandbox, char **ret_error)
{
	struct message unshared;
	const char *file;
	int r = await(sandbox, MESSAGE_UNSHARED, &unshared, ret_error);

	if (r < 0)
		return r;
	message_done(&unshared);
	r = namespaces_write_maps(sandbox->child, sandbox->options.ordinary_user, sandbox->options.uid, &file);
	if (r < 0)
		return fail(ret_error, r, "cannot write /proc/PID/%s of the new user namespace: %s; %s", file,
			    strerror(-r), namespaces_remedy(CLONE_NEWUSER, -r));
	r = message_send(sandbox->sock, &(struct message){.kind = MESSAGE_MAPPED, .fds = {-1, -1}});
	return r < 0 ? fail(ret_error, r, "cannot talk to the sandbox: %s", strerror(-r)) : 0;
}

/* ---- a run ---- */

static int make_child(struct sandbox *sandbox, char **ret_error)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return fail(ret_error, -errno, "cannot make a socket: %s", strerror(errno));
	/* Nothing that is still in a buffer here is to be written twice. */
	fflush(NULL);
	sandbox->child = fork();
	if (sandbox->child < 0) {
		int r = fail(ret_error, -errno, "cannot make a process: %s", strerror(errno));

		sandbox->child = 0;
		close(pair[0]);
		close(pair[1]);
		return r;
	}
	if (sandbox->child == 0) {
		close(pair[0]);
		if (sandbox->options.way != WAY_MOUNT)
			guardian_run(sandbox, pair[1]);
		inside_run(sandbox, pair[1]);
	}
	close(pair[1]);
	sandbox->sock = pair[0];
	return 0;
}

static int await_directory(struct sandbox *sandbox, char **ret_error)
{
	struct message made;
	int r = await(sandbox, MESSAGE_MOUNTABLE, &made, ret_error);

	if (r == 0)
		message_done(&made);
	return r;
}

static int open_sandbox(struct sandbox *sandbox, char **ret_error)
{
	int r = take_signals(sandbox);

	if (r < 0)
		return fail(ret_error, r, "cannot watch signals: %s", strerror(-r));
	r = children_note(sandbox);
	if (r < 0)
		return fail(ret_error, r, "cannot see which processes there are in /proc: %s", strerror(-r));
	note_surroundings(sandbox);
	command_find_preload(sandbox);
	covered_paths_mount_points(sandbox->mount_points);
	if (sandbox->options.way == WAY_MOUNT) {
		r = make_child(sandbox, ret_error);
		return r < 0 ? r : write_maps(sandbox, ret_error);
	}
	r = guardian_choose_directory(sandbox, ret_error);
	if (r < 0)
		return r;
	/* Should the guardian be killed, the command's processes come here. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	r = make_child(sandbox, ret_error);
	if (r < 0)
		return r;
	pin(sandbox);
	return await_directory(sandbox, ret_error);
}

int sandbox_open(const struct sandbox_options *options, struct sandbox **ret_sandbox, char **ret_error)
{
	struct sandbox *sandbox = calloc(1, sizeof(*sandbox));
	int r;

	if (!sandbox)
		return fail(ret_error, -ENOMEM, "out of memory");
	sandbox->options = *options;
	sandbox->sock = sandbox->uevent_fd = sandbox->signal_fd = -1;
	r = open_sandbox(sandbox, ret_error);
	if (r < 0) {
		sandbox_close(sandbox);
		return r;
	}
	*ret_sandbox = sandbox;
	return 0;
}

const char *const *sandbox_mount_points(const struct sandbox *sandbox)
{
	return sandbox->mount_points;
}

const char *sandbox_directory(const struct sandbox *sandbox)
{
	return sandbox->options.way == WAY_PLAIN ? sandbox->directory : sandbox->fake;
}

const char *sandbox_wire_directory(const struct sandbox *sandbox)
{
	return sandbox->options.way != WAY_MOUNT ? sandbox->directory : NULL;
}

int sandbox_interrupted(const struct sandbox *sandbox)
{
	return sandbox->interrupted;
}

int sandbox_fuse_fd(struct sandbox *sandbox, char **ret_error)
{
	struct message message;
	int r = await(sandbox, MESSAGE_MOUNTABLE, &message, ret_error);
	int fd;

	if (r < 0)
		return r;
	fd = take_fd(&message.fds[0]);
	sandbox->uevent_fd = take_fd(&message.fds[1]);
	message_done(&message);
	/* Now, and not before: until here the child worked on another CPU. The server's threads inherit it. */
	pin(sandbox);
	return fd;
}

int sandbox_start(struct sandbox *sandbox, const struct sandbox_machine *machine, char **ret_error)
{
	const char *text = machine->modprobe_config ?: "";
	struct message started;
	int r = message_send(
		sandbox->sock,
		&(struct message){.kind = MESSAGE_GO, .fds = {-1, -1}, .size = strlen(text), .text = (char *)text});

	if (r < 0 && r != -EPIPE) /* then a message says why */
		return fail(ret_error, r, "cannot talk to the sandbox: %s", strerror(-r));
	r = await(sandbox, MESSAGE_STARTED, &started, ret_error);
	if (r < 0)
		return r;
	message_done(&started);
	return 0;
}

static void hand_on_signal(struct sandbox *sandbox)
{
	struct signalfd_siginfo info;

	if (read(sandbox->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	/* What the terminal sends goes to the whole foreground process group, the command included. */
	if (info.ssi_code == SI_KERNEL)
		return;
	message_send(sandbox->sock,
		     &(struct message){.kind = MESSAGE_SIGNAL, .number = info.ssi_signo, .fds = {-1, -1}});
}

/* True when it was the command's status, or tells of it. */
static bool receive_status(struct sandbox *sandbox, int *ret_status)
{
	_cleanup_free_ char *error = NULL;
	struct message message;
	bool ended;

	if (message_receive(sandbox->sock, &message) < 0) {
		/* Who looked after the command is gone, and so is the command: nothing but SIGKILL does that. */
		*ret_status = SIGKILL;
		return true;
	}
	ended = message.kind == MESSAGE_STATUS;
	if (ended)
		*ret_status = message.number;
	else
		take_note(sandbox, &message, &error);
	message_done(&message);
	return ended;
}

int sandbox_wait(struct sandbox *sandbox, int stop_fd, int *ret_status)
{
	struct pollfd watched[] = {{.fd = sandbox->sock, .events = POLLIN},
				   {.fd = sandbox->signal_fd, .events = POLLIN},
				   {.fd = stop_fd, .events = POLLIN}};

	for (;;) {
		if (poll(watched, ARRAY_SIZE(watched), -1) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (watched[1].revents)
			hand_on_signal(sandbox);
		if (watched[0].revents && receive_status(sandbox, ret_status))
			return 0;
		if (watched[2].revents)
			return -ECANCELED;
	}
}

void sandbox_close(struct sandbox *sandbox)
{
	if (!sandbox)
		return;
	/* The child takes that for the end, at whatever it is. Its sibling, the first process inside, gets a nudge. */
	close_descriptor(&sandbox->sock);
	if (sandbox->init)
		kill(sandbox->init, SIGKILL);
	if (sandbox->options.way != WAY_MOUNT) {
		if (sandbox->child)
			waitpid(sandbox->child, NULL, 0);
		guardian_clean_up(sandbox);
	}
	/* Both, even one whose pid was never received. */
	children_end(sandbox, false);
	if (sandbox->launcher)
		take_terminal_back(sandbox);
	close_descriptor(&sandbox->uevent_fd);
	if (sandbox->signal_fd >= 0) {
		close_descriptor(&sandbox->signal_fd);
		sigprocmask(SIG_SETMASK, &sandbox->signal_mask, NULL);
	}
	free(sandbox->strangers);
	free(sandbox);
}

int sandbox_exit_status(int status)
{
	struct rlimit no_core = {0};
	sigset_t one;
	int number;

	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	number = WTERMSIG(status);
	/* The command has dumped its core, if any. */
	setrlimit(RLIMIT_CORE, &no_core);
	signal(number, SIG_DFL);
	sigemptyset(&one);
	sigaddset(&one, number);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	raise(number);
	return 128 + number;
}

void sandbox_uevent(void *sandbox, const char *message, size_t size)
{
	const struct sandbox *self = sandbox;

	/* Nobody listens, or too slowly: the kernel drops its events then, too. */
	if (self->uevent_fd >= 0)
		uevent_socket_send(self->uevent_fd, message, size);
}
