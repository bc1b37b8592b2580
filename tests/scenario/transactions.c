/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All devices or none, also when it is not the operation's own stores, or not the operation, that bind one meanwhile. */
#include "beside.h"
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* VFs of 04:00.1. */
#define VF "0000:04:10.1"
#define OTHER_VF "0000:04:10.3"
/* The other port. */
#define PF "0000:04:00.0"

/* ---- a module takes a device as it is loaded ---- */

/* On no driver, its override waiting for one whose module is not loaded. */
static void leave_waiting(const char *device, const char *driver)
{
	_cleanup_text_ char *path = format_text(DEVICES "/%s/driver_override", device);

	write_file("/sys/bus/pci/drivers/igbvf/unbind", device);
	write_file(path, driver);
	assert_false(exists("/sys/module/vfio_pci"));
}

static void a_device_that_the_module_took_is_given_back(void **state)
{
	leave_waiting(VF, "vfio-pci");
	add_fault("dd.probe device=" OTHER_VF " driver=vfio-pci fail=EBUSY");
	ASSERT_FAILS(1, "probe-busy", "restored", "detach", VF, OTHER_VF, "--driver", "vfio-pci");
	assert_device(VF, NULL, "vfio-pci");
	assert_device(OTHER_VF, "igbvf", "(null)");
}

/* Also where the one that fails comes first. */
static void a_device_that_the_module_took_is_given_back_before_its_turn(void **state)
{
	leave_waiting(VF, "vfio-pci");
	add_fault("dd.probe device=" OTHER_VF " driver=vfio-pci fail=EBUSY");
	ASSERT_FAILS(1, "probe-busy", "restored", "detach", OTHER_VF, VF, "--driver", "vfio-pci");
	assert_device(VF, NULL, "vfio-pci");
	assert_device(OTHER_VF, "igbvf", "(null)");
}

static void a_device_that_the_module_took_has_changed(void **state)
{
	leave_waiting(VF, "vfio-pci");
	{
		_cleanup_output_ struct output output =
			RUN_EXPECTING(0, "vfiobind", "detach", VF, "--driver", "vfio-pci", "--json");
		_cleanup_json_ struct json_object *document = json_of(&output);

		assert_json_text(document, "devices.0.from", NULL);
		assert_json_text(document, "devices.0.to", "vfio-pci");
		assert_json_bool(document, "devices.0.changed", true);
	}
	assert_device(VF, "vfio-pci", "vfio-pci");
	/* It was the module alone. */
	assert_int_equal(TRACE_COUNT(" sys.write ", "drivers_probe"), 0);
}

/* The first device's module took it, the second one's cannot be loaded: no store was made, and yet there is one to undo. */
static void a_device_that_the_module_took_is_given_back_when_the_next_module_fails(void **state)
{
	leave_waiting(VF, "vfio-pci-igbvf");
	write_file(DEVICES "/" PF "/sriov_numvfs", "0");
	RUN_WELL("modprobe", "vfio_pci_core");
	add_fault("module.load after=1 fail=ENOMEM");
	ASSERT_FAILS(1, "module-load-failed", "restored", "detach", VF, PF);
	assert_true(exists("/sys/module/vfio_pci_igbvf"));
	assert_device(VF, NULL, "vfio-pci-igbvf");
	assert_device(PF, "igb", "(null)");
}

/* Its override named the generic driver, which another device of the operation needs; it shall have the variant. */
static void a_device_that_another_ones_module_took_moves_on(void **state)
{
	leave_waiting(VF, "vfio-pci");
	write_file(DEVICES "/" PF "/sriov_numvfs", "0");
	RUN_WELL("vfiobind", "detach", VF, PF);
	assert_device(VF, "vfio-pci-igbvf", "vfio-pci-igbvf");
	assert_device(PF, "vfio-pci", "vfio-pci");
}

