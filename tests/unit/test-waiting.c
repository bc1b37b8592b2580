/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What waits for what: the device lock, the drain of removed files, users of a VFIO device; and that every wait ends
 * when the machine is reset or the server goes. Steps are held by rules; a test goes on when the step is held, never after a time.
 */
#include "actors.h"
#include "model.h"
#include "q35-machine.h"

#include "kernel/base.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NIC "0000:01:00.0"
#define NIC_DIR "bus/pci/devices/" NIC
#define PF "0000:02:00.0"
#define CONTROL "kernel/debug/mocksys/"

static struct kernel *k;

static struct store *start(const char *actor, const char *path, const char *data)
{
	return store_start(k, actor, path, data);
}

static long finish(struct store *store)
{
	return store_finish(store);
}

static void wait_until(char *(*list)(struct kernel *), const char *text)
{
	model_wait_until(k, list, text);
}

static void wait_for_queue(unsigned waiters)
{
	model_wait_for_queue(k, NIC, waiters);
}

static void rule(const char *text)
{
	assert_int_equal(model_write(k, CONTROL "faults", text), (long)strlen(text));
}

static void release(const char *id)
{
	assert_int_equal(model_write(k, CONTROL "release", id), (long)strlen(id));
}

static const char *driver(void)
{
	const char *target = model_readlink(k, NIC_DIR "/driver");

	return target ? strrchr(target, '/') + 1 : "none";
}

static void modprobe(const char *name)
{
	kernel_lock(k);
	assert_int_equal(kernel_modprobe(k, name), 0);
	kernel_unlock(k);
}

static int set_up(void **state)
{
	k = model_new(&q35_machine, NULL);
	modprobe("e1000e");
	modprobe("vfio_pci");
	return 0;
}

static int tear_down(void **state)
{
	kernel_free(k);
	return 0;
}

/* The same machine with another kernel. */
static void boot(const char *profile)
{
	kernel_free(k);
	k = model_new(&q35_machine, profile);
	modprobe("e1000e");
	modprobe("vfio_pci");
}

static void unbind_for_test(void)
{
	assert_int_equal(model_write(k, "bus/pci/drivers/e1000e/unbind", NIC), 12);
}

static void bind_behind_a_probe_is_busy(void **state)
{
	struct store *first, *second;

	unbind_for_test();
	rule("dd.probe driver=e1000e hold times=1");
	first = start("first", "bus/pci/drivers/e1000e/bind", NIC);
	wait_until(step_held_text, "first dd.probe");
	/* While the probe runs: both links, and DRIVER= in uevent; the interface is not there yet. */
	assert_string_equal(driver(), "e1000e");
	assert_true(model_exists(k, "bus/pci/drivers/e1000e/" NIC));
	assert_false(model_exists(k, NIC_DIR "/net"));
	char uevent[8192];

	assert_true(model_read(k, NIC_DIR "/uevent", uevent, sizeof(uevent)) > 0);
	assert_ptr_equal(strstr(uevent, "DRIVER=e1000e\n"), uevent);
	/* A driver that does not match is refused at once, drivers_probe has nothing to do: neither waits. */
	assert_int_equal(model_write(k, "bus/pci/drivers/vfio-pci/bind", NIC), -ENODEV);
	assert_int_equal(model_write(k, "bus/pci/drivers/vfio-pci/unbind", NIC), -ENODEV);
	assert_int_equal(model_write(k, "bus/pci/drivers_probe", NIC), 12);
	assert_int_equal(model_write(k, NIC_DIR "/driver_override", "x"), 1);
	assert_int_equal(model_write(k, NIC_DIR "/driver_override", "\n"), 1);
	second = start("second", "bus/pci/drivers/e1000e/bind", NIC);
	wait_for_queue(1);
	assert_false(store_is_done(second));
	release("1");
	assert_int_equal(finish(first), 12);
	assert_int_equal(finish(second), -EBUSY);
}

