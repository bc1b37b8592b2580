/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "device.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "attribute.h"
#include "context.h"
#include "error.h"
#include "sysfs.h"
#include "util.h"

/* PCI_HEADER_TYPE; its top bit only says that the device has several functions. */
#define CONFIG_HEADER_TYPE 0x0e
#define CONFIG_HEADER_TYPE_MASK 0x7f

int device_open(struct vfiobind_context *context, const struct vfiobind_address *address, struct device_handle *device,
		struct vfiobind_error *error)
{
	device->address = *address;
	vfiobind_address_format(address, device->name, sizeof(device->name));
	snprintf(device->directory, sizeof(device->directory), "bus/pci/devices/%s", device->name);
	device->fd = sysfs_open_directory(context->sysfs_fd, device->directory);
	if (device->fd == -ENOENT && !sysfs_exists(context->sysfs_fd, "bus/pci"))
		return fail(error, .code = VFIOBIND_ERROR_SYSFS_UNAVAILABLE, .path = context->sysfs_root,
			    .hint = "is this a sysfs, of a kernel with PCI?");
	if (device->fd == -ENOENT || device->fd == -ENODEV)
		return fail(error, .code = VFIOBIND_ERROR_DEVICE_NOT_FOUND, .device = address);
	if (device->fd < 0) {
		char full[DEVICE_PATH_SIZE];

		return fail(error, .code = VFIOBIND_ERROR_SYSTEM, .number = -device->fd, .device = address,
			    .operation = "open the device's directory", .path = device_path(context, device, "", full));
	}
	return 0;
}

bool device_exists(struct vfiobind_context *context, const struct device_handle *device)
{
	return sysfs_exists(context->sysfs_fd, device->directory);
}

const char *device_path(const struct vfiobind_context *context, const struct device_handle *device,
			const char *attribute, char buffer[static DEVICE_PATH_SIZE])
{
	snprintf(buffer, DEVICE_PATH_SIZE, "%s/%s%s%s", context->sysfs_root, device->directory, attribute[0] ? "/" : "",
		 attribute);
	return buffer;
}

int device_fail_read(struct vfiobind_context *context, const struct device_handle *device, const char *attribute,
		     int number, struct vfiobind_error *error)
{
	enum vfiobind_error_code code = VFIOBIND_ERROR_ATTRIBUTE_UNREADABLE;
	char path[DEVICE_PATH_SIZE];
	int positive;

	if ((number == -ENOENT || number == -ENODEV) && !device_exists(context, device))
		return fail(error, .code = VFIOBIND_ERROR_DEVICE_VANISHED, .device = &device->address);
	/* What attribute_read…() says of contents; for the open itself ELOOP and EINVAL mean: not the kind of file it is. */
	if (number == -EBADMSG || number == -EOVERFLOW || number == -ENODATA || number == -ELOOP || number == -EINVAL)
		code = VFIOBIND_ERROR_ATTRIBUTE_MALFORMED;
	code = attribute_error_code(context, number, code, &positive);
	return fail(error, .code = code, .number = code == VFIOBIND_ERROR_ATTRIBUTE_MALFORMED ? 0 : positive,
		    .device = &device->address, .operation = "read", .object = attribute,
		    .path = device_path(context, device, attribute, path));
}

int device_read_driver(struct vfiobind_context *context, const struct device_handle *device, char *driver,
		       struct vfiobind_error *error)
{
	int r = sysfs_readlink_name(device->fd, "driver", driver);

	if (r == 0)
		return 1;
	if (r == -ENOENT && device_exists(context, device))
		return 0;
	return device_fail_read(context, device, "driver", r, error);
}

int device_read_override(struct vfiobind_context *context, const struct device_handle *device, char *driver_override,
			 struct vfiobind_error *error)
{
	ssize_t n = attribute_read(context, device->directory, "driver_override", driver_override, ATTRIBUTE_TEXT_SIZE);

	if (n < 0)
		return device_fail_read(context, device, "driver_override", (int)n, error);
	/* printf("%s\n", NULL) as the kernel does it. */
	return n > 0 && strcmp(driver_override, "(null)") != 0;
}

int device_read_header_type(struct vfiobind_context *context, const struct device_handle *device, int *ret_type,
			    struct vfiobind_error *error)
{
	unsigned char byte;
	int r = attribute_read_byte(context, device->directory, "config", CONFIG_HEADER_TYPE, &byte);

	if (r < 0)
		return device_fail_read(context, device, "config", r, error);
	*ret_type = byte & CONFIG_HEADER_TYPE_MASK;
	return 0;
}

const char *vfiobind_driver_type_name(enum vfiobind_driver_type type)
{
	static const char *const names[] = {
		[VFIOBIND_DRIVER_TYPE_NONE] = "none",           [VFIOBIND_DRIVER_TYPE_HOST] = "host",
		[VFIOBIND_DRIVER_TYPE_VFIO] = "vfio",           [VFIOBIND_DRIVER_TYPE_XEN] = "xen",
		[VFIOBIND_DRIVER_TYPE_USERSPACE] = "userspace",
	};

	return (size_t)type < ARRAY_SIZE(names) ? names[type] : NULL;
}

enum vfiobind_driver_type device_classify_driver(struct vfiobind_context *context, int device_fd, const char *driver)
{
	static const struct {
		const char *name;
		enum vfiobind_driver_type type;
	} known[] = {
		{"vfio-pci", VFIOBIND_DRIVER_TYPE_VFIO},
		{"pciback", VFIOBIND_DRIVER_TYPE_XEN},
		{"pci-stub", VFIOBIND_DRIVER_TYPE_USERSPACE},
		{"igb_uio", VFIOBIND_DRIVER_TYPE_USERSPACE},
		{"uio_pci_generic", VFIOBIND_DRIVER_TYPE_USERSPACE},
	};
	char module[SYSFS_NAME_SIZE], path[SYSFS_NAME_SIZE + 64];

	if (!driver)
		return VFIOBIND_DRIVER_TYPE_NONE;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(driver, known[i].name) == 0)
			return known[i].type;
	/* In doubt: a device that is taken for a host's is left alone, and whoever wanted it back believes that it is there. */
	if (!sysfs_is_absent(device_fd, "vfio-dev"))
		return VFIOBIND_DRIVER_TYPE_VFIO;
	/* Linux 5.18 to 6.0 had variant drivers but no vfio-dev: who uses the core is one. */
	if (sysfs_exists(context->sysfs_fd, "class/vfio-dev") ||
	    sysfs_readlink_name(device_fd, "driver/module", module) < 0)
		return VFIOBIND_DRIVER_TYPE_HOST;
	snprintf(path, sizeof(path), "module/vfio_pci_core/holders/%s", module);
	return sysfs_exists(context->sysfs_fd, path) ? VFIOBIND_DRIVER_TYPE_VFIO : VFIOBIND_DRIVER_TYPE_HOST;
}
