/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What programs that have the library in themselves do with it here: detach and reattach, in a thread as small as the
 * header promises that it may be, and with nothing that fails the test from another thread than the test's own.
 */
#pragma once

#include "harness.h"

#include <pthread.h>

/* Of the machine two-vfs. */
#define VF "0000:04:10.0"
#define DRIVER "vfio-pci-igbvf"
static const struct vfiobind_address vf = {.bus = 4, .slot = 0x10};

/* Both that are for its VFs, so that no job has to. */
void load_modules(void);

struct job {
	const struct vfiobind_address *address;
	const char *driver;
	size_t rounds;
	struct vfiobind_context *context; /* NULL: one of its own each time */
	struct vfiobind_error error;
	char what[64]; /* that went wrong; empty if nothing did */
};

#define JOB(device, name, n)                                                                       \
	{                                                                                          \
		.address = (device), .driver = (name), .rounds = (n), .error = VFIOBIND_ERROR_INIT \
	}

pthread_t start_thread(void *(*function)(void *), void *data);
void *work(void *job); /* for start_thread() */
void run_job(struct job *job);
void assert_job(const struct job *job);

/* For start_thread() too: sets *@context to one that has its worker already. */
void *make_context(void *context);

bool has_children(void);
/* Those of this process that are open. */
size_t count_descriptors(void);