static void bind_behind_an_unbind_binds(void **state)
{
	struct store *first, *second, *third;

	rule("dd.remove hold times=1");
	first = start("first", "bus/pci/drivers/e1000e/unbind", NIC);
	wait_until(step_held_text, "first dd.remove");
	/* While remove runs the links are gone, what the driver made is not. */
	assert_string_equal(driver(), "none");
	assert_false(model_exists(k, NIC_DIR "/driver/unbind"));
	assert_true(model_exists(k, NIC_DIR "/net"));
	assert_int_equal(model_write(k, "bus/pci/drivers_probe", NIC), 12);
	second = start("second", "bus/pci/drivers/e1000e/bind", NIC);
	wait_for_queue(1);
	third = start("third", NIC_DIR "/enable", "1");
	wait_for_queue(2);
	release("1");
	assert_int_equal(finish(first), 12);
	assert_int_equal(finish(second), 12);
	assert_int_equal(finish(third), -EBUSY);
	assert_string_equal(driver(), "e1000e");
}

static void two_unbinds_both_succeed(void **state)
{
	struct store *first, *second;

	rule("dd.remove hold times=1");
	first = start("first", "bus/pci/drivers/e1000e/unbind", NIC);
	wait_until(step_held_text, "first dd.remove");
	/* dev->driver is still set: the test before the lock passes. */
	second = start("second", "bus/pci/drivers/e1000e/unbind", NIC);
	wait_for_queue(1);
	release("1");
	assert_int_equal(finish(first), 12);
	assert_int_equal(finish(second), 12);
	assert_string_equal(driver(), "none");
}

static void unbind_behind_a_probe_unbinds(void **state)
{
	struct store *first, *second;

	unbind_for_test();
	rule("dd.probe hold times=1");
	first = start("first", "bus/pci/drivers/e1000e/bind", NIC);
	wait_until(step_held_text, "first dd.probe");
	second = start("second", "bus/pci/drivers/e1000e/unbind", NIC);
	wait_for_queue(1);
	release("1");
	assert_int_equal(finish(first), 12);
	assert_int_equal(finish(second), 12);
	assert_string_equal(driver(), "none");
}

static void enable_reset_and_power_control_wait_for_the_lock(void **state)
{
	static const struct {
		const char *path, *data;
		long ret;
	} stores[] = {
		{NIC_DIR "/reset", "1", 1}, {NIC_DIR "/enable", "1", -EBUSY}, {NIC_DIR "/power/control", "on", 2}};

	for (size_t i = 0; i < ARRAY_SIZE(stores); i++) {
		struct store *first, *second;
		char id[16];

		unbind_for_test();
		rule("clear");
		rule("dd.probe hold times=1");
		first = start("first", "bus/pci/drivers/e1000e/bind", NIC);
		wait_until(step_held_text, "first dd.probe");
		second = start("second", stores[i].path, stores[i].data);
		wait_for_queue(1);
		snprintf(id, sizeof(id), "%zu", i + 1);
		release(id);
		assert_int_equal(finish(first), 12);
		assert_int_equal(finish(second), stores[i].ret);
	}
}

static void unbind_waits_for_users_of_the_device(void **state)
{
	struct store *unbind;

	unbind_for_test();
	assert_int_equal(model_write(k, NIC_DIR "/driver_override", "vfio-pci"), 8);
	assert_int_equal(model_write(k, "bus/pci/drivers_probe", NIC), 12);
	assert_int_equal(model_write(k, CONTROL "users", "open " NIC), 17);
	unbind = start("unbind", "bus/pci/drivers/vfio-pci/unbind", NIC);
	wait_until(step_trace_text, "vfio.wait-users");
	/* 6.6 and later: vfio-dev is gone by now, the group's node is not. */
	assert_false(model_exists(k, NIC_DIR "/vfio-dev"));
	assert_true(model_exists(k, "class/vfio/6"));
	assert_false(store_is_done(unbind));
	assert_int_equal(model_write(k, CONTROL "users", "close " NIC), 18);
	assert_int_equal(finish(unbind), 12);
	assert_false(model_exists(k, "class/vfio/6"));
}

static void before_6_6_vfio_dev_stays_until_the_last_user_goes(void **state)
{
	struct store *unbind;

	boot("6.1");
	unbind_for_test();
	assert_int_equal(model_write(k, NIC_DIR "/driver_override", "vfio-pci"), 8);
	assert_int_equal(model_write(k, "bus/pci/drivers_probe", NIC), 12);
	assert_int_equal(model_write(k, CONTROL "users", "open " NIC), 17);
	unbind = start("unbind", "bus/pci/drivers/vfio-pci/unbind", NIC);
	wait_until(step_trace_text, "vfio.wait-users");
	assert_string_equal(driver(), "none");
	assert_true(model_exists(k, NIC_DIR "/vfio-dev/vfio0"));
	assert_true(model_exists(k, "class/vfio-dev/vfio0"));
	assert_false(store_is_done(unbind));
	assert_int_equal(model_write(k, CONTROL "users", "close " NIC), 18);
	assert_int_equal(finish(unbind), 12);
	assert_false(model_exists(k, NIC_DIR "/vfio-dev"));
}

