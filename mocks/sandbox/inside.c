/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Way mount, the child's side: from a fork of the launcher to the command.
 *
 * The child itself stays in the launcher's PID namespace while it mounts, so that the pids in FUSE requests are those
 * that the server sees. Then it makes the first process of a new one, as its sibling (the launcher, not the child, is
 * to outlive it), and ends.
 */
#include "sandbox/messages.h"
#include "sandbox/namespaces.h"
#include "sandbox/sandbox-internal.h"
#include "sandbox/uevent-socket.h"
#include "sandbox/util.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static int make_namespace(int sock, int flag, const char *what)
{
	int error;

	if (unshare(flag) == 0)
		return 0;
	error = errno;
	message_failed(sock, error, "cannot make a %s namespace: %s; %s", what, strerror(error),
		       namespaces_remedy(flag, error));
	return -error;
}

/* 0, or -EPIPE when the launcher gave up. */
static int expect(int sock, enum message_kind kind, char **ret_text)
{
	struct message message;
	int r = message_receive(sock, &message);

	if (r < 0)
		return r;
	r = message.kind == kind ? 0 : -EBADMSG;
	if (r == 0 && ret_text) {
		*ret_text = message.text;
		message.text = NULL;
	}
	message_done(&message);
	return r;
}

static int make_namespaces(const struct sandbox *sandbox, int sock)
{
	int r = make_namespace(sock, CLONE_NEWUSER, "user");

	if (r < 0)
		return r;
	message_send(sock, &(struct message){.kind = MESSAGE_UNSHARED, .fds = {-1, -1}});
	/* The rest is made while the launcher writes the maps. */
	r = make_namespace(sock, CLONE_NEWNS, "mount");
	if (r == 0 && !sandbox->options.host_net)
		r = make_namespace(sock, CLONE_NEWNET, "network");
	if (r == 0)
		r = expect(sock, MESSAGE_MAPPED, NULL);
	return r;
}

/* The uevent socket, -1 with the host's network, or -errno. */
static int set_up_network(const struct sandbox *sandbox, int sock)
{
	int fd, r;

	if (sandbox->options.host_net)
		return -1;
	r = namespaces_bring_loopback_up();
	if (r < 0)
		message_warning(sock, "the loopback interface stays down: %s", strerror(-r));
	fd = uevent_socket_open();
	if (fd < 0) {
		message_warning(sock, "no uevents will be sent: cannot make a netlink socket: %s", strerror(-fd));
		return -1;
	}
	return fd;
}

static int mount_fuse(const struct sandbox *sandbox, int sock, struct covering *covering, int uevent_fd)
{
	/* Opened here: it must belong to the user namespace that mounts it. */
	_cleanup_close_ int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	int r;

	if (fd < 0) {
		r = -errno;
		message_failed(
			sock, -r, "cannot open /dev/fuse: %s; %s", strerror(-r),
			r == -ENOENT || r == -ENODEV || r == -ENXIO
				? "load the module fuse (modprobe fuse), or give the container --device /dev/fuse"
				: "let this user read and write it");
		return r;
	}
	r = covering_mount_fuse(covering, fd);
	if (r < 0)
		return r;
	return message_send(sock, &(struct message){.kind = MESSAGE_MOUNTABLE, .fds = {fd, uevent_fd}});
}

/* A fork whose parent is this process's parent, in a new PID namespace. */
static pid_t fork_sibling_in_new_pid_namespace(void)
{
	return syscall(SYS_clone, CLONE_NEWPID | CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
}

static _Noreturn void run_init(const struct sandbox *sandbox, int sock, struct covering *covering)
{
	struct pollfd launcher = {.fd = sock};

	/*
	 * getppid() is 0 in here; the socket tells whether the launcher has died before the call. After it, SIGKILL to
	 * this process is SIGKILL to everything in the namespace.
	 */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (poll(&launcher, 1, 0) > 0 && launcher.revents & (POLLHUP | POLLERR))
		_exit(EXIT_FAILURE);
	prctl(PR_SET_NAME, "mocksys-init");
	if (covering_proc(covering) < 0)
		_exit(EXIT_FAILURE);
	keeper_run(sandbox, sock, covering->proc_modules);
	_exit(EXIT_SUCCESS);
}

/* A working directory below a covered path is the covered one from now on. */
static void enter_again(const char *directory)
{
	if (directory && chdir(directory) < 0)
		/* It is not there in the sandbox: as if it had been removed meanwhile. */
		return;
}

static int run(const struct sandbox *sandbox, int sock)
{
	struct covering covering;
	_cleanup_free_ char *modprobe_config = NULL, *directory = getcwd(NULL, 0);
	_cleanup_close_ int uevent_fd = -1;
	const struct sandbox_options *options = &sandbox->options;
	pid_t init;
	int r;

	if (!die_with(sandbox->launcher))
		return -EPIPE;
	r = make_namespaces(sandbox, sock);
	if (r < 0)
		return r;
	/* The kernel clears it when a process's rights change. */
	if (!die_with(sandbox->launcher))
		return -EPIPE;
	umask(0);
	uevent_fd = set_up_network(sandbox, sock);
	r = covering_prepare(&covering, sock, sandbox->launcher_is_root,
			     options->ordinary_user ? options->uid : geteuid(),
			     options->ordinary_user ? options->uid : getegid());
	if (r == 0)
		r = mount_fuse(sandbox, sock, &covering, uevent_fd);
	close_descriptor(&uevent_fd);
	if (r == 0)
		r = covering_synthesise(&covering);
	if (r == 0)
		r = expect(sock, MESSAGE_GO, &modprobe_config);
	if (r == 0 && !options->no_pin)
		sched_setaffinity(0, sizeof(sandbox->cpus), &sandbox->cpus);
	if (r == 0)
		r = covering_finish(&covering, *modprobe_config ? modprobe_config : NULL);
	if (r < 0)
		return r;
	enter_again(directory);

	init = fork_sibling_in_new_pid_namespace();
	if (init == 0)
		run_init(sandbox, sock, &covering);
	if (init < 0) {
		message_failed(sock, errno, "cannot make a PID namespace: %s; %s", strerror(errno),
			       namespaces_remedy(CLONE_NEWPID, errno));
		return -errno;
	}
	return message_send(sock, &(struct message){.kind = MESSAGE_INIT, .number = init, .fds = {-1, -1}});
}

_Noreturn void inside_run(const struct sandbox *sandbox, int sock)
{
	_exit(run(sandbox, sock) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}
