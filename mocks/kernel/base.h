/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The model's insides, shared by its files only: the kernel, its locks, kobjects, nodes, devices, drivers. */
#pragma once

#include "kernel/kernel.h"
#include "kernel/kernfs.h"
#include "kernel/machine.h"
#include "kernel/profile.h"
#include "kernel/step.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/types.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof(*(a)))
#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))
#define EPROBE_DEFER 517

struct kobject;
struct device;
struct device_driver;
struct module;

/* ---- allocation: the model cannot go on without memory ---- */
void *xcalloc(size_t size);
char *xstrdup(const char *text);
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- locks (lock.c) ---- */

/* A lock of the modelled kernel. First come, first served, so that the order of waiters is part of the model's state. */
struct mutex {
	unsigned long next_ticket, serving;
};

/* Both drop the model lock while they wait. 0, or the abort's -errno (then the lock is not held). */
int mutex_lock(struct kernel *k, struct mutex *mutex);
void mutex_unlock(struct kernel *k, struct mutex *mutex);
/* Waits until @ready(@argument), which others may ask too: 0, or the abort's -errno. */
int kernel_wait_for(struct kernel *k, bool (*ready)(const void *argument), const void *argument);
/* Waits until @deadline: 0, or the abort's -errno. */
int kernel_wait_until(struct kernel *k, const struct timespec *deadline);
/* Something is now otherwise that somebody may wait for. */
void kernel_changed(struct kernel *k);
/* A store or a show that may wait, begun and ended: reset waits for them. */
void kernel_operation_begin(struct kernel *k);
void kernel_operation_end(struct kernel *k);
/* It was begun by another thread, for this one to end. */
void kernel_operation_adopt(void);
/* Ends every wait with @error until abort_error is cleared, and waits until no operation but the caller's own is left. */
void kernel_finish_operations(struct kernel *k, int error);
const struct client *kernel_client(void);

/* ---- nodes (kernfs.c) ---- */

enum attribute_flags {
	ATTRIBUTE_STATIC = 1 << 0,       /* there whenever its directory is */
	ATTRIBUTE_SHOW_WAITS = 1 << 1,   /* show takes a modelled lock */
	ATTRIBUTE_STORE_INLINE = 1 << 2, /* store never waits */
	ATTRIBUTE_CONTROL =
		1 << 3, /* of the fake itself: passes no steps, or a rule could hold the file that releases */
	ATTRIBUTE_CONSTANT = 1 << 4, /* show says the same for as long as the attribute is there, as `text` does */
};

struct attribute {
	const char *name;
	mode_t mode;
	ssize_t (*show)(struct kobject *kobj, const struct attribute *attr, char *buffer); /* 4096 bytes */
	ssize_t (*store)(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count);
	/* Binary attributes have these instead; the size is given when the node is made. */
	ssize_t (*read)(struct kobject *kobj, const struct attribute *attr, char *buffer, size_t size, off_t offset);
	ssize_t (*write)(struct kobject *kobj, const struct attribute *attr, const char *data, size_t size,
			 off_t offset);
	bool (*visible)(struct kobject *kobj);
	const char *text; /* instead of show: always this */
	int index;        /* which of several alike */
	unsigned flags;
	/* Text of any length, malloc'd, for control files and /proc: instead of show. */
	char *(*show_long)(struct kobject *kobj, const struct attribute *attr);
	/* Instead of store: gets the whole write, however long. */
	ssize_t (*store_long)(struct kobject *kobj, const struct attribute *attr, const char *data, size_t size);
	int (*open)(struct kobject *kobj, int flags); /* may refuse */
	dev_t number;                                 /* of a character device; 0: it is none */
	void (*release)(struct kobject *kobj);
	const struct stream *stream; /* instead of all that reads and writes */
};

/* A file in which each open file has a state of its own, and offsets mean nothing. */
struct stream {
	void *(*open)(struct kobject *kobj);
	void (*release)(void *state);
	ssize_t (*write)(struct kobject *kobj, void *state, const char *data, size_t size);
	ssize_t (*read)(struct kobject *kobj, void *state, char *buffer, size_t size);
};

#define PAGE 4096

