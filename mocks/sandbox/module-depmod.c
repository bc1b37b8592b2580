/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A child does it on a tmpfs of its own mount namespace, which goes with it, and answers through a pipe. Where there
 * are no namespaces it takes a temporary directory; then it lives on when mocksys is killed, until it has removed that.
 */
#include "sandbox/module-depmod.h"
#include "sandbox/sandbox-internal.h"
#include "sandbox/util.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sched.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

/*
 * depmod refuses a release that does not begin with a number, as that of somebody's own kernel may not. Its indexes do
 * not mention it, so one for all will do.
 */
#define DEPMOD_RELEASE "1.0"
#define MODULE_DIRECTORY "lib/modules/" DEPMOD_RELEASE

int depmod_find(char *path)
{
	static const char *const places[] = {"/usr/sbin/depmod", "/sbin/depmod", "/usr/bin/depmod", "/bin/depmod"};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (access(places[i], X_OK) == 0) {
			strcpy(path, places[i]);
			return 0;
		}
	return -ENOENT;
}

/* ---- a place ---- */

static void write_own_file(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	/* If it fails, what needs it fails. */
	if (fd >= 0 && write(fd, text, strlen(text)) < 0)
		return;
}

/* A tmpfs that only this process and its children see. */
static bool take_private_place(char *place)
{
	char uid_map[64], gid_map[64];

	snprintf(uid_map, sizeof(uid_map), "0 %u 1", geteuid());
	snprintf(gid_map, sizeof(gid_map), "0 %u 1", getegid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return false;
	write_own_file("/proc/self/setgroups", "deny");
	write_own_file("/proc/self/uid_map", uid_map);
	write_own_file("/proc/self/gid_map", gid_map);
	/* /run is everywhere, and depmod wants nothing from it. */
	strcpy(place, "/run");
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 && mount("mocksys", place, "tmpfs", 0, NULL) == 0;
}

static int take_temporary_place(char *place)
{
	const char *directory = getenv("TMPDIR") ?: "/tmp";

	if (snprintf(place, PATH_MAX, "%s/mocksys-depmod-XXXXXX", directory) >= PATH_MAX)
		return -ENAMETOOLONG;
	return mkdtemp(place) ? 0 : -errno;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	remove(path);
	return 0;
}

static void remove_temporary_place(const char *place)
{
	nftw(place, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- files in and out ---- */

static int write_file(int directory_fd, const struct module_file *file)
{
	_cleanup_free_ char *path = strdup(file->path);
	_cleanup_close_ int fd = -1;

	for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdirat(directory_fd, path, 0755) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	fd = openat(directory_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	if (write(fd, file->content.data, file->content.size) != (ssize_t)file->content.size)
		return errno ? -errno : -ENOSPC;
	return 0;
}

static int read_file(int directory_fd, const char *name, struct bytes *content)
{
	_cleanup_close_ int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC);
	char buffer[16384];
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		bytes_add(content, buffer, n);
	return n < 0 ? -errno : 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct module_file *)a)->path, ((const struct module_file *)b)->path);
}

/* All files there that were not put there. */
static int read_output(int directory_fd, const struct module_files *input, struct module_files *output)
{
	_cleanup_closedir_ DIR *directory = fdopendir(dup(directory_fd));

	if (!directory)
		return -errno;
	for (struct dirent *entry; (entry = readdir(directory));) {
		struct stat st;
		int r;

		if (fstatat(directory_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
		    module_files_find(input, entry->d_name))
			continue;
		r = read_file(directory_fd, entry->d_name, module_files_add(output, entry->d_name));
		if (r < 0)
			return r;
	}
	qsort(output->files, output->n, sizeof(*output->files), compare_names);
	return 0;
}

/* ---- the child ---- */

static int spawn_depmod(const char *path, const char *place)
{
	/* No configuration of the host has a say. */
	char *const arguments[] = {"depmod", "-C", "/dev/null", "-b", (char *)place, DEPMOD_RELEASE, NULL};
	char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL};
	int status;
	pid_t pid;
	int r = -posix_spawn(&pid, path, NULL, NULL, arguments, environment);

	if (r < 0)
		return r;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

static int index_in(const char *path, const char *place, const struct module_files *input, struct module_files *output)
{
	_cleanup_close_ int root_fd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;
	int r;

	if (root_fd < 0)
		return -errno;
	if (mkdirat(root_fd, "lib", 0755) < 0 || mkdirat(root_fd, "lib/modules", 0755) < 0 ||
	    mkdirat(root_fd, MODULE_DIRECTORY, 0755) < 0)
		return -errno;
	fd = openat(root_fd, MODULE_DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (size_t i = 0; i < input->n; i++) {
		r = write_file(fd, &input->files[i]);
		if (r < 0)
			return r;
	}
	r = spawn_depmod(path, place);
	return r < 0 ? r : read_output(fd, input, output);
}

static void write_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0)
			return;
		data += n;
		size -= n;
	}
}

/* The child's exit status is the errno. */
static _Noreturn void run_child(const char *path, const struct module_files *input, pid_t parent, int pipe_fd)
{
	struct module_files output = {0};
	struct bytes packed = {0};
	char place[PATH_MAX];
	sigset_t none;
	bool private;
	int r;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* The reader may be gone: then the place is still to be removed. */
	signal(SIGPIPE, SIG_IGN);
	umask(022);
	private = take_private_place(place);
	if (private ? !die_with(parent) : take_temporary_place(place) < 0)
		_exit(EIO);
	r = index_in(path, place, input, &output);
	if (!private)
		remove_temporary_place(place);
	if (r < 0)
		_exit(-r);
	module_files_pack(&output, &packed);
	write_all(pipe_fd, packed.data, packed.size);
	_exit(0);
}

int depmod_run(const char *path, const struct module_files *input, struct module_files *ret_output)
{
	struct bytes packed = {0};
	char buffer[16384];
	pid_t parent = getpid(), child;
	int fds[2], status, r;
	ssize_t n;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	child = fork();
	if (child < 0) {
		r = -errno;
		close(fds[0]);
		close(fds[1]);
		return r;
	}
	if (child == 0)
		run_child(path, input, parent, fds[1]);
	close(fds[1]);
	while ((n = read(fds[0], buffer, sizeof(buffer))) > 0)
		bytes_add(&packed, buffer, n);
	close(fds[0]);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		r = module_files_unpack(packed.data, packed.size, ret_output);
	else
		r = WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
	bytes_free(&packed);
	return r;
}
