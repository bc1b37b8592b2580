/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Does what a transcript says to /sys with plain system calls, and prints the transcript that came of it. Linked
 * statically: no library stands between it and the kernel.
 *
 *   w PATH DATA    one write          wa, wt, wc, wx: with O_APPEND, O_TRUNC, O_CREAT, O_CREAT|O_EXCL
 *   w0 PATH        a write of nothing wn PATH N: N times x        pw: pwrite at 5     ww PATH A|B: two writes, one descriptor
 *   r PATH         read               rn PATH: only how much
 *   l PATH  ls PATH  st PATH          readlink, list, lstat
 *   tree PATH                         each node below it, as type, mode, size, nlink, and target or text
 *   load, unload NAME                 what init_module and delete_module say
 *   mod, rmmod NAME                   modprobe
 *   ue                                the uevents since the last one, without SEQNUM
 *   bg OPERATION                      another process does it; waits until it has, or waits itself in the kernel
 *   join                              what that process said in the end
 *   trunc mkdir rmdir unlink rename symlink direct mmap PATH
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char path[PATH_MAX];

static const char *errno_text(void)
{
	return strerrorname_np(errno);
}

static size_t unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		if (*from == '\\' && from[1]) {
			from++;
			*to++ = *from == 'n' ? '\n' : *from == '0' ? '\0' : *from;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
	return (size_t)(to - text);
}

static void print_count(ssize_t ret)
{
	if (ret < 0)
		printf("= -1 %s\n", errno_text());
	else
		printf("= %zd\n", ret);
}

/* For calls that say 0 or an errno. */
static void print_status(int ret)
{
	printf("= %s\n", ret < 0 ? errno_text() : "0");
}

static void write_with(int flags, const char *data, size_t size)
{
	int fd = open(path, O_WRONLY | flags, 0600);

	print_count(fd < 0 ? -1 : write(fd, data, size));
	if (fd >= 0)
		close(fd);
}

static void op_w(char *data)
{
	write_with(0, data, unescape(data));
}

static void op_wa(char *data)
{
	write_with(O_APPEND, data, unescape(data));
}

static void op_wt(char *data)
{
	write_with(O_TRUNC, data, unescape(data));
}

static void op_wc(char *data)
{
	write_with(O_CREAT, data, unescape(data));
}

static void op_wx(char *data)
{
	write_with(O_CREAT | O_EXCL, data, unescape(data));
}

static void op_w0(char *data)
{
	write_with(0, "", 0);
}

static void op_wn(char *data)
{
	static char bytes[16384];
	size_t size = strtoul(data, NULL, 10);

	memset(bytes, 'x', sizeof(bytes));
	write_with(0, bytes, size < sizeof(bytes) ? size : sizeof(bytes));
}

static void op_pw(char *data)
{
	int fd = open(path, O_WRONLY);

	print_count(fd < 0 ? -1 : pwrite(fd, data, unescape(data), 5));
	if (fd >= 0)
		close(fd);
}

static void op_ww(char *data)
{
	char *second = strchr(data, '|');
	int fd = open(path, O_WRONLY);

	*second++ = '\0';
	printf("= %zd", fd < 0 ? -1 : write(fd, data, strlen(data)));
	if (fd >= 0 && write(fd, second, strlen(second)) < 0)
		printf(" -1 %s\n", errno_text());
	else
		printf(" %zu\n", strlen(second));
	if (fd >= 0)
		close(fd);
}

static ssize_t read_all(char *text, size_t size)
{
	int fd = open(path, O_RDONLY), error;
	ssize_t ret = fd < 0 ? -1 : read(fd, text, size);

	error = errno;
	if (fd >= 0)
		close(fd);
	errno = error;
	return ret;
}

static void op_r(char *data)
{
	char text[8192];
	ssize_t ret = read_all(text, sizeof(text));

	if (ret < 0) {
		print_count(ret);
		return;
	}
	printf("= %zd ", ret);
	for (ssize_t i = 0; i < ret; i++)
		fputs(text[i] == '\n' ? "\\n" : (char[]){text[i], 0}, stdout);
	putchar('\n');
}

