/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Executed programs stay in the machine: what their environment lacks of the shim's is put back. All of it on the stack
 * of the caller, who may be the child of a vfork(), or a signal handler.
 */
#include "redirect.h"
#include "settings.h"

#include <alloca.h>
#include <stdarg.h>
#include <string.h>

static const char PRELOAD[] = "LD_PRELOAD=";

static size_t count(char *const strings[])
{
	size_t n = 0;

	while (strings && strings[n])
		n++;
	return n;
}

/* The entry of @environment for the variable that @text ("NAME=value") sets; past the end if there is none. */
static size_t find(char *const environment[], size_t n, struct text text)
{
	size_t name = (size_t)((const char *)memchr(text.start, '=', text.length) - text.start) + 1;
	size_t i = 0;

	while (i < n && strncmp(environment[i], text.start, name))
		i++;
	return i;
}

/* Whether @entry, an LD_PRELOAD that may list other libraries, lists this one. */
static bool lists_us(const char *entry, struct text preload)
{
	const char *list = entry + strlen(PRELOAD);

	for (size_t length; *list; list += length + (list[length] != '\0')) {
		length = strcspn(list, ": ");
		if (length == preload.length && !memcmp(list, preload.start, length))
			return true;
	}
	return false;
}

/* The room that complete() needs, 0 if @environment has all. */
static size_t incomplete(char *const environment[])
{
	const struct settings *s = settings();
	size_t n = count(environment);
	size_t missing = 0, joined = 0;

	for (size_t i = 0; i < s->n_variables; i++)
		missing += find(environment, n, s->variables[i]) == n;
	if (s->preload.length) {
		size_t at = find(environment, n, (struct text){PRELOAD, strlen(PRELOAD)});

		if (at < n && !lists_us(environment[at], s->preload))
			joined = strlen(environment[at]) + 1 + s->preload.length + 1;
	}
	return missing || joined ? (n + missing + 1) * sizeof(char *) + joined : 0;
}

static char *const *complete(char *const environment[], void *room)
{
	const struct settings *s = settings();
	const size_t n = count(environment);
	const char **completed = room;
	size_t end = n;

	for (size_t i = 0; i < n; i++)
		completed[i] = environment[i];
	for (size_t i = 0; i < s->n_variables; i++)
		if (find(environment, n, s->variables[i]) == n)
			completed[end++] = s->variables[i].start;
	completed[end] = NULL;
	if (s->preload.length) {
		size_t at = find(environment, n, (struct text){PRELOAD, strlen(PRELOAD)});

		/* Behind the others: a sanitizer insists on being the first. */
		if (at < n && !lists_us(environment[at], s->preload)) {
			char *joined = stpcpy((char *)(completed + end + 1), environment[at]);

			*joined++ = ':';
			memcpy(joined, s->preload.start, s->preload.length);
			joined[s->preload.length] = '\0';
			completed[at] = (char *)(completed + end + 1);
		}
	}
	return (char *const *)completed;
}

#define COMPLETE(environment)                                               \
	({                                                                  \
		size_t room = incomplete(environment);                      \
		room ? complete(environment, alloca(room)) : (environment); \
	})

EXPORT int execve(const char *path, char *const arguments[], char *const environment[])
{
	char place[PATH_MAX];

	return LIBC(execve)(redirect_at(AT_FDCWD, path, place), arguments, COMPLETE(environment));
}

EXPORT int execv(const char *path, char *const arguments[])
{
	return execve(path, arguments, environ);
}

EXPORT int execvpe(const char *file, char *const arguments[], char *const environment[])
{
	return LIBC(execvpe)(file, arguments, COMPLETE(environment));
}

EXPORT int execvp(const char *file, char *const arguments[])
{
	return execvpe(file, arguments, environ);
}

EXPORT int fexecve(int fd, char *const arguments[], char *const environment[])
{
	return LIBC(fexecve)(fd, arguments, COMPLETE(environment));
}

EXPORT int execveat(int dirfd, const char *path, char *const arguments[], char *const environment[], int flags)
{
	char place[PATH_MAX];

	return LIBC(execveat)(dirfd, redirect_at(dirfd, path, place), arguments, COMPLETE(environment), flags);
}

EXPORT int posix_spawn(pid_t *ret_pid, const char *path, const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attributes, char *const arguments[], char *const environment[])
{
	char place[PATH_MAX];

	return LIBC(posix_spawn)(ret_pid, redirect_at(AT_FDCWD, path, place), actions, attributes, arguments,
				 COMPLETE(environment));
}

EXPORT int posix_spawnp(pid_t *ret_pid, const char *file, const posix_spawn_file_actions_t *actions,
			const posix_spawnattr_t *attributes, char *const arguments[], char *const environment[])
{
	return LIBC(posix_spawnp)(ret_pid, file, actions, attributes, arguments, COMPLETE(environment));
}

#if __GLIBC_PREREQ(2, 39)
EXPORT int pidfd_spawn(int *ret_pidfd, const char *path, const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attributes, char *const arguments[], char *const environment[])
{
	char place[PATH_MAX];

	return LIBC(pidfd_spawn)(ret_pidfd, redirect_at(AT_FDCWD, path, place), actions, attributes, arguments,
				 COMPLETE(environment));
}

EXPORT int pidfd_spawnp(int *ret_pidfd, const char *file, const posix_spawn_file_actions_t *actions,
			const posix_spawnattr_t *attributes, char *const arguments[], char *const environment[])
{
	return LIBC(pidfd_spawnp)(ret_pidfd, file, actions, attributes, arguments, COMPLETE(environment));
}
#endif

/* The list of execl() and its like: how many there are, NULL included, then all of them. */
static size_t count_arguments(const char *first, va_list arguments)
{
	size_t n = 1;

	if (first)
		for (n = 2; va_arg(arguments, const char *); n++)
			;
	return n;
}

static void take_arguments(char **taken, size_t n, const char *first, va_list arguments)
{
	taken[0] = (char *)first;
	for (size_t i = 1; i < n; i++)
		taken[i] = va_arg(arguments, char *);
}

/* @start names the va_list, which stands behind the last argument when this is done. */
#define TAKE_ARGUMENTS(first, start)                    \
	({                                              \
		va_list counted;                        \
		size_t n;                               \
		char **taken;                           \
		va_copy(counted, start);                \
		n = count_arguments(first, counted);    \
		va_end(counted);                        \
		taken = alloca(n * sizeof(char *));     \
		take_arguments(taken, n, first, start); \
		taken;                                  \
	})

EXPORT int execl(const char *path, const char *argument, ...)
{
	va_list list;
	char **arguments;

	va_start(list, argument);
	arguments = TAKE_ARGUMENTS(argument, list);
	va_end(list);
	return execve(path, arguments, environ);
}

EXPORT int execlp(const char *file, const char *argument, ...)
{
	va_list list;
	char **arguments;

	va_start(list, argument);
	arguments = TAKE_ARGUMENTS(argument, list);
	va_end(list);
	return execvpe(file, arguments, environ);
}

EXPORT int execle(const char *path, const char *argument, ...)
{
	va_list list;
	char **arguments, **environment;

	va_start(list, argument);
	arguments = TAKE_ARGUMENTS(argument, list);
	environment = va_arg(list, char **);
	va_end(list);
	return execve(path, arguments, environment);
}
