/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuse-mount.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * libfuse's own fuse_session_mount() would do, but for two things: as root it mounts by itself, so that nobody unmounts
 * after kill -9; and the socket that tells fusermount3 of our end is left open across exec, so that a command which we
 * started would keep the mount alive.
 *
 * Of an ordinary user's mount without allow_other, fusermount3 before 3.15 takes EACCES for a sign of life and leaves it
 * (should_auto_unmount(); libfuse mended it by recheck_ENOTCONN_as_owner()): there, whoever outlives us has to unmount.
 */
struct fuse_mount {
	char *directory;
	uint64_t id;  /* of the mount: something else may be mounted there when ours is gone */
	pid_t helper; /* fusermount3, waiting for the socket to be closed */
	int socket;
};

static const char helper_name[] = "fusermount3";

/* The descriptor on which fusermount3 finds the socket: the first that is not stdin, stdout or stderr. */
#define HELPER_SOCKET 3
static char helper_variable[] = "_FUSE_COMMFD=3";

/* fusermount3 refuses allow_other to an ordinary user, with a message, unless the administrator said so here. */
static bool may_allow_other(void)
{
	char line[256];
	bool allowed = geteuid() == 0;
	FILE *file = allowed ? NULL : fopen("/etc/fuse.conf", "re");

	while (file && !allowed && fgets(line, sizeof(line), file))
		allowed = strcmp(line, "user_allow_other\n") == 0;
	if (file)
		fclose(file);
	return allowed;
}

/* Starts fusermount3 with @arguments, and with @socket when there is one. 0 or -errno. */
static int spawn_helper(const char *const *arguments, int socket, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	size_t n = 0;
	char **environment;
	int error;

	while (environ && environ[n])
		n++;
	environment = calloc(n + 2, sizeof(*environment));
	if (!environment)
		return -ENOMEM;
	/* First, so that it is the one found even where the variable is there already. */
	environment[0] = helper_variable;
	memcpy(environment + 1, environ, n * sizeof(*environment));
	posix_spawn_file_actions_init(&actions);
	if (socket >= 0)
		posix_spawn_file_actions_adddup2(&actions, socket, HELPER_SOCKET);
	error = posix_spawnp(ret_pid, helper_name, &actions, NULL, (char *const *)arguments, environment);
	posix_spawn_file_actions_destroy(&actions);
	free(environment);
	return error == ENOENT ? -ENOPKG : -error;
}

/* The descriptor that fusermount3 sends once it has mounted, or -errno. */
static int receive_descriptor(int socket)
{
	char byte, control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec data = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *header;
	ssize_t n;
	int fd;

	do
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	header = CMSG_FIRSTHDR(&message);
	if (n == 0 || !header || header->cmsg_type != SCM_RIGHTS)
		return -EPERM; /* it ended, and said why */
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

/* The id of what is mounted on @directory. Asks the file system nothing: nobody serves it at these moments. */
static uint64_t mount_id(const char *directory)
{
	struct statx found = {0};

	statx(AT_FDCWD, directory, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_MNT_ID, &found);
	return found.stx_mask & STATX_MNT_ID ? found.stx_mnt_id : 0;
}

/* Without this file fusermount3 mounts for an ordinary user, and then cannot unmount. */
static int check_mtab(void)
{
	if (geteuid() == 0 || access("/etc/mtab", R_OK) == 0)
		return 0;
	fputs("mocksys: fusermount3 could not unmount: there is no /etc/mtab (as root: ln -s ../proc/self/mounts "
	      "/etc/mtab)\n",
	      stderr);
	return -EPERM;
}

static int check_directory(const char *path)
{
	struct stat found;

	if (stat(path, &found) < 0)
		return -errno;
	return S_ISDIR(found.st_mode) ? 0 : -ENOTDIR; /* as root fusermount3 would mount on a file, too */
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int fuse_mount_new(const char *directory, struct fuse_mount **ret_mount)
{
	struct fuse_mount *mount;
	int sockets[2], fd, r;

	r = check_directory(directory);
	if (r == 0)
		r = check_mtab();
	if (r < 0)
		return r;
	mount = calloc(1, sizeof(*mount));
	if (!mount)
		return -ENOMEM;
	/* fusermount3 unmounts by this name later, wherever we are then. */
	mount->directory = realpath(directory, NULL);
	if (!mount->directory || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0) {
		r = -errno;
		free(mount->directory);
		free(mount);
		return r;
	}
	r = spawn_helper(
		(const char *[]){helper_name, "-o",
				 may_allow_other()
					 ? "auto_unmount,nosuid,nodev,fsname=mocksys,subtype=mocksys,allow_other"
					 : "auto_unmount,nosuid,nodev,fsname=mocksys,subtype=mocksys",
				 "--", mount->directory, NULL},
		sockets[0], &mount->helper);
	close(sockets[0]);
	mount->socket = sockets[1];
	fd = r < 0 ? r : receive_descriptor(mount->socket);
	if (fd < 0) {
		close(mount->socket);
		if (r == 0)
			reap(mount->helper);
		free(mount->directory);
		free(mount);
		return fd;
	}
	mount->id = mount_id(mount->directory);
	*ret_mount = mount;
	return fd;
}

/* For a helper that gave up, or was killed. */
static void unmount(const struct fuse_mount *mount)
{
	pid_t pid;

	if (mount_id(mount->directory) != mount->id)
		return; /* unmounted already; what is there now is not ours */
	if (geteuid() == 0)
		umount2(mount->directory, MNT_DETACH | UMOUNT_NOFOLLOW);
	else if (spawn_helper((const char *[]){helper_name, "-u", "-z", "-q", "--", mount->directory, NULL}, -1,
			      &pid) == 0)
		reap(pid);
}

void fuse_mount_free(struct fuse_mount *mount)
{
	if (!mount)
		return;
	close(mount->socket);
	reap(mount->helper);
	unmount(mount);
	free(mount->directory);
	free(mount);
}
