/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which device somebody means, and which there are. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "context.h"
#include "device.h"
#include "error.h"
#include "sysfs.h"
#include "util.h"

/* What the kernel takes for the name of an interface: dev_valid_name(). */
static bool is_interface_name(const char *name)
{
	size_t length = strnlen(name, IFNAMSIZ);

	if (length == 0 || length >= IFNAMSIZ || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)name[i] <= ' ' || strchr("/:\x7f", name[i]))
			return false;
	return true;
}

/* Cuts the last part off a path. Returns it, or NULL if there is none left. */
static const char *pop(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash)
		return NULL;
	*slash = '\0';
	return slash + 1;
}

/*
 * /sys/class/net/NAME links to …/ADDRESS/net/NAME, or to …/ADDRESS/virtioN/net/NAME. Anything else below an address,
 * such as a USB adapter below its controller, is a device of its own which cannot be taken with the function.
 */
static int find_interface(struct vfiobind_context *context, const char *name, struct vfiobind_address *ret_address,
			  struct vfiobind_error *error)
{
	char path[64], full[DEVICE_PATH_SIZE], target[PATH_MAX];
	const char *part;
	int r;

	snprintf(path, sizeof(path), "class/net/%s", name);
	snprintf(full, sizeof(full), "%s/%s", context->sysfs_root, path);
	r = sysfs_readlink(context->sysfs_fd, path, target, sizeof(target));
	if (r == -ENOENT)
		return fail(error, .code = VFIOBIND_ERROR_DEVICE_NOT_FOUND, .operation = "find", .object = name,
			    .hint = "give an address such as 0000:04:11.5, or a network interface");
	if (r < 0)
		return fail(error, .code = VFIOBIND_ERROR_ATTRIBUTE_MALFORMED, .operation = "find", .object = name,
			    .path = full);
	pop(target);
	part = pop(target);
	if (part && strcmp(part, "net") == 0)
		part = pop(target);
	if (part && strncmp(part, "virtio", strlen("virtio")) == 0)
		part = pop(target);
	if (!part || vfiobind_address_parse(part, ret_address) < 0)
		return fail(error, .code = VFIOBIND_ERROR_NOT_PCI, .operation = "find", .object = name, .path = full);
	return 0;
}

int vfiobind_device_find(struct vfiobind_context *context, const char *name, struct vfiobind_address *ret_address,
			 struct vfiobind_error *error)
{
	struct vfiobind_address address;
	struct device_handle device;
	int r;

	if (!context || !name)
		return fail(error, .code = VFIOBIND_ERROR_INVALID_ARGUMENT, .operation = "find a device");
	r = context_begin(context, error);
	if (r < 0)
		return r;
	if (vfiobind_address_parse(name, &address) < 0) {
		/* What looks like an address but is none must not be looked for among the interfaces. */
		if (!is_interface_name(name) || strncmp(name, "pci_", 4) == 0)
			return fail(error, .code = VFIOBIND_ERROR_INVALID_ADDRESS, .operation = "find a device",
				    .expected = "an address such as 0000:04:11.5", .found = name[0] ? name : "nothing");
		r = find_interface(context, name, &address, error);
		if (r < 0)
			return r;
	}
	r = device_open(context, &address, &device, error);
	if (r < 0) {
		error_add_operation(error, "find the device");
		return r;
	}
	close_fd(device.fd);
	*ret_address = address;
	return 0;
}

static int compare(const void *a, const void *b)
{
	return vfiobind_address_compare(a, b);
}

int vfiobind_device_list(struct vfiobind_context *context, struct vfiobind_address **ret_addresses,
			 size_t *ret_n_addresses, struct vfiobind_error *error)
{
	_cleanup_free_ struct vfiobind_address *addresses = NULL;
	struct vfiobind_address address;
	size_t n = 0, capacity = 0;
	struct sysfs_walk walk;
	const char *name;
	int r;

	if (!context || !ret_addresses || !ret_n_addresses)
		return fail(error, .code = VFIOBIND_ERROR_INVALID_ARGUMENT, .operation = "list the devices");
	r = context_begin(context, error);
	if (r < 0)
		return r;
	r = sysfs_walk_open(&walk, context->sysfs_fd, "bus/pci/devices");
	if (r < 0)
		return fail(error, .code = VFIOBIND_ERROR_SYSFS_UNAVAILABLE, .number = -r, .path = context->sysfs_root,
			    .hint = "is this a sysfs, of a kernel with PCI?");
	while ((r = sysfs_walk_next(&walk, &name)) > 0) {
		if (vfiobind_address_parse(name, &address) < 0)
			continue;
		if (n >= capacity) {
			struct vfiobind_address *longer;

			capacity = capacity ? capacity * 2 : 32;
			longer = reallocarray(addresses, capacity, sizeof(*addresses));
			if (!longer) {
				r = -ENOMEM;
				break;
			}
			addresses = longer;
		}
		addresses[n++] = address;
	}
	sysfs_walk_close(&walk);
	/* An empty list is an array too. */
	if (r == 0 && !addresses)
		addresses = malloc(sizeof(*addresses));
	if (r == -ENOMEM || (r == 0 && !addresses))
		return fail_memory(error);
	if (r < 0)
		return fail(error, .code = VFIOBIND_ERROR_SYSTEM, .number = -r, .operation = "list the devices",
			    .path = context->sysfs_root);
	qsort(addresses, n, sizeof(*addresses), compare);
	*ret_addresses = addresses;
	addresses = NULL;
	*ret_n_addresses = n;
	return 0;
}
