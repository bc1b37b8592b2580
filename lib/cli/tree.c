/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What belongs together, at a glance: a device below its bridge, a virtual function below its physical function, and which
 * devices share an IOMMU group, so can only be assigned together.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

struct tree {
	const struct cli *cli;
	struct names *names;
	size_t n;
	const struct vfiobind_device *const *devices;
	struct node *nodes; /* of each device */
	int width;          /* of the first column */
};

struct node {
	const struct node *parent; /* NULL at the top */
	bool shown;
	int depth;
};

/* Their number if it is not among them. */
static size_t find(const struct tree *tree, const struct vfiobind_address *address)
{
	size_t i = 0;

	while (i < tree->n && vfiobind_address_compare(&tree->devices[i]->address, address) != 0)
		i++;
	return i;
}

static struct node *find_node(const struct tree *tree, const struct vfiobind_address *address)
{
	size_t i = find(tree, address);

	return i < tree->n ? &tree->nodes[i] : NULL;
}

static const struct node *find_parent(const struct tree *tree, const struct vfiobind_device *device)
{
	const struct node *parent = device->has_physfn ? find_node(tree, &device->physfn) : NULL;

	if (!parent && device->has_parent)
		parent = find_node(tree, &device->parent);
	return parent;
}

/* Those that are wanted, and whatever is above them. A device cannot be above itself, whatever /sys says. */
static void mark_shown(struct tree *tree)
{
	for (size_t i = 0; i < tree->n; i++)
		tree->nodes[i].parent = find_parent(tree, tree->devices[i]);
	for (size_t i = 0; i < tree->n; i++) {
		bool wanted = list_wants(tree->cli, tree->devices[i]);
		size_t depth = 0;

		for (struct node *node = &tree->nodes[i]; node; node = (struct node *)node->parent, depth++) {
			node->shown = node->shown || wanted;
			if (depth >= tree->n)
				tree->nodes[i].parent = NULL;
			if (depth >= tree->n)
				break;
		}
		tree->nodes[i].depth = (int)depth - 1;
	}
}

static bool has_shown_children(const struct tree *tree, const struct node *parent, size_t first)
{
	for (size_t i = first; i < tree->n; i++)
		if (tree->nodes[i].parent == parent && tree->nodes[i].shown)
			return true;
	return false;
}

/* Bridges are in a group, but nobody assigns them. One that was removed meanwhile counts as what it most likely was. */
static size_t count_endpoints(const struct tree *tree, const struct vfiobind_device *device)
{
	size_t n = 0;

	for (size_t i = 0; i < device->n_group_members; i++) {
		size_t member = find(tree, &device->group_members[i]->address);

		n += member == tree->n || !list_is_bridge(tree->devices[member]);
	}
	return n;
}

static bool is_shared(const struct tree *tree, const struct vfiobind_device *device)
{
	return count_endpoints(tree, device) > 1;
}

static void print_node(const struct tree *tree, size_t i, const char *indent, const char *branch)
{
	char address[VFIOBIND_ADDRESS_SIZE];

	vfiobind_address_format(&tree->devices[i]->address, address, sizeof(address));
	printf("%s%s%-*s  ", indent, branch, tree->width - (int)(strlen(indent) + strlen(branch)), address);
	list_print_columns(tree->cli, tree->devices[i], tree->names, is_shared(tree, tree->devices[i]));
}

static void print_children(const struct tree *tree, const struct node *parent, const char *indent)
{
	for (size_t i = 0; i < tree->n; i++) {
		bool last = !has_shown_children(tree, parent, i + 1);
		char *deeper = NULL;

		if (tree->nodes[i].parent != parent || !tree->nodes[i].shown)
			continue;
		print_node(tree, i, indent, !parent ? "" : last ? "`- " : "|- ");
		if (asprintf(&deeper, "%s%s", indent, !parent ? "" : last ? "   " : "|  ") < 0)
			return;
		print_children(tree, &tree->nodes[i], deeper);
		free(deeper);
	}
}

/* Once for each group, at its first device. */
static void print_group(const struct tree *tree, size_t i)
{
	const struct vfiobind_device *device = tree->devices[i];
	char address[VFIOBIND_ADDRESS_SIZE];
	size_t n_blockers = 0;

	for (size_t j = 0; j < i; j++)
		if (tree->devices[j]->iommu_group == device->iommu_group)
			return;
	printf("* group %d: %zu devices, to be assigned together", device->iommu_group, count_endpoints(tree, device));
	for (size_t j = 0; j < device->n_group_members; j++) {
		const struct vfiobind_group_member *member = device->group_members[j];

		if (!member->blocks)
			continue;
		vfiobind_address_format(&member->address, address, sizeof(address));
		printf("%s %s (", n_blockers++ ? "," : "; on host drivers:", address);
		output_text(member->driver);
		putchar(')');
	}
	puts("");
}

static void compute_width(struct tree *tree)
{
	char address[VFIOBIND_ADDRESS_SIZE];

	tree->width = 12;
	for (size_t i = 0; i < tree->n; i++) {
		int width = 3 * tree->nodes[i].depth;

		vfiobind_address_format(&tree->devices[i]->address, address, sizeof(address));
		width += (int)strlen(address);
		if (tree->nodes[i].shown && width > tree->width)
			tree->width = width;
	}
}

void tree_print(const struct cli *cli, const struct vfiobind_devices *devices, struct names *names)
{
	struct tree tree = {
		.cli = cli,
		.names = names,
		.n = devices->n_devices,
		.devices = (const struct vfiobind_device *const *)devices->devices,
		.nodes = calloc(devices->n_devices + 1, sizeof(*tree.nodes)),
	};

	if (!tree.nodes)
		return;
	mark_shown(&tree);
	compute_width(&tree);
	printf("%-*s  %-16s  %-9s  %5s  %s\n", tree.width, "ADDRESS", "DRIVER", "TYPE", "GROUP", "NAME");
	print_children(&tree, NULL, "");
	for (size_t i = 0; i < tree.n; i++)
		if (tree.nodes[i].shown && is_shared(&tree, tree.devices[i]))
			print_group(&tree, i);
	for (size_t i = 0; i < tree.n; i++)
		if (tree.nodes[i].shown)
			list_print_pending(tree.devices[i]);
	free(tree.nodes);
}
