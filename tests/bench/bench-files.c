/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a client pays for the four things that programs do to sysfs, in several file systems side by side.
 *
 *	bench-files LABEL ATTRIBUTE LINK WRITABLE [LABEL ATTRIBUTE LINK WRITABLE]...      `-`: there is none
 *
 * The file systems take turns in short rounds, so that a slow moment of the machine hits all of them, and of each the
 * round counts that only a tenth of the others beat: it is about their cost, not about what else runs. Prints microseconds, then the ratios of the first file system to the others.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 100
#define COUNTED (ROUNDS / 10) /* of the sorted rounds */
#define REPEATS 100           /* of one thing in one round: some ms */

static int do_read(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[4096];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	if (fd >= 0)
		close(fd);
	return n > 0 ? 0 : -1;
}

static int do_write(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, "\n", 1);

	if (fd >= 0)
		close(fd);
	return n == 1 ? 0 : -1;
}

static int do_stat(const char *path)
{
	struct stat found;

	return lstat(path, &found);
}

static int do_readlink(const char *path)
{
	char target[4096];

	return readlink(path, target, sizeof(target)) > 0 ? 0 : -1;
}

enum { ATTRIBUTE, LINK, WRITABLE, N_PATHS };

static const struct {
	const char *name;
	int path; /* which one of the three */
	int (*run)(const char *path);
} operations[] = {
	{"open+read+close", ATTRIBUTE, do_read},
	{"open+write+close", WRITABLE, do_write},
	{"lstat", ATTRIBUTE, do_stat},
	{"readlink", LINK, do_readlink},
};

#define N_OPERATIONS (sizeof(operations) / sizeof(operations[0]))

struct system {
	const char *label;
	const char *paths[N_PATHS];
	double times[N_OPERATIONS][ROUNDS]; /* µs of one */
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static double measure(const struct system *system, size_t operation)
{
	const char *path = system->paths[operations[operation].path];
	double start = now();

	for (int i = 0; i < REPEATS; i++) {
		if (operations[operation].run(path) == 0)
			continue;
		fprintf(stderr, "bench-files: %s of %s: ", operations[operation].name, path);
		perror("");
		exit(1);
	}
	return (now() - start) / REPEATS;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int has(const struct system *system, size_t operation)
{
	return strcmp(system->paths[operations[operation].path], "-") != 0;
}

static void measure_all(struct system *systems, int n)
{
	for (int round = 0; round < ROUNDS; round++)
		for (int i = 0; i < n; i++)
			for (size_t o = 0; o < N_OPERATIONS; o++)
				if (has(&systems[i], o))
					systems[i].times[o][round] = measure(&systems[i], o);
	for (int i = 0; i < n; i++)
		for (size_t o = 0; o < N_OPERATIONS; o++)
			qsort(systems[i].times[o], ROUNDS, sizeof(double), compare);
}

static void print_cell(int present, double value)
{
	if (present)
		printf("%18.2f", value);
	else
		printf("%18s", "-");
}

static void print_table(const struct system *systems, int n)
{
	printf("%-22s", "microseconds");
	for (size_t o = 0; o < N_OPERATIONS; o++)
		printf("%18s", operations[o].name);
	for (int i = 0; i < n; i++) {
		printf("\n%-22s", systems[i].label);
		for (size_t o = 0; o < N_OPERATIONS; o++)
			print_cell(has(&systems[i], o), systems[i].times[o][COUNTED]);
	}
	for (int i = 1; i < n; i++) {
		char label[64];

		snprintf(label, sizeof(label), "%s / %s", systems[0].label, systems[i].label);
		printf("\n%-22s", label);
		for (size_t o = 0; o < N_OPERATIONS; o++)
			print_cell(has(&systems[i], o) && has(&systems[0], o),
				   systems[0].times[o][COUNTED] / systems[i].times[o][COUNTED]);
	}
	putchar('\n');
}

int main(int argc, char **argv)
{
	int n = (argc - 1) / (N_PATHS + 1);
	struct system *systems;

	if (n == 0 || (argc - 1) % (N_PATHS + 1) != 0) {
		fputs("usage: bench-files (LABEL ATTRIBUTE LINK WRITABLE)...\n", stderr);
		return 2;
	}
	systems = calloc(n, sizeof(*systems));
	if (!systems)
		return 1;
	for (int i = 0; i < n; i++) {
		systems[i].label = argv[1 + i * (N_PATHS + 1)];
		for (int p = 0; p < N_PATHS; p++)
			systems[i].paths[p] = argv[2 + i * (N_PATHS + 1) + p];
	}
	measure_all(systems, n);
	print_table(systems, n);
	free(systems);
	return 0;
}
