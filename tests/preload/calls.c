/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes each call of the shim's table on a prepared directory and prints what came of it: result, errno, data. The test
 * runs it twice, on the bare directory without the shim and on a path that only the shim leads there, and compares.
 *
 * The directory holds `file` ("content\n", 0644), `link` -> file, `dangling` -> nowhere, `sub/` (with `a`, `b`), and it
 * may be written to. With --device it is the directory of a PCI device instead, whose files stand for those: then it is
 * run in one way to the fake and in another. Each function of the table has a case here, or this does not compile.
 */
#include "preload/libc.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char *base; /* the directory */
static bool on_machine;  /* it is a device's, of the fake: nothing can be made there */
static const char *current;
static int base_fd, root_fd;

/* A value that no call leaves behind by itself: a success must not change it. */
#define NO_ERROR 4242

static long say(const char *text, long result)
{
	printf("%s: %s = %ld %s\n", current, text, result, errno == NO_ERROR ? "" : strerrorname_np(errno));
	return result;
}

/* What the directory of a device has in the place of the prepared one's. */
static const struct {
	const char *name, *there;
} of_device[] = {
	{"file", "driver_override"}, {"link", "driver"}, {"sub", "power"}, {"a", "control"}, {"b", "runtime_status"},
};

/* @name as it is in the directory; good for eight more calls. */
static const char *known(const char *name)
{
	static char names[8][PATH_MAX];
	static unsigned next;
	char *whole = names[next++ % 8], *end = whole;

	if (!on_machine)
		return name;
	for (size_t length; *name; name += length) {
		const char *part = name;

		length = strcspn(name, "/");
		for (size_t i = 0; i < sizeof(of_device) / sizeof(*of_device); i++)
			if (strlen(of_device[i].name) == length && !strncmp(of_device[i].name, name, length))
				part = of_device[i].there;
		end += sprintf(end, "%.*s", (int)(part == name ? length : strlen(part)), part);
		if (name[length] == '/') {
			*end++ = '/';
			length++;
		}
	}
	*end = '\0';
	return whole;
}

/* The path of @name in the directory; good for eight more calls. */
static const char *at(const char *name)
{
	static char paths[8][PATH_MAX];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, PATH_MAX, "%s/%s", base, known(name));
	return path;
}

static const char *numbered(const char *name, int number)
{
	static char names[8][64];
	static unsigned next;
	char *numbered_name = names[next++ % 8];

	snprintf(numbered_name, sizeof(names[0]), "%s-%d", name, number);
	return numbered_name;
}

#define CALLED(expression) say(#expression, (errno = NO_ERROR, (long)(expression)))

/* For results that differ from run to run: only whether there is one. */
#define SUCCEEDED(expression) CALLED((expression) ? 0 : -1)

/* Runs @expression with each way to name @name by a descriptor: dirfd, path, and way as the number of the round. */
#define EACH_WAY(name, expression)                                                                             \
	for (int way = 0; way < 4; way++) {                                                                    \
		const char *file = strchr(name, '#') ? numbered("new", way) : known(name);                     \
		int dirfd = way == 0 ? AT_FDCWD : way == 1 ? base_fd : way == 2 ? root_fd : base_fd;           \
		const char *path = way == 0 ? at(file) : way == 1 ? file : way == 2 ? at(file) + 1 : at(file); \
		CALLED(expression);                                                                            \
	}

static void show_content(FILE *stream)
{
	char text[256];

	while (stream && fgets(text, sizeof(text), stream))
		printf("%s: content %s", current, text);
	if (stream)
		fclose(stream);
}

static long show_descriptor(int fd)
{
	struct stat status;

	if (fd < 0)
		return -1;
	if (!fstat(fd, &status) && S_ISREG(status.st_mode))
		printf("%s: mode %o size %ld\n", current, status.st_mode, (long)status.st_size);
	close(fd);
	return 0;
}

