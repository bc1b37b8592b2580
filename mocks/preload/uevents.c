/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * socket(AF_NETLINK, …, NETLINK_KOBJECT_UEVENT) where no network namespace carries the fake's uevents: it is a connection
 * to the server (wire/protocol.h), on which the program finds what it would find on the real one. A descriptor says by
 * itself that it is such a connection, by the name of its peer: so it may be duplicated, inherited, sent elsewhere.
 *
 * What netlink has and this has not: events of other programs (group 2, udevd's), and ENOBUFS when events got lost.
 */
#include "redirect.h"
#include "served.h"
#include "wire/protocol.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/un.h>

#define TYPE_FLAGS (SOCK_CLOEXEC | SOCK_NONBLOCK)

/* errno is untouched. */
static bool is_uevent_socket(int fd)
{
	const struct text name = settings()->uevents;
	struct sockaddr_un peer;
	socklen_t size = sizeof(peer);
	int saved_errno = errno;
	bool is_one;

	if (!name.length)
		return false;
	is_one = LIBC(getpeername)(fd, (struct sockaddr *)&peer, &size) == 0 && peer.sun_family == AF_UNIX &&
		 size >= offsetof(struct sockaddr_un, sun_path) + name.length &&
		 !memcmp(peer.sun_path, name.start, name.length);
	errno = saved_errno;
	return is_one;
}

static int fail(int error)
{
	errno = error;
	return -1;
}

/* ---- the connection ---- */

static int greet(int fd)
{
	const struct text name = settings()->uevents, actor = settings()->actor;
	struct sockaddr_un server = {.sun_family = AF_UNIX};
	struct wire_hello hello = {.header = WIRE_HEADER(WIRE_HELLO)};

	memcpy(server.sun_path, name.start, name.length);
	memcpy(hello.actor, actor.start, actor.length < sizeof(hello.actor) ? actor.length : sizeof(hello.actor) - 1);
	if (LIBC(connect)(fd, (struct sockaddr *)&server, sizeof(server)) < 0 ||
	    send(fd, &hello, sizeof(hello), MSG_NOSIGNAL) < 0)
		return -1;
	return 0;
}

EXPORT int socket(int domain, int type, int protocol)
{
	int saved_errno = errno, fd;

	if (domain != AF_NETLINK || protocol != NETLINK_KOBJECT_UEVENT || !settings()->uevents.length)
		return LIBC(socket)(domain, type, protocol);
	/* netlink_create() */
	if ((type & ~TYPE_FLAGS) != SOCK_RAW && (type & ~TYPE_FLAGS) != SOCK_DGRAM)
		return fail(ESOCKTNOSUPPORT);
	fd = LIBC(socket)(AF_UNIX, SOCK_SEQPACKET | (type & SOCK_CLOEXEC), 0);
	if (fd < 0)
		return -1;
	/* The server may be at its end. The host's own events are no substitute. */
	if (greet(fd) < 0 || (type & SOCK_NONBLOCK && fcntl(fd, F_SETFL, O_NONBLOCK) < 0)) {
		close(fd);
		return fail(EPROTONOSUPPORT);
	}
	errno = saved_errno;
	return fd;
}

/* Sends @request, and a descriptor for the answer with it. */
static int send_with_descriptor(int fd, const struct wire_subscribe *request, int descriptor)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec part = {.iov_base = (void *)request, .iov_len = sizeof(*request)};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(descriptor));
	memcpy(CMSG_DATA(header), &descriptor, sizeof(descriptor));
	return LIBC(sendmsg)(fd, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

/* Whatever is announced after this has returned is received. 0 or -errno. */
static int request_groups(int fd, uint32_t groups)
{
	const struct wire_subscribe request = {.header = WIRE_HEADER(WIRE_SUBSCRIBE), .groups = groups};
	struct wire_answer answer = {.error = -EPROTO};
	int pair[2], sent;
	ssize_t n = -1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	sent = send_with_descriptor(fd, &request, pair[1]);
	close(pair[1]);
	while (sent == 0 && (n = read(pair[0], &answer, sizeof(answer))) < 0 && errno == EINTR)
		;
	close(pair[0]);
	/* ENOBUFS: the server has ended. */
	return n < (ssize_t)sizeof(answer) ? -ENOBUFS : answer.error;
}

/*
 * What the program has done with the socket is told by the socket, whoever has it by then: in an option that has no
 * other meaning for it.
 */
#define STATE_MEMBER 1 /* of the kernel's group */
#define STATE_BOUND 2

static int get_state(int fd)
{
	int state = 0;
	socklen_t size = sizeof(state);

	LIBC(getsockopt)(fd, SOL_SOCKET, SO_PRIORITY, &state, &size);
	return state;
}

/* do_one_broadcast(): who has not been bound has the kernel's port, 0, and so hears nothing of it. */
static int set_state(int fd, int state)
{
	int saved_errno = errno;
	int r = request_groups(fd, state == (STATE_MEMBER | STATE_BOUND) ? WIRE_GROUP_KERNEL : 0);

	if (r < 0)
		return fail(-r);
	LIBC(setsockopt)(fd, SOL_SOCKET, SO_PRIORITY, &state, sizeof(state));
	errno = saved_errno;
	return 0;
}

/* ---- addresses ---- */

static void tell(const struct sockaddr_nl *netlink, void *address, socklen_t *size)
{
	if (address)
		memcpy(address, netlink, *size < sizeof(*netlink) ? *size : sizeof(*netlink));
	*size = sizeof(*netlink);
}

EXPORT int bind(int fd, __CONST_SOCKADDR_ARG address, socklen_t size)
{
	const struct sockaddr_nl *netlink = (const void *)address.__sockaddr__;

	if (size < sizeof(netlink->nl_family) || netlink->nl_family != AF_NETLINK || !is_uevent_socket(fd))
		return LIBC(bind)(fd, address, size);
	if (size < sizeof(*netlink))
		return fail(EINVAL);
	return set_state(fd, STATE_BOUND | (netlink->nl_groups & WIRE_GROUP_KERNEL ? STATE_MEMBER : 0));
}

EXPORT int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t size)
{
	const struct sockaddr *generic = address.__sockaddr__;

	/* It says where to send to, and there nobody listens. */
	if (size >= sizeof(struct sockaddr_nl) && generic->sa_family == AF_NETLINK && is_uevent_socket(fd))
		return 0;
	return LIBC(connect)(fd, address, size);
}

