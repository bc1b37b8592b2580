/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who sent a request: the actor's name of a pid. For the serving thread alone: no lock. */
#pragma once

#include "kernel/kernel.h"

#include <stdbool.h>

#define CLIENT_CACHE 64

struct client_cache {
	struct {
		pid_t pid;      /* 0: empty */
		int environ_fd; /* keeps the memory of that process apart from its later ones; -1: could not be opened */
		char actor[sizeof(((struct client *)0)->actor)];
	} entries[CLIENT_CACHE];
};

/*
 * Fills the actor of @client from its pid: MOCKSYS_ACTOR in its environment, or the pid in decimal. @certain: looks
 * whether the pid still stands for the same program as the last time. That is a system call, 1 µs in 10 of a request.
 */
void client_cache_name(struct client_cache *cache, struct client *client, bool certain);
/* SIGKILL for the process of a client (struct kernel_host's callback). A thread's number stands for its process. */
void client_kill(void *context, pid_t pid);
/* Its program's name (another such callback): untouched when it cannot be known. @comm: 16 bytes. */
void client_name(void *context, pid_t pid, char *comm);
void client_cache_clear(struct client_cache *cache);
