/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * usage: capture DIRECTORY...
 * Prints what there is below each, as tests/record/data/README.md says, with texts in full: what a recording of this
 * machine is compared with.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), n = strlen(end);

	return length >= n && !strcmp(text + length - n, end);
}

/* A text attribute always has a page; a binary one says its size. */
static bool is_binary(const char *path, const struct stat *st)
{
	const char *name = strrchr(path, '/') + 1;

	return !strcmp(name, "config") || !strcmp(name, "rom") ||
	       (!strncmp(name, "resource", 8) && name[8] >= '0' && name[8] <= '9') || st->st_size != 4096;
}

static size_t read_all(const char *path, char *bytes, size_t size)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, bytes, size);

	if (fd >= 0)
		close(fd);
	return n < 0 ? 0 : (size_t)n;
}

static void print_file(const char *path, const struct stat *st)
{
	bool binary = is_binary(path, st);
	char bytes[8192];
	size_t n;

	printf("%s %c %o %lld ", path, binary ? 'b' : 'f', st->st_mode & 07777, (long long)st->st_size);
	/* Of what is binary only config space: the rest is the device's own memory. */
	n = !(st->st_mode & 0444) || (binary && !ends_with(path, "/config")) ? 0 : read_all(path, bytes, sizeof(bytes));
	if (!binary && n && bytes[n - 1] == '\n')
		n--;
	for (size_t i = 0; i < n; i++) {
		if (binary)
			printf("%02x", (unsigned char)bytes[i]);
		else if (bytes[i] == '\n')
			fputs("\\n", stdout);
		else
			putchar(bytes[i]);
	}
	putchar('\n');
}

static void print_tree(const char *path)
{
	char target[PATH_MAX], child[PATH_MAX + 256];
	struct dirent *entry;
	struct stat st;
	DIR *directory;

	if (lstat(path, &st) < 0)
		return;
	if (S_ISLNK(st.st_mode)) {
		ssize_t n = readlink(path, target, sizeof(target));

		printf("%s l %.*s\n", path, n < 0 ? 0 : (int)n, target);
		return;
	}
	if (!S_ISDIR(st.st_mode)) {
		print_file(path, &st);
		return;
	}
	printf("%s d\n", path);
	directory = opendir(path);
	while (directory && (entry = readdir(directory))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
		print_tree(child);
	}
	if (directory)
		closedir(directory);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		print_tree(argv[i]);
	return fflush(stdout) ? 1 : 0;
}
