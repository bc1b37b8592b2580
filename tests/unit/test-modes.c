/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Modes and sizes: what the mode of each kind of node is, on a NIC, a PF with a VF, and a function on vfio-pci. */
#include "model.h"
#include "q35-machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NIC "bus/pci/devices/0000:01:00.0/"
#define PF "bus/pci/devices/0000:02:00.0/"
#define VF "bus/pci/devices/0000:02:10.0/"
#define DRIVER "bus/pci/drivers/e1000e/"
#define ON_VFIO "devices/pci0000:00/0000:00:1f.2/"

enum { TEXT = 4096 };

static const struct {
	const char *path;
	mode_t mode;
	off_t size;
} nodes[] = {
	/* A1, A2 */
	{"bus/pci", S_IFDIR | 0755, 0},
	{"bus/pci/uevent", S_IFREG | 0200, TEXT},
	{"bus/pci/rescan", S_IFREG | 0200, TEXT},
	{"bus/pci/drivers_probe", S_IFREG | 0200, TEXT},
	{"bus/pci/drivers_autoprobe", S_IFREG | 0644, TEXT},
	{"bus/pci/resource_alignment", S_IFREG | 0644, TEXT},
	{"bus/pci/devices/0000:01:00.0", S_IFLNK | 0777, 0},
	{DRIVER "uevent", S_IFREG | 0200, TEXT},
	{DRIVER "new_id", S_IFREG | 0200, TEXT},
	{DRIVER "remove_id", S_IFREG | 0200, TEXT},
	{DRIVER "bind", S_IFREG | 0200, TEXT},
	{DRIVER "unbind", S_IFREG | 0200, TEXT},
	{DRIVER "module", S_IFLNK | 0777, 0},
	/* A3 */
	{"devices/pci0000:00/uevent", S_IFREG | 0644, TEXT},
	{"class/pci_bus/0000:01/rescan", S_IFREG | 0200, TEXT},
	{"class/pci_bus/0000:01/cpuaffinity", S_IFREG | 0444, TEXT},
	{NIC "vendor", S_IFREG | 0444, TEXT},
	{NIC "modalias", S_IFREG | 0444, TEXT},
	{NIC "resource", S_IFREG | 0444, TEXT},
	{NIC "config", S_IFREG | 0644, 4096},
	{"bus/pci/devices/0000:00:1f.3/config", S_IFREG | 0644, 256},
	{NIC "resource0", S_IFREG | 0600, 0x20000},
	{NIC "resource2", S_IFREG | 0600, 0x20},
	{NIC "irq", S_IFREG | 0444, TEXT},
	{NIC "uevent", S_IFREG | 0644, TEXT},
	{NIC "remove", S_IFREG | 0220, TEXT},
	{NIC "rescan", S_IFREG | 0200, TEXT},
	{NIC "reset", S_IFREG | 0200, TEXT},
	{NIC "reset_method", S_IFREG | 0644, TEXT},
	{NIC "enable", S_IFREG | 0644, TEXT},
	{NIC "msi_bus", S_IFREG | 0644, TEXT},
	{NIC "numa_node", S_IFREG | 0644, TEXT},
	{NIC "d3cold_allowed", S_IFREG | 0644, TEXT},
	{NIC "broken_parity_status", S_IFREG | 0644, TEXT},
	{NIC "driver_override", S_IFREG | 0644, TEXT},
	{NIC "power/control", S_IFREG | 0644, TEXT},
	{NIC "power/autosuspend_delay_ms", S_IFREG | 0644, TEXT},
	{NIC "power/runtime_status", S_IFREG | 0444, TEXT},
	{NIC "driver", S_IFLNK | 0777, 0},
	{PF "sriov_totalvfs", S_IFREG | 0444, TEXT},
	{PF "sriov_numvfs", S_IFREG | 0644, TEXT},
	{PF "sriov_offset", S_IFREG | 0444, TEXT},
	{PF "sriov_stride", S_IFREG | 0444, TEXT},
	{PF "sriov_vf_device", S_IFREG | 0444, TEXT},
	{PF "sriov_vf_total_msix", S_IFREG | 0444, TEXT},
	{PF "sriov_drivers_autoprobe", S_IFREG | 0644, TEXT},
	{PF "virtfn0", S_IFLNK | 0777, 0},
	{VF "sriov_vf_msix_count", S_IFREG | 0200, TEXT},
	/* A6, A7, A8 */
	{"kernel/iommu_groups/6/type", S_IFREG | 0644, TEXT},
	{"kernel/iommu_groups/6/reserved_regions", S_IFREG | 0444, TEXT},
	{"class/vfio/5/dev", S_IFREG | 0444, TEXT},
	{"class/vfio/5/uevent", S_IFREG | 0644, TEXT},
	{ON_VFIO "vfio-dev", S_IFDIR | 0755, 0},
	{ON_VFIO "vfio-dev/vfio0/uevent", S_IFREG | 0644, TEXT},
	{"module/vfio_pci/initstate", S_IFREG | 0444, TEXT},
	{"module/vfio_pci/refcnt", S_IFREG | 0444, TEXT},
	{"module/vfio_pci/uevent", S_IFREG | 0200, TEXT},
};

static void expect_mode(struct kernfs_node *node, const char *path, mode_t mode, off_t size)
{
	struct stat st;

	if (!node)
		fail_msg("%s: there is none", path);
	kernfs_stat(node, &st);
	if (st.st_mode != mode || st.st_size != size)
		fail_msg("%s: mode %o, size %ld", path, st.st_mode, (long)st.st_size);
}

static void write_ok(struct kernel *k, const char *path, const char *data)
{
	assert_int_equal(model_write(k, path, data), (long)strlen(data));
}

static void nodes_have_the_modes_and_sizes_of_sysfs(void **state)
{
	static const char *const modules[] = {"e1000e", "igb", "vfio_pci"};
	struct kernel *k = model_new(&q35_machine, NULL);

	kernel_lock(k);
	for (size_t i = 0; i < sizeof(modules) / sizeof(*modules); i++)
		assert_int_equal(kernel_modprobe(k, modules[i]), 0);
	kernel_unlock(k);
	write_ok(k, PF "sriov_numvfs", "1");
	write_ok(k, "bus/pci/devices/0000:00:1f.2/driver_override", "vfio-pci");
	write_ok(k, "bus/pci/drivers_probe", "0000:00:1f.2");
	kernel_lock(k);
	for (size_t i = 0; i < sizeof(nodes) / sizeof(*nodes); i++)
		expect_mode(model_find(k, nodes[i].path), nodes[i].path, nodes[i].mode, nodes[i].size);
	expect_mode(kernfs_find(k, "dev/vfio/5"), "dev/vfio/5", S_IFCHR | 0600, 0);
	expect_mode(kernfs_find(k, "dev/vfio/vfio"), "dev/vfio/vfio", S_IFCHR | 0666, 0);
	kernel_unlock(k);
	kernel_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(nodes_have_the_modes_and_sizes_of_sysfs)};

	return cmocka_run_group_tests_name("modes", tests, NULL, NULL);
}