static void before_6_12_uevent_and_driver_override_wait_for_the_lock(void **state)
{
	struct store *bind, *uevent, *shown, *stored;

	boot("6.1");
	unbind_for_test();
	rule("dd.probe hold times=1");
	bind = start("bind", "bus/pci/drivers/e1000e/bind", NIC);
	wait_until(step_held_text, "bind dd.probe");
	uevent = start("uevent", NIC_DIR "/uevent", NULL);
	wait_for_queue(1);
	shown = start("shown", NIC_DIR "/driver_override", NULL);
	wait_for_queue(2);
	stored = start("stored", NIC_DIR "/driver_override", "x");
	wait_for_queue(3);
	assert_false(store_is_done(uevent) || store_is_done(shown) || store_is_done(stored));
	release("1");
	assert_int_equal(finish(bind), 12);
	assert_true(finish(uevent) > 0);
	assert_int_equal(finish(shown), 7);
	assert_int_equal(finish(stored), 1);
}

static void a_read_of_sriov_numvfs_waits_for_the_lock(void **state)
{
	struct store *unbind, *reader;

	modprobe("igb");
	rule("dd.remove hold times=1");
	unbind = start("unbind", "bus/pci/drivers/igb/unbind", PF);
	wait_until(step_held_text, "unbind dd.remove");
	reader = start("reader", "bus/pci/devices/" PF "/sriov_numvfs", NULL);
	model_wait_for_queue(k, PF, 1);
	assert_false(store_is_done(reader));
	release("1");
	assert_int_equal(finish(unbind), 12);
	assert_int_equal(finish(reader), 2);
}

static unsigned removals_of_the_nic(void)
{
	static const char wanted[] = "/" NIC;
	unsigned n = 0;
	char *message;

	kernel_lock(k);
	while (kernel_next_uevent(k, &message)) {
		size_t length = strlen(message);

		n += !strncmp(message, "remove@", 7) && !strcmp(message + length - strlen(wanted), wanted);
		free(message);
	}
	kernel_unlock(k);
	return n;
}

/* Only the matching is not held up by a removal; the device is not dead before its driver is gone. */
static void bind_during_a_removal_waits_for_the_lock(void **state)
{
	struct store *removal, *bind;

	rule("dd.remove hold times=1");
	removal = start("removal", NIC_DIR "/remove", "1");
	wait_until(step_held_text, "removal dd.remove");
	assert_false(model_exists(k, NIC_DIR "/remove"));
	bind = start("bind", "bus/pci/drivers/e1000e/bind", NIC);
	wait_for_queue(1);
	release("1");
	/* First come, first served: it gets the device, and loses it at once. On Linux it may come too late, too. */
	assert_int_equal(finish(removal), 1);
	assert_int_equal(finish(bind), 12);
	assert_int_equal(removals_of_the_nic(), 1);
	assert_false(model_exists(k, NIC_DIR));
}

/* Both have passed the file's door; the first takes the file away, the second is told that all is well. */
static void a_second_writer_of_remove_comes_too_late(void **state)
{
	struct store *first, *second;

	rule("sys.write actor=second hold");
	second = start("second", NIC_DIR "/remove", "1");
	wait_until(step_held_text, "second sys.write");
	first = start("first", NIC_DIR "/remove", "1");
	while (model_exists(k, NIC_DIR "/remove"))
		sched_yield();
	release("1");
	assert_int_equal(finish(first), 1);
	assert_int_equal(finish(second), 1);
	assert_int_equal(removals_of_the_nic(), 1);
	assert_false(model_exists(k, NIC_DIR));
}

