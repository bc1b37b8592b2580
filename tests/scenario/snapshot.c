/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All that can be seen of the fake, as lines to compare. */
#include "harness.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct snapshot {
	char **lines; /* "PATH\tTYPE AND MODE\tSIZE\tTEXT", sorted by path */
	size_t n, room;
};

/* The host's, and the control files. */
static const char *const not_the_machine[] = {
	"/sys/devices/system", "/sys/fs",           "/sys/power",           "/sys/firmware",
	"/sys/hypervisor",     "/sys/kernel/mm",    "/sys/kernel/security", "/sys/kernel/btf",
	"/sys/kernel/cgroup",  "/sys/kernel/debug",
};

/* Of a real kernel, what has to do with PCI, and less what it counts: the time, packets, its own way to the host. */
static const char *const real_parts[] = {
	"/sys/bus/pci",        "/sys/class/net",          "/sys/class/vfio",
	"/sys/class/vfio-dev", "/sys/devices/pci0000:00", "/sys/kernel/iommu_groups",
};
static const char *const counted[] = {
	"*/power/runtime_active_time",
	"*/power/runtime_suspended_time",
	"*/statistics",
	"*/net/*/address", /* that of a VF is another one each time */
	"/sys/devices/pci0000:00/*/virtio*",
};

static bool is_counted(const char *path)
{
	for (size_t i = 0; on_real_kernel() && i < ARRAY_SIZE(counted); i++)
		if (fnmatch(counted[i], path, 0) == 0)
			return true;
	return false;
}

static void add_line(struct snapshot *snapshot, char *line)
{
	if (snapshot->n == snapshot->room) {
		snapshot->room = snapshot->room ? 2 * snapshot->room : 1024;
		snapshot->lines = reallocarray(snapshot->lines, snapshot->room, sizeof(*snapshot->lines));
		assert_non_null(snapshot->lines);
	}
	snapshot->lines[snapshot->n++] = line;
}

/* A number that follows @prefix becomes an N. */
static void mask_numbers(char *text, const char *prefix)
{
	size_t length = strlen(prefix);

	for (char *at = text; (at = strstr(at, prefix)); at += length) {
		char *digits = at + length, *end = digits;

		while (isxdigit((unsigned char)*end))
			end++;
		if (end == digits)
			continue;
		*digits = 'N';
		memmove(digits + 1, end, strlen(end) + 1);
	}
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), n = strlen(end);

	return length >= n && strcmp(text + length - n, end) == 0;
}

/* What counts upwards for as long as the kernel runs. */
static void mask(const char *path, char *text)
{
	if (ends_with(path, "/ifindex") || ends_with(path, "/iflink"))
		strcpy(text, "N");
	mask_numbers(text, "IFINDEX=");
	mask_numbers(text, "vfio-dev/vfio");
	mask_numbers(text, "vfio/devices/vfio");
}

/* The bytes on one line; the result is malloc'd. */
static char *printable(const char *bytes, size_t size)
{
	char *text = malloc(4 * size + 1), *end = text;

	assert_non_null(text);
	for (size_t i = 0; i < size; i++)
		if (isprint((unsigned char)bytes[i]) && bytes[i] != '\\')
			*end++ = bytes[i];
		else
			end += sprintf(end, bytes[i] == '\n' ? "\\n" : "\\x%02x", (unsigned char)bytes[i]);
	*end = '\0';
	return text;
}

/* What is read goes by the open directory: a FUSE file system is asked for each part of a path, each time. */
static char *text_of_file(int directory, const char *name)
{
	char bytes[8192]; /* config has 4096, a text less: one read takes it all */
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));
	int error = errno;

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return format_text("(%s)", strerrorname_np(error));
	return printable(bytes, (size_t)n);
}

static char *text_of(int directory, const char *name, const struct stat *st)
{
	char target[1024];
	ssize_t n;

	if (S_ISREG(st->st_mode))
		return st->st_mode & 0444 ? text_of_file(directory, name) : strdup("");
	if (!S_ISLNK(st->st_mode))
		return strdup("");
	n = readlinkat(directory, name, target, sizeof(target) - 1);
	assert_return_code(n, errno);
	target[n] = '\0';
	return strdup(target);
}

static void add_node(struct snapshot *snapshot, int directory, const char *name, const char *path);

