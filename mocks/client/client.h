/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of libmocksys share. */
#pragma once

#include "include/mocksys.h"

#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(function) __attribute__((cleanup(function)))
#define _cleanup_free_ _cleanup_(free_text)
#define _cleanup_close_ _cleanup_(close_file)

static inline void free_text(char **text)
{
	free(*text);
}

static inline void close_file(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

struct mocksys {
	char *control;
	char *error; /* NULL: none yet, or no memory for it */
};

/* Notes what mocksys_error() shall say; returns @error. */
__attribute__((format(printf, 3, 4))) int client_fail(struct mocksys *machine, int error, const char *format, ...);

/* A control file, opened: a descriptor, or -errno, which is noted. */
int client_open(struct mocksys *machine, const char *file, int flags);
/* One write of @text to a control file. 0 or -errno, noted with the reason that the trace has. */
int client_write(struct mocksys *machine, const char *file, const char *text);
int client_write_to(struct mocksys *machine, int fd, const char *file, const char *text);
/* All of a control file. */
int client_read(struct mocksys *machine, const char *file, char **ret_text);
