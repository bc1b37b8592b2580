/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_H
#define VFIOBIND_H

/**
 * libvfiobind: takes a host PCI device away from its driver, gives it to vfio-pci or to a VFIO variant driver,
 * and brings it back.
 *
 * Every operation is a transaction: it plans by reading only, applies, verifies by reading back what the kernel
 * really did, and rolls back when that is not what was asked for.
 *
 * Conventions, true for each function unless it says otherwise:
 *
 * - It returns 0 or a negative errno. Outputs are named ret_… and stay untouched on failure.
 * - @error may be NULL. It must else have been initialised with VFIOBIND_ERROR_INIT, and is filled on failure only.
 * - Objects that are returned through a pointer belong to the caller and go back with their own …_free() function,
 *   which accepts NULL. What they point to lives as long as they do. Later versions may append members to them.
 * - Structures that the caller provides have their own size as first member; the …_INIT macros set it.
 * - Strings that come from /sys or from names given by the caller are as they were found: they may hold any byte
 *   but NUL and must be escaped before they are shown (vfiobind_text_escape()).
 * - Threads: a context and what is done through it belong to one thread at a time. Separate contexts are
 *   independent. Functions without a context are pure.
 * - No function waits in the kernel past its time-out (vfiobind_context_set_timeout()). What can wait there is done by
 *   a worker process, which ends with the context, and which wait(2) and SIGCHLD of the program do not see (those of a
 *   process that adopts orphans see one that the kernel kept past the time-out, when it ends). Where it cannot be made,
 *   any function with a context fails with worker-unavailable and the errno that says why. A context must not be used in
 *   a child of fork(2), but may be freed there; a thread must not be cancelled while it uses one.
 * - It does not matter what SIGCHLD is set to, whether descriptors 0 to 2 are open, and what other threads do, wait(2)
 *   and fork(2) included. A thread needs 128 KiB of stack.
 * - Nothing is printed, no signal handler is installed, no global state is kept.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The library is built with hidden visibility: what is declared here is what it exports. */
#pragma GCC visibility push(default)

/**
 * The library's version, as "major.minor.patch".
 *
 * Returns: a constant string. Since: 0.1
 */
const char *vfiobind_library_version(void);

/* ---------------------------------------------------------------------------------------------------- addresses */

/**
 * The address of a PCI function. Compare with vfiobind_address_compare(), not with memcmp(): there may be padding.
 */
struct vfiobind_address {
	uint32_t domain;
	uint8_t bus;
	uint8_t slot;     /* 0 to 0x1f */
	uint8_t function; /* 0 to 7 */
};

/** Room for the longest text of an address, "ffffffff:ff:1f.7", and its NUL. */
#define VFIOBIND_ADDRESS_SIZE 17

/**
 * Reads an address: "0000:04:11.5", "04:11.5" (domain 0), "10000:e1:00.0" (domains have 4 to 8 digits), or the name
 * of a node device, "pci_0000_04_11_5". Hexadecimal digits of either case; nothing may precede or follow.
 *
 * @text: the text, any length; NULL is an error
 * @ret_address: the address
 *
 * Returns: 0; -EINVAL if @text is no address. Since: 0.1
 */
int vfiobind_address_parse(const char *text, struct vfiobind_address *ret_address);

/**
 * Writes an address as the kernel does: lower case, the domain with at least four digits.
 *
 * @address: the address; slot and function are cut to their 5 and 3 bits
 * @buffer: receives the text and a NUL; VFIOBIND_ADDRESS_SIZE bytes always suffice
 * @size: the size of @buffer in bytes
 *
 * Returns: 0; -ENOSPC if @size is too small, @buffer is untouched then. Since: 0.1
 */
int vfiobind_address_format(const struct vfiobind_address *address, char *buffer, size_t size);

/**
 * Orders two addresses by domain, bus, slot and function.
 *
 * Returns: less than, equal to, or greater than 0 as @a sorts before, with, or after @b. Since: 0.1
 */
int vfiobind_address_compare(const struct vfiobind_address *a, const struct vfiobind_address *b);

/* ------------------------------------------------------------------------------------------------------- errors */

