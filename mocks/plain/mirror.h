/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The node tree on a plain file system, kept in step with it: directories and links as they are, a file whose content
 * never changes as a file, and everything else as a socket that nobody listens on. Linux opens such a node for nobody,
 * whatever its mode and whoever asks (ENXIO), so an attribute is never read or written past the model; and to learn
 * that costs nothing where a file can be opened. wire/node.h has how each says what it really is.
 */
#pragma once

#include "kernel/kernel.h"

struct mirror;

/*
 * Pictures @k in @directory, an existing and empty one, and follows it from then on. What is on its way in or out is in
 * @workshop, another such directory of the same file system. @failed(@context) is told once, with the model lock held,
 * when mirror_error() has something to say; may be NULL. 0 and *ret_mirror, or -errno. Without the model lock.
 */
int mirror_new(struct kernel *k, const char *directory, const char *workshop, void (*failed)(void *context),
	       void *context, struct mirror **ret_mirror);
/* A descriptor of the directory (O_PATH). */
int mirror_fd(const struct mirror *mirror);
/* 0, or -errno of the first change that could not be made (the disk is full): the picture is not true any more. */
int mirror_error(const struct mirror *mirror);
/* Leaves the picture where it is. Without the model lock. May be NULL. */
void mirror_free(struct mirror *mirror);
