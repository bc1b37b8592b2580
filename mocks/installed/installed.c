/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "installed/installed.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Of the tree that this was built in, absolute; and below the prefix. */
static const struct {
	const char *built, *installed;
} places[] = {
	[INSTALLED_FIXTURES] = {SOURCE_ROOT "/fixtures", DATADIR "/mocksys"},
	[INSTALLED_SHIM] = {BUILD_ROOT "/mocks/preload/libmocksys-preload.so", LIBDIR "/libmocksys-preload.so"},
	[INSTALLED_TOOLS] = {SOURCE_ROOT "/mocks/qemu", LIBEXECDIR "/mocksys"},
	[INSTALLED_GUEST_INIT] = {BUILD_ROOT "/mocks/qemu/mocksys-guest-init",
				  LIBEXECDIR "/mocksys/mocksys-guest-init"},
	[INSTALLED_VARIANT_SOURCE] = {SOURCE_ROOT "/tests/qemu/module", DATADIR "/mocksys/module"},
};

static bool is_below(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	return strncmp(path, directory, length) == 0 && path[length] == '/';
}

/* The prefix that @executable was installed below: what is above bin/. False: it lies somewhere else. */
static bool find_prefix(char *executable)
{
	char *slash = strrchr(executable, '/');
	size_t length = strlen(BINDIR);

	*slash = '\0';
	if ((size_t)(slash - executable) <= length || strcmp(slash - length, BINDIR) != 0 || slash[-length - 1] != '/')
		return false;
	slash[-length - 1] = '\0';
	return true;
}

static bool is_built_here(const char *executable)
{
	return is_below(executable, BUILD_ROOT "/mocks") || is_below(executable, BUILD_ROOT "/tests");
}

static void find_executable(char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 1);

	path[n > 0 ? n : 0] = '\0';
}

bool installed_not(void)
{
	char executable[PATH_MAX];

	find_executable(executable, sizeof(executable));
	return is_built_here(executable);
}

const char *installed_path(enum installed what, char *path, size_t size)
{
	char executable[PATH_MAX];
	const char *prefix = PREFIX;

	find_executable(executable, sizeof(executable));
	if (is_built_here(executable)) {
		snprintf(path, size, "%s", places[what].built);
		return path;
	}
	if (*executable == '/' && find_prefix(executable))
		prefix = executable;
	/* An absolute directory of the user's choice stays where it is. */
	if (places[what].installed[0] == '/')
		prefix = "";
	snprintf(path, size, "%s%s%s", prefix, *prefix ? "/" : "", places[what].installed);
	return path;
}
