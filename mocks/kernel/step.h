/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Steps: everything that a client could see, or the kernel decide, passes step(). A step does nothing by itself; the
 * trace, the fault rules and (later) schedules hang on it, and nothing else in the model knows of them.
 */
#pragma once

#include "kernel/kernel.h"

/* X(enumerator, stable name, a rule may delay or hold it, a rule may make it fail) */
#define STEPS(X)                                                 \
	X(SYS_OPEN, "sys.open", false, true)                     \
	X(SYS_READ, "sys.read", true, true)                      \
	X(SYS_WRITE, "sys.write", true, true)                    \
	X(SYS_RETURN, "sys.return", true, true)                  \
	X(DD_MATCH, "dd.match", true, false)                     \
	X(DD_LOCK, "dd.lock", true, true)                        \
	X(DD_DMA_CONFIGURE, "dd.dma-configure", true, true)      \
	X(DD_LINK_DRIVER, "dd.link-driver", true, false)         \
	X(DD_PROBE, "dd.probe", true, true)                      \
	X(DD_PROBED, "dd.probed", true, true)                    \
	X(DD_UEVENT_BIND, "dd.uevent-bind", true, false)         \
	X(DD_UNLINK_DRIVER, "dd.unlink-driver", true, false)     \
	X(DD_REMOVE, "dd.remove", true, false)                   \
	X(DD_UEVENT_UNBIND, "dd.uevent-unbind", true, false)     \
	X(DRIVER_ADD, "bus.add-driver", true, false)             \
	X(DRIVER_REMOVE, "bus.remove-driver", true, false)       \
	X(NET_ADD, "net.add-device", true, true)                 \
	X(NET_REMOVE, "net.remove-device", true, false)          \
	X(NVME_ADD, "nvme.add-controller", true, true)           \
	X(NVME_REMOVE, "nvme.remove-controller", true, false)    \
	X(VFIO_ADD_GROUP, "vfio.add-group", true, true)          \
	X(VFIO_ADD_DEVICE, "vfio.add-device", true, true)        \
	X(VFIO_REMOVE_DEVICE, "vfio.remove-device", true, false) \
	X(VFIO_OPEN, "vfio.open", false, true)                   \
	X(VFIO_CLOSE, "vfio.close", false, false)                \
	X(VFIO_WAIT_USERS, "vfio.wait-users", true, false)       \
	X(VFIO_REMOVE_GROUP, "vfio.remove-group", true, false)   \
	X(MODULE_LOAD, "module.load", true, true)                \
	X(MODULE_LIVE, "module.live", true, false)               \
	X(MODULE_UNLOAD, "module.unload", true, true)            \
	X(PCI_OVERRIDE, "pci.driver-override", true, true)       \
	X(PCI_ADD_ID, "pci.add-id", true, true)                  \
	X(PCI_REMOVE_ID, "pci.remove-id", true, false)           \
	X(PCI_ADD_DEVICE, "pci.add-device", true, true)          \
	X(PCI_REMOVE_DEVICE, "pci.remove-device", true, false)   \
	X(PCI_PLUG, "pci.plug", true, false)                     \
	X(PCI_UNPLUG, "pci.unplug", true, false)                 \
	X(PCI_RESCAN, "pci.rescan", true, false)                 \
	X(PCI_LOCK, "pci.lock-rescan-remove", true, false)       \
	X(PCI_RESET, "pci.reset", true, true)                    \
	X(PCI_ENABLE, "pci.enable", true, true)                  \
	X(IOV_ENABLE, "iov.enable", true, true)                  \
	X(IOV_DISABLE, "iov.disable", true, false)               \
	X(IOV_ADD_VF, "iov.add-vf", true, true)                  \
	X(IOV_REMOVE_VF, "iov.remove-vf", true, false)           \
	X(KOBJ_UEVENT, "kobj.uevent", true, false)

enum step_id {
#define X(id, name, waits, fails) STEP_##id,
	STEPS(X)
#undef X
		STEP_COUNT
};

/* Every string may be NULL; they are copied. */
struct step_args {
	const char *device;
	const char *driver;
	const char *module;
	const char *path;
	const char *action; /* of a uevent */
	const char *value;  /* what was written, what was chosen */
	long result;        /* the decision so far: 0, a count, or -errno */
	const char *why;    /* why it is a refusal: the kernel never says */
};

/*
 * Passes a step: records it and applies the fault rules. Drops the model lock while a rule makes it wait.
 * Returns args->result, or the -errno of a rule (also -EIO, -ENODEV when the wait was aborted).
 */
long step(struct kernel *k, enum step_id id, const struct step_args *args);
#define STEP(k, id, ...) step((k), STEP_##id, &(struct step_args){__VA_ARGS__})

/* Notes why the store that runs on this thread is about to fail, where no step says it; sys.return will. */
void step_note_reason(const char *why);
/* For the file that calls a store: what has been noted since it was forgotten, or NULL. */
const char *step_reason(void);
void step_forget_reason(void);
static inline int refused(int error, const char *why)
{
	step_note_reason(why);
	return -error;
}
/* Reasons that many have. */
extern const char step_no_number[], step_no_bool[], step_not_root[];
extern const char step_aborted[]; /* the reason for whatever a reset, or the server's end, cuts short */

const char *step_name(enum step_id id);
const char *errno_name(int error); /* "ENODEV"; NULL when it has no name here */
int errno_parse(const char *name); /* positive errno, or 0 */

struct step_state;
struct step_state *step_state_new(void);
void step_state_free(struct step_state *state);
/* Whether a rule could make a read or write of a file wait. */
bool step_has_rules(struct kernel *k);
char *step_trace_text(struct kernel *k); /* malloc'd */
void step_trace_clear(struct kernel *k);
char *step_rules_text(struct kernel *k); /* malloc'd */
/* Adds the rules in @text, one a line ("clear" removes all). 0, or -EINVAL and no rule added; the trace says why. */
int step_rules_parse(struct kernel *k, const char *text);
void step_rules_clear(struct kernel *k);
/* The same, but kernel_unfired_rules() will still name those that never fired. */
void step_rules_reset(struct kernel *k);
/* The steps that rules hold, one a line: `ID ACTOR STEP key=value…` (malloc'd). */
char *step_held_text(struct kernel *k);
/* Lets a held step go. 0, or -ENOENT when no step of that id is held. */
int step_release(struct kernel *k, unsigned long id);
