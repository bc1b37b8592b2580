/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nodes.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

/* What the fake claims to be like the real thing. */
static const char *const claimed[] = {
	"/sys/devices/pci*",
	"/sys/bus/pci",
	"/sys/bus/pci/*",
	"/sys/kernel/iommu_groups*",
	"/sys/class/net*",
	"/sys/class/vfio*",
	"/sys/class/iommu*",
	"/sys/class/pci_bus*",
	"/sys/class/nvme*",
	"/sys/class/block*",
	"/sys/devices/virtual/vfio/*",
	"/sys/devices/virtual/nvme-subsystem/*",
};

struct comparison {
	struct exemption *exemptions;
	size_t n_exemptions, n_differences;
	FILE *stream;
};

bool node_is_claimed(const char *path)
{
	for (size_t i = 0; i < sizeof(claimed) / sizeof(*claimed); i++)
		if (!fnmatch(claimed[i], path, 0))
			return true;
	return false;
}

static bool is_exempt(const struct comparison *comparison, const char *path, char what)
{
	for (size_t i = 0; i < comparison->n_exemptions; i++) {
		struct exemption *exemption = &comparison->exemptions[i];

		if (exemption->what != what || fnmatch(exemption->path, path, 0))
			continue;
		exemption->used = true;
		return true;
	}
	return false;
}

static void differ(struct comparison *comparison, const char *path, const char *what, const char *expected,
		   const char *found)
{
	comparison->n_differences++;
	fprintf(comparison->stream, "%s: %s\n  expected %s\n  found    %s\n", path, what, expected, found);
}

static unsigned byte_at(const char *hex, size_t i)
{
	unsigned byte = 0;

	sscanf(hex + 2 * i, "%2x", &byte);
	return byte;
}

/* Config space, byte by byte: what differs is a line of its own. */
static void compare_config(struct comparison *comparison, const struct node_fact *expected,
			   const struct node_fact *found)
{
	size_t n = strlen(expected->text) / 2;

	if (n != strlen(found->text) / 2) {
		differ(comparison, expected->path, "number of bytes", expected->text, found->text);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		char path[4200], texts[2][8];

		if (byte_at(expected->text, i) == byte_at(found->text, i))
			continue;
		snprintf(path, sizeof(path), "%s/0x%03zx", expected->path, i);
		if (is_exempt(comparison, path, 'c'))
			continue;
		snprintf(texts[0], sizeof(texts[0]), "%02x", byte_at(expected->text, i));
		snprintf(texts[1], sizeof(texts[1]), "%02x", byte_at(found->text, i));
		differ(comparison, path, "byte", texts[0], texts[1]);
	}
}

static void compare_node(struct comparison *comparison, const struct node_fact *expected, const struct node_fact *found)
{
	char one[64], two[64];

	snprintf(one, sizeof(one), "%c %o %llu", expected->type, expected->mode, expected->size);
	snprintf(two, sizeof(two), "%c %o %llu", found->type, found->mode, found->size);
	if (strcmp(one, two)) {
		if (!is_exempt(comparison, expected->path, 'n'))
			differ(comparison, expected->path, "type, mode, size", one, two);
		return;
	}
	if (expected->type == 'b')
		compare_config(comparison, expected, found);
	else if (strcmp(expected->text, found->text) && !is_exempt(comparison, expected->path, 'c') &&
		 !is_exempt(comparison, expected->path, 'n'))
		differ(comparison, expected->path, "contents", expected->text, found->text);
}

static void lone_node(struct comparison *comparison, const struct node_fact *node, bool expected)
{
	if (node_is_claimed(node->path) && !is_exempt(comparison, node->path, 'n'))
		differ(comparison, node->path, "node", expected ? "it" : "none", expected ? "none" : "it");
}

size_t nodes_compare(const struct node_list *expected, const struct node_list *found, struct exemption *exemptions,
		     size_t n_exemptions, FILE *stream)
{
	struct comparison comparison = {exemptions, n_exemptions, 0, stream};
	size_t i = 0, j = 0;

	while (i < expected->n || j < found->n) {
		int order = i == expected->n ? 1
			    : j == found->n  ? -1
					     : strcmp(expected->nodes[i].path, found->nodes[j].path);

		if (order < 0) {
			lone_node(&comparison, &expected->nodes[i++], true);
		} else if (order > 0) {
			lone_node(&comparison, &found->nodes[j++], false);
		} else {
			/* Told apart only where they differ, so that an exemption that nothing needs is seen. */
			if (node_is_claimed(expected->nodes[i].path))
				compare_node(&comparison, &expected->nodes[i], &found->nodes[j]);
			i++, j++;
		}
	}
	return comparison.n_differences;
}
