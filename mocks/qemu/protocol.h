/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the launcher and the guest's first process agree on. */
#pragma once

#include <stdint.h>

/*
 * The run, in the guest's initial file system: strings `key=value`, each with its NUL, in this order of meaning.
 *
 *	boot=MODULE             needed to get at the host's files
 *	load=MODULE             loaded before the command starts, in this order
 *	bridge=ADDRESS SECONDARY SUBORDINATE               the numbers of the buses behind it
 *	device=ADDRESS NUMVFS AUTOPROBE DRIVER OVERRIDE    how it shall be found (DRIVER, OVERRIDE: "-" for none)
 *	modprobe=TEXT           of /etc/modprobe.d/mocksys.conf
 *	host=NAME cwd=PATH umask=OCTAL uid=NUMBER          of the command
 *	terminal=ROWS COLUMNS   it gets a terminal
 *	merge=1                 its standard output and error are one file
 *	environment=VARIABLE argument=WORD
 */
#define GUEST_SPEC "/mocksys.run"

/*
 * A program in the guest that makes the machine what it was at its start: GUEST_RESET [--all]. Without --all it leaves
 * alone what looks as it did then.
 */
#define GUEST_RESET "/run/mocksys/reset"

/*
 * Names of the virtio ports. Input comes in pieces, each after its size (uint32_t); a size of 0 is its end. The end of the
 * port could not say that: QEMU drops what it has not passed on by then.
 */
#define PORT_CONTROL "mocksys.control"
#define PORT_INPUT "mocksys.input"

#define TAG_HOST_ROOT "host"

enum frame_kind {
	FRAME_STARTED = 1, /* the command runs */
	FRAME_OUTPUT,      /* of the command */
	FRAME_ERROR,       /* its standard error */
	FRAME_STATUS,      /* int32_t: its wait status; the last frame */
	FRAME_FAILED,      /* text: why it could not be started; the last frame */
	FRAME_ALIVE,       /* the answer to FRAME_ASK */
	FRAME_SIGNAL,      /* to the guest, int32_t */
	FRAME_RESIZE,      /* to the guest, uint16_t rows, columns */
	FRAME_ASK,         /* to the guest: does it still run? */
	FRAME_TELL,        /* to the guest: what everybody waits for, on the console */
};

/* On the control port, both ways; @size bytes follow. */
struct frame {
	uint32_t kind, size;
};

#define FRAME_MAX 16384
