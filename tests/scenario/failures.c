/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each way in which a detach or a reattach can fail once it writes: rolled back, and the cause told; or told truly. */
#include "beside.h"
#include "harness.h"

#include <string.h>

/* Addresses of the machine two-vfs. */
#define VF "0000:04:10.0"
#define OTHER_VF "0000:04:10.2"
#define DRIVER "vfio-pci-igbvf"
#define MODULE "vfio_pci_igbvf"

static void load_module(const char *module)
{
	RUN_WELL("modprobe", module);
}

static void detach(const char *device, const char *driver)
{
	RUN_WELL("vfiobind", "detach", device, "--driver", driver);
}

/* With these rules the command fails with @code, and all is as it was. */
static void check_rolled_back(const char *code, const char *rules, const char *const *command)
{
	_cleanup_snapshot_ struct snapshot *before = snapshot_take();

	add_fault("%s", rules);
	assert_fails(&(const struct failure){1, code, "restored"}, command);
	assert_true(fault_fired("") > 0);
	clear_faults();
	assert_unchanged(before);
}

static void check_detach_rolled_back(const char *code, const char *rules)
{
	load_module(MODULE);
	check_rolled_back(code, rules, (const char *const[]){"vfiobind", "detach", VF, "--driver", DRIVER, NULL});
	/* And nothing is in the way of the next one. */
	detach(VF, DRIVER);
	assert_device(VF, DRIVER, DRIVER);
}

static void check_reattach_rolled_back(const char *code, const char *rules)
{
	detach(VF, DRIVER);
	check_rolled_back(code, rules, (const char *const[]){"vfiobind", "reattach", VF, NULL});
	assert_device(VF, DRIVER, DRIVER);
	RUN_WELL("vfiobind", "reattach", VF);
	assert_device(VF, "igbvf", "(null)");
}

/* ---- the new driver does not want it ---- */

/* ENODEV and ENXIO are what Linux logs nowhere: the code for a cause that is not known is theirs. */
static void detach_is_rolled_back_when_probe_fails_with_enodev(void **state)
{
	check_detach_rolled_back("probe-failed", "dd.probe driver=" DRIVER " fail=ENODEV");
}

static void detach_is_rolled_back_when_probe_fails_with_enxio(void **state)
{
	check_detach_rolled_back("probe-failed", "dd.probe driver=" DRIVER " fail=ENXIO");
}

static void detach_is_rolled_back_when_probe_fails_with_ebusy(void **state)
{
	check_detach_rolled_back("probe-busy", "dd.probe driver=" DRIVER " fail=EBUSY");
}

static void detach_is_rolled_back_when_probe_fails_with_einval(void **state)
{
	check_detach_rolled_back("probe-invalid", "dd.probe driver=" DRIVER " fail=EINVAL");
}

static void detach_is_rolled_back_when_probe_is_deferred(void **state)
{
	check_detach_rolled_back("probe-deferred", "dd.probe driver=" DRIVER " fail=EPROBE_DEFER");
}

static void detach_is_rolled_back_when_probe_fails_with_something_else(void **state)
{
	check_detach_rolled_back("probe-failed", "dd.probe driver=" DRIVER " fail=ETIMEDOUT");
}

static void detach_is_rolled_back_when_the_vfio_device_cannot_be_made(void **state)
{
	check_detach_rolled_back("probe-failed", "vfio.add-device device=" VF " fail=ENOMEM");
}

/* The driver's own refusal, without a rule: igbvf-vfio-pci takes VFs only. */
static void a_driver_for_vfs_does_not_take_a_pf(void **state)
{
	static const char pf[] = "0000:04:00.0";

	load_module("igbvf_vfio_pci");
	write_file(DEVICES "/0000:04:00.0/sriov_numvfs", "0");
	{
		_cleanup_snapshot_ struct snapshot *before = snapshot_take();

		ASSERT_FAILS(1, "probe-failed", "restored", "detach", pf, "--driver", "igbvf-vfio-pci");
		assert_unchanged(before);
	}
}

