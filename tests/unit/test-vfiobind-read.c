/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is read of devices and of their host, and how devices are found. */
#include <errno.h>
#include <stdio.h>

#include "tree.h"

static struct vfiobind_device *read_device(const struct tree *tree, const struct vfiobind_address *address)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_device *device = NULL;

	assert_int_equal(vfiobind_device_read(tree->context, address, &device, &error), 0);
	return device;
}

static void a_device_is_read_with_all_that_is_there(void **state)
{
	const struct tree *tree = *state;
	struct vfiobind_device *device;

	put(tree, "", "sys/devices/pci0000:00/0000:04:11.5/net/enp4s17f5/ifindex");
	put_link(tree, "../0000:04:00.1", "sys/devices/pci0000:00/0000:04:11.5/physfn");
	device = read_device(tree, &vf);
	assert_int_equal(device->vendor, 0x8086);
	assert_int_equal(device->device, 0x10ca);
	assert_int_equal(device->subsystem_vendor, 0x1af4);
	assert_int_equal(device->subsystem_device, 0x1100);
	assert_int_equal(device->class_code, 0x020000);
	assert_int_equal(device->header_type, 0);
	assert_string_equal(device->modalias, "pci:v00008086d000010CAsv00001AF4sd00001100bc02sc00i00");
	assert_string_equal(device->driver, "igbvf");
	assert_string_equal(device->module, "igbvf");
	assert_int_equal(device->driver_type, VFIOBIND_DRIVER_TYPE_HOST);
	assert_false(device->variant);
	assert_null(device->driver_override);
	assert_int_equal(device->iommu_group, 14);
	assert_int_equal(device->n_group_members, 1);
	assert_true(device->group_viable);
	assert_true(device->has_physfn);
	assert_int_equal(device->physfn.function, 1);
	assert_int_equal(device->numvfs, -1);
	assert_int_equal(device->n_netdevs, 1);
	assert_string_equal(device->netdevs[0], "enp4s17f5");
	assert_null(device->vfio);
	vfiobind_device_free(device);
}

static void a_variant_is_known_by_its_vfio_device(void **state)
{
	const struct tree *tree = *state;
	struct vfiobind_device *device;

	put_link(tree, "../../../bus/pci/drivers/vfio-pci-igbvf", "sys/devices/pci0000:00/0000:04:11.5/driver");
	device = read_device(tree, &vf);
	assert_int_equal(device->driver_type, VFIOBIND_DRIVER_TYPE_HOST);
	vfiobind_device_free(device);

	put(tree, "", "sys/devices/pci0000:00/0000:04:11.5/vfio-dev/vfio3/uevent");
	put(tree, "", "dev/vfio/14");
	device = read_device(tree, &vf);
	assert_int_equal(device->driver_type, VFIOBIND_DRIVER_TYPE_VFIO);
	assert_true(device->variant);
	assert_string_equal(device->vfio->device, "vfio3");
	assert_non_null(strstr(device->vfio->group_node, "/dev/vfio/14"));
	assert_null(device->vfio->cdev);
	vfiobind_device_free(device);
}

static void a_group_is_viable_unless_a_mate_is_on_a_host_driver(void **state)
{
	static const struct {
		const char *driver;
		bool viable;
	} cases[] = {{NULL, true},      {"pci-stub", true},         {"pcieport", true}, {"vfio-pci", true},
		     {"e1000e", false}, {"uio_pci_generic", false}, {"pciback", false}};
	const struct tree *tree = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vfiobind_device *device;

		if (i)
			drop(tree, "sys/bus/pci/devices/0000:04:11.6");
		put_device(tree, "0000:04:11.6", cases[i].driver, 14);
		device = read_device(tree, &vf);
		assert_int_equal(device->group_viable, cases[i].viable);
		assert_int_equal(device->n_group_members, 2);
		assert_int_equal(device->group_members[1]->blocks, !cases[i].viable);
		vfiobind_device_free(device);
	}
}

