/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qemu/scripts.h"

#include "installed/installed.h"
#include "qemu/util.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define INIT "mocksys-guest-init"
#define SAID 1500

const char *tool_path(const char *name, char *path, size_t size)
{
	char folder[PATH_MAX];

	if (strcmp(name, INIT) == 0)
		return installed_path(INSTALLED_GUEST_INIT, path, size);
	snprintf(path, size, "%s/%s", installed_path(INSTALLED_TOOLS, folder, sizeof(folder)), name);
	return path;
}

const char *variant_folder(char *path, size_t size)
{
	return installed_path(INSTALLED_VARIANT_SOURCE, path, size);
}

static int memory_file(const char *text)
{
	_cleanup_close_ int fd = memfd_create("mocksys", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text) || lseek(fd, 0, SEEK_SET) < 0)
		return -EIO;
	return take_fd(&fd);
}

static _Noreturn void execute(char *const *arguments, int input, int output, pid_t parent)
{
	/* Its traps clean up. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(127);
	dup2(input, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	execv(arguments[0], arguments);
	dprintf(STDERR_FILENO, "%s: %s\n", arguments[0], strerror(errno));
	_exit(127);
}

/* The end of what it said, for a person. */
static void quote(int output, char text[SAID + 1])
{
	off_t size = lseek(output, 0, SEEK_END);
	ssize_t n = pread(output, text, SAID, size > SAID ? size - SAID : 0);

	while (n > 0 && text[n - 1] == '\n')
		n--;
	text[n > 0 ? n : 0] = '\0';
}

int script_run(char *const *arguments, const char *input, char **ret_error)
{
	_cleanup_close_ int in = memory_file(input ?: ""), out = memory_file("");
	pid_t parent = getpid(), child;
	char said[SAID + 1];
	int status;

	if (in < 0 || out < 0)
		return fail(ret_error, -ENOMEM, "cannot run %s: no memory", arguments[0]);
	child = fork();
	if (child < 0)
		return fail(ret_error, -errno, "cannot run %s: %s", arguments[0], strerror(errno));
	if (child == 0)
		execute(arguments, in, out, parent);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	quote(out, said);
	return fail(ret_error, -EIO, "%s", said);
}
