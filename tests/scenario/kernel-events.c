/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel-events.h"

#include "harness.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int open_socket(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT), on = 1;

	assert_return_code(fd, errno);
	assert_return_code(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), errno);
	return fd;
}

int listen_to_kernel(void)
{
	const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1};
	int fd = open_socket();

	assert_return_code(bind(fd, (const struct sockaddr *)&address, sizeof(address)), errno);
	return fd;
}

static bool has_root_credentials(struct msghdr *message)
{
	const struct cmsghdr *header = CMSG_FIRSTHDR(message);
	struct ucred sender;

	if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_CREDENTIALS)
		return false;
	memcpy(&sender, CMSG_DATA(header), sizeof(sender));
	return sender.uid == 0 && sender.gid == 0;
}

bool hear(int fd, struct event *event)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct ucred))];
	struct sockaddr_nl sender = {.nl_pid = 99};
	struct iovec part = {.iov_base = event->text, .iov_len = sizeof(event->text) - 1};
	struct msghdr message = {.msg_name = &sender,
				 .msg_namelen = sizeof(sender),
				 .msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	ssize_t size = recv(fd, NULL, 0, MSG_PEEK | MSG_TRUNC), n;
	const char *number;

	if (size < 0 && errno == EAGAIN)
		return false;
	assert_true(size > 32);
	n = recvmsg(fd, &message, 0);
	assert_int_equal(n, size);
	assert_int_equal(message.msg_namelen, sizeof(sender));
	assert_int_equal(sender.nl_family, AF_NETLINK);
	assert_int_equal(sender.nl_pid, 0);
	assert_int_equal(sender.nl_groups, 1);
	assert_true(has_root_credentials(&message));
	assert_int_equal(event->text[n - 1], '\0');
	for (ssize_t i = 0; i < n; i++)
		if (!event->text[i])
			event->text[i] = '\n';
	event->text[n] = '\0';
	number = strstr(event->text, "\nSEQNUM=");
	assert_non_null(number);
	assert_int_equal(sscanf(number, "\nSEQNUM=%llu\n", &event->sequence), 1);
	event->text[number + 1 - event->text] = '\0'; /* the last one */
	return true;
}

size_t hear_all(int fd, char **ret_text)
{
	struct event event;
	unsigned long long last = 0;
	size_t size, n = 0;
	FILE *stream = open_memstream(ret_text, &size);

	assert_non_null(stream);
	for (; hear(fd, &event); n++) {
		assert_true(event.sequence > last);
		last = event.sequence;
		fprintf(stream, "%s\n", event.text);
	}
	fclose(stream);
	return n;
}

/* ---- what is different on each kernel ---- */

char *replace(char *text, const char *from, const char *to)
{
	char *result = NULL, *at = text;
	size_t size;
	FILE *stream = open_memstream(&result, &size);

	assert_non_null(stream);
	for (char *found; (found = strstr(at, from)); at = found + strlen(from))
		fprintf(stream, "%.*s%s", (int)(found - at), at, to);
	fputs(at, stream);
	fclose(stream);
	free(text);
	return result;
}

/* Numbers that the kernel gives out: NAME= and what follows it up to the end of the line. */
static char *hide_number(char *text, const char *name)
{
	char *end = text, *at = text;

	while (*at) {
		size_t length = strcspn(at, "\n") + 1;

		if (strncmp(at, name, strlen(name)) == 0)
			end += sprintf(end, "%s\n", name);
		else
			end = (char *)memmove(end, at, length) + length;
		at += length;
	}
	*end = '\0';
	return text;
}

static char *net_name(const char *address)
{
	_cleanup_text_ char *directory = format_text(DEVICES "/%s/net", address);
	_cleanup_output_ struct output output = RUN_EXPECTING(0, "ls", directory);

	return format_text("/net/%.*s", (int)strcspn(output.out, "\n"), output.out);
}

struct names names_of(const char *address)
{
	_cleanup_text_ char *group = link_name(DEVICES "/%s/iommu_group", address);
	char *net = net_name(address);

	assert_non_null(group);
	return (struct names){format_text("/vfio/%s\n", group), format_text("=vfio/%s\n", group), net,
			      format_text("INTERFACE=%s\n", net + strlen("/net/"))};
}

void names_free(struct names *names)
{
	free(names->group);
	free(names->devname);
	free(names->net);
	free(names->interface);
}

char *normalise(char *text, const struct names *names)
{
	text = replace(text, names->group, "/vfio/GROUP\n");
	text = replace(text, names->devname, "=vfio/GROUP\n");
	text = replace(text, names->net, "/net/INTERFACE");
	text = replace(text, names->interface, "INTERFACE=INTERFACE\n");
	text = hide_number(text, "IFINDEX=");
	return hide_number(text, "MAJOR=");
}