/** What went wrong: one value for each precondition and each way to fail. Numbers and names are stable. */
enum vfiobind_error_code {
	VFIOBIND_ERROR_NONE = 0,
	/* wrong use */
	VFIOBIND_ERROR_INVALID_ARGUMENT = 1,    /* an argument or option makes no sense */
	VFIOBIND_ERROR_INVALID_ADDRESS = 2,     /* not an address, node device name or interface name */
	VFIOBIND_ERROR_INVALID_DRIVER_NAME = 3, /* no driver or module can have this name */
	VFIOBIND_ERROR_INVALID_DOMAIN = 4, /* no domain's description, or not one that can be used: the command's */
	/* preconditions: nothing was written */
	VFIOBIND_ERROR_SYSFS_UNAVAILABLE = 10,      /* no PCI bus under the sysfs root */
	VFIOBIND_ERROR_SYSFS_READ_ONLY = 11,        /* sysfs is mounted read-only */
	VFIOBIND_ERROR_PERMISSION_DENIED = 12,      /* not allowed to write the attributes, or to load the module */
	VFIOBIND_ERROR_DEVICE_NOT_FOUND = 13,       /* no such device */
	VFIOBIND_ERROR_NOT_PCI = 14,                /* a network interface that is not a PCI function's own */
	VFIOBIND_ERROR_NOT_ENDPOINT = 15,           /* a bridge: its header type is not 0 */
	VFIOBIND_ERROR_PF_HAS_VFS = 16,             /* a physical function whose VFs exist; can be forced */
	VFIOBIND_ERROR_NO_IOMMU_GROUP = 17,         /* the device is in no IOMMU group */
	VFIOBIND_ERROR_DRIVER_NOT_FOUND = 18,       /* neither a driver nor a module of this name */
	VFIOBIND_ERROR_DRIVER_AMBIGUOUS = 19,       /* the module has several PCI drivers, none of this name */
	VFIOBIND_ERROR_NOT_VFIO_DRIVER = 20,        /* the driver is not one for VFIO */
	VFIOBIND_ERROR_MODULE_MISSING = 21,         /* the module's file is missing */
	VFIOBIND_ERROR_MODULE_BLACKLISTED = 22,     /* modprobe.d or the kernel command line blacklists the module */
	VFIOBIND_ERROR_MODULE_INSTALL_COMMAND = 23, /* modprobe.d replaces loading by a command, which is not run */
	VFIOBIND_ERROR_MODULE_LOAD_FAILED = 24,     /* the kernel refused the module */
	VFIOBIND_ERROR_MODULE_HAS_NO_DRIVER = 25,   /* the module is there but has registered no PCI driver */
	VFIOBIND_ERROR_ATTRIBUTE_UNREADABLE = 26,   /* an attribute that must be known cannot be read */
	VFIOBIND_ERROR_ATTRIBUTE_MALFORMED = 27, /* an attribute or link does not have the form that Linux gives it */
	VFIOBIND_ERROR_LOCKDOWN = 28,            /* the kernel is locked down and the module not signed */
	VFIOBIND_ERROR_LOCKED = 29,              /* another process works on the device or its group */
	VFIOBIND_ERROR_REPAIR_NEEDED = 30,       /* an operation on the device was not ended: vfiobind_repair() */
	VFIOBIND_ERROR_STATE_UNAVAILABLE = 31,   /* nothing can be written down */
	VFIOBIND_ERROR_STATE_UNSAFE = 32,        /* others could have written what is written down */
	VFIOBIND_ERROR_STATE_MALFORMED = 33,     /* what is written down cannot be understood */
	VFIOBIND_ERROR_VFIO_NODE_MISSING = 34,   /* neither /dev/vfio/vfio nor /dev/iommu; can be forced */
	VFIOBIND_ERROR_NETDEV_IN_USE = 35,       /* its network interface is up, or part of another; can be forced */
	VFIOBIND_ERROR_BLOCK_IN_USE = 36,        /* its disk is mounted, swapped on or part of another; can be forced */
	VFIOBIND_ERROR_VFIO_IN_USE = 37,         /* a process has its VFIO device open; can be forced */
	VFIOBIND_ERROR_GROUP_IN_USE = 38,        /* host drivers have others of its IOMMU group; can be forced */
	VFIOBIND_ERROR_WORKER_UNAVAILABLE = 39,  /* no process could be started: a limit, or no memory */
	VFIOBIND_ERROR_USED_BY_DOMAIN = 80,      /* a domain uses the device, and has not released it */
	VFIOBIND_ERROR_GROUP_USED_BY_DOMAIN = 81,    /* a domain uses others of its IOMMU group */
	VFIOBIND_ERROR_NOT_DETACHED = 82,            /* an unmanaged device is not on a VFIO driver */
	VFIOBIND_ERROR_XEN_DRIVER = 83,              /* the device is on Xen's pciback */
	VFIOBIND_ERROR_DRIVER_TYPE_UNSUPPORTED = 84, /* a kind of driver other than vfio was asked for */
	/* failures of the operation */
	VFIOBIND_ERROR_OVERRIDE_FAILED = 40,      /* the write to driver_override failed */
	VFIOBIND_ERROR_OVERRIDE_NOT_CLEARED = 41, /* driver_override still has a value after it was cleared */
	VFIOBIND_ERROR_UNBIND_FAILED = 42,        /* the write to unbind failed */
	VFIOBIND_ERROR_DRIVER_CHANGED = 43,       /* the device left the driver that the plan saw */
	VFIOBIND_ERROR_DEVICE_VANISHED = 44,      /* the device was removed meanwhile */
	VFIOBIND_ERROR_PROBE_REFUSED = 45,        /* drivers_probe itself failed with EINVAL: the group is owned by user
						       space, or the device is not ready */
	VFIOBIND_ERROR_PROBE_WRITE_FAILED = 46,   /* drivers_probe failed with another errno */
	VFIOBIND_ERROR_PROBE_FAILED = 47,         /* drivers_probe reported success but bound nothing, cause unknown */
	VFIOBIND_ERROR_PROBE_BUSY = 48,           /* the same; the driver's probe failed with EBUSY */
	VFIOBIND_ERROR_PROBE_INVALID = 49,        /* the same; the driver's probe failed with EINVAL */
	VFIOBIND_ERROR_PROBE_REJECTED = 50,       /* the same; the driver's probe failed with ENODEV or ENXIO */
	VFIOBIND_ERROR_PROBE_DEFERRED = 51,       /* the same; the driver deferred its probe */
	VFIOBIND_ERROR_WRONG_DRIVER = 52,         /* another driver than the wanted one is bound now */
	VFIOBIND_ERROR_VFIO_DEVICE_MISSING = 53,  /* the driver is bound but offers no VFIO device */
	VFIOBIND_ERROR_STILL_DETACHED = 54,       /* after a reattach a VFIO driver has the device again */
	VFIOBIND_ERROR_TIMED_OUT = 55,            /* the kernel has not finished what it was asked for */
	VFIOBIND_ERROR_WORKER_KILLED = 56,        /* the process that does the stores was killed */
	VFIOBIND_ERROR_OUT_OF_MEMORY = 60,
	VFIOBIND_ERROR_SYSTEM = 61, /* a system call failed in a way that has no value of its own */
	/* of a reset: preconditions, then failures */
	VFIOBIND_ERROR_DRIVER_BOUND = 70,         /* a driver that may use the device has it; can be forced */
	VFIOBIND_ERROR_NO_RESET_METHOD = 71,      /* the kernel has no way to reset the device */
	VFIOBIND_ERROR_RESET_METHOD_REFUSED = 72, /* the device has no reset method of this name */
	VFIOBIND_ERROR_RESET_FAILED = 73,         /* the write to reset failed */
	VFIOBIND_ERROR_RESET_METHOD_KEPT = 74,    /* reset_method could not be put back to what it was */
	/* of SR-IOV: preconditions, then failures */
	VFIOBIND_ERROR_NO_SRIOV = 90,          /* not a physical function with SR-IOV */
	VFIOBIND_ERROR_TOO_MANY_VFS = 91,      /* more virtual functions than it can have */
	VFIOBIND_ERROR_SRIOV_UNSUPPORTED = 92, /* no driver, or one that cannot create virtual functions */
	VFIOBIND_ERROR_VF_DETACHED = 93,       /* one of its virtual functions is detached; can be forced */
	VFIOBIND_ERROR_AUTOPROBE_FAILED = 94,  /* the write to sriov_drivers_autoprobe failed */
	VFIOBIND_ERROR_NUMVFS_FAILED = 95,     /* the write to sriov_numvfs failed */
	VFIOBIND_ERROR_NUMVFS_DIFFERS = 96,    /* there are other virtual functions than was asked for */
};

/** What kind of error a code is. */
enum vfiobind_error_class {
	VFIOBIND_ERROR_CLASS_NONE = 0,
	VFIOBIND_ERROR_CLASS_USAGE,        /* the caller's mistake */
	VFIOBIND_ERROR_CLASS_PRECONDITION, /* the host or device is not fit for it */
	VFIOBIND_ERROR_CLASS_FAILURE,      /* the operation was tried and failed */
	VFIOBIND_ERROR_CLASS_TIME_OUT,     /* it was waited for too long */
};

/** In which state an operation that failed left the devices. */
enum vfiobind_state {
	VFIOBIND_STATE_UNTOUCHED = 0, /* nothing was written */
	VFIOBIND_STATE_RESTORED, /* something was written; driver and driver_override are as they were, and that was
					 verified */
	VFIOBIND_STATE_PENDING,  /* the kernel has not finished; nobody knows yet */
	VFIOBIND_STATE_BROKEN,   /* something was written and could not be undone, or not without undoing what another
					 process has done to the device meanwhile */
};

