/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The order of uevents when devices, VFs and modules come and go: the fixed frame that a real kernel keeps. */
#include "model.h"
#include "q35-machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PF "0000:02:00.0"
#define PF_DIR "bus/pci/devices/" PF
#define NIC "0000:01:00.0"

static struct kernel *k;

/* `ACTION SUBSYSTEM NAME` of each event since the last call, one a line. */
static char *events(void)
{
	char *text = NULL, *message;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	kernel_lock(k);
	while (kernel_next_uevent(k, &message)) {
		const char *path = strchr(message, '@') + 1,
			   *action = message + strlen(message) + 1 + strlen("ACTION=");
		const char *subsystem = strchr(strchr(action, '\0') + 1, '\0') + 1 + strlen("SUBSYSTEM=");

		fprintf(out, "%s %s %s\n", action, subsystem, strrchr(path, '/') + 1);
		free(message);
	}
	kernel_unlock(k);
	fclose(out);
	return text;
}

static void expect(const char *expected)
{
	char *actual = events();

	assert_string_equal(actual, expected);
	free(actual);
}

static void forget(void)
{
	free(events());
}

static void modprobe(const char *name)
{
	kernel_lock(k);
	assert_int_equal(kernel_modprobe(k, name), 0);
	kernel_unlock(k);
}

static void write_ok(const char *path, const char *data)
{
	assert_int_equal(model_write(k, path, data), (long)strlen(data));
}

static int set_up(void **state)
{
	k = model_new(&q35_machine, NULL);
	return 0;
}

static int tear_down(void **state)
{
	kernel_free(k);
	return 0;
}

static void a_module_binds_before_it_is_announced(void **state)
{
	modprobe("igb");
	expect("add wakeup wakeup0\n"
	       "add net eth0\nadd queues rx-0\nadd queues tx-0\n"
	       "add ptp ptp0\n"
	       "bind pci " PF "\n"
	       "add drivers igb\n"
	       "add module igb\n");
}

static void vfs_are_added_changed_and_bound_one_by_one_and_the_pf_last(void **state)
{
	modprobe("igb");
	modprobe("vfio_pci");
	forget();
	write_ok(PF_DIR "/sriov_numvfs", "2");
	/* No driver here knows the VFs. */
	expect("add pci 0000:02:10.0\nchange pci 0000:02:10.0\n"
	       "add pci 0000:02:10.2\nchange pci 0000:02:10.2\n"
	       "change pci " PF "\n");
	assert_string_equal(model_readlink(k, PF_DIR "/virtfn1"), "../0000:02:10.2");
	assert_string_equal(model_readlink(k, "bus/pci/devices/0000:02:10.2/physfn"), "../" PF);
	write_ok("bus/pci/devices/0000:02:10.2/driver_override", "vfio-pci");
	write_ok("bus/pci/drivers_probe", "0000:02:10.2");
	expect("add vfio 3\nadd vfio-dev vfio0\nbind pci 0000:02:10.2\n");
	write_ok(PF_DIR "/sriov_numvfs", "0");
	/* And no change event of the PF. */
	expect("remove pci 0000:02:10.0\n"
	       "remove vfio-dev vfio0\nremove vfio 3\nunbind pci 0000:02:10.2\nremove pci 0000:02:10.2\n");
}

static void igb_takes_its_vfs_along_between_clock_and_interface(void **state)
{
	modprobe("igb");
	write_ok(PF_DIR "/sriov_numvfs", "1");
	forget();
	write_ok("bus/pci/drivers/igb/unbind", PF);
	expect("remove ptp ptp0\n"
	       "remove pci 0000:02:10.0\n"
	       "remove queues rx-0\nremove queues tx-0\nremove net eth0\n"
	       "unbind pci " PF "\n");
	assert_false(model_exists(k, "bus/pci/devices/0000:02:10.0"));
}

static void removal_and_rescan_bring_back_address_group_and_driver(void **state)
{
	char *before, *after;

	modprobe("e1000e");
	forget();
	write_ok("bus/pci/devices/" NIC "/remove", "1");
	expect("remove ptp ptp0\nremove queues rx-0\nremove queues tx-0\nremove net eth0\n"
	       "unbind pci " NIC "\nremove wakeup wakeup0\nremove pci " NIC "\n");
	assert_false(model_exists(k, "kernel/iommu_groups/6"));
	write_ok("bus/pci/rescan", "1");
	/* But for the wakeup device: its port, which makes devices able to wake, knows nothing of late comers. */
	expect("add pci " NIC "\n"
	       "add ptp ptp0\nadd net eth0\nadd queues rx-0\nadd queues tx-0\n"
	       "bind pci " NIC "\n");
	assert_true(model_exists(k, "kernel/iommu_groups/6/devices/" NIC));
	before = model_list(k, "bus/pci/devices/" NIC);
	write_ok("bus/pci/devices/" NIC "/remove", "1");
	write_ok("bus/pci/rescan", "1");
	after = model_list(k, "bus/pci/devices/" NIC);
	assert_string_equal(before, after);
	free(before);
	free(after);
}

