/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox/sandbox-internal.h"
#include <errno.h>
int shim_way_make_directory(struct sandbox *sandbox, char **ret_error)
{
	return -ENOSYS;
}
_Noreturn void shim_way_guard(struct sandbox *sandbox, int sock)
{
	_exit(1);
}
void shim_way_clean_up(struct sandbox *sandbox)
{
}
