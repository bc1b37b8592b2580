/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the launcher and its child say to each other, over a SOCK_SEQPACKET pair whose end also tells either that the
 * other has died.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum message_kind {
	/* child to launcher */
	MESSAGE_UNSHARED,  /* the user namespace is there and waits for its maps */
	MESSAGE_MOUNTABLE, /* descriptors: /dev/fuse, mounted but unanswered; then the uevent socket, if there is one */
	MESSAGE_INIT,      /* number: pid of the process that looks after the command */
	MESSAGE_STARTED,   /* the command is running */
	MESSAGE_STATUS,    /* number: the command's wait status */
	MESSAGE_FAILED,    /* number: errno, text: what could not be done; then the child is gone */
	MESSAGE_WARNING,   /* text: for the user */
	/* launcher to child */
	MESSAGE_MAPPED, /* the maps are written */
	MESSAGE_SIGNAL, /* number: a signal for the command */
	MESSAGE_GO,     /* the file system is being served; text: the content of /etc/modprobe.d/mocksys.conf */
};

#define MESSAGE_FDS 2

struct message {
	enum message_kind kind;
	int number;
	int fds[MESSAGE_FDS]; /* -1: none; a received one belongs to the receiver */
	size_t size;          /* of the text, without its NUL */
	char *text;           /* malloc'd when received; may be NULL */
};

/* 0 or -errno. */
int message_send(int sock, const struct message *message);
/* 0 and *ret_message (to be ended with message_done), -EPIPE when the other end is gone, or -errno. */
int message_receive(int sock, struct message *ret_message);
void message_done(struct message *message);

/* Sends MESSAGE_FAILED, or MESSAGE_WARNING, with a formatted text. */
void message_failed(int sock, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));
void message_warning(int sock, const char *format, ...) __attribute__((format(printf, 2, 3)));
