/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox/covered-paths.h"
#include "sandbox/messages.h"
#include "sandbox/mounts.h"
#include "sandbox/namespaces.h"
#include "sandbox/util.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* In this order. The host's parts of /sys come after /sys; never /sys/kernel/debug: the control files are there. */
const struct covered_path covered_paths[] = {
	{"/sys", COVER_FAKE, .source = "sys"},
	{"/sys/devices/system", COVER_HOST},
	{"/sys/fs", COVER_HOST},
	{"/sys/power", COVER_HOST},
	{"/sys/firmware", COVER_HOST},
	{"/sys/hypervisor", COVER_HOST},
	{"/sys/kernel/mm", COVER_HOST},
	{"/sys/kernel/security", COVER_HOST},
	{"/sys/kernel/btf", COVER_HOST},
	{"/sys/kernel/cgroup", COVER_HOST},
	{"/dev/vfio", COVER_FAKE, .source = "dev/vfio", .missing = SYNTHESIS_BINDS},
	{"/dev/kmsg", COVER_FAKE, .source = "dev/kmsg", .missing = SYNTHESIS_BINDS, .file = true},
	{"/lib/modules", COVER_FAKE, .source = "lib/modules", .missing = SYNTHESIS_OVERLAY},
	{"/etc/driverctl.d", COVER_PRIVATE, .missing = SYNTHESIS_OVERLAY},
	{"/etc/modprobe.d", COVER_PRIVATE, .missing = SYNTHESIS_OVERLAY},
	{"/run", COVER_PRIVATE},
	{"/proc/modules", COVER_FAKE, .source = "proc/modules", .in_proc = true},
	{"/proc/sys", COVER_READ_ONLY, .in_proc = true},
	{"/proc/sysrq-trigger", COVER_READ_ONLY, .in_proc = true},
	{"/proc/irq", COVER_READ_ONLY, .in_proc = true},
	{"/proc/bus", COVER_READ_ONLY, .in_proc = true},
	{"/proc/fs", COVER_READ_ONLY, .in_proc = true},
	{"/proc/acpi", COVER_READ_ONLY, .in_proc = true},
	{"/proc/scsi", COVER_READ_ONLY, .in_proc = true},
};
const size_t n_covered_paths = ARRAY_SIZE(covered_paths);
_Static_assert(ARRAY_SIZE(covered_paths) < COVERED_MAX, "struct covering has no room for so many");

/*
 * The tmpfs of all private directories is mounted on /run while they are made (every Linux has that directory), the
 * fake on /sys while its parts are taken from it: kernels before 6.15 copy attached trees only.
 */
#define SCRATCH "/run"
#define FAKE "/sys"

/* In the private /run, where the command finds what cannot be covered. */
#define PROC_MODULES "mocksys/modules"

void covered_paths_mount_points(const char *mount_points[COVERED_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < n_covered_paths; i++)
		if (covered_paths[i].how == COVER_HOST && access(covered_paths[i].path, F_OK) == 0)
			mount_points[n++] = covered_paths[i].path + 1;
	mount_points[n] = NULL;
}

static int cannot(struct covering *covering, int error, const char *what, const char *path)
{
	bool refused = error == -EPERM || error == -EACCES;

	message_failed(covering->sock, -error, "cannot %s %s: %s%s%s", what, path, strerror(-error),
		       refused ? "; " : "", refused ? namespaces_remedy(CLONE_NEWNS, -error) : "");
	return error;
}

/* ---- mount points that the host does not have ---- */

/* A new directory of the scratch file system; its absolute path in @path. */
static int scratch_directory(struct covering *covering, const char *name, char path[64])
{
	snprintf(path, 64, SCRATCH "/%s%u", name, covering->n_scratch++);
	return mkdir(path, 0755) < 0 ? -errno : 0;
}

/* Entries of /dev that a command on a fake machine has no use for: the host's disks and consoles. */
static bool is_left_out(const char *parent, const char *name, mode_t mode)
{
	if (strcmp(parent, "/dev") != 0)
		return false;
	return S_ISBLK(mode) || strncmp(name, "vcs", 3) == 0 || strncmp(name, "loop", 4) == 0 ||
	       (strncmp(name, "tty", 3) == 0 && name[3] >= '0' && name[3] <= '9');
}

