/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ways shim and plain: no namespaces. The fake is in a private directory, and the command is below a guardian, which
 * outlives a launcher that is killed: it ends what the command started, unmounts, and removes the directory. When the
 * guardian itself is killed the launcher does that.
 */
#include "preload/preload.h"
#include "sandbox/messages.h"
#include "sandbox/sandbox-internal.h"
#include "sandbox/util.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <linux/magic.h>
#include <poll.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>

/* ---- the private directory ---- */

#define MEMORY "/dev/shm"

static bool is_own_directory(const char *path)
{
	struct stat st;

	return path && path[0] == '/' && stat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

/* Files in memory are what way plain is quick with. */
static bool is_memory(const char *path)
{
	struct statfs status;

	return statfs(path, &status) == 0 && status.f_type == TMPFS_MAGIC && access(path, W_OK | X_OK) == 0;
}

static const char *choose_base(const struct sandbox *sandbox)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	const size_t room =
		sizeof(((struct sockaddr_un *)NULL)->sun_path) - sizeof("/mocksys-0123456789abcdef/uevents");

	if (is_own_directory(runtime) && !sandbox->options.ordinary_user && strlen(runtime) < room)
		return runtime;
	return sandbox->options.way == WAY_PLAIN && is_memory(MEMORY) ? MEMORY : "/tmp";
}

/* Chosen here, made by the guardian: whichever of the two is killed, the other knows what to remove. */
int guardian_choose_directory(struct sandbox *sandbox, char **ret_error)
{
	char base[PATH_MAX];
	uint64_t number;

	if (sandbox->options.ordinary_user && geteuid() != 0) {
		*ret_error = strdup("--uid needs root here, or --via mount");
		return -EPERM;
	}
	/* As realpath(3) has it: the shim looks for it in what readlink(2) and getcwd(2) return. */
	if (!realpath(choose_base(sandbox), base)) {
		int r = -errno;

		*ret_error = strdup("there is no /tmp for a private directory");
		return r;
	}
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		number = getpid();
	snprintf(sandbox->directory, sizeof(sandbox->directory), "%.*s/mocksys-%016llx", PATH_MAX - 64, base,
		 (unsigned long long)number);
	snprintf(sandbox->fake, sizeof(sandbox->fake), "%.*s/fake", PATH_MAX - 8, sandbox->directory);
	return 0;
}

/* What programs find there in the place of the host's: empty, and the command's own. */
static int make_private_paths(const struct sandbox *sandbox)
{
#define NAME(path) path,
	static const char *const paths[] = {"/etc", "/run", MOCKSYS_PRIVATE_PATHS(NAME)};
#undef NAME

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		char path[PATH_MAX + 64];

		/* /run/vfiobind does not exist on a host until somebody makes it. */
		if (i > 1 && access(paths[i], F_OK) < 0)
			continue;
		snprintf(path, sizeof(path), "%s%s", sandbox->directory, paths[i]);
		if (mkdir(path, 0755) < 0)
			return -errno;
	}
	return 0;
}

/* Not before root has written there: the user's other processes could put a link where it writes. */
static int give_away_private_paths(const struct sandbox *sandbox)
{
	static const char *const paths[] = {"/etc", "/run"};

	for (size_t i = 0; sandbox->options.ordinary_user && i < ARRAY_SIZE(paths); i++) {
		char path[PATH_MAX + 64];

		snprintf(path, sizeof(path), "%s%s", sandbox->directory, paths[i]);
		if (lchown(path, sandbox->options.uid, -1) < 0)
			return -errno;
	}
	return 0;
}

static int write_modprobe_config(const struct sandbox *sandbox, const char *text)
{
	char path[PATH_MAX + 64];
	_cleanup_close_ int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/etc/modprobe.d/mocksys.conf", sandbox->directory);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	/* No kmod on this host: nobody reads it. */
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	n = write(fd, text, strlen(text));
	if (n < 0)
		return -errno;
	return (size_t)n == strlen(text) ? 0 : -ENOSPC;
}

static int make_directory(const struct sandbox *sandbox)
{
	/* An ordinary user that root becomes has to get in. */
	if (mkdir(sandbox->directory, sandbox->options.ordinary_user ? 0755 : 0700) < 0 ||
	    mkdir(sandbox->fake, 0755) < 0)
		return -errno;
	return make_private_paths(sandbox);
}

