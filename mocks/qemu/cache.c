/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qemu/cache.h"
#include "installed/installed.h"
#include "qemu/archive.h"
#include "qemu/scripts.h"
#include "qemu/util.h"
#include "qemu/words.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

struct cache {
	char path[PATH_MAX];
	int lock; /* held while something is made; it ends with the process */
};

/* ---- where ---- */

static bool is_ours(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 022);
}

static bool use(struct cache *cache, const char *base, const char *first, const char *second)
{
	if (!base || base[0] != '/')
		return false;
	if (snprintf(cache->path, PATH_MAX, "%s/%s", base, first) >= PATH_MAX - 16)
		return false;
	if ((mkdir(cache->path, 0755) < 0 && errno != EEXIST) || !is_ours(cache->path))
		return false;
	if (!*second)
		return true;
	strcat(strcat(cache->path, "/"), second);
	return (mkdir(cache->path, 0755) == 0 || errno == EEXIST) && is_ours(cache->path);
}

static bool find_place(struct cache *cache)
{
	const char *named = getenv("MOCKSYS_QEMU_CACHE"), *home = getenv("HOME"),
		   *user_cache = getenv("XDG_CACHE_HOME");
	char private[32];

	if (named)
		return use(cache, named, "", "");
	if (installed_not() && is_ours(BUILD_FOLDER) && use(cache, BUILD_FOLDER, "qemu-cache", ""))
		return true;
	if (user_cache && is_ours(user_cache) && use(cache, user_cache, "mocksys", "qemu"))
		return true;
	if (home && is_ours(home)) {
		struct cache below;

		if (use(&below, home, ".cache", "") && use(cache, below.path, "mocksys", "qemu"))
			return true;
	}
	snprintf(private, sizeof(private), "mocksys-%u", geteuid());
	return use(cache, "/tmp", private, "qemu");
}

int cache_open(struct cache **ret_cache, char **ret_error)
{
	struct cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return -ENOMEM;
	cache->lock = -1;
	if (!find_place(cache)) {
		int r = fail(ret_error, -EACCES,
			     "no directory to keep kernels in: name one of your own in MOCKSYS_QEMU_CACHE");

		free(cache);
		return r;
	}
	*ret_cache = cache;
	return 0;
}

void cache_close(struct cache *cache)
{
	if (!cache)
		return;
	close_descriptor(&cache->lock);
	free(cache);
}

static int lock(struct cache *cache, char **ret_error)
{
	char path[PATH_MAX + 8];

	if (cache->lock >= 0)
		return 0;
	snprintf(path, sizeof(path), "%s/lock", cache->path);
	cache->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (cache->lock < 0)
		return fail(ret_error, -errno, "cannot open %s: %s", path, strerror(errno));
	while (flock(cache->lock, LOCK_EX) < 0)
		if (errno != EINTR)
			return fail(ret_error, -errno, "cannot lock %s: %s", path, strerror(errno));
	return 0;
}

static void unlock(struct cache *cache)
{
	close_descriptor(&cache->lock);
}

/* ---- what is fetched: a directory each ---- */

/* Complete, and nobody else could have put something else there. */
static bool is_good(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && (st.st_uid == geteuid() || st.st_uid == 0) &&
	       !(st.st_mode & 022);
}

static bool find(const struct cache *cache, const char *name, char **ret_path)
{
	const char *const folders[] = {cache->path, BUILD_FOLDER "/qemu-cache"};
	size_t n = installed_not() ? ARRAY_SIZE(folders) : 1;

	for (size_t i = 0; i < n; i++) {
		char path[PATH_MAX];

		if (snprintf(path, sizeof(path), "%s/%s", folders[i], name) < (int)sizeof(path) && is_good(path)) {
			*ret_path = strdup(path);
			return *ret_path;
		}
	}
	return false;
}

/* Has a script make the directory @name, unless it is there. @argument: the script's first, or NULL; the directory is the last. */
static int fetch(struct cache *cache, const char *name, const char *what, const char *script_name, const char *argument,
		 char **ret_path, char **ret_error)
{
	_cleanup_free_ char *path = NULL, *said = NULL;
	char script[PATH_MAX];
	char *arguments[4] = {script};
	int r;

	if (find(cache, name, ret_path))
		return 0;
	r = lock(cache, ret_error);
	if (r < 0)
		return r;
	if (find(cache, name, ret_path)) { /* another run's work */
		unlock(cache);
		return 0;
	}
	if (asprintf(&path, "%s/%s", cache->path, name) < 0)
		return -ENOMEM;
	fprintf(stderr, "mocksys: fetching %s into %s, once\n", what, cache->path);
	tool_path(script_name, script, sizeof(script));
	arguments[1] = argument ? (char *)argument : path;
	arguments[2] = argument ? path : NULL;
	r = script_run(arguments, NULL, &said);
	unlock(cache);
	if (r < 0)
		return fail(ret_error, -ENOENT, "cannot fetch %s: %s", what, said ?: strerror(-r));
	*ret_path = strdup(path);
	return *ret_path ? 0 : -ENOMEM;
}