#define SHOW_STATUS(prefix, status)                                                                                    \
	printf("%s: mode %o size %ld uid %u\n", current, (unsigned)(status).prefix##mode, (long)(status).prefix##size, \
	       (unsigned)(status).prefix##uid)

/* Sorted, for a directory's order is its own business. */
static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void show_sorted(char **names, size_t n)
{
	qsort(names, n, sizeof(*names), compare_text);
	for (size_t i = 0; i < n; i++)
		printf("%s: %s\n", current, names[i]);
}

/* For what headers and linker do not like to see: no path (the descriptor itself is meant), getwd(). */
#define by_name(name) ((libc_##name *)dlsym(RTLD_DEFAULT, #name))

#define CASE(name) static void call_##name(void)
#define SIMPLE(name, ...)    \
	CASE(name)           \
	{                    \
		__VA_ARGS__; \
	}
/* Tested by other programs, which preload.py starts. */
#define ELSEWHERE(name) \
	CASE(name)      \
	{               \
	}

#define OPEN_CASES(open_one, file)                                                      \
	CALLED(show_descriptor(open_one(at("file"), O_RDONLY)));                        \
	CALLED(show_descriptor(open_one(at("missing"), O_RDONLY)));                     \
	CALLED(show_descriptor(open_one(at("link"), O_RDONLY | O_NOFOLLOW)));           \
	CALLED(show_descriptor(open_one(at("file/"), O_RDONLY)));                       \
	CALLED(show_descriptor(open_one(at("sub/../file"), O_RDONLY)));                 \
	CALLED(show_descriptor(open_one(at("./sub//./../file"), O_RDONLY)));            \
	CALLED(show_descriptor(open_one(at(file), O_WRONLY | O_CREAT | O_EXCL, 0640))); \
	CALLED(show_descriptor(open_one(base, O_RDWR | O_TMPFILE, 0600)))

SIMPLE(open, OPEN_CASES(open, "new-open"))
SIMPLE(open64, OPEN_CASES(open64, "new-open64"))
#define OPENAT_CASES(open_one)                                                                   \
	EACH_WAY("file", show_descriptor(open_one(dirfd, path, O_RDONLY)))                       \
	EACH_WAY("missing", show_descriptor(open_one(dirfd, path, O_RDONLY)))                    \
	EACH_WAY("#", show_descriptor(open_one(dirfd, path, O_WRONLY | O_CREAT | O_EXCL, 0640))) \
	EACH_WAY("#", unlinkat(dirfd, path, 0))                                                  \
	EACH_WAY("sub/../link", show_descriptor(open_one(dirfd, path, O_RDONLY)))
SIMPLE(openat, OPENAT_CASES(openat))
SIMPLE(openat64, OPENAT_CASES(openat64))
SIMPLE(__open_2, CALLED(show_descriptor(__open_2(at("file"), O_RDONLY))))
SIMPLE(__open64_2, CALLED(show_descriptor(__open64_2(at("file"), O_RDONLY))))
SIMPLE(__openat_2, EACH_WAY("file", show_descriptor(__openat_2(dirfd, path, O_RDONLY))))
SIMPLE(__openat64_2, EACH_WAY("file", show_descriptor(__openat64_2(dirfd, path, O_RDONLY))))
SIMPLE(creat, CALLED(show_descriptor(creat(at("new-creat"), 0600))))
SIMPLE(creat64, CALLED(show_descriptor(creat64(at("new-creat64"), 0600))))
SIMPLE(fopen, show_content(fopen(at("file"), "r")), SUCCEEDED(fopen(at("missing"), "r")))
SIMPLE(fopen64, show_content(fopen64(at("link"), "re")), SUCCEEDED(fopen64(at("missing"), "r")))
SIMPLE(freopen, show_content(freopen(at("file"), "r", fopen("/dev/null", "r"))))
SIMPLE(freopen64, show_content(freopen64(at("file"), "r", fopen("/dev/null", "r"))))

#define STAT_CASE(name, type, ...)                                                                          \
	CASE(name)                                                                                          \
	{                                                                                                   \
		static const char *const files[] = {"file", "link", "dangling", "sub", "missing", "link/"}; \
		for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {                               \
			const char *path = at(files[i]);                                                    \
			type status = {0};                                                                  \
			if (!CALLED(__VA_ARGS__) && !S_ISDIR(status.st_mode))                               \
				SHOW_STATUS(st_, status);                                                   \
		}                                                                                           \
	}
#define STATAT_CASE(name, type, ...)             \
	CASE(name)                               \
	{                                        \
		type status = {0};               \
		EACH_WAY("file", __VA_ARGS__)    \
		SHOW_STATUS(st_, status);        \
		EACH_WAY("missing", __VA_ARGS__) \
	}
STAT_CASE(stat, struct stat, stat(path, &status))
STAT_CASE(stat64, struct stat64, stat64(path, &status))
STAT_CASE(lstat, struct stat, lstat(path, &status))
STAT_CASE(lstat64, struct stat64, lstat64(path, &status))
STAT_CASE(__xstat, struct stat, __xstat(1, path, &status))
STAT_CASE(__xstat64, struct stat64, __xstat64(1, path, &status))
STAT_CASE(__lxstat, struct stat, __lxstat(1, path, &status))
STAT_CASE(__lxstat64, struct stat64, __lxstat64(1, path, &status))
STATAT_CASE(fstatat, struct stat, fstatat(dirfd, path, &status, 0))
STATAT_CASE(fstatat64, struct stat64, fstatat64(dirfd, path, &status, 0))
STATAT_CASE(__fxstatat, struct stat, __fxstatat(1, dirfd, path, &status, 0))
STATAT_CASE(__fxstatat64, struct stat64, __fxstatat64(1, dirfd, path, &status, 0))
CASE(statx)
{
	struct statx status = {0};

	EACH_WAY("link", statx(dirfd, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &status))
	SHOW_STATUS(stx_, status);
	EACH_WAY("missing", statx(dirfd, path, 0, STATX_BASIC_STATS, &status))
	CALLED(statx(base_fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status));
	printf("%s: mode %o\n", current, status.stx_mode);
	CALLED(statx(base_fd, "", 0, STATX_BASIC_STATS, &status));
	CALLED(statx(base_fd, known("sub/b"), 0, STATX_SIZE, &status));
	printf("%s: size %llu\n", current, status.stx_size);
}
SIMPLE(access, CALLED(access(at("file"), R_OK)), CALLED(access(at("missing"), F_OK)), CALLED(access(at("file"), X_OK)))
SIMPLE(eaccess, CALLED(eaccess(at("file"), R_OK)), CALLED(eaccess(at("missing"), F_OK)))
SIMPLE(euidaccess, CALLED(euidaccess(at("file"), R_OK)), CALLED(euidaccess(at("missing"), F_OK)))
SIMPLE(faccessat,
       EACH_WAY("file", faccessat(dirfd, path, W_OK, AT_EACCESS)) EACH_WAY("missing", faccessat(dirfd, path, F_OK, 0)))
SIMPLE(pathconf, CALLED(pathconf(at("file"), _PC_NAME_MAX)), CALLED(pathconf(at("missing"), _PC_2_SYMLINKS)))

static char value[64];
SIMPLE(getxattr, CALLED(getxattr(at("file"), "user.missing", value, sizeof(value))))
SIMPLE(lgetxattr, CALLED(lgetxattr(at("file"), "user.missing", value, sizeof(value))))
SIMPLE(listxattr, CALLED(listxattr(at("file"), value, sizeof(value))))
SIMPLE(llistxattr, CALLED(llistxattr(at("file"), value, sizeof(value))))
SIMPLE(setxattr, CALLED(setxattr(at("file"), "user.none", "1", 1, XATTR_REPLACE)))
SIMPLE(lsetxattr, CALLED(lsetxattr(at("file"), "user.none", "1", 1, XATTR_REPLACE)))
SIMPLE(removexattr, CALLED(removexattr(at("file"), "user.none")))
SIMPLE(lremovexattr, CALLED(lremovexattr(at("file"), "user.none")))

/* On the bare directory these show its own file system: preload.py looks at what they show through the shim. */
#define STATFS_CASE(name, type, type_field, name_field, ...)                                                          \
	CASE(name)                                                                                                    \
	{                                                                                                             \
		type status = {0};                                                                                    \
		CALLED(__VA_ARGS__);                                                                                  \
		printf("%s: statfs type %#lx frsize %ld blocks %ld files %ld names %ld\n", current, (long)type_field, \
		       (long)status.f_frsize, (long)status.f_blocks, (long)status.f_files, (long)status.name_field);  \
	}
STATFS_CASE(statfs, struct statfs, status.f_type, f_namelen, statfs(at("file"), &status))
STATFS_CASE(statfs64, struct statfs64, status.f_type, f_namelen, statfs64(at("link"), &status))
STATFS_CASE(fstatfs, struct statfs, status.f_type, f_namelen, fstatfs(base_fd, &status))
STATFS_CASE(fstatfs64, struct statfs64, status.f_type, f_namelen, fstatfs64(base_fd, &status))
STATFS_CASE(statvfs, struct statvfs, 0, f_namemax, statvfs(at("file"), &status))
STATFS_CASE(statvfs64, struct statvfs64, 0, f_namemax, statvfs64(at("file"), &status))
STATFS_CASE(fstatvfs, struct statvfs, 0, f_namemax, fstatvfs(base_fd, &status))
STATFS_CASE(fstatvfs64, struct statvfs64, 0, f_namemax, fstatvfs64(base_fd, &status))

CASE(opendir)
{
	char *names[64];
	struct dirent *entry;
	size_t n = 0;
	DIR *directory = opendir(at("sub"));

	while (directory && (entry = readdir(directory)))
		names[n++] = strdup(entry->d_name);
	show_sorted(names, n);
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	if (directory)
		closedir(directory);
	SUCCEEDED(opendir(at("file")));
}
#define SCANDIR_CASE(name, type, ...)                                 \
	CASE(name)                                                    \
	{                                                             \
		struct type **list;                                   \
		long n = CALLED(__VA_ARGS__);                         \
		for (long i = 0; i < n; i++) {                        \
			printf("%s: %s\n", current, list[i]->d_name); \
			free(list[i]);                                \
		}                                                     \
		if (n >= 0)                                           \
			free(list);                                   \
	}
SCANDIR_CASE(scandir, dirent, scandir(at("sub"), &list, NULL, alphasort))
SCANDIR_CASE(scandir64, dirent64, scandir64(at("sub"), &list, NULL, alphasort64))
SCANDIR_CASE(scandirat, dirent, scandirat(root_fd, at("sub") + 1, &list, NULL, alphasort))
SCANDIR_CASE(scandirat64, dirent64, scandirat64(base_fd, "sub", &list, NULL, alphasort64))

CASE(chdir)
{
	CALLED(chdir(at("missing")));
	CALLED(chdir(at("file")));
	CALLED(chdir(at("sub")));
	CALLED(access("a", F_OK));
	CALLED(access("../file", F_OK));
	CALLED(chdir("/"));
	/* Without a slash in front, from the root: the shim alone knows that this is the directory. */
	CALLED(access(at("file") + 1, F_OK));
}

#define GLOB_CASE(name, type, free_one)                                                          \
	CASE(name)                                                                               \
	{                                                                                        \
		type found = {0};                                                                \
		CALLED(name(at("su?/*"), 0, NULL, &found));                                      \
		CALLED(name(at("fil[e]"), GLOB_APPEND, NULL, &found));                           \
		for (size_t i = 0; i < found.gl_pathc; i++)                                      \
			printf("%s: %s\n", current, found.gl_pathv[i]);                          \
		printf("%s: own functions %d\n", current, !!(found.gl_flags & GLOB_ALTDIRFUNC)); \
		free_one(&found);                                                                \
		CALLED(name(at("none*"), 0, NULL, &found));                                      \
	}
GLOB_CASE(glob, glob_t, globfree)
GLOB_CASE(glob64, glob64_t, globfree64)

static char *visited[64];
static size_t n_visited;

static int visit(const char *path, int type, int at_name)
{
	char text[PATH_MAX + 16];

	snprintf(text, sizeof(text), "%s %d %s", path, type, path + at_name);
	visited[n_visited++] = strdup(text);
	return 0;
}

static int visit_ftw(const char *path, const struct stat *status, int type)
{
	return visit(path, type, 0);
}

static int visit_ftw64(const char *path, const struct stat64 *status, int type)
{
	return visit(path, type, 0);
}

static int visit_nftw(const char *path, const struct stat *status, int type, struct FTW *where)
{
	return visit(path, type, where->base);
}

static int visit_nftw64(const char *path, const struct stat64 *status, int type, struct FTW *where)
{
	/* A walk within a walk: the outer one must find its visitor again. */
	if (where->level == 0)
		ftw(at("sub"), visit_ftw, 4);
	return visit(path, type, where->base);
}

#define FTW_CASE(name, ...)                            \
	CASE(name)                                     \
	{                                              \
		n_visited = 0;                         \
		CALLED(__VA_ARGS__);                   \
		show_sorted(visited, n_visited);       \
		for (size_t i = 0; i < n_visited; i++) \
			free(visited[i]);              \
	}
FTW_CASE(ftw, ftw(at("sub"), visit_ftw, 4))
FTW_CASE(ftw64, ftw64(at("sub"), visit_ftw64, 4))
FTW_CASE(nftw, nftw(at("sub"), visit_nftw, 4, FTW_PHYS))
FTW_CASE(nftw64, nftw64(at("sub"), visit_nftw64, 4, FTW_PHYS))

/* Paths that it hands out have to be right while they are, and once the walk has gone on from there. */
#define FTS_CASES(open, read, children, close, walk_type, entry_type)                                                  \
	static int compare_##open(const entry_type **a, const entry_type **b)                                          \
	{                                                                                                              \
		return strcmp((*a)->fts_name, (*b)->fts_name);                                                         \
	}                                                                                                              \
	static void show_##open(const char *what, const entry_type *entry, bool status)                                \
	{                                                                                                              \
		bool known_type = status && entry->fts_info != FTS_NS;                                                 \
		printf("%s: %s %d %d %s %d %s %o\n", current, what, entry->fts_info, entry->fts_level,                 \
		       entry->fts_path, (int)strlen(entry->fts_path) - entry->fts_pathlen, entry->fts_name,            \
		       known_type ? entry->fts_statp->st_mode : 0);                                                    \
		CALLED(access(entry->fts_accpath, F_OK));                                                              \
		for (; entry->fts_level > FTS_ROOTLEVEL; entry = entry->fts_parent)                                    \
			printf("%s: in %.*s\n", current, entry->fts_parent->fts_pathlen, entry->fts_parent->fts_path); \
	}                                                                                                              \
	static void walk_##open(int options, bool list)                                                                \
	{                                                                                                              \
		char *const paths[] = {(char *)at("sub"), (char *)at("file"), (char *)at("link"),                      \
				       (char *)at("missing"), NULL};                                                   \
		walk_type *walk = open(paths, options, compare_##open);                                                \
		entry_type *entry;                                                                                     \
		while (walk && (errno = NO_ERROR, entry = read(walk))) {                                               \
			show_##open("entry", entry, !(options & FTS_NOSTAT));                                          \
			for (entry_type *child = list && entry->fts_info == FTS_D ? children(walk, 0) : NULL; child;   \
			     child = child->fts_link)                                                                  \
				show_##open("child", child, true);                                                     \
		}                                                                                                      \
		CALLED(walk ? close(walk) : -1);                                                                       \
	}                                                                                                              \
	CASE(open)                                                                                                     \
	{                                                                                                              \
		char *const none[] = {NULL};                                                                           \
		walk_##open(FTS_PHYSICAL, false);                                                                      \
		SUCCEEDED(open(none, 0x10000, NULL));                                                                  \
	}                                                                                                              \
	CASE(read)                                                                                                     \
	{                                                                                                              \
		walk_##open(FTS_PHYSICAL | FTS_NOCHDIR, false);                                                        \
		walk_##open(FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT | FTS_SEEDOT, false);                              \
	}                                                                                                              \
	CASE(children)                                                                                                 \
	{                                                                                                              \
		walk_##open(FTS_PHYSICAL | FTS_NOCHDIR, true);                                                         \
	}
FTS_CASES(fts_open, fts_read, fts_children, fts_close, FTS, FTSENT)
FTS_CASES(fts64_open, fts64_read, fts64_children, fts64_close, FTS64, FTSENT64)

/* The descriptor of a file in the directory shows its path in /proc. */
static const char *fd_link(void)
{
	static char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", base_fd);
	return path;
}

static char target[PATH_MAX];
#define SHOW_LINK(...) printf("%s: -> %.*s\n", current, (int)CALLED(__VA_ARGS__), target)
SIMPLE(readlink, SHOW_LINK(readlink(at("link"), target, sizeof(target))), SHOW_LINK(readlink(at("file"), target, 0)),
       CALLED(readlink(at("file"), target, sizeof(target))), SHOW_LINK(readlink(at("link"), target, 2)))
SIMPLE(readlinkat,
       EACH_WAY("link", readlinkat(dirfd, path, target, sizeof(target))) printf("%s: -> %.4s\n", current, target))
SIMPLE(__readlink_chk, SHOW_LINK(__readlink_chk(at("link"), target, sizeof(target), sizeof(target))))
SIMPLE(__readlinkat_chk, SHOW_LINK(__readlinkat_chk(base_fd, "link", target, sizeof(target), sizeof(target))))

/* Names of the directory itself, which preload.py knows in both runs. */
static void show_name(const char *name)
{
	printf("%s: is %s %s\n", current, name ? name : "NULL", errno == NO_ERROR ? "" : strerrorname_np(errno));
}
#define NAMED(expression) (errno = NO_ERROR, show_name(expression))

static void show_allocated(char *name)
{
	show_name(name);
	free(name);
}
#define ALLOCATED(expression) (errno = NO_ERROR, show_allocated(expression))

SIMPLE(realpath, NAMED(realpath(at("sub/../link"), target)), ALLOCATED(realpath(at("sub"), NULL)),
       NAMED(realpath(at("missing"), target)), show_name(target), ALLOCATED(realpath(fd_link(), NULL)))
SIMPLE(__realpath_chk, NAMED(__realpath_chk(at("link"), target, sizeof(target))))
SIMPLE(canonicalize_file_name, ALLOCATED(canonicalize_file_name(at("./link"))),
       ALLOCATED(canonicalize_file_name(at("missing"))))

/* In the directory `sub`, and back. */
#define IN_SUB(...)               \
	if (chdir(at("sub")) < 0) \
		abort();          \
	__VA_ARGS__;              \
	if (chdir("/") < 0)       \
	abort()
static char small[5];
SIMPLE(getcwd,
       IN_SUB(NAMED(getcwd(target, sizeof(target))), ALLOCATED(getcwd(NULL, 0)), ALLOCATED(getcwd(NULL, 300)),
	      NAMED(getcwd(small, sizeof(small))), NAMED(getcwd(small, 0)),
	      NAMED(getcwd(target, strlen(base) + sizeof("/sub"))),
	      NAMED(getcwd(target, strlen(base) + sizeof("/sub") - 1))),
       NAMED(getcwd(target, 2)))
SIMPLE(__getcwd_chk, IN_SUB(NAMED(__getcwd_chk(target, sizeof(target), sizeof(target)))))
SIMPLE(getwd, IN_SUB(NAMED(by_name(getwd)(target))))
SIMPLE(__getwd_chk, IN_SUB(NAMED(__getwd_chk(target, sizeof(target)))))
CASE(get_current_dir_name)
{
	setenv("PWD", at("sub/../sub"), 1);
	IN_SUB(ALLOCATED(get_current_dir_name()));
	setenv("PWD", "/", 1);
	IN_SUB(ALLOCATED(get_current_dir_name()));
}

SIMPLE(truncate, CALLED(truncate(at("sub/a"), 7)), CALLED(truncate(at("missing"), 7)))
SIMPLE(truncate64, CALLED(truncate64(at("sub/b"), 9)), CALLED(truncate64(at("sub"), 9)))
SIMPLE(chmod, CALLED(chmod(at("sub/a"), 0604)), CALLED(chmod(at("missing"), 0604)))
SIMPLE(lchmod, CALLED(lchmod(at("sub/b"), 0640)))
SIMPLE(fchmodat, EACH_WAY("sub/b", fchmodat(dirfd, path, 0600 + (unsigned)way, 0)))
SIMPLE(chown, CALLED(chown(at("file"), geteuid(), getegid())), CALLED(chown(at("missing"), geteuid(), getegid())))
SIMPLE(lchown, CALLED(lchown(at("dangling"), geteuid(), getegid())), CALLED(lchown(at("missing"), 0, 0)))
SIMPLE(fchownat, EACH_WAY("dangling", fchownat(dirfd, path, geteuid(), getegid(), AT_SYMLINK_NOFOLLOW))
			 EACH_WAY("dangling", fchownat(dirfd, path, geteuid(), getegid(), 0)))

static long modified(const char *name)
{
	struct stat status;

	return lstat(at(name), &status) ? -1 : (long)status.st_mtime;
}
#define SHOW_TIME(name) printf("%s: modified %ld\n", current, modified(name))
static const struct timeval times[2] = {{1000, 0}, {2000, 0}};
SIMPLE(utime, CALLED(utime(at("sub/a"), &(struct utimbuf){1, 2})), SHOW_TIME("sub/a"))
SIMPLE(utimes, CALLED(utimes(at("sub/a"), times)), SHOW_TIME("sub/a"))
SIMPLE(lutimes, CALLED(lutimes(at("dangling"), times)), SHOW_TIME("dangling"))
SIMPLE(futimesat, EACH_WAY("sub/b", futimesat(dirfd, path, times)) SHOW_TIME("sub/b"))
static const struct timespec exact_times[2] = {{3000, 0}, {4000, 0}};
SIMPLE(utimensat, EACH_WAY("link", utimensat(dirfd, path, exact_times, AT_SYMLINK_NOFOLLOW)) SHOW_TIME("link");
       CALLED(by_name(utimensat)(base_fd, NULL, exact_times, 0)))

SIMPLE(mkdir, CALLED(mkdir(at("new-directory"), 0750)), CALLED(mkdir(at("sub"), 0750)))
SIMPLE(mkdirat, EACH_WAY("#", mkdirat(dirfd, path, 0700)) EACH_WAY("#", unlinkat(dirfd, path, AT_REMOVEDIR)))
/* A template for names of files in the directory. */
static char *template(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", base, name);
	return path;
}

/* Which name it was differs; that what was made is there, and that nothing is where none was made, does not. */
static void show_made(char *path, long result)
{
	struct stat status;

	printf("%s: marks %d, made %d\n", current, strstr(path, "XXXXXX") != NULL, lstat(path, &status) == 0);
	if (result >= 0)
		remove(path);
}
#define MADE(name, call)                          \
	do {                                      \
		char *path = template(name);      \
		long result;                      \
		errno = NO_ERROR;                 \
		result = (long)(call);            \
		say(#call, result >= 0 ? 0 : -1); \
		show_made(path, result);          \
	} while (0)
SIMPLE(mkstemp, MADE("new-XXXXXX", mkstemp(path)); MADE("no/new-XXXXXX", mkstemp(path)); MADE("new", mkstemp(path)))
SIMPLE(mkstemp64, MADE("new-XXXXXX", mkstemp64(path)))
SIMPLE(mkostemp, MADE("new-XXXXXX", mkostemp(path, O_CLOEXEC)))
SIMPLE(mkostemp64, MADE("new-XXXXXX", mkostemp64(path, O_APPEND)))
SIMPLE(mkstemps, MADE("new-XXXXXX.c", mkstemps(path, 2)); MADE("new-XXXXXX.c", mkstemps(path, 1)))
SIMPLE(mkstemps64, MADE("new-XXXXXX.c", mkstemps64(path, 2)))
SIMPLE(mkostemps, MADE("new-XXXXXX.c", mkostemps(path, 2, O_CLOEXEC)))
SIMPLE(mkostemps64, MADE("new-XXXXXX.c", mkostemps64(path, 2, O_CLOEXEC)))
SIMPLE(mkdtemp, MADE("new-XXXXXX", mkdtemp(path) ? 0 : -1); MADE("no/new-XXXXXX", mkdtemp(path) ? 0 : -1))
SIMPLE(mknod, CALLED(mknod(at("new-node"), S_IFREG | 0600, 0)), CALLED(mknod(at("file"), S_IFREG | 0600, 0)))
SIMPLE(mknodat, EACH_WAY("#", mknodat(dirfd, path, S_IFIFO | 0600, 0)) EACH_WAY("#", unlinkat(dirfd, path, 0)))
static dev_t no_device;
SIMPLE(__xmknod, CALLED(__xmknod(0, at("new-xnode"), S_IFREG | 0600, &no_device)))
SIMPLE(__xmknodat,
       EACH_WAY("#", __xmknodat(0, dirfd, path, S_IFREG | 0600, &no_device)) EACH_WAY("#", unlinkat(dirfd, path, 0)))
SIMPLE(mkfifo, CALLED(mkfifo(at("new-fifo"), 0600)))
SIMPLE(mkfifoat, EACH_WAY("#", mkfifoat(dirfd, path, 0600)) EACH_WAY("#", unlinkat(dirfd, path, 0)))
SIMPLE(rmdir, CALLED(mkdir(at("gone"), 0700)), CALLED(rmdir(at("gone"))), CALLED(rmdir(at("sub"))),
       CALLED(rmdir(at("sub/."))))
SIMPLE(unlink, CALLED(mkfifo(at("gone"), 0700)), CALLED(unlink(at("gone"))), CALLED(unlink(at("gone"))))
SIMPLE(unlinkat, EACH_WAY("#", mkfifoat(dirfd, path, 0600)) EACH_WAY("#", unlinkat(dirfd, path, 0))
			 EACH_WAY("#", unlinkat(dirfd, path, 0)))
SIMPLE(remove, CALLED(mkdir(at("gone"), 0700)), CALLED(remove(at("gone"))), CALLED(remove(at("gone"))))
SIMPLE(rename, CALLED(mkfifo(at("from"), 0700)), CALLED(rename(at("from"), at("new-name"))),
       CALLED(rename(at("from"), at("x"))))
SIMPLE(renameat, CALLED(mkfifo(at("from"), 0700)), CALLED(renameat(base_fd, "from", root_fd, at("new-nameat") + 1)))
SIMPLE(renameat2, CALLED(mkfifo(at("from"), 0700)),
       CALLED(renameat2(root_fd, at("from") + 1, AT_FDCWD, at("new-nameat"), RENAME_NOREPLACE)),
       CALLED(renameat2(root_fd, at("from") + 1, AT_FDCWD, at("new-nameat2"), RENAME_NOREPLACE)))
SIMPLE(link, CALLED(link(at("file"), at("new-hard"))), CALLED(link(at("missing"), at("new-x"))))
SIMPLE(linkat, CALLED(linkat(base_fd, "file", root_fd, at("new-hardat") + 1, 0)))
SIMPLE(symlink, CALLED(symlink("file", at("new-soft"))), CALLED(symlink("file", at("new-soft"))))
SIMPLE(symlinkat, EACH_WAY("#", symlinkat("file", dirfd, path)) EACH_WAY("#", unlinkat(dirfd, path, 0)))

SIMPLE(inotify_add_watch, CALLED(inotify_add_watch(inotify_init(), at("sub"), IN_ALL_EVENTS)),
       CALLED(inotify_add_watch(inotify_init(), at("missing"), IN_ALL_EVENTS)))

/* Sockets that are none of the machine's: as they are without the shim. */
static int netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
}

static void show_address(const struct sockaddr_nl *address, socklen_t size)
{
	printf("%s: family %d groups %u size %u\n", current, address->nl_family, address->nl_groups, size);
}

static struct sockaddr_nl address;
static socklen_t address_size;
#define ADDRESS(family, groups)                                                                                        \
	(address = (struct sockaddr_nl){.nl_family = (family), .nl_groups = (groups)}, address_size = sizeof(address), \
	 (struct sockaddr *)&address)

/* A pair of sockets with two messages on the way, the second of them with credentials. */
static int receiver(void)
{
	int pair[2], on = 1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	if (write(pair[0], "first", 5) != 5 || write(pair[0], "second", 6) != 6)
		abort();
	return pair[1];
}

static void show_message(const struct msghdr *message)
{
	const struct cmsghdr *header = CMSG_FIRSTHDR(message);
	struct ucred sender = {0};

	if (header)
		memcpy(&sender, CMSG_DATA(header), sizeof(sender));
	printf("%s: name %u control %zu, from this process: %d, this user: %d\n", current, message->msg_namelen,
	       message->msg_controllen, sender.pid == getpid(), sender.uid == getuid());
}

static char text[64], control[CMSG_SPACE(sizeof(struct ucred))];
static struct iovec part = {text, sizeof(text)};
#define MESSAGE()                                                                                        \
	(struct msghdr)                                                                                  \
	{                                                                                                \
		.msg_name = &address, .msg_namelen = sizeof(address), .msg_iov = &part, .msg_iovlen = 1, \
		.msg_control = control, .msg_controllen = sizeof(control)                                \
	}

SIMPLE(socket, CALLED(show_descriptor(socket(AF_UNIX, SOCK_STREAM, 0))),
       CALLED(show_descriptor(socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT))),
       CALLED(show_descriptor(socket(AF_NETLINK, SOCK_STREAM, NETLINK_KOBJECT_UEVENT))),
       CALLED(show_descriptor(socket(-1, 0, 0))))
SIMPLE(bind, CALLED(bind(netlink(), ADDRESS(AF_NETLINK, 1), sizeof(address))),
       CALLED(bind(netlink(), ADDRESS(AF_NETLINK, 1), 1)), CALLED(bind(-1, ADDRESS(AF_NETLINK, 1), sizeof(address))))
SIMPLE(connect, CALLED(connect(netlink(), ADDRESS(AF_NETLINK, 0), sizeof(address))),
       CALLED(connect(-1, ADDRESS(AF_NETLINK, 0), sizeof(address))))
SIMPLE(getsockname, CALLED(getsockname(netlink(), ADDRESS(0, 9), &address_size)), show_address(&address, address_size),
       CALLED(getsockname(base_fd, ADDRESS(0, 0), &address_size)))
SIMPLE(getpeername, CALLED(getpeername(netlink(), ADDRESS(0, 9), &address_size)), show_address(&address, address_size),
       CALLED(getpeername(receiver(), ADDRESS(0, 9), &address_size)), show_address(&address, address_size))
static int option;
static socklen_t option_size;
#define OPTION() ((option = -1), (option_size = sizeof(option)), &option)
SIMPLE(getsockopt, CALLED(getsockopt(netlink(), SOL_SOCKET, SO_DOMAIN, OPTION(), &option_size)), CALLED(option),
       CALLED(getsockopt(netlink(), SOL_SOCKET, SO_PROTOCOL, OPTION(), &option_size)), CALLED(option),
       CALLED(getsockopt(base_fd, SOL_SOCKET, SO_TYPE, OPTION(), &option_size)))
SIMPLE(setsockopt, CALLED(setsockopt(netlink(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &(int){1}, sizeof(int))),
       CALLED(setsockopt(netlink(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &(int){99}, sizeof(int))),
       CALLED(setsockopt(base_fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &(int){1}, sizeof(int))))
SIMPLE(recvfrom, CALLED(recvfrom(receiver(), text, sizeof(text), 0, ADDRESS(0, 9), &address_size)),
       show_address(&address, address_size), CALLED(recvfrom(receiver(), text, 2, MSG_TRUNC, NULL, NULL)),
       CALLED(recvfrom(base_fd, text, sizeof(text), 0, NULL, NULL)))
SIMPLE(__recvfrom_chk,
       CALLED(__recvfrom_chk(receiver(), text, sizeof(text), sizeof(text), 0, ADDRESS(0, 9), &address_size)),
       show_address(&address, address_size))
CASE(recvmsg)
{
	struct msghdr message = MESSAGE();

	CALLED(recvmsg(receiver(), &message, 0));
	show_message(&message);
	CALLED(recvmsg(base_fd, &message, 0));
}
CASE(recvmmsg)
{
	struct mmsghdr messages[3] = {{MESSAGE(), 0}, {MESSAGE(), 0}, {MESSAGE(), 0}};

	CALLED(recvmmsg(receiver(), messages, 3, MSG_DONTWAIT, NULL));
	for (int i = 0; i < 2; i++) {
		printf("%s: %u bytes\n", current, messages[i].msg_len);
		show_message(&messages[i].msg_hdr);
	}
}
SIMPLE(sendto, CALLED(sendto(receiver(), "answer", 6, MSG_NOSIGNAL, NULL, 0)),
       CALLED(sendto(base_fd, "answer", 6, MSG_NOSIGNAL, ADDRESS(AF_NETLINK, 0), sizeof(address))))
CASE(sendmsg)
{
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	CALLED(sendmsg(receiver(), &message, MSG_NOSIGNAL));
	CALLED(sendmsg(base_fd, &message, MSG_NOSIGNAL));
}

/* ---- descriptors: of a file that is there for each case ---- */

static char data[16];
static const struct iovec two_parts[2] = {{data, 3}, {data + 3, 4}};

/* A new file "abcdefgh", open for reading and writing, with each call on @fd; then what is in it. */
#define WITH_FILE(...)                                                                                  \
	{                                                                                               \
		const char *path = at(numbered(current, 0));                                            \
		int fd = open(on_machine ? path = at("file") : path, O_RDWR | O_CREAT | O_TRUNC, 0600); \
                                                                                                        \
		strcpy(data, "0123456789");                                                             \
		if (fd < 0 || write(fd, "abcdefgh", 8) != 8 || lseek(fd, 2, SEEK_SET) != 2)             \
			abort();                                                                        \
		__VA_ARGS__;                                                                            \
		printf("%s: data %.*s\n", current, (int)sizeof(data), data);                            \
		close(fd);                                                                              \
		show_content(fopen(path, "r"));                                                         \
		unlink(path);                                                                           \
	}
#define ON_FILE(name, ...) CASE(name) WITH_FILE(__VA_ARGS__)

ON_FILE(read, CALLED(read(fd, data, 3)), CALLED(read(fd, data, 3)), CALLED(read(-1, data, 3)))
ON_FILE(__read_chk, CALLED(__read_chk(fd, data, 3, sizeof(data))))
ON_FILE(readv, CALLED(readv(fd, two_parts, 2)))
ON_FILE(pread, CALLED(pread(fd, data, 3, 1)), CALLED(pread(fd, data, 3, -1)))
ON_FILE(pread64, CALLED(pread64(fd, data, 3, 1)))
ON_FILE(__pread_chk, CALLED(__pread_chk(fd, data, 3, 1, sizeof(data))))
ON_FILE(__pread64_chk, CALLED(__pread64_chk(fd, data, 3, 1, sizeof(data))))
ON_FILE(preadv, CALLED(preadv(fd, two_parts, 2, 1)))
ON_FILE(preadv64, CALLED(preadv64(fd, two_parts, 2, 1)))
ON_FILE(preadv2, CALLED(preadv2(fd, two_parts, 2, -1, 0)))
ON_FILE(preadv64v2, CALLED(preadv64v2(fd, two_parts, 2, 1, 0)))
ON_FILE(write, CALLED(write(fd, "xyz", 3)), CALLED(write(-1, "xyz", 3)))
ON_FILE(writev, CALLED(writev(fd, two_parts, 2)))
ON_FILE(pwrite, CALLED(pwrite(fd, "xyz", 3, 1)), CALLED(pwrite(fd, "xyz", 3, -1)))
ON_FILE(pwrite64, CALLED(pwrite64(fd, "xyz", 3, 1)))
ON_FILE(pwritev, CALLED(pwritev(fd, two_parts, 2, 1)))
ON_FILE(pwritev64, CALLED(pwritev64(fd, two_parts, 2, 1)))
ON_FILE(pwritev2, CALLED(pwritev2(fd, two_parts, 2, -1, 0)))
ON_FILE(pwritev64v2, CALLED(pwritev64v2(fd, two_parts, 2, 1, 0)))
/* An attribute that may change, and one that never does. */
#define FIND_DATA(seek, fd)                                                                                          \
	CALLED(seek(fd, 1, SEEK_DATA)), CALLED(seek(fd, 0, SEEK_CUR)), CALLED(seek(fd, 1, SEEK_HOLE)),               \
		CALLED(seek(fd, 0, SEEK_CUR)), CALLED(seek(fd, 5000, SEEK_DATA)), CALLED(seek(fd, 5000, SEEK_HOLE)), \
		CALLED(seek(fd, -1, SEEK_DATA)), CALLED(seek(fd, 0, 9))
ON_FILE(lseek, CALLED(lseek(fd, 1, SEEK_CUR)), CALLED(lseek(fd, -1, SEEK_SET)), FIND_DATA(lseek, fd);
	int constant = open(at(on_machine ? "vendor" : "file"), O_RDONLY); FIND_DATA(lseek, constant), close(constant))
ON_FILE(lseek64, CALLED(lseek64(fd, -1, SEEK_END)), FIND_DATA(lseek64, fd))
ON_FILE(ftruncate, CALLED(ftruncate(fd, 3)), CALLED(ftruncate(fd, -1)))
ON_FILE(ftruncate64, CALLED(ftruncate64(fd, 3)))
ON_FILE(fallocate, CALLED(fallocate(fd, -1, 0, 1)))
ON_FILE(fallocate64, CALLED(fallocate64(fd, -1, 0, 1)))
ON_FILE(posix_fallocate, CALLED(posix_fallocate(fd, 0, -1)))
ON_FILE(posix_fallocate64, CALLED(posix_fallocate64(fd, 0, -1)))
ON_FILE(posix_fadvise, CALLED(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL)))
ON_FILE(posix_fadvise64, CALLED(posix_fadvise64(fd, 0, 0, POSIX_FADV_SEQUENTIAL)))
ON_FILE(sendfile, CALLED(sendfile(fd, base_fd, NULL, 3)))
ON_FILE(sendfile64, CALLED(sendfile64(fd, base_fd, NULL, 3)))
ON_FILE(splice, CALLED(splice(fd, NULL, fd, NULL, 3, 0)))
ON_FILE(fsync, CALLED(fsync(fd)), CALLED(fsync(-1)))
ON_FILE(fdatasync, CALLED(fdatasync(fd)))
ON_FILE(fchmod, CALLED(fchmod(fd, 0640)), CALLED(show_descriptor(dup(fd))))
ON_FILE(fchown, CALLED(fchown(fd, geteuid(), getegid())))
#define SHOW_TIME_OF(fd)                                                            \
	{                                                                           \
		struct stat status = {0};                                           \
		CALLED(fstat(fd, &status));                                         \
		printf("%s: modified %ld\n", current, (long)status.st_mtim.tv_sec); \
	}
ON_FILE(futimens, CALLED(futimens(fd, exact_times)); SHOW_TIME_OF(fd))
ON_FILE(futimes, CALLED(futimes(fd, times)); SHOW_TIME_OF(fd))

#define FSTAT_CASE(name, type, ...)                  \
	CASE(name)                                   \
	{                                            \
		type status = {0};                   \
		int fd = open(at("file"), O_RDONLY); \
		CALLED(__VA_ARGS__);                 \
		SHOW_STATUS(st_, status);            \
		close(fd);                           \
		CALLED(__VA_ARGS__);                 \
	}
FSTAT_CASE(fstat, struct stat, fstat(fd, &status))
FSTAT_CASE(fstat64, struct stat64, fstat64(fd, &status))
FSTAT_CASE(__fxstat, struct stat, __fxstat(1, fd, &status))
FSTAT_CASE(__fxstat64, struct stat64, __fxstat64(1, fd, &status))

ON_FILE(fcntl, CALLED(fcntl(fd, F_GETFL) & O_ACCMODE), CALLED(fcntl(fd, F_SETFD, FD_CLOEXEC)),
	CALLED(fcntl(fd, F_GETFD)), CALLED(close(fcntl(fd, F_DUPFD, 100))))
ON_FILE(fcntl64, CALLED(fcntl64(fd, F_GETFL) & O_ACCMODE), CALLED(close(fcntl64(fd, F_DUPFD_CLOEXEC, 100))))
ON_FILE(ioctl, CALLED(ioctl(fd, TCGETS, data)), CALLED(ioctl(-1, TCGETS, data)))

ON_FILE(close, CALLED(close(fd)), CALLED(close(fd)))
ON_FILE(dup, int copy = dup(fd); CALLED(read(copy, data, 3)), CALLED(close(copy)), CALLED(dup(-1)))
ON_FILE(dup2, CALLED(dup2(fd, 100)), CALLED(read(100, data, 3)), CALLED(close(100)), CALLED(dup2(-1, 100)))
ON_FILE(dup3, CALLED(dup3(fd, 100, O_CLOEXEC)), CALLED(fcntl(100, F_GETFD)), CALLED(close(100)),
	CALLED(dup3(fd, fd, 0)))
ON_FILE(close_range, CALLED(dup2(fd, 100)), CALLED(close_range(100, 200, 0)), CALLED(close(100)))
ON_FILE(closefrom, CALLED(dup2(fd, 100)), closefrom(100), CALLED(close(100)))

ON_FILE(fdopen, FILE *stream = fdopen(dup(fd), "r");
	CALLED(fgetc(stream)), CALLED(fclose(stream)), SUCCEEDED(fdopen(-1, "r")))
static int print(int (*function)(int fd, const char *format, va_list arguments), int fd, const char *format, ...)
{
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = function(fd, format, arguments);
	va_end(arguments);
	return n;
}
static int checked_vdprintf(int fd, const char *format, va_list arguments)
{
	return __vdprintf_chk(fd, 1, format, arguments);
}
ON_FILE(dprintf, CALLED(dprintf(fd, "<%d>", 7)))
ON_FILE(vdprintf, CALLED(print(vdprintf, fd, "<%d>", 7)))
ON_FILE(__dprintf_chk, CALLED(__dprintf_chk(fd, 1, "<%d>", 7)))
ON_FILE(__vdprintf_chk, CALLED(print(checked_vdprintf, fd, "<%d>", 7)))

/* ---- directories, an entry at a time: sorted ---- */

static int type_letter(unsigned char type)
{
	return type == DT_DIR ? 'd' : type == DT_LNK ? 'l' : type == DT_REG ? 'f' : '?';
}

#define READDIR_CASE(name, type, next)                                                                    \
	CASE(name)                                                                                        \
	{                                                                                                 \
		DIR *directory = opendir(base);                                                           \
		struct type *entry, place __attribute__((unused));                                        \
		char *names[64], line[300];                                                               \
		size_t n = 0;                                                                             \
		while ((next) && n < 64) {                                                                \
			snprintf(line, sizeof(line), "%c %s", type_letter(entry->d_type), entry->d_name); \
			names[n++] = strdup(line);                                                        \
		}                                                                                         \
		show_sorted(names, n);                                                                    \
		while (n)                                                                                 \
			free(names[--n]);                                                                 \
		closedir(directory);                                                                      \
	}
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
READDIR_CASE(readdir, dirent, entry = readdir(directory))
READDIR_CASE(readdir64, dirent64, entry = readdir64(directory))
READDIR_CASE(readdir_r, dirent, !readdir_r(directory, &place, &entry) && entry)
READDIR_CASE(readdir64_r, dirent64, !readdir64_r(directory, &place, &entry) && entry)
CASE(getdents64)
{
	static char buffer[8192] __attribute__((aligned(8)));
	int fd = open(at("sub"), O_RDONLY | O_DIRECTORY);
	ssize_t n = getdents64(fd, buffer, sizeof(buffer));
	char *names[64], line[300];
	size_t n_names = 0;

	for (ssize_t i = 0; i < n; i += ((struct dirent64 *)(buffer + i))->d_reclen) {
		const struct dirent64 *entry = (const struct dirent64 *)(buffer + i);

		snprintf(line, sizeof(line), "%c %s", type_letter(entry->d_type), entry->d_name);
		names[n_names++] = strdup(line);
	}
	show_sorted(names, n_names);
	while (n_names)
		free(names[--n_names]);
	close(fd);
	CALLED(getdents64(fd, buffer, sizeof(buffer)));
}

/* Six arguments: the last one is where the file is mapped from. */
CASE(syscall)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	char page[16];
	void *mapped = (void *)syscall(SYS_mmap, NULL, 4096L, (long)PROT_READ, (long)MAP_PRIVATE, (long)fd, 4096L);

	CALLED(pread(fd, page, sizeof(page), 4096));
	CALLED(mapped != MAP_FAILED && !memcmp(mapped, page, sizeof(page)));
	munmap(mapped, 4096);
	close(fd);
	CALLED(syscall(SYS_getppid) == getppid());
	CALLED(syscall(SYS_openat, -1, "none", 0, 0));
	CALLED(show_descriptor((int)syscall(SYS_openat, AT_FDCWD, at("file"), O_RDONLY, 0)));
}

CASE(fanotify_mark)
{
	int fd = fanotify_init(FAN_CLASS_NOTIF, O_RDONLY);

	CALLED(fanotify_mark(-1, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, at("file")));
	if (fd >= 0)
		CALLED(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, at("missing")));
	close(fd);
}
CASE(name_to_handle_at)
{
	static union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} place;
	int mount;

	EACH_WAY("file",
		 (place.handle.handle_bytes = MAX_HANDLE_SZ, name_to_handle_at(dirfd, path, &place.handle, &mount, 0)))
	EACH_WAY("missing", name_to_handle_at(dirfd, path, &place.handle, &mount, 0))
}
SIMPLE(ftok, CALLED(ftok(at("missing"), 7)), SUCCEEDED(ftok(at("file"), 7) != -1))

