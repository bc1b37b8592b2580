/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* modules.dep: `PATH: DEPENDENCY...`, and what is needed first stands last. */
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

static char folder[256];

static bool same_name(const char *path, size_t length, const char *name)
{
	const char *slash = memrchr(path, '/', length), *base = slash ? slash + 1 : path;

	for (; base < path + length && *name; base++, name++)
		if (*base != *name && !(*base == '-' && *name == '_') && !(*base == '_' && *name == '-'))
			return false;
	return !*name && !strncmp(base, ".ko", 3);
}

static void insert(const char *path)
{
	char full[512];
	int fd;

	snprintf(full, sizeof(full), "%s/%s", folder, path);
	fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST))
		give_up("cannot load %s: %s", full, strerror(errno));
	close(fd);
}

static void insert_in_order(char *line)
{
	char *paths[64], *colon = strchr(line, ':');
	size_t n = 0;

	*colon = '\0';
	paths[n++] = line;
	for (char *path = strtok(colon + 1, " \n"); path && n < 64; path = strtok(NULL, " \n"))
		paths[n++] = path;
	while (n)
		insert(paths[--n]);
}

void module_load(const char *name)
{
	char path[300], *line = NULL;
	struct utsname kernel;
	size_t capacity = 0;
	FILE *list;

	uname(&kernel);
	snprintf(folder, sizeof(folder), "/lib/modules/%s", kernel.release);
	snprintf(path, sizeof(path), "%s/modules.dep", folder);
	list = fopen(path, "re");
	if (!list)
		give_up("cannot open %s: %s", path, strerror(errno));
	while (getline(&line, &capacity, list) > 0) {
		const char *colon = strchr(line, ':');

		if (colon && same_name(line, (size_t)(colon - line), name)) {
			insert_in_order(line);
			break;
		}
	}
	/* One that is not listed is built in: the launcher has made sure. */
	free(line);
	fclose(list);
}
