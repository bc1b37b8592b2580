/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/listener.h"

#include "wire/protocol.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* As many as the model keeps for its own reader. A client that is so far behind has stopped to listen. */
enum { WAITING_LIMIT = 4096 };

struct waiting_event {
	STAILQ_ENTRY(waiting_event) link;
	size_t size;
	char data[];
};

struct listener *listener_new(int fd)
{
	struct listener *listener = calloc(1, sizeof(*listener));

	if (!listener) {
		close(fd);
		return NULL;
	}
	listener->fd = fd;
	STAILQ_INIT(&listener->waiting);
	return listener;
}

static void drop_first(struct listener *listener)
{
	struct waiting_event *first = STAILQ_FIRST(&listener->waiting);

	STAILQ_REMOVE_HEAD(&listener->waiting, link);
	listener->n_waiting--;
	free(first);
}

void listener_free(struct listener *listener)
{
	while (listener->n_waiting)
		drop_first(listener);
	close(listener->fd);
	free(listener);
}

/* True: it is on its way, or there is nobody to send it to (which the next read tells), or no wish to have it. */
static bool send_now(const struct listener *listener, const void *data, size_t size)
{
	/* EPERM: a socket filter of the client's refused it. */
	return send(listener->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ||
	       (errno != EAGAIN && errno != ENOBUFS && errno != ENOMEM);
}

void listener_send(struct listener *listener, const void *data, size_t size)
{
	struct waiting_event *event;

	if (!listener->n_waiting && send_now(listener, data, size))
		return;
	if (listener->n_waiting == WAITING_LIMIT)
		return;
	event = malloc(sizeof(*event) + size);
	if (!event)
		return;
	event->size = size;
	memcpy(event->data, data, size);
	STAILQ_INSERT_TAIL(&listener->waiting, event, link);
	listener->n_waiting++;
}

void listener_flush(struct listener *listener)
{
	while (listener->n_waiting) {
		const struct waiting_event *first = STAILQ_FIRST(&listener->waiting);

		if (!send_now(listener, first->data, first->size))
			return;
		drop_first(listener);
	}
}

/* To a descriptor that came with the request, and that has no other use. */
static void answer(int fd, int error)
{
	const struct wire_answer packet = {.header = WIRE_HEADER(WIRE_ANSWER), .error = error};

	if (fd >= 0)
		send(fd, &packet, sizeof(packet), MSG_DONTWAIT | MSG_NOSIGNAL);
}

union any_packet {
	struct wire_header header;
	struct wire_hello hello;
	struct wire_subscribe subscribe;
};

/* One packet: its size, 0 at the end or when it cannot be one of ours, or -errno. *@ret_fd: what came with it, or -1. */
static ssize_t receive_packet(int fd, union any_packet *packet, int *ret_fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct iovec part = {.iov_base = packet, .iov_len = sizeof(*packet)};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 /* Room for no more than one. */
				 .msg_controllen = CMSG_LEN(sizeof(int))};
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *header = n < 0 ? NULL : CMSG_FIRSTHDR(&message);

	*ret_fd = -1;
	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
		memcpy(ret_fd, CMSG_DATA(header), sizeof(*ret_fd));
	if (n < 0)
		return -errno;
	if ((size_t)n < sizeof(packet->header) || packet->header.magic != WIRE_MAGIC ||
	    packet->header.version != WIRE_VERSION)
		return 0;
	return n;
}

static bool handle(struct listener *listener, const union any_packet *packet, size_t size, int answer_fd)
{
	switch (packet->header.type) {
	case WIRE_HELLO:
		if (size < sizeof(packet->hello) || listener->greeted)
			return false;
		listener->greeted = true;
		return true;
	case WIRE_SUBSCRIBE:
		if (size < sizeof(packet->subscribe) || !listener->greeted)
			return false;
		listener->subscribed = packet->subscribe.groups & WIRE_GROUP_KERNEL;
		answer(answer_fd, 0);
		return true;
	default:
		return false;
	}
}

bool listener_receive(struct listener *listener)
{
	union any_packet packet;
	int answer_fd;
	ssize_t n = receive_packet(listener->fd, &packet, &answer_fd);
	bool go_on = n > 0 ? handle(listener, &packet, (size_t)n, answer_fd) : n == -EAGAIN || n == -EINTR;

	if (answer_fd >= 0)
		close(answer_fd);
	return go_on;
}
