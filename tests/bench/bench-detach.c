/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One detach and one reattach through the API, for strace to count: a write to descriptor -1 marks where each begins
 * and ends.
 *
 *	bench-detach ADDRESS DRIVER
 */
#include <vfiobind.h>

#include <stdio.h>
#include <string.h>
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

int main(int argc, char **argv)
{
	struct vfiobind_detach_options options = VFIOBIND_DETACH_OPTIONS_INIT;
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_context *context;
	struct vfiobind_address address;
	int r;

	if (argc != 3 || vfiobind_address_parse(argv[1], &address) < 0) {
		fputs("usage: bench-detach ADDRESS DRIVER\n", stderr);
		return 2;
	}
	options.driver = argv[2];
	if (vfiobind_context_new(&context) < 0)
		return 1;
	mark("detach begins");
	r = vfiobind_device_detach(context, &address, 1, &options, NULL, &error);
	mark("detach ends");
	if (r < 0)
		return report("detach", &error);
	mark("reattach begins");
	r = vfiobind_device_reattach(context, &address, 1, NULL, NULL, &error);
	mark("reattach ends");
	if (r < 0)
		return report("reattach", &error);
	vfiobind_context_free(context);
	return 0;
}
