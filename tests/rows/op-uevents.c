/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "op.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int uevents = -1;

void listen_to_uevents(void)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1};
	int size = 16 << 20;

	uevents = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	setsockopt(uevents, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	bind(uevents, (struct sockaddr *)&address, sizeof(address));
}

/* The keys on one line, malloc'd. */
static char *format_uevent(const char *text, const char *end)
{
	char *line = NULL;
	size_t size;
	FILE *stream = open_memstream(&line, &size);

	if (!stream)
		abort();
	fprintf(stream, "  uevent %s", text);
	while ((text += strlen(text) + 1) < end)
		if (strncmp(text, "SEQNUM=", strlen("SEQNUM=")))
			fprintf(stream, " %s", text);
	fclose(stream);
	return line;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print_uevents(char **lines, size_t n, bool in_order)
{
	if (!in_order)
		qsort(lines, n, sizeof(*lines), by_text);
	for (size_t i = 0; i < n; i++) {
		puts(lines[i]);
		free(lines[i]);
	}
	printf("= %zu uevents\n", n);
}

/* One of our own asking comes after all that there are: nobody has to wait for none. */
static void listen_until_now(bool in_order)
{
	static const char marker[] = "change@/bus/pci";
	int fd = open("/sys/bus/pci/uevent", O_WRONLY);
	char message[8192 + 1], *lines[512];
	size_t n = 0;
	ssize_t size;

	if (fd < 0 || write(fd, "change", 6) < 0) {
		print_status(-1);
		return;
	}
	close(fd);
	while (n < 512 && (size = recv(uevents, message, sizeof(message) - 1, 0)) > 0) {
		message[size] = '\0';
		if (!strcmp(message, marker))
			break;
		lines[n++] = format_uevent(message, message + size);
	}
	print_uevents(lines, n, in_order);
}

void op_ue(char *data)
{
	listen_until_now(true);
}

void op_ues(char *data)
{
	listen_until_now(false);
}
