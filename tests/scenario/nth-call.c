/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The 1st, 2nd, … nth allocation of the library fails, or system call: it says so, and the device is as it was, or as it
 * should be, or a repair makes it so.
 */
#include "beside.h"
#include "failing-calls.h"
#include "harness.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Of the machine two-vfs. */
#define VF "0000:04:10.0"
#define PF "0000:04:00.0"
#define DRIVER "vfio-pci-igbvf"

/* ---- the functions ---- */

static const struct vfiobind_address vf = {.bus = 4, .slot = 0x10}, pf = {.bus = 4};

/* Each takes a context and returns what the library does. */
static int find(struct vfiobind_context *context, struct vfiobind_error *error)
{
	struct vfiobind_address address;

	return vfiobind_device_find(context, VF, &address, error);
}

static int list(struct vfiobind_context *context, struct vfiobind_error *error)
{
	struct vfiobind_address *addresses = NULL;
	size_t n;
	int r = vfiobind_device_list(context, &addresses, &n, error);

	free(addresses);
	return r;
}

static int show(struct vfiobind_context *context, struct vfiobind_error *error)
{
	struct vfiobind_device *device = NULL;
	int r = vfiobind_device_read(context, &vf, &device, error);

	vfiobind_device_free(device);
	return r;
}

static int show_pf(struct vfiobind_context *context, struct vfiobind_error *error)
{
	struct vfiobind_device *device = NULL;
	int r = vfiobind_device_read(context, &pf, &device, error);

	vfiobind_device_free(device);
	return r;
}

static int rank(struct vfiobind_context *context, struct vfiobind_error *error)
{
	struct vfiobind_ranking *ranking = NULL;
	int r = vfiobind_driver_rank(context, &vf, &ranking, error);

	vfiobind_ranking_free(ranking);
	return r;
}

static int check_host(struct vfiobind_context *context, struct vfiobind_error *error)
{
	struct vfiobind_report *report = NULL;
	int r = vfiobind_host_check(context, &report, error);

	vfiobind_report_free(report);
	return r;
}

static int detach_as(struct vfiobind_context *context, const struct vfiobind_detach_options *options,
		     struct vfiobind_error *error)
{
	struct vfiobind_result *result = NULL;
	int r = vfiobind_device_detach(context, &vf, 1, options, &result, error);

	vfiobind_result_free(result);
	return r;
}

static int detach(struct vfiobind_context *context, struct vfiobind_error *error)
{
	struct vfiobind_detach_options options = VFIOBIND_DETACH_OPTIONS_INIT;

	options.driver = DRIVER;
	return detach_as(context, &options, error);
}

/* By the best match, with its group, and so that there is something to warn of. */
static int detach_best(struct vfiobind_context *context, struct vfiobind_error *error)
{
	struct vfiobind_detach_options options = VFIOBIND_DETACH_OPTIONS_INIT;

	options.whole_group = options.force = true;
	return detach_as(context, &options, error);
}

static int detach_dry(struct vfiobind_context *context, struct vfiobind_error *error)
{
	struct vfiobind_detach_options options = VFIOBIND_DETACH_OPTIONS_INIT;

	options.dry_run = true;
	return detach_as(context, &options, error);
}

static int reattach(struct vfiobind_context *context, struct vfiobind_error *error)
{
	struct vfiobind_result *result = NULL;
	int r = vfiobind_device_reattach(context, &vf, 1, NULL, &result, error);

	vfiobind_result_free(result);
	return r;
}

static int reset(struct vfiobind_context *context, struct vfiobind_error *error)
{
	struct vfiobind_reset_options options = VFIOBIND_RESET_OPTIONS_INIT;
	struct vfiobind_reset *result = NULL;
	int r;

	options.method = "flr";
	r = vfiobind_device_reset(context, &vf, &options, &result, error);
	vfiobind_reset_free(result);
	return r;
}

static int read_sriov(struct vfiobind_context *context, struct vfiobind_error *error)
{
	struct vfiobind_sriov *sriov = NULL;
	int r = vfiobind_sriov_read(context, &pf, &sriov, error);

	vfiobind_sriov_free(sriov);
	return r;
}