int kernfs_init(struct kernel *k);
void kernfs_exit(struct kernel *k);
struct kernfs_node *kernfs_add_dir(struct kernfs_node *parent, const char *name, struct kobject *kobj);
/* The child directory, made when missing. @path may have several parts. */
struct kernfs_node *kernfs_get_dir(struct kernfs_node *parent, const char *path);
struct kernfs_node *kernfs_add_link(struct kernfs_node *parent, const char *name, struct kernfs_node *target);
struct kernfs_node *kernfs_add_attr(struct kernfs_node *parent, struct kobject *kobj, const struct attribute *attr);
/* A copy of @attr belongs to the node: for names made at run time. */
struct kernfs_node *kernfs_add_attr_copy(struct kernfs_node *parent, struct kobject *kobj, const struct attribute *attr,
					 const char *name);
struct kernfs_node *kernfs_add_bin(struct kernfs_node *parent, struct kobject *kobj, const struct attribute *attr,
				   const char *name, size_t size);
/* For a file that grows: what stat says of its size. */
void kernfs_set_size(struct kernfs_node *node, size_t size);
struct kernfs_node *kernfs_add_blob(struct kernfs_node *parent, const char *name, const void *data, size_t size,
				    mode_t mode);
void kernfs_add_attrs(struct kernfs_node *parent, struct kobject *kobj, const struct attribute *attrs, size_t n);
void kernfs_remove_attrs(struct kernfs_node *parent, const struct attribute *attrs, size_t n);
/* Removes a node and all below. A file's removal waits for the stores and shows that run in it (drops the model lock). */
void kernfs_remove(struct kernfs_node *node);
/* The same for the file whose store is calling. */
void kernfs_remove_self(struct kernfs_node *node);
void kernfs_remove_by_name(struct kernfs_node *parent, const char *name);
void kernfs_set_static(struct kernfs_node *node);
/* Survives kernel_reset(), with all its parents. */
void kernfs_set_permanent(struct kernfs_node *node);
void kernfs_remove_impermanent(struct kernfs_node *root);
struct kernfs_node *kernfs_get(struct kernfs_node *node);
void kernfs_put(struct kernfs_node *node);

/* ---- objects and their events (kobject.c) ---- */

struct kobject {
	struct kernel *k;
	unsigned refs;
	void (*release)(struct kobject *kobj);
	struct kernfs_node *node; /* its directory */
};

void kobject_init(struct kobject *kobj, struct kernel *k, void (*release)(struct kobject *));
struct kobject *kobject_get(struct kobject *kobj);
void kobject_put(struct kobject *kobj);

struct uevent {
	char text[2048];
	size_t size;
};

__attribute__((format(printf, 2, 3))) void uevent_key(struct uevent *uevent, const char *format, ...);
/* Emits one event of the object at @node. @add_keys may be NULL. @extra: caller's keys, before the rest ("SYNTH_UUID=0"), may be NULL. */
void kobject_uevent(struct kernel *k, struct kernfs_node *node, const char *action, const char *subsystem,
		    const char *const *extra, void (*add_keys)(void *object, struct uevent *uevent), void *object);
/* A store on a `uevent` file: parses the action and its synthetic keys, then emits. count or -EINVAL. */
ssize_t uevent_store_common(struct kernel *k, struct kernfs_node *node, const char *subsystem, const char *buffer,
			    size_t count, void (*add_keys)(void *object, struct uevent *uevent), void *object);

/* ---- devices (core.c) ---- */

struct class_type {
	const char *name;
	struct kernfs_node *node; /* /sys/class/NAME */
	bool with_glue;           /* devices below a parent sit in a directory named after the class */
};

struct device {
	struct kobject kobj;
	char *name;
	struct device *parent;
	struct class_type *class; /* NULL: on the PCI bus */
	void (*add_keys)(void *object, struct uevent *uevent);
	struct kernfs_node *glue;
	struct kernfs_node *devnode;
	unsigned major, minor;
	const char *devname; /* "vfio/6"; NULL: no number */
	const char *devmode;
	char devname_text[48];
	/* Of its node: may refuse, may not wait. Each close is for an open that succeeded. NULL: anybody may, it means nothing. */
	int (*open_node)(struct device *device);
	void (*close_node)(struct device *device);
	bool no_power; /* device_set_pm_not_required() */
	bool quiet;    /* no events of it: dev_set_uevent_suppress() */
	bool is_block; /* its number is a block device's */
	void *data;

