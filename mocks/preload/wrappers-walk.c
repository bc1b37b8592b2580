/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* glob(3) and ftw(3): they walk inside libc, past every wrapper. */
#include "redirect.h"
#include "settings.h"

#include <string.h>

/*
 * glob: libc lets the caller bring functions for the walk: ours are the wrapped ones. The result keeps no trace of it,
 * for the caller may go on with GLOB_APPEND.
 */
static void *glob_opendir(const char *path)
{
	return opendir(path);
}

static void glob_closedir(void *directory)
{
	closedir(directory);
}

static struct dirent *glob_readdir(void *directory)
{
	return readdir(directory);
}

static struct dirent64 *glob_readdir64(void *directory)
{
	return readdir64(directory);
}

#define GLOB(name, type, read, status, link_status)                                                     \
	EXPORT int name(const char *pattern, int flags, int (*failed)(const char *, int), type *result) \
	{                                                                                               \
		int error;                                                                              \
                                                                                                        \
		if (!settings()->n_mappings || (flags & GLOB_ALTDIRFUNC))                               \
			return LIBC(name)(pattern, flags, failed, result);                              \
		result->gl_opendir = glob_opendir;                                                      \
		result->gl_closedir = glob_closedir;                                                    \
		result->gl_readdir = read;                                                              \
		result->gl_stat = status;                                                               \
		result->gl_lstat = link_status;                                                         \
		error = LIBC(name)(pattern, flags | GLOB_ALTDIRFUNC, failed, result);                   \
		result->gl_flags &= ~GLOB_ALTDIRFUNC;                                                   \
		return error;                                                                           \
	}

GLOB(glob, glob_t, glob_readdir, stat, lstat)
GLOB(glob64, glob64_t, glob_readdir64, stat64, lstat64)

/*
 * ftw: the walk starts at the redirected path, and the visitor sees the path that the program knows, which is the end
 * of the real one. The visitor gets no argument of its own, so the walk of each thread is noted here; a visitor may
 * start another.
 */
struct visit {
	__ftw_func_t ftw;
	__ftw64_func_t ftw64;
	__nftw_func_t nftw;
	__nftw64_func_t nftw64;
};

static __thread struct visit current __attribute__((tls_model("initial-exec")));

static int visit_ftw(const char *path, const struct stat *status, int type)
{
	return current.ftw(path + redirect_hidden(path), status, type);
}

static int visit_ftw64(const char *path, const struct stat64 *status, int type)
{
	return current.ftw64(path + redirect_hidden(path), status, type);
}

static int visit_nftw(const char *path, const struct stat *status, int type, struct FTW *where)
{
	size_t hidden = redirect_hidden(path);
	struct FTW shown = {.base = where->base - (int)hidden, .level = where->level};

	return current.nftw(path + hidden, status, type, &shown);
}

static int visit_nftw64(const char *path, const struct stat64 *status, int type, struct FTW *where)
{
	size_t hidden = redirect_hidden(path);
	struct FTW shown = {.base = where->base - (int)hidden, .level = where->level};

	return current.nftw64(path + hidden, status, type, &shown);
}

#define WALK(name, parameters, ...)                                   \
	EXPORT int name parameters                                    \
	{                                                             \
		char place[PATH_MAX];                                 \
		struct visit outer = current;                         \
		int result;                                           \
                                                                      \
		path = redirect_at(AT_FDCWD, path, place);            \
		current.name = visit;                                 \
		result = LIBC(name)(path, visit_##name, __VA_ARGS__); \
		current = outer;                                      \
		return result;                                        \
	}

WALK(ftw, (const char *path, __ftw_func_t visit, int descriptors), descriptors)
WALK(ftw64, (const char *path, __ftw64_func_t visit, int descriptors), descriptors)
WALK(nftw, (const char *path, __nftw_func_t visit, int descriptors, int flags), descriptors, flags)
WALK(nftw64, (const char *path, __nftw64_func_t visit, int descriptors, int flags), descriptors, flags)
