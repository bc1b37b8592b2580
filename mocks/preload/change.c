/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "change.h"

#include "served.h"
#include "show.h"

#include <errno.h>
#include <string.h>

static int fail(int error)
{
	errno = error;
	return -1;
}

/* Something that is served, and how Linux sees the picture of it. */
struct found {
	char place[PATH_MAX];
	const char *served; /* path from the fake's root */
	int error;          /* of a look at it, or 0 */
	struct stat status;
};

/* Where the picture of @served is. */
static const char *pictured(const char *served, char *place)
{
	struct text root = settings()->mappings[0].prefix;
	size_t length = strlen(served);

	if (root.length + 1 + length >= PATH_MAX)
		length = PATH_MAX - root.length - 2;
	memcpy(place, root.start, root.length);
	place[root.length] = '/';
	memcpy(place + root.length + 1, served, length);
	place[root.length + 1 + length] = '\0';
	return place;
}

static bool find(struct found *found, int dirfd, const char *path, bool nofollow)
{
	char place[PATH_MAX];
	int saved_errno = errno;

	if (settings()->way != WAY_PLAIN)
		return false;
	found->served = redirect_served(dirfd, path, found->place);
	if (!found->served)
		return false;
	found->error = LIBC(fstatat)(AT_FDCWD, pictured(found->served, place), &found->status,
				     nofollow ? AT_SYMLINK_NOFOLLOW : 0) < 0
			       ? errno
			       : 0;
	errno = saved_errno;
	return true;
}

/* Who owns the picture is root on the fake machine, as the server has it. */
static bool is_root(const struct stat *status)
{
	return status->st_uid == geteuid();
}

/* The directory that @found is in, or would be: 0, or why nothing can be made there. */
static int look_at_parent(struct found *found)
{
	char copy[PATH_MAX], place[PATH_MAX];
	size_t length = strlen(found->served);
	struct stat parent;
	int saved_errno = errno, error = 0;

	memcpy(copy, found->served, length + 1);
	while (length && copy[length - 1] == '/')
		copy[--length] = '\0';
	*(strrchr(copy, '/') ?: copy) = '\0';
	if (LIBC(stat)(pictured(copy, place), &parent) < 0)
		error = errno;
	else if (!S_ISDIR(parent.st_mode))
		error = ENOTDIR;
	else if (!is_root(&parent))
		error = EACCES;
	errno = saved_errno;
	return error;
}

int change_new(int dirfd, const char *path, int error)
{
	struct found found;
	int parent_error;

	if (!find(&found, dirfd, path, true))
		return CHANGE_ELSEWHERE;
	if (!found.error)
		return fail(EEXIST);
	if (found.error != ENOENT)
		return fail(found.error);
	parent_error = look_at_parent(&found);
	return fail(parent_error ? parent_error : error);
}

/* A name that is none of a directory's entry. */
static bool ends_with_dot(const char *path)
{
	size_t length = strlen(path);

	while (length && path[length - 1] == '/')
		length--;
	return length && path[length - 1] == '.' && (length == 1 || path[length - 2] == '/');
}

int change_gone(int dirfd, const char *path, enum change_type type)
{
	struct found found;
	int parent_error;

	if (!find(&found, dirfd, path, true))
		return CHANGE_ELSEWHERE;
	if (found.error)
		return fail(found.error);
	parent_error = look_at_parent(&found);
	if (parent_error)
		return fail(parent_error);
	if (type == CHANGE_FILE && S_ISDIR(found.status.st_mode))
		return fail(EISDIR);
	if (type == CHANGE_DIRECTORY && !S_ISDIR(found.status.st_mode))
		return fail(ENOTDIR);
	if (type == CHANGE_DIRECTORY && ends_with_dot(path))
		return fail(EINVAL);
	return fail(EPERM);
}

int change_moved(int from_dirfd, const char *from, int to_dirfd, const char *to)
{
	struct found source, target;
	bool ours = find(&source, from_dirfd, from, true);
	int parent_error;

	if (find(&target, to_dirfd, to, true) != ours)
		return fail(EXDEV);
	if (!ours)
		return CHANGE_ELSEWHERE;
	if (source.error)
		return fail(source.error);
	parent_error = look_at_parent(&target);
	return fail(parent_error ? parent_error : EPERM);
}

