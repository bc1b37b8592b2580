/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kmod's depmod, run where nothing of it is left behind. */
#pragma once

#include "sandbox/module-files.h"

/* depmod's path into @path (of PATH_MAX bytes): 0, or -ENOENT. */
int depmod_find(char *path);
/* Runs the depmod at @path over @input (placed in /lib/modules/<release>) and returns what it wrote. 0 or -errno. */
int depmod_run(const char *path, const struct module_files *input, struct module_files *ret_output);
