/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util.h"

/* One row a code: adding a code is adding an enumerator, a row, and a row in the man page (a test compares them). */
static const struct error_row {
	enum vfiobind_error_code code;
	enum vfiobind_error_class class;
	int number; /* the errno that stands for the code; 0 if it comes from the kernel and says more than the code */
	const char *name;
	const char *summary;
	bool forcible;
	bool errno_says_all; /* one other than @number, that is, of a file that the code is about */
} rows[] = {
#define ROW(CODE, CLASS, NUMBER, NAME, SUMMARY)                                            \
	{                                                                                  \
		VFIOBIND_ERROR_##CODE, VFIOBIND_ERROR_CLASS_##CLASS, NUMBER, NAME, SUMMARY \
	}
/* A precondition that a detach can be told to do without. */
#define FORCIBLE_ROW(CODE, NUMBER, NAME, SUMMARY)                                                     \
	{                                                                                             \
		VFIOBIND_ERROR_##CODE, VFIOBIND_ERROR_CLASS_PRECONDITION, NUMBER, NAME, SUMMARY, true \
	}
	ROW(NONE, NONE, 0, "none", "no error"),
	ROW(INVALID_ARGUMENT, USAGE, EINVAL, "invalid-argument", "invalid argument"),
	ROW(INVALID_ADDRESS, USAGE, EINVAL, "invalid-address", "not an address, node device name or network interface"),
	{VFIOBIND_ERROR_INVALID_DOMAIN, VFIOBIND_ERROR_CLASS_USAGE, EINVAL, "invalid-domain",
	 "not the description of a domain", .errno_says_all = true},
	ROW(INVALID_DRIVER_NAME, USAGE, EINVAL, "invalid-driver-name", "not a name of a driver or module"),
	ROW(SYSFS_UNAVAILABLE, PRECONDITION, ENOENT, "sysfs-unavailable", "there is no PCI bus in sysfs"),
	ROW(SYSFS_READ_ONLY, PRECONDITION, EROFS, "sysfs-read-only", "sysfs is mounted read-only"),
	ROW(PERMISSION_DENIED, PRECONDITION, EACCES, "permission-denied", "not permitted"),
	ROW(DEVICE_NOT_FOUND, PRECONDITION, ENODEV, "device-not-found", "there is no such device"),
	ROW(NOT_PCI, PRECONDITION, ENOTSUP, "not-pci", "the network interface is not that of a PCI function"),
	ROW(NOT_ENDPOINT, PRECONDITION, ENOTSUP, "not-endpoint", "it is a bridge, not an endpoint"),
	FORCIBLE_ROW(PF_HAS_VFS, EBUSY, "pf-has-vfs", "it has virtual functions"),
	ROW(NO_IOMMU_GROUP, PRECONDITION, ENXIO, "no-iommu-group", "it is in no IOMMU group"),
	ROW(DRIVER_NOT_FOUND, PRECONDITION, ENOENT, "driver-not-found",
	    "there is neither a driver nor a module of this name"),
	ROW(DRIVER_AMBIGUOUS, PRECONDITION, ENOTUNIQ, "driver-ambiguous",
	    "the module has several drivers, none of this name"),
	ROW(NOT_VFIO_DRIVER, PRECONDITION, EPERM, "not-vfio-driver", "it is not a VFIO driver"),
	ROW(MODULE_MISSING, PRECONDITION, ENOENT, "module-missing", "the module's file is missing"),
	ROW(MODULE_BLACKLISTED, PRECONDITION, EPERM, "module-blacklisted", "the module is blacklisted"),
	ROW(MODULE_INSTALL_COMMAND, PRECONDITION, EPERM, "module-install-command",
	    "the module's configuration wants a command run instead of loading it"),
	ROW(MODULE_LOAD_FAILED, PRECONDITION, 0, "module-load-failed", "the module could not be loaded"),
	ROW(MODULE_HAS_NO_DRIVER, PRECONDITION, ENOENT, "module-has-no-driver", "the module has no PCI driver"),
	ROW(ATTRIBUTE_UNREADABLE, PRECONDITION, 0, "attribute-unreadable", "an attribute cannot be read"),
	ROW(ATTRIBUTE_MALFORMED, PRECONDITION, EIO, "attribute-malformed", "an attribute is malformed"),
	ROW(LOCKDOWN, PRECONDITION, EPERM, "lockdown", "the kernel is locked down"),
	ROW(LOCKED, PRECONDITION, EBUSY, "locked", "another process works on it"),
	ROW(REPAIR_NEEDED, PRECONDITION, EUCLEAN, "repair-needed", "an operation on it was not ended"),
	ROW(STATE_UNAVAILABLE, PRECONDITION, 0, "state-unavailable", "nothing can be written down"),
	ROW(STATE_UNSAFE, PRECONDITION, EPERM, "state-unsafe", "others could have written it"),
	ROW(STATE_MALFORMED, PRECONDITION, EBADMSG, "state-malformed", "it cannot be understood"),
	FORCIBLE_ROW(VFIO_NODE_MISSING, ENOENT, "vfio-node-missing", "there is no node to open a VFIO device with"),
	FORCIBLE_ROW(NETDEV_IN_USE, EBUSY, "netdev-in-use", "its network interface is in use"),
	FORCIBLE_ROW(BLOCK_IN_USE, EBUSY, "block-in-use", "its disk is in use"),
	FORCIBLE_ROW(VFIO_IN_USE, EBUSY, "vfio-in-use", "its VFIO device is in use"),
	FORCIBLE_ROW(GROUP_IN_USE, EBUSY, "group-in-use", "host drivers have others of its IOMMU group"),
	ROW(WORKER_UNAVAILABLE, PRECONDITION, 0, "worker-unavailable",
	    "no process can be started that would wait for the kernel"),
	ROW(USED_BY_DOMAIN, PRECONDITION, EBUSY, "used-by-domain", "a domain uses it"),
	ROW(GROUP_USED_BY_DOMAIN, PRECONDITION, EBUSY, "group-used-by-domain",
	    "a domain uses others of its IOMMU group"),
	ROW(NOT_DETACHED, PRECONDITION, EPERM, "not-detached", "it is not detached"),
	ROW(XEN_DRIVER, PRECONDITION, ENOTSUP, "xen-driver", "Xen has it"),
	ROW(DRIVER_TYPE_UNSUPPORTED, PRECONDITION, ENOTSUP, "driver-type-unsupported",
	    "this kind of driver is not supported"),
	ROW(OVERRIDE_FAILED, FAILURE, 0, "override-failed", "driver_override could not be written"),
	ROW(OVERRIDE_NOT_CLEARED, FAILURE, EIO, "override-not-cleared", "driver_override was not cleared"),
	ROW(UNBIND_FAILED, FAILURE, 0, "unbind-failed", "the kernel refused the unbind"),
	ROW(DRIVER_CHANGED, FAILURE, ENODEV, "driver-changed", "it is no longer on that driver"),
	ROW(DEVICE_VANISHED, FAILURE, ENODEV, "device-vanished", "the device was removed meanwhile"),
	ROW(PROBE_REFUSED, FAILURE, EINVAL, "probe-refused", "the kernel refused to probe the device"),
	ROW(PROBE_WRITE_FAILED, FAILURE, 0, "probe-write-failed", "drivers_probe could not be written"),
	ROW(PROBE_FAILED, FAILURE, EIO, "probe-failed", "drivers_probe bound nothing"),
	ROW(PROBE_BUSY, FAILURE, EBUSY, "probe-busy", "the driver's probe found the device busy"),
	ROW(PROBE_INVALID, FAILURE, EINVAL, "probe-invalid", "the driver's probe found the device unfit"),
	ROW(PROBE_REJECTED, FAILURE, ENODEV, "probe-rejected", "the driver's probe rejected the device"),
	ROW(PROBE_DEFERRED, FAILURE, EAGAIN, "probe-deferred", "the driver deferred its probe"),
	ROW(WRONG_DRIVER, FAILURE, EIO, "wrong-driver", "another driver took it"),
	ROW(VFIO_DEVICE_MISSING, FAILURE, EIO, "vfio-device-missing", "the driver offers no VFIO device"),
	ROW(STILL_DETACHED, FAILURE, EIO, "still-detached", "a VFIO driver took it again"),
	ROW(TIMED_OUT, TIME_OUT, ETIMEDOUT, "timed-out", "the kernel has not finished it"),
	ROW(WORKER_KILLED, FAILURE, ECONNRESET, "worker-killed", "the process that did it was killed"),
	ROW(OUT_OF_MEMORY, FAILURE, ENOMEM, "out-of-memory", "out of memory"),
	ROW(SYSTEM, FAILURE, 0, "system", "a system call failed"),
	FORCIBLE_ROW(DRIVER_BOUND, EBUSY, "driver-bound", "a driver has it"),
	ROW(NO_RESET_METHOD, PRECONDITION, ENOTTY, "no-reset-method", "there is no way to reset it"),
	ROW(RESET_METHOD_REFUSED, PRECONDITION, EINVAL, "reset-method-refused", "it has no such reset method"),
	ROW(RESET_FAILED, FAILURE, 0, "reset-failed", "the kernel could not reset it"),
	ROW(RESET_METHOD_KEPT, FAILURE, EIO, "reset-method-kept", "it was reset, but reset_method is not as it was"),
	ROW(NO_SRIOV, PRECONDITION, ENOTSUP, "no-sriov", "it is no physical function with SR-IOV"),
	ROW(TOO_MANY_VFS, PRECONDITION, ERANGE, "too-many-vfs", "it cannot have so many virtual functions"),
	ROW(SRIOV_UNSUPPORTED, PRECONDITION, ENOENT, "sriov-unsupported", "no driver creates virtual functions of it"),
	FORCIBLE_ROW(VF_DETACHED, EBUSY, "vf-detached", "a virtual function is detached"),
	ROW(AUTOPROBE_FAILED, FAILURE, 0, "autoprobe-failed", "sriov_drivers_autoprobe could not be written"),
	ROW(NUMVFS_FAILED, FAILURE, 0, "numvfs-failed", "sriov_numvfs could not be written"),
	ROW(NUMVFS_DIFFERS, FAILURE, EIO, "numvfs-differs", "the virtual functions are not those asked for"),
#undef ROW
#undef FORCIBLE_ROW
};

