/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Uevents as the kernel sends them, and what of them is the same on each kernel. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

int open_socket(void);
int listen_to_kernel(void);
static inline void close_socket(int *fd)
{
	close(*fd);
}
#define _cleanup_socket_ _cleanup_(close_socket)

struct event {
	char text[8192]; /* its parts with a newline behind each */
	unsigned long long sequence;
};

/* False: there is no further one at present, and there never is one to come for what has been written. */
bool hear(int fd, struct event *event);
/* Each with an empty line behind it; malloc'd. Returns their number. */
size_t hear_all(int fd, char **ret_text);

/* Group and interface of a device that is to be detached, which only then can be looked for. */
struct names {
	char *group, *devname, *net, *interface;
};

struct names names_of(const char *address);
void names_free(struct names *names);
/* Frees @text; the result is malloc'd. */
char *replace(char *text, const char *from, const char *to);
/* @text, or what takes its place, without what another kernel would number or name differently. */
char *normalise(char *text, const struct names *names);
