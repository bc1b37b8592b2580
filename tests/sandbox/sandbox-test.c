/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox-test.h"

#include "prerequisites.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SKIPPED = 77, NOBODY = 65534, ENOUGH_MS = 60000 };

const char *test_directory;
static const char *mocksys;
/* In the environment of every process of a run, so that it is known by that. */
static char marker[64];

static _Noreturn void skip_all(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("skipped: ", stdout);
	vfprintf(stdout, format, arguments);
	fputs("\n", stdout);
	va_end(arguments);
	exit(SKIPPED);
}

static void become_nobody(void)
{
	if (geteuid() != 0)
		skip_all("not root, so the test without --as-nobody is the same");
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
		skip_all("cannot become user %d: %s", NOBODY, strerror(errno));
}

static void make_test_directory(void)
{
	static char path[] = "/tmp/mocksys-test-XXXXXX";

	if (!mkdtemp(path))
		skip_all("no directory in /tmp: %s", strerror(errno));
	test_directory = path;
	setenv("XDG_RUNTIME_DIR", path, 1);
	setenv("XDG_CACHE_HOME", path, 1);
	snprintf(marker, sizeof(marker), "MOCKSYS_TEST_RUN=%s", strrchr(path, '-') + 1);
	putenv(marker);
}

void sandbox_test_begin(int *argc, char **argv, const char *way)
{
	char why[256];
	int status;

	mocksys = getenv("MOCKSYS");
	if (!mocksys)
		skip_all("MOCKSYS does not name the program");
	if (*argc > 1 && strcmp(argv[1], "--as-nobody") == 0) {
		become_nobody();
		argv[1] = NULL;
		*argc = 1;
	}
	if (access(mocksys, X_OK) < 0)
		skip_all("user %u cannot run %s: %s", geteuid(), mocksys, strerror(errno));
	/* A caller's may name directories that an ordinary user cannot search. */
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
#ifdef __SANITIZE_ADDRESS__
	/* The shim comes before its run-time; and the helper of its search for leaks would be killed as a part of a run. */
	setenv("ASAN_OPTIONS", "verify_asan_link_order=0:detect_leaks=0", 1);
#endif
	if (prerequisites_missing(way, why, sizeof(why)))
		skip_all("%s", why);
	make_test_directory();
	status = run_status(WORDS("--via", way), WORDS("true"));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	printf("way %s should work here, but does not: see above\n", way);
	exit(sandbox_test_end(EXIT_FAILURE));
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

int sandbox_test_end(int failures)
{
	nftw(test_directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	return failures;
}

/* ---- runs ---- */

void run_start(struct run *run, const char *const *options, const char *const *command)
{
	const char *arguments[64] = {mocksys, "run", "-m", "e1000e"};
	size_t n = 4;
	int alive[2], output[2];

	while (*options)
		arguments[n++] = *options++;
	arguments[n++] = "--";
	while (*command)
		arguments[n++] = *command++;
	assert_return_code(pipe2(alive, O_CLOEXEC), errno);
	assert_return_code(pipe2(output, O_CLOEXEC), errno);
	run->pid = fork();
	assert_return_code(run->pid, errno);
	if (run->pid == 0) {
		dup2(output[1], STDOUT_FILENO);
		/* Inherited by all: by mocksys, by what it starts, and by what the command leaves in the background. */
		fcntl(alive[1], F_SETFD, 0);
		execv(mocksys, (char **)arguments);
		_exit(127);
	}
	close(alive[1]);
	close(output[1]);
	run->alive = alive[0];
	run->output = output[0];
}

char *run_read_line(struct run *run)
{
	char *line = calloc(1, 4096);
	size_t n = 0;
	char c;

	while (n < 4095 && read(run->output, &c, 1) == 1) {
		if (c == '\n')
			return line;
		line[n++] = c;
	}
	if (n)
		return line;
	free(line);
	return NULL;
}

int run_wait(struct run *run)
{
	int status;

	while (waitpid(run->pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	return status;
}

void run_wait_until_gone(struct run *run)
{
	struct pollfd alive = {.fd = run->alive, .events = POLLIN};
	int n;

	close(run->output);
	/* The limit is for a failure only: it would hang otherwise. */
	n = poll(&alive, 1, ENOUGH_MS);
	close(run->alive);
	if (n != 1)
		fail_msg("a process of the run is still there after %d s", ENOUGH_MS / 1000);
}

int run_status(const char *const *options, const char *const *command)
{
	struct run run;
	int status;

	run_start(&run, options, command);
	status = run_wait(&run);
	run_wait_until_gone(&run);
	return status;
}

static size_t read_proc(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, text, size - 1);
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0 ? n : 0;
}

/* Of a process that runs: 0 for one that has ended and only waits to be asked how. */
static pid_t parent_of(pid_t pid)
{
	char text[512];
	char *end;
	char state;
	int parent;

	read_proc(pid, "stat", text, sizeof(text));
	end = strrchr(text, ')');
	return end && sscanf(end, ") %c %d", &state, &parent) == 2 && state != 'Z' ? parent : 0;
}

/* Of the children that count: not what the command's script leaves in the background. */
static pid_t first_child(pid_t parent)
{
	DIR *proc = opendir("/proc");
	pid_t found = 0;
	char name[32];

	for (struct dirent *entry; !found && (entry = readdir(proc));) {
		pid_t pid = atoi(entry->d_name);

		if (pid <= 0 || parent_of(pid) != parent)
			continue;
		read_proc(pid, "comm", name, sizeof(name));
		/* Nor who unmounts: whoever kills that again and again will have a mount left. */
		if (strcmp(name, "setsid\n") != 0 && strcmp(name, "sleep\n") != 0 && strcmp(name, "fusermount3\n") != 0)
			found = pid;
	}
	closedir(proc);
	return found;
}

pid_t run_find(const struct run *run, const char *role)
{
	pid_t pid = run->pid;

	/* The launcher's child is whatever is between; the child of that, the command (or nothing yet). */
	if (strcmp(role, "launcher") != 0)
		pid = first_child(pid);
	if (pid && strcmp(role, "between") != 0 && strcmp(role, "launcher") != 0)
		pid = first_child(pid);
	if (pid && strcmp(role, "program") == 0)
		pid = first_child(pid);
	return pid;
}

/* ---- the host ---- */

static FILE *look;

static int note_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	/* Terminals come and go, and their times are those of the last key. */
	bool device = S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode);

	if (strncmp(path, "/dev/pts/", 9) == 0 || strncmp(path, "/dev/shm/", 9) == 0)
		return 0;
	fprintf(look, "%s %o %u %u %lld %lld.%09ld\n", path, st->st_mode, st->st_uid, st->st_gid,
		(long long)(device ? 0 : st->st_size), (long long)(device ? 0 : st->st_mtim.tv_sec),
		device ? 0 : st->st_mtim.tv_nsec);
	return 0;
}

/* Mounts on what the sandbox covers. Others may come and go. */
static bool is_covered(const char *mount_point)
{
	static const char *const paths[] = {"/sys", "/dev", "/run", "/etc", "/usr", "/lib", "/proc"};

	if (strncmp(mount_point, "/dev/pts", 8) == 0)
		return false;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (strncmp(mount_point, paths[i], strlen(paths[i])) == 0)
			return true;
	return strncmp(mount_point, test_directory, strlen(test_directory)) == 0;
}

static void note_mounts(void)
{
	FILE *mountinfo = fopen("/proc/self/mountinfo", "re");
	char line[4096], path[4096];

	while (fgets(line, sizeof(line), mountinfo))
		if (sscanf(line, "%*d %*d %*s %*s %4095s", path) == 1 && is_covered(path))
			fprintf(look, "mount: %s", line);
	fclose(mountinfo);
}

/* Processes that come of a run. */
static void note_processes(void)
{
	DIR *proc = opendir("/proc");
	static char environment[131072];

	for (struct dirent *entry; (entry = readdir(proc));) {
		pid_t pid = atoi(entry->d_name);
		size_t n;

		if (pid <= 0 || pid == getpid())
			continue;
		n = read_proc(pid, "environ", environment, sizeof(environment));
		for (char *variable = environment; variable < environment + n; variable += strlen(variable) + 1)
			if (strcmp(variable, marker) == 0)
				fprintf(look, "process: %s\n", entry->d_name);
	}
	closedir(proc);
}

char *host_look(void)
{
	static const char *const trees[] = {"/run", "/etc", "/dev"};
	char *text;
	size_t size;

	look = open_memstream(&text, &size);
	for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]); i++)
		nftw(trees[i], note_entry, 64, FTW_PHYS);
	note_mounts();
	note_processes();
	fclose(look);
	return text;
}

