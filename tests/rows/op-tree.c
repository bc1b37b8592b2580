/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All that there is below a directory. */
#include "op.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

void op_tree(char *data)
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
