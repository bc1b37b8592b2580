/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A detach and a reattach through the API.
 *
 *	bench-detach ADDRESS DRIVER        one, for strace to count: a write to descriptor -1 marks where each begins and ends
 *	bench-detach ADDRESS DRIVER PAIRS  as many; prints the microseconds that a tenth of them beat
 */
#include <vfiobind.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void mark(const char *what)
{
	/* Fails, and is seen in the trace all the same. */
	ssize_t n = write(-1, what, strlen(what));

	(void)n;
}

static int report(const char *what, const struct vfiobind_error *error)
{
	char text[512];

	vfiobind_error_format(error, text, sizeof(text));
	fprintf(stderr, "bench-detach: %s: %s\n", what, text);
	return 1;
}

static int run_pair(struct vfiobind_context *context, const struct vfiobind_address *address, const char *driver)
{
	struct vfiobind_detach_options options = VFIOBIND_DETACH_OPTIONS_INIT;
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	int r;

	options.driver = driver;
	mark("detach begins");
	r = vfiobind_device_detach(context, address, 1, &options, NULL, &error);
	mark("detach ends");
	if (r < 0)
		return report("detach", &error);
	mark("reattach begins");
	r = vfiobind_device_reattach(context, address, 1, NULL, NULL, &error);
	mark("reattach ends");
	return r < 0 ? report("reattach", &error) : 0;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int measure(struct vfiobind_context *context, const struct vfiobind_address *address, const char *driver,
		   int pairs)
{
	double *times = calloc(pairs, sizeof(*times));
	int status = times ? run_pair(context, address, driver) : 1; /* loads modules */

	for (int i = 0; i < pairs && status == 0; i++) {
		double start = now();

		status = run_pair(context, address, driver);
		times[i] = now() - start;
	}
	if (status == 0) {
		qsort(times, pairs, sizeof(*times), compare);
		printf("%.0f\n", times[pairs / 10]);
	}
	free(times);
	return status;
}

int main(int argc, char **argv)
{
	struct vfiobind_context *context;
	struct vfiobind_address address;
	int pairs = argc == 4 ? atoi(argv[3]) : 0, status;

	if ((argc != 3 && pairs < 1) || vfiobind_address_parse(argv[1], &address) < 0) {
		fputs("usage: bench-detach ADDRESS DRIVER [PAIRS]\n", stderr);
		return 2;
	}
	if (vfiobind_context_new(&context) < 0)
		return 1;
	status = pairs ? measure(context, &address, argv[2], pairs) : run_pair(context, &address, argv[2]);
	vfiobind_context_free(context);
	return status;
}
