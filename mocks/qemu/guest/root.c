/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEW_ROOT "/root"

struct mount_point {
	const char *type, *target, *options;
	unsigned long flags;
	bool optional; /* a host may have no such directory, or a kernel no such file system */
};

static void mount_all(const struct mount_point *points, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct mount_point *point = &points[i];

		if (!point->optional)
			mkdir(point->target, 0755);
		if (mount(point->type, point->target, point->type, point->flags, point->options) < 0 &&
		    !point->optional)
			give_up("cannot mount %s on %s: %s", point->type, point->target, strerror(errno));
	}
}

int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), error;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	error = errno;
	close(fd);
	return n < 0 ? -error : 0;
}

void root_mount_early(void)
{
	static const struct mount_point points[] = {
		{"devtmpfs", "/dev"},
		{"proc", "/proc", .flags = MS_NOSUID | MS_NODEV | MS_NOEXEC},
		{"sysfs", "/sys", .flags = MS_NOSUID | MS_NODEV | MS_NOEXEC},
	};

	mount_all(points, sizeof(points) / sizeof(*points));
}

static void mount_host(void)
{
	static const struct mount_point points[] = {
		{"9p", "/host", "trans=virtio,version=9p2000.L,msize=512000,cache=loose,noxattr", MS_RDONLY},
		{"tmpfs", "/over", "mode=0755"},
	};

	mkdir("/host", 0755);
	if (mount(TAG_HOST_ROOT, "/host", "9p", MS_RDONLY, points[0].options) < 0)
		give_up("cannot mount the host's files: %s", strerror(errno));
	mount_all(&points[1], 1);
	mkdir("/over/upper", 0755);
	mkdir("/over/work", 0755);
	mkdir(NEW_ROOT, 0755);
	if (mount("overlay", NEW_ROOT, "overlay", 0, "lowerdir=/host,upperdir=/over/upper,workdir=/over/work") < 0)
		give_up("cannot lay a writable layer over the host's files: %s", strerror(errno));
}

/* The modules are those of this kernel. The host's configuration of modules and of driverctl is for the host. */
static void cover(void)
{
	static const struct mount_point points[] = {
		{"tmpfs", NEW_ROOT "/run", "mode=0755", MS_NOSUID | MS_NODEV},
		{"tmpfs", NEW_ROOT "/etc/modprobe.d", "mode=0755"},
		{"tmpfs", NEW_ROOT "/etc/driverctl.d", "mode=0755"},
	};
	static const char *const moved[] = {"/dev", "/proc", "/sys"};
	const char *config = spec_next("modprobe", NULL);

	mount_all(points, sizeof(points) / sizeof(*points));
	mkdir(NEW_ROOT "/run/lock", 01777);
	if (config) {
		int fd = creat(NEW_ROOT "/etc/modprobe.d/mocksys.conf", 0644);

		if (fd < 0 || write(fd, config, strlen(config)) < 0)
			give_up("cannot write /etc/modprobe.d/mocksys.conf: %s", strerror(errno));
		close(fd);
	}
	mkdir(NEW_ROOT "/usr/lib/modules", 0755);
	if (mount("/lib/modules", NEW_ROOT "/lib/modules", NULL, MS_BIND, NULL) < 0)
		give_up("cannot cover /lib/modules: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(moved) / sizeof(*moved); i++) {
		char target[32] = NEW_ROOT;

		strcat(target, moved[i]);
		if (mount(moved[i], target, NULL, MS_MOVE, NULL) < 0)
			give_up("cannot move %s: %s", moved[i], strerror(errno));
	}
}

void root_enter(void)
{
	static const struct mount_point points[] = {
		{"devpts", "/dev/pts", "mode=0620,gid=5,ptmxmode=0666", MS_NOSUID | MS_NOEXEC},
		{"tmpfs", "/dev/shm", "mode=1777", MS_NOSUID | MS_NODEV},
		{"debugfs", "/sys/kernel/debug", .optional = true},
		{"cgroup2", "/sys/fs/cgroup", .optional = true},
	};

	mount_host();
	cover();
	/* As switch_root(8): for a process in there it is the root, and no chroot. The kernel's own modprobe follows. */
	if (chdir(NEW_ROOT) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		give_up("cannot enter the host's files: %s", strerror(errno));
	mount_all(points, sizeof(points) / sizeof(*points));
	symlink("/proc/self/fd", "/dev/fd");
	symlink("/proc/self/fd/0", "/dev/stdin");
	symlink("/proc/self/fd/1", "/dev/stdout");
	symlink("/proc/self/fd/2", "/dev/stderr");
}
