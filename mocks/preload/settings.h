/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The environment of preload.h as the shim uses it: read once, never changed. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

enum way { WAY_NONE, WAY_MOUNT, WAY_SHIM, WAY_PLAIN };

struct text {
	const char *start;
	size_t length;
};

/* @path (and, unless it is @exact, all below it) is found at @prefix + (@path from @skip on). */
struct mapping {
	struct text path;
	struct text prefix;
	size_t skip;
	bool exact;
	bool served; /* by the fake: not a private directory */
};

#define SETTINGS_MAPPINGS 12
#define SETTINGS_HOST_PATHS 64
#define SETTINGS_VARIABLES 8
#define SETTINGS_TEXT (6 * PATH_MAX)

struct settings {
	enum way way;
	/*
	 * Ways shim and plain: the devices that the fake's directories and its files are on, which overlayfs has two of.
	 * On others there may be other fakes. 0: not known.
	 */
	dev_t devices[2];
	/* No mapping: no path is redirected, and none is translated back. */
	struct mapping mappings[SETTINGS_MAPPINGS];
	size_t n_mappings;
	struct text host_paths[SETTINGS_HOST_PATHS];
	size_t n_host_paths;
	/* Directories that must not show, the inner one first. */
	struct text hidden[2];
	size_t n_hidden;
	/* The room that every prefix fits into. */
	size_t longest_prefix;

	/* The last components of the mappings and of the host paths: a path without one of these needs no look. */
	struct text keywords[SETTINGS_MAPPINGS + SETTINGS_HOST_PATHS];
	size_t n_keywords;
	uint64_t first_letters; /* bit c & 63 for each keyword's first letter */

	/* "NAME=value" of each variable that was set, LD_PRELOAD (this library alone) last. */
	struct text variables[SETTINGS_VARIABLES];
	size_t n_variables;
	struct text preload; /* this library as LD_PRELOAD named it; empty if it did not */

	struct text modules_file;
	struct text uevents;      /* the server's socket for them; empty: they come from the system's */
	struct sockaddr_un files; /* way plain: the one for open files */
	struct text actor;

	char text[SETTINGS_TEXT];
	size_t used;
};

/* Usable from the first instruction of the process on, in signal handlers too. */
const struct settings *settings(void);
