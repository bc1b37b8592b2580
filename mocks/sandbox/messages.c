/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox/messages.h"
#include "sandbox/util.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

struct header {
	enum message_kind kind;
	int number;
	size_t size;
};

/* The longest text: the modprobe configuration of a machine. Larger ones do not fit a socket's buffer either. */
#define MAX_TEXT (128 * 1024)

int message_send(int sock, const struct message *message)
{
	struct header header = {.kind = message->kind, .number = message->number, .size = message->size};
	struct iovec parts[] = {
		{.iov_base = &header, .iov_len = sizeof(header)},
		{.iov_base = message->text, .iov_len = message->size},
	};
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(message->fds))];
	} control = {0};
	struct msghdr msg = {.msg_iov = parts, .msg_iovlen = ARRAY_SIZE(parts)};
	size_t n = 0;

	while (n < MESSAGE_FDS && message->fds[n] >= 0)
		n++;
	if (n) {
		struct cmsghdr *cmsg = &control.align;

		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(cmsg), message->fds, n * sizeof(int));
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void take_fds(struct msghdr *msg, int *fds)
{
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg))
		if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS)
			memcpy(fds, CMSG_DATA(cmsg), cmsg->cmsg_len - CMSG_LEN(0));
}

int message_receive(int sock, struct message *ret_message)
{
	struct message message = {.fds = {-1, -1}};
	struct header header;
	_cleanup_free_ char *text = NULL;
	struct iovec parts[] = {{.iov_base = &header, .iov_len = sizeof(header)}, {.iov_len = 0}};
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(message.fds))];
	} control;
	struct msghdr msg = {.msg_iov = parts, .msg_iovlen = 1};
	ssize_t n;

	do
		n = recvmsg(sock, &msg, MSG_PEEK);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	if (n == 0)
		return -EPIPE;
	if ((size_t)n < sizeof(header) || header.size > MAX_TEXT)
		return -EBADMSG;

	text = malloc(header.size + 1);
	if (!text)
		return -ENOMEM;
	parts[1] = (struct iovec){.iov_base = text, .iov_len = header.size};
	msg = (struct msghdr){
		.msg_iov = parts, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof(control)};
	n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	if (n < 0)
		return -errno;
	take_fds(&msg, message.fds);
	text[header.size] = '\0';
	message.kind = header.kind;
	message.number = header.number;
	message.size = header.size;
	message.text = text;
	text = NULL;
	*ret_message = message;
	return 0;
}

void message_done(struct message *message)
{
	for (size_t i = 0; i < MESSAGE_FDS; i++)
		close_descriptor(&message->fds[i]);
	free(message->text);
	message->text = NULL;
}

static void send_text(int sock, enum message_kind kind, int number, const char *format, va_list arguments)
{
	char text[1024];
	int n = vsnprintf(text, sizeof(text), format, arguments);

	if (n < 0)
		n = 0;
	if ((size_t)n >= sizeof(text))
		n = sizeof(text) - 1;
	/* The launcher may be gone; then nobody is left to be told. */
	message_send(sock, &(struct message){.kind = kind, .number = number, .fds = {-1, -1}, .size = n, .text = text});
}

void message_failed(int sock, int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	send_text(sock, MESSAGE_FAILED, error, format, arguments);
	va_end(arguments);
}

void message_warning(int sock, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	send_text(sock, MESSAGE_WARNING, 0, format, arguments);
	va_end(arguments);
}
