/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a detach, a reattach or a reset does where stores change nothing: its plan, its refusals, and that such a store is
 * not believed. What odd places make of a plan: test-vfiobind-plan.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tree.h"

static void what_cannot_be_detached_is_refused_by_its_own_code_and_untouched(void **state)
{
	static const struct {
		const char *address, *driver;
		int result;
		enum vfiobind_error_code code;
	} cases[] = {
		{"0000:04:11.4", NULL, -ENODEV, VFIOBIND_ERROR_DEVICE_NOT_FOUND},
		{"0000:00:1c.0", NULL, -ENOTSUP, VFIOBIND_ERROR_NOT_ENDPOINT},
		{"0000:04:00.1", NULL, -EBUSY, VFIOBIND_ERROR_PF_HAS_VFS},
		{"0000:04:12.0", NULL, -ENXIO, VFIOBIND_ERROR_NO_IOMMU_GROUP},
		{"0000:04:11.5", "igbvf", -EPERM, VFIOBIND_ERROR_NOT_VFIO_DRIVER},
		{"0000:04:11.5", "igb-vf", -ENOENT, VFIOBIND_ERROR_DRIVER_NOT_FOUND},
		{"0000:04:11.5", "nothing", -ENOENT, VFIOBIND_ERROR_DRIVER_NOT_FOUND},
		{"0000:04:11.5", "hollow", -ENOENT, VFIOBIND_ERROR_MODULE_HAS_NO_DRIVER},
		{"0000:04:11.5", "two_drivers", -ENOTUNIQ, VFIOBIND_ERROR_DRIVER_AMBIGUOUS},
		{"0000:04:11.5", "../../../../x", -EINVAL, VFIOBIND_ERROR_INVALID_DRIVER_NAME},
		{"0000:04:11.5", "..", -EINVAL, VFIOBIND_ERROR_INVALID_DRIVER_NAME},
		{"0000:04:11.5", "", -EINVAL, VFIOBIND_ERROR_INVALID_DRIVER_NAME},
		{"0000:04:11.5", "vfio-pci\n", -EINVAL, VFIOBIND_ERROR_INVALID_DRIVER_NAME},
	};
	static const unsigned char bridge[64] = {[0x0e] = 0x81};
	const struct tree *tree = *state;

	put_device(tree, "0000:00:1c.0", "pcieport", 2);
	put_bytes(tree, bridge, sizeof(bridge), "sys/devices/pci0000:00/0000:00:1c.0/config");
	put(tree, "pci:v00008086d0000A110sv00001AF4sd00001100bc06sc04i00\n",
	    "sys/devices/pci0000:00/0000:00:1c.0/modalias");
	put_device(tree, "0000:04:00.1", "igb", 3);
	put_link(tree, "../0000:04:11.5", "sys/devices/pci0000:00/0000:04:00.1/virtfn0");
	put_device(tree, "0000:04:12.0", "igbvf", -1);
	put(tree, "live\n", "sys/module/hollow/initstate");
	put_driver(tree, "one", "two_drivers");
	put_link(tree, "x", "sys/module/two_drivers/drivers/pci:two");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vfiobind_detach_options options = VFIOBIND_DETACH_OPTIONS_INIT;
		struct vfiobind_error error = VFIOBIND_ERROR_INIT;
		struct vfiobind_result *result = NULL;
		struct vfiobind_address address;

		options.driver = cases[i].driver;
		assert_int_equal(vfiobind_address_parse(cases[i].address, &address), 0);
		assert_int_equal(vfiobind_device_detach(tree->context, &address, 1, &options, &result, &error),
				 cases[i].result);
		assert_int_equal(error.code, cases[i].code);
		assert_int_equal(error.state, VFIOBIND_STATE_UNTOUCHED);
		assert_true(error.has_device);
		assert_int_equal(vfiobind_address_compare(&error.device, &address), 0);
		assert_string_not_equal(error.operation, "");
		assert_null(result);
	}
	assert_string_equal(slurp(tree, "sys/devices/pci0000:00/0000:04:11.5/driver_override"), "(null)\n");
	assert_string_equal(slurp(tree, "sys/bus/pci/drivers_probe"), "");
}

