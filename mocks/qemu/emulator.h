/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The process QEMU: started with descriptors and no files, ended with its launcher. */
#pragma once

#include "qemu/words.h"

#include <sys/types.h>

struct emulator {
	pid_t pid;
	int pidfd;
	int control; /* frames (protocol.h) */
	int input;   /* of the command, raw */
	int console; /* the kernel's messages */
	int errors;  /* what QEMU itself says */
};

struct emulator_options {
	const char *qemu; /* program */
	const struct words *devices;
	unsigned helpers_slot; /* of bus 0 */
	const char *kernel;    /* path */
	int initial_files;     /* descriptor */
	const char *command_line;
};

/* 0, or -errno and *ret_error. */
int emulator_start(const struct emulator_options *options, struct emulator *emulator, char **ret_error);
void emulator_stop(struct emulator *emulator);
