/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs a command where it meets the fake and cannot change the host.
 *
 * The caller serves the file system; it stays outside of all namespaces. One run is
 *
 *	sandbox_open()        the child is on its way
 *	sandbox_fuse_fd()     way mount: what to serve; or sandbox_directory(), the other ways: where to serve
 *	                      … the caller starts to serve, on another thread …
 *	sandbox_start()       the command runs
 *	sandbox_wait()        until it has ended
 *	                      … the caller stops to serve: that frees whoever still waits for an answer …
 *	sandbox_close()       returns when nothing is left
 *
 * and every function but the first may fail and must then be followed by the last.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct sandbox;

enum way { WAY_MOUNT, WAY_SHIM, WAY_PLAIN };

struct sandbox_options {
	enum way way;
	const char *release; /* uname -r */
	bool host_net;       /* no network namespace of its own, so no uevents */
	bool no_pin;         /* server and command run on any CPU */
	bool ordinary_user;  /* the command runs as @uid, which is not 0 */
	uid_t uid;
	char *const *command; /* argv, NULL-terminated */
};

/* What is known only once the machine is loaded. */
struct sandbox_machine {
	const char *modprobe_config; /* text of /etc/modprobe.d/mocksys.conf, or NULL */
};

/*
 * Makes the child that will become the command, and the namespaces. To be called by the main thread of a process that
 * has no other, which must live as long as the sandbox (its end is the command's).
 * Returns 0 and *ret_sandbox, or -errno with one line that says why and what to do in *ret_error (malloc'd).
 */
int sandbox_open(const struct sandbox_options *options, struct sandbox **ret_sandbox, char **ret_error);

/* Paths below the fake's root ("sys/fs") where it needs an empty directory for the host's own to be seen. NULL-terminated. */
const char *const *sandbox_mount_points(const struct sandbox *sandbox);

/* Way mount: the open and mounted /dev/fuse, which the caller takes over. A descriptor, or -errno and *ret_error. */
int sandbox_fuse_fd(struct sandbox *sandbox, char **ret_error);
/* Way shim: the private directory to mount the fake on; way plain: the one to make it in. */
const char *sandbox_directory(const struct sandbox *sandbox);

/*
 * Where the server's sockets (wire/protocol.h) are to be for the shim to find them; NULL: it needs none, for uevents go
 * by the sandbox's network.
 */
const char *sandbox_wire_directory(const struct sandbox *sandbox);

/* Runs the command. The file system is being served by now. 0, or -errno and *ret_error. */
int sandbox_start(struct sandbox *sandbox, const struct sandbox_machine *machine, char **ret_error);

/* The signal because of which one of these returned -EINTR, or 0. */
int sandbox_interrupted(const struct sandbox *sandbox);

/*
 * Waits for the command, handing signals on to it, or until @stop_fd (-1: none) can be read. 0 and its wait status in
 * *ret_status; -ECANCELED for @stop_fd; -errno. Processes that the command left may still be there.
 */
int sandbox_wait(struct sandbox *sandbox, int stop_fd, int *ret_status);

/* Ends what is left of the command and returns when it is gone. May be NULL. */
void sandbox_close(struct sandbox *sandbox);

/* Ends this process as the command ended: returns its exit status, or dies of its signal. */
int sandbox_exit_status(int status);

/*
 * Announces a uevent (struct kernel_host's callback; @sandbox is a struct sandbox) in the sandbox's network namespace.
 * Without one of its own it does nothing: the host's udev would act on it.
 */
void sandbox_uevent(void *sandbox, const char *message, size_t size);

/* "mount", "shim", "plain"; false for any other name. */
bool way_parse(const char *name, enum way *ret_way);
const char *way_name(enum way way);