static void a_dry_run_says_each_store_and_does_none(void **state)
{
	static const struct {
		const char *path, *value;
	} expected[] = {
		{"/sys/bus/pci/devices/0000:04:11.5/driver_override", "vfio-pci-igbvf"},
		{"/sys/bus/pci/drivers/igbvf/unbind", "0000:04:11.5"},
		{"/sys/bus/pci/drivers_probe", "0000:04:11.5"},
	};
	/* Any spelling, of driver or module. */
	static const char *const names[] = {"vfio-pci-igbvf", "vfio_pci_igbvf", "vfio_pci-igbvf", "vfio", NULL};
	const struct tree *tree = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct vfiobind_detach_options options = VFIOBIND_DETACH_OPTIONS_INIT;
		const struct vfiobind_result_device *device;
		struct vfiobind_result *result;

		options.driver = names[i];
		options.dry_run = true;
		assert_int_equal(vfiobind_device_detach(tree->context, &vf, 1, &options, &result, NULL), 0);
		assert_int_equal(result->n_devices, 1);
		device = result->devices[0];
		assert_string_equal(device->from, "igbvf");
		assert_string_equal(device->to, "vfio-pci-igbvf");
		assert_string_equal(device->module, "vfio_pci_igbvf");
		assert_true(device->changed);
		assert_true(device->variant);
		assert_int_equal(device->n_actions, ARRAY_SIZE(expected));
		for (size_t j = 0; j < ARRAY_SIZE(expected); j++) {
			assert_int_equal(device->actions[j]->kind, VFIOBIND_ACTION_WRITE);
			assert_string_equal(device->actions[j]->path + strlen(tree->root), expected[j].path);
			assert_string_equal(device->actions[j]->value, expected[j].value);
		}
		vfiobind_result_free(result);
	}
	assert_string_equal(slurp(tree, "sys/devices/pci0000:00/0000:04:11.5/driver_override"), "(null)\n");
	assert_string_equal(slurp(tree, "sys/bus/pci/drivers/igbvf/unbind"), "");
	assert_string_equal(slurp(tree, "sys/bus/pci/drivers_probe"), "");
}

static void hyphens_name_a_driver_with_underscores(void **state)
{
	struct vfiobind_detach_options options = VFIOBIND_DETACH_OPTIONS_INIT;
	const struct tree *tree = *state;
	struct vfiobind_result *result;

	options.driver = "mlx5-vfio-pci";
	options.dry_run = true;
	assert_int_equal(vfiobind_device_detach(tree->context, &vf, 1, &options, &result, NULL), 0);
	assert_string_equal(result->devices[0]->to, "mlx5_vfio_pci");
	vfiobind_result_free(result);
}

static void stores_that_change_nothing_are_not_believed(void **state)
{
	struct vfiobind_detach_options options = VFIOBIND_DETACH_OPTIONS_INIT;
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_result *result = NULL;
	const struct tree *tree = *state;

	options.driver = "vfio-pci";
	assert_int_equal(vfiobind_device_detach(tree->context, &vf, 1, &options, &result, &error), -EIO);
	assert_int_equal(error.code, VFIOBIND_ERROR_WRONG_DRIVER);
	assert_string_equal(error.found, "igbvf");
	/* A plain file does not read "(null)" after "\n" was stored: that this was not undone is seen as well. */
	assert_int_equal(error.state, VFIOBIND_STATE_BROKEN);
	assert_null(result);
	assert_string_equal(slurp(tree, "sys/bus/pci/drivers/igbvf/unbind"), "0000:04:11.5");
	assert_string_equal(slurp(tree, "sys/bus/pci/drivers_probe"), "0000:04:11.5");
}

/* A FIFO, whether somebody reads it or not. */
static void what_is_no_file_is_not_stored_into(void **state)
{
	static const char *const paths[] = {
		"sys/bus/pci/drivers/igbvf/unbind",
		"sys/bus/pci/drivers_probe",
	};
	struct vfiobind_detach_options options = VFIOBIND_DETACH_OPTIONS_INIT;
	const struct tree *tree = *state;

	options.driver = "vfio-pci";
	for (size_t i = 0; i < 2 * ARRAY_SIZE(paths); i++) {
		struct vfiobind_error error = VFIOBIND_ERROR_INIT;
		const char *name = paths[i / 2];
		char path[256], byte;
		int reader = -1;

		snprintf(path, sizeof(path), "%s/%s", tree->root, name);
		drop(tree, "%s", name);
		assert_int_equal(mkfifo(path, 0600), 0);
		if (i % 2)
			reader = open(path, O_RDONLY | O_NONBLOCK);
		alarm(10); /* it must not wait for a reader */
		assert_int_equal(vfiobind_device_detach(tree->context, &vf, 1, &options, NULL, &error), -EIO);
		alarm(0);
		assert_int_equal(error.code, VFIOBIND_ERROR_ATTRIBUTE_MALFORMED);
		assert_int_equal(error.state, VFIOBIND_STATE_UNTOUCHED);
		assert_string_equal(error.path, path);
		if (reader >= 0) {
			assert_int_equal(read(reader, &byte, 1), 0);
			close(reader);
		}
		drop(tree, "%s", name);
		put(tree, "", "%s", name);
	}
}

