/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Can this host assign devices? One function a check, in the table at the end. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "attribute.h"
#include "context.h"
#include "driver.h"
#include "error.h"
#include "iommu.h"
#include "module.h"
#include "sysfs.h"
#include "util.h"
#include "vfio.h"

struct report_box {
	struct arena arena;
	struct vfiobind_report report;
};

/* What a check finds. */
struct finding {
	bool ok;
	char found[PATH_MAX + 128];
	const char *hint;
};

#define found(finding, ...) snprintf((finding)->found, sizeof((finding)->found), __VA_ARGS__)

static void check_sysfs(struct vfiobind_context *context, struct finding *finding)
{
	finding->ok = sysfs_exists(context->sysfs_fd, "bus/pci/drivers_probe");
	found(finding, finding->ok ? "%s has a PCI bus" : "%s has no PCI bus", context->sysfs_root);
	finding->hint = "mount sysfs; is there PCI on this machine?";
}

static void check_writable(struct vfiobind_context *context, struct finding *finding)
{
	struct statvfs status;

	finding->ok =
		context->sysfs_fd >= 0 && fstatvfs(context->sysfs_fd, &status) == 0 && !(status.f_flag & ST_RDONLY);
	found(finding, "%s is mounted %s", context->sysfs_root, finding->ok ? "writable" : "read-only");
	finding->hint = "mount -o remount,rw /sys; a container has it read-only unless it is privileged";
}

static void check_privilege(struct vfiobind_context *context, struct finding *finding)
{
	finding->ok = faccessat(context->sysfs_fd, "bus/pci/drivers_probe", W_OK, AT_EACCESS) == 0;
	if (finding->ok)
		found(finding, "may write drivers_probe");
	else
		found(finding, "user %u may not write drivers_probe: %s", (unsigned int)geteuid(),
		      strerrordesc_np(errno));
	finding->hint = "run it as root";
}

static void check_groups(struct vfiobind_context *context, struct finding *finding)
{
	unsigned int n = iommu_count_groups(context);

	finding->ok = n > 0;
	if (finding->ok)
		found(finding, n == 1 ? "%u group" : "%u groups", n);
	else
		finding->hint = iommu_explain_absence(context, finding->found, sizeof(finding->found));
}

static void check_vfio_pci(struct vfiobind_context *context, struct finding *finding)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct driver_choice choice;

	finding->ok = driver_find(context, "vfio-pci", &choice, &error) == 0;
	found(finding, "%s",
	      !finding->ok  ? vfiobind_error_code_summary(error.code)
	      : choice.load ? "module vfio_pci can be loaded"
			    : "the driver is there");
	finding->hint = "install the kernel's modules package; see modprobe.d for a blacklist";
}

/* A character device that whoever runs the guest opens: which is missing, and who may open it. */
static void check_node(struct vfiobind_context *context, struct finding *finding, const char *name, const char *missing)
{
	char path[PATH_MAX];
	struct stat status;

	snprintf(path, sizeof(path), "%s/%s", context->device_root, name);
	finding->ok = faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) == 0;
	if (finding->ok) {
		found(finding, "%s: accessible", path);
	} else if (errno == ENOENT) {
		found(finding, "%s: missing", path);
		finding->hint = missing;
	} else {
		found(finding, "%s: %s", path, strerrordesc_np(errno));
		finding->hint = "run it as root, or give the user that runs the guest access by a rule of udev";
		if (stat(path, &status) == 0)
			found(finding, "%s: user %u may not open it, of owner %u:%u and mode %04o", path,
			      (unsigned int)geteuid(), status.st_uid, status.st_gid, status.st_mode & 07777);
	}
}

static void check_container(struct vfiobind_context *context, struct finding *finding)
{
	check_node(context, finding, "vfio/vfio", "modprobe vfio; in a container the node must be passed in");
	/* The node comes with the module, which a detach loads. */
	if (!finding->ok && !sysfs_exists(context->sysfs_fd, "module/vfio") &&
	    module_look_up(context, "vfio_pci") == MODULE_LOADABLE) {
		finding->ok = true;
		found(finding, "comes when module vfio_pci is loaded");
	}
}

