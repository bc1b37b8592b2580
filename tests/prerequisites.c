/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "prerequisites.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whether namespaces can be made, and mounts in them: 0, or an errno. */
static int try_namespaces(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET) < 0 ||
				      mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0
			      ? errno
			      : 0);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return errno;
	return WEXITSTATUS(status);
}

static int have_fusermount(void)
{
	return access("/usr/bin/fusermount3", X_OK) == 0 || access("/bin/fusermount3", X_OK) == 0;
}

bool under_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload && strstr(preload, "vgpreload");
}

int prerequisites_missing(const char *way, char *why, size_t size)
{
	int fd, error;

	if (strcmp(way, "plain") == 0)
		return 0;
	fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return snprintf(why, size, "way %s needs /dev/fuse: %s", way, strerror(errno));
	close(fd);
	if (strcmp(way, "shim") == 0 && geteuid() != 0 && access("/etc/mtab", R_OK) < 0)
		return snprintf(why, size, "way shim needs /etc/mtab, for fusermount3: %s", strerror(errno));
	if (strcmp(way, "shim") == 0)
		return have_fusermount() ? 0 : snprintf(why, size, "way shim needs fusermount3 (apt install fuse3)");
	/* Those of the new mount interface: Valgrind 3.19 ends them with ENOSYS. */
	if (under_valgrind())
		return snprintf(why, size, "way %s needs system calls that valgrind does not know", way);
	error = try_namespaces();
	return error ? snprintf(why, size, "way %s needs namespaces, which user %u cannot make: %s", way, geteuid(),
				strerror(error))
		     : 0;
}
