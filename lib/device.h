/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_DEVICE_H
#define VFIOBIND_DEVICE_H

#include "vfiobind.h"

/* A device whose directory is open. */
struct device_handle {
	struct vfiobind_address address;
	char name[VFIOBIND_ADDRESS_SIZE];
	char directory[VFIOBIND_ADDRESS_SIZE + 16]; /* below the sysfs root */
	int fd;
};

#define DEVICE_PATH_SIZE 512

/* Opens the device's directory. Error: device-not-found. */
int device_open(struct vfiobind_context *context, const struct vfiobind_address *address, struct device_handle *device,
		struct vfiobind_error *error);

/* Whether the device is still on the bus: an open directory outlives it. */
bool device_exists(struct vfiobind_context *context, const struct device_handle *device);

/* The path of an attribute, for people. Returns @buffer. */
const char *device_path(const struct vfiobind_context *context, const struct device_handle *device,
			const char *attribute, char buffer[static DEVICE_PATH_SIZE]);

/* Turns the negative errno of a failed read into device-vanished, attribute-malformed or attribute-unreadable. */
int device_fail_read(struct vfiobind_context *context, const struct device_handle *device, const char *attribute,
		     int number, struct vfiobind_error *error);

/* The name of the driver that is bound. Returns 1, or 0 if there is none. */
int device_read_driver(struct vfiobind_context *context, const struct device_handle *device, char *driver,
		       struct vfiobind_error *error);

/* The value of driver_override in ATTRIBUTE_TEXT_SIZE bytes. Returns 1, or 0 if it is unset. */
int device_read_override(struct vfiobind_context *context, const struct device_handle *device, char *driver_override,
			 struct vfiobind_error *error);

/* The kind of header of config space: 0 for an endpoint. */
int device_read_header_type(struct vfiobind_context *context, const struct device_handle *device, int *ret_type,
			    struct vfiobind_error *error);

/* What kind of driver @driver (NULL for none) is that holds the device of the directory @device_fd. */
enum vfiobind_driver_type device_classify_driver(struct vfiobind_context *context, int device_fd, const char *driver);

#endif
