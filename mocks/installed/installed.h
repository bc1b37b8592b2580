/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the files are that mocksys needs beside itself: in the tree that it was built in for what runs there, else where
 * they were installed together with it. An installed tree may be moved as a whole.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum installed {
	INSTALLED_FIXTURES,       /* directory: drivers/, devices/, machines/ */
	INSTALLED_SHIM,           /* libmocksys-preload.so */
	INSTALLED_TOOLS,          /* directory: what fetches kernels and builds modules for way qemu */
	INSTALLED_GUEST_INIT,     /* the first process of such a kernel */
	INSTALLED_VARIANT_SOURCE, /* directory: a VFIO driver to build for it */
};

/* This program has not been installed: it runs in the tree that it was built in. */
bool installed_not(void);

/* The path of @what in @path, of which nobody says that it exists; cut short when it does not fit. Returns @path. */
const char *installed_path(enum installed what, char *path, size_t size);