static void a_bridge_takes_what_is_below_it_along(void **state)
{
	write_ok("bus/pci/devices/0000:00:03.0/remove", "1");
	/* All are stopped first. */
	expect("unbind pci 0000:00:03.0\nremove pci " PF "\nremove pci_bus 0000:02\nremove pci 0000:00:03.0\n");
	write_ok("bus/pci/rescan", "1");
	expect("add pci 0000:00:03.0\nadd pci_bus 0000:02\nadd pci " PF "\n"
	       "change pci 0000:00:03.0\nchange pci " PF "\nbind pci 0000:00:03.0\n");
}

static void queues_come_in_ascending_and_go_in_descending_order(void **state)
{
	struct driver_desc wide = *q35_machine.drivers[0];
	const struct driver_desc *drivers[] = {&wide, q35_machine.drivers[3]};
	struct machine machine = q35_machine;

	wide.net.rx_queues = wide.net.tx_queues = 2;
	machine.drivers = drivers;
	machine.n_drivers = 2;
	kernel_free(k);
	k = model_new(&machine, NULL);
	modprobe("e1000e");
	expect("add wakeup wakeup0\nadd ptp ptp0\n"
	       "add net eth0\nadd queues rx-0\nadd queues rx-1\nadd queues tx-0\nadd queues tx-1\n"
	       "bind pci " NIC "\nadd drivers e1000e\nadd module e1000e\n");
	write_ok("bus/pci/drivers/e1000e/unbind", NIC);
	expect("remove ptp ptp0\n"
	       "remove queues rx-1\nremove queues rx-0\nremove queues tx-1\nremove queues tx-0\nremove net eth0\n"
	       "unbind pci " NIC "\n");
	/* The machine ends with this function: tear_down() gets another. */
	kernel_free(k);
	k = model_new(&q35_machine, NULL);
}

static void unloading_unbinds_the_last_bound_first(void **state)
{
	modprobe("vfio_pci");
	write_ok("bus/pci/devices/0000:00:1f.3/driver_override", "vfio-pci");
	write_ok("bus/pci/devices/0000:00:1f.2/driver_override", "vfio-pci");
	write_ok("bus/pci/drivers_probe", "0000:00:1f.3");
	write_ok("bus/pci/drivers_probe", "0000:00:1f.2");
	forget();
	kernel_lock(k);
	assert_int_equal(kernel_delete_module(k, "vfio-pci"), 0);
	kernel_unlock(k);
	expect("remove vfio-dev vfio1\nunbind pci 0000:00:1f.2\n"
	       "remove vfio-dev vfio0\nremove vfio 5\nunbind pci 0000:00:1f.3\n"
	       "remove drivers vfio-pci\nremove module vfio_pci\n");
}

static void synthetic_events_carry_what_was_written(void **state)
{
	char *message;
	const char *key;
	size_t size;

	forget();
	write_ok("bus/pci/devices/" NIC "/uevent", "change 12345678-1234-1234-1234-123456789abc A=1");
	kernel_lock(k);
	size = kernel_next_uevent(k, &message);
	kernel_unlock(k);
	assert_true(size > 0);
	key = memmem(message, size, "SYNTH_UUID=12345678-1234-1234-1234-123456789abc", 48);
	assert_non_null(key);
	assert_non_null(memmem(message, size, "SYNTH_ARG_A=1", 14));
	free(message);
	write_ok("bus/pci/devices/" NIC "/uevent", "add\n");
	kernel_lock(k);
	size = kernel_next_uevent(k, &message);
	kernel_unlock(k);
	assert_non_null(memmem(message, size, "SYNTH_UUID=0", 13));
	free(message);
	assert_true(model_write(k, "bus/pci/devices/" NIC "/uevent", "explode") < 0);
	assert_true(model_write(k, "bus/pci/devices/" NIC "/uevent", "add not-a-uuid") < 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_module_binds_before_it_is_announced),
		TEST(vfs_are_added_changed_and_bound_one_by_one_and_the_pf_last),
		TEST(igb_takes_its_vfs_along_between_clock_and_interface),
		TEST(removal_and_rescan_bring_back_address_group_and_driver),
		TEST(a_bridge_takes_what_is_below_it_along),
		TEST(queues_come_in_ascending_and_go_in_descending_order),
		TEST(unloading_unbinds_the_last_bound_first),
		TEST(synthetic_events_carry_what_was_written),
	};

	return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