static void a_driver_takes_its_devices_before_it_is_whole(void **state)
{
	static const char load[] = "load e1000e";
	struct store *loader;
	char text[64], *list;

	assert_int_equal(model_write(k, CONTROL "modules", "unload e1000e"), 13);
	rule("dd.probe driver=e1000e hold times=1");
	loader = start("loader", CONTROL "modules", load);
	wait_until(step_held_text, "loader dd.probe");
	assert_true(model_read(k, "module/e1000e/initstate", text, sizeof(text)) > 0);
	assert_string_equal(text, "coming\n");
	assert_false(model_exists(k, "module/e1000e/drivers"));
	list = model_list(k, "bus/pci/drivers/e1000e");
	assert_string_equal(list, NIC "@");
	free(list);
	release("1");
	assert_int_equal(finish(loader), (long)strlen(load));
	assert_true(model_read(k, "module/e1000e/initstate", text, sizeof(text)) > 0);
	assert_string_equal(text, "live\n");
	list = model_list(k, "bus/pci/drivers/e1000e");
	assert_string_equal(list, NIC "@ bind module@ new_id remove_id uevent unbind");
	free(list);
}

static void reset_ends_what_waits_with_EIO(void **state)
{
	struct store *first, *second;
	char *before, *after;

	assert_int_equal(model_write(k, CONTROL "reset", "1"), 1);
	before = model_dump(k);
	modprobe("e1000e");
	rule("dd.remove hold");
	first = start("first", "bus/pci/drivers/e1000e/unbind", NIC);
	wait_until(step_held_text, "first dd.remove");
	second = start("second", "bus/pci/drivers/e1000e/bind", NIC);
	wait_for_queue(1);
	assert_int_equal(model_write(k, CONTROL "reset", "1"), 1);
	assert_int_equal(finish(first), -EIO);
	assert_int_equal(finish(second), -EIO);
	after = model_dump(k);
	assert_string_equal(before, after);
	free(before);
	free(after);
	/* And the machine works on. */
	modprobe("e1000e");
	assert_string_equal(driver(), "e1000e");
	unbind_for_test();
}

static void the_end_ends_what_waits_with_ENODEV(void **state)
{
	struct store *first, *second;

	rule("dd.remove hold");
	first = start("first", "bus/pci/drivers/e1000e/unbind", NIC);
	wait_until(step_held_text, "first dd.remove");
	second = start("second", "bus/pci/drivers/e1000e/bind", NIC);
	wait_for_queue(1);
	kernel_lock(k);
	kernel_abort(k);
	kernel_unlock(k);
	assert_int_equal(finish(first), -ENODEV);
	assert_int_equal(finish(second), -ENODEV);
}

static void a_failed_probe_leaves_nothing(void **state)
{
	static const char *const steps[] = {"dd.dma-configure", "dd.probe", "net.add-device"};
	char *before, *after, *message;

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		char text[64];

		unbind_for_test();
		before = model_dump(k);
		kernel_lock(k);
		while (kernel_next_uevent(k, &message))
			free(message);
		kernel_unlock(k);
		snprintf(text, sizeof(text), "%s fail=EBUSY times=1", steps[i]);
		rule(text);
		assert_int_equal(model_write(k, "bus/pci/drivers/e1000e/bind", NIC), -EBUSY);
		after = model_dump(k);
		assert_string_equal(before, after);
		kernel_lock(k);
		assert_int_equal(kernel_next_uevent(k, &message), 0);
		kernel_unlock(k);
		free(before);
		free(after);
		assert_int_equal(model_write(k, "bus/pci/drivers/e1000e/bind", NIC), 12);
	}
}

static void read_deferred(char *text, size_t size)
{
	assert_true(model_read(k, "kernel/debug/devices_deferred", text, size) >= 0);
}

static void a_deferred_probe_is_tried_again_when_something_binds(void **state)
{
	char text[4096];

	unbind_for_test();
	rule("dd.probe driver=e1000e fail=EPROBE_DEFER times=1");
	assert_int_equal(model_write(k, "bus/pci/drivers_probe", NIC), 12);
	assert_string_equal(driver(), "none");
	read_deferred(text, sizeof(text));
	assert_string_equal(text, NIC "\t\n");
	assert_int_equal(model_write(k, "bus/pci/devices/0000:00:1f.2/driver_override", "vfio-pci"), 8);
	assert_int_equal(model_write(k, "bus/pci/drivers_probe", "0000:00:1f.2"), 12);
	assert_string_equal(driver(), "e1000e");
	read_deferred(text, sizeof(text));
	assert_string_equal(text, "");
	/* `bind` says EAGAIN and does not queue. */
	unbind_for_test();
	rule("dd.probe driver=e1000e fail=EPROBE_DEFER times=1");
	assert_int_equal(model_write(k, "bus/pci/drivers/e1000e/bind", NIC), -EAGAIN);
	read_deferred(text, sizeof(text));
	assert_string_equal(text, "");
}

