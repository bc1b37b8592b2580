/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CLASS "/sys/class/virtio-ports"

static int try_open(const char *name)
{
	struct dirent *entry;
	DIR *ports = opendir(CLASS);
	int fd = -1;

	while (ports && fd < 0 && (entry = readdir(ports))) {
		char path[300], found[64] = "";
		FILE *file;

		snprintf(path, sizeof(path), CLASS "/%s/name", entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fscanf(file, "%63s", found) == 1 && !strcmp(found, name)) {
			snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
			fd = open(path, O_RDWR | O_CLOEXEC);
		}
		fclose(file);
	}
	if (ports)
		closedir(ports);
	return fd;
}

int port_open(const char *name)
{
	int fd;

	/* QEMU tells the ports' names one by one. */
	while ((fd = try_open(name)) < 0)
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	return fd;
}

static void send_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n <= 0)
			return; /* nobody listens any more, so nobody needs this machine */
		data += n;
		size -= (size_t)n;
	}
}

void port_send(int fd, enum frame_kind kind, const void *data, size_t size)
{
	struct {
		struct frame frame;
		char data[FRAME_MAX];
	} message = {.frame = {.kind = kind, .size = (uint32_t)size}};

	memcpy(message.data, data, size);
	send_all(fd, (const char *)&message, sizeof(message.frame) + size);
}
