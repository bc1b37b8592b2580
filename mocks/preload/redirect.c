/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "redirect.h"

#include "settings.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#define FUSE_SUPER_MAGIC 0x65735546

/* Longer than the kernel takes: it answers ENAMETOOLONG, as it must when no place is left for the private directory. */
static const char too_long[PATH_MAX + 1] = {[0 ... PATH_MAX - 1] = 'x'};

/*
 * A path on its way: absolute, without "." and "..", without a slash at its end; empty for the root directory. In front
 * of it there is room for the longest prefix.
 */
struct walk {
	const struct settings *settings;
	char *text;
	size_t length;
	size_t capacity;
	bool touched; /* the way led through a mapping */
};

static bool is_below(const char *path, size_t length, struct text directory)
{
	return length >= directory.length && !memcmp(path, directory.start, directory.length) &&
	       (length == directory.length || path[directory.length] == '/');
}

static bool is_host_path(const struct settings *s, const char *path, size_t length)
{
	for (size_t i = 0; i < s->n_host_paths; i++)
		if (is_below(path, length, s->host_paths[i]))
			return true;
	return false;
}

static const struct mapping *find_mapping(const struct settings *s, const char *path, size_t length)
{
	for (size_t i = 0; i < s->n_mappings; i++) {
		const struct mapping *mapping = &s->mappings[i];

		if (!is_below(path, length, mapping->path) || (mapping->exact && length != mapping->path.length))
			continue;
		return is_host_path(s, path, length) ? NULL : mapping;
	}
	return NULL;
}

static bool is_keyword(const struct settings *s, const char *component, size_t length)
{
	if (!(s->first_letters >> (*component & 63) & 1))
		return false;
	for (size_t i = 0; i < s->n_keywords; i++)
		if (s->keywords[i].length == length && !memcmp(s->keywords[i].start, component, length))
			return true;
	return false;
}

/* Steps over slashes; returns the next component's length, 0 at the end. */
static size_t next_component(const char **path)
{
	*path += strspn(*path, "/");
	return (size_t)(strchrnul(*path, '/') - *path);
}

static bool is_dotdot(const char *component, size_t length)
{
	return length == 2 && component[0] == '.' && component[1] == '.';
}

/*
 * Most paths are not ours, and this is all that they cost. No path leads into a mapping without naming its last
 * component, or climbing there.
 */
static bool names_keyword(const struct settings *s, const char *path, bool *ret_climbs)
{
	bool named = false;
	size_t length;

	*ret_climbs = false;
	for (; (length = next_component(&path)); path += length) {
		if (is_dotdot(path, length))
			*ret_climbs = true;
		else if (!named)
			named = is_keyword(s, path, length);
	}
	return named;
}

size_t unredirect(char *path, size_t length)
{
	const struct settings *s = settings();

	for (size_t i = 0; i < s->n_hidden; i++) {
		struct text hidden = s->hidden[i];

		if (!is_below(path, length, hidden))
			continue;
		if (length == hidden.length) {
			*path = '/';
			return 1;
		}
		memmove(path, path + hidden.length, length - hidden.length);
		return length - hidden.length;
	}
	return length;
}

size_t redirect_hidden(const char *path)
{
	const struct settings *s = settings();

	for (size_t i = 0; i < s->n_hidden; i++)
		if (!strncmp(path, s->hidden[i].start, s->hidden[i].length) && path[s->hidden[i].length] == '/')
			return s->hidden[i].length;
	return 0;
}