static const struct error_row *find_row(enum vfiobind_error_code code)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].code == code)
			return &rows[i];
	return NULL;
}

const char *vfiobind_error_code_name(enum vfiobind_error_code code)
{
	const struct error_row *row = find_row(code);

	return row ? row->name : NULL;
}

const char *vfiobind_error_code_summary(enum vfiobind_error_code code)
{
	const struct error_row *row = find_row(code);

	return row ? row->summary : NULL;
}

enum vfiobind_error_class vfiobind_error_code_class(enum vfiobind_error_code code)
{
	const struct error_row *row = find_row(code);

	return row ? row->class : VFIOBIND_ERROR_CLASS_NONE;
}

bool vfiobind_error_code_can_be_forced(enum vfiobind_error_code code)
{
	const struct error_row *row = find_row(code);

	return row && row->forcible;
}

int vfiobind_error_code_at(size_t index, enum vfiobind_error_code *ret_code)
{
	if (index >= ARRAY_SIZE(rows))
		return -ENOENT;
	*ret_code = rows[index].code;
	return 0;
}

const char *vfiobind_state_name(enum vfiobind_state state)
{
	static const char *const names[] = {
		[VFIOBIND_STATE_UNTOUCHED] = "untouched",
		[VFIOBIND_STATE_RESTORED] = "restored",
		[VFIOBIND_STATE_PENDING] = "pending",
		[VFIOBIND_STATE_BROKEN] = "broken",
	};

	return (size_t)state < ARRAY_SIZE(names) ? names[state] : NULL;
}

