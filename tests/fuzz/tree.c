/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A directory in the form of /sys, /proc, /dev and /run/vfiobind, whose texts are the input's, cut at each byte 0xff: all
 * that reads is run on it. What the kernel would never say must be an error, or nothing; never a crash.
 */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vfiobind.h"

#define DEVICE "sys/devices/pci0000:00/0000:04:11.5/"

/* The text of a link is its target. */
static const struct node {
	const char *path;
	bool link;
} nodes[] = {
	{DEVICE "vendor"},
	{DEVICE "device"},
	{DEVICE "subsystem_vendor"},
	{DEVICE "subsystem_device"},
	{DEVICE "class"},
	{DEVICE "modalias"},
	{DEVICE "driver_override"},
	{DEVICE "config"},
	{DEVICE "driver", .link = true},
	{DEVICE "iommu_group", .link = true},
	{DEVICE "physfn", .link = true},
	{DEVICE "virtfn0", .link = true},
	{DEVICE "sriov_totalvfs"},
	{DEVICE "reset_method"},
	{DEVICE "net/eth0/flags"},
	{DEVICE "nvme/nvme0/nvme0n1/dev"},
	{DEVICE "vfio-dev/vfio0/dev"},
	{"sys/kernel/security/lockdown"},
	{"sys/module/vfio_pci_igbvf/initstate"},
	{"modules/modules.alias"},
	{"modules/modules.builtin"},
	{"modules/modules.builtin.modinfo"},
	{"proc/self/mountinfo"},
	{"proc/swaps"},
	{"proc/cmdline"},
	{"run/journals/0000:04:11.5"},
	{"run/devices/0000:04:11.5"},
};

/* What the others need to be looked at. */
static const struct fixed_link {
	const char *path, *target;
} fixed_links[] = {
	{"sys/bus/pci/devices/0000:04:11.5", "../../../devices/pci0000:00/0000:04:11.5"},
	{"sys/kernel/iommu_groups/14/devices/0000:04:11.5", "../../../../devices/pci0000:00/0000:04:11.5"},
	{"sys/bus/pci/drivers/igbvf/module", "../../../../module/igbvf"},
	{"sys/bus/pci/drivers/vfio-pci/module", "../../../../module/vfio_pci"},
	{"sys/module/vfio_pci/drivers/pci:vfio-pci", "../../../bus/pci/drivers/vfio-pci"},
	{"sys/module/igbvf/drivers/pci:igbvf", "../../../bus/pci/drivers/igbvf"},
};

static char root[] = "/tmp/fuzz-tree.XXXXXX";

static char *in_tree(const char *path)
{
	static char full[512];

	snprintf(full, sizeof(full), "%s/%s", root, path);
	return full;
}

static char *with_directories(const char *path)
{
	char *full = in_tree(path);

	for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		require(mkdir(full, 0755) == 0 || errno == EEXIST);
		*slash = '/';
	}
	return full;
}

static void put_link(const char *path, const char *target)
{
	char *full = with_directories(path);

	unlink(full);
	/* A target that no link can have leaves none. */
	require(symlink(target, full) == 0 || errno == ENOENT || errno == ENAMETOOLONG);
}

