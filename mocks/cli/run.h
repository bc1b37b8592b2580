/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What `mocksys run` is asked for, and one attempt at it. */
#pragma once

#include "sandbox/sandbox.h"

#include <stdbool.h>
#include <stddef.h>

/* What env(1) and timeout(1) use for a failure of their own. */
#define EXIT_LAUNCH 125

struct run_options {
	const char **machines; /* as many as there are arguments fit */
	size_t n_machines;
	const char *profile;
	const char *trace_path;
	bool any_way;  /* --via auto */
	bool real_way; /* --via qemu */
	struct sandbox_options sandbox;
};

/* In the way that @options names. Returns the exit status. *@ret_other_way: the command has not run, and only the way is to
 * blame. */
int run_in_one_way(const struct run_options *options, bool *ret_other_way);
