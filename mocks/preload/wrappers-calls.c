/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The functions that need nothing but their paths redirected: made from the table. */
#include "redirect.h"

#define AT(dirfd, path)              \
	char path##_place[PATH_MAX]; \
	path = redirect_at(dirfd, path, path##_place);
#define PATH(path) AT(AT_FDCWD, path)

#define CALL(type, name, parameters, arguments, places) \
	EXPORT type name parameters                     \
	{                                               \
		places return LIBC(name) arguments;     \
	}
#include "table.h"
