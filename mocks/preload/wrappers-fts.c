/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fts(3): it walks inside libc, past every wrapper, and keeps the path of the whole walk in a buffer that all its
 * entries point to. So the walk starts at the redirected paths, and what it hands out points behind what must not show,
 * until the next call, for which it has to be as libc left it.
 */
#include "redirect.h"
#include "settings.h"
#include "show.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(FTS) == sizeof(FTS64) && sizeof(FTSENT) == sizeof(FTSENT64), "there are two kinds of walks");

/* Has @entry point @by bytes further into the walk's path, or back. */
static void move(FTSENT *entry, ptrdiff_t by)
{
	if (entry->fts_accpath == entry->fts_path)
		entry->fts_accpath += by;
	entry->fts_path += by;
	entry->fts_pathlen = (unsigned short)(entry->fts_pathlen - by);
}

static void show_path(const FTS *walk, FTSENT *entry)
{
	if (entry->fts_path == walk->fts_path)
		move(entry, (ptrdiff_t)redirect_hidden(walk->fts_path));
}

static void put_path_back(const FTS *walk, FTSENT *entry)
{
	move(entry, walk->fts_path - entry->fts_path);
}

/* To @entry and the directories that it is in. What is above the first one has no path of its own. */
static void each_parent(const FTS *walk, FTSENT *entry, void (*apply)(const FTS *walk, FTSENT *entry))
{
	for (; entry->fts_level >= FTS_ROOTLEVEL; entry = entry->fts_parent)
		apply(walk, entry);
}

static void put_back(const FTS *walk)
{
	/* Before the first entry and after the last there is none. */
	if (!walk->fts_cur || walk->fts_cur->fts_info == FTS_INIT)
		return;
	each_parent(walk, walk->fts_cur, put_path_back);
	for (FTSENT *entry = walk->fts_child; entry; entry = entry->fts_link)
		put_path_back(walk, entry);
}

/* Before its path is shown: libc says where it is. */
static void show_type(const FTS *walk, FTSENT *entry)
{
	struct stat own, *status = entry->fts_statp;
	int saved_errno = errno;

	if (entry->fts_info != FTS_DEFAULT && entry->fts_info != FTS_F && entry->fts_info != FTS_D &&
	    entry->fts_info != FTS_DP && entry->fts_info != FTS_SL)
		return;
	/* Then an entry has no room for a status. */
	if (walk->fts_options & FTS_NOSTAT) {
		status = &own;
		if (LIBC(fstatat)(AT_FDCWD, entry->fts_accpath, status, AT_SYMLINK_NOFOLLOW) < 0) {
			errno = saved_errno;
			return;
		}
	}
	show_stat(status);
	if (entry->fts_info == FTS_DEFAULT && S_ISREG(status->st_mode))
		entry->fts_info = FTS_F;
	else if (entry->fts_info == FTS_F && !S_ISREG(status->st_mode))
		entry->fts_info = FTS_DEFAULT;
}

static FTS *open_walk(FTS *open(char *const *, int, int (*)(const FTSENT **, const FTSENT **)), char *const *paths,
		      int options, int (*compare)(const FTSENT **, const FTSENT **))
{
	char(*places)[PATH_MAX], **redirected;
	FTS *walk = NULL;
	size_t n = 0;

	if (!settings()->n_mappings)
		return open(paths, options, compare);
	while (paths[n])
		n++;
	places = calloc(n + 1, sizeof(*places));
	redirected = calloc(n + 1, sizeof(*redirected));
	if (places && redirected) {
		for (size_t i = 0; i < n; i++)
			redirected[i] = (char *)redirect_at(AT_FDCWD, paths[i], places[i]);
		walk = open(redirected, options, compare);
	}
	free(places);
	free(redirected);
	return walk;
}

static FTSENT *read_walk(FTSENT *read(FTS *), FTS *walk)
{
	FTSENT *entry;

	put_back(walk);
	entry = read(walk);
	if (!entry)
		return NULL;
	show_type(walk, entry);
	each_parent(walk, entry, show_path);
	return entry;
}

static FTSENT *list_children(FTSENT *children(FTS *, int), FTS *walk, int options)
{
	FTSENT *first;

	put_back(walk);
	first = children(walk, options);
	/* Before the first entry these are the paths themselves, not looked at yet. */
	if (!walk->fts_cur || walk->fts_cur->fts_info == FTS_INIT)
		return first;
	for (FTSENT *entry = first; entry; entry = entry->fts_link) {
		show_type(walk, entry);
		show_path(walk, entry);
	}
	each_parent(walk, walk->fts_cur, show_path);
	return first;
}

#define WALK(open, read, children, walk_type, entry_type)                                                      \
	EXPORT walk_type *open(char *const *paths, int options,                                                \
			       int (*compare)(const entry_type **, const entry_type **))                       \
	{                                                                                                      \
		return (walk_type *)open_walk((libc_fts_open *)LIBC(open), paths, options,                     \
					      (int (*)(const FTSENT **, const FTSENT **))compare);             \
	}                                                                                                      \
                                                                                                               \
	EXPORT entry_type *read(walk_type *walk)                                                               \
	{                                                                                                      \
		return (entry_type *)read_walk((libc_fts_read *)LIBC(read), (FTS *)walk);                      \
	}                                                                                                      \
                                                                                                               \
	EXPORT entry_type *children(walk_type *walk, int options)                                              \
	{                                                                                                      \
		return (entry_type *)list_children((libc_fts_children *)LIBC(children), (FTS *)walk, options); \
	}

WALK(fts_open, fts_read, fts_children, FTS, FTSENT)
WALK(fts64_open, fts64_read, fts64_children, FTS64, FTSENT64)