/** A failure, described. All texts are NUL-terminated, cut where they do not fit, and empty where they do not apply. */
struct vfiobind_error {
	size_t size; /* set by VFIOBIND_ERROR_INIT */
	enum vfiobind_error_code code;
	enum vfiobind_state state;
	int number;      /* a positive errno, or 0 */
	bool has_device; /* whether @device says which */
	struct vfiobind_address device;
	char operation[128]; /* what could not be done: "unbind from igbvf" */
	char path[256];      /* the file */
	char expected[128];  /* what should have been there */
	char found[256];     /* what was there */
	char hint[256];      /* what can be done about it */
};

#define VFIOBIND_ERROR_INIT                           \
	{                                             \
		.size = sizeof(struct vfiobind_error) \
	}

/**
 * The stable name of a code: its enumerator in lower case with hyphens, such as "pf-has-vfs".
 *
 * Returns: a constant string; NULL for a number that is no code. Since: 0.1
 */
const char *vfiobind_error_code_name(enum vfiobind_error_code code);

/**
 * One phrase that says what a code means, such as "it has virtual functions".
 *
 * Returns: a constant string; NULL for a number that is no code. Since: 0.1
 */
const char *vfiobind_error_code_summary(enum vfiobind_error_code code);

/**
 * The class of a code.
 *
 * Returns: the class; VFIOBIND_ERROR_CLASS_NONE for VFIOBIND_ERROR_NONE and for a number that is no code. Since: 0.1
 */
enum vfiobind_error_class vfiobind_error_code_class(enum vfiobind_error_code code);

/**
 * Whether an operation that is refused by this code can be had all the same, with its option `force`.
 *
 * Returns: true or false; false for a number that is no code. Since: 0.1
 */
bool vfiobind_error_code_can_be_forced(enum vfiobind_error_code code);

/**
 * Walks over all codes.
 *
 * @index: counts from 0
 * @ret_code: the code of that index
 *
 * Returns: 0; -ENOENT past the last one. Since: 0.1
 */
int vfiobind_error_code_at(size_t index, enum vfiobind_error_code *ret_code);

/**
 * Writes an error as one line of printable ASCII without a newline, such as
 * "0000:04:11.5: cannot unbind from igbvf: Device or resource busy (/sys/bus/pci/drivers/igbvf/unbind)".
 *
 * @error: the error
 * @buffer: receives the text, cut if need be, and a NUL; may be NULL if @size is 0
 * @size: the size of @buffer in bytes
 *
 * Returns: the length that the whole text has, as snprintf(). Since: 0.1
 */
size_t vfiobind_error_format(const struct vfiobind_error *error, char *buffer, size_t size);

/**
 * The word for a state: "untouched", "restored", "pending", "broken".
 *
 * Returns: a constant string; NULL for a number that is no state. Since: 0.1
 */
const char *vfiobind_state_name(enum vfiobind_state state);

/**
 * Makes any bytes fit to be shown on one line: printable ASCII but the backslash stays, newline, tab and carriage
 * return become \n, \t, \r, the backslash \\, all else \xNN.
 *
 * @text: the bytes, up to a NUL
 * @buffer: receives the text, cut between two escapes if need be, and a NUL; may be NULL if @size is 0
 * @size: the size of @buffer in bytes
 *
 * Returns: the length that the whole text has, as snprintf(). Since: 0.1
 */
size_t vfiobind_text_escape(const char *text, char *buffer, size_t size);

/* ------------------------------------------------------------------------------------------------------ context */

struct vfiobind_context;

/**
 * Makes a context. It looks at /sys, /dev and /lib/modules/<release of the running kernel>.
 *
 * @ret_context: the context; give it back with vfiobind_context_free()
 *
 * Returns: 0; -ENOMEM. Since: 0.1
 */
int vfiobind_context_new(struct vfiobind_context **ret_context);

/**
 * Frees a context. Objects that were got through it stay valid.
 *
 * Returns: NULL. Since: 0.1
 */
struct vfiobind_context *vfiobind_context_free(struct vfiobind_context *context);

/**
 * Sets where sysfs is mounted, for a caller that sees the host's elsewhere. Must precede any other use of @context.
 *
 * @path: an absolute path; copied
 *
 * Returns: 0; -EINVAL if @path is not absolute; -EBUSY if the context was used already; -ENOMEM. Since: 0.1
 */
int vfiobind_context_set_sysfs_root(struct vfiobind_context *context, const char *path);

/**
 * Sets the folder of the modules and their indexes (modules.alias …). Modules always load into the running kernel.
 *
 * @path: an absolute path, which ends in the kernel's release; copied
 *
 * Returns: 0; -EINVAL if @path is not absolute; -EBUSY if modules were looked up already; -ENOMEM. Since: 0.1
 */
int vfiobind_context_set_modules_root(struct vfiobind_context *context, const char *path);

/**
 * Sets where device nodes (vfio/…, iommu, kmsg) are looked for instead of in /dev. Paths that the library hands out
 * begin with it.
 *
 * @path: an absolute path; copied
 *
 * Returns: 0; -EINVAL if @path is not absolute; -ENOMEM. Since: 0.1
 */
int vfiobind_context_set_device_root(struct vfiobind_context *context, const char *path);

/**
 * Sets where it is written down what is on its way and what is detached, instead of in /run/vfiobind. All who work on
 * the same devices must use the same directory. It is made when it is needed; its parent must exist.
 *
 * @path: an absolute path; copied
 *
 * Returns: 0; -EINVAL if @path is not absolute; -ENOMEM. Since: 0.1
 */
int vfiobind_context_set_state_root(struct vfiobind_context *context, const char *path);

/**
 * Sets where it is looked which processes use a device and what is mounted, for a caller that sees the host's /proc
 * elsewhere.
 *
 * @path: an absolute path; copied
 *
 * Returns: 0; -EINVAL if @path is not absolute; -ENOMEM. Since: 0.1
 */
int vfiobind_context_set_proc_root(struct vfiobind_context *context, const char *path);

/**
 * Sets how long one call of a function may wait for another process that has the device's lock; and then how long for
 * the kernel; and on failure how long again, to undo what was done. The default is 30 seconds.
 *
 * @milliseconds: at least 1
 *
 * Returns: 0; -EINVAL if @milliseconds is 0. Since: 0.1
 */
int vfiobind_context_set_timeout(struct vfiobind_context *context, unsigned int milliseconds);

/* ------------------------------------------------------------------------------------------------------ actions */

/** What an action does. */
enum vfiobind_action_kind {
	VFIOBIND_ACTION_LOAD_MODULE = 1, /* loads the module @value */
	VFIOBIND_ACTION_WRITE,           /* writes @value to @path, in one write(2); "\n" clears an override */
	VFIOBIND_ACTION_WRITE_DRIVER, /* writes the name of the driver that the module @value registers to @path: known
					    only once that is loaded, so in a dry run only */
};

/** One thing that was done, or would be. */
struct vfiobind_action {
	enum vfiobind_action_kind kind;
	const char *path; /* NULL for VFIOBIND_ACTION_LOAD_MODULE */
	const char *value;
};