static void put_text(const char *path, const uint8_t *text, size_t size)
{
	int fd = open(with_directories(path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	require(fd >= 0 && write(fd, text, size) == (ssize_t)size);
	close(fd);
}

static void put_all(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < sizeof(nodes) / sizeof(*nodes); i++) {
		const uint8_t *end = size ? memchr(data, 0xff, size) : NULL;
		size_t length = end ? (size_t)(end - data) : size;

		if (nodes[i].link) {
			char *target = text_of(data, length);

			put_link(nodes[i].path, target);
			free(target);
		} else {
			put_text(nodes[i].path, data, length);
		}
		data += length + (end != NULL);
		size -= length + (end != NULL);
	}
}

static int remove_node(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	return remove(path);
}

static struct vfiobind_context *context;

static void remove_tree(void)
{
	vfiobind_context_free(context);
	nftw(root, remove_node, 16, FTW_DEPTH | FTW_PHYS);
}

static void set_up(void)
{
	require(mkdtemp(root));
	for (size_t i = 0; i < sizeof(fixed_links) / sizeof(*fixed_links); i++)
		put_link(fixed_links[i].path, fixed_links[i].target);
	put_text("sys/bus/pci/drivers_probe", NULL, 0);
	put_text("sys/bus/pci/drivers/igbvf/unbind", NULL, 0);
	put_text("sys/bus/pci/drivers/vfio-pci/unbind", NULL, 0);
	put_text("dev/vfio/vfio", NULL, 0);
	require(vfiobind_context_new(&context) == 0);
	atexit(remove_tree);
	require(vfiobind_context_set_sysfs_root(context, in_tree("sys")) == 0);
	require(vfiobind_context_set_modules_root(context, in_tree("modules")) == 0);
	require(vfiobind_context_set_device_root(context, in_tree("dev")) == 0);
	require(vfiobind_context_set_proc_root(context, in_tree("proc")) == 0);
	require(vfiobind_context_set_state_root(context, in_tree("run")) == 0);
}

static void check_line(const char *line)
{
	for (const char *c = line; *c; c++)
		require(*c >= 0x20 && *c <= 0x7e);
}

/* Fails as it says it does, with an error that says why on one line. */
static bool well(int r, const struct vfiobind_error *error)
{
	char line[4096];

	if (r == 0)
		return true;
	require(r == -error->number && vfiobind_error_code_name(error->code));
	require(error->state == VFIOBIND_STATE_UNTOUCHED);
	vfiobind_error_format(error, line, sizeof(line));
	check_line(line);
	return false;
}

static void read_all(void)
{
	static const struct vfiobind_address address = {.bus = 4, .slot = 0x11, .function = 5};
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_device *device;
	struct vfiobind_devices *devices;
	struct vfiobind_ranking *ranking;
	struct vfiobind_report *report;

	if (well(vfiobind_device_read(context, &address, &device, &error), &error))
		vfiobind_device_free(device);
	if (well(vfiobind_devices_read(context, &devices, &error), &error))
		vfiobind_devices_free(devices);
	if (well(vfiobind_driver_rank(context, &address, &ranking, &error), &error))
		vfiobind_ranking_free(ranking);
	if (well(vfiobind_host_check(context, &report, &error), &error))
		vfiobind_report_free(report);
}

static void plan_all(void)
{
	static const struct vfiobind_address address = {.bus = 4, .slot = 0x11, .function = 5};
	struct vfiobind_detach_options detach = VFIOBIND_DETACH_OPTIONS_INIT;
	struct vfiobind_reattach_options reattach = VFIOBIND_REATTACH_OPTIONS_INIT;
	struct vfiobind_repair_options repair = VFIOBIND_REPAIR_OPTIONS_INIT;
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_result *result;
	struct vfiobind_repairs *repairs;

	detach.dry_run = reattach.dry_run = repair.dry_run = true;
	detach.whole_group = reattach.whole_group = true;
	if (well(vfiobind_device_detach(context, &address, 1, &detach, &result, &error), &error))
		vfiobind_result_free(result);
	detach.force = true;
	detach.driver = "vfio-pci";
	if (well(vfiobind_device_detach(context, &address, 1, &detach, &result, &error), &error))
		vfiobind_result_free(result);
	if (well(vfiobind_device_reattach(context, &address, 1, &reattach, &result, &error), &error))
		vfiobind_result_free(result);
	if (well(vfiobind_repair(context, &repair, &repairs, &error), &error))
		vfiobind_repairs_free(repairs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!context)
		set_up();
	put_all(data, size);
	read_all();
	plan_all();
	return 0;
}
