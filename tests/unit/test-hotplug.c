/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Functions that are plugged in and pulled out, by hand and by a rule at any step, on the bare model. */
#include "actors.h"
#include "model.h"
#include "q35-machine.h"

#include "kernel/step-internal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NIC "0000:01:00.0"
#define NIC_DIR "bus/pci/devices/" NIC
#define PF "0000:02:00.0"
#define VF0 "0000:02:10.0"
#define VF1 "0000:02:10.2"
#define PORT "0000:00:02.0"
#define CONTROL "kernel/debug/mocksys/"

static struct kernel *k;

static const struct device_model plugged = {.name = "plugged",
					    .vendor = 0x1234,
					    .device = 0x5678,
					    .class_code = 0x020000,
					    .config_size = 256,
					    .bars = {{0x1000, 0x40200}}};

static const struct device_model *find_model(void *context, const char *name)
{
	return strcmp(name, "plugged") ? NULL : &plugged;
}

static int set_up(void **state)
{
	static const struct kernel_host host = {.find_model = find_model};
	char *error = NULL;

	kernel_enter(&(struct client){.pid = 7, .actor = "test"});
	assert_int_equal(kernel_new(&q35_machine, NULL, &host, &k, &error), 0);
	kernel_lock(k);
	assert_int_equal(kernel_modprobe(k, "e1000e"), 0);
	assert_int_equal(kernel_modprobe(k, "igb"), 0);
	assert_int_equal(kernel_modprobe(k, "vfio_pci"), 0);
	step_trace_clear(k);
	kernel_unlock(k);
	return 0;
}

static int tear_down(void **state)
{
	kernel_free(k);
	return 0;
}

static void control(const char *file, const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), CONTROL "%s", file);
	assert_int_equal(model_write(k, path, text), (long)strlen(text));
}

static const char *driver_of(const char *address)
{
	char path[64];
	const char *target;

	snprintf(path, sizeof(path), "bus/pci/devices/%s/driver", address);
	target = model_readlink(k, path);
	return target ? strrchr(target, '/') + 1 : "";
}

static bool is_there(const char *address)
{
	char path[64];

	snprintf(path, sizeof(path), "bus/pci/devices/%s", address);
	return model_exists(k, path);
}

/* "ACTION SUBSYSTEM-OR-NAME" of each uevent since the last time, blank separated; the last part of its path. */
static char *uevents(void)
{
	char *text = NULL, *message;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	kernel_lock(k);
	while (kernel_next_uevent(k, &message)) {
		fprintf(stream, "%s%.*s %s", ftell(stream) ? ", " : "", (int)strcspn(message, "@"), message,
			strrchr(message, '/') + 1);
		free(message);
	}
	kernel_unlock(k);
	fclose(stream);
	return text;
}

static void assert_uevents(const char *expected)
{
	char *heard = uevents();

	assert_string_equal(heard, expected);
	free(heard);
}

static void forget_uevents(void)
{
	free(uevents());
}

/* ---- by hand ---- */

static void what_is_pulled_out_is_gone_and_no_rescan_finds_it(void **state)
{
	char *before = model_dump(k), *after;

	forget_uevents();
	control("hotplug", "remove " NIC "\n");
	assert_uevents("remove ptp0, remove rx-0, remove tx-0, remove eth0, unbind " NIC
		       ", remove wakeup0, remove " NIC);
	assert_false(is_there(NIC));
	assert_false(model_exists(k, "kernel/iommu_groups/6"));
	assert_int_equal(model_write(k, "bus/pci/rescan", "1"), 1);
	assert_false(is_there(NIC));
	control("reset", "1");
	kernel_lock(k);
	assert_int_equal(kernel_modprobe(k, "e1000e"), 0);
	assert_int_equal(kernel_modprobe(k, "igb"), 0);
	assert_int_equal(kernel_modprobe(k, "vfio_pci"), 0);
	kernel_unlock(k);
	after = model_dump(k);
	assert_string_equal(before, after);
	free(before);
	free(after);
}

