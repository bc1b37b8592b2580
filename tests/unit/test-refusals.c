/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel never says why it refuses a bind, an unbind, an id, an override; the fake does, in its trace. Here are all the
 * refusals that Linux has for the files of a detach (drivers/base/bus.c, drivers/base/dd.c, drivers/pci/pci-driver.c), and
 * what the fake says of each: in the step that decides, and again in the one with which the write returns.
 */
#include "actors.h"
#include "model.h"
#include "q35-machine.h"

#include "kernel/step.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NIC "0000:01:00.0"
#define PF "0000:02:00.0"
#define VF "0000:02:10.0"
#define PORT "0000:00:02.0"
#define AHCI "0000:00:1f.2"
#define SMBUS "0000:00:1f.3"
#define DRIVER(name, file) "bus/pci/drivers/" name "/" file
#define DEVICE(address, file) "bus/pci/devices/" address "/" file
#define PROBE "bus/pci/drivers_probe"
#define RULES "kernel/debug/mocksys/faults"
#define USERS "kernel/debug/mocksys/users"

static const char long_name[4096] = {[0 ... 4094] = 'x'};

struct write {
	const char *path, *data;
};

struct refusal {
	const char *what;
	struct write before[6]; /* all must succeed */
	struct write write;
	int result;       /* -errno; or 0: the kernel calls it success, and nothing has happened */
	const char *step; /* that decides */
	const char *why;
	const char *profile; /* NULL: 6.12 */
	const char *decided; /* the step's result, where it is not the write's */
};

#define RULE(text) RULES, text

