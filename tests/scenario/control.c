/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libmocksys, in every way: each function once, and how it fails. */
#include "harness.h"

#include <errno.h>
#include <mocksys.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define VF "0000:04:10.0"
#define PF "0000:04:00.0"
#define UNBIND "/sys/bus/pci/drivers/igbvf/unbind"

static struct mocksys *machine;

static int set_up(void **state)
{
	return mocksys_new(NULL, &machine) || mocksys_reset(machine) || mocksys_trace_clear(machine);
}

static int tear_down(void **state)
{
	mocksys_free(machine);
	machine = NULL;
	return 0;
}

#define SUCCEED(call)                                                                              \
	do {                                                                                       \
		int result = (call);                                                               \
		if (result)                                                                        \
			fail_msg("%s: %s (%s)", #call, strerror(-result), mocksys_error(machine)); \
	} while (0)

#define FAIL(call, error, text)                                    \
	do {                                                       \
		assert_int_equal(call, -(error));                  \
		assert_string_equal(mocksys_error(machine), text); \
	} while (0)

static pid_t start(const char *path, const char *text)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0)
		_exit(-try_write_file(path, text));
	return pid;
}

static int wait_for(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void no_machine_is_no_device(void **state)
{
	struct mocksys *none = NULL;

	assert_int_equal(mocksys_new("/sys", &none), -ENODEV);
	assert_int_equal(mocksys_new("/nowhere", &none), -ENODEV);
	assert_null(none);
	mocksys_free(NULL);
	mocksys_watch_free(NULL);
	assert_string_equal(mocksys_error(machine), "");
	assert_string_equal(mocksys_library_version(), vfiobind_library_version());
}

static void rules_are_added_counted_and_removed(void **state)
{
	_cleanup_text_ char *unfired = NULL, *none = NULL;
	unsigned long fired = 99;

	SUCCEED(mocksys_fault_add(machine, "sys.write path=" UNBIND " fail=EIO\ndd.probe times=1 fail=EBUSY\n"));
	assert_int_equal(try_write_file(UNBIND, VF), -EIO);
	SUCCEED(mocksys_fault_count(machine, "sys.write path=" UNBIND " fail=EIO", &fired));
	assert_int_equal(fired, 1);
	SUCCEED(mocksys_fault_count(machine, "dd.probe times=1 fail=EBUSY\n", &fired));
	assert_int_equal(fired, 0);
	SUCCEED(mocksys_fault_unfired(machine, &unfired));
	assert_string_equal(unfired, "dd.probe times=1 fail=EBUSY\n");
	FAIL(mocksys_fault_count(machine, "dd.probe", NULL), ENOENT, "no such fault rule: 'dd.probe'");
	SUCCEED(mocksys_fault_clear(machine));
	SUCCEED(mocksys_fault_unfired(machine, &none));
	assert_string_equal(none, "");
	assert_int_equal(try_write_file(UNBIND, VF), 0);
}

/* @n rules, with a line each. */
static char *many_rules(unsigned int n)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	assert_non_null(stream);
	for (unsigned int i = 0; i < n; i++)
		fprintf(stream, "sys.write path=/sys/bus/pci/drivers/driver%05u/unbind after=1 fail=EIO\n", i);
	fclose(stream);
	return text;
}

static void as_many_rules_as_fit_are_taken_at_once_or_none(void **state)
{
	_cleanup_text_ char *many = many_rules(800), *too_many = many_rules(1000), *none = NULL, *all = NULL;

	assert_in_range(strlen(many), 50000, 65536);
	FAIL(mocksys_fault_add(machine, too_many), E2BIG, "faults: more than 65536 bytes at once");
	SUCCEED(mocksys_fault_unfired(machine, &none));
	assert_string_equal(none, "");
	SUCCEED(mocksys_fault_add(machine, many));
	SUCCEED(mocksys_fault_unfired(machine, &all));
	assert_string_equal(all, many);
	SUCCEED(mocksys_fault_clear(machine));
}

