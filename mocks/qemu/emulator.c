/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qemu/emulator.h"
#include "qemu/protocol.h"
#include "qemu/util.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* Both ends: ours, and the emulator's. */
enum { CONTROL, INPUT, CONSOLE, ERRORS, N_CHANNELS };

static int open_channels(int ours[N_CHANNELS], int theirs[N_CHANNELS])
{
	for (int i = 0; i < N_CHANNELS; i++)
		ours[i] = theirs[i] = -1;
	for (int i = 0; i < N_CHANNELS; i++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
			return -errno;
		ours[i] = pair[0];
		theirs[i] = pair[1];
	}
	return 0;
}

static void close_channels(int channels[N_CHANNELS])
{
	for (int i = 0; i < N_CHANNELS; i++)
		close_descriptor(&channels[i]);
}

static void add_words(struct words *arguments, const char *const *words)
{
	for (; *words; words++)
		words_add(arguments, "%s", *words);
}

static void add_port(struct words *arguments, const char *name, int fd)
{
	words_add(arguments, "-chardev");
	words_add(arguments, "socket,id=%s,fd=%d", name, fd);
	words_add(arguments, "-device");
	words_add(arguments, "virtserialport,bus=ports.0,chardev=%s,name=%s", name, name);
}

/*
 * Linux changes its own code while other processors run it (jump labels, behind an int3). QEMU's threads do not always see
 * the end of that in time, and the guest panics or hangs at that int3; one thread for all processors always does.
 */
#define DEFAULT_ACCELERATOR "tcg,thread=single"

static void build_arguments(const struct emulator_options *options, const int theirs[N_CHANNELS],
			    struct words *arguments)
{
	static const char *const fixed[] = {
		"-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-cpu", "max", "-smp", "2", NULL,
	};
	unsigned slot = options->helpers_slot;

	words_add(arguments, "%s", options->qemu);
	add_words(arguments, fixed);
	words_add(arguments, "-accel");
	words_add(arguments, "%s", getenv("MOCKSYS_QEMU_ACCEL") ?: DEFAULT_ACCELERATOR);
	words_add(arguments, "-m");
	words_add(arguments, "%s", getenv("MOCKSYS_QEMU_MEMORY") ?: "1024");
	add_words(arguments, (const char *const *)options->devices->all);

	words_add(arguments, "-device");
	words_add(arguments, "virtio-serial-pci,id=ports,bus=pcie.0,addr=%x.0,multifunction=on,disable-legacy=on",
		  slot);
	add_port(arguments, PORT_CONTROL, theirs[CONTROL]);
	add_port(arguments, PORT_INPUT, theirs[INPUT]);
	words_add(arguments, "-fsdev");
	words_add(arguments, "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap");
	words_add(arguments, "-device");
	words_add(arguments,
		  "virtio-9p-pci,fsdev=host,mount_tag=" TAG_HOST_ROOT ",bus=pcie.0,addr=%x.1,disable-legacy=on", slot);
	words_add(arguments, "-chardev");
	words_add(arguments, "socket,id=console,fd=%d", theirs[CONSOLE]);
	words_add(arguments, "-serial");
	words_add(arguments, "chardev:console");

	words_add(arguments, "-kernel");
	words_add(arguments, "%s", options->kernel);
	words_add(arguments, "-initrd");
	words_add(arguments, "/dev/fd/%d", options->initial_files);
	words_add(arguments, "-append");
	words_add(arguments, "%s", options->command_line);
}

static void keep_open(int fd)
{
	fcntl(fd, F_SETFD, 0);
}

static _Noreturn void execute(const struct emulator_options *options, const int theirs[N_CHANNELS], char **arguments,
			      pid_t parent)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	/* Whoever kills the launcher, even by SIGKILL, ends the emulator; what a terminal sends does not reach it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	for (int i = 0; i < ERRORS; i++)
		keep_open(theirs[i]);
	keep_open(options->initial_files);
	dup2(null, STDIN_FILENO);
	dup2(theirs[ERRORS], STDOUT_FILENO);
	dup2(theirs[ERRORS], STDERR_FILENO);
	execvp(arguments[0], arguments);
	dprintf(STDERR_FILENO, "%s: %s (package qemu-system-x86)\n", arguments[0], strerror(errno));
	_exit(127);
}

int emulator_start(const struct emulator_options *options, struct emulator *emulator, char **ret_error)
{
	_cleanup_(words_free) struct words arguments = {0};
	int ours[N_CHANNELS], theirs[N_CHANNELS];
	pid_t parent = getpid();
	int r = open_channels(ours, theirs);

	if (r == 0) {
		build_arguments(options, theirs, &arguments);
		r = arguments.failed ? -ENOMEM : 0;
	}
	if (r == 0) {
		emulator->pid = fork();
		r = emulator->pid < 0 ? -errno : 0;
	}
	if (r == 0 && emulator->pid == 0)
		execute(options, theirs, arguments.all, parent);
	close_channels(theirs);
	if (r == 0) {
		emulator->pidfd = pidfd_open(emulator->pid, 0);
		emulator->control = ours[CONTROL];
		emulator->input = ours[INPUT];
		emulator->console = ours[CONSOLE];
		emulator->errors = ours[ERRORS];
		return 0;
	}
	close_channels(ours);
	return fail(ret_error, r, "cannot start QEMU: %s", strerror(-r));
}

void emulator_stop(struct emulator *emulator)
{
	if (!emulator->pid)
		return;
	/* All that it holds is memory. */
	kill(emulator->pid, SIGKILL);
	while (waitpid(emulator->pid, NULL, 0) < 0 && errno == EINTR)
		;
	close_descriptor(&emulator->pidfd);
	close_descriptor(&emulator->control);
	close_descriptor(&emulator->input);
	close_descriptor(&emulator->console);
	close_descriptor(&emulator->errors);
	emulator->pid = 0;
}