static const struct refusal refusals[] = {
	/* bind */
	{"bind: no such device", .write = {DRIVER("e1000e", "bind"), "0000:99:00.0"}, .result = -ENODEV,
	 .step = "dd.match driver=e1000e value=0000:99:00.0", .why = "no such device on the bus"},
	{"bind: driver_override names another driver",
	 {{DEVICE(NIC, "driver_override"), "vfio-pci"}},
	 {DRIVER("e1000e", "bind"), NIC},
	 -ENODEV,
	 "dd.match device=" NIC " driver=e1000e",
	 "driver_override names another driver"},
	{"bind: no id", .write = {DRIVER("igb", "bind"), NIC}, .result = -ENODEV,
	 .step = "dd.match device=" NIC " driver=igb",
	 .why = "the driver has no id for this device and driver_override is unset"},
	{"bind: override-only id", .write = {DRIVER("vfio-pci-e1000e", "bind"), NIC}, .result = -ENODEV,
	 .step = "dd.match device=" NIC " driver=vfio-pci-e1000e",
	 .why = "id is override-only and driver_override is unset"},
	{"bind: it has this driver",
	 {{DRIVER("e1000e", "bind"), NIC}},
	 {DRIVER("e1000e", "bind"), NIC},
	 -EBUSY,
	 "dd.match device=" NIC " driver=e1000e",
	 "the device has a driver already"},
	{"bind: it has another driver",
	 {{DRIVER("e1000e", "bind"), NIC}, {DEVICE(NIC, "driver_override"), "vfio-pci"}},
	 {DRIVER("vfio-pci", "bind"), NIC},
	 -EBUSY,
	 "dd.match device=" NIC " driver=vfio-pci",
	 "the device has a driver already"},
	{"bind: it has a driver, in 5.10",
	 {{DRIVER("e1000e", "bind"), NIC}},
	 {DRIVER("e1000e", "bind"), NIC},
	 -ENODEV,
	 "dd.match device=" NIC " driver=e1000e",
	 "the device has a driver already",
	 "5.10"},
	{"bind: the group's DMA is user space's",
	 {{DEVICE(SMBUS, "driver_override"), "vfio-pci"},
	  {DRIVER("vfio-pci", "bind"), SMBUS},
	  {USERS, "open " SMBUS},
	  {DEVICE(AHCI, "driver_override"), "e1000e"}},
	 {DRIVER("e1000e", "bind"), AHCI},
	 -EBUSY,
	 "dd.dma-configure device=" AHCI " driver=e1000e",
	 "the IOMMU group's DMA is owned by user space"},
	{"bind: no VF may be probed",
	 {{DRIVER("igb", "bind"), PF},
	  {DEVICE(PF, "sriov_drivers_autoprobe"), "0"},
	  {DEVICE(PF, "sriov_numvfs"), "1"},
	  {DRIVER("igb", "new_id"), "8086 10ca"}},
	 {DRIVER("igb", "bind"), VF},
	 -ENODEV,
	 "dd.probed device=" VF " driver=igb",
	 "sriov_drivers_autoprobe of the PF is 0 and driver_override is unset"},
	{"bind: the probe fails",
	 {{RULE("dd.probe fail=ENXIO")}},
	 {DRIVER("e1000e", "bind"), NIC},
	 -ENXIO,
	 "dd.probe device=" NIC " driver=e1000e",
	 "fault rule: dd.probe fail=ENXIO"},
	{"bind: the probe fails, in 5.10",
	 {{RULE("dd.probe fail=ENXIO")}},
	 {DRIVER("e1000e", "bind"), NIC},
	 -ENODEV,
	 "dd.probe device=" NIC " driver=e1000e",
	 "fault rule: dd.probe fail=ENXIO",
	 "5.10",
	 "ENXIO"},
	{"bind: the probe is deferred",
	 {{RULE("dd.probe fail=EPROBE_DEFER")}},
	 {DRIVER("e1000e", "bind"), NIC},
	 -EAGAIN,
	 "dd.probe device=" NIC " driver=e1000e",
	 "fault rule: dd.probe fail=EPROBE_DEFER",
	 .decided = "EPROBE_DEFER"},
	{"bind: vfio-pci and a bridge",
	 {{DRIVER("pcieport", "unbind"), PORT}, {DEVICE(PORT, "driver_override"), "vfio-pci"}},
	 {DRIVER("vfio-pci", "bind"), PORT},
	 -EINVAL,
	 "dd.probed device=" PORT " driver=vfio-pci",
	 "not an endpoint: the header type is not 0"},

	/* unbind */
	{"unbind: no such device", .write = {DRIVER("e1000e", "unbind"), " " NIC}, .result = -ENODEV,
	 .step = "dd.match driver=e1000e value=\\040" NIC, .why = "no such device on the bus"},
	{"unbind: it has no driver", .write = {DRIVER("e1000e", "unbind"), NIC}, .result = -ENODEV,
	 .step = "dd.match device=" NIC " driver=e1000e", .why = "the device is not bound to this driver"},
	{"unbind: it has another driver",
	 {{DRIVER("e1000e", "bind"), NIC}},
	 {DRIVER("vfio-pci", "unbind"), NIC},
	 -ENODEV,
	 "dd.match device=" NIC " driver=vfio-pci",
	 "the device is not bound to this driver"},

	/* drivers_probe */
	{"drivers_probe: no such device", .write = {PROBE, "\n"}, .result = -ENODEV,
	 .step = "dd.match value=", .why = "no such device on the bus"},
	{"drivers_probe: it has a driver",
	 {{DRIVER("e1000e", "bind"), NIC}},
	 {PROBE, NIC},
	 0,
	 "dd.match device=" NIC " driver=e1000e",
	 "nothing to do: the device has a driver"},
	{"drivers_probe: no driver has an id", .write = {PROBE, AHCI}, .result = 0, .step = "dd.match device=" AHCI,
	 .why = "no driver took it: none has an id for it"},
	{"drivers_probe: no driver is called so",
	 {{DEVICE(NIC, "driver_override"), "vfio_pci"}},
	 {PROBE, NIC},
	 0,
	 "dd.match device=" NIC,
	 "no driver took it: none is called what driver_override says"},
	{"drivers_probe: the probe fails",
	 {{RULE("dd.probe fail=EIO")}},
	 {PROBE, NIC},
	 0,
	 "dd.probe device=" NIC " driver=e1000e",
	 "fault rule: dd.probe fail=EIO",
	 .decided = "EIO"},
	{"drivers_probe: the group's DMA is user space's",
	 {{DEVICE(SMBUS, "driver_override"), "vfio-pci"},
	  {DRIVER("vfio-pci", "bind"), SMBUS},
	  {USERS, "open " SMBUS},
	  {DEVICE(AHCI, "driver_override"), "e1000e"}},
	 {PROBE, AHCI},
	 -EINVAL,
	 "dd.dma-configure device=" AHCI " driver=e1000e",
	 "the IOMMU group's DMA is owned by user space",
	 .decided = "EBUSY"},

	/* new_id, remove_id */
	{"new_id: too little", .write = {DRIVER("e1000e", "new_id"), "8086"}, .result = -EINVAL,
	 .step = "pci.add-id driver=e1000e value=8086", .why = "vendor and device are needed"},
	{"new_id: in the table", .write = {DRIVER("e1000e", "new_id"), "8086 10d3"}, .result = -EEXIST,
	 .step = "pci.add-id driver=e1000e value=8086\\04010d3", .why = "the driver's table has this id"},
	{"new_id: a second time",
	 {{DRIVER("e1000e", "new_id"), "1234 5678"}},
	 {DRIVER("e1000e", "new_id"), "1234 5678"},
	 -EEXIST,
	 "pci.add-id driver=e1000e value=1234\\0405678",
	 "this id was added before"},
	{"new_id: driver_data", .write = {DRIVER("e1000e", "new_id"), "1234 5678 0 0 0 0 9"}, .result = -EINVAL,
	 .step = "pci.add-id driver=e1000e value=1234\\0405678\\0400\\0400\\0400\\0400\\0409",
	 .why = "no entry of the driver's table has this driver_data"},
	{"remove_id: too little", .write = {DRIVER("e1000e", "remove_id"), "x"}, .result = -EINVAL,
	 .step = "pci.remove-id driver=e1000e value=x", .why = "vendor and device are needed"},
	{"remove_id: in the table", .write = {DRIVER("e1000e", "remove_id"), "8086 10d3"}, .result = -ENODEV,
	 .step = "pci.remove-id driver=e1000e value=8086\\04010d3",
	 .why = "no such dynamic id; those of the driver's table cannot be removed"},

	/* driver_override */
	{"driver_override: too long", .write = {DEVICE(NIC, "driver_override"), long_name}, .result = -EINVAL,
	 .step = "pci.driver-override device=" NIC, .why = "longer than a page less two bytes"},
};

