/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of the sandbox share: running mocksys, knowing when all of it has gone, and looking at the host. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

#include <sys/types.h>

/*
 * The first thing in main(): `--as-nobody` makes the program an ordinary user (it must be root), everything after it is
 * removed from the arguments. Makes a private directory, which is the runtime and the cache directory of all runs.
 * Exits 77 with the reason where @way does not work.
 */
void sandbox_test_begin(int *argc, char **argv, const char *way);
/* Removes the private directory; returns @failures. */
int sandbox_test_end(int failures);

extern const char *test_directory;

struct run {
	pid_t pid;
	int output; /* stdout of the command; -1: closed */
	int alive;  /* at its end when every process that comes of the run has gone */
};

/* Starts `mocksys run -m e1000e` with @options (may hold --via), then `--` and @command; both NULL-terminated. */
void run_start(struct run *run, const char *const *options, const char *const *command);
/* Reads up to a newline, or to the end: a line without it, or NULL. To be freed. */
char *run_read_line(struct run *run);
/* Waits until mocksys has ended: its wait status. */
int run_wait(struct run *run);
/* Waits until nothing of the run is left. Fails the test when that takes for ever. */
void run_wait_until_gone(struct run *run);
/* All in one. */
int run_status(const char *const *options, const char *const *command);

#define WORDS(...)                              \
	(const char *const[])                   \
	{                                       \
		__VA_ARGS__ __VA_OPT__(, ) NULL \
	}
#define SHELL(script) WORDS("sh", "-c", script)

/*
 * A process of the current run by its role (`launcher`, `between`, `command`, `program`: one that the command has started),
 * or 0 when there is none at the moment.
 */
pid_t run_find(const struct run *run, const char *role);

/* What the host is like, one line for each file and mount. To be freed. */
char *host_look(void);
/* Fails the test with the first line that differs. */
void assert_same_host(const char *before, const char *after);
/* Fails the test when the private directory holds anything but the cache, or something is mounted in it. */
void assert_nothing_left(void);