	/* of PCI devices only */
	struct device_driver *driver;
	struct mutex lock; /* D */
	char *driver_override;
	bool dead;
	bool registered;
	bool deferred; /* on the list of those whose probe is to be tried again */
	TAILQ_ENTRY(device) on_deferred;
	TAILQ_ENTRY(device) on_bus;
	TAILQ_ENTRY(device) on_driver;
};

/* The class NAME, made (with its uevent) when missing. */
struct class_type *class_get(struct kernel *k, const char *name);
void class_remove(struct kernel *k, const char *name);
/*
 * A class device of its own: directory below @parent (or devices/virtual/CLASS), `uevent`, `subsystem`, `device`, `dev`,
 * `power/`, @attrs, the class link, the device node, then its add event. @device is zeroed but for what the caller set.
 */
void class_device_add(struct kernel *k, struct device *device, struct class_type *class, struct device *parent,
		      const char *name, const struct attribute *attrs, size_t n_attrs);
/* The reverse, its remove event before the directory goes. Drops the caller's reference. */
void class_device_remove(struct kernel *k, struct device *device);
void device_uevent(struct kernel *k, struct device *device, const char *action);
/* Its directory power/ (pci-power.c). */
void power_add_class_device(struct device *device);
void device_uevent_keys(void *object, struct uevent *uevent);
/* A node below /dev ("vfio/6"), or NULL when there is one of that name. */
struct kernfs_node *devnode_add(struct kernel *k, const char *path, mode_t mode, dev_t number, struct kobject *kobj);

/* ---- drivers (bus.c, dd.c) ---- */

struct dynamic_id {
	TAILQ_ENTRY(dynamic_id) list;
	struct pci_device_id id;
};

struct device_driver {
	struct kobject kobj;
	const struct driver_desc *desc;
	struct module *module;
	TAILQ_HEAD(device_on_driver, device) devices; /* in order of binding */
	TAILQ_HEAD(, dynamic_id) dynamic_ids;
	bool registered;
	unsigned probes; /* running */
	TAILQ_ENTRY(device_driver) on_bus;
};

struct bus_type {
	struct kobject kobj;
	struct kernfs_node *devices, *drivers;
	TAILQ_HEAD(device_on_bus, device) device_list;
	TAILQ_HEAD(, device_driver) driver_list;
	bool drivers_autoprobe;
};

void bus_init(struct kernel *k);
struct device *bus_find_device(struct kernel *k, const char *name); /* sysfs_streq; a new reference or NULL */
void bus_add_driver(struct kernel *k, struct device_driver *driver);
int bus_remove_driver(struct kernel *k, struct device_driver *driver);

/* dd.c: names and return values as in the kernel's drivers/base/dd.c */
int device_driver_attach(struct device_driver *driver, struct device *device);
/* Both fail only when an abort ends their wait: then what is bound stays so, for the one who aborts to clear away. */
int device_release_driver(struct device *device);
int device_attach(struct device *device);
void driver_attach(struct device_driver *driver);
int driver_detach(struct device_driver *driver);
int device_lock(struct device *device);
void device_unlock(struct device *device);
/* Tries the deferred devices again, if something was bound since: what the kernel does from a work queue. */
void deferred_probe_work(struct kernel *k);
void deferred_probe_remove(struct device *device);
/* debugfs' devices_deferred (malloc'd). */
char *deferred_probe_text(struct kernel *k);
/* What the kernel does by itself, after the store or the load that asked for it: @run in the order of asking. */
void kernel_queue_work(struct kernel *k, struct device *device, struct device_driver *driver,
		       void (*run)(struct device *device, struct device_driver *driver));
void kernel_run_works(struct kernel *k);
/* Binds without asking whether it matches: how the machine comes up. */
int device_bind_at_boot(struct device *device, struct device_driver *driver);

struct work {
	STAILQ_ENTRY(work) list;
	struct device *device;
	struct device_driver *driver;
	void (*run)(struct device *device, struct device_driver *driver);
};

/* ---- modules (module.c) ---- */

enum module_state { MODULE_COMING, MODULE_LIVE, MODULE_GOING };

struct module {
	struct kobject kobj;
	const struct module_desc *desc;
	enum module_state state;
	unsigned users; /* references beside holders: open VFIO devices */
	struct kernfs_node *holders, *drivers;
	char (*parameter_values)[32];
	TAILQ_ENTRY(module) list;
};