void assert_same_host(const char *before, const char *after)
{
	size_t line = 0;

	for (size_t i = 0;; i++) {
		if (before[i] != after[i])
			fail_msg("the host has changed:\nbefore: %.*s\nafter:  %.*s", (int)strcspn(before + line, "\n"),
				 before + line, (int)strcspn(after + line, "\n"), after + line);
		if (!before[i])
			return;
		if (before[i] == '\n')
			line = i + 1;
	}
}

/* With all that tells why: what is in it, what is mounted there, and who runs. */
static void fail_left(const char *name)
{
	char command[PATH_MAX];

	snprintf(command, sizeof(command),
		 "exec >&2; find %s/%s -xdev -ls; grep %s /proc/self/mountinfo; ps axo pid,ppid,stat,args",
		 test_directory, name, test_directory);
	if (system(command) != 0)
		fputs("(ps is missing)\n", stderr);
	fail_msg("%s/%s is left", test_directory, name);
}

void assert_nothing_left(void)
{
	DIR *directory = opendir(test_directory);
	char *text;
	size_t size;

	assert_non_null(directory);
	for (struct dirent *entry; (entry = readdir(directory));)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    strcmp(entry->d_name, "mocksys") != 0)
			fail_left(entry->d_name);
	closedir(directory);
	look = open_memstream(&text, &size);
	note_mounts();
	note_processes();
	fclose(look);
	if (strstr(text, test_directory) || strstr(text, "process:"))
		fail_msg("something is left:\n%s", text);
	free(text);
}
