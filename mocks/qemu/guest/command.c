/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command, and what goes between it and the launcher. */
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* As shells and env(1) have it. */
enum { EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127 };

enum { OUTPUT, ERROR, N_OUTPUTS };

struct command {
	pid_t pid;
	int terminal;            /* the master's descriptor, or -1 */
	int input;               /* what the command reads from, our end; -1: it wants no more */
	int outputs[N_OUTPUTS];  /* -1: nobody writes to it any more */
	char pending[FRAME_MAX]; /* for @input */
	size_t n_pending, n_written;
	uint32_t coming; /* bytes of the launcher's piece that were not read yet */
};

static void become_user(const char *uid)
{
	uid_t id = (uid_t)strtoul(uid, NULL, 10);

	if (setgroups(0, NULL) < 0 || setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0) {
		fprintf(stderr, "mocksys: cannot become user %s: %s\n", uid, strerror(errno));
		_exit(EXIT_CANNOT_RUN);
	}
}

static _Noreturn void execute(void)
{
	const char *directory = spec_next("cwd", NULL), *mask = spec_next("umask", NULL), *uid = spec_next("uid", NULL);
	char **arguments = spec_all("argument");
	sigset_t none;
	int error;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	environ = spec_all("environment");
	umask((mode_t)strtoul(mask, NULL, 8));
	if (uid)
		become_user(uid);
	if (chdir(directory) < 0)
		fprintf(stderr, "mocksys: %s: %s\n", directory, strerror(errno));
	execvp(arguments[0], arguments);
	error = errno;
	fprintf(stderr, "mocksys: cannot run '%s': %s\n", arguments[0], strerror(error));
	_exit(error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN);
}

/* ---- with pipes ---- */

