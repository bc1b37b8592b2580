/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Uevents of the fake kernel look like the kernel's in the sandbox, and do not leave it. test-uevent [--as-nobody]
 * Runs itself in the sandbox as `test-uevent --inside`: it listens, unbinds a device, and prints what it heard.
 */
#include "sandbox-test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEVICE "0000:03:00.0"

/* The multicast group of the kernel's own messages. */
static int listen_to_kernel(void)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	return fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ? fd : -1;
}

/* ---- in the sandbox ---- */

static bool has_key(const char *message, size_t size, const char *key)
{
	for (const char *part = message; part < message + size; part += strlen(part) + 1)
		if (strncmp(part, key, strlen(key)) == 0)
			return true;
	return false;
}

/* Prints the header of one message and what sets it apart from the kernel's. False: it was not the kernel's. */
static bool hear(int fd, char header[256])
{
	char message[8192];
	struct sockaddr_nl sender;
	struct iovec part = {.iov_base = message, .iov_len = sizeof(message) - 1};
	struct msghdr msg = {.msg_name = &sender, .msg_namelen = sizeof(sender), .msg_iov = &part, .msg_iovlen = 1};
	ssize_t n = recvmsg(fd, &msg, 0);

	if (n < 0)
		return false;
	message[n] = '\0';
	snprintf(header, 256, "%.255s", message);
	return sender.nl_pid == 0 && sender.nl_groups == 1 && has_key(message, n, "SEQNUM=") &&
	       has_key(message, n, "ACTION=") && has_key(message, n, "DEVPATH=") && has_key(message, n, "SUBSYSTEM=");
}

static int run_inside(void)
{
	int listener = listen_to_kernel();
	int unbind = open("/sys/bus/pci/drivers/e1000e/unbind", O_WRONLY | O_CLOEXEC);
	struct pollfd heard = {.fd = listener, .events = POLLIN};
	char header[256];

	if (listener < 0 || unbind < 0 || write(unbind, DEVICE, strlen(DEVICE)) < 0) {
		printf("cannot unbind: %s\n", strerror(errno));
		return 1;
	}
	do {
		/* The last is sent before the write returns, so that nothing is to be waited for. */
		if (poll(&heard, 1, 0) != 1) {
			puts("no unbind event");
			return 1;
		}
		if (!hear(listener, header)) {
			printf("not the kernel's: %s\n", header);
			return 1;
		}
	} while (strncmp(header, "unbind@", 7) != 0);
	puts(header);
	return 0;
}

/* ---- outside ---- */

static char self[PATH_MAX];

static void events_are_heard_inside_and_not_outside(void **state)
{
	int listener = listen_to_kernel();
	char message[8192];
	struct run run;
	char *line;
	ssize_t n;

	assert_return_code(listener, errno);
	run_start(&run, WORDS("--via", "mount"), WORDS(self, "--inside"));
	line = run_read_line(&run);
	assert_non_null(line);
	assert_memory_equal(line, "unbind@/devices/pci", 19);
	assert_non_null(strstr(line, DEVICE));
	free(line);
	assert_int_equal(run_wait(&run), 0);
	run_wait_until_gone(&run);
	while ((n = recv(listener, message, sizeof(message) - 1, MSG_DONTWAIT)) > 0) {
		message[n] = '\0';
		if (strstr(message, DEVICE))
			fail_msg("the host heard '%s'", message);
	}
	close(listener);
}

static void no_event_is_sent_to_the_hosts_network(void **state)
{
	int listener = listen_to_kernel();
	char message[8192];
	ssize_t n;

	assert_return_code(listener, errno);
	run_status(WORDS("--via", "mount", "--host-net"), SHELL("echo " DEVICE " >/sys/bus/pci/drivers/e1000e/unbind"));
	while ((n = recv(listener, message, sizeof(message) - 1, MSG_DONTWAIT)) > 0) {
		message[n] = '\0';
		if (strstr(message, DEVICE))
			fail_msg("the host heard '%s'", message);
	}
	close(listener);
}

static void udevadm_monitor_believes_them(void **state)
{
	/* Its monitor is heard of once it listens; it is line-buffered on a pipe by stdbuf. */
	static const char script[] =
		"stdbuf -oL udevadm monitor --kernel --subsystem-match=pci | {\n"
		"	while read line; do [ -z \"$line\" ] && break; done\n"
		"	echo " DEVICE " >/sys/bus/pci/drivers/e1000e/unbind\n"
		"	while read line; do case $line in *unbind*) echo \"$line\"; break;; esac; done\n"
		"}\n";
	struct run run;
	char *line;

	if (access("/usr/bin/udevadm", X_OK) < 0 && access("/bin/udevadm", X_OK) < 0)
		skip();
	run_start(&run, WORDS("--via", "mount"), SHELL(script));
	line = run_read_line(&run);
	assert_non_null(line);
	assert_non_null(strstr(line, "unbind"));
	assert_non_null(strstr(line, DEVICE));
	free(line);
	/* The monitor would end at its next event only. */
	kill(run.pid, SIGTERM);
	run_wait(&run);
	run_wait_until_gone(&run);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_are_heard_inside_and_not_outside),
		cmocka_unit_test(no_event_is_sent_to_the_hosts_network),
		cmocka_unit_test(udevadm_monitor_believes_them),
	};

	if (argc > 1 && strcmp(argv[1], "--inside") == 0)
		return run_inside();
	if (!realpath(argv[0], self))
		return 1;
	sandbox_test_begin(&argc, argv, "mount");
	return sandbox_test_end(cmocka_run_group_tests(tests, NULL, NULL));
}
