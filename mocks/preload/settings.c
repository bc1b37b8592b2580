/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libc.h"

#include "preload.h"
#include "settings.h"
#include "wire/protocol.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#define LIBRARY "libmocksys-preload.so"

/*
 * Without its machine a command that was promised one would act on the host: it must not go on. (A program that is
 * started with a broken environment by hand sees this too.)
 */
static void __attribute__((noreturn)) give_up(const char *name, const char *why)
{
	const char *const parts[] = {LIBRARY ": ", name, " ", why, "\n"};

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (LIBC(write)(STDERR_FILENO, parts[i], strlen(parts[i])) < 0)
			break;
	_exit(127);
}

/* Copies: the program may write over its environment (as some do for their title in ps). */
static struct text keep(struct settings *s, const char *name, const char *const *parts)
{
	struct text kept = {s->text + s->used, 0};

	for (; *parts; parts++) {
		size_t length = strlen(*parts);

		if (length >= sizeof(s->text) - s->used)
			give_up(name, "is too long");
		memcpy(s->text + s->used, *parts, length + 1);
		s->used += length;
		kept.length += length;
	}
	s->used++; /* the NUL */
	return kept;
}

#define KEEP(s, name, ...) keep(s, name, (const char *const[]){__VA_ARGS__, NULL})

static struct text directory(struct settings *s, const char *name, const char *value)
{
	struct text kept;

	if (value[0] != '/')
		give_up(name, "is not an absolute path");
	kept = KEEP(s, name, value);
	while (kept.length > 1 && kept.start[kept.length - 1] == '/')
		kept.length--;
	if (kept.length < 2)
		give_up(name, "must not be the root directory");
	return kept;
}

static void hide(struct settings *s, struct text prefix)
{
	size_t at = s->n_hidden++;

	/* The inner of two nested directories is the longer. */
	if (at && s->hidden[0].length < prefix.length) {
		s->hidden[1] = s->hidden[0];
		at = 0;
	}
	s->hidden[at] = prefix;
	if (prefix.length > s->longest_prefix)
		s->longest_prefix = prefix.length;
}

static void add_keyword(struct settings *s, struct text path)
{
	struct text *keyword = &s->keywords[s->n_keywords++];
	const char *slash = memrchr(path.start, '/', path.length);

	keyword->start = slash + 1;
	keyword->length = (size_t)(path.start + path.length - keyword->start);
	s->first_letters |= UINT64_C(1) << (*keyword->start & 63);
}

static void map(struct settings *s, struct text path, struct text prefix, size_t skip, bool exact, bool served)
{
	s->mappings[s->n_mappings++] =
		(struct mapping){.path = path, .prefix = prefix, .skip = skip, .exact = exact, .served = served};
	add_keyword(s, path);
}

#define TEXT(literal) ((struct text){literal, sizeof(literal) - 1})

static void map_root(struct settings *s, struct text root)
{
	struct utsname host;
	struct text modules;

	hide(s, root);
	map(s, TEXT("/sys"), root, 0, false, true);
	map(s, TEXT("/dev/vfio"), root, 0, false, true);
	map(s, TEXT("/dev/kmsg"), root, 0, true, true);
	map(s, TEXT("/proc/modules"), root, 0, true, true);

	/* A namespace cannot change the release, so what kmod looks for is the host's. */
	if (uname(&host) < 0)
		return;
	modules = KEEP(s, "uname -r", "/usr/lib/modules/", host.release);
	map(s, modules, root, strlen("/usr"), false, true);
	modules.start += strlen("/usr");
	modules.length -= strlen("/usr");
	map(s, modules, root, 0, false, true);
}

static void map_private(struct settings *s, struct text private)
{
	hide(s, private);
#define PATH(path) map(s, TEXT(path), private, 0, false, false);
	MOCKSYS_PRIVATE_PATHS(PATH)
#undef PATH
}

static void add_host_paths(struct settings *s, const char *list)
{
	struct text kept = KEEP(s, MOCKSYS_HOST_PATHS_VARIABLE, list);
	const char *end = kept.start + kept.length;

	for (const char *start = kept.start; start < end;) {
		const char *colon = memchr(start, ':', (size_t)(end - start));
		struct text path = {start, (size_t)((colon ? colon : end) - start)};

		start += path.length + 1;
		while (path.length && path.start[path.length - 1] == '/')
			path.length--;
		if (!path.length)
			continue;
		if (path.start[0] != '/')
			give_up(MOCKSYS_HOST_PATHS_VARIABLE, "has a path that is not absolute");
		if (s->n_host_paths == SETTINGS_HOST_PATHS)
			give_up(MOCKSYS_HOST_PATHS_VARIABLE, "has too many paths");
		s->host_paths[s->n_host_paths++] = path;
		add_keyword(s, path);
	}
}

/*
 * Before any constructor (.preinit_array) libc does not know its environment yet; it lies on the stack that the kernel
 * made: argc, argv, NULL, envp.
 */
extern void *__libc_stack_end __attribute__((weak));

static char **find_environment(void)
{
	char **start = &__libc_stack_end ? __libc_stack_end : NULL;

	if (environ || !start)
		return environ;
	return start + 1 + (intptr_t)start[0] + 1;
}

static const char *variable(const char *name)
{
	size_t length = strlen(name);

	for (char **entry = find_environment(); entry && *entry; entry++)
		if (!strncmp(*entry, name, length) && (*entry)[length] == '=')
			return *entry + length + 1;
	return NULL;
}

static void keep_variable(struct settings *s, const char *name)
{
	const char *value = variable(name);

	if (value)
		s->variables[s->n_variables++] = KEEP(s, name, name, "=", value);
}

