/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_UTIL_H
#define VFIOBIND_UTIL_H

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

#define _cleanup_(function) __attribute__((cleanup(function)))
#define _cleanup_free_ _cleanup_(freep)
#define _cleanup_close_ _cleanup_(closep)
#define _printf_(index, first) __attribute__((format(printf, index, first)))

static inline void freep(void *pointer)
{
	free(*(void **)pointer);
}

/* Leaves errno alone: it runs on the way out of functions that have just reported one. */
static inline int close_fd(int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
	return -1;
}

static inline void closep(int *fd)
{
	close_fd(*fd);
}

/*
 * What is returned to the caller as one object is many small strings: they are allocated from the object's arena and
 * go with it, so that no error path has to free half of them. All return NULL without memory.
 */
struct arena_chunk;

struct arena {
	struct arena_chunk *head;
};

void *arena_zalloc(struct arena *arena, size_t size);
char *arena_strdup(struct arena *arena, const char *text);
char *arena_printf(struct arena *arena, const char *format, ...) _printf_(2, 3);
void arena_free(struct arena *arena);

/* A growing array of pointers, NULL at first. @array is replaced by a longer copy. Returns 0 or -ENOMEM. */
int arena_append(struct arena *arena, void ***array, size_t *n, const void *pointer);

/* The same for an array of elements of @size bytes: makes room for one more, which is zero. */
int arena_extend(struct arena *arena, void **array, size_t *n, size_t size);

/* Appends a formatted line to a list of warnings. Returns 0 or -ENOMEM. */
int arena_warn(struct arena *arena, const char *const **warnings, size_t *n, const char *format, ...) _printf_(4, 5);
int arena_vwarn(struct arena *arena, const char *const **warnings, size_t *n, const char *format, va_list arguments)
	_printf_(4, 0);

#endif
