/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of this folder share. */
#pragma once

#include "sandbox/covered-paths.h"
#include "sandbox/sandbox.h"

#include <limits.h>
#include <sched.h>
#include <signal.h>

struct sandbox {
	struct sandbox_options options;
	pid_t launcher;
	pid_t process_group;
	bool launcher_is_root;
	pid_t child;      /* makes the namespaces (mount) or looks after the command (shim, plain); 0: gone */
	pid_t *strangers; /* children that this process had before, as after an exec(2) of its shell */
	size_t n_strangers;
	pid_t init; /* way mount: first process of the PID namespace; 0: none */
	int sock;   /* to the child; -1: closed */
	int uevent_fd;
	int signal_fd;
	int interrupted; /* the signal that came before the command, or 0 */
	int terminal_fd; /* where this process group was in the foreground, or -1 */
	const char *mount_points[COVERED_MAX];
	char directory[PATH_MAX]; /* ways shim, plain: everything they made is in here */
	char fake[PATH_MAX];      /* likewise: where the fake is, in it */

	/* as found, for the command */
	sigset_t signal_mask;
	mode_t umask;
	cpu_set_t cpus; /* one; or what there was, with no_pin */
	char preload[PATH_MAX];
};

/* command.c: becomes the command; never returns. @proc_modules: see preload.h, may be NULL. */
_Noreturn void command_exec(const struct sandbox *sandbox, const char *proc_modules);
/* Finds the shim and notes it in @sandbox. */
void command_find_preload(struct sandbox *sandbox);

/*
 * keeper.c: starts the command below this process, tells the launcher (@sock) of it, reaps whatever ends here, and
 * tells how the command ended. Returns when it has ended, or when the launcher is gone.
 */
void keeper_run(const struct sandbox *sandbox, int sock, const char *proc_modules);

/* inside.c: the child of way mount. */
_Noreturn void inside_run(const struct sandbox *sandbox, int sock);

/* guardian.c */
int guardian_choose_directory(struct sandbox *sandbox, char **ret_error);
_Noreturn void guardian_run(struct sandbox *sandbox, int sock);
/* Ends what is left of the command's processes, all of them children by now, and removes the directory. */
void guardian_clean_up(struct sandbox *sandbox);

/* children.c: notes those that are there already. */
int children_note(struct sandbox *sandbox);
/* Waits until all others have ended; kills them first if @by_force. */
void children_end(const struct sandbox *sandbox, bool by_force);

/* Dies with the parent. False: it has died already. */
bool die_with(pid_t parent);
