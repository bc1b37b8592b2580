/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command: its environment, its rights, its end in execvp(3). */
#include "installed/installed.h"
#include "preload/preload.h"
#include "sandbox/sandbox-internal.h"
#include "sandbox/util.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define PRELOAD_OVERRIDE "MOCKSYS_PRELOAD"

/* As shells and env(1) have it. */
enum { EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127 };

void command_find_preload(struct sandbox *sandbox)
{
	const char *override = getenv(PRELOAD_OVERRIDE);
	char path[PATH_MAX];

	sandbox->preload[0] = '\0';
	if (override) {
		if (!realpath(override, sandbox->preload))
			fprintf(stderr, "mocksys: " PRELOAD_OVERRIDE "=%s: %s\n", override, strerror(errno));
		return;
	}
	if (realpath(installed_path(INSTALLED_SHIM, path, sizeof(path)), sandbox->preload))
		return;
	sandbox->preload[0] = '\0';
	fprintf(stderr, "mocksys: no %s: programs cannot load modules; build it, or name it in " PRELOAD_OVERRIDE "\n",
		path);
}

static void set_preload(const char *preload)
{
	const char *existing = getenv("LD_PRELOAD");
	_cleanup_free_ char *both = NULL;

	/* Last: sanitizers and valgrind want to be first. */
	if (existing && *existing && asprintf(&both, "%s:%s", existing, preload) > 0)
		preload = both;
	setenv("LD_PRELOAD", preload, 1);
}

static void join_host_paths(const struct sandbox *sandbox, char *text, size_t size)
{
	size_t used = 0;

	*text = '\0';
	for (size_t i = 0; sandbox->mount_points[i] && used < size; i++)
		used += snprintf(text + used, size - used, "%s/%s", i ? ":" : "", sandbox->mount_points[i]);
}

/* The command is root on the fake machine: it finds modprobe and lsmod, as root does after su -. */
static void add_root_path(void)
{
	static const char directory[] = "/usr/sbin:/sbin";
	const char *path = getenv("PATH");
	_cleanup_free_ char *both = NULL;

	if (path && !strstr(path, "/sbin") && asprintf(&both, "%s:%s", path, directory) > 0)
		setenv("PATH", both, 1);
}

static void set_environment(const struct sandbox *sandbox, const char *proc_modules)
{
	/* libudev believes in a /sys of type sysfs only, and takes a root directory of another device for a chroot. */
	setenv("SYSTEMD_DEVICE_VERIFY_SYSFS", "0", 1);
	setenv("SYSTEMD_IGNORE_CHROOT", "1", 1);
	add_root_path();
	if (sandbox->preload[0])
		set_preload(sandbox->preload);
	setenv(MOCKSYS_WAY_VARIABLE, way_name(sandbox->options.way), 1);
	/* A sandbox inside of a sandbox: nothing of the outer one's. */
	unsetenv(MOCKSYS_ROOT_VARIABLE);
	unsetenv(MOCKSYS_HOST_PATHS_VARIABLE);
	unsetenv(MOCKSYS_PRIVATE_VARIABLE);
	unsetenv(MOCKSYS_PROC_MODULES_VARIABLE);
	unsetenv(MOCKSYS_WIRE_VARIABLE);
	if (proc_modules)
		setenv(MOCKSYS_PROC_MODULES_VARIABLE, proc_modules, 1);
	if (sandbox->options.way != WAY_MOUNT) {
		char paths[COVERED_MAX * 32];

		join_host_paths(sandbox, paths, sizeof(paths));
		setenv(MOCKSYS_ROOT_VARIABLE, sandbox->fake, 1);
		setenv(MOCKSYS_HOST_PATHS_VARIABLE, paths, 1);
		setenv(MOCKSYS_PRIVATE_VARIABLE, sandbox->directory, 1);
		setenv(MOCKSYS_WIRE_VARIABLE, sandbox->directory, 1);
	}
}

static int become_ordinary_user(uid_t uid)
{
	/* Somebody else than root is that user already: by the map of the user namespace. */
	if (geteuid() != 0)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	return 0;
}

_Noreturn void command_exec(const struct sandbox *sandbox, const char *proc_modules)
{
	char *const *command = sandbox->options.command;
	int r;

	if (!sandbox->options.no_pin)
		sched_setaffinity(0, sizeof(sandbox->cpus), &sandbox->cpus);
	umask(sandbox->umask);
	set_environment(sandbox, proc_modules);
	if (sandbox->options.ordinary_user) {
		r = become_ordinary_user(sandbox->options.uid);
		if (r < 0) {
			fprintf(stderr, "mocksys: cannot become user %u: %s\n", sandbox->options.uid, strerror(-r));
			_exit(EXIT_CANNOT_RUN);
		}
	}
	sigprocmask(SIG_SETMASK, &sandbox->signal_mask, NULL);
	execvp(command[0], command);
	r = errno;
	fprintf(stderr, "mocksys: cannot run '%s': %s\n", command[0], strerror(r));
	_exit(r == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN);
}
