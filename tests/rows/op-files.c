/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One file, one operation. */
#include "op.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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

static void write_with(int flags, const char *data, size_t size)
{
	int fd = open(path, O_WRONLY | flags, 0600);

	print_count(fd < 0 ? -1 : write(fd, data, size));
	if (fd >= 0)
		close(fd);
}

void op_w(char *data)
{
	write_with(0, data, unescape(data));
}

void op_wa(char *data)
{
	write_with(O_APPEND, data, unescape(data));
}

void op_wt(char *data)
{
	write_with(O_TRUNC, data, unescape(data));
}

void op_wc(char *data)
{
	write_with(O_CREAT, data, unescape(data));
}

void op_wx(char *data)
{
	write_with(O_CREAT | O_EXCL, data, unescape(data));
}

void op_w0(char *data)
{
	write_with(0, "", 0);
}

void op_wn(char *data)
{
	static char bytes[128 * 1024];
	size_t size = strtoul(data, NULL, 10);

	memset(bytes, 'x', sizeof(bytes));
	write_with(0, bytes, size < sizeof(bytes) ? size : sizeof(bytes));
}

void op_pw(char *data)
{
	int fd = open(path, O_WRONLY);

	print_count(fd < 0 ? -1 : pwrite(fd, data, unescape(data), 5));
	if (fd >= 0)
		close(fd);
}

void op_ww(char *data)
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

void op_r(char *data)
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

void op_rn(char *data)
{
	char text[8192];

	print_count(read_all(text, sizeof(text)));
}

/* What takes longer than ten seconds does not come by itself. */
enum { TRIES = 500 };
static const struct timespec between_tries = {.tv_nsec = 20000000};

void op_goes(char *data)
{
	struct stat st;
	int tries = 0;

	while (lstat(path, &st) == 0 && tries++ < TRIES)
		nanosleep(&between_tries, NULL);
	puts(tries > TRIES ? "= it is there" : "= 0");
}

void op_until(char *data)
{
	char text[8192] = "";

	for (int tries = 0; tries < TRIES; tries++) {
		ssize_t n = read_all(text, sizeof(text) - 1);

		text[n < 0 ? 0 : n] = '\0';
		text[strcspn(text, "\n")] = '\0';
		if (!strcmp(text, data)) {
			puts("= 0");
			return;
		}
		nanosleep(&between_tries, NULL);
	}
	printf("= it says %s\n", text);
}

void op_l(char *data)
{
	char target[PATH_MAX];
	ssize_t ret = readlink(path, target, sizeof(target) - 1);

	if (ret >= 0)
		target[ret] = '\0';
	printf("= %s\n", ret < 0 ? errno_text() : target);
}

int not_dots(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
}

void op_ls(char *data)
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
	for (int i = 0; i < n; i++) {
		free(names[i]);
		free(entries[i]);
	}
	free(names);
	free(entries);
}

void op_st(char *data)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		print_status(-1);
	else
		printf("= %o %ld %lu\n", st.st_mode, (long)st.st_size, (unsigned long)st.st_nlink);
}

void op_trunc(char *data)
{
	print_status(truncate(path, 10));
}

void op_mkdir(char *data)
{
	print_status(mkdir(path, 0700));
}

void op_rmdir(char *data)
{
	print_status(rmdir(path));
}

void op_unlink(char *data)
{
	print_status(unlink(path));
}

void op_rename(char *data)
{
	char other[PATH_MAX + 8];

	snprintf(other, sizeof(other), "%s-other", path);
	print_status(rename(path, other));
}

void op_symlink(char *data)
{
	print_status(symlink("target", path));
}

void op_direct(char *data)
{
	print_status(open(path, O_RDONLY | O_DIRECT));
}

void op_mmap(char *data)
{
	int fd = open(path, O_RDONLY);

	print_status(fd < 0 || mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
	if (fd >= 0)
		close(fd);
}