/* This library's own entry of LD_PRELOAD, without the others: a sanitizer's is not ours to hand on. */
static void keep_preload(struct settings *s)
{
	const char *entry = variable("LD_PRELOAD");

	while (entry && *entry) {
		size_t length = strcspn(entry, ": ");

		if (length >= strlen(LIBRARY) && !memcmp(entry + length - strlen(LIBRARY), LIBRARY, strlen(LIBRARY))) {
			char name[PATH_MAX];

			if (length >= sizeof(name))
				return;
			memcpy(name, entry, length);
			name[length] = '\0';
			s->preload = KEEP(s, "LD_PRELOAD", "LD_PRELOAD=", name);
			s->variables[s->n_variables++] = s->preload;
			s->preload.start += strlen("LD_PRELOAD=");
			s->preload.length -= strlen("LD_PRELOAD=");
			return;
		}
		entry += length + (entry[length] != '\0');
	}
}

/* By the bare system call: libc's functions are this library's, which want the settings. */
static dev_t device_of(const char *path)
{
	struct statx status;

	if (LIBC(syscall)(SYS_statx, AT_FDCWD, path, 0, STATX_BASIC_STATS, &status) < 0)
		return 0;
	return makedev(status.stx_dev_major, status.stx_dev_minor);
}

static void read_shim(struct settings *s, const char *way)
{
	const char *root = variable(MOCKSYS_ROOT_VARIABLE);
	const char *private = variable(MOCKSYS_PRIVATE_VARIABLE);
	const char *host_paths = variable(MOCKSYS_HOST_PATHS_VARIABLE);
	struct text kept;

	if (!root)
		give_up(MOCKSYS_ROOT_VARIABLE, "is not set, as this " MOCKSYS_WAY_VARIABLE " needs");
	s->way = WAY_SHIM;
	if (!strcmp(way, MOCKSYS_WAY_PLAIN))
		s->way = WAY_PLAIN;
	kept = directory(s, MOCKSYS_ROOT_VARIABLE, root);
	map_root(s, kept);
	s->devices[0] = device_of(root);
	s->devices[1] = device_of(KEEP(s, MOCKSYS_ROOT_VARIABLE, root, "/proc/modules").start);
	if (private)
		map_private(s, directory(s, MOCKSYS_PRIVATE_VARIABLE, private));
	if (host_paths)
		add_host_paths(s, host_paths);
}

static void read_mount(struct settings *s)
{
	const char *proc_modules = variable(MOCKSYS_PROC_MODULES_VARIABLE);

	s->way = WAY_MOUNT;
	if (!proc_modules)
		return;
	map(s, TEXT("/proc/modules"), directory(s, MOCKSYS_PROC_MODULES_VARIABLE, proc_modules),
	    strlen("/proc/modules"), true, true);
	s->longest_prefix = s->mappings[0].prefix.length;
}

static void read_wire(struct settings *s)
{
	const char *wire = variable(MOCKSYS_WIRE_VARIABLE);
	const char *actor = variable(MOCKSYS_ACTOR_VARIABLE);

	if (actor)
		s->actor = KEEP(s, MOCKSYS_ACTOR_VARIABLE, actor);
	if (!wire && s->way == WAY_PLAIN)
		give_up(MOCKSYS_WIRE_VARIABLE, "is not set, as " MOCKSYS_WAY_VARIABLE "=" MOCKSYS_WAY_PLAIN " needs");
	if (!wire)
		return;
	s->uevents = KEEP(s, MOCKSYS_WIRE_VARIABLE, wire, "/" WIRE_UEVENTS);
	if (s->uevents.length >= sizeof(((struct sockaddr_un *)0)->sun_path))
		give_up(MOCKSYS_WIRE_VARIABLE, "is too long for the name of a socket");
	s->files.sun_family = AF_UNIX;
	stpcpy(stpcpy(s->files.sun_path, wire), "/" WIRE_FILES);
}

static void read_environment(struct settings *s)
{
	const char *way = variable(MOCKSYS_WAY_VARIABLE);

#define VARIABLE(name) keep_variable(s, name);
	MOCKSYS_VARIABLES(VARIABLE)
#undef VARIABLE
	keep_preload(s);

	if (way && (!strcmp(way, MOCKSYS_WAY_SHIM) || !strcmp(way, MOCKSYS_WAY_PLAIN)))
		read_shim(s, way);
	else if (way && !strcmp(way, MOCKSYS_WAY_MOUNT))
		read_mount(s);
	if (s->way != WAY_NONE)
		read_wire(s);
}

/*
 * Whoever comes first (a constructor, a thread that one started, a signal handler on top of either) fills a copy of its
 * own; the first copy that is complete becomes the settings. So nobody ever waits for somebody that it interrupted.
 */
#define COPIES 4

const struct settings *settings(void)
{
	static struct settings copies[COPIES];
	static atomic_uint taken;
	static struct settings *_Atomic current;
	struct settings *s = atomic_load_explicit(&current, memory_order_acquire), *none = NULL;
	int saved_errno;
	unsigned copy;

	if (__builtin_expect(s != NULL, 1))
		return s;

	saved_errno = errno;
	copy = atomic_fetch_add(&taken, 1);
	if (copy >= COPIES) {
		while (!(s = atomic_load(&current)))
			usleep(100);
		errno = saved_errno;
		return s;
	}
	read_environment(&copies[copy]);
	s = atomic_compare_exchange_strong(&current, &none, &copies[copy]) ? &copies[copy] : none;
	errno = saved_errno;
	return s;
}

__attribute__((constructor)) static void read_settings(void)
{
	settings();
}
