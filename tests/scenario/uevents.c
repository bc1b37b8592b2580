/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What programs hear of uevents, in every way. `uevents MACHINE [TEST]`, and
 *
 *	mocksys run --via qemu -k 6.12 -m tests/scenario/machines/two-vfs.yaml -- uevents --record
 *
 * prints what a real kernel announces for the detach and reattach that the tests make: data/vf-detach-reattach.uevents.
 */
#include "harness.h"
#include "kernel-events.h"

#include <errno.h>
#include <fcntl.h>
#include <libudev.h>
#include <linux/netlink.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define VF "0000:04:10.0"
#define VFIO_DRIVER "vfio-pci-igbvf"
#define TRANSCRIPT DATA "/vf-detach-reattach.uevents"

static void prepare(void)
{
	RUN_WELL("modprobe", "-a", "vfio-pci", "vfio_pci_igbvf");
}

static void detach_and_reattach(void)
{
	RUN_WELL("vfiobind", "detach", VF, "--driver", VFIO_DRIVER);
	RUN_WELL("vfiobind", "reattach", VF);
}

static char *announced_events(void)
{
	_cleanup_(names_free) struct names names = {0};
	_cleanup_socket_ int fd = -1;
	char *text;

	prepare();
	names = names_of(VF);
	fd = listen_to_kernel();
	detach_and_reattach();
	assert_true(hear_all(fd, &text) > 0);
	return normalise(text, &names);
}

static void a_detach_and_reattach_are_announced_as_a_real_kernel_does(void **state)
{
	_cleanup_text_ char *heard = announced_events();
	_cleanup_text_ char *expected = read_file(TRANSCRIPT);

	assert_non_null(expected);
	assert_string_equal(heard, strchr(expected, '\n') + 1);
}

static void the_socket_is_a_netlink_socket(void **state)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct sockaddr_nl address = {0};
	socklen_t size = sizeof(address);
	_cleanup_socket_ int fd = open_socket();
	int value, group = 1;
	socklen_t value_size = sizeof(value);

	assert_return_code(getsockname(fd, (struct sockaddr *)&address, &size), errno);
	assert_int_equal(size, sizeof(address));
	assert_int_equal(address.nl_family, AF_NETLINK);
	assert_int_equal(address.nl_pid, 0);
	assert_int_equal(address.nl_groups, 0);
	assert_return_code(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &value, &value_size), errno);
	assert_int_equal(value, AF_NETLINK);
	assert_return_code(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &value_size), errno);
	assert_int_equal(value, SOCK_RAW);
	assert_return_code(getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &value, &value_size), errno);
	assert_int_equal(value, NETLINK_KOBJECT_UEVENT);
	assert_return_code(setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)), errno);
	assert_return_code(getsockname(fd, (struct sockaddr *)&address, &size), errno);
	assert_int_equal(address.nl_pid, 0);
	assert_int_equal(address.nl_groups, 1);
	assert_return_code(bind(fd, (const struct sockaddr *)&kernel, sizeof(kernel)), errno);
	assert_return_code(getsockname(fd, (struct sockaddr *)&address, &size), errno);
	assert_int_not_equal(address.nl_pid, 0);
	assert_int_equal(address.nl_groups, 0);
	assert_return_code(getpeername(fd, (struct sockaddr *)&address, &size), errno);
	assert_int_equal(address.nl_family, AF_NETLINK);
	assert_int_equal(address.nl_pid, 0);
	assert_return_code(connect(fd, (const struct sockaddr *)&kernel, sizeof(kernel)), errno);
	assert_int_equal(socket(AF_NETLINK, SOCK_STREAM, NETLINK_KOBJECT_UEVENT), -1);
	assert_int_equal(errno, ESOCKTNOSUPPORT);
}

static void change(const char *text)
{
	write_file(DEVICES "/" VF "/uevent", text);
}

static void nothing_is_heard_without_the_group(void **state)
{
	const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1};
	_cleanup_socket_ int fd = open_socket();
	int group = 1;
	struct event event;

	change("change");
	assert_false(hear(fd, &event));
	/* do_one_broadcast() leaves out whoever has the sender's port, and the kernel's is 0, as an unbound socket's. */
	assert_return_code(setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)), errno);
	change("change");
	assert_false(hear(fd, &event));
	assert_return_code(bind(fd, (const struct sockaddr *)&address, sizeof(address)), errno);
	change("change");
	assert_true(hear(fd, &event));
	assert_return_code(setsockopt(fd, SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, &group, sizeof(group)), errno);
	change("change");
	assert_false(hear(fd, &event));
}