static void a_device_that_another_ones_module_took_is_given_back(void **state)
{
	leave_waiting(VF, "vfio-pci");
	write_file(DEVICES "/" PF "/sriov_numvfs", "0");
	add_fault("dd.probe device=" VF " driver=vfio-pci-igbvf fail=EBUSY");
	ASSERT_FAILS(1, "probe-busy", "restored", "detach", VF, PF);
	assert_device(VF, NULL, "vfio-pci");
	assert_device(PF, "igb", "(null)");
}

/* Then it is on a driver that is neither the wanted one nor the one that it was on. */
static void a_device_that_another_ones_module_took_is_given_back_when_it_cannot_be_unbound(void **state)
{
	leave_waiting(VF, "vfio-pci");
	write_file(DEVICES "/" PF "/sriov_numvfs", "0");
	add_fault("sys.write path=*/vfio-pci/unbind times=1 fail=EBUSY");
	ASSERT_FAILS(1, "unbind-failed", "restored", "detach", VF, PF);
	assert_device(VF, NULL, "vfio-pci");
	assert_device(PF, "igb", "(null)");
}

/* ---- another process takes the device meanwhile ---- */

/* The command is held at the step of this rule while another process does what @other says. Returns its output. */
static struct output run_held(const char *const *command, const char *step, const char *more, void (*other)(void))
{
	struct output output;
	pid_t pid;

	add_fault("%s %s hold times=1", step, more);
	fflush(NULL);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0) {
		unsigned long id = beside_wait_held(step);

		other();
		beside_release(id);
		_exit(0);
	}
	output = run(command);
	assert_int_equal(beside_end(pid), 0);
	clear_faults();
	return output;
}

static struct output run_beside(const char *const *command, void (*other)(void))
{
	return run_held(command, "sys.write", "path=/sys/bus/pci/drivers_probe", other);
}

static void bind_to_another_variant(void)
{
	try_write_file(DEVICES "/" VF "/driver_override", "igbvf-vfio-pci");
	try_write_file("/sys/bus/pci/drivers/igbvf-vfio-pci/bind", VF);
}

/* It is the other's now; and not as it was, which is told. */
static void check_left_to_the_other(const char *const *command)
{
	_cleanup_output_ struct output output = run_beside(command, bind_to_another_variant);
	_cleanup_json_ struct json_object *document = json_of(&output);

	assert_int_equal(output.status, 5);
	assert_json_text(document, "state", "broken");
	assert_device(VF, "igbvf-vfio-pci", "igbvf-vfio-pci");
}

static void what_another_process_bound_meanwhile_is_left_to_it(void **state)
{
	RUN_WELL("modprobe", "-a", "vfio-pci", "igbvf_vfio_pci");
	write_file("/sys/bus/pci/drivers/igbvf/unbind", VF);
	check_left_to_the_other(
		(const char *const[]){"vfiobind", "detach", VF, "--driver", "vfio-pci", "--json", NULL});
}

static void what_another_process_bound_between_unbind_and_probe_is_left_to_it(void **state)
{
	RUN_WELL("modprobe", "-a", "vfio-pci", "igbvf_vfio_pci");
	check_left_to_the_other(
		(const char *const[]){"vfiobind", "detach", VF, "--driver", "vfio-pci", "--json", NULL});
}

static void what_another_process_bound_during_a_reattach_is_left_to_it(void **state)
{
	RUN_WELL("modprobe", "-a", "vfio-pci", "igbvf_vfio_pci");
	RUN_WELL("vfiobind", "detach", VF, "--driver", "vfio-pci");
	check_left_to_the_other((const char *const[]){"vfiobind", "reattach", VF, "--json", NULL});
}

static void bind_to_the_host_driver(void)
{
	try_write_file("/sys/bus/pci/drivers/igbvf/bind", VF);
}

