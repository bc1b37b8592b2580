/* SPDX-License-Identifier: CC0-1.0 */
/*
 * toybind ADDRESS DRIVER: gives a PCI device to a driver. Exit status 0: it is there; 1: it is as it was; 2: it is neither.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BUS "/sys/bus/pci"

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int result = fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;

	if (result < 0)
		fprintf(stderr, "toybind: %s: %s\n", path, strerror(-result));
	if (fd >= 0)
		close(fd);
	return result;
}

/* The driver of the device, "" if there is none. */
static const char *driver_of(const char *address, char driver[NAME_MAX + 1])
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), BUS "/devices/%s/driver", address);
	n = readlink(path, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	snprintf(driver, NAME_MAX + 1, "%s", n > 0 ? strrchr(target, '/') + 1 : "");
	return driver;
}

static int set_override(const char *address, const char *driver)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), BUS "/devices/%s/driver_override", address);
	return write_text(path, driver);
}

static int unbind(const char *address, const char *driver)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), BUS "/drivers/%s/unbind", driver);
	return *driver ? write_text(path, address) : 0;
}

/* drivers_probe says success also when no driver took the device: look. */
static int bind_to(const char *address, const char *driver)
{
	char now[NAME_MAX + 1];
	int result = write_text(BUS "/drivers_probe", address);

	if (result == 0 && strcmp(driver_of(address, now), driver) != 0)
		result = -ENODEV;
	return result;
}

static int move(const char *address, const char *from, const char *to)
{
	int result = set_override(address, to);

	if (result == 0)
		result = unbind(address, from);
	if (result == 0)
		result = bind_to(address, to);
	return result;
}

/* A newline clears an override; nothing at all would not. */
static int move_back(const char *address, const char *from)
{
	char now[NAME_MAX + 1];
	int result = set_override(address, "\n");

	if (result == 0 && strcmp(driver_of(address, now), from) != 0)
		result = bind_to(address, from);
	return result;
}

int main(int argc, char **argv)
{
	char before[NAME_MAX + 1];

	if (argc != 3) {
		fprintf(stderr, "usage: toybind ADDRESS DRIVER\n");
		return 64;
	}
	driver_of(argv[1], before);
	if (move(argv[1], before, argv[2]) == 0)
		return 0;
	fprintf(stderr, "toybind: %s does not go to %s\n", argv[1], argv[2]);
	return move_back(argv[1], before) == 0 ? 1 : 2;
}
