/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SIGKILL for `hostdev prepare` and `hostdev release` at their own system calls that change something, of a domain with a
 * device that stays on its driver and one that is detached for it: a repair makes it the domain's, or not, as a whole. At
 * every fifteenth call, from one that differs from run to run; with MOCKSYS_TEST_ALL set at each.
 */
#include "domain-file.h"
#include "harness.h"
#include "kill-at.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Of the machine two-vfs. */
#define VF "0000:04:10.0"
#define OTHER_VF "0000:04:10.2"

struct action {
	const char *name, *opposite;
	struct domain_file domain;
};

static void get_ready(const struct action *action)
{
	machine_reset(NULL);
	RUN_WELL("vfiobind", "detach", VF);
	if (strcmp(action->name, "release") == 0)
		RUN_WELL("vfiobind", "hostdev", "prepare", action->domain.path);
}

static bool is_noted(const char *directory, const char *device)
{
	_cleanup_text_ char *path = format_text("/run/vfiobind/%s/%s", directory, device);

	return exists(path);
}

static void describe_device(FILE *stream, const char *text)
{
	struct vfiobind_context *context;
	struct vfiobind_address address;
	struct vfiobind_device *device;

	assert_return_code(vfiobind_context_new(&context), 0);
	assert_return_code(vfiobind_address_parse(text, &address), 0);
	assert_return_code(vfiobind_device_read(context, &address, &device, NULL), 0);
	fprintf(stream, "%s: driver %s, override %s, domain %s, host driver %s, record%s, journal%s\n", text,
		device->driver, device->driver_override, device->domain,
		device->detached ? device->detached->host_driver : "not detached",
		is_noted("devices", text) ? "" : " none", is_noted("journals", text) ? "" : " none");
	vfiobind_device_free(device);
	vfiobind_context_free(context);
}

/* Drivers, overrides, whose the devices are, and what is written down of them. */
static char *describe(void)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	assert_non_null(stream);
	describe_device(stream, VF);
	describe_device(stream, OTHER_VF);
	assert_int_equal(fclose(stream), 0);
	return text;
}

static void check_each_call(struct action *action, bool only_command)
{
	const char *const command[] = {"vfiobind", "hostdev", action->name, action->domain.path, NULL};
	_cleanup_text_ char *before = NULL, *after = NULL;
	size_t n_old = 0, n_new = 0, stride = getenv("MOCKSYS_TEST_ALL") ? 1 : 15, first = (size_t)time(NULL) % stride;

	if (under_valgrind())
		skip(); /* it is the command that would be traced */
	get_ready(action);
	before = describe();
	run_well(command);
	after = describe();
	assert_string_not_equal(before, after);
	print_message("from call %zu on, each %zu.\n", first, stride);
	for (size_t n = first;; n += stride) {
		_cleanup_text_ char *now = NULL;
		bool done;

		get_ready(action);
		if (!kill_at(command, n, only_command))
			break;
		RUN_WELL("vfiobind", "repair");
		now = describe();
		done = strcmp(now, after) == 0;
		if (!done && strcmp(now, before) != 0)
			fail_msg("killed at change %zu: neither\n%snor\n%sbut\n%s", n, before, after, now);
		*(done ? &n_new : &n_old) += 1;
		/* And nothing is in the way of what comes next. */
		RUN_WELL("vfiobind", "hostdev", done ? action->opposite : action->name, action->domain.path);
	}
	print_message("%s killed at %zu calls: %zu times as before, %zu times done\n", action->name, n_old + n_new,
		      n_old, n_new);
	assert_true(n_old + n_new >= 75 / stride);
	/* Of few calls it may be that none is after the end, where the rest is to be finished. */
	assert_true(n_old && (n_new || stride > 1));
}

static void check(const char *name, const char *opposite, bool only_command)
{
	_cleanup_domain_ struct domain_file domain =
		DOMAIN("web", {.address = VF, .managed = "no"}, {.address = OTHER_VF, .managed = "yes"});
	struct action action = {name, opposite, domain};

	check_each_call(&action, only_command);
}

static void a_prepare_killed_at_any_call_is_repaired(void **state)
{
	check("prepare", "release", false);
}

static void a_release_killed_at_any_call_is_repaired(void **state)
{
	check("release", "prepare", false);
}

static void a_prepare_killed_without_its_worker_is_repaired(void **state)
{
	check("prepare", "release", true);
}

static void a_release_killed_without_its_worker_is_repaired(void **state)
{
	check("release", "prepare", true);
}

static const struct CMUnitTest two_vfs_tests[] = {
	SCENARIO(a_prepare_killed_at_any_call_is_repaired),
	SCENARIO(a_release_killed_at_any_call_is_repaired),
	SCENARIO(a_prepare_killed_without_its_worker_is_repaired),
	SCENARIO(a_release_killed_without_its_worker_is_repaired),
};

SCENARIO_MAIN(SUITE("two-vfs", two_vfs_tests))
