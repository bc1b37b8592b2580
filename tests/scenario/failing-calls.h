/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls of the library into libc, of which the nth fails. The program has the library linked in, with these calls going
 * through here (--wrap). What the harness and the worker process call goes on undisturbed.
 */
#pragma once

#include <stdbool.h>

enum call_kind {
	CALL_ALLOCATION, /* fails with ENOMEM */
	CALL_SYSTEM,     /* of files, their names and what is in them: fails with EIO */
	N_CALL_KINDS
};

extern const char *const call_kind_names[N_CALL_KINDS];

/* From here on the @nth call of that kind fails; 1 is the next. */
void calls_fail(enum call_kind kind, unsigned long nth);

/* None does any more. Returns whether that call was made. */
bool calls_succeed(void);

/* Which it was: the name of the function. */
const char *calls_failed(void);
