/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "op.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
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

static void print_uevent(const char *text, const char *end)
{
	printf("  uevent %s", text);
	while ((text += strlen(text) + 1) < end)
		if (strncmp(text, "SEQNUM=", strlen("SEQNUM=")))
			printf(" %s", text);
	putchar('\n');
}

/* One of our own asking comes after all that there are: nobody has to wait for none. */
void op_ue(char *data)
{
	static const char marker[] = "change@/bus/pci";
	int fd = open("/sys/bus/pci/uevent", O_WRONLY), n = 0;
	char message[8192 + 1];
	ssize_t size;

	if (fd < 0 || write(fd, "change", 6) < 0) {
		print_status(-1);
		return;
	}
	close(fd);
	while ((size = recv(uevents, message, sizeof(message) - 1, 0)) > 0) {
		message[size] = '\0';
		if (!strcmp(message, marker))
			break;
		print_uevent(message, message + size);
		n++;
	}
	printf("= %d uevents\n", n);
}
