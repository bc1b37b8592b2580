/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * in-way WAY COMMAND...: runs COMMAND, a test in way WAY to the fake; ends 77 with the reason where that cannot work.
 *
 * WAY `best` is mount, or plain where mount cannot work: it takes the place of each argument that is `best`.
 */
#include "prerequisites.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SKIPPED = 77 };

int main(int argc, char **argv)
{
	const char *way = argc > 2 ? argv[1] : NULL;
	char why[256];

	if (!way) {
		fprintf(stderr, "usage: in-way WAY COMMAND...\n");
		return 2;
	}
	if (strcmp(way, "best") == 0) {
		way = "mount";
		if (prerequisites_missing(way, why, sizeof(why))) {
			printf("%s: in way plain instead\n", why);
			way = "plain";
		}
		for (int i = 2; i < argc; i++)
			if (strcmp(argv[i], "best") == 0)
				argv[i] = (char *)way;
	} else if (prerequisites_missing(way, why, sizeof(why))) {
		printf("skipped: %s\n", why);
		return SKIPPED;
	}
#ifdef __SANITIZE_ADDRESS__
	/* The shim comes before its run-time. */
	setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 0);
#endif
	fflush(stdout);
	execvp(argv[2], argv + 2);
	fprintf(stderr, "in-way: cannot run %s: %s\n", argv[2], strerror(errno));
	return 127;
}
