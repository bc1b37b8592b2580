/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "alias.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "context.h"
#include "descriptor.h"
#include "util.h"

static const char prefix[] = "vfio_pci:";

static void fclosep(FILE **file)
{
	if (*file)
		fclose(*file);
}

static FILE *open_index(const struct vfiobind_context *context, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", context->modules_root, name);
	return descriptor_open_stream(path);
}

/* "alias PATTERN MODULE"; the line is cut into its words. */
static int visit_line(char *line, unsigned int number, alias_visitor visitor, void *data)
{
	static const char separators[] = " \t\n";
	char *rest = NULL;
	const char *word = strtok_r(line, separators, &rest);
	struct alias alias = {.line = number};

	if (!word || strcmp(word, "alias") != 0)
		return 0;
	alias.pattern = strtok_r(NULL, separators, &rest);
	alias.module = strtok_r(NULL, separators, &rest);
	if (!alias.module || strncmp(alias.pattern, prefix, strlen(prefix)) != 0)
		return 0;
	return visitor(&alias, data);
}

/*
 * The text, not the binary index: only the text has an order. It is read line by line, for it holds the aliases of all
 * modules; a line longer than the buffer is none of ours.
 */
static int walk_text(const struct vfiobind_context *context, alias_visitor visitor, void *data)
{
	_cleanup_(fclosep) FILE *file = open_index(context, "modules.alias");
	unsigned int number = 0;
	bool continued = false;
	char line[1024];
	int r = 0;

	if (!file)
		return -errno;
	while (r == 0 && fgets(line, sizeof(line), file)) {
		bool complete = strchr(line, '\n') || feof(file);

		if (!continued)
			number++;
		if (!continued && complete)
			r = visit_line(line, number, visitor, data);
		continued = !complete;
	}
	return r == 0 && ferror(file) ? -EIO : r;
}

/* "MODULE.alias=PATTERN", each ended by a NUL. */
static int walk_builtin(const struct vfiobind_context *context, alias_visitor visitor, void *data)
{
	_cleanup_(fclosep) FILE *file = open_index(context, "modules.builtin.modinfo");
	_cleanup_free_ char *entry = NULL;
	static const char key[] = ".alias=";
	size_t size = 0;
	int r = 0;

	while (file && r == 0 && getdelim(&entry, &size, '\0', file) > 0) {
		char *value = strchr(entry, '=');
		char *dot = value ? strchr(entry, '.') : NULL;

		if (!dot || dot == entry || dot > value || strncmp(dot, key, strlen(key)) != 0 ||
		    strncmp(value + 1, prefix, strlen(prefix)) != 0)
			continue;
		*dot = '\0';
		r = visitor(&(struct alias){.pattern = value + 1, .module = entry}, data);
	}
	return r;
}

int alias_walk(struct vfiobind_context *context, alias_visitor visitor, void *data)
{
	int unreadable = walk_text(context, visitor, data);
	int r;

	if (unreadable > 0)
		return unreadable;
	r = walk_builtin(context, visitor, data);
	return r ? r : unreadable;
}