/* ---- a write fails ---- */

static void detach_is_rolled_back_when_the_override_cannot_be_written(void **state)
{
	check_detach_rolled_back("override-failed", "sys.write path=*/" VF "/driver_override times=1 fail=EIO");
}

static void detach_is_rolled_back_when_the_override_can_never_be_written(void **state)
{
	check_detach_rolled_back("override-failed", "sys.write path=*/" VF "/driver_override fail=ENOMEM");
}

static void detach_is_rolled_back_when_unbind_fails(void **state)
{
	check_detach_rolled_back("unbind-failed", "sys.write path=*/igbvf/unbind fail=EBUSY");
}

static void detach_is_rolled_back_when_the_driver_is_another_by_now(void **state)
{
	check_detach_rolled_back("driver-changed", "sys.write path=*/igbvf/unbind fail=ENODEV");
}

/* As a driver's firmware may: the kernel has finished, and the library's worker has answered. */
static void a_time_out_that_the_kernel_reports_is_a_failure_like_another(void **state)
{
	check_detach_rolled_back("unbind-failed", "sys.write path=*/igbvf/unbind fail=ETIMEDOUT");
}

/* The kernel has unbound it, and yet the write fails. */
static void detach_is_rolled_back_when_unbind_fails_after_it_was_done(void **state)
{
	check_detach_rolled_back("unbind-failed", "sys.return path=*/igbvf/unbind fail=EINTR");
}

static void detach_is_rolled_back_when_drivers_probe_fails(void **state)
{
	check_detach_rolled_back("probe-write-failed", "sys.write path=*/drivers_probe times=1 fail=EIO");
}

/* What Linux answers when user space owns the group's DMA. */
static void detach_is_rolled_back_when_drivers_probe_is_refused(void **state)
{
	check_detach_rolled_back("probe-refused", "sys.write path=*/drivers_probe times=1 fail=EINVAL");
}

static void detach_is_rolled_back_when_drivers_probe_fails_after_it_was_done(void **state)
{
	check_detach_rolled_back("probe-write-failed", "sys.return path=*/drivers_probe times=1 fail=EINTR");
}

/* What made it fail still does so when it is undone, for the first time. */
static void detach_is_rolled_back_although_undoing_it_fails_once(void **state)
{
	check_detach_rolled_back("probe-write-failed", "sys.write path=*/drivers_probe fail=EIO times=2");
}

static void a_move_is_rolled_back_to_the_first_vfio_driver(void **state)
{
	load_module(MODULE);
	detach(VF, "vfio-pci");
	check_rolled_back("probe-busy", "dd.probe driver=" DRIVER " fail=EBUSY",
			  (const char *const[]){"vfiobind", "detach", VF, "--driver", DRIVER, NULL});
	assert_device(VF, "vfio-pci", "vfio-pci");
}

/* Somebody else's override is put back, not blanked. */
static void detach_restores_the_override_that_was_there(void **state)
{
	write_file(DEVICES "/" VF "/driver_override", "vfio-pci");
	check_detach_rolled_back("probe-busy", "dd.probe driver=" DRIVER " fail=EBUSY");
}

static void detach_of_a_device_without_a_driver_leaves_it_so(void **state)
{
	write_file("/sys/bus/pci/drivers/igbvf/unbind", VF);
	check_detach_rolled_back("probe-busy", "dd.probe driver=" DRIVER " fail=EBUSY");
}

/* ---- reattach ---- */

static void reattach_is_rolled_back_when_the_override_cannot_be_cleared(void **state)
{
	check_reattach_rolled_back("override-failed", "sys.write path=*/" VF "/driver_override fail=EIO");
}

static void reattach_is_rolled_back_when_unbind_fails(void **state)
{
	check_reattach_rolled_back("unbind-failed", "sys.write path=*/" DRIVER "/unbind fail=EBUSY");
}

