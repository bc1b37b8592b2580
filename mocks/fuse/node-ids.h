/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which node a FUSE node id means.
 *
 * A directory, a link and a file that nobody can write have their kernfs number as node id. A file with a store gets an
 * id of its own at each LOOKUP, because Linux queues the writers of one inode: two clients that write `unbind` at once
 * would never meet in the server. Every id that Linux knows is remembered until it FORGETs it, so that fstat() of a
 * removed attribute succeeds, as it does on sysfs.
 *
 * For the serving thread alone: no lock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct node_id {
	struct node_id *next;
	uint64_t id;
	uint64_t ino;
	uint64_t n_lookups; /* LOOKUPs answered with this id and not forgotten yet */
	mode_t mode;        /* as at the last LOOKUP */
	uint64_t size;
};

struct node_ids {
	struct node_id **buckets;
	size_t n_buckets; /* a power of two */
	size_t n_ids;
	uint64_t last_fresh;
	struct node_id *spare; /* forgotten ones, for the next LOOKUPs */
	size_t n_spare;
};

/*
 * Counts one more LOOKUP of the node that @stat describes; @fresh: under an id never used before. 0 and *ret_id, or
 * -ENOMEM.
 */
int node_ids_remember(struct node_ids *ids, const struct stat *stat, bool fresh, uint64_t *ret_id);
/* What @id was when it was looked up last, or NULL when it is not remembered. */
const struct node_id *node_ids_find(const struct node_ids *ids, uint64_t id);
/* The kernfs number behind @id, or 0: a fresh id that was forgotten. */
uint64_t node_ids_ino(const struct node_ids *ids, uint64_t id);
void node_ids_forget(struct node_ids *ids, uint64_t id, uint64_t n_lookups);
void node_ids_clear(struct node_ids *ids);
