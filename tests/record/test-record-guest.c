/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * usage: test-record-guest CAPTURE FIXTURE
 * Both were taken from one machine, by capture.c and `mocksys record`: does the fake with that FIXTURE show what is in CAPTURE?
 */
#include "nodes.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static size_t count_claimed(const struct node_list *list)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		n += node_is_claimed(list->nodes[i].path);
	return n;
}

int main(int argc, char **argv)
{
	struct node_list capture = {0};
	size_t n_differences;

	if (argc != 3) {
		fprintf(stderr, "usage: %s CAPTURE FIXTURE\n", argv[0]);
		return 2;
	}
	nodes_from_capture(&capture, argv[1]);
	n_differences = recording_compare(argv[2], &capture, NULL, 0, SIZE_MAX, stdout);
	printf("%zu nodes of the machine, %zu differences in the fake\n", count_claimed(&capture), n_differences);
	nodes_free(&capture);
	return n_differences != 0;
}