static void read_log(char *text, size_t size)
{
	struct kernfs_file *file;
	ssize_t length;
	size_t used = 0;

	kernel_lock(k);
	assert_int_equal(kernfs_open(kernfs_find(k, "dev/kmsg"), O_RDONLY, &file), 0);
	while ((length = kernfs_read(file, text + used, size - used - 1, (off_t)used)) > 0)
		used += (size_t)length;
	kernfs_release(file);
	kernel_unlock(k);
	text[used] = '\0';
}

static void the_log_tells_probe_failures_as_linux_does(void **state)
{
	char text[4096];

	unbind_for_test();
	rule("dd.probe driver=e1000e fail=EBUSY times=1");
	assert_int_equal(model_write(k, "bus/pci/drivers_probe", NIC), 12);
	/* A driver that refuses is no error to the kernel. */
	rule("dd.probe driver=e1000e fail=ENODEV times=1");
	assert_int_equal(model_write(k, "bus/pci/drivers_probe", NIC), 12);
	read_log(text, sizeof(text));
	assert_string_equal(text, "3,0,0,-;e1000e " NIC ": probe with driver e1000e failed with error -16\n"
				  " SUBSYSTEM=pci\n DEVICE=+pci:" NIC "\n");
}

static void a_step_that_is_not_held_cannot_be_released(void **state)
{
	assert_int_equal(model_write(k, CONTROL "release", "7"), -ENOENT);
	assert_int_equal(model_write(k, CONTROL "release", "x"), -EINVAL);
}

static void broken_rules_are_refused_whole(void **state)
{
	static const char *const broken[] = {"no.such.step fail=EIO",
					     "dd.probe",
					     "dd.probe fail=EWHAT",
					     "dd.probe delay=x",
					     "sys.open hold",
					     "dd.probe fail=EIO times=0",
					     "dd.probe colour=red fail=EIO",
					     "dd.probe fail=EIO\ndd.probe nonsense",
					     "dd.remove fail=EIO"};
	char text[4096];

	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		assert_int_equal(model_write(k, CONTROL "faults", broken[i]), -EINVAL);
		assert_int_equal(model_read(k, CONTROL "faults", text, sizeof(text)), 0);
	}
	/* A "clear" is not obeyed either when the rest is broken; it takes away what stands above it in the same write. */
	rule("dd.probe fail=EIO");
	assert_int_equal(model_write(k, CONTROL "faults", "clear\nbogus\n"), -EINVAL);
	assert_true(model_read(k, CONTROL "faults", text, sizeof(text)) > 0);
	rule("dd.probe fail=EIO\nclear\n");
	assert_int_equal(model_read(k, CONTROL "faults", text, sizeof(text)), 0);
}

/* A removal that waits behind that of its bridge finds the device gone. */
static void removal_behind_that_of_the_bridge_does_nothing(void **state)
{
	struct store *bridge, *function;

	rule("pci.remove-device device=0000:00:02.0 hold");
	bridge = start("bridge", "bus/pci/devices/0000:00:02.0/remove", "1");
	wait_until(step_held_text, "bridge pci.remove-device");
	function = start("function", NIC_DIR "/remove", "1");
	wait_until(step_trace_text, "function pci.lock-rescan-remove");
	release("1");
	assert_int_equal(finish(bridge), 1);
	assert_int_equal(finish(function), 1);
	assert_false(model_exists(k, NIC_DIR));
}

/* klist_remove(): the driver's going waits for those who probe with it. */
static void unloading_waits_for_a_probe(void **state)
{
	struct store *probe, *unload;

	unbind_for_test();
	assert_int_equal(model_write(k, NIC_DIR "/driver_override", "vfio-pci"), 8);
	rule("dd.probe driver=vfio-pci hold");
	probe = start("probe", "bus/pci/drivers_probe", NIC);
	wait_until(step_held_text, "probe dd.probe");
	unload = start("unload", CONTROL "modules", "unload vfio_pci");
	wait_until(step_trace_text, "unload bus.remove-driver");
	assert_false(store_is_done(unload));
	release("1");
	assert_int_equal(finish(probe), 12);
	assert_int_equal(finish(unload), 15);
	assert_string_equal(driver(), "none");
	assert_false(model_exists(k, "bus/pci/drivers/vfio-pci"));
}