ELSEWHERE(posix_spawn_file_actions_addopen)
ELSEWHERE(posix_spawn_file_actions_destroy)
ELSEWHERE(posix_spawn_file_actions_addchdir_np)
ELSEWHERE(execve)
ELSEWHERE(execv)
ELSEWHERE(execvp)
ELSEWHERE(execvpe)
ELSEWHERE(execl)
ELSEWHERE(execle)
ELSEWHERE(execlp)
ELSEWHERE(fexecve)
ELSEWHERE(execveat)
ELSEWHERE(posix_spawn)
ELSEWHERE(posix_spawnp)
#if __GLIBC_PREREQ(2, 39)
ELSEWHERE(pidfd_spawn)
ELSEWHERE(pidfd_spawnp)
#endif
ELSEWHERE(init_module)
ELSEWHERE(finit_module)
ELSEWHERE(delete_module)

static const struct {
	const char *name;
	void (*run)(void);
} calls[] = {
#define CALL(type, name, parameters, arguments, places) {#name, call_##name},
#define HAND(type, name, parameters) {#name, call_##name},
#define OWN(type, name, parameters) {#name, call_##name},
#include "preload/table.h"
};

int main(int argc, char **argv)
{
	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: %s DIRECTORY | DEVICE --device | --names\n", argv[0]);
		return 2;
	}
	base = argv[1];
	on_machine = argc == 3;
	umask(022);
	setlinebuf(stdout);
	base_fd = open(base, O_RDONLY | O_DIRECTORY);
	root_fd = open("/", O_RDONLY | O_DIRECTORY);
	if (strcmp(base, "--names") && base_fd < 0) {
		perror(base);
		return 1;
	}
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		current = calls[i].name;
		if (!strcmp(base, "--names"))
			puts(current);
		else
			calls[i].run();
	}
	return 0;
}