struct module *module_find(struct kernel *k, const char *name);
/* module-parameters.c: of a module that comes, `NAME=VALUE ...` */
void module_add_parameters(struct module *module);
bool module_parameters_valid(struct kernel *k, const struct module_desc *desc, const char *text);
void module_set_parameters(struct kernel *k, struct module *module, const char *text);
/* A boolean one, if it has one of that name. */
bool module_parameter_is_set(const struct module *module, const char *name);
void module_boot(struct kernel *k);
void module_exit(struct kernel *k);
bool name_equal_dashes(const char *a, const char *b); /* '-' and '_' are the same */

/* ---- the kernel's log (printk.c) ---- */

enum log_level { LOG_LEVEL_ERR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_INFO = 6 };

struct log_record {
	STAILQ_ENTRY(log_record) list;
	size_t start, size; /* of the text in the log, as /dev/kmsg gives it */
	char text[];
};

/* pr_warn() and the like. */
__attribute__((format(printf, 3, 4))) void kernel_log(struct kernel *k, enum log_level level, const char *format, ...);
/* dev_err() and the like: `DRIVER DEVICE: MESSAGE`. */
__attribute__((format(printf, 4, 5))) void device_log(struct kernel *k, const struct device *device,
						      enum log_level level, const char *format, ...);
void log_init(struct kernel *k);
void log_clear(struct kernel *k);

/* ---- the kernel ---- */

struct background;
struct iommu_group;
struct pci_dev;
struct pci_slot;
struct vfio_device;
struct inode_table;

struct uevent_message {
	STAILQ_ENTRY(uevent_message) list;
	size_t size;
	char text[];
};

struct kernel {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int abort_error; /* not 0: every wait ends with this */
	unsigned operations;
	bool booting; /* no trace, no events, no rules */

	const struct machine *machine;
	struct profile profile;
	struct kernel_host host;

	struct kernfs_node *root, *sys;
	struct inode_table *inodes;
	const struct kernfs_watcher *watcher; /* of the tree; NULL: none */
	struct step_state *steps;
	struct kobject self; /* owns control files and the like */

	STAILQ_HEAD(, uevent_message) uevents;
	size_t n_uevents;

	STAILQ_HEAD(, log_record) log;
	size_t log_size;
	unsigned log_sequence;
	TAILQ_HEAD(, device) deferred;
	bool deferred_trigger;
	STAILQ_HEAD(, work) works;

	struct bus_type pci_bus;
	char resource_alignment[PAGE];
	struct device *vfio_misc;   /* /dev/vfio/vfio */
	struct mutex rescan_remove; /* R */
	pthread_t rescan_owner;
	unsigned rescan_depth;
	TAILQ_HEAD(module_list, module) modules;
	struct class_type classes[24];
	size_t n_classes;
	TAILQ_HEAD(, iommu_group) groups;

	/* numbers in use; the lowest free one is taken */
	uint64_t vfio_minors[16], vfio_indexes[16], eth_names[16], ptp_names[16];
	uint64_t wakeup_names[16], irqs[64];
	uint64_t nvme_names[16], hwmon_names[16], block_minors[16];
	unsigned disk_sequence; /* never used again */
	unsigned next_ifindex;
	TAILQ_HEAD(pci_slots, pci_slot) slots; /* by address */
	uint64_t next_plugged[3]; /* where a function that is plugged in gets its memory, by enum pci_window_kind */
	TAILQ_HEAD(, background) backgrounds;
	TAILQ_HEAD(, vfio_group) vfio_groups;
	struct mutex vfio_group_lock;
	bool vfio_never_idles; /* disable_idle_d3, when vfio-pci was loaded */
};

int number_take(uint64_t *bits, size_t words);
void number_release(uint64_t *bits, int number);

/* parsing as in the kernel's lib/kstrtox.c */
int kstrtoull(const char *text, unsigned long long *ret);
int kstrtobool(const char *text, bool *ret);
bool sysfs_streq(const char *a, const char *b);

void control_init(struct kernel *k);
/* Past the rules, or one could hide that its successor is refused: the trace gets a line for control file @file. -@error. */
int control_refuse(struct kernel *k, const char *file, const char *value, int error, const char *why);
extern const struct stream watch_stream; /* the control file `wait` */
void proc_init(struct kernel *k);
