/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The server of mocks/wire, and clients that do not behave. The shim's own are tested on a machine (tests/scenario). */
#include "wire/protocol.h"
#include "wire/uevent-server.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/test-wire-XXXXXX", name[sizeof(directory) + sizeof(WIRE_UEVENTS) + 1];
static struct uevent_server *server;

static int set_up(void **state)
{
	return uevent_server_new(directory, &server);
}

static int tear_down(void **state)
{
	uevent_server_free(server);
	return unlink(name);
}

static int connect_to_server(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	assert_return_code(fd, errno);
	strcpy(address.sun_path, name);
	assert_return_code(connect(fd, (struct sockaddr *)&address, sizeof(address)), errno);
	return fd;
}

static void send_packet(int fd, const void *packet, size_t size)
{
	assert_int_equal(send(fd, packet, size, MSG_NOSIGNAL), size);
}

static const struct wire_hello hello = {.header = WIRE_HEADER(WIRE_HELLO), .actor = "test"};

/* The answer, or 1 when the server ends the connection instead. */
static int subscribe(int fd)
{
	const struct wire_subscribe request = {.header = WIRE_HEADER(WIRE_SUBSCRIBE), .groups = WIRE_GROUP_KERNEL};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec part = {.iov_base = (void *)&request, .iov_len = sizeof(request)};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	struct wire_answer answer;
	int pair[2];
	ssize_t n;

	assert_return_code(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), errno);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &pair[1], sizeof(int));
	assert_int_equal(sendmsg(fd, &message, MSG_NOSIGNAL), sizeof(request));
	close(pair[1]);
	n = read(pair[0], &answer, sizeof(answer));
	close(pair[0]);
	if (n <= 0)
		return 1;
	assert_int_equal(n, sizeof(answer));
	assert_int_equal(answer.header.magic, WIRE_MAGIC);
	assert_int_equal(answer.header.version, WIRE_VERSION);
	assert_int_equal(answer.header.type, WIRE_ANSWER);
	return answer.error;
}

static int subscriber(void)
{
	int fd = connect_to_server();

	send_packet(fd, &hello, sizeof(hello));
	assert_int_equal(subscribe(fd), 0);
	return fd;
}

#define MESSAGE "add@/x\0ACTION=add"

static void announce(void)
{
	uevent_server_send(server, MESSAGE, sizeof(MESSAGE));
}

static void assert_hears(int fd, const char *expected, size_t size)
{
	char text[256];

	assert_int_equal(recv(fd, text, sizeof(text), 0), size);
	assert_memory_equal(text, expected, size);
}
#define ASSERT_HEARS(fd, number)                                           \
	do {                                                               \
		static const char expected[] = MESSAGE "\0SEQNUM=" number; \
		assert_hears(fd, expected, sizeof(expected));              \
	} while (0)

static void events_are_numbered_for_all_who_subscribed(void **state)
{
	int first = subscriber(), second = subscriber(), none = connect_to_server();

	send_packet(none, &hello, sizeof(hello));
	announce();
	close(first);
	announce();
	ASSERT_HEARS(second, "1");
	ASSERT_HEARS(second, "2");
	close(second);
	first = subscriber();
	announce();
	ASSERT_HEARS(first, "3");
	assert_int_equal(recv(none, &(char){0}, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	close(first);
	close(none);
}

static void a_client_of_another_kind_is_shown_the_door(void **state)
{
	static const struct wire_hello other_version = {
		.header = {.magic = WIRE_MAGIC, .version = WIRE_VERSION + 1, .type = WIRE_HELLO}};
	static const struct {
		const void *data;
		size_t size;
	} greetings[] = {
		{"GET / HTTP/1.1\r\n\r\n", 18},       {"", 1},     {&other_version, sizeof(other_version)},
		{&hello, sizeof(struct wire_header)}, {&hello, 4},
	};
	int well_behaved = subscriber(), fd;

	for (size_t i = 0; i < sizeof(greetings) / sizeof(*greetings); i++) {
		fd = connect_to_server();
		send_packet(fd, greetings[i].data, greetings[i].size);
		assert_int_equal(read(fd, &(char){0}, 1), 0);
		close(fd);
	}
	/* Without a greeting, and with a second one. */
	fd = connect_to_server();
	assert_int_equal(subscribe(fd), 1);
	close(fd);
	fd = subscriber();
	send_packet(fd, &hello, sizeof(hello));
	assert_int_equal(read(fd, &(char){0}, 1), 0);
	close(fd);
	announce();
	ASSERT_HEARS(well_behaved, "1");
	close(well_behaved);
}

static void who_never_reads_loses_events_and_holds_up_nobody(void **state)
{
	enum { MORE_THAN_ARE_KEPT = 20000 };
	int deaf = subscriber(), other = subscriber();
	char text[256], expected[sizeof(MESSAGE) + 32];
	int n = 0;

	for (int i = 1; i <= MORE_THAN_ARE_KEPT; i++) {
		announce();
		memcpy(expected, MESSAGE, sizeof(MESSAGE));
		assert_hears(other, expected,
			     sizeof(MESSAGE) + sprintf(expected + sizeof(MESSAGE), "SEQNUM=%d", i) + 1);
	}
	/* What was kept comes, in its order, from the first on. */
	memcpy(expected, MESSAGE, sizeof(MESSAGE));
	do {
		ssize_t size = recv(deaf, text, sizeof(text), 0);

		assert_true(size > (ssize_t)sizeof(MESSAGE));
		sprintf(expected + sizeof(MESSAGE), "SEQNUM=%d", ++n);
		assert_string_equal(text + sizeof(MESSAGE), expected + sizeof(MESSAGE));
	} while (n < 4096);
	close(deaf);
	close(other);
}

static void a_directory_with_a_long_name_is_refused(void **state)
{
	char path[200];
	struct uevent_server *none = NULL;

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(uevent_server_new(path, &none), -ENAMETOOLONG);
	assert_int_equal(uevent_server_new("/nowhere", &none), -ENOENT);
	assert_null(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(events_are_numbered_for_all_who_subscribed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_client_of_another_kind_is_shown_the_door, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_never_reads_loses_events_and_holds_up_nobody, set_up, tear_down),
		cmocka_unit_test(a_directory_with_a_long_name_is_refused),
	};
	int failures;

	if (!mkdtemp(directory))
		return 1;
	sprintf(name, "%s/%s", directory, WIRE_UEVENTS);
	failures = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(directory);
	return failures;
}
