/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the shim and the server say to each other without FUSE and netlink: over SOCK_SEQPACKET sockets, whose names are
 * those below in the directory that MOCKSYS_WIRE says (preload.h). Both sides run on one machine: integers are as it
 * has them.
 *
 * Every packet of the protocol starts with a struct wire_header. The first one on each connection is a WIRE_HELLO of
 * the client's; a server that does not know its version closes the connection. A packet of a type that the other side
 * does not know ends the connection too. Later versions may make a packet longer, never shorter, and never change what
 * is at an offset.
 *
 * WIRE_UEVENTS: the connection is what socket(AF_NETLINK, …, NETLINK_KOBJECT_UEVENT) gave the program, so that nothing but
 * uevents may ever come on it, each as netlink's payload, without a header. WIRE_SUBSCRIBE brings a descriptor with it
 * (SCM_RIGHTS), one end of a SOCK_SEQPACKET pair, which gets the WIRE_ANSWER: no event can be before it there, and no
 * socket filter of the program's swallows it. Events follow from then on. One that the client's queue has no room for
 * waits on the server's side, where there is room for some thousands.
 */
#pragma once

#include <stdint.h>

#define WIRE_UEVENTS "uevents"

#define WIRE_MAGIC 0x6b636f6d /* "mock" */
#define WIRE_VERSION 1

enum wire_type {
	WIRE_HELLO = 1,     /* client: struct wire_hello */
	WIRE_SUBSCRIBE = 2, /* client: struct wire_subscribe, and where to answer */
	WIRE_ANSWER = 3,    /* server: struct wire_answer */
};

struct wire_header {
	uint32_t magic;
	uint16_t version;
	uint16_t type;
};

#define WIRE_HEADER(number)                                                    \
	{                                                                      \
		.magic = WIRE_MAGIC, .version = WIRE_VERSION, .type = (number) \
	}

/* Who is there: for the trace, for rules, for schedules. The pid is what the system says of the connection. */
struct wire_hello {
	struct wire_header header;
	char actor[32]; /* MOCKSYS_ACTOR, cut short, NUL-terminated; empty: the pid in decimal */
};

/* Which multicast groups to receive; the kernel's own is the first bit, and the only one that has messages. */
struct wire_subscribe {
	struct wire_header header;
	uint32_t groups;
};

struct wire_answer {
	struct wire_header header;
	int32_t error; /* 0 or -errno */
};

/* The bit of the kernel's group. */
#define WIRE_GROUP_KERNEL 1