static void op_rn(char *data)
{
	char text[8192];

	print_count(read_all(text, sizeof(text)));
}

static void op_l(char *data)
{
	char target[PATH_MAX];
	ssize_t ret = readlink(path, target, sizeof(target) - 1);

	if (ret >= 0)
		target[ret] = '\0';
	printf("= %s\n", ret < 0 ? errno_text() : target);
}

static int not_dots(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
}

static void op_ls(char *data)
{
	struct dirent **entries;
	int n = scandir(path, &entries, not_dots, NULL);
	char **names;

	if (n < 0) {
		print_status(-1);
		return;
	}
	names = calloc((size_t)n + 1, sizeof(*names));
	for (int i = 0; i < n; i++)
		if (asprintf(&names[i], "%s%s", entries[i]->d_name,
			     entries[i]->d_type == DT_DIR   ? "/"
			     : entries[i]->d_type == DT_LNK ? "@"
							    : "") < 0)
			abort();
	for (int i = 0; i < n; i++) /* sorted with their marks, as the transcripts are */
		for (int j = i + 1; j < n; j++)
			if (strcmp(names[i], names[j]) > 0) {
				char *other = names[i];

				names[i] = names[j];
				names[j] = other;
			}
	printf("= 0 ");
	for (int i = 0; i < n; i++)
		printf("%s%s", i ? " " : "", names[i]);
	putchar('\n');
}

static void op_st(char *data)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		print_status(-1);
	else
		printf("= %o %ld %lu\n", st.st_mode, (long)st.st_size, (unsigned long)st.st_nlink);
}

/* ---- all that there is ---- */

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void print_text(const char *name)
{
	int fd = open(name, O_RDONLY | O_NONBLOCK);
	char text[4096];
	ssize_t ret = fd < 0 ? -1 : read(fd, text, sizeof(text));

	if (ret < 0)
		printf(" %s", errno_text());
	for (ssize_t i = 0; i < ret; i++)
		printf(i ? "%s" : " %s", text[i] == '\n' ? "\\n" : (char[]){text[i], 0});
	if (fd >= 0)
		close(fd);
}

static void print_node(const char *name, size_t root)
{
	char target[PATH_MAX], child[PATH_MAX + 256];
	struct dirent **entries;
	struct stat st;
	ssize_t length;
	int n;

	if (lstat(name, &st) < 0)
		return;
	printf("  %s %o", name + root, st.st_mode);
	if (S_ISLNK(st.st_mode)) {
		length = readlink(name, target, sizeof(target) - 1);
		printf(" %.*s\n", (int)(length < 0 ? 0 : length), target);
		return;
	}
	printf(" %ld %lu", (long)st.st_size, (unsigned long)st.st_nlink);
	if (S_ISREG(st.st_mode) && st.st_size == 4096 && st.st_mode & 0400 && !strstr(name, "/config"))
		print_text(name);
	putchar('\n');
	n = S_ISDIR(st.st_mode) ? scandir(name, &entries, not_dots, by_name) : 0;
	for (int i = 0; i < n; i++) {
		snprintf(child, sizeof(child), "%s/%s", name, entries[i]->d_name);
		print_node(child, root);
		free(entries[i]);
	}
	if (n > 0)
		free(entries);
}

static void op_tree(char *data)
{
	char *name = realpath(path, NULL);

	if (!name) {
		print_status(-1);
		return;
	}
	print_node(name, strlen("/sys/"));
	puts("= 0");
	free(name);
}

/* ---- modules ---- */

#define FAKE_MODULES "/sys/kernel/debug/mocksys/modules"

static const char *module_name(void)
{
	return path + strlen("/sys/");
}

static void fake_module_call(const char *verb)
{
	char line[256];
	int fd = open(FAKE_MODULES, O_WRONLY), size;

	size = snprintf(line, sizeof(line), "%s %s", verb, module_name());
	print_status(fd < 0 || write(fd, line, (size_t)size) < 0 ? -1 : 0);
	if (fd >= 0)
		close(fd);
}

