/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* This process's children: those that it had before there was a sandbox, and the others, which end with that. */
#include "sandbox/sandbox-internal.h"
#include "sandbox/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/*
 * The next child of this process in a walk through /proc, dead ones included, or 0. Those of theirs become its own when
 * they have died: it is a subreaper.
 */
static pid_t next_child(DIR *proc)
{
	for (struct dirent *entry; (entry = readdir(proc));) {
		char path[300], text[512];
		_cleanup_close_ int fd = -1;
		char *end;
		ssize_t n;
		int parent;

		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
		if (n <= 0)
			continue;
		text[n] = '\0';
		/* PID (NAME) STATE PARENT …; a name may hold anything. */
		end = strrchr(text, ')');
		if (end && sscanf(end, ") %*c %d", &parent) == 1 && parent == getpid())
			return atoi(entry->d_name);
	}
	return 0;
}

int children_note(struct sandbox *sandbox)
{
	_cleanup_closedir_ DIR *proc = NULL;
	siginfo_t info;
	pid_t pid;

	/* As a rule there are none. */
	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		return 0;
	proc = opendir("/proc");
	while (proc && (pid = next_child(proc))) {
		pid_t *more = reallocarray(sandbox->strangers, sandbox->n_strangers + 1, sizeof(*more));

		if (!more)
			return -ENOMEM;
		sandbox->strangers = more;
		sandbox->strangers[sandbox->n_strangers++] = pid;
	}
	return proc ? 0 : -errno;
}

/* They are not waited for by anybody here, so that no other process has the number of one. */
static bool is_stranger(const struct sandbox *sandbox, pid_t pid)
{
	for (size_t i = 0; i < sandbox->n_strangers; i++)
		if (sandbox->strangers[i] == pid)
			return true;
	return false;
}

/* True if there was one. */
static bool end_some_children(const struct sandbox *sandbox, bool by_force)
{
	_cleanup_closedir_ DIR *proc = opendir("/proc");
	bool any = false;
	pid_t pid;

	while (proc && (pid = next_child(proc))) {
		if (is_stranger(sandbox, pid))
			continue;
		if (by_force)
			kill(pid, SIGKILL);
		any = waitpid(pid, NULL, 0) == pid || any;
	}
	return any;
}

void children_end(const struct sandbox *sandbox, bool by_force)
{
	siginfo_t info;

	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && end_some_children(sandbox, by_force))
		;
}
