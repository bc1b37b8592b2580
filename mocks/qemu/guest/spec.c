/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *text, *end;

void spec_read(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !(text = malloc((size_t)st.st_size + 1)))
		give_up("no %s", path);
	for (end = text; end < text + st.st_size;) {
		ssize_t n = read(fd, end, (size_t)(text + st.st_size - end));

		if (n <= 0)
			give_up("cannot read %s", path);
		end += n;
	}
	close(fd);
}

void spec_write(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	size_t size = (size_t)(end - text);

	if (fd < 0 || write(fd, text, size) != (ssize_t)size)
		give_up("cannot write %s", path);
	close(fd);
}

const char *spec_next(const char *key, const char *previous)
{
	size_t length = strlen(key);

	for (const char *entry = previous ? previous + strlen(previous) + 1 : text; entry < end;
	     entry += strlen(entry) + 1)
		if (!strncmp(entry, key, length) && entry[length] == '=')
			return entry + length + 1;
	return NULL;
}

char **spec_all(const char *key)
{
	size_t n = 0;
	char **all;

	for (const char *value = NULL; (value = spec_next(key, value));)
		n++;
	all = calloc(n + 1, sizeof(*all));
	if (!all)
		give_up("no memory");
	n = 0;
	for (const char *value = NULL; (value = spec_next(key, value));)
		all[n++] = (char *)value;
	return all;
}