static bool is_module_file(const char *line, const char *name)
{
	const char *end = strchr(line, ':'), *base = end ? memrchr(line, '/', (size_t)(end - line)) : NULL;

	if (!base)
		return false;
	for (base++; *name; base++, name++)
		if (*base != *name && !(*base == '-' && *name == '_'))
			return false;
	return !strncmp(base, ".ko", 3);
}

/* Its file, as modules.dep has it, or -1. */
static int open_module(void)
{
	struct utsname kernel;
	char name[PATH_MAX], *line = NULL;
	size_t capacity = 0;
	int fd = -1;
	FILE *list;

	uname(&kernel);
	snprintf(name, sizeof(name), "/lib/modules/%s/modules.dep", kernel.release);
	list = fopen(name, "r");
	while (list && fd < 0 && getline(&line, &capacity, list) > 0) {
		if (!is_module_file(line, module_name()))
			continue;
		*strchr(line, ':') = '\0';
		snprintf(name, sizeof(name), "/lib/modules/%s/%s", kernel.release, line);
		fd = open(name, O_RDONLY);
	}
	free(line);
	if (list)
		fclose(list);
	return fd;
}

static void op_load(char *data)
{
	int fd;

	if (access(FAKE_MODULES, F_OK) == 0) {
		fake_module_call("load");
		return;
	}
	fd = open_module();
	print_status(fd < 0 || syscall(SYS_finit_module, fd, "", 0) < 0 ? -1 : 0);
	if (fd >= 0)
		close(fd);
}

static void op_unload(char *data)
{
	if (access(FAKE_MODULES, F_OK) == 0)
		fake_module_call("unload");
	else
		print_status((int)syscall(SYS_delete_module, module_name(), O_NONBLOCK));
}

static void modprobe(const char *option)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		close(STDERR_FILENO);
		execlp("modprobe", "modprobe", option, module_name(), NULL);
		execl("/sbin/modprobe", "modprobe", option, module_name(), NULL);
		_exit(127);
	}
	waitpid(child, &status, 0);
	printf("= exit %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

static void op_mod(char *data)
{
	modprobe("--");
}

static void op_rmmod(char *data)
{
	modprobe("-r");
}

/* ---- uevents ---- */

static int uevents = -1;

static void listen_to_uevents(void)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1};
	int size = 16 << 20;

	uevents = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	setsockopt(uevents, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	bind(uevents, (struct sockaddr *)&address, sizeof(address));
}

static void print_uevent(const char *text, const char *end)
{
	printf("  uevent %s", text);
	while ((text += strlen(text) + 1) < end)
		if (strncmp(text, "SEQNUM=", strlen("SEQNUM=")))
			printf(" %s", text);
	putchar('\n');
}

/* One of our own asking comes after all that there are: nobody has to wait for none. */
static void op_ue(char *data)
{
	static const char marker[] = "change@/bus/pci";
	int fd = open("/sys/bus/pci/uevent", O_WRONLY), n = 0;
	char message[8192 + 1];
	ssize_t size;

	if (fd < 0 || write(fd, "change", 6) < 0) {
		print_status(-1);
		return;
	}
	close(fd);
	while ((size = recv(uevents, message, sizeof(message) - 1, 0)) > 0) {
		message[size] = '\0';
		if (!strcmp(message, marker))
			break;
		print_uevent(message, message + size);
		n++;
	}
	printf("= %d uevents\n", n);
}

/* ---- the rest ---- */

static void op_trunc(char *data)
{
	print_status(truncate(path, 10));
}

static void op_mkdir(char *data)
{
	print_status(mkdir(path, 0700));
}

static void op_rmdir(char *data)
{
	print_status(rmdir(path));
}

static void op_unlink(char *data)
{
	print_status(unlink(path));
}

static void op_rename(char *data)
{
	char other[PATH_MAX + 8];

	snprintf(other, sizeof(other), "%s-other", path);
	print_status(rename(path, other));
}

static void op_symlink(char *data)
{
	print_status(symlink("target", path));
}

static void op_direct(char *data)
{
	print_status(open(path, O_RDONLY | O_DIRECT));
}