static void refusals_say_why(void **state)
{
	unsigned long id = 7;

	FAIL(mocksys_fault_add(machine, "dd.probe fail=EIO\ndd.remove fail=EIO"), EINVAL,
	     "faults: 'dd.probe fail=EIO dd.remove fail=EIO': this step cannot fail");
	FAIL(mocksys_step_wait(machine, "dd.probed colour=red", NULL), EINVAL,
	     "wait: 'dd.probed colour=red': no such key");
	FAIL(mocksys_step_wait_held(machine, "dd.nothing", &id, NULL), EINVAL, "wait: 'held dd.nothing': no such step");
	FAIL(mocksys_step_release(machine, 99), ENOENT, "release: '99': no step of this number is held");
	FAIL(mocksys_user_open(machine, VF), ENODEV, "users: 'open " VF "': the device is on no VFIO driver");
	FAIL(mocksys_user_close(machine, VF), ENODEV, "users: 'close " VF "': nobody has the device open");
	FAIL(mocksys_user_open(machine, "0000:99:00.0"), ENODEV,
	     "users: 'open 0000:99:00.0': no such device on the bus");
	FAIL(mocksys_user_open(machine, "a b"), EINVAL, "not the address of a PCI function: 'a b'");
	FAIL(mocksys_user_open(machine, ""), EINVAL, "not the address of a PCI function: ''");
	assert_int_equal(id, 7);
}

static void a_step_is_held_looked_at_and_released(void **state)
{
	_cleanup_text_ char *held = NULL, *line = NULL;
	unsigned long id;
	pid_t pid;

	SUCCEED(mocksys_fault_add(machine, "dd.remove device=" VF " hold times=1"));
	pid = start(UNBIND, VF);
	SUCCEED(mocksys_step_wait_held(machine, "dd.remove", &id, &held));
	assert_non_null(strstr(held, " dd.remove device=" VF " driver=igbvf"));
	assert_device(VF, NULL, "(null)");
	assert_true(exists(DEVICES "/" VF "/net"));
	SUCCEED(mocksys_step_release(machine, id));
	assert_int_equal(wait_for(pid), 0);
	SUCCEED(mocksys_step_wait(machine, "dd.uevent-unbind device=" VF, &line));
	assert_non_null(strstr(line, " dd.uevent-unbind device=" VF " driver=igbvf = 0"));
}

static void a_watch_gives_one_step_after_the_other(void **state)
{
	static const char *const expected[] = {"/unbind value=" VF " = 12", "/drivers_probe value=" VF " = 12"};
	struct mocksys_watch *watch;

	SUCCEED(mocksys_watch_new(machine, "sys.return device=" VF, &watch));
	write_file(UNBIND, VF);
	write_file("/sys/bus/pci/drivers_probe", VF);
	write_file("/sys/bus/pci/drivers_probe", PF);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		_cleanup_text_ char *line = NULL;

		SUCCEED(mocksys_watch_next(watch, &line));
		assert_non_null(strstr(line, expected[i]));
	}
	mocksys_watch_free(watch);
}

struct waiting {
	pthread_t thread;
	struct mocksys *machine;
	int result;
};

static void *wait_for_nothing(void *argument)
{
	struct waiting *waiting = argument;

	waiting->result = mocksys_step_wait(waiting->machine, "dd.probe device=0000:99:00.0", NULL);
	return NULL;
}

static void a_reset_ends_what_waits(void **state)
{
	struct waiting waiting;

	assert_int_equal(mocksys_new(NULL, &waiting.machine), 0);
	assert_int_equal(pthread_create(&waiting.thread, NULL, wait_for_nothing, &waiting), 0);
	/* One that comes before it waits does not end it: until it has. */
	while (pthread_tryjoin_np(waiting.thread, NULL) == EBUSY)
		SUCCEED(mocksys_reset(machine));
	assert_int_equal(waiting.result, -EIO);
	assert_string_equal(mocksys_error(waiting.machine), "cannot wait for a step: the machine has been reset");
	mocksys_free(waiting.machine);
}

static void on_signal(int number)
{
}

static void a_signal_ends_what_waits(void **state)
{
	const struct sigaction action = {.sa_handler = on_signal};
	struct waiting waiting;

	sigaction(SIGUSR1, &action, NULL);
	assert_int_equal(mocksys_new(NULL, &waiting.machine), 0);
	assert_int_equal(pthread_create(&waiting.thread, NULL, wait_for_nothing, &waiting), 0);
	while (pthread_tryjoin_np(waiting.thread, NULL) == EBUSY)
		pthread_kill(waiting.thread, SIGUSR1);
	assert_int_equal(waiting.result, -EINTR);
	mocksys_free(waiting.machine);
}

