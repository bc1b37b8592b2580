/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The first process of the guest: prepares a real kernel as the machine says, and runs the command among the host's
 * files. It is linked statically and is all that the initial file system has beside modules.
 */
#pragma once

#include "qemu/protocol.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* Tells the launcher and stops the machine. */
_Noreturn void __attribute__((format(printf, 1, 2))) give_up(const char *format, ...);
/* How far it got, to the console. */
void report_stage(const char *stage);

/* ---- spec.c ---- */
void spec_read(const char *path);
void spec_write(const char *path);
/* The next value of @key after @previous (NULL: the first), or NULL. */
const char *spec_next(const char *key, const char *previous);
/* All values of @key, NULL-terminated, never freed. */
char **spec_all(const char *key);

/* ---- root.c ---- */
void root_mount_early(void);
/* The host's files become the root, below what the machine has of its own. */
void root_enter(void);
/* 0 or -errno. */
int write_file(const char *path, const char *text);

/* ---- modules.c: before the host's modprobe can be had, and faster ---- */
void module_load(const char *name);

/* ---- buses.c ---- */
void buses_number(void);

/* ---- machine.c ---- */
void machine_prepare(void);
/* What @link of a function leads to, as "igbvf"; "-": there is none. */
void device_link(const char *address, const char *link, char name[NAME_MAX]);
void device_override(const char *address, char text[4096]);

/* ---- reset.c ---- */
/* Before the machine's own modules are loaded: what a reset needs. */
void reset_prepare(void);
/* When all is as the machine says. */
void reset_note_state(void);
/* @all: even if nothing seems to have changed. */
void reset_run(bool all);

/* ---- ports.c ---- */
/* Waits for the virtio port of that name. */
int port_open(const char *name);
void port_send(int fd, enum frame_kind kind, const void *data, size_t size);

/* ---- command.c ---- */
_Noreturn void command_run(int control, int input);