static bool is_profile(const char *text)
{
	return *text && text[strspn(text, "0123456789.")] == '\0';
}

int cache_kernel(struct cache *cache, const char *profile, char **ret_path, char **ret_error)
{
	char name[32], what[32];

	if (!is_profile(profile) || strlen(profile) > 16)
		return fail(ret_error, -EINVAL, "no kernel '%s': a version such as 6.12 is needed", profile);
	snprintf(name, sizeof(name), "linux-%s", profile);
	snprintf(what, sizeof(what), "Linux %s", profile);
	return fetch(cache, name, what, "fetch-kernel", profile, ret_path, ret_error);
}

int cache_qemu(struct cache *cache, char **ret_path)
{
	_cleanup_free_ char *folder = NULL, *error = NULL;
	int r = fetch(cache, "qemu", "the QEMU of Debian 13", "fetch-qemu", NULL, &folder, &error);

	if (error)
		fprintf(stderr, "mocksys: %s\n", error);
	if (r < 0)
		return r;
	return asprintf(ret_path, "%s/qemu", folder) < 0 ? -ENOMEM : 0;
}

/* ---- archives of modules ---- */

static uint64_t hash(uint64_t value, const void *data, size_t size)
{
	for (const unsigned char *byte = data; size; byte++, size--)
		value = (value ^ *byte) * UINT64_C(0x100000001b3);
	return value;
}

static uint64_t hash_file(uint64_t value, const char *path)
{
	FILE *file = fopen(path, "re");
	char data[4096];
	size_t n;

	while (file && (n = fread(data, 1, sizeof(data), file)))
		value = hash(value, data, n);
	if (file)
		fclose(file);
	return value;
}

/* All that the archive is made of. */
static uint64_t archive_key(const char *kernel, const char *list, const char *script)
{
	uint64_t value = hash(UINT64_C(0xcbf29ce484222325), list, strlen(list));
	char path[PATH_MAX], variant[PATH_MAX - 16];

	variant_folder(variant, sizeof(variant));
	value = hash_file(value, script);
	snprintf(path, sizeof(path), "%s/release", kernel);
	value = hash_file(value, path);
	snprintf(path, sizeof(path), "%s/variant.c", variant);
	value = hash_file(value, path);
	snprintf(path, sizeof(path), "%s/Kbuild", variant);
	return hash_file(value, path);
}

static void remove_tree(const char *path)
{
	char *said = NULL;

	script_run((char *const[]){"/bin/rm", "-rf", "--", (char *)path, NULL}, NULL, &said);
	free(said);
}

/* Complete under @path, or not there. */
static int pack(const char *folder, const char *path)
{
	_cleanup_free_ char *new = NULL;
	FILE *archive;
	int r;

	if (asprintf(&new, "%s.new", path) < 0)
		return -ENOMEM;
	archive = fopen(new, "we");
	if (!archive)
		return -errno;
	r = archive_add_tree(archive, folder);
	if (r == 0)
		r = archive_end(archive);
	if (fclose(archive) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(new, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(new);
	return r;
}

static int make_archive(struct cache *cache, char *kernel, const char *list, char *script, const char *path,
			char **ret_error)
{
	char work[PATH_MAX + 8], variant[PATH_MAX];
	int r;

	snprintf(work, sizeof(work), "%s/work", cache->path);
	remove_tree(work); /* of a run that was killed */
	r = script_run((char *const[]){script, kernel, (char *)variant_folder(variant, sizeof(variant)), work, NULL},
		       list, ret_error);
	if (r == 0)
		r = pack(work, path);
	remove_tree(work);
	return r;
}

int cache_modules(struct cache *cache, const char *kernel, const char *list, char **ret_path, char **ret_error)
{
	_cleanup_free_ char *path = NULL, *said = NULL;
	char script[PATH_MAX];
	int r;

	tool_path("make-modules", script, sizeof(script));
	if (asprintf(&path, "%s/modules-%016llx.cpio", cache->path,
		     (unsigned long long)archive_key(kernel, list, script)) < 0)
		return -ENOMEM;
	if (access(path, R_OK) < 0) {
		r = lock(cache, ret_error);
		if (r < 0)
			return r;
		if (access(path, R_OK) < 0)
			r = make_archive(cache, (char *)kernel, list, script, path, &said);
		unlock(cache);
		if (r < 0)
			return fail(ret_error, r, "cannot prepare modules: %s", said ?: strerror(-r));
	}
	*ret_path = path;
	path = NULL;
	return 0;
}
