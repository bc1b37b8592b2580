/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Uevents that a network namespace's programs take for the kernel's own. */
#pragma once

#include <stddef.h>

/* A socket in the calling process's network namespace that can send them, or -errno. */
int uevent_socket_open(void);
/* Sends @message (without SEQNUM) on it. 0, or -errno. */
int uevent_socket_send(int sock, const char *message, size_t size);
