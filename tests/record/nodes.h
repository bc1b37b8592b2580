/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A part of /sys as a list of nodes, from a capture or from the fake kernel, so that two can be compared. */
#pragma once

#include "kernel/kernel.h"

#include <stdbool.h>
#include <stdio.h>

struct node_fact {
	char *path;
	char type; /* as in a capture: d, l, f, b */
	unsigned mode;
	unsigned long long size;
	char *text; /* of an attribute, escaped; of a link its target; of a binary its bytes in hex, or "" */
};

struct node_list {
	struct node_fact *nodes; /* sorted by path */
	size_t n, capacity;
};

/* Of a capture: lines as tests/record/data/README.md says. Exits where it is not one. */
void nodes_from_capture(struct node_list *list, const char *path);
/* @text_limit: of a text so many bytes. */
void nodes_from_kernel(struct node_list *list, struct kernel *k, size_t text_limit);
void nodes_free(struct node_list *list);
/* A directory tree of them: what a program that reads /sys would find. */
void nodes_write(const struct node_list *list, const char *root);

/*
 * Gives what is numbered at boot the same name on every boot: net/eth3 becomes net/eth, ptp/ptp1 ptp/ptp, wakeup/wakeup2 wakeup/wakeup, and
 * msi_irqs/34 msi_irqs/0 where 34 is the lowest.
 */
void nodes_renumber(struct node_list *list);

/* A difference that is no mistake. */
struct exemption {
	const char *path; /* fnmatch(3) pattern; '*' goes over '/' too */
	char what; /* 'n': the node is not compared at all; 'c': its contents are not, a byte of config being CONFIG/0x123 */
	const char *reason;
	bool used; /* set by nodes_compare() */
};

/* Prints each difference between @expected and @found, below the paths that are compared, to @stream; how many. */
size_t nodes_compare(const struct node_list *expected, const struct node_list *found, struct exemption *exemptions,
		     size_t n_exemptions, FILE *stream);

/* Whether the fake claims to have it like the real thing. */
bool node_is_claimed(const char *path);

/* Differences that are meant to be, of any recorded machine. */
extern const struct exemption unclaimed[];
extern const size_t n_unclaimed;

/*
 * The machine that the fixture @path describes, in the fake, compared with the @capture of what it was recorded from
 * (which is renumbered), but for what is unclaimed and @more (each of which must be needed). How many differences.
 */
size_t recording_compare(const char *path, struct node_list *capture, const struct exemption *more, size_t n_more,
			 size_t text_limit, FILE *stream);
