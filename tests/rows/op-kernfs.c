/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What else the file system answers: of files that are open, and of those that are not meant to be. */
#include "op.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

void op_mmapp(char *data)
{
	int fd = open(path, O_RDONLY);

	print_status(fd < 0 || mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0);
	if (fd >= 0)
		close(fd);
}

void op_statvfs(char *data)
{
	struct statvfs status;

	if (statvfs(path, &status) < 0)
		print_status(-1);
	else
		printf("= %lu %lu %lu %lu %lu\n", status.f_bsize, status.f_frsize, status.f_blocks, status.f_files,
		       status.f_namemax);
}

void op_seekend(char *data)
{
	int fd = open(path, O_RDONLY);

	print_count(fd < 0 ? -1 : lseek(fd, 0, SEEK_END));
	if (fd >= 0)
		close(fd);
}

static void print_events(int fd, const char *before)
{
	struct pollfd polled = {.fd = fd, .events = POLLIN | POLLOUT | POLLPRI};

	poll(&polled, 1, 0);
	printf("%s%s%s%s%s", before, polled.revents & POLLIN ? "in" : "", polled.revents & POLLOUT ? " out" : "",
	       polled.revents & POLLPRI ? " pri" : "", polled.revents & POLLERR ? " err" : "");
}

/* Before and after a read. */
void op_poll(char *data)
{
	int fd = open(path, O_RDONLY);
	char text[4096];

	if (fd < 0) {
		print_status(-1);
		return;
	}
	print_events(fd, "= ");
	if (read(fd, text, sizeof(text)) < 0)
		printf(" %s", errno_text());
	print_events(fd, ", ");
	putchar('\n');
	close(fd);
}

/* Two bytes, the rest, the end, and all again from the start. */
void op_parts(char *data)
{
	int fd = open(path, O_RDONLY);
	char text[4096];

	if (fd < 0) {
		print_status(-1);
		return;
	}
	printf("= %zd", read(fd, text, 2));
	printf(" %zd", read(fd, text, sizeof(text)));
	printf(" %zd", read(fd, text, sizeof(text)));
	printf(" %zd", pread(fd, text, sizeof(text), 0));
	printf(" %ld", (long)lseek(fd, 0, SEEK_SET));
	printf(" %zd\n", read(fd, text, sizeof(text)));
	close(fd);
}

/* DATA is a file of sysfs to write 1 to, while @path is open: what a read says then, and fstat. */
void op_gone(char *data)
{
	int fd = open(path, O_RDONLY), other;
	char text[4096], name[PATH_MAX];
	struct stat st;

	snprintf(name, sizeof(name), "/sys/%s", data);
	other = open(name, O_WRONLY);
	if (fd < 0 || other < 0 || write(other, "1", 1) < 0) {
		print_status(-1);
		return;
	}
	print_count(read(fd, text, sizeof(text)));
	printf("= %d\n", fstat(fd, &st));
	close(other);
	close(fd);
}

/* The same for a directory: how many entries, and what may be looked up there. */
void op_gonedir(char *data)
{
	DIR *directory = opendir(path);
	char name[PATH_MAX];
	int other, n = 0;

	snprintf(name, sizeof(name), "/sys/%s", data);
	other = open(name, O_WRONLY);
	if (!directory || other < 0 || write(other, "1", 1) < 0) {
		print_status(-1);
		return;
	}
	errno = 0;
	for (struct dirent *entry; (entry = readdir(directory));)
		n += not_dots(entry);
	printf("= %d %s", n, errno ? errno_text() : "0");
	printf(" %s\n", openat(dirfd(directory), "vendor", O_RDONLY) < 0 ? errno_text() : "0");
	close(other);
	closedir(directory);
}

void op_tmpfile(char *data)
{
	print_status(open(path, O_RDWR | O_TMPFILE, 0600));
}

void op_dirwrite(char *data)
{
	print_status(open(path, O_WRONLY));
}

void op_fsync(char *data)
{
	int fd = open(path, O_WRONLY);

	print_status(fd < 0 ? -1 : fsync(fd));
	if (fd >= 0)
		close(fd);
}

void op_falloc(char *data)
{
	int fd = open(path, O_WRONLY);

	print_status(fd < 0 ? -1 : fallocate(fd, 0, 0, 1));
	if (fd >= 0)
		close(fd);
}

void op_chmod(char *data)
{
	print_status(chmod(path, (mode_t)strtoul(data, NULL, 8)));
}

/* Whether DATA is the same file, and an open one of @path too: device and inode. */
void op_same(char *data)
{
	char other[PATH_MAX];
	struct stat a, b, c = {0};
	int fd = open(path, O_RDONLY);

	snprintf(other, sizeof(other), "/sys/%s", data);
	if (stat(path, &a) < 0 || stat(other, &b) < 0 || fd < 0 || fstat(fd, &c) < 0)
		print_status(-1);
	else
		printf("= %d %d\n", a.st_dev == b.st_dev && a.st_ino == b.st_ino,
		       a.st_dev == c.st_dev && a.st_ino == c.st_ino);
	if (fd >= 0)
		close(fd);
}

void op_device(char *data)
{
	struct stat st;

	if (stat(path, &st) < 0)
		print_status(-1);
	else
		printf("= %o %u:%u\n", st.st_mode, major(st.st_rdev), minor(st.st_rdev));
}

void op_own(char *data)
{
	struct stat st;

	if (stat(path, &st) < 0)
		print_status(-1);
	else
		printf("= %u %u\n", st.st_uid, st.st_gid);
}