static void start_with_pipes(struct command *command)
{
	bool merge = spec_next("merge", NULL);
	int in[2], out[2], err[2];

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
		give_up("cannot make a pipe: %s", strerror(errno));
	command->pid = fork();
	if (command->pid < 0)
		give_up("cannot fork: %s", strerror(errno));
	if (command->pid == 0) {
		setsid();
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		dup2(merge ? out[1] : err[1], STDERR_FILENO);
		execute();
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	command->terminal = -1;
	command->input = in[1];
	command->outputs[OUTPUT] = out[0];
	command->outputs[ERROR] = err[0];
}

/* ---- with a terminal ---- */

static void resize(const struct command *command, uint16_t rows, uint16_t columns)
{
	if (command->terminal >= 0)
		ioctl(command->terminal, TIOCSWINSZ, &(struct winsize){.ws_row = rows, .ws_col = columns});
}

static void start_with_terminal(struct command *command, const char *size)
{
	unsigned rows = 24, columns = 80;
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	char name[64];

	if (master < 0 || unlockpt(master) < 0 || ptsname_r(master, name, sizeof(name)) != 0)
		give_up("cannot make a terminal: %s", strerror(errno));
	command->terminal = command->input = command->outputs[OUTPUT] = master;
	command->outputs[ERROR] = -1;
	sscanf(size, "%u %u", &rows, &columns);
	resize(command, (uint16_t)rows, (uint16_t)columns);
	command->pid = fork();
	if (command->pid < 0)
		give_up("cannot fork: %s", strerror(errno));
	if (command->pid == 0) {
		int slave;

		setsid();
		slave = open(name, O_RDWR); /* becomes the controlling terminal */
		for (int fd = 0; fd < 3; fd++)
			dup2(slave, fd);
		if (slave > 2)
			close(slave);
		execute();
	}
}

/* ---- between both ---- */

/* False: there is nothing now, or nothing any more. */
static bool pass_output(struct command *command, int control, int which)
{
	int *fd = &command->outputs[which];
	char data[FRAME_MAX];
	ssize_t n = read(*fd, data, sizeof(data));

	if (n > 0) {
		port_send(control, which == OUTPUT ? FRAME_OUTPUT : FRAME_ERROR, data, (size_t)n);
		return true;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	/* A terminal says EIO when nobody has it open: somebody may yet. */
	if (*fd != command->terminal)
		close(*fd);
	*fd = -1;
	return false;
}

static void end_input(struct command *command)
{
	if (command->input >= 0 && command->input != command->terminal)
		close(command->input);
	command->input = -1;
}

static bool read_all(int fd, void *data, size_t size)
{
	for (char *to = data; size;) {
		ssize_t n = read(fd, to, size);

		if (n <= 0)
			return false;
		to += n;
		size -= (size_t)n;
	}
	return true;
}

/* False when nothing came: the end of the input is one reason. */
static bool receive_input(struct command *command, int *input)
{
	size_t size;
	ssize_t n;

	if (!command->coming && (!read_all(*input, &command->coming, sizeof(command->coming)) || !command->coming)) {
		*input = -1;
		end_input(command);
		return false;
	}
	size = command->coming < sizeof(command->pending) ? command->coming : sizeof(command->pending);
	n = read(*input, command->pending, size);
	if (n <= 0)
		return false;
	command->coming -= (uint32_t)n;
	command->n_pending = (size_t)n;
	command->n_written = 0;
	return true;
}

static void pass_input(struct command *command, int *input)
{
	ssize_t n;

	if (command->n_pending == command->n_written && !receive_input(command, input))
		return;
	if (command->input < 0) { /* it wants no input */
		command->n_written = command->n_pending;
		return;
	}
	n = write(command->input, command->pending + command->n_written, command->n_pending - command->n_written);
	if (n > 0) {
		command->n_written += (size_t)n;
	} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
		end_input(command);
		command->n_written = command->n_pending;
	}
}

/* sysrq: the tasks that wait uninterruptibly, and where each processor is. */
static void tell_all(void)
{
	static const char *const keys[] = {"9", "w", "l"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		write_file("/proc/sysrq-trigger", keys[i]);
}

static void obey(const struct command *command, int control)
{
	struct frame frame;
	union {
		int32_t number;
		uint16_t size[2];
	} data;

	if (!read_all(control, &frame, sizeof(frame)) || frame.size > sizeof(data) ||
	    !read_all(control, &data, frame.size))
		return;
	if (frame.kind == FRAME_SIGNAL)
		kill(-command->pid, data.number);
	else if (frame.kind == FRAME_RESIZE)
		resize(command, data.size[0], data.size[1]);
	else if (frame.kind == FRAME_ASK)
		port_send(control, FRAME_ALIVE, "", 0);
	else if (frame.kind == FRAME_TELL)
		tell_all();
}

/* Its wait status when it was the command that ended, or -1. */
static int reap(const struct command *command, int signals)
{
	struct signalfd_siginfo info;
	int status, result = -1;
	pid_t pid;

	while (read(signals, &info, sizeof(info)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == command->pid)
			result = status;
	return result;
}

static int watch_children(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void set_nonblocking(int fd)
{
	if (fd >= 0)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static int serve(struct command *command, int control, int input, int signals)
{
	int status = -1;

	while (status < 0) {
		/* Input is only taken from the launcher when the command has room for it. */
		bool room = command->n_written == command->n_pending;
		struct pollfd watched[] = {
			{.fd = signals, .events = POLLIN},
			{.fd = control, .events = POLLIN},
			{.fd = command->outputs[OUTPUT], .events = POLLIN},
			{.fd = command->outputs[ERROR], .events = POLLIN},
			{.fd = room ? input : -1, .events = POLLIN},
			{.fd = room ? -1 : command->input, .events = POLLOUT},
		};

		if (poll(watched, sizeof(watched) / sizeof(*watched), -1) < 0)
			continue;
		if (watched[1].revents & POLLIN)
			obey(command, control);
		if (watched[2].revents)
			pass_output(command, control, OUTPUT);
		if (watched[3].revents)
			pass_output(command, control, ERROR);
		if (watched[4].revents || watched[5].revents)
			pass_input(command, &input);
		if (watched[0].revents)
			status = reap(command, signals);
	}
	return status;
}

_Noreturn void command_run(int control, int input)
{
	const char *terminal = spec_next("terminal", NULL);
	struct command command = {0};
	int signals = watch_children(), status;
	int32_t number;

	if (terminal)
		start_with_terminal(&command, terminal);
	else
		start_with_pipes(&command);
	port_send(control, FRAME_STARTED, "", 0);
	set_nonblocking(command.input);
	set_nonblocking(command.outputs[OUTPUT]);
	set_nonblocking(command.outputs[ERROR]);
	status = serve(&command, control, input, signals);
	for (int i = 0; i < N_OUTPUTS; i++)
		while (command.outputs[i] >= 0 && pass_output(&command, control, i))
			;
	number = status;
	port_send(control, FRAME_STATUS, &number, sizeof(number));
	for (;;)
		pause(); /* the launcher pulls the plug */
}
