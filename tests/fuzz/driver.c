/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * FUZZER [-runs=N] [-seed=N] CORPUS...: gives a fuzzer each file of the corpus, then N variations of them. The same seed
 * gives the same variations. What makes it end by a signal is written to the file crash.
 */
#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAXIMUM 8192

struct input {
	size_t size;
	uint8_t data[MAXIMUM];
};

static struct input *corpus;
static size_t n_corpus;
static struct input now;

static void keep_input(int signal_number)
{
	int fd = open("crash", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd >= 0 && write(fd, now.data, now.size) == (ssize_t)now.size)
		dprintf(STDERR_FILENO, "signal %d: its input is in ./crash\n", signal_number);
	/* The handler is for one time. */
	raise(signal_number);
}

static void add_file(const char *path)
{
	FILE *file = fopen(path, "re");

	corpus = realloc(corpus, (n_corpus + 1) * sizeof(*corpus));
	require(file && corpus);
	corpus[n_corpus].size = fread(corpus[n_corpus].data, 1, MAXIMUM, file);
	n_corpus++;
	fclose(file);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void add_path(const char *path)
{
	struct dirent **entries;
	struct stat status;
	char file[4096];
	int n;

	require(stat(path, &status) == 0);
	if (!S_ISDIR(status.st_mode)) {
		add_file(path);
		return;
	}
	n = scandir(path, &entries, NULL, by_name);
	require(n >= 0);
	for (int i = 0; i < n; i++) {
		snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			add_file(file);
		free(entries[i]);
	}
	free(entries);
}

/* xorshift64* */
static uint64_t random_state;

static size_t random_below(size_t n)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return n ? (size_t)((random_state * 0x2545f4914f6cdd1d) >> 32) % n : 0;
}

static void insert(struct input *input, size_t at, const uint8_t *data, size_t size)
{
	if (size > MAXIMUM - input->size)
		return;
	memmove(input->data + at + size, input->data + at, input->size - at);
	memcpy(input->data + at, data, size);
	input->size += size;
}

/* A piece of the same or another input: what is a number, a name or a line there may be one here. */
static void graft(struct input *input, const struct input *other)
{
	uint8_t piece[MAXIMUM];
	size_t from = random_below(other->size), size = random_below(other->size - from) + (other->size > from);

	memcpy(piece, other->data + from, size);
	insert(input, random_below(input->size + 1), piece, size);
}

static void cut(struct input *input)
{
	size_t from = random_below(input->size), size = random_below(input->size - from) + (input->size > from);

	memmove(input->data + from, input->data + from + size, input->size - from - size);
	input->size -= size;
}

static void vary(struct input *input)
{
	static const char odd[] = "\0\n\t :;*?[]-\\/.0fF\x7f\x80\xff\"'=";
	size_t at = random_below(input->size);
	uint8_t byte;

	switch (random_below(6)) {
	case 0:
		if (input->size)
			input->data[at] ^= (uint8_t)(1 << random_below(8));
		break;
	case 1:
		if (input->size)
			input->data[at] = (uint8_t)odd[random_below(sizeof(odd) - 1)];
		break;
	case 2:
		byte = random_below(2) ? (uint8_t)odd[random_below(sizeof(odd) - 1)] : (uint8_t)random_below(256);
		insert(input, at, &byte, 1);
		break;
	case 3:
		graft(input, input);
		break;
	case 4:
		graft(input, &corpus[random_below(n_corpus)]);
		break;
	default:
		cut(input);
	}
}

static void run(void)
{
	/* As libFuzzer does: a copy, behind whose end is nothing. */
	uint8_t *data = malloc(now.size ? now.size : 1);

	require(data);
	memcpy(data, now.data, now.size);
	LLVMFuzzerTestOneInput(data, now.size);
	free(data);
}

int main(int argc, char **argv)
{
	static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM};
	const struct sigaction action = {.sa_handler = keep_input, .sa_flags = SA_RESETHAND | SA_NODEFER};
	unsigned long runs = 0, seed = 1;

	for (int i = 1; i < argc; i++)
		if (sscanf(argv[i], "-runs=%lu", &runs) != 1 && sscanf(argv[i], "-seed=%lu", &seed) != 1)
			add_path(argv[i]);
	require(n_corpus > 0);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &action, NULL);
	random_state = seed * 0x9e3779b97f4a7c15 + 1;
	for (size_t i = 0; i < n_corpus; i++) {
		now = corpus[i];
		run();
	}
	for (unsigned long i = 0; i < runs; i++) {
		now = corpus[random_below(n_corpus)];
		for (size_t n = 1 + random_below(8); n > 0; n--)
			vary(&now);
		/* One that hangs. */
		alarm(60);
		run();
	}
	printf("%zu inputs, %lu variations, seed %lu\n", n_corpus, runs, seed);
	free(corpus);
	return 0;
}