EXPORT int getsockname(int fd, __SOCKADDR_ARG address, socklen_t *size)
{
	struct sockaddr_nl netlink = {.nl_family = AF_NETLINK};
	int state;

	if (!is_uevent_socket(fd))
		return LIBC(getsockname)(fd, address, size);
	state = get_state(fd);
	/* The kernel takes the process's number for the port, as long as that is free. */
	if (state & STATE_BOUND)
		netlink.nl_pid = (uint32_t)getpid();
	if (state & STATE_MEMBER)
		netlink.nl_groups = WIRE_GROUP_KERNEL;
	tell(&netlink, address.__sockaddr__, size);
	return 0;
}

EXPORT int getpeername(int fd, __SOCKADDR_ARG address, socklen_t *size)
{
	if (!is_uevent_socket(fd))
		return LIBC(getpeername)(fd, address, size);
	tell(&(struct sockaddr_nl){.nl_family = AF_NETLINK}, address.__sockaddr__, size);
	return 0;
}

/* ---- options ---- */

EXPORT int getsockopt(int fd, int level, int name, void *value, socklen_t *size)
{
	static const struct {
		int name, value;
	} told[] = {{SO_DOMAIN, AF_NETLINK}, {SO_TYPE, SOCK_RAW}, {SO_PROTOCOL, NETLINK_KOBJECT_UEVENT}};

	if (level == SOL_SOCKET)
		for (size_t i = 0; i < sizeof(told) / sizeof(*told); i++)
			if (name == told[i].name && *size >= sizeof(int) && is_uevent_socket(fd)) {
				memcpy(value, &told[i].value, sizeof(int));
				*size = sizeof(int);
				return 0;
			}
	return LIBC(getsockopt)(fd, level, name, value, size);
}

/* netlink_setsockopt(): groups by number. What else there is changes nothing that could be seen here. */
static int set_netlink_option(int fd, int name, const void *value, socklen_t size)
{
	int state = get_state(fd);
	unsigned group;

	if (name != NETLINK_ADD_MEMBERSHIP && name != NETLINK_DROP_MEMBERSHIP)
		return 0;
	if (size < sizeof(group))
		return fail(EINVAL);
	memcpy(&group, value, sizeof(group));
	if (group < 1 || group > 32)
		return fail(EINVAL);
	if (group > 1)
		return 0;
	return set_state(fd, name == NETLINK_ADD_MEMBERSHIP ? state | STATE_MEMBER : state & ~STATE_MEMBER);
}

EXPORT int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
	if (level == SOL_NETLINK && is_uevent_socket(fd))
		return set_netlink_option(fd, name, value, size);
	return LIBC(setsockopt)(fd, level, name, value, size);
}

