/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /lib/modules/<release>: placeholder .ko files of a machine's modules and the indexes that kmod's depmod makes of them. */
#pragma once

#include "kernel/kernel.h"

struct module_tree;

/*
 * Makes the tree of @machine for @release (uname -r), or takes it from the cache. The files' paths start with
 * "lib/modules/<release>/". Returns 0 and *ret_tree, or -errno (ENOENT: no depmod).
 */
int module_tree_new(const struct machine *machine, const char *release, struct module_tree **ret_tree);
const struct kernel_file *module_tree_files(const struct module_tree *tree, size_t *ret_n);
void module_tree_free(struct module_tree *tree);