static void reattach_is_rolled_back_when_the_driver_is_another_by_now(void **state)
{
	check_reattach_rolled_back("driver-changed", "sys.write path=*/" DRIVER "/unbind fail=ENODEV");
}

static void reattach_is_rolled_back_when_drivers_probe_fails(void **state)
{
	check_reattach_rolled_back("probe-write-failed", "sys.write path=*/drivers_probe times=1 fail=EIO");
}

/* A dynamic id lets the VFIO driver take it without an override, where no host driver is. */
static void reattach_is_rolled_back_when_a_vfio_driver_takes_it_again(void **state)
{
	detach(VF, DRIVER);
	RUN_WELL("modprobe", "-r", "igbvf");
	write_file("/sys/bus/pci/drivers/" DRIVER "/new_id", "8086 10ca");
	{
		_cleanup_snapshot_ struct snapshot *before = snapshot_take();

		ASSERT_FAILS(1, "still-detached", "restored", "reattach", VF);
		assert_unchanged(before);
	}
}

/* A device for which there is no driver any more is free: that is a warning. */
static void reattach_without_a_host_driver_is_done_with_a_warning(void **state)
{
	detach(VF, DRIVER);
	RUN_WELL("modprobe", "-r", "igbvf");
	{
		_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "reattach", VF);

		assert_non_null(
			strstr(output.err, "no host driver took it: no module for it is loaded: modprobe pci:v0"));
	}
	assert_device(VF, NULL, "(null)");
}

/* The warning says what the kernel's log says of the host driver's probe. */
static void reattach_tells_why_the_host_driver_did_not_take_it(void **state)
{
	detach(VF, DRIVER);
	add_fault("dd.probe driver=igbvf fail=EIO");
	{
		_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "reattach", VF);

		assert_non_null(strstr(output.err, "warning: no host driver took it"));
		assert_non_null(strstr(output.err, "failed with error -5"));
	}
	assert_device(VF, NULL, "(null)");
	/* And once it would, it is asked again. */
	clear_faults();
	RUN_WELL("vfiobind", "reattach", VF);
	assert_device(VF, "igbvf", "(null)");
}

/* ---- what cannot be undone ---- */

static void assert_repaired(int status, const char *outcome)
{
	_cleanup_output_ struct output output = RUN_EXPECTING(status, "vfiobind", "repair", "--json");
	_cleanup_json_ struct json_object *document = json_of(&output);

	assert_json_text(document, "devices.0.address", VF);
	assert_json_text(document, "devices.0.outcome", outcome);
	if (strcmp(outcome, "failed") == 0)
		assert_json_text(
			document, "devices.0.note",
			"it is neither as it was nor as it should be: see dmesg and run vfiobind repair again; if "
			"that fails too, put it right by hand as /run/vfiobind/journals/" VF
			" has it, then remove that");
}

struct broken_case {
	const char *code, *rules;
	const char *driver, *driver_override; /* after it */
};

/* The error says how it was, show says how it is. */
static void check_broken(const struct broken_case *test)
{
	load_module(MODULE);
	add_fault("%s", test->rules);
	{
		_cleanup_output_ struct output output =
			RUN_EXPECTING(5, "vfiobind", "detach", VF, "--driver", DRIVER, "--json");
		_cleanup_json_ struct json_object *document = json_of(&output);

		assert_json_text(document, "error.code", test->code);
		assert_json_text(document, "error.device", VF);
		assert_json_text(document, "state", "broken");
		assert_json_text(document, "error.hint",
				 VF " was on igbvf, with driver_override unset: run vfiobind repair");
		assert_ptr_equal(strchr(output.err, '\n'), output.err + strlen(output.err) - 1);
		assert_non_null(strstr(output.err, "it is not as it was"));
	}
	assert_device(VF, test->driver, test->driver_override);
	{
		_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "show", VF, "--json");
		_cleanup_json_ struct json_object *document = json_of(&output);

		assert_json_text(document, "driver", test->driver);
		assert_json_text(document, "driver_override",
				 strcmp(test->driver_override, "(null)") ? test->driver_override : NULL);
		assert_json_text(document, "vfio", NULL);
	}
	/* What is in the way stays until it has gone; then it is as it was. */
	ASSERT_FAILS(3, "repair-needed", "untouched", "detach", VF, "--driver", DRIVER);
	assert_repaired(5, "failed");
	clear_faults();
	assert_repaired(0, "undone");
	assert_device(VF, "igbvf", "(null)");
}