/**
 * Is told of an action that was tried: each store into an attribute, those that undo or repair something included, and
 * each module that was loaded.
 *
 * @data: as it was set
 * @action: valid during the call only
 * @result: 0, or the negative errno of the kernel; -ETIMEDOUT if the kernel has not finished it, -ECONNRESET if the
 * process that did it was killed
 */
typedef void (*vfiobind_observer)(void *data, const struct vfiobind_action *action, int result);

/**
 * Sets who is told of what the functions do, in the thread that calls them and right after each action. It must not use
 * @context.
 *
 * @observer: NULL for nobody, as it is at first
 * @data: handed to @observer
 *
 * Returns: 0. Since: 0.1
 */
int vfiobind_context_set_observer(struct vfiobind_context *context, vfiobind_observer observer, void *data);

/* ------------------------------------------------------------------------------------------------------ devices */

/** What kind of driver holds a device. */
enum vfiobind_driver_type {
	VFIOBIND_DRIVER_TYPE_NONE = 0,  /* no driver */
	VFIOBIND_DRIVER_TYPE_HOST,      /* the native driver */
	VFIOBIND_DRIVER_TYPE_VFIO,      /* vfio-pci or a variant driver */
	VFIOBIND_DRIVER_TYPE_XEN,       /* pciback */
	VFIOBIND_DRIVER_TYPE_USERSPACE, /* pci-stub, igb_uio, uio_pci_generic */
};

/**
 * The word for a driver type: "none", "host", "vfio", "xen", "userspace".
 *
 * Returns: a constant string; NULL for a number that is no type. Since: 0.1
 */
const char *vfiobind_driver_type_name(enum vfiobind_driver_type type);

/** Who may open a node. */
struct vfiobind_access {
	uid_t uid;
	gid_t gid;
	mode_t mode; /* the permissions: 0660 */
};

/** How user space reaches a device that is on a VFIO driver. */
struct vfiobind_vfio {
	const char *device;     /* "vfio0"; NULL before Linux 6.1 */
	const char *group_node; /* "/dev/vfio/14"; NULL if there is no such node */
	const char *cdev; /* "/dev/vfio/devices/vfio0"; NULL if the kernel has none, or the node is another device's */
	struct vfiobind_access group_access; /* of @group_node, if there is one */
	struct vfiobind_access cdev_access;  /* of @cdev, if there is one */
};

/** A process that has a VFIO device, or its group, open. */
struct vfiobind_user {
	pid_t pid;
	const char *command;
	const char *path; /* what it has open, as /proc says it */
};

/** A device of an IOMMU group. */
struct vfiobind_group_member {
	struct vfiobind_address address;
	const char *driver; /* NULL if none */
	enum vfiobind_driver_type driver_type;
	bool blocks; /* its driver keeps the group from being viable */
};

/** That a device was detached with this library, and has not been reattached. */
struct vfiobind_detached {
	const char *host_driver; /* that had it before; NULL if none or not known */
	time_t since;
};

/** That an operation on a device was not ended: it is under way, or it was killed, or the kernel still has it. */
struct vfiobind_pending {
	const char *operation; /* "detach", "reattach", "reset" … */
	pid_t pid;             /* that began it, and may have ended since */
	const char *command;   /* of that; NULL if not known */
	time_t since;
};

/** All that is known of one device, at the time it was read. */
struct vfiobind_device {
	struct vfiobind_address address;
	uint16_t vendor;
	uint16_t device;
	uint16_t subsystem_vendor;
	uint16_t subsystem_device;
	uint32_t class_code;         /* 24 bits: base class, subclass, programming interface */
	int header_type;             /* 0 endpoint, 1 bridge, 2 CardBus bridge; -1 if config space cannot be read */
	const char *modalias;        /* NULL if it cannot be read */
	const char *driver;          /* NULL if none */
	const char *module;          /* of the driver; NULL if none or built in without a name */
	const char *driver_override; /* NULL if unset */
	enum vfiobind_driver_type driver_type;
	bool variant;        /* on a VFIO driver other than vfio-pci */
	int32_t iommu_group; /* -1 if in none */
	size_t n_group_members;
	struct vfiobind_group_member *const *group_members; /* the device itself included, sorted by address */
	bool group_viable;                                  /* no other member blocks; false without a group */
	bool has_physfn;                                    /* a virtual function, of @physfn */
	struct vfiobind_address physfn;
	int32_t numvfs; /* virtual functions that exist; -1 if the device has no SR-IOV */
	size_t n_virtfns;
	const struct vfiobind_address *virtfns;
	size_t n_netdevs;
	const char *const *netdevs;
	const struct vfiobind_vfio *vfio;         /* NULL if not on a VFIO driver */
	const struct vfiobind_detached *detached; /* NULL if it is not, or nothing can be read of it */
	const char *domain;                       /* that uses it; NULL if none, or nothing can be read of it */
	bool has_parent;                          /* behind a bridge, @parent */
	struct vfiobind_address parent;
	const struct vfiobind_error *error;     /* of vfiobind_devices_read(): why it is not read in full; else NULL */
	const struct vfiobind_pending *pending; /* NULL if there is none, or only root can read whether there is */
};

/** All devices, sorted by address. */
struct vfiobind_devices {
	size_t n_devices;
	struct vfiobind_device *const *devices;
};

/**
 * Finds a device by what a person calls it: an address or node device name (vfiobind_address_parse()), or the name of
 * the network interface that it drives itself or through virtio.
 *
 * @name: the name, any length
 * @ret_address: the address of a device that exists
 *
 * Returns: 0, or with @error's code:
 * -EINVAL invalid-address; -ENODEV device-not-found; -ENOTSUP not-pci; -EIO attribute-malformed;
 * other negative errnos: sysfs-unavailable, system. Since: 0.1
 */
int vfiobind_device_find(struct vfiobind_context *context, const char *name, struct vfiobind_address *ret_address,
			 struct vfiobind_error *error);

/**
 * Lists the PCI devices of the host, sorted by address.
 *
 * @ret_addresses: an array to be freed with free(); never NULL on success
 * @ret_n_addresses: its length
 *
 * Returns: 0, or with @error's code: -ENOMEM out-of-memory; other negative errnos: sysfs-unavailable, system. Since: 0.1
 */
int vfiobind_device_list(struct vfiobind_context *context, struct vfiobind_address **ret_addresses,
			 size_t *ret_n_addresses, struct vfiobind_error *error);

/**
 * Reads all that is known of a device. Needs no privilege. Does not read sriov_numvfs, which can block for as long as
 * the device's driver does; the virtual functions are counted by their links.
 *
 * @address: the device
 * @ret_device: the device; give it back with vfiobind_device_free()
 *
 * Returns: 0, or with @error's code: -ENODEV device-not-found, device-vanished; -ENOMEM out-of-memory;
 * -EIO attribute-malformed; other negative errnos: sysfs-unavailable, attribute-unreadable, system. Since: 0.1
 */
int vfiobind_device_read(struct vfiobind_context *context, const struct vfiobind_address *address,
			 struct vfiobind_device **ret_device, struct vfiobind_error *error);

