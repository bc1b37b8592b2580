/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A recorded machine in the fake, beside what it was recorded from. */
#include "fixture/fixture.h"
#include "nodes.h"

#include <stdlib.h>
#include <string.h>

enum { EXEMPTIONS_MAX = 256 };

static const struct node_fact *find(const struct node_list *list, const char *path)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->nodes[i].path, path))
			return &list->nodes[i];
	return NULL;
}

/* Drivers that are part of the kernel and hold nothing are not recorded: a line each in @exemptions. */
static size_t idle_drivers(const struct node_list *capture, struct exemption *exemptions)
{
	static const char folder[] = "/sys/bus/pci/drivers/";
	size_t n = 0;

	for (size_t i = 0; i < capture->n; i++) {
		const struct node_fact *node = &capture->nodes[i], *module;
		char path[256], *pattern;
		bool holds = false;

		if (strncmp(node->path, folder, strlen(folder)) || node->type != 'd')
			continue;
		for (size_t j = i + 1; j < capture->n; j++)
			holds |= !strncmp(capture->nodes[j].path, node->path, strlen(node->path)) &&
				 strchr(capture->nodes[j].path + strlen(node->path), ':');
		snprintf(path, sizeof(path), "%s/module", node->path);
		module = find(capture, path);
		snprintf(path, sizeof(path), "/sys/module/%s/initstate", module ? strrchr(module->text, '/') + 1 : "");
		if (holds || find(capture, path))
			continue;
		if (n + 2 > EXEMPTIONS_MAX)
			abort();
		exemptions[n++] = (struct exemption){node->path, 'n', "it holds nothing"};
		if (asprintf(&pattern, "%s/*", node->path) < 0)
			abort();
		exemptions[n++] = (struct exemption){pattern, 'n', "it holds nothing"};
	}
	return n;
}

/* What is exempt may be so for one reason only: the first that fits. */
size_t recording_compare(const char *path, struct node_list *capture, const struct exemption *more, size_t n_more,
			 size_t text_limit, FILE *stream)
{
	struct exemption exemptions[EXEMPTIONS_MAX];
	struct node_list fake = {0};
	struct fixture *fixture;
	char *error = NULL;
	size_t n = n_more + n_unclaimed, n_drivers, n_differences;
	struct kernel *k;

	if (fixture_check(path, stream) || fixture_load(&path, 1, stream, &fixture) < 0)
		return 1;
	if (kernel_new(fixture_machine(fixture), NULL, NULL, &k, &error) < 0) {
		fprintf(stream, "%s: %s\n", path, error);
		return 1;
	}
	nodes_from_kernel(&fake, k, text_limit);
	memcpy(exemptions, more, n_more * sizeof(*more));
	memcpy(exemptions + n_more, unclaimed, n_unclaimed * sizeof(*unclaimed));
	n_drivers = idle_drivers(capture, exemptions + n);
	nodes_renumber(capture);
	nodes_renumber(&fake);
	n_differences = nodes_compare(capture, &fake, exemptions, n + n_drivers, stream);
	for (size_t i = 0; i < n_more; i++)
		if (!exemptions[i].used)
			fprintf(stream, "%s (%s): there is no such difference any more, take its line out\n",
				exemptions[i].path, exemptions[i].reason);
	for (size_t i = 0; i < n_more; i++)
		n_differences += !exemptions[i].used;
	for (size_t i = 1; i < n_drivers; i += 2)
		free((void *)exemptions[n + i].path);
	nodes_free(&fake);
	kernel_free(k);
	fixture_free(fixture);
	return n_differences;
}
