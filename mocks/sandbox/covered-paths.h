/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the command sees in another place than the host has it: the table, and the mounts that make it so. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define COVERED_MAX 32

enum cover {
	COVER_FAKE,      /* the fake's directory or file @source */
	COVER_HOST,      /* the host's own, read-only, on an empty directory of the fake */
	COVER_PRIVATE,   /* an empty directory of the sandbox */
	COVER_READ_ONLY, /* the host's own, but nothing can be written: for root, who owns these files outside too */
};

/* How a mount point comes to be that the host does not have. A plain mkdir could show on the host. */
enum synthesis {
	SYNTHESIS_NONE,    /* it is left out */
	SYNTHESIS_OVERLAY, /* its parent becomes an overlay, changes to which stay private */
	SYNTHESIS_BINDS,   /* its parent becomes a tmpfs with a bind mount of each entry */
};

struct covered_path {
	const char *path;
	enum cover how;
	const char *source;
	enum synthesis missing;
	bool file;    /* not a directory */
	bool in_proc; /* below the /proc of the PID namespace, which is mounted last */
};

extern const struct covered_path covered_paths[];
extern const size_t n_covered_paths;

/* The COVER_HOST paths that exist here, without the leading slash, into @mount_points (of COVERED_MAX), NULL-terminated. */
void covered_paths_mount_points(const char *mount_points[COVERED_MAX]);

/* One sandbox being made: the child's, which is in its mount namespace. */
struct covering {
	int sock; /* for complaints */
	bool root;
	uid_t uid, gid; /* of the command, in its user namespace */
	int scratch_fd; /* the tmpfs that all private directories are of; until covering_finish() at SCRATCH */
	unsigned n_scratch;
	int trees[COVERED_MAX]; /* per row: what will be attached there, or -1 */
	char *synthesised[4];
	const char *proc_modules; /* where the fake's /proc/modules can be opened if it cannot be covered, or NULL */
};

/* Every function returns 0, or -errno when it has told the launcher what went wrong. */

/* What needs nothing of the fake. Then it is mounted on /sys, unanswered: @fuse_fd. */
int covering_prepare(struct covering *covering, int sock, bool root, uid_t uid, gid_t gid);
int covering_mount_fuse(struct covering *covering, int fuse_fd);
int covering_synthesise(struct covering *covering);
/* What needs answers of the fake. */
int covering_finish(struct covering *covering, const char *modprobe_config);
/* /proc, as the first process of the PID namespace. */
int covering_proc(struct covering *covering);
