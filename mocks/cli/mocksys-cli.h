/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The verbs of `mocksys`: one file a verb, and those that `run` needs. */
#pragma once

#include <stddef.h>

/* Exit status of a command line that cannot be understood; 1 is for what failed. */
#define EXIT_USAGE 2

/* A verb gets its own name as argv[0] and returns the exit status of mocksys. It prints its own help for --help. */
int cmd_run(int argc, char **argv);
int cmd_mount(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_record(int argc, char **argv);
