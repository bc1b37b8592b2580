/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "node-ids.h"

#include <errno.h>
#include <stdlib.h>

/* Fresh ids have this bit, kernfs numbers do not. Counting up from it, no id ever comes twice. */
#define FRESH (UINT64_C(1) << 62)

#define FIRST_BUCKETS 256

/* Enough for the two ids that each open of an attribute uses up; more would only be memory that nobody asks for. */
#define MAX_SPARE 64

static struct node_id **bucket_of(const struct node_ids *ids, uint64_t id)
{
	/* Numbers of both kinds count up, so that their low bits spread evenly by themselves. */
	return &ids->buckets[id & (ids->n_buckets - 1)];
}

static int grow(struct node_ids *ids)
{
	struct node_ids bigger = {.n_buckets = ids->n_buckets ? ids->n_buckets * 2 : FIRST_BUCKETS};

	bigger.buckets = calloc(bigger.n_buckets, sizeof(*bigger.buckets));
	if (!bigger.buckets)
		return -ENOMEM;
	for (size_t i = 0; i < ids->n_buckets; i++) {
		for (struct node_id *node = ids->buckets[i], *next; node; node = next) {
			struct node_id **bucket = bucket_of(&bigger, node->id);

			next = node->next;
			node->next = *bucket;
			*bucket = node;
		}
	}
	free(ids->buckets);
	ids->buckets = bigger.buckets;
	ids->n_buckets = bigger.n_buckets;
	return 0;
}

static struct node_id *find(const struct node_ids *ids, uint64_t id)
{
	struct node_id *node = ids->n_buckets ? *bucket_of(ids, id) : NULL;

	while (node && node->id != id)
		node = node->next;
	return node;
}

static struct node_id *add(struct node_ids *ids, uint64_t id, uint64_t ino)
{
	struct node_id **bucket, *node = ids->spare;

	if (ids->n_ids >= ids->n_buckets && grow(ids) < 0)
		return NULL;
	if (node) {
		ids->spare = node->next;
		ids->n_spare--;
	} else {
		node = malloc(sizeof(*node));
		if (!node)
			return NULL;
	}
	bucket = bucket_of(ids, id);
	*node = (struct node_id){.next = *bucket, .id = id, .ino = ino};
	*bucket = node;
	ids->n_ids++;
	return node;
}

int node_ids_remember(struct node_ids *ids, const struct stat *stat, bool fresh, uint64_t *ret_id)
{
	struct node_id *node = fresh ? NULL : find(ids, stat->st_ino);

	if (!node)
		node = add(ids, fresh ? FRESH | (ids->last_fresh + 1) : stat->st_ino, stat->st_ino);
	if (!node)
		return -ENOMEM;
	if (fresh)
		ids->last_fresh++;
	node->n_lookups++;
	node->mode = stat->st_mode;
	node->size = stat->st_size;
	*ret_id = node->id;
	return 0;
}

const struct node_id *node_ids_find(const struct node_ids *ids, uint64_t id)
{
	return find(ids, id);
}

uint64_t node_ids_ino(const struct node_ids *ids, uint64_t id)
{
	const struct node_id *node;

	if (!(id & FRESH))
		return id;
	node = find(ids, id);
	return node ? node->ino : 0;
}

void node_ids_forget(struct node_ids *ids, uint64_t id, uint64_t n_lookups)
{
	struct node_id **link = ids->n_buckets ? bucket_of(ids, id) : NULL, *node;

	while (link && *link && (*link)->id != id)
		link = &(*link)->next;
	if (!link || !*link)
		return; /* never remembered: it cannot go away */
	node = *link;
	if (node->n_lookups > n_lookups) {
		node->n_lookups -= n_lookups;
		return;
	}
	*link = node->next;
	ids->n_ids--;
	if (ids->n_spare >= MAX_SPARE) {
		free(node);
		return;
	}
	node->next = ids->spare;
	ids->spare = node;
	ids->n_spare++;
}

static void free_list(struct node_id *node)
{
	for (struct node_id *next; node; node = next) {
		next = node->next;
		free(node);
	}
}

void node_ids_clear(struct node_ids *ids)
{
	for (size_t i = 0; i < ids->n_buckets; i++)
		free_list(ids->buckets[i]);
	free_list(ids->spare);
	free(ids->buckets);
	*ids = (struct node_ids){0};
}