static void why_nothing_was_bound_is_said_where_it_shows(void **state)
{
	static const struct {
		const char *deferred;
		enum vfiobind_error_code code;
		int result;
	} cases[] = {
		{NULL, VFIOBIND_ERROR_PROBE_FAILED, -EIO},
		{"0000:04:11.4\t\n", VFIOBIND_ERROR_PROBE_FAILED, -EIO},
		{"0000:04:11.4\t\n0000:04:11.5\tsupplier not ready\n", VFIOBIND_ERROR_PROBE_DEFERRED, -EAGAIN},
	};
	struct vfiobind_detach_options options = VFIOBIND_DETACH_OPTIONS_INIT;
	const struct tree *tree = *state;

	options.driver = "vfio-pci";
	drop(tree, "sys/devices/pci0000:00/0000:04:11.5/driver");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vfiobind_error error = VFIOBIND_ERROR_INIT;

		put(tree, "(null)\n", "sys/devices/pci0000:00/0000:04:11.5/driver_override");
		if (cases[i].deferred)
			put(tree, cases[i].deferred, "sys/kernel/debug/devices_deferred");
		assert_int_equal(vfiobind_device_detach(tree->context, &vf, 1, &options, NULL, &error),
				 cases[i].result);
		assert_int_equal(error.code, cases[i].code);
		assert_string_equal(error.operation, "bind to vfio-pci");
		/* Nothing changes in this tree: the override could not be seen to be cleared. */
		drop(tree, "state/journals/0000:04:11.5");
	}
}

static void what_is_so_already_is_left_alone(void **state)
{
	struct vfiobind_detach_options options = VFIOBIND_DETACH_OPTIONS_INIT;
	const struct tree *tree = *state;
	struct vfiobind_result *result;

	assert_int_equal(vfiobind_device_reattach(tree->context, &vf, 1, NULL, &result, NULL), 0);
	assert_false(result->devices[0]->changed);
	assert_string_equal(result->devices[0]->from, "igbvf");
	assert_string_equal(result->devices[0]->to, "igbvf");
	vfiobind_result_free(result);

	put_link(tree, "../../../bus/pci/drivers/vfio-pci-igbvf", "sys/devices/pci0000:00/0000:04:11.5/driver");
	put(tree, "", "sys/devices/pci0000:00/0000:04:11.5/vfio-dev/vfio0/uevent");
	options.driver = "vfio_pci_igbvf";
	assert_int_equal(vfiobind_device_detach(tree->context, &vf, 1, &options, &result, NULL), 0);
	assert_false(result->devices[0]->changed);
	assert_string_equal(result->devices[0]->vfio->device, "vfio0");
	assert_int_equal(result->devices[0]->n_actions, 0);
	vfiobind_result_free(result);
	assert_string_equal(slurp(tree, "sys/bus/pci/drivers_probe"), "");
}