/* While its module was being loaded; it is no VFIO driver, so it was not the module. */
static void what_another_process_gave_to_the_host_during_a_load_is_left_to_it(void **state)
{
	static const char *const command[] = {"vfiobind", "detach", VF, "--driver", "vfio-pci", "--json", NULL};
	_cleanup_output_ struct output output = {.out = NULL};
	_cleanup_json_ struct json_object *document = NULL;

	write_file("/sys/bus/pci/drivers/igbvf/unbind", VF);
	output = run_held(command, "module.load", "", bind_to_the_host_driver);
	document = json_of(&output);
	assert_int_equal(output.status, 5);
	assert_json_text(document, "error.code", "wrong-driver");
	assert_json_text(document, "state", "broken");
	assert_device(VF, "igbvf", "(null)");
}

static void name_vfio_pci(void)
{
	try_write_file(DEVICES "/" VF "/driver_override", "vfio-pci");
}

static void bind_to_vfio_pci(void)
{
	name_vfio_pci();
	try_write_file("/sys/bus/pci/drivers/igbvf/unbind", VF);
	try_write_file("/sys/bus/pci/drivers_probe", VF);
}

/* It is what was asked for, and nothing that this operation has done: nothing is left to be done, or to be undone. */
static void check_done_by_another(const char *step, void (*other)(void))
{
	static const char *const command[] = {"vfiobind", "detach", VF, "--driver", "vfio-pci", "--json", NULL};
	_cleanup_output_ struct output output = run_held(command, step, "", other);
	_cleanup_json_ struct json_object *document = json_of(&output);

	assert_int_equal(output.status, 0);
	assert_json_text(document, "devices.0.from", "vfio-pci");
	assert_json_text(document, "devices.0.to", "vfio-pci");
	assert_json_bool(document, "devices.0.changed", false);
	assert_device(VF, "vfio-pci", "vfio-pci");
}

static void what_another_process_detached_during_a_load_is_done(void **state)
{
	RUN_WELL("modprobe", "vfio_pci_core");
	check_done_by_another("module.live", bind_to_vfio_pci);
}

/* The module takes it because another process has named its driver. */
static void what_another_process_had_the_module_take_is_done(void **state)
{
	RUN_WELL("modprobe", "vfio_pci_core");
	write_file("/sys/bus/pci/drivers/igbvf/unbind", VF);
	check_done_by_another("module.load", name_vfio_pci);
}

/* ---- a PF and its VF ---- */

static void a_pf_is_not_detached_together_with_its_vf(void **state)
{
	static const char pf[] = "0000:04:00.1";

	trace_clear();
	ASSERT_FAILS(3, "pf-has-vfs", "untouched", "detach", "--force", pf, VF, "--driver", "vfio-pci");
	ASSERT_FAILS(3, "pf-has-vfs", "untouched", "detach", "--force", VF, pf, "--driver", "vfio-pci");
	assert_nothing_written();
	assert_device(pf, "igb", "(null)");
	assert_device(VF, "igbvf", "(null)");
}

static const struct CMUnitTest igb_tests[] = {
	SCENARIO(a_device_that_the_module_took_is_given_back),
	SCENARIO(a_device_that_the_module_took_is_given_back_before_its_turn),
	SCENARIO(a_device_that_the_module_took_has_changed),
	SCENARIO(a_device_that_the_module_took_is_given_back_when_the_next_module_fails),
	SCENARIO(a_device_that_another_ones_module_took_moves_on),
	SCENARIO(a_device_that_another_ones_module_took_is_given_back),
	SCENARIO(a_device_that_another_ones_module_took_is_given_back_when_it_cannot_be_unbound),
	SCENARIO(what_another_process_bound_meanwhile_is_left_to_it),
	SCENARIO(what_another_process_bound_between_unbind_and_probe_is_left_to_it),
	SCENARIO(what_another_process_bound_during_a_reattach_is_left_to_it),
	SCENARIO(what_another_process_gave_to_the_host_during_a_load_is_left_to_it),
	SCENARIO(what_another_process_detached_during_a_load_is_done),
	SCENARIO(what_another_process_had_the_module_take_is_done),
	SCENARIO(a_pf_is_not_detached_together_with_its_vf),
};

SCENARIO_MAIN(SUITE("igb-sriov", igb_tests))