static void modprobe(struct kernel *k, const char *name)
{
	kernel_lock(k);
	assert_int_equal(kernel_modprobe(k, name), 0);
	kernel_unlock(k);
}

static struct kernel *boot(const char *profile)
{
	struct kernel *k = model_new(&q35_machine, profile);

	/* No driver has taken anything: each device is offered by hand. */
	assert_int_equal(model_write(k, "bus/pci/drivers_autoprobe", "0"), 1);
	modprobe(k, "e1000e");
	modprobe(k, "igb");
	modprobe(k, "vfio_pci");
	modprobe(k, "vfio_pci_e1000e");
	return k;
}

/* The text of @step in @trace, from its name to the end of the line; NULL: it is not there. */
static char *find_step(const char *trace, const char *step, const char *result)
{
	char *line = NULL, *wanted = NULL;
	const char *found;

	assert_true(asprintf(&wanted, " %s = %s", step, result) > 0);
	found = strstr(trace, wanted);
	if (found)
		line = strndup(found + 1, strcspn(found, "\n") - 1);
	free(wanted);
	return line;
}

static void assert_says_why(const char *what, const char *trace, const char *step, const char *result, const char *why)
{
	char *line = find_step(trace, step, result);
	const char *found = line ? strstr(line, " why=") : NULL;

	if (!found)
		fail_msg("%s: %s in:\n%s", what, line ? "no why=" : "no such step", trace);
	if (strcmp(found + strlen(" why="), why) != 0)
		fail_msg("%s: the reason is '%s'", what, found + strlen(" why="));
	free(line);
}

/* @result: what the write gave. */
static void assert_refused(struct kernel *k, const struct refusal *refusal, long result)
{
	const char *number = refusal->result ? errno_name(-refusal->result) : "0";
	char *trace;

	if (result != (refusal->result ? refusal->result : (long)strlen(refusal->write.data)))
		fail_msg("%s: %ld", refusal->what, result);
	kernel_lock(k);
	trace = kernel_trace(k);
	kernel_unlock(k);
	if (refusal->result) {
		const char *returned = strstr(trace, " sys.return ");
		char *why = NULL;

		assert_true(asprintf(&why, " why=%s\n", refusal->why) > 0);
		while (returned && strncmp(strchrnul(returned, '\n') - strlen(why) + 1, why, strlen(why)) != 0)
			returned = strstr(returned + 1, " sys.return ");
		if (!returned)
			fail_msg("%s: the return does not say why:\n%s", refusal->what, trace);
		free(why);
	}
	assert_says_why(refusal->what, trace, refusal->step, refusal->decided ?: number, refusal->why);
	free(trace);
}

static void prepare(struct kernel *k, const struct refusal *refusal)
{
	for (const struct write *write = refusal->before; write->path; write++) {
		long result = model_write(k, write->path, write->data);

		if (result != (long)strlen(write->data))
			fail_msg("%s: %s <- %s: %ld", refusal->what, write->path, write->data, result);
	}
	kernel_lock(k);
	step_trace_clear(k);
	kernel_unlock(k);
}

static void check(const struct refusal *refusal)
{
	struct kernel *k = boot(refusal->profile);

	prepare(k, refusal);
	assert_refused(k, refusal, model_write(k, refusal->write.path, refusal->write.data));
	kernel_free(k);
}

static void every_refusal_says_why(void **state)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++)
		check(&refusals[i]);
}

/* ---- those that take somebody else, who is at the device ---- */

static void release(struct kernel *k, const char *id)
{
	assert_int_equal(model_write(k, "kernel/debug/mocksys/release", id), (long)strlen(id));
}

