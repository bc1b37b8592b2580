/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Why did drivers_probe bind nothing? The store reports success and swallows the errno of the driver's probe
 * (__device_attach_driver() returns it to nobody). Two places tell nevertheless, both on the record of the kernel alone:
 *
 * - /dev/kmsg: really_probe() logs "probe with driver D failed with error -N" ("probe of A failed with error -N" before
 *   Linux 6.9) for each errno but ENODEV and ENXIO, which appear as "rejects match -N" with dynamic debug. Records of
 *   user space carry another facility and cannot be taken for it.
 * - debugfs' devices_deferred lists the device after EPROBE_DEFER.
 *
 * From their silence nothing is concluded: in a container either may be absent or somebody else's.
 */
#include "diagnose.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attribute.h"
#include "context.h"
#include "descriptor.h"
#include "error.h"
#include "module.h"
#include "operation.h"

int diagnose_open_log(const struct vfiobind_context *context)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/kmsg", context->device_root);
	fd = descriptor_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0);
	if (fd >= 0 && lseek(fd, 0, SEEK_END) < 0)
		fd = close_fd(fd);
	return fd < 0 ? -1 : fd;
}

static int find_number(const char *message)
{
	static const char *const phrases[] = {" failed with error -", " rejects match -"};

	for (size_t i = 0; i < ARRAY_SIZE(phrases); i++) {
		const char *at = strstr(message, phrases[i]);
		long number = at && strstr(message, "probe ") ? strtol(at + strlen(phrases[i]), NULL, 10) : 0;

		if (number > 0 && number < 4096)
			return (int)number;
	}
	return 0;
}

/* As a word: "10000:04:11.5" is another device than "0000:04:11.5". */
static bool names_device(const char *message, const char *device)
{
	size_t length = strlen(device);

	for (const char *at = message; (at = strstr(at, device)); at++) {
		unsigned char before = at > message ? (unsigned char)at[-1] : ' ';

		if (!isxdigit(before) && before != ':' && !isalnum((unsigned char)at[length]))
			return true;
	}
	return false;
}

/* dev_driver_string(): of a device that no driver has, so it is no reason why none took it, as "Adding to iommu group 5". */
static bool is_of_the_bus(const char *message, const char *device)
{
	size_t length = strlen(device);

	return strncmp(message, "pci ", 4) == 0 && strncmp(message + 4, device, length) == 0 &&
	       message[4 + length] == ':';
}

void diagnose_parse_log(char *records, const char *device, struct log_clue *clue)
{
	char *rest = NULL;

	for (char *line = strtok_r(records, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		const char *message = strchr(line, ';');
		char *end;
		unsigned long priority = strtoul(line, &end, 10);
		int number;

		/* A line with a blank first is a property; a priority of 8 and more has a facility, so is not the kernel's. */
		if (line[0] == ' ' || !message || *end != ',' || priority > 7 || !names_device(message, device) ||
		    is_of_the_bus(message + 1, device))
			continue;
		number = find_number(message);
		/* What a driver says before the errno is reported may explain it, what comes after does not. */
		if (number || !clue->number)
			snprintf(clue->message, sizeof(clue->message), "%s", message + 1);
		if (number)
			clue->number = number;
	}
}

bool diagnose_next_record(int log_fd, char *record, size_t size)
{
	ssize_t n;

	if (log_fd < 0)
		return false;
	do
		n = read(log_fd, record, size - 1);
	while (n < 0 && (errno == EPIPE || errno == EINTR)); /* records were lost: the next one is there */
	if (n <= 0)
		return false;
	record[n] = '\0';
	return true;
}

static void read_log(const struct operation *operation, const struct operation_device *device, struct log_clue *clue)
{
	char record[8192];

	/* A busy machine may have logged much since, but not for ever. */
	for (int i = 0; i < 4096 && diagnose_next_record(operation->log_fd, record, sizeof(record)); i++)
		diagnose_parse_log(record, device->handle.name, clue);
}

bool diagnose_is_deferred(const char *text, const char *device)
{
	size_t length = strlen(device);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, device, length) == 0 && strchr("\t\n", line[length]))
			return true;
	}
	return false;
}

static bool is_deferred(const struct operation *operation, const struct operation_device *device)
{
	char text[ATTRIBUTE_TEXT_SIZE];

	return attribute_read(operation->context, "kernel/debug", "devices_deferred", text, sizeof(text)) > 0 &&
	       diagnose_is_deferred(text, device->handle.name);
}