static void a_reattach_clears_only_an_override_for_vfio(void **state)
{
	static const struct {
		const char *driver, *driver_override;
		size_t n_actions;
	} cases[] = {
		{"vfio-pci-igbvf", "vfio-pci-igbvf\n", 3}, /* clear, unbind, probe */
		{"vfio-pci-igbvf", "(null)\n", 2},
		{"vfio-pci-igbvf", "igbvf\n", 2}, /* somebody else's */
		{"vfio-pci-igbvf", "vfio-pci\n", 3},
		{NULL, "vfio-pci\n", 2},
		{NULL, "(null)\n", 1}, /* asked for by name */
		{NULL, "igbvf\n", 1},
		{"igbvf", "vfio-pci\n", 0},
	};
	struct vfiobind_reattach_options options = VFIOBIND_REATTACH_OPTIONS_INIT;
	const struct tree *tree = *state;

	options.dry_run = true;
	put(tree, "", "sys/devices/pci0000:00/0000:04:11.5/vfio-dev/vfio0/uevent");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vfiobind_result *result;
		char target[64];

		if (cases[i].driver && strcmp(cases[i].driver, "igbvf") == 0) {
			drop(tree, "sys/devices/pci0000:00/0000:04:11.5/vfio-dev/vfio0/uevent");
			drop(tree, "sys/devices/pci0000:00/0000:04:11.5/vfio-dev/vfio0");
			drop(tree, "sys/devices/pci0000:00/0000:04:11.5/vfio-dev");
		}
		snprintf(target, sizeof(target), "../../../bus/pci/drivers/%s",
			 cases[i].driver ? cases[i].driver : "x");
		put_link(tree, target, "sys/devices/pci0000:00/0000:04:11.5/driver");
		if (!cases[i].driver)
			drop(tree, "sys/devices/pci0000:00/0000:04:11.5/driver");
		put(tree, cases[i].driver_override, "sys/devices/pci0000:00/0000:04:11.5/driver_override");
		assert_int_equal(vfiobind_device_reattach(tree->context, &vf, 1, &options, &result, NULL), 0);
		assert_int_equal(result->devices[0]->n_actions, cases[i].n_actions);
		assert_int_equal(result->devices[0]->changed, cases[i].n_actions > 0);
		vfiobind_result_free(result);
	}
}

/* What is refused because somebody uses the device, and what is then found; and nothing was written. */
static void check_in_use(const struct tree *tree, enum vfiobind_error_code code, const char *found)
{
	struct vfiobind_detach_options options = VFIOBIND_DETACH_OPTIONS_INIT;
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_result *result;

	options.driver = "vfio-pci";
	options.dry_run = true;
	assert_int_equal(vfiobind_device_detach(tree->context, &vf, 1, &options, NULL, &error), -EBUSY);
	assert_int_equal(error.code, code);
	assert_string_equal(error.found, found);
	assert_int_equal(error.state, VFIOBIND_STATE_UNTOUCHED);
	assert_true(vfiobind_error_code_can_be_forced(code));

	options.force = true;
	assert_int_equal(vfiobind_device_detach(tree->context, &vf, 1, &options, &result, &error), 0);
	assert_int_equal(result->devices[0]->n_warnings, 1);
	assert_non_null(strstr(result->devices[0]->warnings[0], found));
	vfiobind_result_free(result);
}

static void an_interface_that_is_part_of_another_is_in_use(void **state)
{
	const struct tree *tree = *state;

	put(tree, "0x1002\n", "sys/class/net/eth7/flags");
	put(tree, "", "sys/devices/pci0000:00/0000:04:11.5/net/eth7/uevent");
	put_link(tree, "../br0", "sys/class/net/eth7/master");
	check_in_use(tree, VFIOBIND_ERROR_NETDEV_IN_USE, "eth7 is part of a bridge or bond");
	drop(tree, "sys/class/net/eth7/master");
	put(tree, "0x1003\n", "sys/class/net/eth7/flags");
	check_in_use(tree, VFIOBIND_ERROR_NETDEV_IN_USE, "eth7 is up");
}

static void a_disk_that_somebody_uses_is_in_use(void **state)
{
	static const char disk[] = "sys/devices/pci0000:00/0000:04:11.5/nvme/nvme0/nvme0n1";
	const struct tree *tree = *state;

	put(tree, "259:0\n", "%s/dev", disk);
	put(tree, "259:1\n", "%s/nvme0n1p1/dev", disk);
	put(tree, "7:7\n", "sys/devices/pci0000:00/0000:04:11.5/nvme/nvme0/hwmon0/dev");
	put(tree,
	    "22 1 7:7 / / rw - ext4 /dev/root rw\n"
	    "25 22 259:1 / /srv/it\\040is rw - ext4 /dev/nvme0n1p1 rw\n",
	    "proc/self/mountinfo");
	check_in_use(tree, VFIOBIND_ERROR_BLOCK_IN_USE, "nvme0n1p1 is mounted on /srv/it\\040is");
	put(tree, "22 1 7:7 / / rw - ext4 /dev/root rw\n", "proc/self/mountinfo");
	put(tree, "Filename Type Size Used Priority\n/dev/nvme0n1p1 partition 1 0 -2\n", "proc/swaps");
	check_in_use(tree, VFIOBIND_ERROR_BLOCK_IN_USE, "nvme0n1p1 is swapped on");
	drop(tree, "proc/swaps");
	put_link(tree, "../../md127", "%s/holders/md127", disk);
	check_in_use(tree, VFIOBIND_ERROR_BLOCK_IN_USE, "nvme0n1 is part of md127");
}

