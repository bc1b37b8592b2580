/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A plain directory that has the form of /sys and none of its behaviour, with what libvfiobind reads besides: what is
 * stored there stays, and changes nothing else. In sys/ a function 0000:04:11.5 on igbvf, in group 14, and four drivers;
 * modules/modules.alias; and nothing yet in dev/, proc/ and state/.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vfiobind.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

struct tree {
	char root[64];
	struct vfiobind_context *context;
};

/* The function that is there. */
static const struct vfiobind_address vf = {.bus = 4, .slot = 0x11, .function = 5};
#define VF "0000:04:11.5"
#define VF_DIRECTORY "sys/devices/pci0000:00/" VF

/* A test gets a tree of its own as its state. */
#define test_on_tree(function) cmocka_unit_test_setup_teardown(function, tree_set_up, tree_tear_down)
int tree_set_up(void **state);
int tree_tear_down(void **state);

/* A path in it; valid until the next call. The directories above it are made, unless there are. */
__attribute__((format(printf, 2, 3))) char *tree_path(const struct tree *tree, const char *format, ...);

/* Makes a file, or changes it. */
__attribute__((format(printf, 4, 5))) void put_bytes(const struct tree *tree, const void *bytes, size_t n,
						     const char *format, ...);
#define put(tree, text, ...) put_bytes((tree), (text), strlen(text), __VA_ARGS__)
/* Makes a link, or changes where it leads. */
__attribute__((format(printf, 3, 4))) void put_link(const struct tree *tree, const char *target, const char *format,
						    ...);
/* Removes a file, a link or an empty directory. */
__attribute__((format(printf, 2, 3))) void drop(const struct tree *tree, const char *format, ...);
/* What is in a file; valid until the next call. */
__attribute__((format(printf, 2, 3))) char *slurp(const struct tree *tree, const char *format, ...);

/* A driver of a module that is loaded. */
void put_driver(const struct tree *tree, const char *driver, const char *module);
/* A function like the first one; @driver NULL: on none; @group -1: in none. */
void put_device(const struct tree *tree, const char *address, const char *driver, int group);
