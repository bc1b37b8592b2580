/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libc.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>

static const char *const names[LIBC_COUNT] = {
#define CALL(type, name, parameters, arguments, places) [LIBC_##name] = #name,
#define HAND(type, name, parameters) [LIBC_##name] = #name,
#include "table.h"
};

static void *_Atomic functions[LIBC_COUNT];

static void *look_up(enum libc_index index)
{
	int saved_errno = errno;
	void *function = dlsym(RTLD_NEXT, names[index]);

	/* Whoever else looks at the same moment finds the same. */
	atomic_store_explicit(&functions[index], function, memory_order_relaxed);
	errno = saved_errno;
	return function;
}

void *libc_function(enum libc_index index)
{
	void *function = atomic_load_explicit(&functions[index], memory_order_relaxed);

	return __builtin_expect(function != NULL, 1) ? function : look_up(index);
}

/*
 * dlsym() takes the loader's lock and allocates when it finds nothing: not for a signal handler, nor for the child of a
 * fork in a program with threads. So everything is looked up before main(); only what other libraries' constructors
 * call before this one runs is looked up on demand, and alone, for an allocator that reads a file while it starts.
 */
__attribute__((constructor)) static void look_up_all(void)
{
	for (enum libc_index index = 0; index < LIBC_COUNT; index++)
		libc_function(index);
}