/**
 * Frees a device.
 *
 * Returns: NULL. Since: 0.1
 */
struct vfiobind_device *vfiobind_device_free(struct vfiobind_device *device);

/**
 * Reads all devices. One of which an attribute cannot be read, or not within the time-out, does not keep the others
 * from being read: its @error says what, and of its other members only those are known that need no attribute (@driver,
 * @module, @driver_type, @variant, the group, @parent, @physfn, @virtfns, @numvfs, @netdevs) and those of attributes
 * that come before driver_override, which is the last. A device that is removed meanwhile is left out.
 *
 * @ret_devices: the devices; give them back with vfiobind_devices_free()
 *
 * Returns: 0, or with @error's code: -ENOMEM out-of-memory; other negative errnos: sysfs-unavailable, system. Since: 0.1
 */
int vfiobind_devices_read(struct vfiobind_context *context, struct vfiobind_devices **ret_devices,
			  struct vfiobind_error *error);

/**
 * Frees devices, with all that is theirs.
 *
 * Returns: NULL. Since: 0.1
 */
struct vfiobind_devices *vfiobind_devices_free(struct vfiobind_devices *devices);

/* ------------------------------------------------------------------------------------------------------ drivers */

/** A driver that says of itself that it suits a device. */
struct vfiobind_candidate {
	const char *driver; /* NULL while its module is not loaded: only the kernel knows the name */
	const char *module; /* with underscores */
	const char *alias;  /* the pattern that matched; NULL for the fallback to vfio-pci */
	unsigned int line;  /* in modules.alias, from 1; 0 if it is not from there */
	unsigned int rank;  /* 1 is the best; equally specific aliases share a rank */
	bool usable;
	const char *reason; /* why, or why not */
};

/** The candidates for a device, best first, of equal rank in the order of modules.alias. */
struct vfiobind_ranking {
	struct vfiobind_address address;
	const char *modalias;                    /* of the device; NULL if it cannot be read */
	const struct vfiobind_candidate *chosen; /* one of the candidates; NULL if none is usable */
	size_t n_candidates;
	struct vfiobind_candidate *const *candidates;
	size_t n_warnings;
	const char *const *warnings;
};

/**
 * Ranks the VFIO drivers for a device: those modules whose "vfio_pci:" alias matches its modalias, the more specific
 * first (a subsystem counts more than a device, that more than a vendor, that more than a class). Of equals the first
 * line is chosen and a warning names both. Modules that are blacklisted or missing are not usable. vfio-pci is the
 * fallback, with a warning. Reads only, loads nothing.
 *
 * @address: the device
 * @ret_ranking: the ranking; give it back with vfiobind_ranking_free()
 *
 * Returns: 0, or with @error's code: -ENODEV device-not-found; -ENOMEM out-of-memory; other negative errnos:
 * sysfs-unavailable, system. An unreadable modules.alias is no error but a warning. Since: 0.1
 */
int vfiobind_driver_rank(struct vfiobind_context *context, const struct vfiobind_address *address,
			 struct vfiobind_ranking **ret_ranking, struct vfiobind_error *error);

/**
 * Frees a ranking.
 *
 * Returns: NULL. Since: 0.1
 */
struct vfiobind_ranking *vfiobind_ranking_free(struct vfiobind_ranking *ranking);

/* ------------------------------------------------------------------------------------------- detach and reattach */

/** What became of one device. */
struct vfiobind_result_device {
	struct vfiobind_address address;
	const char *from;   /* the driver before; NULL if none */
	const char *to;     /* the driver after; NULL if none, or in a dry run if only its module is known */
	const char *module; /* of @to; NULL if none or not known */
	bool variant;       /* @to is a VFIO driver other than vfio-pci */
	bool changed;       /* false: it was already so, nothing was written */
	size_t n_warnings;
	const char *const *warnings;
	const struct vfiobind_vfio *vfio; /* NULL if not on a VFIO driver, and in a dry run */
	size_t n_actions;
	struct vfiobind_action *const *actions; /* in their order */
	size_t n_netdevs;
	const char *const *netdevs; /* of a reattach: the interfaces that came back, where there were any */
};

/** What became of all devices of one call, in the order given, then the rest of their groups. */
struct vfiobind_result {
	size_t n_devices;
	struct vfiobind_result_device *const *devices;
};

/** How to detach. Zeroes are the defaults. */
struct vfiobind_detach_options {
	size_t size;        /* set by VFIOBIND_DETACH_OPTIONS_INIT */
	const char *driver; /* a driver or a module, in any spelling of - and _; NULL or "vfio": the best match */
	bool whole_group;   /* also the other endpoints of the devices' IOMMU groups; bridges are skipped */
	bool dry_run;       /* plan only: needs no privilege, writes nothing, loads nothing */
	bool force; /* what would be refused by a code that can be forced becomes a warning. The virtual functions of a
		       physical function are lost if its driver removes them; none may be in the same call */
};

#define VFIOBIND_DETACH_OPTIONS_INIT                           \
	{                                                      \
		.size = sizeof(struct vfiobind_detach_options) \
	}

/**
 * Takes devices from their drivers and gives them to a VFIO driver: all of them, or none. A device that is on the
 * wanted driver already is left alone; one that is on another VFIO driver moves.
 *
 * Writes driver_override, the present driver's unbind, and drivers_probe, and loads the driver's module if need be.
 * Success means that the driver link of each device was read back and names the wanted driver, and that the device
 * has a vfio-dev entry where the kernel has these. Nodes that the kernel has made a device for are waited for, two seconds
 * at most; that one does not come is a warning. On failure the devices are returned to their former drivers and
 * overrides, and @error's state says whether that was verified. A module that was loaded stays loaded. At the time-out
 * the kernel still has a store or a module: the state is pending, nothing is undone.
 *
 * @addresses: the devices; one that is named twice counts once
 * @n_addresses: at least 1
 * @options: NULL for the defaults
 * @ret_result: what became of them; give it back with vfiobind_result_free(); may be NULL
 *
 * Returns: 0, or with @error's code (state untouched unless said otherwise):
 * -EINVAL invalid-argument, invalid-driver-name; -ENODEV device-not-found; -ENOTSUP not-endpoint;
 * -EBUSY pf-has-vfs, netdev-in-use, block-in-use, vfio-in-use, group-in-use, used-by-domain, locked;
 * -EUCLEAN repair-needed;
 * -EPERM state-unsafe; -EBADMSG state-malformed; -ENOENT vfio-node-missing; -ENXIO no-iommu-group; -ENOENT driver-not-found, module-missing, module-has-no-driver;
 * -ENOTUNIQ driver-ambiguous; -ENOTSUP xen-driver, driver-type-unsupported; -EPERM not-vfio-driver, module-blacklisted, module-install-command;
 * -EACCES permission-denied; -EPERM lockdown; -EROFS sysfs-read-only; the kernel's errno: module-load-failed,
 * attribute-unreadable, sysfs-unavailable, system; -EIO attribute-malformed; -ENOMEM out-of-memory (any state);
 * with state restored or broken: the kernel's errno: override-failed, unbind-failed, probe-write-failed;
 * -ENODEV driver-changed, device-vanished, probe-rejected; -EINVAL probe-refused, probe-invalid; -EBUSY probe-busy,
 * pf-has-vfs; -EAGAIN probe-deferred; -EIO probe-failed, wrong-driver, vfio-device-missing; -ECONNRESET worker-killed;
 * with state untouched or pending: -ETIMEDOUT timed-out. Since: 0.1
 */