static void copy_text(char *buffer, size_t size, const char *text)
{
	if (text)
		snprintf(buffer, size, "%s", text);
}

int error_set(struct vfiobind_error *error, const struct error_details *details)
{
	const struct error_row *row = find_row(details->code);
	int number = details->number ? details->number : row->number ? row->number : EIO;
	struct vfiobind_error full = {
		.code = details->code,
		.state = details->state,
		.number = number,
		.has_device = details->device != NULL,
	};

	if (!error)
		return -number;
	if (details->device)
		full.device = *details->device;
	if (details->object)
		snprintf(full.operation, sizeof(full.operation), "%s %s", details->operation, details->object);
	else
		copy_text(full.operation, sizeof(full.operation), details->operation);
	copy_text(full.path, sizeof(full.path), details->path);
	copy_text(full.expected, sizeof(full.expected), details->expected);
	copy_text(full.found, sizeof(full.found), details->found);
	copy_text(full.hint, sizeof(full.hint), details->hint);

	error_copy(error, &full);
	return -number;
}

/* The members that one has whose structure has @size bytes, which stay what they are. */
static void copy_members(struct vfiobind_error *error, const struct vfiobind_error *from, size_t size)
{
	const size_t first = sizeof(error->size);

	if (size > first)
		memcpy((char *)error + first, (const char *)from + first,
		       (size < sizeof(*error) ? size : sizeof(*error)) - first);
}

