/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* User, mount and network namespaces: made by the child, mapped by its parent. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/*
 * Writes the maps of @pid's new user namespace. Root: every id is itself. Another user: its ids are 0 inside, or, with
 * @ordinary_user, @uid. 0, or -errno with the file at fault in *ret_file (static).
 */
int namespaces_write_maps(pid_t pid, bool ordinary_user, uid_t uid, const char **ret_file);

/* What to do about a clone flag that was refused: one sentence. */
const char *namespaces_remedy(int flag, int error);

/* Brings the loopback interface of the calling process's network namespace up. 0 or -errno. */
int namespaces_bring_loopback_up(void);
