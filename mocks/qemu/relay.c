/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qemu/relay.h"
#include "qemu/protocol.h"
#include "qemu/util.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>

/* So often asks who sends SIGINT or SIGTERM before the machine is taken away from a command that does not obey. */
#define PATIENCE 3
#define KEPT 8000
/* A guest that runs is asked every so many milliseconds whether it still does; so many questions it may leave open. */
#define INTERVAL 10000
#define MAX_OPEN_QUESTIONS 9

/* The end of what somebody said, for when it goes wrong. */
struct tail {
	char text[KEPT];
	size_t size;
};

struct relay {
	int signal_fd;
	sigset_t mask; /* before */
	void (*pipe_handler)(int);
	struct relay_options options;
	bool terminal;           /* its settings are ours */
	struct termios settings; /* before */
	struct tail console, errors;
	struct emulator *emulator;
	bool started;            /* the command runs */
	long long end;           /* of the time it has to come up, in milliseconds */
	unsigned open_questions; /* to the guest */
	unsigned asked;          /* by somebody, to end */
	char pending[FRAME_MAX]; /* a piece of input, with its size */
	size_t n_pending, n_written;
	bool input_ended;
	bool ended, late, stopped;
	int status;
	char *failure;
};

static const int handed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH};

static long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

int relay_open(const struct relay_options *options, struct relay **ret_relay)
{
	struct relay *relay = calloc(1, sizeof(*relay));
	sigset_t set;

	if (!relay)
		return -ENOMEM;
	relay->options = *options;
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(handed_on); i++)
		sigaddset(&set, handed_on[i]);
	relay->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (relay->signal_fd < 0) {
		free(relay);
		return -errno;
	}
	sigprocmask(SIG_BLOCK, &set, &relay->mask);
	relay->pipe_handler = signal(SIGPIPE, SIG_IGN);
	if (options->terminal && tcgetattr(STDIN_FILENO, &relay->settings) == 0) {
		struct termios raw = relay->settings;

		cfmakeraw(&raw);
		tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
		relay->terminal = true;
	}
	*ret_relay = relay;
	return 0;
}

void relay_close(struct relay *relay)
{
	if (!relay)
		return;
	if (relay->terminal)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &relay->settings);
	close_descriptor(&relay->signal_fd);
	signal(SIGPIPE, relay->pipe_handler);
	sigprocmask(SIG_SETMASK, &relay->mask, NULL);
	free(relay->failure);
	free(relay);
}

/* ---- to the guest ---- */

