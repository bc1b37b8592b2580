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
 * WIRE_FILES: a connection is one open file, as the client asks for with WIRE_OPEN and once that is answered with 0. There
 * is no WIRE_HELLO: a file may come to be used by others than who opened it, so every packet says who sends it. The
 * descriptor *is* the open file: it may be duplicated, inherited and sent, and the file is closed when the last copy is.
 * Requests on it bring a descriptor with them, one end of a SOCK_SEQPACKET pair, which gets the WIRE_RESULT: so
 * processes, threads and signal handlers that share a file cannot take each other's answers. Anything else that comes is
 * a write(2) of a program that does not know what it has there; its result has nowhere to go. The file has one empty
 * packet to read for ever, so that poll(2) says it can be read, as of any file; who reads it past the shim finds the end
 * of the file. Instead of opening anything, a client may ask for one WIRE_SETATTR or WIRE_FIND.
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
#define WIRE_FILES "files"

#define WIRE_MAGIC 0x6b636f6d /* "mock" */
#define WIRE_VERSION 1

enum wire_type {
	WIRE_HELLO = 1,     /* client: struct wire_hello */
	WIRE_SUBSCRIBE = 2, /* client: struct wire_subscribe, and where to answer */
	WIRE_ANSWER = 3,    /* server: struct wire_answer */

	/* of WIRE_FILES: a struct wire_request of the client's each time, and data */
	/*
	 * argument: flags of open(2), which follows links; data: path from the fake's root, "sys/block"; numbers: low and
	 * high half of the client's socket's inode, which its link in /proc/PID/fd shows
	 */
	WIRE_OPEN = 16,
	WIRE_SETATTR = 17, /* argument: mask of kernfs_setattr(); numbers: mode, owner, group; data: path */
	WIRE_READ = 18,   /* argument: how much; offset, or -1: where the file stands. The result is followed by data */
	WIRE_WRITE = 19,  /* offset, or -1; data: what to write */
	WIRE_SEEK = 20,   /* argument: whence; offset */
	WIRE_STATUS = 21, /* the result is followed by a struct wire_status */
	WIRE_FIND = 22,   /* numbers: such an inode. The result is followed by the path of what is open there */
	WIRE_RESULT = 23, /* server: struct wire_result, and data */
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

/* The most data that a packet carries. A longer write(2) is a short one. */
#define WIRE_DATA 65536

struct wire_request {
	struct wire_header header;
	char actor[32]; /* as in struct wire_hello */
	int64_t offset;
	uint32_t argument;
	uint32_t numbers[3];
};

/*
 * A client that a signal reaches while it waits shuts down its end for sending, and goes on waiting: a store is answered
 * when it has been done, whatever signals come, but what nobody but the fake makes wait ends with -EINTR.
 */
struct wire_result {
	struct wire_header header;
	int64_t result; /* not negative, or -errno */
};

/* An open file: what fstat(2), F_GETFL and its link in /proc/self/fd show. */
struct wire_status {
	uint64_t device, inode, special_device, size;
	uint32_t mode, links, owner, group;
	uint32_t flags; /* as of open(2) */
	uint32_t zero;
	char path[]; /* from the fake's root, not NUL-terminated; the name it had when it was opened */
};

/* The bit of the kernel's group. */
#define WIRE_GROUP_KERNEL 1