/* ---- messages ---- */

static const struct sockaddr_nl from_kernel = {.nl_family = AF_NETLINK, .nl_groups = WIRE_GROUP_KERNEL};

/* The server may be any user's process, the kernel is root's and has no pid. */
static void show_credentials(struct msghdr *message)
{
	static const struct ucred kernel = {0};

	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header))
		if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_CREDENTIALS &&
		    header->cmsg_len >= CMSG_LEN(sizeof(kernel)))
			memcpy(CMSG_DATA(header), &kernel, sizeof(kernel));
}

/* @name_size: the room that there was for the sender's address. */
static void show_sender(struct msghdr *message, socklen_t name_size)
{
	if (message->msg_name) {
		message->msg_namelen = name_size;
		tell(&from_kernel, message->msg_name, &message->msg_namelen);
	}
	show_credentials(message);
}

/* Without a name: the server's is longer than the program has room for, which AddressSanitizer takes ill. */
static ssize_t receive_unnamed(int fd, struct msghdr *message, int flags)
{
	struct msghdr unnamed = *message;
	ssize_t n;

	unnamed.msg_name = NULL;
	unnamed.msg_namelen = 0;
	n = LIBC(recvmsg)(fd, &unnamed, flags);
	message->msg_controllen = unnamed.msg_controllen;
	message->msg_flags = unnamed.msg_flags;
	return n;
}

EXPORT ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	bool uevents = message && (message->msg_name || message->msg_controllen) && is_uevent_socket(fd);
	ssize_t n = uevents ? receive_unnamed(fd, message, flags) : LIBC(recvmsg)(fd, message, flags);

	if (uevents && n > 0)
		show_sender(message, message->msg_namelen);
	else if (!uevents && n >= 0)
		served_received(message);
	return n;
}

/* One at a time: what libc's would do with the names' sizes, nobody would know afterwards. */
EXPORT int recvmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags, struct timespec *timeout)
{
	int saved_errno = errno;
	unsigned done = 0;
	int received;

	if (!is_uevent_socket(fd)) {
		received = LIBC(recvmmsg)(fd, messages, n, flags, timeout);
		for (int i = 0; i < received; i++)
			served_received(&messages[i].msg_hdr);
		return received;
	}
	while (done < n) {
		ssize_t size = recvmsg(fd, &messages[done].msg_hdr,
				       flags & MSG_WAITFORONE && done ? flags | MSG_DONTWAIT : flags);

		if (size < 0)
			break;
		messages[done++].msg_len = (unsigned)size;
	}
	if (n && !done)
		return -1;
	errno = saved_errno;
	return (int)done;
}

#define RECVFROM(name, parameters, arguments)                                                 \
	EXPORT ssize_t name parameters                                                        \
	{                                                                                     \
		socklen_t room = address.__sockaddr__ && address_size ? *address_size : 0;    \
		ssize_t n = LIBC(name) arguments;                                             \
                                                                                              \
		if (n >= 0 && address.__sockaddr__ && address_size && is_uevent_socket(fd)) { \
			*address_size = room;                                                 \
			tell(&from_kernel, address.__sockaddr__, address_size);               \
		}                                                                             \
		return n;                                                                     \
	}
RECVFROM(recvfrom, (int fd, void *buffer, size_t size, int flags, __SOCKADDR_ARG address, socklen_t *address_size),
	 (fd, buffer, size, flags, address, address_size))
RECVFROM(__recvfrom_chk,
	 (int fd, void *buffer, size_t size, size_t room_of_buffer, int flags, __SOCKADDR_ARG address,
	  socklen_t *address_size),
	 (fd, buffer, size, room_of_buffer, flags, address, address_size))

/* uevent_net_rcv() would let root send as the kernel, and netlink anybody to a group in which nobody is. */
static bool is_for_netlink(int fd, const struct sockaddr *address, socklen_t size)
{
	return address && size >= sizeof(address->sa_family) && address->sa_family == AF_NETLINK &&
	       is_uevent_socket(fd);
}

EXPORT ssize_t sendto(int fd, const void *data, size_t size, int flags, __CONST_SOCKADDR_ARG address,
		      socklen_t address_size)
{
	if (is_for_netlink(fd, address.__sockaddr__, address_size))
		return fail(ECONNREFUSED);
	return LIBC(sendto)(fd, data, size, flags, address, address_size);
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	if (message && is_for_netlink(fd, message->msg_name, message->msg_namelen))
		return fail(ECONNREFUSED);
	return LIBC(sendmsg)(fd, message, flags);
}