static void a_member_that_was_removed_is_no_error(void **state)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	const struct tree *tree = *state;
	struct vfiobind_device *device;

	put_link(tree, "../../../../devices/pci0000:00/0000:04:11.6",
		 "sys/kernel/iommu_groups/14/devices/0000:04:11.6");
	assert_int_equal(vfiobind_device_read(tree->context, &vf, &device, &error), 0);
	assert_int_equal(device->n_group_members, 1);
	vfiobind_device_free(device);
	assert_int_equal(error.code, VFIOBIND_ERROR_NONE);
	assert_int_equal(error.number, 0);
	assert_false(error.has_device);
}

static void virtual_functions_are_counted_by_their_links(void **state)
{
	static const struct vfiobind_address pf = {.bus = 4, .function = 1};
	const struct tree *tree = *state;
	struct vfiobind_device *device;

	put_device(tree, "0000:04:00.1", "igb", 3);
	put(tree, "7\n", "sys/devices/pci0000:00/0000:04:00.1/sriov_totalvfs");
	for (int i = 0; i < 5; i++) {
		char target[64];

		snprintf(target, sizeof(target), "../0000:04:1%d.%d", i / 4, i % 4);
		put_link(tree, target, "sys/devices/pci0000:00/0000:04:00.1/virtfn%d", i);
	}
	device = read_device(tree, &pf);
	assert_int_equal(device->numvfs, 5);
	assert_int_equal(device->n_virtfns, 5);
	assert_int_equal(device->virtfns[4].slot, 0x11);
	vfiobind_device_free(device);
}

static void garbage_in_attributes_is_an_error_not_a_value(void **state)
{
	static const char *const ids[] = {"",          "\n",   "0x",      "8086\n", "0x8086 \n",
					  "0x18086\n", "-1\n", "0x80 86", "0xzz"};
	const struct tree *tree = *state;
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_device *device = NULL;
	static char long_text[8192];

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		put(tree, ids[i], "sys/devices/pci0000:00/0000:04:11.5/vendor");
		assert_int_equal(vfiobind_device_read(tree->context, &vf, &device, &error), -EIO);
		assert_int_equal(error.code, VFIOBIND_ERROR_ATTRIBUTE_MALFORMED);
		assert_non_null(strstr(error.path, "0000:04:11.5/vendor"));
		assert_null(device);
	}
	put(tree, "0x8086\n", "sys/devices/pci0000:00/0000:04:11.5/vendor");
	memset(long_text, 'x', sizeof(long_text) - 1);
	put(tree, long_text, "sys/devices/pci0000:00/0000:04:11.5/driver_override");
	assert_int_equal(vfiobind_device_read(tree->context, &vf, &device, &error), -EIO);
	put(tree, "(null)\n", "sys/devices/pci0000:00/0000:04:11.5/driver_override");
	put_link(tree, "../../../kernel/iommu_groups/99999999999", "sys/devices/pci0000:00/0000:04:11.5/iommu_group");
	assert_int_equal(vfiobind_device_read(tree->context, &vf, &device, &error), -EIO);
	assert_null(device);
}

static void an_attribute_that_is_a_link_is_not_followed(void **state)
{
	const struct tree *tree = *state;
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_device *device = NULL;

	put_link(tree, "device", "sys/devices/pci0000:00/0000:04:11.5/vendor");
	assert_int_equal(vfiobind_device_read(tree->context, &vf, &device, &error), -EIO);
	assert_int_equal(error.code, VFIOBIND_ERROR_ATTRIBUTE_MALFORMED);
}