#define DEVPATH "/devices/pci0000:00/0000:00:1c.0/" VF
#define PCI_KEYS                                                                                           \
	"DRIVER=igbvf\nPCI_CLASS=20000\nPCI_ID=8086:10CA\nPCI_SUBSYS_ID=1AF4:1100\nPCI_SLOT_NAME=" VF "\n" \
	"MODALIAS=pci:v00008086d000010CAsv00001AF4sd00001100bc02sc00i00\n"

static void a_write_to_uevent_announces_what_was_written(void **state)
{
	static const char *const writes[] = {"add", "change fe4d7c9d-b8c6-4a70-9ef1-3d8a58d18eed A=1 B=abc\n"};
	_cleanup_socket_ int fd = listen_to_kernel();
	_cleanup_text_ char *heard = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(writes); i++)
		change(writes[i]);
	assert_int_equal(try_write_file(DEVICES "/" VF "/uevent", "changed"), -EINVAL);
	assert_int_equal(hear_all(fd, &heard), 2);
	assert_string_equal(heard,
			    "add@" DEVPATH "\nACTION=add\nDEVPATH=" DEVPATH "\nSUBSYSTEM=pci\nSYNTH_UUID=0\n" //
			    PCI_KEYS "\n"                                                                     //
			    "change@" DEVPATH "\nACTION=change\nDEVPATH=" DEVPATH "\nSUBSYSTEM=pci\n"
			    "SYNTH_UUID=fe4d7c9d-b8c6-4a70-9ef1-3d8a58d18eed\nSYNTH_ARG_A=1\nSYNTH_ARG_B=abc\n" //
			    PCI_KEYS "\n");
}

/* Inherited and duplicated, it is the same socket. */
static void a_child_hears_on_the_socket_of_its_parent(void **state)
{
	_cleanup_socket_ int fd = listen_to_kernel();
	_cleanup_socket_ int copy = dup(fd);
	struct event event;
	pid_t pid;
	int status;

	change("change");
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(!hear(copy, &event));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_false(hear(fd, &event));
}

/* More than fit into a socket at once. */
static void a_slow_listener_keeps_nobody_waiting(void **state)
{
	enum { EVENTS = 1500 };
	_cleanup_socket_ int slow = listen_to_kernel();
	_cleanup_socket_ int quick = listen_to_kernel();
	struct pollfd waiting = {.fd = slow, .events = POLLIN};
	struct event event;

	for (int i = 0; i < EVENTS; i++) {
		change("change");
		assert_true(hear(quick, &event));
	}
	/* The real one says ENOBUFS, and that some are lost. */
	if (!getenv("MOCKSYS_WIRE"))
		return;
	for (int i = 0; i < EVENTS; i++) {
		assert_int_equal(poll(&waiting, 1, -1), 1);
		assert_true(hear(slow, &event));
	}
	assert_false(hear(slow, &event));
}

/* ---- libudev ---- */

/* Starts a detach; *@ret_end gets its end. */
static pid_t start_detach(int *ret_end)
{
	int ends[2];
	pid_t pid;

	assert_return_code(pipe2(ends, O_CLOEXEC), errno);
	fflush(NULL);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0) {
		fcntl(ends[1], F_SETFD, 0);
		execlp("vfiobind", "vfiobind", "detach", VF, "--driver", VFIO_DRIVER, NULL);
		_exit(127);
	}
	close(ends[1]);
	*ret_end = ends[0];
	return pid;
}

static bool is_bind_to(struct udev_device *device, const char *driver)
{
	const char *bound_to = udev_device_get_property_value(device, "DRIVER");

	return strcmp(udev_device_get_action(device), "bind") == 0 &&
	       strcmp(udev_device_get_sysname(device), VF) == 0 && bound_to && strcmp(bound_to, driver) == 0;
}

