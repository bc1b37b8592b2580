/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files that this way brings along, and its scripts. */
#pragma once

#include <stddef.h>

/* Paths in the tree that this was built in, or as installed. */
const char *tool_path(const char *name, char *path, size_t size);
/* The folder of the variant driver's source. */
const char *variant_folder(char *path, size_t size);

/*
 * Runs a script with @input (NULL: none) on its standard input. Returns 0, or -EIO with what it said last in *ret_error;
 * -ENOENT when the script is not there.
 */
int script_run(char *const *arguments, const char *input, char **ret_error);