static void unmount_fake(const struct sandbox *sandbox)
{
	char *const arguments[] = {"fusermount3", "-u", "-z", "-q", (char *)sandbox->fake, NULL};
	char *const environment[] = {"PATH=/usr/bin:/bin:/usr/sbin:/sbin", NULL};
	pid_t pid;

	if (umount2(sandbox->fake, MNT_DETACH) == 0)
		return;
	if (posix_spawnp(&pid, arguments[0], NULL, NULL, arguments, environment) == 0)
		waitpid(pid, NULL, 0);
}

/* By fts(3), which looks at where it has come to: what the tree holds may be another user's, who may swap it for a link. */
static void remove_tree(const char *path)
{
	char *const paths[] = {(char *)path, NULL};
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_XDEV | FTS_NOSTAT, NULL);

	/* What cannot be removed keeps its parents; there is nobody to tell. */
	for (FTSENT *entry; fts && (entry = fts_read(fts));)
		if (entry->fts_info == FTS_DP || entry->fts_info == FTS_DNR)
			rmdir(entry->fts_accpath);
		else if (entry->fts_info != FTS_D)
			unlink(entry->fts_accpath);
	if (fts)
		fts_close(fts);
}

static void remove_directory(const struct sandbox *sandbox)
{
	struct stat st;

	/* The helper that unmounts can be killed, as anybody: it is tried again, for about a second. */
	for (int attempts = 0; attempts < 100; attempts++) {
		if (!sandbox->directory[0] || lstat(sandbox->directory, &st) < 0 || st.st_uid != geteuid())
			return;
		if (attempts > 0)
			poll(NULL, 0, 10);
		/*
		 * A fusermount3 of the launcher may still be on its way. It cannot mount on a directory that has gone,
		 * and when it was first, this one does not go.
		 */
		if (rmdir(sandbox->fake) < 0 && errno == EBUSY) {
			unmount_fake(sandbox);
			rmdir(sandbox->fake);
		}
		remove_tree(sandbox->directory);
	}
}

/* ---- the end ---- */

void guardian_clean_up(struct sandbox *sandbox)
{
	children_end(sandbox, true);
	remove_directory(sandbox);
}

/* ---- the guardian ---- */

static void wait_for_end(int sock)
{
	struct pollfd launcher = {.fd = sock};

	while (!(launcher.revents & (POLLHUP | POLLERR)))
		if (poll(&launcher, 1, -1) < 0 && errno != EINTR)
			return;
}

/* 0, or -errno when the launcher has been told what went wrong, or is gone. */
static int wait_for_go(const struct sandbox *sandbox, int sock)
{
	struct message message;
	int r = message_receive(sock, &message);

	if (r < 0)
		return r;
	r = message.kind == MESSAGE_GO ? 0 : -EBADMSG;
	if (r == 0 && message.size) {
		r = write_modprobe_config(sandbox, message.text);
		if (r < 0)
			message_failed(sock, -r, "cannot write modprobe's configuration below %s: %s",
				       sandbox->directory, strerror(-r));
	}
	message_done(&message);
	if (r < 0)
		return r;
	r = give_away_private_paths(sandbox);
	if (r < 0)
		message_failed(sock, -r, "cannot give %s to user %u: %s", sandbox->directory, sandbox->options.uid,
			       strerror(-r));
	return r;
}

_Noreturn void guardian_run(struct sandbox *sandbox, int sock)
{
	sigset_t all;
	int r;

	/* Out of reach of what ends the launcher's process group; of its session, so that the command can return there. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	setpgid(0, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_NAME, "mocksys-guard");
	sandbox->n_strangers = 0; /* they are the launcher's */
	umask(022);
	r = make_directory(sandbox);
	if (r < 0) {
		message_failed(sock, -r, "cannot make the private directory %s: %s", sandbox->directory, strerror(-r));
	} else {
		message_send(sock, &(struct message){.kind = MESSAGE_MOUNTABLE, .fds = {-1, -1}});
		if (wait_for_go(sandbox, sock) == 0)
			keeper_run(sandbox, sock, NULL);
	}
	/* Processes that wait for the fake can be killed only when its server has ended: and that this waits for. */
	wait_for_end(sock);
	guardian_clean_up(sandbox);
	_exit(EXIT_SUCCESS);
}