static void a_device_that_no_driver_takes_any_more_is_told_broken(void **state)
{
	check_broken(&(const struct broken_case){
		.code = "probe-busy",
		.rules = "dd.probe device=" VF " fail=EBUSY",
		.driver = NULL,
		.driver_override = "(null)",
	});
}

static void a_device_whose_probe_cannot_be_asked_for_is_told_broken(void **state)
{
	check_broken(&(const struct broken_case){
		.code = "probe-write-failed",
		.rules = "sys.write path=*/drivers_probe fail=EIO",
		.driver = NULL,
		.driver_override = "(null)",
	});
}

static void an_override_that_cannot_be_taken_back_is_told_broken(void **state)
{
	check_broken(&(const struct broken_case){
		.code = "unbind-failed",
		.rules = "sys.write path=*/igbvf/unbind fail=EBUSY\n"
			 "sys.write path=*/" VF "/driver_override after=1 fail=EIO",
		.driver = "igbvf",
		.driver_override = DRIVER,
	});
}

struct pending_case {
	const char *held;   /* a step of the undoing */
	const char *driver; /* that it is on while that is held */
	const char *driver_override;
};

/* What made the detach fail stays the cause; what is to become of it, the kernel has not said. */
static void check_undoing_pending(const struct pending_case *test)
{
	load_module(MODULE);
	add_fault("dd.probe driver=" DRIVER " fail=EBUSY\n%s hold times=1", test->held);
	ASSERT_FAILS(4, "probe-busy", "pending", "detach", VF, "--driver", DRIVER, ENOUGH);
	assert_device(VF, test->driver, test->driver_override);
	ASSERT_FAILS(3, "repair-needed", "untouched", "detach", VF, "--driver", DRIVER);
	assert_true(beside_release_all());
	assert_repaired(0, "undone");
	assert_device(VF, "igbvf", "(null)");
}

static void a_detach_whose_undoing_does_not_end_is_told_pending(void **state)
{
	check_undoing_pending(&(const struct pending_case){
		.held = "sys.write path=*/" VF "/driver_override after=1",
		.driver = NULL,
		.driver_override = DRIVER,
	});
	machine_reset(NULL);
	/* Before anything is undone, it is read what there is to be undone. */
	check_undoing_pending(&(const struct pending_case){
		.held = "sys.read path=*/" VF "/driver_override after=1",
		.driver = NULL,
		.driver_override = DRIVER,
	});
	machine_reset(NULL);
	check_undoing_pending(&(const struct pending_case){
		.held = "sys.write path=*/" VF "/driver_override after=2",
		.driver = "igbvf",
		.driver_override = "igbvf",
	});
}

static void a_reattach_that_cannot_be_undone_is_told_broken(void **state)
{
	detach(VF, DRIVER);
	add_fault("sys.write path=*/drivers_probe fail=EIO");
	ASSERT_FAILS(5, "probe-write-failed", "broken", "reattach", VF);
	assert_device(VF, NULL, DRIVER);
	assert_repaired(5, "failed");
	clear_faults();
	assert_repaired(0, "finished");
	assert_device(VF, "igbvf", "(null)");
}

/* ---- modules ---- */

/* A driver that is loaded for a detach that fails stays loaded; nothing else is different. */
static void a_detach_that_fails_leaves_the_module_loaded(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = NULL;

	add_fault("dd.probe driver=" DRIVER " fail=EBUSY");
	ASSERT_FAILS(1, "probe-busy", "restored", "detach", VF, "--driver", DRIVER);
	assert_true(exists("/sys/module/" MODULE));
	assert_device(VF, "igbvf", "(null)");
	before = snapshot_take();
	machine_reset(NULL);
	load_module(MODULE);
	assert_unchanged(before);
}