static int set_sriov(struct vfiobind_context *context, struct vfiobind_error *error)
{
	struct vfiobind_sriov *sriov = NULL;
	int r = vfiobind_sriov_set(context, &pf, 1, NULL, &sriov, error);

	vfiobind_sriov_free(sriov);
	return r;
}

static int for_web(int (*call)(struct vfiobind_context *, const struct vfiobind_hostdev *, size_t,
			       const struct vfiobind_hostdev_options *, struct vfiobind_result **,
			       struct vfiobind_error *),
		   struct vfiobind_context *context, struct vfiobind_error *error)
{
	struct vfiobind_hostdev_options options = VFIOBIND_HOSTDEV_OPTIONS_INIT;
	struct vfiobind_hostdev hostdev = VFIOBIND_HOSTDEV_INIT;
	struct vfiobind_result *result = NULL;
	int r;

	options.domain = "web";
	hostdev.address = vf;
	hostdev.managed = true;
	hostdev.driver_model = DRIVER;
	r = call(context, &hostdev, 1, &options, &result, error);
	vfiobind_result_free(result);
	return r;
}

static int prepare(struct vfiobind_context *context, struct vfiobind_error *error)
{
	return for_web(vfiobind_hostdev_prepare, context, error);
}

static int release(struct vfiobind_context *context, struct vfiobind_error *error)
{
	return for_web(vfiobind_hostdev_release, context, error);
}

static int repair(struct vfiobind_context *context, struct vfiobind_error *error)
{
	struct vfiobind_repairs *repairs = NULL;
	int r = vfiobind_repair(context, NULL, &repairs, error);

	vfiobind_repairs_free(repairs);
	return r;
}

/* ---- what there is before ---- */

static void nothing(void)
{
}

static void take_up(void)
{
	assert_int_equal(system("cd " DEVICES "/" VF "/net/eth* && echo 0x1003 >flags"), 0);
}

static void load(void)
{
	RUN_WELL("modprobe", "vfio_pci_igbvf");
}

static void detached(void)
{
	RUN_WELL("vfiobind", "detach", VF, "--driver", DRIVER);
}

static void prepared(void)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_context *context;

	load();
	assert_return_code(vfiobind_context_new(&context), 0);
	assert_return_code(prepare(context, &error), 0);
	vfiobind_context_free(context);
}

/* The kernel goes on with what it was asked for; that is waited for, so that no store of it is taken for one of a repair. */
static void crashed_at(const char *const *command, const char *step, const char *device)
{
	_cleanup_text_ char *control = format_text(DEVICES "/%s/power/control", device);
	pid_t pid;

	add_fault("%s device=%s times=1 hold", step, device);
	pid = beside_start(command);
	beside_wait_held(step);
	kill(pid, SIGKILL);
	beside_end(pid);
	beside_release_all();
	/* It takes the device's lock, which is held at the step. */
	write_file(control, "on");
}

static void crashed_detach(void)
{
	load();
	crashed_at((const char *const[]){"vfiobind", "detach", VF, "--driver", DRIVER, NULL}, "dd.unlink-driver", VF);
}

static void crashed_reattach(void)
{
	detached();
	crashed_at((const char *const[]){"vfiobind", "reattach", VF, NULL}, "dd.unlink-driver", VF);
}

static void crashed_sriov(void)
{
	crashed_at((const char *const[]){"vfiobind", "sriov", PF, "--numvfs", "1", NULL}, "iov.enable", PF);
}

/* ---- the loop ---- */

static const struct function {
	const char *name;
	void (*prepare)(void);
	int (*call)(struct vfiobind_context *context, struct vfiobind_error *error);
	bool changes;
} functions[] = {
	{"find", nothing, find},
	{"list", nothing, list},
	{"show", nothing, show},
	{"show a PF", nothing, show_pf},
	{"show, detached", detached, show},
	{"rank", nothing, rank},
	{"rank, loaded", load, rank},
	{"check the host", nothing, check_host},
	{"detach", load, detach, true},
	{"detach with its module", nothing, detach, true},
	{"detach by the best match", take_up, detach_best, true},
	{"detach, dry", nothing, detach_dry},
	{"reattach", detached, reattach, true},
	{"reset", detached, reset, true},
	{"read SR-IOV", nothing, read_sriov},
	{"set SR-IOV", load, set_sriov, true},
	{"repair SR-IOV", crashed_sriov, repair, true},
	{"prepare", load, prepare, true},
	{"release", prepared, release, true},
	{"repair a detach", crashed_detach, repair, true},
	{"repair a reattach", crashed_reattach, repair, true},
	{"repair nothing", detached, repair, true},
};