static void a_libudev_program_waits_for_bind(void **state)
{
	struct udev *udev = udev_new();
	struct udev_monitor *monitor = udev_monitor_new_from_netlink(udev, "kernel");
	struct pollfd watched[] = {{.events = POLLIN}, {.events = POLLIN}};
	bool bound = false;
	pid_t pid;
	int status;

	assert_non_null(monitor);
	assert_return_code(udev_monitor_filter_add_match_subsystem_devtype(monitor, "pci", NULL), 0);
	assert_return_code(udev_monitor_enable_receiving(monitor), 0);
	watched[0].fd = udev_monitor_get_fd(monitor);
	pid = start_detach(&watched[1].fd);
	while (!bound) {
		struct udev_device *device;

		assert_return_code(poll(watched, ARRAY_SIZE(watched), -1), errno);
		device = watched[0].revents ? udev_monitor_receive_device(monitor) : NULL;
		if (device)
			bound = is_bind_to(device, VFIO_DRIVER);
		else if (!watched[0].revents && watched[1].revents)
			fail_msg("the detach ended, and no bind was announced");
		udev_device_unref(device);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_device(VF, VFIO_DRIVER, VFIO_DRIVER);
	close(watched[1].fd);
	udev_monitor_unref(monitor);
	udev_unref(udev);
}

/* What libudev says of @address: "SUBSYSTEM DRIVER", malloc'd. */
static char *enumerated(const char *address)
{
	struct udev *udev = udev_new();
	struct udev_enumerate *enumerate = udev_enumerate_new(udev);
	struct udev_list_entry *entry;
	char *found = NULL;

	udev_enumerate_add_match_subsystem(enumerate, "pci");
	udev_enumerate_add_match_sysname(enumerate, address);
	assert_return_code(udev_enumerate_scan_devices(enumerate), 0);
	udev_list_entry_foreach(entry, udev_enumerate_get_list_entry(enumerate))
	{
		struct udev_device *device = udev_device_new_from_syspath(udev, udev_list_entry_get_name(entry));

		assert_non_null(device);
		assert_null(found);
		found = format_text("%s %s", udev_device_get_subsystem(device), udev_device_get_driver(device));
		udev_device_unref(device);
	}
	udev_enumerate_unref(enumerate);
	udev_unref(udev);
	return found;
}

static void libudev_enumerates_the_machines_devices(void **state)
{
	_cleanup_text_ char *vf = enumerated(VF), *pf = enumerated("0000:04:00.0"), *none = enumerated("0000:05:00.0");

	assert_string_equal(vf, "pci igbvf");
	assert_string_equal(pf, "pci igb");
	assert_null(none);
}

/* ---- udevadm ---- */

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* One event, its lines sorted: udevadm has an order of its own. */
static void print_sorted(FILE *stream, char *event)
{
	char *lines[64], *rest = event;
	size_t n = 0;

	for (char *line; (line = strsep(&rest, "\n"));)
		if (*line && strncmp(line, "SEQNUM=", 7) != 0 && n < ARRAY_SIZE(lines))
			lines[n++] = line;
	qsort(lines, n, sizeof(*lines), compare_lines);
	for (size_t i = 0; i < n; i++)
		fprintf(stream, "%s\n", lines[i]);
	fputc('\n', stream);
}

static char *sort_events(char *text)
{
	char *sorted = NULL, *rest = text, *end;
	size_t size;
	FILE *stream = open_memstream(&sorted, &size);

	assert_non_null(stream);
	while ((end = strstr(rest, "\n\n"))) {
		*end = '\0';
		print_sorted(stream, rest);
		rest = end + 2;
	}
	fclose(stream);
	return sorted;
}

/* What udevadm says of the kernel's messages: the heads are its own, and device nodes have their directory. */
static char *expected_of_udevadm(void)
{
	_cleanup_text_ char *transcript = read_file(TRANSCRIPT), *properties = NULL;
	char *rest, *end;
	size_t size;
	FILE *stream = open_memstream(&properties, &size);

	assert_non_null(stream);
	assert_non_null(transcript);
	rest = strchr(transcript, '\n') + 1;
	for (; (end = strstr(rest, "\n\n")); rest = end + 2)
		fprintf(stream, "%.*s", (int)(end + 2 - strchr(rest, '\n') - 1), strchr(rest, '\n') + 1);
	fclose(stream);
	properties = replace(properties, "DEVNAME=", "DEVNAME=/dev/");
	return sort_events(properties);
}

/* The monitor listens once it has said what it will print. */
static FILE *start_udevadm(pid_t *ret_pid)
{
	char line[256];
	FILE *stream;
	int ends[2];

	assert_return_code(pipe2(ends, O_CLOEXEC), errno);
	fflush(NULL);
	*ret_pid = fork();
	assert_return_code(*ret_pid, errno);
	if (*ret_pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		execlp("stdbuf", "stdbuf", "-oL", "udevadm", "monitor", "--kernel", "--property", NULL);
		_exit(127);
	}
	close(ends[1]);
	stream = fdopen(ends[0], "r");
	assert_non_null(stream);
	do
		assert_non_null(fgets(line, sizeof(line), stream));
	while (strcmp(line, "\n") != 0);
	return stream;
}

/* The lines of @events events, without their heads. */
static char *read_events(FILE *from, size_t events)
{
	char line[4096], *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	assert_non_null(stream);
	while (events > 0) {
		assert_non_null(fgets(line, sizeof(line), from));
		if (strncmp(line, "KERNEL[", 7) != 0)
			fputs(line, stream);
		events -= strcmp(line, "\n") == 0;
	}
	fclose(stream);
	return text;
}

static size_t count_events(const char *text)
{
	size_t n = 0;

	while ((text = strstr(text, "\n\n"))) {
		text += 2;
		n++;
	}
	return n;
}

static void udevadm_monitor_shows_what_a_real_kernel_announces(void **state)
{
	_cleanup_text_ char *expected = expected_of_udevadm(), *heard = NULL, *sorted = NULL;
	_cleanup_(names_free) struct names names = {0};
	FILE *stream;
	pid_t pid;

	if (!have_program("udevadm")) {
		print_message("skipped: udevadm is not installed (package udev)\n");
		skip();
	}
	prepare();
	names = names_of(VF);
	stream = start_udevadm(&pid);
	detach_and_reattach();
	heard = normalise(read_events(stream, count_events(expected)), &names);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	fclose(stream);
	sorted = sort_events(heard);
	assert_string_equal(sorted, expected);
}

/* ---- systemd-udevd ---- */

static const char *udevd(void)
{
	static const char *const places[] = {"/usr/lib/systemd/systemd-udevd", "/lib/systemd/systemd-udevd"};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return NULL;
}

/* It answers to the kernel's messages with its own, for which they need a network namespace. */
static void udevd_loads_a_driver_by_the_modalias_and_answers(void **state)
{
	struct udev *udev;
	struct udev_monitor *monitor;
	struct pollfd heard = {.events = POLLIN};
	bool added = false;

	if (getenv("MOCKSYS_WIRE") || !udevd() || under_valgrind()) {
		print_message("skipped: %s\n", !udevd() ? "systemd-udevd is not installed (package udev)"
							: "only way mount has uevents of programs");
		skip();
	}
	RUN_WELL("modprobe", "-r", "igbvf");
	assert_device(VF, NULL, "(null)");
	/* It returns when it listens. */
	RUN_WELL(udevd(), "--daemon");
	udev = udev_new();
	monitor = udev_monitor_new_from_netlink(udev, "udev");
	assert_return_code(udev_monitor_enable_receiving(monitor), 0);
	heard.fd = udev_monitor_get_fd(monitor);
	change("add");
	while (!added) {
		struct udev_device *device;

		assert_int_equal(poll(&heard, 1, -1), 1);
		device = udev_monitor_receive_device(monitor);
		added = device && strcmp(udev_device_get_sysname(device), VF) == 0 &&
			udev_device_get_is_initialized(device);
		udev_device_unref(device);
	}
	RUN_WELL("udevadm", "settle");
	RUN_WELL("udevadm", "control", "--exit");
	assert_device(VF, "igbvf", "(null)");
	assert_true(exists("/run/udev/data/+pci:" VF));
	assert_int_equal(TRACE_COUNT(" module.load module=igbvf = 0"), 1);
	udev_monitor_unref(monitor);
	udev_unref(udev);
}

static const struct CMUnitTest tests[] = {
	SCENARIO(a_detach_and_reattach_are_announced_as_a_real_kernel_does),
	SCENARIO(the_socket_is_a_netlink_socket),
	SCENARIO(nothing_is_heard_without_the_group),
	SCENARIO(a_write_to_uevent_announces_what_was_written),
	SCENARIO(a_child_hears_on_the_socket_of_its_parent),
	SCENARIO(a_slow_listener_keeps_nobody_waiting),
	SCENARIO(a_libudev_program_waits_for_bind),
	SCENARIO(libudev_enumerates_the_machines_devices),
	SCENARIO(udevadm_monitor_shows_what_a_real_kernel_announces),
	SCENARIO(udevd_loads_a_driver_by_the_modalias_and_answers),
};

static int record(void)
{
	_cleanup_output_ struct output release = run((const char *const[]){"uname", "-rv", NULL});
	_cleanup_text_ char *heard = announced_events();

	printf("# Linux %s%s", release.out, heard);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct suite suites[] = {SUITE("two-vfs", tests)};

	if (argc == 2 && strcmp(argv[1], "--record") == 0)
		return record();
	return scenario_main(argc, argv, suites, ARRAY_SIZE(suites));
}