static void tell(struct relay *relay, enum frame_kind kind, const void *data, size_t size)
{
	struct {
		struct frame frame;
		char data[8];
	} message = {.frame = {kind, (uint32_t)size}};

	memcpy(message.data, data, size);
	/* A guest that takes nothing any more is found out by its end. */
	if (send(relay->emulator->control, &message, sizeof(message.frame) + size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return;
}

static void tell_signal(struct relay *relay, int number)
{
	int32_t value = number;

	tell(relay, FRAME_SIGNAL, &value, sizeof(value));
}

static void tell_size(struct relay *relay)
{
	struct winsize size;

	if (relay->terminal && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		tell(relay, FRAME_RESIZE, (uint16_t[]){size.ws_row, size.ws_col}, 2 * sizeof(uint16_t));
}

static void end_by(struct relay *relay, int number)
{
	relay->ended = true;
	relay->status = number;
}

static void stop_by(struct relay *relay, int number)
{
	relay->stopped = true;
	end_by(relay, number);
}

static void take_signal(struct relay *relay)
{
	struct signalfd_siginfo info;

	if (read(relay->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH) {
		tell_size(relay);
		return;
	}
	if (info.ssi_signo == SIGINT || info.ssi_signo == SIGTERM)
		relay->asked++;
	/* Why it does not obey may be of use to whoever reads the end of the console. */
	if (relay->started && relay->asked == PATIENCE - 1)
		tell(relay, FRAME_TELL, "", 0);
	if (!relay->started || relay->asked >= PATIENCE)
		stop_by(relay, (int)info.ssi_signo);
	else
		tell_signal(relay, (int)info.ssi_signo);
}

/* In the background, reading from the terminal would stop this process. */
static bool may_read(void)
{
	pid_t group = tcgetpgrp(STDIN_FILENO);

	return group < 0 || group == getpgrp();
}

static void read_input(struct relay *relay)
{
	uint32_t size;
	ssize_t n = read(STDIN_FILENO, relay->pending + sizeof(size), sizeof(relay->pending) - sizeof(size));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	size = n > 0 ? (uint32_t)n : 0;
	relay->input_ended = size == 0;
	memcpy(relay->pending, &size, sizeof(size));
	relay->n_pending = sizeof(size) + size;
	relay->n_written = 0;
}

static void send_input(struct relay *relay)
{
	ssize_t n = send(relay->emulator->input, relay->pending + relay->n_written, relay->n_pending - relay->n_written,
			 MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n > 0)
		relay->n_written += (size_t)n;
	else if (errno != EAGAIN && errno != EINTR)
		relay->n_written = relay->n_pending; /* the machine is at its end, which another channel tells */
}

/* ---- from the guest ---- */

/* Signals are heard while the reader of the output is slow. */
static void put_out(struct relay *relay, int fd, const char *data, size_t size)
{
	while (size && !relay->ended) {
		struct pollfd watched[] = {{.fd = fd, .events = POLLOUT}, {.fd = relay->signal_fd, .events = POLLIN}};
		ssize_t n;

		if (poll(watched, ARRAY_SIZE(watched), -1) < 0)
			continue;
		if (watched[1].revents)
			take_signal(relay);
		if (!watched[0].revents)
			continue;
		n = write(fd, data, size < PIPE_BUF ? size : PIPE_BUF); /* what a pipe that is ready takes at once */
		if (n < 0 && errno == EPIPE)
			tell_signal(relay, SIGPIPE);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return;
		if (n > 0) {
			data += n;
			size -= (size_t)n;
		}
	}
}

static bool receive(int fd, void *data, size_t size)
{
	for (char *to = data; size;) {
		ssize_t n = recv(fd, to, size, MSG_WAITALL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		to += n;
		size -= (size_t)n;
	}
	return true;
}

static void take_frame(struct relay *relay)
{
	int fd = relay->emulator->control;
	char data[FRAME_MAX + 1];
	struct frame frame;
	int32_t number;

	if (!receive(fd, &frame, sizeof(frame)) || frame.size > FRAME_MAX || !receive(fd, data, frame.size)) {
		end_by(relay, -1);
		return;
	}
	relay->open_questions = 0;
	switch (frame.kind) {
	case FRAME_STARTED:
		relay->started = true;
		tell_size(relay);
		break;
	case FRAME_OUTPUT:
		put_out(relay, STDOUT_FILENO, data, frame.size);
		break;
	case FRAME_ERROR:
		put_out(relay, STDERR_FILENO, data, frame.size);
		break;
	case FRAME_STATUS:
		memcpy(&number, data, sizeof(number));
		end_by(relay, number);
		break;
	case FRAME_FAILED:
		data[frame.size] = '\0';
		relay->failure = strdup(data);
		end_by(relay, -1);
		break;
	}
}

static void keep(int *fd, struct tail *tail, FILE *file)
{
	char data[1024];
	ssize_t n = recv(*fd, data, sizeof(data), MSG_DONTWAIT);
	size_t size = n > 0 ? (size_t)n : 0, room = sizeof(tail->text) - size;

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		close_descriptor(fd);

	if (file) {
		fwrite(data, 1, size, file);
		fflush(file); /* whoever waits for this process may kill it */
	}
	if (tail->size > room) {
		memmove(tail->text, tail->text + tail->size - room, room);
		tail->size = room;
	}
	memcpy(tail->text + tail->size, data, size);
	tail->size += size;
}

static int explain(const struct relay *relay, char **ret_error)
{
	/* Too late? Started? */
	static const char *const outcomes[2][2] = {
		{"the guest did not come up", "the machine ended under the command"},
		{"the guest did not come up in time", "the machine hangs: it does not answer any more"},
	};

	if (relay->failure)
		return fail(ret_error, -EIO, "the guest: %s", relay->failure);
	if (!relay->started && !relay->late && relay->errors.size && !relay->console.size)
		return fail(ret_error, -EOPNOTSUPP, "QEMU cannot run: %.*s", (int)relay->errors.size - 1,
			    relay->errors.text);
	return fail(ret_error, relay->started ? -EIO : -EAGAIN, "%s. Its last words:\n%.*s%.*s",
		    outcomes[relay->late][relay->started], (int)relay->console.size, relay->console.text,
		    (int)relay->errors.size, relay->errors.text);
}

/* ---- a guest that hangs ---- */

/* For poll(). */
static int patience(const struct relay *relay)
{
	long long left = relay->end - now();

	if (!relay->options.seconds)
		return -1;
	return relay->started ? INTERVAL : left < 0 ? 0 : (int)left;
}

/* Nothing happened for that long. (Questions are counted, and not the time: this process may have been stopped.) */
static void doubt(struct relay *relay)
{
	if (relay->started && relay->open_questions < MAX_OPEN_QUESTIONS) {
		relay->open_questions++;
		tell(relay, FRAME_ASK, "", 0);
	} else {
		relay->late = true;
		end_by(relay, -1);
	}
}

/* A command that had to be stopped by force, or a machine that was not ready yet, may have said why. */
static void show_console(const struct relay *relay)
{
	if (relay->status > 0 && relay->stopped && relay->console.size)
		fprintf(stderr, "mocksys: way qemu: stopped %s. The end of its console:\n%.*s",
			relay->started ? "under the command" : "before the command began", (int)relay->console.size,
			relay->console.text);
}

int relay_run(struct relay *relay, struct emulator *emulator, int *ret_status, char **ret_error)
{
	relay->emulator = emulator;
	relay->end = now() + relay->options.seconds * 1000LL;
	while (!relay->ended) {
		bool filled = relay->n_written < relay->n_pending, open = relay->started && !relay->input_ended;
		struct pollfd watched[] = {
			{.fd = relay->signal_fd, .events = POLLIN},
			{.fd = emulator->control, .events = POLLIN},
			{.fd = emulator->console, .events = POLLIN},
			{.fd = emulator->errors, .events = POLLIN},
			{.fd = open && !filled && may_read() ? STDIN_FILENO : -1, .events = POLLIN},
			{.fd = filled ? emulator->input : -1, .events = POLLOUT},
		};
		int n;

		n = poll(watched, ARRAY_SIZE(watched), patience(relay));
		if (n < 0)
			continue;
		if (n == 0 || (relay->options.seconds && !relay->started && now() > relay->end))
			doubt(relay);
		if (watched[0].revents)
			take_signal(relay);
		if (watched[2].revents)
			keep(&emulator->console, &relay->console, relay->options.console);
		if (watched[3].revents)
			keep(&emulator->errors, &relay->errors, NULL);
		if (watched[4].revents)
			read_input(relay);
		if (watched[5].revents)
			send_input(relay);
		/* The emulator's other words come before its end. */
		if (watched[1].revents && !watched[2].revents && !watched[3].revents)
			take_frame(relay);
	}
	if (relay->status == -1)
		return explain(relay, ret_error);
	show_console(relay);
	*ret_status = relay->status;
	return 0;
}