int vfiobind_device_detach(struct vfiobind_context *context, const struct vfiobind_address *addresses,
			   size_t n_addresses, const struct vfiobind_detach_options *options,
			   struct vfiobind_result **ret_result, struct vfiobind_error *error);

/** How to reattach. Zeroes are the defaults. */
struct vfiobind_reattach_options {
	size_t size;      /* set by VFIOBIND_REATTACH_OPTIONS_INIT */
	bool whole_group; /* also the other endpoints of the devices' IOMMU groups; bridges are skipped */
	bool dry_run;     /* plan only: needs no privilege, writes nothing */
};

#define VFIOBIND_REATTACH_OPTIONS_INIT                           \
	{                                                        \
		.size = sizeof(struct vfiobind_reattach_options) \
	}

/**
 * Gives devices back to their host drivers: all of them, or none. Only a device that is on a VFIO driver or on none is
 * touched (of the rest of a group, one on none only if a detach had it or its driver_override names a VFIO driver); any
 * other is left alone, and a warning says so where that may surprise. What was on no driver when it was detached is so
 * again after the first call, and gets one by a second. An override that names a VFIO driver is cleared, another one stays. That no host driver takes a device
 * is no failure but a warning: there may be none for it. So is it if an interface or disk that the device had before it
 * was detached does not come back within ten seconds.
 *
 * Writes driver_override, the VFIO driver's unbind, and drivers_probe. A device that is open is waited for until it is
 * closed; at the time-out the kernel still has the store: the state is pending, nothing is undone.
 *
 * @addresses: the devices; one that is named twice counts once
 * @n_addresses: at least 1
 * @options: NULL for the defaults
 * @ret_result: what became of them; give it back with vfiobind_result_free(); may be NULL
 *
 * Returns: 0, or with @error's code (state untouched unless said otherwise):
 * -EINVAL invalid-argument; -ENODEV device-not-found; -EACCES permission-denied; -EROFS sysfs-read-only;
 * -EBUSY used-by-domain, group-used-by-domain; -EIO attribute-malformed; the kernel's errno: attribute-unreadable,
 * sysfs-unavailable, system;
 * -ENOMEM out-of-memory (any state); with state restored or broken: the kernel's errno: override-failed,
 * unbind-failed, probe-write-failed; -ENODEV driver-changed, device-vanished; -EINVAL probe-refused;
 * -EIO override-not-cleared, still-detached; -ECONNRESET worker-killed; with state untouched or pending: -ETIMEDOUT
 * timed-out. Since: 0.1
 */
int vfiobind_device_reattach(struct vfiobind_context *context, const struct vfiobind_address *addresses,
			     size_t n_addresses, const struct vfiobind_reattach_options *options,
			     struct vfiobind_result **ret_result, struct vfiobind_error *error);

/**
 * Frees a result.
 *
 * Returns: NULL. Since: 0.1
 */
struct vfiobind_result *vfiobind_result_free(struct vfiobind_result *result);

/* -------------------------------------------------------------------------------------------------------- reset */

/** A device that was reset. */
struct vfiobind_reset {
	struct vfiobind_address address;
	const char
		*methods; /* that the kernel tried one after the other until one worked: "flr bus"; NULL before 5.15 */
	size_t n_warnings;
	const char *const *warnings;
};

/** How to reset. Zeroes are the defaults. */
struct vfiobind_reset_options {
	size_t size;        /* set by VFIOBIND_RESET_OPTIONS_INIT */
	const char *method; /* this one alone, by the kernel's name: "flr", "pm", "bus" …; NULL: as reset_method says */
	bool force;         /* what would be refused by a code that can be forced becomes a warning */
};

#define VFIOBIND_RESET_OPTIONS_INIT                           \
	{                                                     \
		.size = sizeof(struct vfiobind_reset_options) \
	}

/**
 * Resets a device that nobody uses: one that is on a VFIO driver and not open, on pci-stub, or on no driver. A VFIO
 * driver resets its device by itself when it is opened and closed.
 *
 * Writes reset; with a method, before it the method's name to reset_method, and after it what reset_method was. At the
 * time-out the kernel still has a store: the state is pending, and reset_method is put back by vfiobind_repair().
 *
 * @address: the device
 * @options: NULL for the defaults
 * @ret_reset: what was done; give it back with vfiobind_reset_free(); may be NULL
 *
 * Returns: 0, or with @error's code (state untouched unless said otherwise):
 * -EINVAL invalid-argument; -ENODEV device-not-found; -ENOTSUP not-endpoint; -ENOTTY no-reset-method; -EBUSY pf-has-vfs,
 * driver-bound, vfio-in-use, used-by-domain, locked; -EUCLEAN repair-needed; -EPERM state-unsafe; -EBADMSG state-malformed;
 * -EACCES permission-denied; -EROFS sysfs-read-only; -EIO attribute-malformed; the kernel's errno:
 * attribute-unreadable, state-unavailable, sysfs-unavailable, system; -ENOMEM out-of-memory (any state);
 * -EINVAL reset-method-refused (with another errno, state restored); with state restored or broken: the kernel's
 * errno, ENOTTY if no method worked: reset-failed; -ENODEV device-vanished; -ECONNRESET worker-killed; with state broken,
 * the device being reset: -EIO reset-method-kept; with state untouched or pending: -ETIMEDOUT timed-out. Since: 0.1
 */
int vfiobind_device_reset(struct vfiobind_context *context, const struct vfiobind_address *address,
			  const struct vfiobind_reset_options *options, struct vfiobind_reset **ret_reset,
			  struct vfiobind_error *error);

/**
 * Frees what a reset has returned.
 *
 * Returns: NULL. Since: 0.1
 */
struct vfiobind_reset *vfiobind_reset_free(struct vfiobind_reset *reset);

/* -------------------------------------------------------------------------------------------------------- SR-IOV */

/** A virtual function of a physical function. */
struct vfiobind_vf {
	unsigned int index; /* counted from 0 */
	struct vfiobind_address address;
	const char *driver; /* NULL if none */
	enum vfiobind_driver_type driver_type;
	int32_t iommu_group; /* -1 if in none */
	size_t n_netdevs;
	const char *const *netdevs;
	/* It is on a driver, or there is none that would take it, or no driver is to take it; and if it is on a host driver
	   for Ethernet and the physical function has an interface, so has it. */
	bool ready;
};