static void op_mmap(char *data)
{
	int fd = open(path, O_RDONLY);

	print_status(fd < 0 || mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
	if (fd >= 0)
		close(fd);
}

/* ---- two at once ---- */

static bool run(char *line);
static pid_t other;
static FILE *other_said;

static bool has_ended(pid_t pid)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

/* Asleep in one system call for a second: in these tests nothing takes so long that does not wait for something. */
static bool waits_in_kernel(pid_t pid)
{
	char name[64], before[256] = "", now[256];

	snprintf(name, sizeof(name), "/proc/%d/syscall", pid);
	for (int same = 0; same < 50; nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL)) {
		FILE *file = fopen(name, "re");

		if (!file || !fgets(now, sizeof(now), file))
			strcpy(now, "");
		if (file)
			fclose(file);
		if (has_ended(pid))
			return false;
		same = *now && strcmp(now, "running\n") && !strcmp(now, before) ? same + 1 : 0;
		strcpy(before, now);
	}
	return true;
}

static void print_other(void)
{
	char *line = NULL;
	size_t capacity = 0;

	waitpid(other, NULL, 0);
	other = 0;
	rewind(other_said);
	while (getline(&line, &capacity, other_said) > 0)
		fputs(line, stdout);
	free(line);
	fclose(other_said);
}

static bool start_other(char *line)
{
	fflush(stdout);
	other_said = tmpfile();
	other = fork();
	if (other == 0) {
		bool known;

		dup2(fileno(other_said), STDOUT_FILENO);
		known = run(line);
		fflush(stdout);
		_exit(!known);
	}
	if (waits_in_kernel(other))
		puts("= waits");
	else
		print_other();
	return true;
}

static const struct {
	const char *name;
	void (*run)(char *data);
} operations[] = {
	{"w", op_w},           {"wa", op_wa},
	{"wt", op_wt},         {"wc", op_wc},
	{"wx", op_wx},         {"w0", op_w0},
	{"wn", op_wn},         {"pw", op_pw},
	{"ww", op_ww},         {"r", op_r},
	{"rn", op_rn},         {"l", op_l},
	{"ls", op_ls},         {"st", op_st},
	{"load", op_load},     {"unload", op_unload},
	{"trunc", op_trunc},   {"mkdir", op_mkdir},
	{"rmdir", op_rmdir},   {"unlink", op_unlink},
	{"rename", op_rename}, {"symlink", op_symlink},
	{"direct", op_direct}, {"mmap", op_mmap}, {"tree", op_tree}, {"mod", op_mod}, {"rmmod", op_rmmod},
};

/* `NAME PATH[ DATA]`; what follows the path's blank is data, blanks and all. */
static bool run(char *line)
{
	char *name = strsep(&line, " "), *word;

	if (!strcmp(name, "ue")) {
		op_ue(NULL);
		return true;
	}
	if (!strcmp(name, "join") && other) {
		print_other();
		return true;
	}
	if (!strcmp(name, "bg") && line && !other)
		return start_other(line);
	word = line ? strsep(&line, " ") : NULL;
	if (!word)
		return false;
	snprintf(path, sizeof(path), "/sys/%s", word);
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++)
		if (!strcmp(operations[i].name, name)) {
			operations[i].run(line ? line : (char[]){""});
			return true;
		}
	return false;
}

int main(int argc, char **argv)
{
	FILE *in = argc == 2 ? fopen(argv[1], "r") : NULL;
	char *line = NULL;
	size_t capacity = 0;
	ssize_t length;

	if (!in) {
		fprintf(stderr, "usage: %s TRANSCRIPT\n", argv[0]);
		return 2;
	}
	setvbuf(stdout, NULL, _IOFBF, 65536);
	listen_to_uevents();
	while ((length = getline(&line, &capacity, in)) > 0) {
		if (line[0] == '=' || line[0] == ' ')
			continue; /* what it says now replaces what it said then */
		fputs(line, stdout);
		if (line[0] != '>')
			continue;
		line[length - 1] = '\0';
		if (!run(line + 2)) {
			fprintf(stderr, "%s: no such operation: %s\n", argv[1], line);
			return 2;
		}
	}
	free(line);
	fclose(in);
	return fflush(stdout) ? 1 : 0;
}
