/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The firmware gives each bus the next number free, and Linux keeps what it finds. Where the machine has other numbers,
 * its bridges get those, and Linux finds them anew: bus after bus, from the root, so that no two are ever the same.
 */
#include "guest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEVICES "/sys/bus/pci/devices"
#define NUMBERS 0x18 /* PCI_PRIMARY_BUS, then the other two */

struct bridge {
	char address[32];
	unsigned bus, secondary, subordinate;
};

static bool read_bridge(const char *line, struct bridge *bridge)
{
	return sscanf(line, "%31s %u %u", bridge->address, &bridge->secondary, &bridge->subordinate) == 3 &&
	       sscanf(bridge->address, "%*x:%x:", &bridge->bus) == 1;
}

static int open_config(const struct bridge *bridge)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DEVICES "/%s/config", bridge->address);
	return open(path, O_RDWR | O_CLOEXEC);
}

static bool is_right(const struct bridge *bridge)
{
	int fd = open_config(bridge);
	uint8_t numbers[3] = {0};

	if (fd < 0 || pread(fd, numbers, sizeof(numbers), NUMBERS) != sizeof(numbers))
		give_up("the guest has no bridge %s", bridge->address);
	close(fd);
	return numbers[1] == bridge->secondary && numbers[2] == bridge->subordinate;
}

static void remove_device(const char *address)
{
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), DEVICES "/%.31s/remove", address);
	r = write_file(path, "1");
	if (r < 0 && r != -ENOENT)
		give_up("cannot remove %s: %s", address, strerror(-r));
}

/* While they can still be reached. */
static void remove_children(const struct bridge *bridge)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *folder;

	snprintf(path, sizeof(path), DEVICES "/%s", bridge->address);
	folder = opendir(path);
	while (folder && (entry = readdir(folder))) {
		unsigned domain, bus, slot, function;
		char end;

		if (sscanf(entry->d_name, "%x:%x:%x.%x%c", &domain, &bus, &slot, &function, &end) == 4)
			remove_device(entry->d_name);
	}
	if (folder)
		closedir(folder);
}

static void renumber(const struct bridge *bridge)
{
	uint8_t numbers[3] = {(uint8_t)bridge->bus, (uint8_t)bridge->secondary, (uint8_t)bridge->subordinate};
	int fd;

	remove_children(bridge);
	fd = open_config(bridge);
	if (fd < 0 || pwrite(fd, numbers, sizeof(numbers), NUMBERS) != sizeof(numbers))
		give_up("cannot number the bus behind %s", bridge->address);
	close(fd);
	remove_device(bridge->address);
}

static void number_bus(unsigned bus)
{
	struct bridge bridge;
	bool changed = false;

	for (const char *line = NULL; (line = spec_next("bridge", line));) {
		if (read_bridge(line, &bridge) && bridge.bus == bus && !is_right(&bridge)) {
			renumber(&bridge);
			changed = true;
		}
	}
	if (changed)
		write_file("/sys/bus/pci/rescan", "1");
	for (const char *line = NULL; (line = spec_next("bridge", line));) {
		if (read_bridge(line, &bridge) && bridge.bus == bus)
			number_bus(bridge.secondary);
	}
}

void buses_number(void)
{
	number_bus(0);
}