static void siblings_that_bind_at_once_share_one_vfio_group(void **state)
{
	struct store *first, *second;
	char *list;

	assert_int_equal(model_write(k, "bus/pci/devices/0000:00:1f.2/driver_override", "vfio-pci"), 8);
	assert_int_equal(model_write(k, "bus/pci/devices/0000:00:1f.3/driver_override", "vfio-pci"), 8);
	rule("vfio.add-group hold");
	first = start("first", "bus/pci/drivers/vfio-pci/bind", "0000:00:1f.2");
	wait_until(step_held_text, "first vfio.add-group");
	second = start("second", "bus/pci/drivers/vfio-pci/bind", "0000:00:1f.3");
	wait_until(step_trace_text, "second dd.probe");
	release("1");
	assert_int_equal(finish(first), 12);
	assert_int_equal(finish(second), 12);
	list = model_list(k, "class/vfio");
	assert_string_equal(list, "5@");
	free(list);
}

static void a_device_that_is_leaving_cannot_be_opened(void **state)
{
	struct store *unbind;

	unbind_for_test();
	assert_int_equal(model_write(k, NIC_DIR "/driver_override", "vfio-pci"), 8);
	assert_int_equal(model_write(k, "bus/pci/drivers_probe", NIC), 12);
	rule("vfio.remove-group hold");
	unbind = start("unbind", "bus/pci/drivers/vfio-pci/unbind", NIC);
	wait_until(step_held_text, "unbind vfio.remove-group");
	assert_int_equal(model_write(k, CONTROL "users", "open " NIC), -ENODEV);
	release("1");
	assert_int_equal(finish(unbind), 12);
}

/* Whatever step of a bind is made to fail, nothing of it is left. */
static void a_rule_that_fails_a_probe_undoes_it(void **state)
{
	static const char *const steps[] = {"dd.dma-configure", "dd.probe", "vfio.add-group", "vfio.add-device",
					    "dd.probed"};
	char *before, *after;

	unbind_for_test();
	assert_int_equal(model_write(k, NIC_DIR "/driver_override", "vfio-pci"), 8);
	before = model_dump(k);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		char text[64];

		snprintf(text, sizeof(text), "%s fail=EBUSY times=1", steps[i]);
		rule(text);
		assert_int_equal(model_write(k, "bus/pci/drivers/vfio-pci/bind", NIC), -EBUSY);
		after = model_dump(k);
		assert_string_equal(before, after);
		free(after);
	}
	free(before);
	/* The group is free for a user: nothing counts as a host driver's. */
	assert_int_equal(model_write(k, "bus/pci/drivers/vfio-pci/bind", NIC), 12);
	assert_int_equal(model_write(k, CONTROL "users", "open " NIC), 17);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(bind_behind_a_probe_is_busy),
		TEST(bind_behind_an_unbind_binds),
		TEST(two_unbinds_both_succeed),
		TEST(unbind_behind_a_probe_unbinds),
		TEST(enable_reset_and_power_control_wait_for_the_lock),
		TEST(unbind_waits_for_users_of_the_device),
		TEST(before_6_6_vfio_dev_stays_until_the_last_user_goes),
		TEST(before_6_12_uevent_and_driver_override_wait_for_the_lock),
		TEST(a_read_of_sriov_numvfs_waits_for_the_lock),
		TEST(bind_during_a_removal_waits_for_the_lock),
		TEST(a_second_writer_of_remove_comes_too_late),
		TEST(a_driver_takes_its_devices_before_it_is_whole),
		TEST(reset_ends_what_waits_with_EIO),
		TEST(the_end_ends_what_waits_with_ENODEV),
		TEST(a_failed_probe_leaves_nothing),
		TEST(a_deferred_probe_is_tried_again_when_something_binds),
		TEST(the_log_tells_probe_failures_as_linux_does),
		TEST(a_step_that_is_not_held_cannot_be_released),
		TEST(broken_rules_are_refused_whole),
		TEST(removal_behind_that_of_the_bridge_does_nothing),
		TEST(unloading_waits_for_a_probe),
		TEST(siblings_that_bind_at_once_share_one_vfio_group),
		TEST(a_device_that_is_leaving_cannot_be_opened),
		TEST(a_rule_that_fails_a_probe_undoes_it),
	};

	return cmocka_run_group_tests_name("waiting", tests, NULL, NULL);
}