static bool has_link(const struct operation_device *device, const char *name)
{
	char target[SYSFS_NAME_SIZE];

	return sysfs_readlink_name(device->handle.fd, name, target) == 0;
}

int diagnose_probe(struct operation *operation, const struct operation_device *device)
{
	static const struct {
		int number;
		enum vfiobind_error_code code;
	} probes[] = {
		{EBUSY, VFIOBIND_ERROR_PROBE_BUSY},      {EINVAL, VFIOBIND_ERROR_PROBE_INVALID},
		{ENODEV, VFIOBIND_ERROR_PROBE_REJECTED}, {ENXIO, VFIOBIND_ERROR_PROBE_REJECTED},
		{517, VFIOBIND_ERROR_PROBE_DEFERRED}, /* EPROBE_DEFER, unknown to user space */
	};
	enum vfiobind_error_code code = VFIOBIND_ERROR_PROBE_FAILED;
	const char *hint = "see dmesg; vfio-pci wants an IOMMU that keeps caches coherent, and denies some devices";
	struct log_clue clue = {.number = 0};
	char remove[80];

	snprintf(remove, sizeof(remove), "remove them first: vfiobind sriov %s --numvfs 0", device->handle.name);
	read_log(operation, device, &clue);
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++)
		if (clue.number == probes[i].number)
			code = probes[i].code;
	if (!device_exists(operation->context, &device->handle))
		code = VFIOBIND_ERROR_DEVICE_VANISHED;
	else if (!clue.number && is_deferred(operation, device))
		code = VFIOBIND_ERROR_PROBE_DEFERRED;
	/* vfio_pci_core_register_device() says EBUSY and EINVAL for these, but the cause says more. */
	else if (has_link(device, "virtfn0"))
		code = VFIOBIND_ERROR_PF_HAS_VFS;
	else if (!has_link(device, "iommu_group"))
		code = VFIOBIND_ERROR_NO_IOMMU_GROUP;
	if (code == VFIOBIND_ERROR_DEVICE_VANISHED)
		hint = NULL;
	else if (code == VFIOBIND_ERROR_PF_HAS_VFS)
		hint = remove;
	else if (code != VFIOBIND_ERROR_PROBE_FAILED)
		hint = "see dmesg";
	return fail(operation->error, .code = code, .number = code == VFIOBIND_ERROR_PROBE_FAILED ? clue.number : 0,
		    .device = &device->handle.address, .operation = "bind to", .object = device->target.driver,
		    .expected = clue.message[0] ? NULL : device->target.driver,
		    .found = clue.message[0] ? clue.message : "no driver", .hint = hint);
}

/* pci_device_can_probe(): then no driver gets a virtual function, but one that driver_override names. */
static bool may_not_be_probed(const struct operation *operation, const struct operation_device *device,
			      char physfn[static SYSFS_NAME_SIZE])
{
	char directory[DEVICE_PATH_SIZE], text[8];

	snprintf(directory, sizeof(directory), "%s/physfn", device->handle.directory);
	return sysfs_readlink_name(device->handle.fd, "physfn", physfn) == 0 &&
	       attribute_read(operation->context, directory, "sriov_drivers_autoprobe", text, sizeof(text)) > 0 &&
	       strcmp(text, "0") == 0;
}

void diagnose_reattach(struct operation *operation, const struct operation_device *device, char *reason, size_t size)
{
	struct log_clue clue = {.number = 0};
	char physfn[SYSFS_NAME_SIZE];
	bool suits, loaded;

	suits = module_suits(operation->context, device->identity, &loaded);
	read_log(operation, device, &clue);
	if (may_not_be_probed(operation, device, physfn))
		snprintf(reason, size,
			 "sriov_drivers_autoprobe of %s is off: vfiobind sriov %s --autoprobe, then reattach it again",
			 physfn, physfn);
	else if (clue.message[0])
		snprintf(reason, size, "%s%s", clue.message, clue.number ? "" : "; see dmesg");
	else if (is_deferred(operation, device))
		snprintf(reason, size, "the driver deferred its probe");
	else if (suits && !loaded)
		snprintf(reason, size, "no module for it is loaded: modprobe %s", device->identity);
	else
		snprintf(reason, size, suits ? "see dmesg" : "no module that may be loaded here knows it: %s",
			 device->identity);
}