/** SR-IOV of a physical function. */
struct vfiobind_sriov {
	struct vfiobind_address address;
	const char *driver; /* of the physical function; NULL if none */
	uint32_t totalvfs;  /* virtual functions that it can have */
	uint32_t numvfs;    /* that it has */
	bool autoprobe;     /* the kernel has host drivers take them: sriov_drivers_autoprobe */
	bool changed;
	size_t n_vfs;
	struct vfiobind_vf *const *vfs;
	size_t n_warnings;
	const char *const *warnings;
};

/** Whether the kernel is to have host drivers take virtual functions. */
enum vfiobind_autoprobe {
	VFIOBIND_AUTOPROBE_KEEP = 0, /* as sriov_drivers_autoprobe is */
	VFIOBIND_AUTOPROBE_OFF,
	VFIOBIND_AUTOPROBE_ON,
};

/** How to create virtual functions. Zeroes are the defaults. */
struct vfiobind_sriov_options {
	size_t size; /* set by VFIOBIND_SRIOV_OPTIONS_INIT */
	enum vfiobind_autoprobe autoprobe;
	bool force; /* what would be refused by a code that can be forced becomes a warning */
};

#define VFIOBIND_SRIOV_OPTIONS_INIT                           \
	{                                                     \
		.size = sizeof(struct vfiobind_sriov_options) \
	}

/**
 * Reads what a physical function has of SR-IOV. Needs no privilege. Waits for the function's driver while that is bound,
 * unbound, or creates or removes virtual functions.
 *
 * @address: the physical function
 * @ret_sriov: what there is; give it back with vfiobind_sriov_free()
 *
 * Returns: 0, or with @error's code: -EINVAL invalid-argument; -ENODEV device-not-found, device-vanished;
 * -ENOTSUP no-sriov; -EIO attribute-malformed; -ETIMEDOUT timed-out; -ENOMEM out-of-memory; other negative errnos:
 * sysfs-unavailable, attribute-unreadable, system. Since: 0.1
 */
int vfiobind_sriov_read(struct vfiobind_context *context, const struct vfiobind_address *address,
			struct vfiobind_sriov **ret_sriov, struct vfiobind_error *error);

/** For vfiobind_sriov_set(): as many virtual functions as there are. */
#define VFIOBIND_NUMVFS_KEEP UINT32_MAX

/**
 * Gives a physical function as many virtual functions as asked for, and waits until they are ready, or the time-out: one
 * that is not ready then is no failure but a warning, as is one that was there already and is not ready, which is not
 * waited for. Linux cannot change one number into another: it goes through 0, and
 * all virtual functions that there are go too, whatever they are used for. So each is looked at before: it must not be
 * detached or on any driver that is not a host driver, its interface not up, its disk not in use, nobody may have it open.
 *
 * Writes sriov_drivers_autoprobe if that is to be changed, which stays so; then sriov_numvfs, 0 first if there are virtual
 * functions. If they cannot be created, as many as there were are created again, with autoprobe as it was: what was set
 * on them, their MAC addresses say, is lost. At the time-out the kernel still has a store: the state is pending, and
 * vfiobind_repair() finishes or undoes it.
 *
 * @address: the physical function
 * @numvfs: how many; 0 for none; VFIOBIND_NUMVFS_KEEP to change only what the options say
 * @options: NULL for the defaults
 * @ret_sriov: what there is now; give it back with vfiobind_sriov_free(); may be NULL
 *
 * Returns: 0, or with @error's code (state untouched unless said otherwise):
 * -EINVAL invalid-argument; -ENODEV device-not-found; -ENOTSUP no-sriov; -ERANGE too-many-vfs; -ENOENT sriov-unsupported
 * (state restored if only the kernel finds it out, and something was written before); -EBUSY vf-detached, vfio-in-use,
 * netdev-in-use, block-in-use, locked;
 * -EUCLEAN repair-needed; -EPERM state-unsafe; -EBADMSG state-malformed; -EACCES permission-denied;
 * -EROFS sysfs-read-only; -EIO attribute-malformed; the kernel's errno: attribute-unreadable, state-unavailable,
 * sysfs-unavailable, system; -ENOMEM out-of-memory (any state); with state restored or broken: the kernel's errno:
 * autoprobe-failed, numvfs-failed; -EIO numvfs-differs; -ENODEV device-vanished; -ECONNRESET worker-killed; with state
 * untouched or pending: -ETIMEDOUT timed-out. Since: 0.1
 */
int vfiobind_sriov_set(struct vfiobind_context *context, const struct vfiobind_address *address, uint32_t numvfs,
		       const struct vfiobind_sriov_options *options, struct vfiobind_sriov **ret_sriov,
		       struct vfiobind_error *error);

/**
 * Frees what was read of SR-IOV.
 *
 * Returns: NULL. Since: 0.1
 */
struct vfiobind_sriov *vfiobind_sriov_free(struct vfiobind_sriov *sriov);

/* ---------------------------------------------------------------------------------------------------- domains */

/** What a device is to a domain. */
enum vfiobind_hostdev_kind {
	VFIOBIND_HOSTDEV_KIND_HOSTDEV = 0, /* libvirt's <hostdev> */
	VFIOBIND_HOSTDEV_KIND_INTERFACE,   /* libvirt's <interface type='hostdev'> */
	VFIOBIND_HOSTDEV_KIND_NVME,        /* libvirt's <disk type='nvme'>, all namespaces of a controller */
};

/** Room for the name of a domain, and its NUL. */
#define VFIOBIND_DOMAIN_SIZE 256

/** A device that a domain wants. */
struct vfiobind_hostdev {
	size_t size; /* set by VFIOBIND_HOSTDEV_INIT */
	struct vfiobind_address address;
	enum vfiobind_hostdev_kind kind;
	bool managed; /* true: it is taken from its host driver, and given back; false: it must be on a VFIO driver */
	const char *driver_name;  /* NULL or "vfio"; "kvm" and "xen" are refused */
	const char *driver_model; /* if managed, a driver or a module, in any spelling; NULL: the best match */
};

#define VFIOBIND_HOSTDEV_INIT                           \
	{                                               \
		.size = sizeof(struct vfiobind_hostdev) \
	}

/** Whose devices they are, and how they are got. */
struct vfiobind_hostdev_options {
	size_t size;        /* set by VFIOBIND_HOSTDEV_OPTIONS_INIT */
	const char *domain; /* required: up to 255 bytes without control characters, the same at prepare and release */
	bool force;         /* as in struct vfiobind_detach_options; of no meaning to vfiobind_hostdev_release() */
};

#define VFIOBIND_HOSTDEV_OPTIONS_INIT                           \
	{                                                       \
		.size = sizeof(struct vfiobind_hostdev_options) \
	}