int change_linked(int from_dirfd, const char *from, int to_dirfd, const char *to)
{
	struct found source, target;
	bool ours = find(&source, from_dirfd, from, true);

	if (find(&target, to_dirfd, to, true) != ours)
		return fail(EXDEV);
	if (!ours)
		return CHANGE_ELSEWHERE;
	if (source.error)
		return fail(source.error);
	return fail(target.error ? EPERM : EEXIST);
}

static int check_access(const struct found *found, int mode)
{
	mode_t bits = found->status.st_mode;

	if (found->error)
		return fail(found->error);
	if (is_root(&found->status))
		return mode & X_OK && !S_ISDIR(bits) && !(bits & 0111) ? fail(EACCES) : 0;
	return (mode_t)mode & ~bits & 7 ? fail(EACCES) : 0;
}

int change_access(int dirfd, const char *path, int mode, int flags)
{
	struct found found;

	if (mode & ~(R_OK | W_OK | X_OK))
		return CHANGE_ELSEWHERE;
	return find(&found, dirfd, path, flags & AT_SYMLINK_NOFOLLOW) ? check_access(&found, mode) : CHANGE_ELSEWHERE;
}

int change_cut(const char *path)
{
	struct found found;

	if (!find(&found, AT_FDCWD, path, false))
		return CHANGE_ELSEWHERE;
	if (!found.error && S_ISDIR(found.status.st_mode))
		return fail(EISDIR);
	return check_access(&found, W_OK);
}

int change_timed(int dirfd, const char *path, int flags)
{
	struct found found;

	if (!path || !find(&found, dirfd, path, flags & AT_SYMLINK_NOFOLLOW))
		return CHANGE_ELSEWHERE;
	return check_access(&found, W_OK);
}

int change_owned(int dirfd, const char *path, int flags, unsigned mask, mode_t mode, uid_t owner, gid_t group)
{
	struct found found;

	if (!find(&found, dirfd, path, flags & AT_SYMLINK_NOFOLLOW))
		return CHANGE_ELSEWHERE;
	if (found.error)
		return fail(found.error);
	/* -1: leave it as it is. */
	if (owner == (uid_t)-1)
		mask &= ~2u;
	if (group == (gid_t)-1)
		mask &= ~4u;
	/* glibc and Linux know no mode of a link. */
	if (mask & CHANGE_MODE && flags & AT_SYMLINK_NOFOLLOW && S_ISLNK(found.status.st_mode))
		return fail(EOPNOTSUPP);
	return served_setattr(found.served, mask, mode, owner, group);
}

/* The namespaces in which kernfs keeps attributes of its own. */
static bool has_xattrs(const char *name)
{
	return !strncmp(name, "user.", 5) || !strncmp(name, "trusted.", 8) || !strncmp(name, "security.", 9);
}

int change_xattr(const char *path, const char *name, int error)
{
	struct found found;

	if (!find(&found, AT_FDCWD, path, false))
		return CHANGE_ELSEWHERE;
	if (found.error)
		return fail(found.error);
	if (!error)
		return 0;
	return fail(error == ENODATA && !has_xattrs(name) ? EOPNOTSUPP : error);
}

/* ---- open files ---- */

bool change_is_picture(int fd)
{
	struct stat status;

	if (settings()->way != WAY_PLAIN)
		return false;
	return is_served(fd) || (!LIBC(fstat)(fd, &status) && is_node(&status));
}

int change_cut_open(int fd, off64_t length)
{
	int flags = served_flags(fd);

	if (flags < 0)
		return -1;
	return length < 0 || (flags & O_ACCMODE) == O_RDONLY ? fail(EINVAL) : 0;
}

int change_open_attributes(int fd, unsigned mask, mode_t mode, uid_t owner, gid_t group)
{
	char path[PATH_MAX];
	ssize_t length =
		is_served(fd) ? served_path(fd, path, sizeof(path) - 1) : redirect_fd_path(fd, path, sizeof(path));

	if (length <= 0)
		return -1;
	path[unredirect(path, (size_t)length)] = '\0';
	return change_owned(AT_FDCWD, path, 0, mask, mode, owner, group) ? -1 : 0;
}