static void an_unbind_waits_for_the_user(void **state)
{
	pid_t pid;
	_cleanup_text_ char *line = NULL;

	RUN_WELL("vfiobind", "detach", VF, "--driver", "vfio-pci");
	SUCCEED(mocksys_trace_clear(machine));
	SUCCEED(mocksys_user_open(machine, VF));
	SUCCEED(mocksys_user_open(machine, VF));
	pid = start("/sys/bus/pci/drivers/vfio-pci/unbind", VF);
	SUCCEED(mocksys_step_wait(machine, "vfio.wait-users", &line));
	assert_non_null(strstr(line, " vfio.wait-users device=" VF " = 0 why=somebody has the device open"));
	SUCCEED(mocksys_user_close(machine, VF));
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	SUCCEED(mocksys_user_close(machine, VF));
	assert_int_equal(wait_for(pid), 0);
}

static void a_function_is_pulled_out_and_plugged_in(void **state)
{
	SUCCEED(mocksys_device_remove(machine, VF));
	assert_false(exists(DEVICES "/" VF));
	assert_true(exists(DEVICES "/0000:04:10.2"));
	SUCCEED(mocksys_device_remove(machine, PF));
	assert_false(exists(DEVICES "/" PF) || exists(DEVICES "/0000:04:10.2"));
	SUCCEED(mocksys_device_add(machine, PF, "intel-82576", 21));
	assert_device(PF, "igb", "(null)");
	/* Of the fixtures, though the machine had none. */
	SUCCEED(mocksys_device_add(machine, "0000:04:00.1", "intel-82574l", -1));
	assert_device("0000:04:00.1", NULL, "(null)");
	FAIL(mocksys_device_remove(machine, VF), ENODEV, "hotplug: 'remove " VF "': no such device on the bus");
	FAIL(mocksys_device_add(machine, PF, "intel-82576", 21), EEXIST,
	     "hotplug: 'add " PF " intel-82576 group=21': there is a device at this address");
	FAIL(mocksys_device_add(machine, "0000:04:01.0", "toaster", -1), ENOENT,
	     "hotplug: 'add 0000:04:01.0 toaster': neither the machine nor the fixtures know such a model");
	FAIL(mocksys_device_add(machine, "0000:05:00.0", "intel-82576", -1), ENODEV,
	     "hotplug: 'add 0000:05:00.0 intel-82576': no such bus");
	FAIL(mocksys_device_add(machine, PF, "", -1), EINVAL, "not an address and a device model: '" PF "', ''");
}

static void a_device_vanishes_at_a_step(void **state)
{
	SUCCEED(mocksys_fault_add(machine, "dd.remove device=" VF " vanish"));
	write_file(UNBIND, VF);
	assert_false(exists(DEVICES "/" VF));
	SUCCEED(mocksys_step_wait(machine, "pci.unplug device=" VF " actor=hotplug", NULL));
}

static void trace_and_state_are_texts(void **state)
{
	_cleanup_text_ char *trace = NULL, *cleared = NULL, *fixture = NULL;

	write_file(UNBIND, VF);
	SUCCEED(mocksys_trace_read(machine, &trace));
	assert_non_null(strstr(trace, " dd.uevent-unbind device=" VF));
	SUCCEED(mocksys_trace_clear(machine));
	SUCCEED(mocksys_trace_read(machine, &cleared));
	assert_string_equal(cleared, "");
	SUCCEED(mocksys_state_read(machine, &fixture));
	assert_non_null(strstr(fixture, "machine: two-vfs\n"));
}

static const struct CMUnitTest tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	TEST(no_machine_is_no_device),
	TEST(rules_are_added_counted_and_removed),
	TEST(as_many_rules_as_fit_are_taken_at_once_or_none),
	TEST(refusals_say_why),
	TEST(a_step_is_held_looked_at_and_released),
	TEST(a_watch_gives_one_step_after_the_other),
	TEST(a_reset_ends_what_waits),
	TEST(a_signal_ends_what_waits),
	TEST(an_unbind_waits_for_the_user),
	TEST(a_function_is_pulled_out_and_plugged_in),
	TEST(a_device_vanishes_at_a_step),
	TEST(trace_and_state_are_texts),
};

SCENARIO_MAIN(SUITE("two-vfs", tests))