static void check_reset(const struct tree *tree, const char *method, int result, enum vfiobind_error_code code)
{
	struct vfiobind_reset_options options = VFIOBIND_RESET_OPTIONS_INIT;
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_reset *reset = NULL;

	options.method = method;
	assert_int_equal(vfiobind_device_reset(tree->context, &vf, &options, &reset, &error), result);
	assert_int_equal(error.code, code);
	assert_int_equal(error.state, VFIOBIND_STATE_UNTOUCHED);
	assert_true(!result == !!reset);
	assert_true(!reset || !reset->methods);
	vfiobind_reset_free(reset);
}

/* Before Linux 5.15 there was no reset_method; where a device cannot be reset there is no reset. */
static void a_reset_needs_what_the_kernel_has_for_it(void **state)
{
	static const char device[] = "sys/devices/pci0000:00/0000:04:11.5";
	const struct tree *tree = *state;

	check_reset(tree, NULL, -EBUSY, VFIOBIND_ERROR_DRIVER_BOUND);
	put_link(tree, "../../../bus/pci/drivers/pci-stub", "%s/driver", device);
	check_reset(tree, NULL, -ENOTTY, VFIOBIND_ERROR_NO_RESET_METHOD);
	put(tree, "", "%s/reset", device);
	check_reset(tree, "flr", -EINVAL, VFIOBIND_ERROR_RESET_METHOD_REFUSED);
	assert_string_equal(slurp(tree, "%s/reset", device), "");
	check_reset(tree, NULL, 0, VFIOBIND_ERROR_NONE);
	assert_string_equal(slurp(tree, "%s/reset", device), "1");
	put_link(tree, "../../../bus/pci/drivers/uio_pci_generic", "%s/driver", device);
	check_reset(tree, NULL, -EBUSY, VFIOBIND_ERROR_DRIVER_BOUND);
}

static void a_group_is_taken_without_its_bridges(void **state)
{
	static const unsigned char bridge[64] = {[0x0e] = 0x01};
	struct vfiobind_detach_options options = VFIOBIND_DETACH_OPTIONS_INIT;
	const struct tree *tree = *state;
	struct vfiobind_result *result;

	put_device(tree, "0000:04:11.6", NULL, 14);
	put_device(tree, "0000:00:1c.0", "pcieport", 14);
	put_bytes(tree, bridge, sizeof(bridge), "sys/devices/pci0000:00/0000:00:1c.0/config");
	put_device(tree, "0000:00:00.0", NULL, 14);
	put(tree, "0x060000\n", "sys/devices/pci0000:00/0000:00:00.0/class");
	options.driver = "vfio-pci";
	options.dry_run = true;
	options.whole_group = true;
	assert_int_equal(vfiobind_device_detach(tree->context, &vf, 1, &options, &result, NULL), 0);
	assert_int_equal(result->n_devices, 2);
	assert_int_equal(vfiobind_address_compare(&result->devices[0]->address, &vf), 0);
	assert_int_equal(result->devices[1]->address.function, 6);
	vfiobind_result_free(result);
}

/* What another thread prints must not land in an attribute. */
static void no_descriptor_of_sysfs_is_a_standard_stream(void **state)
{
	const struct tree *tree = *state;
	struct vfiobind_detach_options options = VFIOBIND_DETACH_OPTIONS_INIT;
	int saved[3], fd;

	for (int i = 0; i < 3; i++)
		saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
	for (int i = 0; i < 3; i++)
		close(i);
	options.driver = "vfio-pci";
	vfiobind_device_detach(tree->context, &vf, 1, &options, NULL, NULL);
	/* The context keeps its directory open: it must have left 0 free. */
	fd = open("/dev/null", O_RDWR);
	for (int i = 0; i < 3; i++)
		dup2(saved[i], i);
	for (int i = 0; i < 3; i++)
		close(saved[i]);
	assert_int_equal(fd, 0);
}