static void what_is_plugged_in_again_is_as_it_was(void **state)
{
	char before[8192], after[8192];

	assert_true(model_read(k, NIC_DIR "/resource", before, sizeof(before)) > 0);
	control("hotplug", "remove " NIC);
	forget_uevents();
	control("hotplug", "add " NIC " nic group=6");
	assert_uevents("add " NIC ", add ptp0, add eth0, add rx-0, add tx-0, bind " NIC);
	assert_string_equal(driver_of(NIC), "e1000e");
	assert_true(model_exists(k, "kernel/iommu_groups/6/devices/" NIC));
	assert_true(model_read(k, NIC_DIR "/resource", after, sizeof(after)) > 0);
	assert_string_equal(before, after);
	/* And it can be removed and found, like any other. */
	assert_int_equal(model_write(k, NIC_DIR "/remove", "1"), 1);
	assert_false(is_there(NIC));
	assert_int_equal(model_write(k, "bus/pci/rescan", "1"), 1);
	assert_string_equal(driver_of(NIC), "e1000e");
}

static void another_model_has_addresses_of_its_own(void **state)
{
	char text[8192];

	control("hotplug", "add 0000:01:00.1 plugged");
	assert_true(is_there("0000:01:00.1"));
	assert_string_equal(driver_of("0000:01:00.1"), "");
	assert_true(model_read(k, "bus/pci/devices/0000:01:00.1/vendor", text, sizeof(text)) > 0);
	assert_string_equal(text, "0x1234\n");
	assert_true(model_read(k, "bus/pci/devices/0000:01:00.1/resource", text, sizeof(text)) > 0);
	assert_memory_equal(text, "0x00000000f0000000 0x00000000f0000fff ", 38);
	/* The lowest free group. */
	assert_string_equal(strrchr(model_readlink(k, "bus/pci/devices/0000:01:00.1/iommu_group"), '/'), "/0");
	control("hotplug", "add 0000:01:00.2 plugged group=42");
	assert_string_equal(strrchr(model_readlink(k, "bus/pci/devices/0000:01:00.2/iommu_group"), '/'), "/42");
	assert_true(model_read(k, "bus/pci/devices/0000:01:00.2/resource", text, sizeof(text)) > 0);
	assert_memory_equal(text, "0x00000000f0001000 0x00000000f0001fff ", 38);
	control("reset", "1");
	assert_false(is_there("0000:01:00.1"));
}

static void what_cannot_be_is_refused_with_a_reason(void **state)
{
	static const struct {
		const char *request;
		int error;
		const char *why;
	} requests[] = {
		{"add", -EINVAL, "is wanted"},
		{"remove", -EINVAL, "is wanted"},
		{"remove " NIC " now", -EINVAL, "is wanted"},
		{"add 0000:01:00.1 nic groups=1", -EINVAL, "is wanted"},
		{"add 0000:01:00.1 nic group=x", -EINVAL, "is wanted"},
		{"add 0000:01:00.1 nic group=1 more", -EINVAL, "is wanted"},
		{"swap " NIC, -EINVAL, "is wanted"},
		{"remove 0000:09:00.0", -ENODEV, "no such device on the bus"},
		{"add 01:00.1 nic", -EINVAL, "not the address of a PCI function"},
		{"add " NIC " nic", -EEXIST, "there is a device at this address"},
		{"add 0000:09:00.0 nic", -ENODEV, "no such bus"},
		{"add 0000:01:00.1 toaster", -ENOENT, "know such a model"},
		{"add 0000:01:00.1 port", -EINVAL, "bridges cannot be plugged in"},
	};

	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		char *trace;
		long ret;

		control("trace", "clear");
		ret = model_write(k, CONTROL "hotplug", requests[i].request);
		kernel_lock(k);
		trace = kernel_trace(k);
		kernel_unlock(k);
		if (ret != requests[i].error || !strstr(trace, "/hotplug value=") || !strstr(trace, requests[i].why))
			fail_msg("%s: %ld %s", requests[i].request, ret, trace);
		free(trace);
	}
}

