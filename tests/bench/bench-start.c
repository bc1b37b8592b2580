/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What it costs to start one command against another, in turns; of each the run counts that a tenth of the others beat.
 *
 *	bench-start ROUNDS COMMAND... : COMMAND...
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

static double measure(char **command)
{
	double start = now();
	int status;
	pid_t pid;

	if (posix_spawnp(&pid, command[0], NULL, NULL, command, environ) != 0 || waitpid(pid, &status, 0) < 0 ||
	    status != 0) {
		fprintf(stderr, "bench-start: %s did not end well\n", command[0]);
		exit(1);
	}
	return now() - start;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print_command(char **command, double milliseconds)
{
	char line[128] = "";

	for (; *command; command++)
		snprintf(line + strlen(line), sizeof(line) - strlen(line), "%s%s", *line ? " " : "",
			 strrchr(*command, '/') ? strrchr(*command, '/') + 1 : *command);
	printf("%-40s %8.2f ms\n", line, milliseconds);
}

int main(int argc, char **argv)
{
	int rounds = argc > 4 ? atoi(argv[1]) : 0;
	char **first = argv + 2, **second = first;
	double *times;

	while (*second && strcmp(*second, ":") != 0)
		second++;
	if (rounds < 1 || !*second || second == first || !second[1]) {
		fputs("usage: bench-start ROUNDS COMMAND... : COMMAND...\n", stderr);
		return 2;
	}
	*second++ = NULL;
	times = calloc(2 * rounds, sizeof(*times));
	if (!times)
		return 1;
	measure(first); /* what is made once and kept */
	measure(second);
	for (int i = 0; i < rounds; i++) {
		times[i] = measure(first);
		times[rounds + i] = measure(second);
	}
	qsort(times, rounds, sizeof(*times), compare);
	qsort(times + rounds, rounds, sizeof(*times), compare);
	print_command(first, times[rounds / 10]);
	print_command(second, times[rounds + rounds / 10]);
	printf("%-40s %8.2f\n", "ratio", times[rounds / 10] / times[rounds + rounds / 10]);
	free(times);
	return 0;
}