/* Neither a variant nor vfio-pci. */
static void without_any_vfio_driver_a_detach_is_refused(void **state)
{
	struct vfiobind_detach_options options = VFIOBIND_DETACH_OPTIONS_INIT;
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	const struct tree *tree = *state;

	put(tree, "", "modules/modules.alias");
	drop(tree, "sys/module/vfio_pci/drivers/pci:vfio-pci");
	assert_int_equal(vfiobind_device_detach(tree->context, &vf, 1, &options, NULL, &error), -ENOENT);
	assert_int_equal(error.code, VFIOBIND_ERROR_DRIVER_NOT_FOUND);
	assert_int_equal(error.state, VFIOBIND_STATE_UNTOUCHED);
	assert_non_null(strstr(error.found, "vfio_pci"));
}

static void what_is_left_out_is_an_invalid_argument(void **state)
{
	const struct tree *tree = *state;
	struct vfiobind_context *context = tree->context;
	struct vfiobind_ranking *ranking;
	struct vfiobind_devices *devices;
	struct vfiobind_device *device;
	struct vfiobind_report *report;
	struct vfiobind_address address, *addresses;
	size_t n;

	assert_int_equal(vfiobind_device_detach(NULL, &vf, 1, NULL, NULL, NULL), -EINVAL);
	assert_int_equal(vfiobind_device_detach(context, NULL, 1, NULL, NULL, NULL), -EINVAL);
	assert_int_equal(vfiobind_device_detach(context, &vf, 0, NULL, NULL, NULL), -EINVAL);
	assert_int_equal(vfiobind_device_reattach(NULL, &vf, 1, NULL, NULL, NULL), -EINVAL);
	assert_int_equal(vfiobind_device_reattach(context, NULL, 1, NULL, NULL, NULL), -EINVAL);
	assert_int_equal(vfiobind_device_reattach(context, &vf, 0, NULL, NULL, NULL), -EINVAL);
	assert_int_equal(vfiobind_repair(NULL, NULL, NULL, NULL), -EINVAL);
	assert_int_equal(vfiobind_driver_rank(NULL, &vf, &ranking, NULL), -EINVAL);
	assert_int_equal(vfiobind_driver_rank(context, NULL, &ranking, NULL), -EINVAL);
	assert_int_equal(vfiobind_driver_rank(context, &vf, NULL, NULL), -EINVAL);
	assert_int_equal(vfiobind_device_read(NULL, &vf, &device, NULL), -EINVAL);
	assert_int_equal(vfiobind_device_read(context, NULL, &device, NULL), -EINVAL);
	assert_int_equal(vfiobind_device_read(context, &vf, NULL, NULL), -EINVAL);
	assert_int_equal(vfiobind_devices_read(NULL, &devices, NULL), -EINVAL);
	assert_int_equal(vfiobind_devices_read(context, NULL, NULL), -EINVAL);
	assert_int_equal(vfiobind_device_find(NULL, "0000:04:11.5", &address, NULL), -EINVAL);
	assert_int_equal(vfiobind_device_find(context, NULL, &address, NULL), -EINVAL);
	assert_int_equal(vfiobind_device_list(NULL, &addresses, &n, NULL), -EINVAL);
	assert_int_equal(vfiobind_host_check(NULL, &report, NULL), -EINVAL);
	assert_int_equal(vfiobind_host_check(context, NULL, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_on_tree(what_cannot_be_detached_is_refused_by_its_own_code_and_untouched),
		test_on_tree(a_dry_run_says_each_store_and_does_none),
		test_on_tree(hyphens_name_a_driver_with_underscores),
		test_on_tree(stores_that_change_nothing_are_not_believed),
		test_on_tree(what_is_no_file_is_not_stored_into),
		test_on_tree(why_nothing_was_bound_is_said_where_it_shows),
		test_on_tree(what_is_so_already_is_left_alone),
		test_on_tree(a_reattach_clears_only_an_override_for_vfio),
		test_on_tree(an_interface_that_is_part_of_another_is_in_use),
		test_on_tree(a_disk_that_somebody_uses_is_in_use),
		test_on_tree(a_reset_needs_what_the_kernel_has_for_it),
		test_on_tree(a_group_is_taken_without_its_bridges),
		test_on_tree(no_descriptor_of_sysfs_is_a_standard_stream),
		test_on_tree(without_any_vfio_driver_a_detach_is_refused),
		test_on_tree(what_is_left_out_is_an_invalid_argument),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
