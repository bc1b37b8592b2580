/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox/namespaces.h"
#include "sandbox/util.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static int write_proc_file(pid_t pid, const char *name, const char *text)
{
	char path[64];
	_cleanup_close_ int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/*
 * Each id that exists here, mapped to itself. In the initial user namespace that is `0 0 4294967295`; in a container's
 * it is what the container has, because nothing else may be mapped.
 */
static int identity_map(const char *file, char *map, size_t size)
{
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC);
	char text[4096];
	size_t used = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	for (char *save, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned inside, outside, count;

		if (sscanf(line, "%u %u %u", &inside, &outside, &count) != 3)
			return -EBADMSG;
		used += snprintf(map + used, size - used, "%u %u %u\n", inside, inside, count);
		if (used >= size)
			return -E2BIG;
	}
	return 0;
}

static int write_identity_maps(pid_t pid, const char **ret_file)
{
	static const struct {
		const char *own, *name;
	} maps[] = {{"/proc/self/uid_map", "uid_map"}, {"/proc/self/gid_map", "gid_map"}};
	char map[4096];

	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		int r = identity_map(maps[i].own, map, sizeof(map));

		*ret_file = maps[i].name;
		if (r == 0)
			r = write_proc_file(pid, maps[i].name, map);
		if (r < 0)
			return r;
	}
	return 0;
}

static int write_single_maps(pid_t pid, uid_t uid, gid_t gid, const char **ret_file)
{
	const struct {
		const char *name;
		unsigned inside, outside;
	} maps[] = {{"uid_map", uid, geteuid()}, {"gid_map", gid, getegid()}};
	int r;

	/* user_namespaces(7): without it nobody but root may map a group. Kernels before 3.19 do not have it. */
	*ret_file = "setgroups";
	r = write_proc_file(pid, "setgroups", "deny");
	if (r < 0 && r != -ENOENT)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		char map[64];

		snprintf(map, sizeof(map), "%u %u 1", maps[i].inside, maps[i].outside);
		*ret_file = maps[i].name;
		r = write_proc_file(pid, maps[i].name, map);
		if (r < 0)
			return r;
	}
	return 0;
}

int namespaces_write_maps(pid_t pid, bool ordinary_user, uid_t uid, const char **ret_file)
{
	/*
	 * Root keeps the identity map even for an ordinary user: files of the fake then belong to root as they should,
	 * and the command gives up its rights by setresuid(2).
	 */
	if (geteuid() == 0)
		return write_identity_maps(pid, ret_file);
	if (ordinary_user)
		return write_single_maps(pid, uid, uid, ret_file);
	return write_single_maps(pid, 0, 0, ret_file);
}

const char *namespaces_remedy(int flag, int error)
{
	if (error == ENOSPC && flag == CLONE_NEWUSER)
		return "raise the sysctl user.max_user_namespaces, or try --via shim";
	if (error == ENOSPC)
		return "raise the sysctls user.max_*_namespaces, or try --via shim";
	if (error == EINVAL || error == ENOSYS)
		return "this kernel lacks that namespace; try --via shim";
	if (flag == CLONE_NEWUSER)
		return "allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, "
		       "kernel.apparmor_restrict_unprivileged_userns=0, or a container profile that permits unshare; "
		       "none can be made in a chroot), or try --via shim";
	return "the user namespace has no rights here (sysctl kernel.apparmor_restrict_unprivileged_userns=0 or an "
	       "AppArmor profile for mocksys gives them), or try --via shim";
}

int namespaces_bring_loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	_cleanup_close_ int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (sock < 0)
		return -errno;
	return ioctl(sock, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
}