static void add_entries(struct snapshot *snapshot, int parent, const char *name, const char *path)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	unsigned int n = 0;

	if (!directory)
		fail_msg("cannot list %s: %s", path, strerror(errno));
	for (struct dirent *entry; (entry = readdir(directory));) {
		_cleanup_text_ char *child = NULL;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		n++;
		child = format_text("%s/%s", path, entry->d_name);
		if (!ends_with(path, "/msi_irqs"))
			add_node(snapshot, fd, entry->d_name, child);
	}
	closedir(directory);
	if (ends_with(path, "/msi_irqs"))
		add_line(snapshot, format_text("%s/*\t%u interrupts", path, n));
}

static void add_node(struct snapshot *snapshot, int directory, const char *name, const char *path)
{
	_cleanup_text_ char *text = NULL, *shown = NULL;
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(not_the_machine); i++)
		if (strcmp(path, not_the_machine[i]) == 0)
			return;
	if (is_counted(path))
		return;
	if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		fail_msg("cannot look at %s: %s", path, strerror(errno));
	text = text_of(directory, name, &st);
	assert_non_null(text);
	mask(path, text);
	shown = strdup(path);
	mask_numbers(shown, "vfio-dev/vfio");
	/* /sys/dev/char has the cdev of a VFIO device by its number. */
	if (S_ISLNK(st.st_mode) && strstr(text, "/vfio-dev/vfioN"))
		*strrchr(shown, '/') = '\0';
	add_line(snapshot, format_text("%s\t%o\t%lld\t%s", shown, st.st_mode, (long long)st.st_size, text));
	if (S_ISDIR(st.st_mode))
		add_entries(snapshot, directory, name, path);
}

static void add_tree(struct snapshot *snapshot, const char *path)
{
	add_node(snapshot, AT_FDCWD, path, path);
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Each line of a text as a node "NAME: LINE NUMBER". */
static void add_text(struct snapshot *snapshot, const char *name, char *text)
{
	unsigned int n = 0;

	for (char *line; (line = strsep(&text, "\n"));)
		add_line(snapshot, format_text("%s:%04u\t%s", name, ++n, line));
}

static struct snapshot *take(bool with_command)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
	_cleanup_text_ char *modules = read_file("/proc/modules");

	assert_non_null(snapshot);
	if (on_real_kernel()) {
		for (size_t i = 0; i < ARRAY_SIZE(real_parts); i++)
			if (exists(real_parts[i]))
				add_tree(snapshot, real_parts[i]);
	} else if (under_valgrind()) {
		add_tree(snapshot, "/sys/bus/pci");
		add_tree(snapshot, "/sys/class");
	} else {
		add_tree(snapshot, "/sys");
	}
	if (exists("/dev/vfio") || !on_real_kernel()) /* made with the module */
		add_tree(snapshot, "/dev/vfio");
	assert_non_null(modules);
	if (on_real_kernel())
		mask_numbers(modules, " Live 0x");
	add_text(snapshot, "/proc/modules", modules);
	/* Emulated, the command takes as long as the rest of a test. */
	if (with_command && !under_valgrind() && !on_real_kernel()) {
		_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "list", "--all", "--json");

		mask_numbers(output.out, "\"vfio");
		add_text(snapshot, "vfiobind list --all --json", output.out);
	}
	qsort(snapshot->lines, snapshot->n, sizeof(*snapshot->lines), compare_lines);
	return snapshot;
}

struct snapshot *snapshot_take(void)
{
	return take(true);
}

struct snapshot *snapshot_take_nodes(void)
{
	return take(false);
}

void snapshot_free(struct snapshot **snapshot)
{
	if (!*snapshot)
		return;
	for (size_t i = 0; i < (*snapshot)->n; i++)
		free((*snapshot)->lines[i]);
	free((*snapshot)->lines);
	free(*snapshot);
}

size_t snapshot_compare(const struct snapshot *before, const struct snapshot *after, const char *what)
{
	size_t i = 0, j = 0, n = 0;

	while (i < before->n || j < after->n) {
		int order = i == before->n ? 1 : j == after->n ? -1 : strcmp(before->lines[i], after->lines[j]);

		if (order == 0) {
			i++;
			j++;
			continue;
		}
		if (n++ == 0 && what)
			print_error("%s:\n", what);
		if (what && n < 40)
			print_error("%s%s\n", order < 0 ? "- " : "+ ", order < 0 ? before->lines[i] : after->lines[j]);
		if (order < 0)
			i++;
		else
			j++;
	}
	return n;
}

void assert_unchanged(const struct snapshot *before)
{
	_cleanup_snapshot_ struct snapshot *after = snapshot_take();
	size_t n = snapshot_compare(before, after, "not as before");

	if (n)
		fail_msg("%zu nodes are not as they were", n);
}
