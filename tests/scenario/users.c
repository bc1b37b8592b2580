/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processes that have a VFIO node open, in every way: an unbind waits for them, and says so in the kernel's log. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <mocksys.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define VF "0000:04:10.0"
#define CARD "0000:03:00.0"
#define SIBLING "0000:03:00.1"
#define UNBIND "/sys/bus/pci/drivers/vfio-pci/unbind"

static struct mocksys *machine;
static off_t log_begins;

static int set_up(void **state)
{
	int fd;

	if (mocksys_new(NULL, &machine))
		return -1;
	machine_reset(NULL);
	fd = open("/dev/kmsg", O_RDONLY | O_CLOEXEC);
	log_begins = lseek(fd, 0, SEEK_END);
	close(fd);
	return 0;
}

static int tear_down(void **state)
{
	mocksys_free(machine);
	return 0;
}

static void give_to_vfio(const char *address, const char *from)
{
	_cleanup_text_ char *override = format_text(DEVICES "/%s/driver_override", address);
	_cleanup_text_ char *unbind = format_text("/sys/bus/pci/drivers/%s/unbind", from);

	write_file(override, "vfio-pci");
	write_file(unbind, address);
	write_file("/sys/bus/pci/drivers_probe", address);
	assert_device(address, "vfio-pci", "vfio-pci");
}

static char *group_node(const char *address)
{
	_cleanup_text_ char *group = link_name(DEVICES "/%s/iommu_group", address);

	assert_non_null(group);
	return format_text("/dev/vfio/%s", group);
}

/* The log since the test began has @text in it. */
static bool log_has(const char *text)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char record[1024];
	bool found = false;
	ssize_t n;

	assert_return_code(fd, errno);
	lseek(fd, log_begins, SEEK_SET);
	while (!found && (n = read(fd, record, sizeof(record) - 1)) > 0) {
		record[n] = '\0';
		found = strstr(record, text);
	}
	close(fd);
	return found;
}

/* ---- processes ---- */

static pid_t start_unbind(const char *address)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0)
		_exit(-try_write_file(UNBIND, address));
	return pid;
}

