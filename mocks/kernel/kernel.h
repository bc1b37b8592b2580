/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fake kernel as the rest of mocks/ sees it: boot a machine, enter it as a client, read and write its nodes
 * (kernfs.h), reset it, end it.
 *
 * There is one model lock. Every function here and in kernfs.h wants it held (kernel_lock) unless it says otherwise.
 * A store may drop it while it waits (for a modelled lock, a delay, a hold); everything else keeps it.
 */
#pragma once

#include "machine.h"

#include <stddef.h>
#include <sys/types.h>

struct kernel;

/* Who is calling: set for the thread with kernel_enter(), read by step() for the trace and by permission checks. */
struct client {
	pid_t pid; /* 0: the model itself */
	uid_t uid;
	gid_t gid;
	char actor[32]; /* MOCKSYS_ACTOR, or the pid in decimal */
	/* A signal waits for the client (kernel_interrupt()); NULL: that is never known. */
	const bool *interrupted;
};

/* A file that is served as it is: /lib/modules/<release>/…. Path is relative to the root of the tree. */
struct kernel_file {
	const char *path; /* "lib/modules/6.12.1/modules.alias" */
	const void *data;
	size_t size;
	unsigned mode;
};

/* What the model asks of its surroundings. Every member may be NULL or 0. */
struct kernel_host {
	void *context;
	/* One uevent, without SEQNUM, as `action@devpath\0KEY=value\0…`: called in order, with the model lock held; must not wait. */
	void (*uevent)(void *context, const char *message, size_t size);
	/* A rule wants the client's process killed: with SIGKILL, now. With the model lock held; must not wait. */
	void (*kill)(void *context, pid_t pid);
	/* What the client's program is called, as ps(1) says it (16 bytes at most), for the kernel's log. */
	void (*name)(void *context, pid_t pid, char *comm);
	/* The present state as a machine fixture (malloc'd text), for the control file `state`. @snapshot is valid during the call. */
	char *(*format_machine)(void *context, const struct machine *snapshot);
	/* The model of devices called @name, which must outlive the kernel; NULL: there is none. With the model lock held. */
	const struct device_model *(*find_model)(void *context, const char *name);
	const struct kernel_file *files;
	size_t n_files;
	const char *const
		*mount_points; /* NULL-terminated paths ("sys/fs"): empty directories for the sandbox to mount over */
};

/*
 * Boots @machine. @profile NULL: the machine's own. Called without the lock.
 * Returns 0 and *ret_kernel, or -errno with *ret_error (malloc'd, one line: device, driver, reason) when the machine
 * cannot come up as described. @machine and @host's arrays must outlive the kernel.
 */
int kernel_new(const struct machine *machine, const char *profile, const struct kernel_host *host,
	       struct kernel **ret_kernel, char **ret_error);
/* Ends it: every pending store completes with -ENODEV first. Called without the lock, by a thread that is in no store. */
void kernel_free(struct kernel *k);

void kernel_lock(struct kernel *k);
void kernel_unlock(struct kernel *k);

/* Sets the `interrupted` of a client that may be waiting. */
void kernel_interrupt(struct kernel *k, bool *interrupted);

/* Makes the calling thread act for @client (copied) until the next call; NULL: the model itself. Needs no lock. */
void kernel_enter(const struct client *client);

/* The machine as at its start; pending stores of others complete with -EIO. May wait for them (drops the lock). */
int kernel_reset(struct kernel *k);
/* Completes all pending stores (with -ENODEV) and lets no later one wait: the server is about to end. */
void kernel_abort(struct kernel *k);

/*
 * init_module(2), delete_module(2): 0 or -errno. @name with either spelling. Dependencies must be loaded, as for the real
 * calls. @parameters: `NAME=VALUE ...`.
 */
int kernel_init_module(struct kernel *k, const char *name, const char *parameters);
int kernel_delete_module(struct kernel *k, const char *name);
/* modprobe: dependencies, the module, its soft dependencies. */
int kernel_modprobe(struct kernel *k, const char *name);

/* Takes the oldest uevent not yet taken (malloc'd into *ret_message): its size, or 0 when there is none. For tests. */
size_t kernel_next_uevent(struct kernel *k, char **ret_message);
/* The trace so far, as the control file shows it (malloc'd). */
char *kernel_trace(struct kernel *k);
/* Fault rules that never fired, of those that nobody cleared, one a line (malloc'd). */
char *kernel_unfired_rules(struct kernel *k);
