/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mkstemp(3) and its like: they open inside libc, past every wrapper. Where the machine is, the name is made here and
 * opened as any other: an editor that replaces a file in a private directory makes its new one beside it.
 */
#include "redirect.h"
#include "settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define MARKS 6      /* the X at the end of a template, before a suffix */
#define ATTEMPTS 100 /* with names that somebody else has */

/* The marks of a template that leads into the machine; NULL if it is libc's affair, also because it is malformed. */
static char *marks_of(char *template, int suffix)
{
	char place[PATH_MAX];
	size_t length;

	if (!template || suffix < 0 || redirect_at(AT_FDCWD, template, place) == template)
		return NULL;
	length = strlen(template);
	if (length < MARKS + (size_t)suffix)
		return NULL;
	template += length - (size_t)suffix - MARKS;
	return strspn(template, "X") >= MARKS ? template : NULL;
}

static void fill(char *marks)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	unsigned char bytes[MARKS];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		memset(bytes, 0, sizeof(bytes));
	for (size_t i = 0; i < MARKS; i++)
		marks[i] = letters[bytes[i] % (sizeof(letters) - 1)];
}

static int make_file(char *template, char *marks, int flags)
{
	int saved_errno = errno, fd = -1;

	for (int i = 0; i < ATTEMPTS; i++) {
		fill(marks);
		fd = open(template, (flags & ~O_ACCMODE) | O_RDWR | O_CREAT | O_EXCL, 0600);
		if (fd >= 0 || errno != EEXIST)
			break;
	}
	if (fd >= 0)
		errno = saved_errno;
	return fd;
}

#define MAKE(name, parameters, arguments, suffix, flags)                                 \
	EXPORT int name parameters                                                       \
	{                                                                                \
		char *marks = marks_of(template, suffix);                                \
                                                                                         \
		return marks ? make_file(template, marks, flags) : LIBC(name) arguments; \
	}

MAKE(mkstemp, (char *template), (template), 0, 0)
MAKE(mkstemp64, (char *template), (template), 0, O_LARGEFILE)
MAKE(mkostemp, (char *template, int flags), (template, flags), 0, flags)
MAKE(mkostemp64, (char *template, int flags), (template, flags), 0, flags | O_LARGEFILE)
MAKE(mkstemps, (char *template, int suffix), (template, suffix), suffix, 0)
MAKE(mkstemps64, (char *template, int suffix), (template, suffix), suffix, O_LARGEFILE)
MAKE(mkostemps, (char *template, int suffix, int flags), (template, suffix, flags), suffix, flags)
MAKE(mkostemps64, (char *template, int suffix, int flags), (template, suffix, flags), suffix, flags | O_LARGEFILE)

EXPORT char *mkdtemp(char *template)
{
	char *marks = marks_of(template, 0);
	int saved_errno = errno, r = -1;

	if (!marks)
		return LIBC(mkdtemp)(template);
	for (int i = 0; i < ATTEMPTS; i++) {
		fill(marks);
		r = mkdir(template, 0700);
		if (r == 0 || errno != EEXIST)
			break;
	}
	if (r == 0)
		errno = saved_errno;
	return r == 0 ? template : NULL;
}