/**
 * Gets a domain's devices ready before it starts: all of them, or none. Until vfiobind_hostdev_release() it is written
 * down that the domain uses them, for all processes to see: no other call takes such a device, nor detaches, reattaches
 * or gives it to the host, whoever makes it.
 *
 * A managed device is detached as by vfiobind_device_detach(). An unmanaged one must be on vfio-pci, or on a driver for
 * which it has a vfio-dev entry, and is left as it is; nothing is written to sysfs for it. All that speaks against a
 * detach speaks against either. Of a device's IOMMU group no other domain may use a device, and no host driver have one
 * that is not in the same call.
 *
 * Nothing is reset. A VFIO driver has the kernel reset a function when it is opened (vfio_pci_core_enable()), by the
 * same methods as the attribute `reset` does; and each device is on a VFIO driver when this returns.
 *
 * @devices: an array, whose elements have the size that the first one says; no device twice
 * @n_devices: 0 is possible: a domain may have none
 * @options: the domain
 * @ret_result: what became of the devices, in their order; give it back with vfiobind_result_free(); may be NULL
 *
 * Returns: 0, or with @error's code (state untouched): -EINVAL invalid-argument; -EBUSY used-by-domain,
 * group-used-by-domain; -EPERM not-detached; -ENOTSUP xen-driver, driver-type-unsupported; or as
 * vfiobind_device_detach(). Since: 0.1
 */
int vfiobind_hostdev_prepare(struct vfiobind_context *context, const struct vfiobind_hostdev *devices, size_t n_devices,
			     const struct vfiobind_hostdev_options *options, struct vfiobind_result **ret_result,
			     struct vfiobind_error *error);

/**
 * Takes a domain's devices back after its end: all of them, or none. What the domain does not use, is left alone, with a
 * warning; so is what was detached already when the domain got it. What was detached for the domain goes back as by
 * vfiobind_device_reattach(). A device that was removed meanwhile is forgotten.
 *
 * What goes back to a host driver is reset before, where it has the attribute `reset`. A VFIO driver does so when the
 * function is closed, but not if another has the lock of the function or of its bridge just then
 * (vfio_pci_core_disable()), as when two guests end at once; and then nobody does, for who opens it next is no VFIO
 * driver. That it cannot be reset is no failure but a warning.
 *
 * @devices: an array, whose elements have the size that the first one says; no device twice. Only their addresses matter
 * @n_devices: 0 is possible
 * @options: the domain
 * @ret_result: what became of the devices, in their order; give it back with vfiobind_result_free(); may be NULL
 *
 * Returns: 0, or with @error's code (state untouched): -EINVAL invalid-argument; -EBUSY vfio-in-use,
 * group-used-by-domain; or as vfiobind_device_reattach(). Since: 0.1
 */
int vfiobind_hostdev_release(struct vfiobind_context *context, const struct vfiobind_hostdev *devices, size_t n_devices,
			     const struct vfiobind_hostdev_options *options, struct vfiobind_result **ret_result,
			     struct vfiobind_error *error);

/* ------------------------------------------------------------------------------------------------------- repair */

/** What became of a device whose operation had not ended, or of what was written down of it. */
enum vfiobind_repair_outcome {
	VFIOBIND_REPAIR_FINISHED = 1, /* the operation is done now */
	VFIOBIND_REPAIR_UNDONE,       /* the device is as it was before the operation */
	VFIOBIND_REPAIR_FORGOTTEN,    /* what was written down is of another device, boot or time: it is removed */
	VFIOBIND_REPAIR_LEFT,         /* another process has changed the device: it is left alone and forgotten */
	VFIOBIND_REPAIR_PENDING,      /* a process or the kernel still works on it: later */
	VFIOBIND_REPAIR_FAILED,       /* neither was possible: what was written down stays */
	VFIOBIND_REPAIR_MALFORMED,    /* what was written down cannot be used: it stays */
};

/**
 * The word for an outcome: "finished", "undone", "forgotten", "left", "pending", "failed", "malformed".
 *
 * Returns: a constant string; NULL for a number that is no outcome. Since: 0.1
 */
const char *vfiobind_repair_outcome_name(enum vfiobind_repair_outcome outcome);

/** One device that was looked at. */
struct vfiobind_repaired {
	struct vfiobind_address address;
	const char *operation; /* what had not ended: "detach", "reattach", "reset" …; NULL if nothing is known of it */
	enum vfiobind_repair_outcome outcome;
	const char *driver;          /* that it is on now; NULL if none or not known */
	const char *driver_override; /* that it has now; NULL if unset or not known */
	const char *note;            /* why, or who is in the way; NULL if there is nothing to say */
};

/** All devices that something was to be done for, sorted by address. */
struct vfiobind_repairs {
	size_t n_devices;
	struct vfiobind_repaired *const *devices;
};

/** How to repair. Zeroes are the defaults. */
struct vfiobind_repair_options {
	size_t size;  /* set by VFIOBIND_REPAIR_OPTIONS_INIT */
	bool dry_run; /* only say what would become of them; needs no privilege but to read the journals */
};

#define VFIOBIND_REPAIR_OPTIONS_INIT                           \
	{                                                      \
		.size = sizeof(struct vfiobind_repair_options) \
	}

/**
 * Finishes or undoes what a crash or a time-out has left: a detach or prepare is finished if the kernel has finished it,
 * and undone else, and so are virtual functions; a reattach or release is finished, or else undone; after a reset,
 * reset_method is put back. What another process has made of a device meanwhile is not touched. An operation that a
 * process or the kernel is still busy with is waited for until the time-out.
 *
 * @options: NULL for the defaults
 * @ret_repairs: what became of the devices; give it back with vfiobind_repairs_free(); may be NULL
 *
 * Returns: 0, also where devices are pending, failed or malformed; or with @error's code: -EPERM state-unsafe;
 * -EACCES permission-denied; -ENOMEM out-of-memory; other negative errnos: state-unavailable, sysfs-unavailable.
 * Since: 0.1
 */
int vfiobind_repair(struct vfiobind_context *context, const struct vfiobind_repair_options *options,
		    struct vfiobind_repairs **ret_repairs, struct vfiobind_error *error);

/**
 * Frees what a repair has returned.
 *
 * Returns: NULL. Since: 0.1
 */
struct vfiobind_repairs *vfiobind_repairs_free(struct vfiobind_repairs *repairs);

/* --------------------------------------------------------------------------------------------------------- host */

/** One thing that assigning devices needs, or may use. */
struct vfiobind_check {
	const char *check; /* a stable name, such as "iommu-groups" */
	bool ok;
	bool required;     /* false: only good to know */
	const char *found; /* what was found */
	const char *hint;  /* what to do; NULL if ok */
};

/** The state of the host. */
struct vfiobind_report {
	bool ok; /* all that is required is there */
	size_t n_checks;
	struct vfiobind_check *const *checks;
};

/**
 * Looks whether the host can assign devices. Reads only, loads nothing. What is missing is no error but a check that
 * is not ok.
 *
 * @ret_report: the report; give it back with vfiobind_report_free()
 *
 * Returns: 0; -ENOMEM with @error's code out-of-memory. Since: 0.1
 */
int vfiobind_host_check(struct vfiobind_context *context, struct vfiobind_report **ret_report,
			struct vfiobind_error *error);

/**
 * Frees a report.
 *
 * Returns: NULL. Since: 0.1
 */
struct vfiobind_report *vfiobind_report_free(struct vfiobind_report *report);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