static void check_index(struct vfiobind_context *context, struct finding *finding)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/modules.alias", context->modules_root);
	finding->ok = access(path, R_OK) == 0;
	found(finding, "%s: %s", path, finding->ok ? "readable" : strerrordesc_np(errno));
	finding->hint =
		"without it vfio-pci is taken where a variant driver would suit; run depmod, or name the driver";
}

/* "none [integrity] confidentiality": the one in brackets is in force (security/lockdown/lockdown.c). */
static void check_lockdown(struct vfiobind_context *context, struct finding *finding)
{
	char text[128];
	ssize_t n = attribute_read(context, "kernel/security", "lockdown", text, sizeof(text));
	const char *begin = n > 0 ? strchr(text, '[') : NULL;

	finding->ok = !begin || strncmp(begin, "[none]", strlen("[none]")) == 0;
	if (finding->ok)
		found(finding, "no lockdown");
	else
		found(finding, "%.*s", (int)strcspn(begin + 1, "]"), begin + 1);
	finding->hint = "only signed modules can be loaded: sign that of the driver, or turn Secure Boot off";
}

static void check_device_class(struct vfiobind_context *context, struct finding *finding)
{
	finding->ok = vfio_has_device_class(context) || !sysfs_exists(context->sysfs_fd, "module/vfio");
	found(finding, "%s",
	      vfio_has_device_class(context) ? "the kernel has vfio-dev"
	      : finding->ok                  ? "vfio is not loaded"
					     : "the kernel has no vfio-dev");
	finding->hint = "before Linux 6.1 a variant driver is known by its module only";
}

static void check_iommufd(struct vfiobind_context *context, struct finding *finding)
{
	check_node(context, finding, "iommu", "only needed for iommufd: modprobe iommufd");
}

static const struct check {
	const char *name;
	bool required;
	void (*look)(struct vfiobind_context *context, struct finding *finding);
} checks[] = {
	{"sysfs", true, check_sysfs},
	{"sysfs-writable", true, check_writable},
	{"privilege", true, check_privilege},
	{"iommu-groups", true, check_groups},
	{"vfio-pci", true, check_vfio_pci},
	{"vfio-container", true, check_container},
	{"module-index", false, check_index},
	{"lockdown", false, check_lockdown},
	{"vfio-device-class", false, check_device_class},
	{"iommufd", false, check_iommufd},
};

static int add_check(struct report_box *box, void ***array, const struct check *check, const struct finding *finding)
{
	struct vfiobind_check *result = arena_zalloc(&box->arena, sizeof(*result));

	if (!result)
		return -ENOMEM;
	result->check = check->name;
	result->required = check->required;
	result->ok = finding->ok;
	result->hint = finding->ok ? NULL : finding->hint;
	result->found = arena_strdup(&box->arena, finding->found);
	if (!result->found)
		return -ENOMEM;
	if (check->required && !finding->ok)
		box->report.ok = false;
	return arena_append(&box->arena, array, &box->report.n_checks, result);
}

int vfiobind_host_check(struct vfiobind_context *context, struct vfiobind_report **ret_report,
			struct vfiobind_error *error)
{
	struct report_box *box;
	void **array = NULL;
	int r = 0;

	if (!context || !ret_report)
		return fail(error, .code = VFIOBIND_ERROR_INVALID_ARGUMENT, .operation = "check the host");
	box = calloc(1, sizeof(*box));
	if (!box)
		return fail_memory(error);
	module_forget(context);
	/* Without sysfs each check says so in its own way: relative to -1 nothing is found. */
	context_begin(context, NULL);
	box->report.ok = true;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(checks); i++) {
		struct finding finding = {.ok = false};

		checks[i].look(context, &finding);
		r = add_check(box, &array, &checks[i], &finding);
	}
	box->report.checks = (struct vfiobind_check **)array;
	if (r < 0) {
		vfiobind_report_free(&box->report);
		return fail_memory(error);
	}
	*ret_report = &box->report;
	return 0;
}

struct vfiobind_report *vfiobind_report_free(struct vfiobind_report *report)
{
	struct report_box *box;

	if (!report)
		return NULL;
	box = container_of(report, struct report_box, report);
	arena_free(&box->arena);
	free(box);
	return NULL;
}