/* A process that has @path open until it ends. */
static pid_t hold(const char *path)
{
	int ready[2];
	char byte = 0;
	pid_t pid;

	assert_return_code(pipe2(ready, O_CLOEXEC), errno);
	fflush(NULL);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0) {
		byte = open(path, O_RDWR | O_CLOEXEC) >= 0;
		if (write(ready[1], &byte, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(byte, 1);
	close(ready[0]);
	return pid;
}

static void end(pid_t holder, int number)
{
	kill(holder, number);
	assert_int_equal(waitpid(holder, NULL, 0), holder);
}

static void let_go(pid_t holder)
{
	end(holder, SIGTERM);
}

static int status_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void wait_for_step(const char *step)
{
	int r = mocksys_step_wait(machine, step, NULL);

	if (r)
		fail_msg("%s: %s", step, mocksys_error(machine));
}

/* ---- a device's own node ---- */

static void a_device_on_vfio_has_a_node(void **state)
{
	_cleanup_text_ char *numbers = NULL, *uevent = NULL;

	give_to_vfio(VF, "igbvf");
	numbers = read_file(DEVICES "/" VF "/vfio-dev/vfio0/dev");
	uevent = read_file(DEVICES "/" VF "/vfio-dev/vfio0/uevent");
	assert_string_equal(numbers, "244:0\n");
	assert_string_equal(uevent, "MAJOR=244\nMINOR=0\nDEVNAME=vfio/devices/vfio0\n");
	assert_true(exists("/dev/vfio/devices/vfio0"));
	assert_true(exists("/sys/dev/char/244:0"));
	write_file(UNBIND, VF);
	assert_false(exists("/dev/vfio/devices"));
	assert_false(exists("/sys/dev/char/244:0"));
}

/* Since 6.6 what leads to the device goes first, then the wait begins. */
static void an_unbind_waits_for_whoever_has_the_device_open(void **state)
{
	pid_t holder;
	pid_t unbind;

	give_to_vfio(VF, "igbvf");
	holder = hold("/dev/vfio/devices/vfio0");
	unbind = start_unbind(VF);
	wait_for_step("vfio.wait-users device=" VF);
	assert_device(VF, NULL, "vfio-pci");
	assert_false(exists(DEVICES "/" VF "/vfio-dev"));
	assert_false(exists("/dev/vfio/devices"));
	assert_true(log_has("4,"));
	assert_true(log_has("vfio-pci " VF ": No device request channel registered, blocked until released by user\n"));
	assert_false(log_has("Device is currently in use"));
	assert_int_equal(waitpid(unbind, NULL, WNOHANG), 0);
	let_go(holder);
	assert_int_equal(status_of(unbind), 0);
	assert_false(exists("/sys/class/vfio/22"));
}

static void kill_9_of_the_holder_lets_go(void **state)
{
	pid_t holder;
	pid_t unbind;

	give_to_vfio(VF, "igbvf");
	holder = hold("/dev/vfio/devices/vfio0");
	unbind = start_unbind(VF);
	wait_for_step("vfio.wait-users device=" VF);
	end(holder, SIGKILL);
	assert_int_equal(status_of(unbind), 0);
	wait_for_step("vfio.close device=" VF);
}

/* The first signal is told of, and from then on none ends the wait; not even the last of all. */
static void a_signal_to_the_waiting_process_is_logged(void **state)
{
	pid_t holder;
	siginfo_t ended = {.si_pid = 0};
	pid_t unbind;

	give_to_vfio(VF, "igbvf");
	holder = hold("/dev/vfio/devices/vfio0");
	unbind = start_unbind(VF);
	wait_for_step("vfio.wait-users device=" VF);
	kill(unbind, SIGKILL);
	/* The log says so at some time after that. */
	while (!log_has("Device is currently in use, task \""))
		sched_yield();
	/* Valgrind's programs have a name of its own. */
	assert_true(under_valgrind() || log_has("task \"users\" ("));
	assert_true(log_has(") blocked until device is released\n"));
	assert_false(TRACE_COUNT(" sys.return path=sys/bus/pci/drivers/vfio-pci/unbind ") > 0);
	let_go(holder);
	wait_for_step("sys.return path=" UNBIND);
	assert_return_code(waitid(P_PID, (id_t)unbind, &ended, WEXITED), errno);
	assert_int_equal(ended.si_status, SIGKILL);
	assert_device(VF, NULL, "vfio-pci");
}

static void a_device_that_leaves_cannot_be_opened(void **state)
{
	int directory, fd;
	pid_t unbind;

	give_to_vfio(VF, "igbvf");
	directory = open("/dev/vfio/devices", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_return_code(directory, errno);
	add_fault("vfio.remove-device hold times=1");
	unbind = start_unbind(VF);
	{
		unsigned long id;

		assert_int_equal(mocksys_step_wait_held(machine, "vfio.remove-device", &id, NULL), 0);
		fd = open("/dev/vfio/devices/vfio0", O_RDWR | O_CLOEXEC);
		assert_int_equal(fd, -1);
		assert_int_equal(errno, ENODEV);
		assert_int_equal(mocksys_step_release(machine, id), 0);
	}
	assert_int_equal(status_of(unbind), 0);
	close(directory);
}

static const struct CMUnitTest cdev_tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	TEST(a_device_on_vfio_has_a_node),           TEST(an_unbind_waits_for_whoever_has_the_device_open),
	TEST(kill_9_of_the_holder_lets_go),          TEST(a_signal_to_the_waiting_process_is_logged),
	TEST(a_device_that_leaves_cannot_be_opened),
};

/* ---- a group's node ---- */

/* Before 6.6 everything is there until the last user goes. */
static void an_unbind_waits_for_whoever_has_the_group_open(void **state)
{
	_cleanup_text_ char *node = group_node(CARD);
	pid_t holder;
	pid_t unbind;

	give_to_vfio(CARD, "e1000e");
	give_to_vfio(SIBLING, "e1000e");
	holder = hold(node);
	unbind = start_unbind(CARD);
	wait_for_step("vfio.wait-users device=" CARD);
	assert_device(SIBLING, "vfio-pci", "vfio-pci");
	assert_true(exists(DEVICES "/" CARD "/vfio-dev/vfio0"));
	assert_true(
		log_has("vfio-pci " CARD ": No device request channel registered, blocked until released by user\n"));
	let_go(holder);
	assert_int_equal(status_of(unbind), 0);
	assert_false(exists(DEVICES "/" CARD "/vfio-dev"));
	assert_true(exists(node));
}

static void a_group_is_opened_once(void **state)
{
	_cleanup_text_ char *node = group_node(CARD), *enabled = NULL, *disabled = NULL;
	pid_t holder;

	give_to_vfio(CARD, "e1000e");
	give_to_vfio(SIBLING, "e1000e");
	holder = hold(node);
	assert_int_equal(open(node, O_RDWR | O_CLOEXEC), -1);
	assert_int_equal(errno, EBUSY);
	enabled = read_file(DEVICES "/" CARD "/enable");
	assert_string_equal(enabled, "1\n");
	let_go(holder);
	wait_for_step("vfio.close path=/dev/vfio/14");
	disabled = read_file(DEVICES "/" CARD "/enable");
	assert_string_equal(disabled, "0\n");
	holder = hold(node);
	let_go(holder);
}

static void a_group_in_use_takes_no_host_driver(void **state)
{
	_cleanup_text_ char *node = group_node(CARD);
	pid_t holder;

	give_to_vfio(CARD, "e1000e");
	write_file("/sys/bus/pci/drivers/e1000e/unbind", SIBLING);
	holder = hold(node);
	assert_int_equal(try_write_file("/sys/bus/pci/drivers/e1000e/bind", SIBLING), -EBUSY);
	let_go(holder);
	wait_for_step("vfio.close path=/dev/vfio/14");
	write_file("/sys/bus/pci/drivers/e1000e/bind", SIBLING);
}

/* VFIO_GROUP_GET_STATUS would say so; nothing more can be had of it. */
static void a_group_that_is_not_viable_keeps_nobody_waiting(void **state)
{
	_cleanup_text_ char *node = group_node(CARD);
	pid_t holder;

	give_to_vfio(CARD, "e1000e");
	holder = hold(node);
	assert_int_equal(mocksys_user_open(machine, CARD), -EPERM);
	write_file(UNBIND, CARD);
	let_go(holder);
}

/* A device that comes while the group is open is its process's, too. */
static void a_device_joins_an_open_group(void **state)
{
	_cleanup_text_ char *node = group_node(CARD);
	pid_t holder;
	pid_t unbind;

	give_to_vfio(CARD, "e1000e");
	write_file("/sys/bus/pci/drivers/e1000e/unbind", SIBLING);
	holder = hold(node);
	write_file(DEVICES "/" SIBLING "/driver_override", "vfio-pci");
	write_file("/sys/bus/pci/drivers_probe", SIBLING);
	unbind = start_unbind(SIBLING);
	wait_for_step("vfio.wait-users device=" SIBLING);
	let_go(holder);
	assert_int_equal(status_of(unbind), 0);
}

/* Whoever has a node open over a reset has nothing any more. */
static void a_reset_closes_what_is_open(void **state)
{
	_cleanup_text_ char *node = group_node(CARD);
	pid_t before, after;

	give_to_vfio(CARD, "e1000e");
	give_to_vfio(SIBLING, "e1000e");
	before = hold(node);
	assert_int_equal(mocksys_reset(machine), 0);
	give_to_vfio(CARD, "e1000e");
	give_to_vfio(SIBLING, "e1000e");
	after = hold(node);
	let_go(before);
	/* That was not a close of the new one. */
	assert_int_equal(open(node, O_RDWR | O_CLOEXEC), -1);
	assert_int_equal(errno, EBUSY);
	let_go(after);
}

static const struct CMUnitTest old_tests[] = {
	TEST(an_unbind_waits_for_whoever_has_the_group_open),
	TEST(a_group_is_opened_once),
	TEST(a_group_in_use_takes_no_host_driver),
	TEST(a_group_that_is_not_viable_keeps_nobody_waiting),
	TEST(a_device_joins_an_open_group),
	TEST(a_reset_closes_what_is_open),
};

SCENARIO_MAIN(SUITE("cdev", cdev_tests), SUITE("users-6.1", old_tests))
