/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch.h"

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

#include "descriptor.h"
#include "util.h"

/* Between two looks where nobody tells. */
#define LOOK_MS 100
/* The multicast group of the kernel's own uevents; 2 is udev's. */
#define UEVENT_GROUP 1

void watch_directories(struct watch *watch, const char *const *paths, size_t n)
{
	int fd = descriptor_move_up(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));

	watch->inotify = fd < 0 ? -1 : fd;
	for (size_t i = 0; fd >= 0 && i < n; i++)
		inotify_add_watch(fd, paths[i], IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR);
}

void watch_uevents(struct watch *watch)
{
	const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = UEVENT_GROUP};
	int fd =
		descriptor_move_up(socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT));

	watch->uevents = fd < 0 ? -1 : fd;
	if (fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		watch->uevents = close_fd(fd);
}

/* What was told is of no interest: the caller looks for itself. Of a flood the rest is left. */
static void drain(int fd)
{
	char buffer[4096];
	ssize_t n = 1;

	for (int i = 0; fd >= 0 && i < 256 && (n > 0 || errno == EINTR || errno == ENOBUFS); i++)
		n = read(fd, buffer, sizeof(buffer));
}

bool watch_wait(struct watch *watch, struct deadline deadline)
{
	struct pollfd fds[] = {{.fd = watch->inotify, .events = POLLIN}, {.fd = watch->uevents, .events = POLLIN}};
	int left = deadline_left(deadline);

	if (left == 0)
		return false;
	poll(fds, ARRAY_SIZE(fds), left < LOOK_MS ? left : LOOK_MS);
	drain(watch->inotify);
	drain(watch->uevents);
	return true;
}

void watch_close(struct watch *watch)
{
	watch->inotify = close_fd(watch->inotify);
	watch->uevents = close_fd(watch->uevents);
}
