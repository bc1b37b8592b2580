/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What differs between kernel versions, as independent switches: each is a row of the table in profile.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* X(member, name in fixtures, 5.10, 5.19, 6.1, 6.6, 6.12, 7.2, what it means when true) */
#define PROFILE_SWITCHES(X)                                                                                            \
	X(bind_bound_ebusy, "bind-bound-ebusy", 0, 1, 1, 1, 1, 1, "bind of a bound device: EBUSY, not ENODEV")         \
	X(bind_passes_errno, "bind-passes-errno", 0, 1, 1, 1, 1, 1, "bind returns the probe's errno, not ENODEV")      \
	X(new_id_checks_dynamic, "new-id-checks-dynamic", 0, 1, 1, 1, 1, 1, "a duplicate dynamic id is EEXIST")        \
	X(vfio_id_table, "vfio-id-table", 0, 1, 1, 1, 1, 1, "override-only ids and vfio_pci: aliases exist")           \
	X(dma_ownership, "dma-ownership", 0, 1, 1, 1, 1, 1,                                                            \
	  "host drivers and user space exclude each other in a group")                                                 \
	X(vfio_dev, "vfio-dev", 0, 0, 1, 1, 1, 1, "vfio-dev/vfioN below a device on a VFIO driver")                    \
	X(vfio_dev_before_users, "vfio-dev-before-users", 0, 0, 0, 1, 1, 1,                                            \
	  "unbind removes vfio-dev, then waits for users")                                                             \
	X(vfio_cdev, "vfio-cdev", 0, 0, 0, 0, 0, 0, "CONFIG_VFIO_DEVICE_CDEV: vfioN/dev and /dev/vfio/devices/vfioN")  \
	X(reset_method, "reset-method", 0, 1, 1, 1, 1, 1, "the attribute reset_method")                                \
	X(sriov_msix_count, "sriov-msix-count", 0, 1, 1, 1, 1, 1, "sriov_vf_total_msix, sriov_vf_msix_count")          \
	X(numvfs_overflow_einval, "numvfs-overflow-einval", 0, 1, 1, 1, 1, 1,                                          \
	  "sriov_numvfs above 65535, reset above all numbers: EINVAL, not ERANGE (5.15)")                              \
	X(group_type_writable, "group-type-writable", 0, 1, 1, 1, 1, 1, "an IOMMU group's type is 0644")               \
	X(group_type_multi, "group-type-multi", 0, 0, 0, 1, 1, 1, "type may be changed for groups of several devices") \
	X(override_takes_lock, "override-takes-lock", 1, 1, 1, 1, 0, 0, "driver_override takes the device lock")       \
	X(uevent_takes_lock, "uevent-takes-lock", 1, 1, 1, 1, 0, 0, "reading a device's uevent takes the device lock") \
	X(autoprobe_on_add, "autoprobe-on-add", 0, 0, 0, 0, 0, 1, "drivers_autoprobe=0 keeps an added device unbound") \
	X(resources_before_add, "resources-before-add", 0, 0, 0, 0, 0, 1, "resourceN exist before the add uevent")     \
	X(probe_message_names_driver, "probe-message-names-driver", 0, 0, 0, 0, 1, 1,                                  \
	  "\"probe with driver D failed\" in the log, not \"probe of A failed\" (6.9)")                                \
	X(async_probe, "async-probe", 0, 0, 0, 1, 1, 1,                                                                \
	  "drivers that allow it probe when their module has been loaded, not during that (nvme since 6.2)")           \
	X(nvme_probe_finishes, "nvme-probe-finishes", 0, 0, 0, 1, 1, 1,                                                \
	  "the probe of nvme ends with a disk, or fails; before 6.2 that came later")                                  \
	X(nvme_late_attributes, "nvme-late-attributes", 0, 0, 0, 0, 1, 1,                                              \
	  "csi, metadata_bytes, nuse, partscan and passthru_err_log_enabled of NVMe namespaces")                       \
	X(vfio_runtime_pm, "vfio-runtime-pm", 0, 1, 1, 1, 1, 1,                                                        \
	  "idle VFIO devices sleep by runtime power management, power/control reads auto")                             \
	X(vfio_fs, "vfio-fs", 0, 0, 0, 0, 1, 1, "a bound device makes use of the module vfio")                         \
	X(builtin_module_link, "builtin-module-link", 0, 0, 0, 0, 1, 1,                                                \
	  "drivers that are built in have a link `module` even where the module has no parameters")                    \
	X(pm_advanced_debug, "pm-advanced-debug", 1, 1, 1, 1, 1, 1,                                                    \
	  "CONFIG_PM_ADVANCED_DEBUG: power/ has async, runtime_usage and the like")                                    \
	X(vfio_pci_core, "vfio-pci-core", 0, 1, 1, 1, 1, 1,                                                            \
	  "module vfio_pci_core, on which vfio_pci and the variants depend")                                           \
	X(vfio_virqfd, "vfio-virqfd", 1, 1, 1, 0, 0, 0, "module vfio_virqfd")                                          \
	X(serial_number, "serial-number", 0, 0, 0, 0, 0, 1, "the attribute serial_number")                             \
	X(iommu_incoherent, "iommu-incoherent", 0, 0, 0, 0, 0, 0,                                                      \
	  "the IOMMU does not keep caches coherent, so that VFIO drivers take no device (6.1)")

struct profile {
#define X(member, ...) bool member;
	PROFILE_SWITCHES(X)
#undef X
};

/* The versions that have a column, oldest first, NULL-terminated. */
extern const char *const profile_names[];

/* 0 and *ret_profile, or -EINVAL when no column is called @name. */
int profile_find(const char *name, struct profile *ret_profile);
/* Sets one switch by the name it has in fixtures. 0 or -EINVAL. */
int profile_set(struct profile *profile, const char *name, bool value);
/* The name of the @i-th switch, or NULL. */
const char *profile_switch_name(size_t i);