void error_copy(struct vfiobind_error *error, const struct vfiobind_error *full)
{
	if (error)
		copy_members(error, full, error->size);
}

void error_add_device(struct vfiobind_error *error, const struct vfiobind_address *device)
{
	if (!error || error->size < sizeof(*error) || error->has_device)
		return;
	error->has_device = true;
	error->device = *device;
}

void error_add_operation(struct vfiobind_error *error, const char *operation)
{
	if (!error || error->size < sizeof(*error) || error->operation[0])
		return;
	copy_text(error->operation, sizeof(error->operation), operation);
}

size_t vfiobind_text_escape(const char *text, char *buffer, size_t size)
{
	static const char hexadecimal[] = "0123456789abcdef";
	size_t needed = 0, written = 0;
	bool cut = false;

	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		char piece[5] = {(char)*c};

		if (*c == '\n' || *c == '\t' || *c == '\r' || *c == '\\') {
			piece[0] = '\\';
			piece[1] = *c == '\n' ? 'n' : *c == '\t' ? 't' : *c == '\r' ? 'r' : '\\';
		} else if (*c < 0x20 || *c > 0x7e) {
			memcpy(piece, "\\x", 2);
			piece[2] = hexadecimal[*c >> 4];
			piece[3] = hexadecimal[*c & 15];
		}
		needed += strlen(piece);
		cut = cut || needed >= size;
		if (!cut) {
			memcpy(buffer + written, piece, strlen(piece));
			written = needed;
		}
	}
	if (size)
		buffer[written] = '\0';
	return needed;
}

struct line {
	char *buffer;
	size_t size;
	size_t length;
};

static void line_add(struct line *line, const char *before, const char *text, const char *after)
{
	const char *const parts[] = {before, text, after};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		size_t room = line->length < line->size ? line->size - line->length : 0;

		line->length += vfiobind_text_escape(parts[i], room ? line->buffer + line->length : NULL, room);
	}
}

size_t vfiobind_error_format(const struct vfiobind_error *caller_error, char *buffer, size_t size)
{
	struct vfiobind_error full = VFIOBIND_ERROR_INIT;
	const struct vfiobind_error *error = &full;
	struct line line = {.buffer = buffer, .size = size};
	const struct error_row *row;
	char address[VFIOBIND_ADDRESS_SIZE], number[64];
	bool has_number;

	copy_members(&full, caller_error, caller_error->size);
	row = find_row(error->code);
	if (size)
		buffer[0] = '\0';
	if (error->has_device && vfiobind_address_format(&error->device, address, sizeof(address)) == 0)
		line_add(&line, "", address, ": ");
	if (error->operation[0])
		line_add(&line, "cannot ", error->operation, ": ");
	/* The errno that stands for a code tells nothing new. */
	has_number = row && error->number && error->number != row->number;
	if (!has_number || !row->errno_says_all)
		line_add(&line, "", row ? row->summary : "unknown error", has_number ? ": " : "");
	if (has_number) {
		const char *text = strerrordesc_np(error->number);

		snprintf(number, sizeof(number), "error %d", error->number);
		line_add(&line, "", text ? text : number, "");
	}
	if (error->expected[0] && error->found[0]) {
		line_add(&line, " (expected ", error->expected, "");
		line_add(&line, ", found ", error->found, ")");
	} else if (error->found[0]) {
		line_add(&line, " (", error->found, ")");
	} else if (error->expected[0]) {
		line_add(&line, " (expected ", error->expected, ")");
	}
	/* "cannot read web.xml" names it already. */
	if (error->path[0] && !strstr(error->operation, error->path))
		line_add(&line, " [", error->path, "]");
	if (error->state == VFIOBIND_STATE_RESTORED)
		line_add(&line, "; ", "it is as it was", "");
	if (error->state == VFIOBIND_STATE_BROKEN)
		line_add(&line, "; ", "it is not as it was", "");
	if (error->hint[0])
		line_add(&line, "; ", error->hint, "");
	return line.length;
}