static int bind_entry(int old_fd, int new_fd, const char *parent, const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	_cleanup_close_ int tree = -1;

	if (fstatat(old_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (is_left_out(parent, name, st.st_mode))
		return 0;
	if (S_ISLNK(st.st_mode)) {
		ssize_t n = readlinkat(old_fd, name, path, sizeof(path) - 1);

		if (n < 0)
			return -errno;
		path[n] = '\0';
		return symlinkat(path, new_fd, name) < 0 ? -errno : 0;
	}

	/* Copied through the descriptor of what is covered by now; the mount point is in what covers it. */
	tree = mounts_clone(old_fd, name);
	if (tree < 0)
		return tree;
	if (S_ISDIR(st.st_mode) ? mkdirat(new_fd, name, 0755) < 0 : mknodat(new_fd, name, S_IFREG | 0644, 0) < 0)
		return -errno;
	return move_mount(tree, "", new_fd, name, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

static int synthesise_by_binds(struct covering *covering, const char *parent)
{
	char directory[64];
	_cleanup_close_ int tree = -1, old_fd = -1, new_fd = -1;
	_cleanup_closedir_ DIR *entries = NULL;
	int r = scratch_directory(covering, "binds", directory);

	if (r < 0)
		return r;
	entries = opendir(parent);
	if (!entries)
		return -errno;
	old_fd = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	tree = mounts_clone(AT_FDCWD, directory);
	if (old_fd < 0 || tree < 0)
		return old_fd < 0 ? -errno : tree;
	r = mounts_attach(tree, parent);
	if (r < 0)
		return r;
	new_fd = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (new_fd < 0)
		return -errno;

	for (struct dirent *entry; (entry = readdir(entries));) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		r = bind_entry(old_fd, new_fd, parent, entry->d_name);
		if (r < 0) {
			message_warning(covering->sock, "%s/%s is missing in the sandbox: cannot bind it: %s", parent,
					entry->d_name, strerror(-r));
		}
	}
	return 0;
}

/* What is mounted below @parent, which an overlay does not show: copies, to be attached again. */
struct submounts {
	size_t n;
	struct {
		int tree;
		char *path;
	} mounts[64];
};

static void submounts_done(struct submounts *submounts)
{
	for (size_t i = 0; i < submounts->n; i++) {
		close(submounts->mounts[i].tree);
		free(submounts->mounts[i].path);
	}
}

static int submounts_take(struct submounts *submounts, const char *parent)
{
	FILE *mountinfo = fopen("/proc/self/mountinfo", "re");
	_cleanup_free_ char *line = NULL;
	size_t size = 0, length = strlen(parent);

	if (!mountinfo)
		return -errno;
	while (getline(&line, &size, mountinfo) > 0 && submounts->n < ARRAY_SIZE(submounts->mounts)) {
		char path[PATH_MAX];
		int tree;

		/* A path with an escaped blank is not found again; nobody mounts there. */
		if (sscanf(line, "%*d %*d %*s %*s %4095s", path) != 1 || strncmp(path, parent, length) != 0 ||
		    path[length] != '/')
			continue;
		tree = mounts_clone(AT_FDCWD, path);
		if (tree < 0)
			continue;
		submounts->mounts[submounts->n].tree = tree;
		submounts->mounts[submounts->n++].path = strdup(path);
	}
	fclose(mountinfo);
	return 0;
}

static int synthesise_by_overlay(struct covering *covering, const char *parent)
{
	_cleanup_(submounts_done) struct submounts submounts = {0};
	char upper[64], work[64];
	int r = scratch_directory(covering, "upper", upper);

	if (r == 0)
		r = scratch_directory(covering, "work", work);
	if (r == 0)
		r = submounts_take(&submounts, parent);
	if (r == 0)
		r = mounts_overlay(parent, upper, work);
	if (r < 0)
		return r;
	for (size_t i = 0; i < submounts.n; i++) {
		r = mounts_attach(submounts.mounts[i].tree, submounts.mounts[i].path);
		if (r < 0)
			message_warning(covering->sock, "%s is missing in the sandbox: %s", submounts.mounts[i].path,
					strerror(-r));
	}
	return 0;
}

static int synthesise_parent(struct covering *covering, const char *parent, enum synthesis how)
{
	size_t i = 0;
	int r = -EINVAL;

	for (; i < ARRAY_SIZE(covering->synthesised) && covering->synthesised[i]; i++)
		if (strcmp(covering->synthesised[i], parent) == 0)
			return 0;
	if (i == ARRAY_SIZE(covering->synthesised))
		return -E2BIG;
	if (how == SYNTHESIS_OVERLAY)
		r = synthesise_by_overlay(covering, parent);
	/* Overlays of overlays go two deep only, and some file systems cannot be a layer. */
	if (how == SYNTHESIS_BINDS || r < 0)
		r = synthesise_by_binds(covering, parent);
	if (r < 0)
		return r;
	covering->synthesised[i] = strdup(parent);
	return covering->synthesised[i] ? 0 : -ENOMEM;
}

/* Sees to it that the directory or file @row->path exists in this mount namespace. */
static int provide_mount_point(struct covering *covering, const struct covered_path *row)
{
	char path[PATH_MAX], parent[PATH_MAX];
	char *name;
	int r;

	if (row->missing == SYNTHESIS_NONE || access(row->path, F_OK) == 0)
		return 0;
	/* /lib is a link to /usr/lib. */
	snprintf(path, sizeof(path), "%s", row->path);
	name = strrchr(path, '/');
	*name++ = '\0';
	if (!realpath(path, parent))
		return cannot(covering, -errno, "find", path);
	r = synthesise_parent(covering, parent, row->missing);
	if (r < 0)
		return cannot(covering, r, "make room in", parent);
	r = row->file ? mknod(row->path, S_IFREG | 0644, 0) : mkdir(row->path, 0755);
	return r < 0 && errno != EEXIST ? cannot(covering, -errno, "make", row->path) : 0;
}

/* ---- the private directories ---- */

/* What programs expect to find in /run. */
static int fill_run(struct covering *covering, int run_fd)
{
	char name[32];

	snprintf(name, sizeof(name), "user/%u", covering->uid);
	if (mkdirat(run_fd, "lock", 01777) < 0 || mkdirat(run_fd, "user", 0755) < 0 ||
	    mkdirat(run_fd, name, 0700) < 0 || mkdirat(run_fd, "mocksys", 0755) < 0 ||
	    symlinkat("/dev/shm", run_fd, "shm") < 0)
		return -errno;
	/* In a user namespace of one id it is that id's already, and can be nobody else's. */
	return fchownat(run_fd, name, covering->uid, covering->gid, 0) < 0 && covering->root ? -errno : 0;
}

static int prepare_private(struct covering *covering, size_t row)
{
	const char *name = strrchr(covered_paths[row].path, '/') + 1;
	_cleanup_close_ int fd = -1;

	if (mkdirat(covering->scratch_fd, name, 0755) < 0)
		return cannot(covering, -errno, "make a private", covered_paths[row].path);
	if (strcmp(name, "run") == 0) {
		int r;

		fd = openat(covering->scratch_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = fd < 0 ? -errno : fill_run(covering, fd);
		if (r < 0)
			return cannot(covering, r, "fill a private", covered_paths[row].path);
	}
	return 0;
}

static int write_modprobe_config(struct covering *covering, const char *text)
{
	_cleanup_close_ int fd =
		openat(covering->scratch_fd, "modprobe.d/mocksys.conf", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return cannot(covering, errno ? -errno : -EIO, "write", "/etc/modprobe.d/mocksys.conf");
	return 0;
}

/* ---- in the order in which it happens ---- */

int covering_prepare(struct covering *covering, int sock, bool root, uid_t uid, gid_t gid)
{
	int r;

	*covering = (struct covering){.sock = sock, .root = root, .uid = uid, .gid = gid, .scratch_fd = -1};
	for (size_t i = 0; i < COVERED_MAX; i++)
		covering->trees[i] = -1;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return cannot(covering, -errno, "make private the mounts of", "/");
	r = mounts_tmpfs(SCRATCH);
	if (r < 0)
		return cannot(covering, r, "mount a tmpfs on", SCRATCH);
	covering->scratch_fd = open(SCRATCH, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (covering->scratch_fd < 0)
		return cannot(covering, -errno, "open", SCRATCH);

	for (size_t i = 0; i < n_covered_paths; i++) {
		if (covered_paths[i].how == COVER_PRIVATE) {
			r = prepare_private(covering, i);
			if (r < 0)
				return r;
		}
		if (covered_paths[i].how != COVER_HOST)
			continue;
		/* Not there, or not to be copied: the command finds an empty directory. */
		covering->trees[i] = mounts_clone(AT_FDCWD, covered_paths[i].path);
		if (covering->trees[i] < 0)
			continue;
		r = mounts_make_read_only(covering->trees[i]);
		if (r < 0)
			return cannot(covering, r, "make read-only", covered_paths[i].path);
	}
	return 0;
}

int covering_mount_fuse(struct covering *covering, int fuse_fd)
{
	/* The mounter's own ids: a user namespace need not have 0. */
	int r = mounts_fuse(fuse_fd, FAKE, geteuid(), getegid());

	return r < 0 ? cannot(covering, r, "mount FUSE on", FAKE) : 0;
}

int covering_synthesise(struct covering *covering)
{
	for (size_t i = 0; i < n_covered_paths; i++) {
		int r = provide_mount_point(covering, &covered_paths[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

/* /proc takes no new names: what it does not have is shown to the shim in /run. */
static int offer_proc_modules(struct covering *covering, size_t row)
{
	int r;

	if (access(covered_paths[row].path, F_OK) == 0)
		return 0;
	if (mknod("/run/" PROC_MODULES, S_IFREG | 0444, 0) < 0)
		return cannot(covering, -errno, "make", "/run/" PROC_MODULES);
	r = mounts_attach(covering->trees[row], "/run/" PROC_MODULES);
	if (r < 0)
		return cannot(covering, r, "mount the fake's", covered_paths[row].path);
	close_descriptor(&covering->trees[row]);
	covering->proc_modules = "/run/" PROC_MODULES;
	return 0;
}

int covering_finish(struct covering *covering, const char *modprobe_config)
{
	int r = modprobe_config ? write_modprobe_config(covering, modprobe_config) : 0;

	if (r < 0)
		return r;
	for (size_t i = 0; i < n_covered_paths; i++) {
		const struct covered_path *row = &covered_paths[i];
		char path[128];

		if (row->how == COVER_FAKE)
			snprintf(path, sizeof(path), FAKE "/%s", row->source);
		else if (row->how == COVER_PRIVATE)
			snprintf(path, sizeof(path), SCRATCH "/%s", strrchr(row->path, '/') + 1);
		else
			continue;
		covering->trees[i] = mounts_clone(AT_FDCWD, path);
		if (covering->trees[i] < 0)
			return cannot(covering, covering->trees[i], "take from the fake", row->path);
	}
	if (umount2(FAKE, MNT_DETACH) < 0 || umount2(SCRATCH, MNT_DETACH) < 0)
		return cannot(covering, -errno, "unmount", FAKE " or " SCRATCH);
	close_descriptor(&covering->scratch_fd);

	for (size_t i = 0; i < n_covered_paths; i++) {
		if (covered_paths[i].in_proc || covering->trees[i] < 0)
			continue;
		r = mounts_attach(covering->trees[i], covered_paths[i].path);
		if (r < 0)
			return cannot(covering, r, "cover", covered_paths[i].path);
		close_descriptor(&covering->trees[i]);
	}
	for (size_t i = 0; i < n_covered_paths; i++)
		if (covered_paths[i].in_proc && covered_paths[i].how == COVER_FAKE) {
			r = offer_proc_modules(covering, i);
			if (r < 0)
				return r;
		}
	return 0;
}

int covering_proc(struct covering *covering)
{
	/*
	 * Where the host's /proc is masked (containers), a user namespace may not mount another. The outer one stays:
	 * /proc/self is right, /proc/PID is not the sandbox's.
	 */
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		message_warning(covering->sock,
				"/proc shows the processes of the host, not the sandbox's: cannot mount it: %s",
				strerror(errno));

	for (size_t i = 0; i < n_covered_paths; i++) {
		const struct covered_path *row = &covered_paths[i];
		int r = 0;

		if (!row->in_proc)
			continue;
		if (row->how == COVER_READ_ONLY && covering->root)
			r = mounts_cover_read_only(row->path);
		else if (covering->trees[i] >= 0)
			r = mounts_attach(covering->trees[i], row->path);
		close_descriptor(&covering->trees[i]);
		if (r < 0 && r != -ENOENT)
			return cannot(covering, r, "cover", row->path);
	}
	return 0;
}