ssize_t redirect_fd_path(int fd, char *path, size_t size)
{
	char link[sizeof("/proc/self/fd/-2147483648")];
	ssize_t length;

	/* No snprintf(): it may allocate, and locales are not for signal handlers. */
	char *digit = link + sizeof(link) - 1;
	unsigned number = (unsigned)fd;

	*digit = '\0';
	do {
		*--digit = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	digit -= strlen("/proc/self/fd/");
	memcpy(digit, "/proc/self/fd/", strlen("/proc/self/fd/"));

	length = LIBC(readlink)(digit, path, size - 1);
	if (length >= 0)
		path[length] = '\0';
	return length;
}

/* Makes @walk the directory that a relative path starts from. */
static bool start_at(struct walk *walk, int dirfd)
{
	ssize_t length;

	if (dirfd == AT_FDCWD) {
		/* The bare system call: libc's getcwd() goes other ways when it fails. It counts the NUL. */
		length = LIBC(syscall)(SYS_getcwd, walk->text, walk->capacity) - 1;
	} else {
		length = dirfd < 0 ? -1 : redirect_fd_path(dirfd, walk->text, walk->capacity);
	}
	if (length <= 0 || walk->text[0] != '/' || (size_t)length >= walk->capacity - 1)
		return false;
	length = (ssize_t)unredirect(walk->text, (size_t)length);
	walk->length = length == 1 ? 0 : (size_t)length;
	return true;
}

static bool append(struct walk *walk, const char *component, size_t length)
{
	if (walk->capacity - walk->length < length + 2)
		return false;
	walk->text[walk->length++] = '/';
	memcpy(walk->text + walk->length, component, length);
	walk->length += length;
	return true;
}

/* The path to use for where @walk stands: in the walk's own place. */
static const char *mapped(struct walk *walk)
{
	const struct mapping *mapping = find_mapping(walk->settings, walk->text, walk->length);
	char *start;

	walk->text[walk->length] = '\0';
	if (!mapping)
		return walk->length ? walk->text : "/";
	start = walk->text + mapping->skip - mapping->prefix.length;
	memcpy(start, mapping->prefix.start, mapping->prefix.length);
	return start;
}

/*
 * "..": the parent of where the links before it lead, not of how the path is spelt. False when the kernel will not get
 * there either.
 */
static bool climb(struct walk *walk)
{
	char parent[PATH_MAX];
	ssize_t length;
	int fd;

	if (!walk->length)
		return true;
	if (find_mapping(walk->settings, walk->text, walk->length))
		walk->touched = true;
	fd = LIBC(open)(mapped(walk), O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	length = redirect_fd_path(fd, parent, sizeof(parent));
	LIBC(close)(fd);
	if (length <= 0 || parent[0] != '/')
		return false;
	length = (ssize_t)unredirect(parent, (size_t)length);
	length = (char *)memrchr(parent, '/', (size_t)length) - parent;
	if ((size_t)length + 2 > walk->capacity)
		return false;
	memcpy(walk->text, parent, (size_t)length);
	walk->length = (size_t)length;
	return true;
}

/* Walks @path. False when it gets too long. */
static bool follow(struct walk *walk, const char *path)
{
	bool climbing = true;
	size_t length;

	for (; (length = next_component(&path)); path += length) {
		if (length == 1 && *path == '.')
			continue;
		if (climbing && is_dotdot(path, length)) {
			/* Once it fails, the rest stays as it is: the kernel finds the same error at the same place. */
			climbing = climb(walk);
			if (climbing)
				continue;
		}
		if (!append(walk, path, length))
			return false;
	}
	return true;
}

/*
 * What the walk drops at the end of a path says more than where it leads: a slash asks for a directory, and follows a
 * link; a dot is nothing that one could remove or rename.
 */
static const char *ending(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *last = slash ? slash + 1 : path;

	if (!*last)
		return "/";
	return strcmp(last, ".") && strcmp(last, "..") ? "" : "/.";
}

static const char *walk_to(const struct settings *s, int dirfd, const char *path, char *place, bool named, bool climbs)
{
	struct walk walk = {.settings = s, .text = place + s->longest_prefix, .capacity = PATH_MAX - s->longest_prefix};
	bool base_is_ours = false;
	const char *end;
	bool is_ours;

	if (*path != '/') {
		if (!start_at(&walk, dirfd))
			return path;
		/*
		 * A real directory that is a host path lies below a mapping too: ".." leads from there into the fake.
		 */
		base_is_ours = find_mapping(s, walk.text, walk.length) || is_host_path(s, walk.text, walk.length);
		if (!base_is_ours && !named)
			return path;
		walk.touched = base_is_ours;
	}
	if (!follow(&walk, path))
		return walk.touched || find_mapping(s, walk.text, walk.length) ? too_long : path;

	is_ours = find_mapping(s, walk.text, walk.length) != NULL;
	/*
	 * What the kernel finds by itself it is left to find: it is quicker, and a directory that has gone stays gone.
	 */
	if ((!is_ours && !walk.touched) || (is_ours && base_is_ours && !climbs))
		return path;
	end = ending(path);
	if (*end && walk.length && !append(&walk, end + 1, strlen(end + 1)))
		return too_long;
	return mapped(&walk);
}

/*
 * What most programs ask for, an absolute path below the first mapping (/sys) that is spelt without detours: NULL when
 * it is not that. Nothing is looked up and nothing changes errno.
 */
static const char *shortcut(const struct settings *s, const char *path, char *place)
{
	const struct mapping *mapping = &s->mappings[0];
	const char *start = path + mapping->path.length, *end = start;

	if (mapping->exact || strncmp(path, mapping->path.start, mapping->path.length) || (*start && *start != '/'))
		return NULL;
	for (; *end; end++)
		if (*end == '/' && (end[1] == '/' || end[1] == '.' || !end[1]))
			return NULL;
	if (mapping->prefix.length + (size_t)(end - path) >= PATH_MAX || is_host_path(s, path, (size_t)(end - path)))
		return NULL;
	memcpy(place, mapping->prefix.start, mapping->prefix.length);
	memcpy(place + mapping->prefix.length, path, (size_t)(end - path) + 1);
	return place;
}

const char *redirect_at(int dirfd, const char *path, char *place)
{
	const struct settings *s = settings();
	int saved_errno;
	bool named, climbs;
	const char *direct;

	if (!s->n_mappings || !path || !*path)
		return path;
	if (*path == '/' && (direct = shortcut(s, path, place)))
		return direct;
	named = names_keyword(s, path, &climbs);
	if (!named && (!climbs || *path == '/'))
		return path;
	saved_errno = errno;
	path = walk_to(s, dirfd, path, place, named, climbs);
	errno = saved_errno;
	return path;
}

const char *redirect_served(int dirfd, const char *path, char *place)
{
	const struct settings *s = settings();
	struct walk walk = {.settings = s, .text = place + s->longest_prefix, .capacity = PATH_MAX - s->longest_prefix};
	const struct mapping *mapping;
	int saved_errno = errno;
	const char *end;

	if (!s->n_mappings || !path || !*path || (*path != '/' && !start_at(&walk, dirfd)) || !follow(&walk, path)) {
		errno = saved_errno;
		return NULL;
	}
	errno = saved_errno;
	mapping = find_mapping(s, walk.text, walk.length);
	if (!mapping || !mapping->served)
		return NULL;
	end = ending(path);
	if (*end && !append(&walk, end + 1, strlen(end + 1)))
		return NULL;
	walk.text[walk.length] = '\0';
	return walk.text + mapping->skip + 1;
}

bool redirect_is_sysfs(int fd)
{
	const struct settings *s = settings();
	const struct text sys = {"/sys", 4};
	int saved_errno = errno;
	char path[PATH_MAX];
	struct statfs status;
	ssize_t length;

	if (s->way == WAY_NONE)
		return false;
	/* Way `mount`: the name alone does not tell, for host parts are there too. */
	if (s->way == WAY_MOUNT && (LIBC(fstatfs)(fd, &status) < 0 || status.f_type != FUSE_SUPER_MAGIC)) {
		errno = saved_errno;
		return false;
	}
	length = redirect_fd_path(fd, path, sizeof(path));
	errno = saved_errno;
	if (length <= 0)
		return false;
	if (s->way == WAY_MOUNT)
		return is_below(path, (size_t)length, sys);
	return is_below(path, (size_t)length, s->mappings[0].prefix) &&
	       is_below(path + s->mappings[0].prefix.length, (size_t)length - s->mappings[0].prefix.length, sys);
}