static void a_bind_before_the_device_is_ready_says_why(void **state)
{
	const struct refusal refusal = {
		"bind: the device is on its way",
		{{DEVICE(NIC, "remove"), "1"}, {RULE("kobj.uevent device=" NIC " hold times=1")}},
		{DRIVER("e1000e", "bind"), NIC},
		-ENODEV,
		"dd.match device=" NIC " driver=e1000e",
		"the device is not ready for drivers yet, or being removed"};
	struct kernel *k = boot(NULL);
	struct store *rescan;

	prepare(k, &refusal);
	rescan = store_start(k, "rescan", "bus/pci/rescan", "1");
	model_wait_until(k, step_held_text, "rescan kobj.uevent");
	assert_refused(k, &refusal, model_write(k, refusal.write.path, refusal.write.data));
	release(k, "1");
	assert_int_equal(store_finish(rescan), 1);
	kernel_free(k);
}

/*
 * In the queue for the device's lock: who removes the device, for its driver; two who bind; and, behind the first of these,
 * who removes it again, for good. The second finds it dead.
 */
static void a_bind_behind_the_removal_says_why(void **state)
{
	const struct refusal refusal = {"bind: the device is being removed",     {{RULE("dd.probe hold")}},
					{DRIVER("e1000e", "bind"), NIC},         -ENODEV,
					"dd.match device=" NIC " driver=e1000e", "the device is being removed"};
	struct kernel *k = boot(NULL);
	struct store *holder, *removal, *first, *second;

	prepare(k, &refusal);
	holder = store_start(k, "holder", refusal.write.path, refusal.write.data);
	model_wait_until(k, step_held_text, "holder dd.probe");
	removal = store_start(k, "removal", DEVICE(NIC, "remove"), "1");
	model_wait_for_queue(k, NIC, 1);
	first = store_start(k, "first", refusal.write.path, refusal.write.data);
	model_wait_for_queue(k, NIC, 2);
	release(k, "1");
	model_wait_until(k, step_held_text, "first dd.probe");
	model_wait_for_queue(k, NIC, 1);
	second = store_start(k, "second", refusal.write.path, refusal.write.data);
	model_wait_for_queue(k, NIC, 2);
	kernel_lock(k);
	step_trace_clear(k);
	kernel_unlock(k);
	release(k, "2");
	assert_int_equal(store_finish(holder), strlen(NIC));
	assert_int_equal(store_finish(first), strlen(NIC));
	assert_int_equal(store_finish(removal), 1);
	assert_refused(k, &refusal, store_finish(second));
	kernel_free(k);
}

/* ---- and whatever else can be written ---- */

struct walk {
	struct kernel *k;
	unsigned n_failed;
};

static const char *const nonsense[] = {"",      "x",      "-1", "2", "0000:ff:1f.7", "99999999999999999999999",
				       "1 2 3", long_name};

static bool write_nonsense(void *context, const struct kernfs_node *node)
{
	struct walk *walk = context;
	struct kernfs_file *file;

	if (kernfs_type(node) == KERNFS_DIR && strcmp(kernfs_name(node), "mocksys") != 0)
		kernfs_readdir((struct kernfs_node *)node, write_nonsense, walk);
	/* These take much away. */
	if (kernfs_type(node) != KERNFS_FILE || !strcmp(kernfs_name(node), "remove") ||
	    !strcmp(kernfs_name(node), "sriov_numvfs") ||
	    kernfs_open((struct kernfs_node *)node, 1 /* O_WRONLY */, &file))
		return true;
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(*nonsense); i++)
		walk->n_failed += kernfs_write(file, nonsense[i], strlen(nonsense[i]), 0) < 0;
	kernfs_release(file);
	return true;
}

/* Every step with an errno has a reason behind it. */
static unsigned count_refusals(char *trace)
{
	unsigned n = 0;

	for (char *line; (line = strsep(&trace, "\n"));) {
		const char *result = strstr(line, " = E");

		n += result != NULL;
		if (result && !strstr(result, " why="))
			fail_msg("no reason: %s", line);
	}
	return n;
}

static void check_nonsense(uid_t uid)
{
	struct walk walk = {.k = boot(NULL)};
	char *trace;
	unsigned n;

	assert_int_equal(model_write(walk.k, DRIVER("igb", "bind"), PF), 12);
	kernel_enter(&(struct client){.pid = 1, .uid = uid, .actor = "test"});
	kernel_lock(walk.k);
	kernfs_readdir(kernfs_root(walk.k), write_nonsense, &walk);
	trace = kernel_trace(walk.k);
	kernel_unlock(walk.k);
	n = count_refusals(trace);
	assert_true(n >= walk.n_failed);
	assert_true(n > 50);
	free(trace);
	kernel_free(walk.k);
}

static void whatever_is_refused_has_a_reason(void **state)
{
	check_nonsense(0);
	check_nonsense(1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_refusal_says_why),
		cmocka_unit_test(a_bind_before_the_device_is_ready_says_why),
		cmocka_unit_test(a_bind_behind_the_removal_says_why),
		cmocka_unit_test(whatever_is_refused_has_a_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