static void make_vfs(void)
{
	assert_int_equal(model_write(k, "bus/pci/devices/" PF "/sriov_numvfs", "2"), 1);
	assert_true(is_there(VF0) && is_there(VF1));
}

static void a_vf_goes_alone(void **state)
{
	make_vfs();
	control("hotplug", "remove " VF0);
	assert_false(is_there(VF0));
	assert_true(is_there(VF1));
	assert_false(model_exists(k, "bus/pci/devices/" PF "/virtfn0"));
	assert_true(model_exists(k, "bus/pci/devices/" PF "/virtfn1"));
	assert_int_equal(model_write(k, "bus/pci/devices/" PF "/sriov_numvfs", "0"), 1);
	assert_false(is_there(VF1));
	make_vfs();
}

static void assert_answers_ones(const char *address)
{
	char path[64], text[16];

	snprintf(path, sizeof(path), "bus/pci/devices/%s/config", address);
	/* More than the IDs: a VF's are ones at any time. */
	assert_int_equal(model_read(k, path, text, 9), 8);
	assert_memory_equal(text, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
}

static void a_pf_takes_its_vfs_along(void **state)
{
	make_vfs();
	control("faults", "pci.unplug hold");
	control("hotplug", "remove " PF);
	/* All at once, whatever the kernel knows of it. */
	assert_answers_ones(PF);
	assert_answers_ones(VF0);
	control("release", "1");
	assert_false(is_there(PF) || is_there(VF0) || is_there(VF1));
}

static void a_bridge_takes_along_what_is_behind_it(void **state)
{
	control("hotplug", "remove " PORT);
	assert_false(is_there(PORT) || is_there(NIC));
	assert_int_equal(model_write(k, "bus/pci/rescan", "1"), 1);
	assert_false(is_there(PORT) || is_there(NIC));
	assert_int_equal(model_write(k, CONTROL "hotplug", "add " NIC " nic"), -ENODEV);
}

/* ---- what must wait ---- */

static void give_to_vfio(void)
{
	assert_int_equal(model_write(k, NIC_DIR "/driver_override", "vfio-pci"), 8);
	assert_int_equal(model_write(k, "bus/pci/drivers/e1000e/unbind", NIC), 12);
	assert_int_equal(model_write(k, "bus/pci/drivers_probe", NIC), 12);
}

static void the_kernel_waits_for_users_while_others_go_on(void **state)
{
	give_to_vfio();
	control("users", "open " NIC);
	control("hotplug", "remove " NIC);
	/* Its driver is leaving; what is left of it says nothing but ones. */
	assert_true(is_there(NIC));
	assert_string_equal(driver_of(NIC), "");
	assert_answers_ones(NIC);
	assert_int_equal(model_write(k, "bus/pci/drivers/igb/unbind", PF), 12);
	control("users", "close " NIC);
	/* The close has returned: it is gone. */
	assert_false(is_there(NIC));
}

static void a_held_removal_is_the_hotplug_threads(void **state)
{
	char *held;

	control("faults", "pci.remove-device actor=hotplug hold");
	control("hotplug", "remove " NIC);
	kernel_lock(k);
	held = step_held_text(k);
	kernel_unlock(k);
	assert_string_equal(held, "1 hotplug pci.remove-device device=" NIC "\n");
	free(held);
	assert_true(is_there(NIC));
	control("release", "1");
	assert_false(is_there(NIC));
}

static void a_reset_ends_a_removal_that_waits(void **state)
{
	give_to_vfio();
	control("users", "open " NIC);
	control("hotplug", "remove " NIC);
	control("reset", "1");
	assert_true(is_there(NIC));
}

/* ---- vanish ---- */

/* A device that vanishes while its lock is held goes once that is let go, and before the write returns. */
static void a_device_that_vanishes_while_it_is_probed_is_gone_when_the_write_returns(void **state)
{
	assert_int_equal(model_write(k, "bus/pci/drivers/e1000e/unbind", NIC), 12);
	control("faults", "dd.probe device=" NIC " vanish");
	assert_int_equal(model_write(k, "bus/pci/drivers/e1000e/bind", NIC), 12);
	assert_false(is_there(NIC));
	control("reset", "1");
	kernel_lock(k);
	assert_int_equal(kernel_modprobe(k, "e1000e"), 0);
	kernel_unlock(k);
	assert_int_equal(model_write(k, "bus/pci/drivers/e1000e/unbind", NIC), 12);
	/* A driver that notices. */
	control("faults", "dd.probe vanish fail=EIO times=1");
	assert_int_equal(model_write(k, "bus/pci/drivers/e1000e/bind", NIC), -EIO);
	assert_false(is_there(NIC));
}

static const struct {
	const char *path, *data;
} writes[] = {
	{"bus/pci/drivers/e1000e/unbind", NIC},
	{"bus/pci/drivers/e1000e/bind", NIC},
	{NIC_DIR "/driver_override", "vfio-pci"},
	{"bus/pci/drivers/e1000e/unbind", NIC},
	{"bus/pci/drivers_probe", NIC},
	{NIC_DIR "/reset", "1"},
	{NIC_DIR "/uevent", "add"},
	{"bus/pci/drivers/vfio-pci/unbind", NIC},
	{NIC_DIR "/enable", "1"},
	{NIC_DIR "/remove", "1"},
	{"bus/pci/rescan", "1"},
};

static void boot_again(void)
{
	control("reset", "1");
	kernel_lock(k);
	assert_int_equal(kernel_modprobe(k, "e1000e"), 0);
	assert_int_equal(kernel_modprobe(k, "vfio_pci"), 0);
	kernel_unlock(k);
}

/* Whatever they are at: the same is left of it. */
static void at_whatever_step_a_device_vanishes_nothing_is_left_of_it(void **state)
{
	char *expected, *found;
	unsigned n_fired = 0;

	boot_again();
	control("hotplug", "remove " NIC);
	assert_int_equal(model_write(k, "bus/pci/rescan", "1"), 1);
	expected = model_dump(k);
	for (int step = 0; step < STEP_COUNT; step++)
		for (unsigned after = 0; after < 4; after++) {
			char rule[128];

			boot_again();
			snprintf(rule, sizeof(rule), "%s device=" NIC " after=%u times=1 vanish", step_name(step),
				 after);
			if (model_write(k, CONTROL "faults", rule) < 0)
				break; /* it cannot wait */
			for (size_t i = 0; i < sizeof(writes) / sizeof(*writes); i++)
				model_write(k, writes[i].path, writes[i].data);
			if (is_there(NIC))
				continue; /* it never came */
			n_fired++;
			found = model_dump(k);
			if (strcmp(found, expected))
				fail_msg("%s left something:\n%s", rule, found);
			free(found);
		}
	assert_true(n_fired > 30);
	free(expected);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_is_pulled_out_is_gone_and_no_rescan_finds_it),
		TEST(what_is_plugged_in_again_is_as_it_was),
		TEST(another_model_has_addresses_of_its_own),
		TEST(what_cannot_be_is_refused_with_a_reason),
		TEST(a_vf_goes_alone),
		TEST(a_pf_takes_its_vfs_along),
		TEST(a_bridge_takes_along_what_is_behind_it),
		TEST(the_kernel_waits_for_users_while_others_go_on),
		TEST(a_held_removal_is_the_hotplug_threads),
		TEST(a_reset_ends_a_removal_that_waits),
		TEST(a_device_that_vanishes_while_it_is_probed_is_gone_when_the_write_returns),
		TEST(at_whatever_step_a_device_vanishes_nothing_is_left_of_it),
	};

	return cmocka_run_group_tests_name("hotplug", tests, NULL, NULL);
}
