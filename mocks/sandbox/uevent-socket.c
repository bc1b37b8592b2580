/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox/uevent-socket.h"
#include "sandbox/util.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/uio.h>

int uevent_socket_open(void)
{
	int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	return sock < 0 ? -errno : sock;
}

/*
 * uevent_net_rcv(), lib/kobject_uevent.c: the kernel takes the payload of a request of any type that is no control
 * message, appends SEQNUM and multicasts it from port 0. Who sends needs CAP_SYS_ADMIN over the namespace, which the
 * maker of its user namespace has from outside too.
 */
int uevent_socket_send(int sock, const char *message, size_t size)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct nlmsghdr header = {
		.nlmsg_len = NLMSG_LENGTH(size),
		.nlmsg_type = NLMSG_MIN_TYPE,
		.nlmsg_flags = NLM_F_REQUEST,
	};
	struct iovec parts[] = {
		{.iov_base = &header, .iov_len = NLMSG_HDRLEN},
		{.iov_base = (char *)message, .iov_len = size},
	};
	struct msghdr msg = {
		.msg_name = &kernel,
		.msg_namelen = sizeof(kernel),
		.msg_iov = parts,
		.msg_iovlen = ARRAY_SIZE(parts),
	};

	return sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}