static void devices_are_found_by_address_and_by_interface(void **state)
{
	static const struct {
		const char *name;
		int result;
		enum vfiobind_error_code code;
	} cases[] = {
		{"0000:04:11.5", 0, 0},
		{"pci_0000_04_11_5", 0, 0},
		{"eth0", 0, 0},
		{"eth1", 0, 0},
		{"usb0", -ENOTSUP, VFIOBIND_ERROR_NOT_PCI},
		{"lo", -ENOTSUP, VFIOBIND_ERROR_NOT_PCI},
		{"eth9", -ENODEV, VFIOBIND_ERROR_DEVICE_NOT_FOUND},
		{"0000:04:11.4", -ENODEV, VFIOBIND_ERROR_DEVICE_NOT_FOUND},
		{"0000:00:1f.8", -EINVAL, VFIOBIND_ERROR_INVALID_ADDRESS},
		{"", -EINVAL, VFIOBIND_ERROR_INVALID_ADDRESS},
		{"../../x", -EINVAL, VFIOBIND_ERROR_INVALID_ADDRESS},
		{"..", -EINVAL, VFIOBIND_ERROR_INVALID_ADDRESS},
		{"pci_0000_04_11_9", -EINVAL, VFIOBIND_ERROR_INVALID_ADDRESS},
		{"an-interface-name-too-long", -EINVAL, VFIOBIND_ERROR_INVALID_ADDRESS},
	};
	const struct tree *tree = *state;

	put_link(tree, "../../devices/pci0000:00/0000:04:11.5/net/eth0", "sys/class/net/eth0");
	put_link(tree, "../../devices/pci0000:00/0000:04:11.5/virtio2/net/eth1", "sys/class/net/eth1");
	put_link(tree, "../../devices/pci0000:00/0000:04:11.5/usb1/1-1/1-1:1.0/net/usb0", "sys/class/net/usb0");
	put_link(tree, "../../devices/virtual/net/lo", "sys/class/net/lo");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vfiobind_error error = VFIOBIND_ERROR_INIT;
		struct vfiobind_address address = {.domain = 77};

		assert_int_equal(vfiobind_device_find(tree->context, cases[i].name, &address, &error), cases[i].result);
		assert_int_equal(error.code, cases[i].code);
		assert_int_equal(address.domain, cases[i].result ? 77 : 0);
		assert_true(cases[i].result || vfiobind_address_compare(&address, &vf) == 0);
	}
}

static void devices_are_listed_in_order(void **state)
{
	const struct tree *tree = *state;
	struct vfiobind_address *addresses;
	size_t n;

	put_device(tree, "0000:04:11.6", NULL, -1);
	put_device(tree, "0000:03:1f.0", NULL, -1);
	put(tree, "", "sys/bus/pci/devices/not-an-address");
	assert_int_equal(vfiobind_device_list(tree->context, &addresses, &n, NULL), 0);
	assert_int_equal(n, 3);
	assert_int_equal(addresses[0].bus, 3);
	assert_int_equal(addresses[1].function, 5);
	assert_int_equal(addresses[2].function, 6);
	free(addresses);
}

static void a_host_without_vfio_fails_its_checks(void **state)
{
	const struct tree *tree = *state;
	struct vfiobind_report *report;
	bool container = true, vfio_pci = false, groups = false;

	assert_int_equal(vfiobind_host_check(tree->context, &report, NULL), 0);
	for (size_t i = 0; i < report->n_checks; i++) {
		const struct vfiobind_check *check = report->checks[i];

		assert_true(strlen(check->found) > 0);
		assert_true(check->ok == !check->hint);
		if (strcmp(check->check, "vfio-container") == 0)
			container = check->ok;
		if (strcmp(check->check, "vfio-pci") == 0)
			vfio_pci = check->ok;
		if (strcmp(check->check, "iommu-groups") == 0)
			groups = check->ok;
	}
	assert_false(report->ok);
	assert_false(container);
	assert_true(vfio_pci);
	assert_true(groups);
	vfiobind_report_free(report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_on_tree(a_device_is_read_with_all_that_is_there),
		test_on_tree(a_variant_is_known_by_its_vfio_device),
		test_on_tree(a_group_is_viable_unless_a_mate_is_on_a_host_driver),
		test_on_tree(a_member_that_was_removed_is_no_error),
		test_on_tree(virtual_functions_are_counted_by_their_links),
		test_on_tree(garbage_in_attributes_is_an_error_not_a_value),
		test_on_tree(an_attribute_that_is_a_link_is_not_followed),
		test_on_tree(devices_are_found_by_address_and_by_interface),
		test_on_tree(devices_are_listed_in_order),
		test_on_tree(a_host_without_vfio_fails_its_checks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