struct failing_call {
	const struct function *function;
	enum call_kind kind;
	unsigned long which;
};

#define fail_about(call, format, ...)                                                                              \
	fail_msg("%s, %s %lu (%s): " format, (call)->function->name, call_kind_names[(call)->kind], (call)->which, \
		 calls_failed(), __VA_ARGS__)

/* Returns whether the call was made. @ret_result: what the function returned. */
static bool fail_one(const struct failing_call *call, int *ret_result)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_context *context = NULL;
	bool reached;
	int r;

	calls_fail(call->kind, call->which);
	r = vfiobind_context_new(&context);
	if (r == 0)
		r = call->function->call(context, &error);
	reached = calls_succeed();
	if (context && r < 0) {
		if (error.code == VFIOBIND_ERROR_NONE)
			fail_about(call, "%s", "no error");
		if (call->kind == CALL_ALLOCATION && (error.code != VFIOBIND_ERROR_OUT_OF_MEMORY || r != -ENOMEM))
			fail_about(call, "%s", vfiobind_error_code_name(error.code));
		if (error.state == VFIOBIND_STATE_UNTOUCHED && TRACE_COUNT(" sys.write "))
			fail_about(call, "%s", "\"untouched\", but something was written");
	}
	vfiobind_context_free(context);
	if (!reached && r != 0)
		fail_about(call, "nothing failed, but: %s", vfiobind_error_code_name(error.code));
	*ret_result = r;
	return reached;
}

static void check_function(const struct function *function, enum call_kind kind)
{
	_cleanup_snapshot_ struct snapshot *old = NULL, *new = NULL;
	struct failing_call call = {.function = function, .kind = kind, .which = 1000000};
	/* All of those that change something take minutes; under valgrind, an hour. */
	unsigned long stride = (function->changes && !getenv("MOCKSYS_TEST_ALL") ? 5 : 1) * (under_valgrind() ? 7 : 1);
	int r;

	machine_reset(NULL);
	function->prepare();
	old = snapshot_take_nodes();
	assert_false(fail_one(&call, &r));
	new = snapshot_take_nodes();
	for (call.which = 1;; call.which += stride) {
		_cleanup_snapshot_ struct snapshot *now = NULL;

		if (function->changes || call.which == 1) {
			machine_reset(NULL);
			function->prepare();
			trace_clear();
		}
		if (!fail_one(&call, &r))
			break;
		/* Whatever is left to do, a repair does it; or there is nothing. */
		if (!function->changes)
			continue;
		RUN_WELL("vfiobind", "repair");
		if (function->call == repair) {
			_cleanup_text_ char *driver = link_name(DEVICES "/" VF "/driver");

			/* It was undone, or it is done. */
			if (!driver || (strcmp(driver, DRIVER) != 0 &&
					(function->prepare == detached || strcmp(driver, "igbvf") != 0)))
				fail_about(&call, "it is on %s", driver ? driver : "no driver");
			continue;
		}
		now = snapshot_take_nodes();
		/* Modules that were loaded on the way stay. */
		if (function->prepare != nothing && function->prepare != take_up &&
		    (r == 0 || snapshot_compare(old, now, NULL)) && snapshot_compare(new, now, function->name))
			fail_about(&call, "%s", "neither as it was nor as it should be");
	}
	print_message("%s: up to %s %lu\n", function->name, call_kind_names[kind], call.which - stride);
	assert_true(call.which > 1);
}

static void each_function_survives_each_failure_of_memory(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
		check_function(&functions[i], CALL_ALLOCATION);
}

static void each_function_survives_each_failure_of_a_system_call(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
		check_function(&functions[i], CALL_SYSTEM);
}

static const struct CMUnitTest two_vfs_tests[] = {
	SCENARIO(each_function_survives_each_failure_of_memory),
	SCENARIO(each_function_survives_each_failure_of_a_system_call),
};

SCENARIO_MAIN(SUITE("two-vfs", two_vfs_tests))