/* The best match fails, the generic driver is there: who asked for no driver gets that one, with a warning. */
static void the_best_match_gives_way_when_its_module_cannot_be_loaded(void **state)
{
	/* irqbypass, vfio, vfio_iommu_type1 and vfio_pci_core come before it. */
	load_module("vfio-pci");
	add_fault("module.load fail=ENOMEM");
	{
		_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "detach", VF);

		assert_non_null(strstr(output.err, MODULE));
	}
	assert_true(fault_fired("module.load") > 0);
	assert_device(VF, "vfio-pci", "vfio-pci");
}

static const struct CMUnitTest two_vfs_tests[] = {
	SCENARIO(detach_is_rolled_back_when_probe_fails_with_enodev),
	SCENARIO(detach_is_rolled_back_when_probe_fails_with_enxio),
	SCENARIO(detach_is_rolled_back_when_probe_fails_with_ebusy),
	SCENARIO(detach_is_rolled_back_when_probe_fails_with_einval),
	SCENARIO(detach_is_rolled_back_when_probe_is_deferred),
	SCENARIO(detach_is_rolled_back_when_probe_fails_with_something_else),
	SCENARIO(detach_is_rolled_back_when_the_vfio_device_cannot_be_made),
	SCENARIO(a_driver_for_vfs_does_not_take_a_pf),
	SCENARIO(detach_is_rolled_back_when_the_override_cannot_be_written),
	SCENARIO(detach_is_rolled_back_when_the_override_can_never_be_written),
	SCENARIO(detach_is_rolled_back_when_unbind_fails),
	SCENARIO(detach_is_rolled_back_when_the_driver_is_another_by_now),
	SCENARIO(a_time_out_that_the_kernel_reports_is_a_failure_like_another),
	SCENARIO(detach_is_rolled_back_when_unbind_fails_after_it_was_done),
	SCENARIO(detach_is_rolled_back_when_drivers_probe_fails),
	SCENARIO(detach_is_rolled_back_when_drivers_probe_is_refused),
	SCENARIO(detach_is_rolled_back_when_drivers_probe_fails_after_it_was_done),
	SCENARIO(detach_is_rolled_back_although_undoing_it_fails_once),
	SCENARIO(a_move_is_rolled_back_to_the_first_vfio_driver),
	SCENARIO(detach_restores_the_override_that_was_there),
	SCENARIO(detach_of_a_device_without_a_driver_leaves_it_so),
	SCENARIO(reattach_is_rolled_back_when_the_override_cannot_be_cleared),
	SCENARIO(reattach_is_rolled_back_when_unbind_fails),
	SCENARIO(reattach_is_rolled_back_when_the_driver_is_another_by_now),
	SCENARIO(reattach_is_rolled_back_when_drivers_probe_fails),
	SCENARIO(reattach_is_rolled_back_when_a_vfio_driver_takes_it_again),
	SCENARIO(reattach_without_a_host_driver_is_done_with_a_warning),
	SCENARIO(reattach_tells_why_the_host_driver_did_not_take_it),
	SCENARIO(a_device_that_no_driver_takes_any_more_is_told_broken),
	SCENARIO(a_device_whose_probe_cannot_be_asked_for_is_told_broken),
	SCENARIO(an_override_that_cannot_be_taken_back_is_told_broken),
	SCENARIO(a_detach_whose_undoing_does_not_end_is_told_pending),
	SCENARIO(a_reattach_that_cannot_be_undone_is_told_broken),
	SCENARIO(a_detach_that_fails_leaves_the_module_loaded),
	SCENARIO(the_best_match_gives_way_when_its_module_cannot_be_loaded),
};

SCENARIO_MAIN(SUITE("two-vfs", two_vfs_tests))
