/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The first line is a device's modalias; the rest is modules.alias, and modules.builtin.modinfo too. */
#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "alias.h"
#include "context.h"
#include "modalias.h"

static int look(const struct alias *alias, void *data)
{
	const struct modalias *device = data;
	struct modalias pattern;

	require(strncmp(alias->pattern, "vfio_pci:", 9) == 0 && alias->module[0]);
	if (modalias_parse(alias->pattern, "vfio_pci:", &pattern) < 0)
		return 0;
	modalias_specificity(&pattern);
	modalias_match(&pattern, device);
	return 0;
}

static const char *const indexes[] = {"modules.alias", "modules.builtin.modinfo"};
static char directory[] = "/tmp/fuzz-alias.XXXXXX";

static void write_indexes(const char *text, size_t size)
{
	for (size_t i = 0; i < 2; i++) {
		char path[128];
		FILE *file;

		snprintf(path, sizeof(path), "%s/%s", directory, indexes[i]);
		file = fopen(path, "we");
		require(file && fwrite(text, 1, size, file) == size);
		require(fclose(file) == 0);
	}
}

static void remove_directory(void)
{
	for (size_t i = 0; i < 2; i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/%s", directory, indexes[i]);
		unlink(path);
	}
	rmdir(directory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vfiobind_context *context;
	char *text = text_of(data, size), *rest = strchr(text, '\n');
	struct modalias device;

	if (!context) {
		require(mkdtemp(directory));
		atexit(remove_directory);
		require(vfiobind_context_new(&context) == 0);
		require(vfiobind_context_set_modules_root(context, directory) == 0);
	}
	if (rest)
		*rest++ = '\0';
	if (modalias_parse(text, "pci:", &device) == 0) {
		/* What it says of itself it matches. */
		require(!strpbrk(text, "*?[\\") ? modalias_match(&device, &device) : true);
		write_indexes(rest ? rest : "", rest ? size - (size_t)(rest - text) : 0);
		require(alias_walk(context, look, &device) == 0);
	}
	free(text);
	return 0;
}
