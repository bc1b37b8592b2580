/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Placeholder modules: ELF files that hold what kmod's tools look at, and no code. */
#pragma once

#include <stddef.h>

/* A growing block of bytes. Zero-initialised: empty. */
struct bytes {
	char *data;
	size_t size, room;
};

/* Both end the process when there is no memory, as nothing sensible is left to do. */
void bytes_add(struct bytes *bytes, const void *data, size_t size);
/* Adds formatted text with its NUL. */
void bytes_add_string(struct bytes *bytes, const char *format, ...) __attribute__((format(printf, 2, 3)));
void bytes_free(struct bytes *bytes);

/*
 * Writes a relocatable file with the section .modinfo (@modinfo: NUL-terminated strings) into @ret_file. It exports the
 * symbol of @name and needs those of @depends (NULL-terminated, may be NULL): depmod takes dependencies from symbols.
 */
void module_elf_write(const char *name, const char *const *depends, const struct bytes *modinfo,
		      struct bytes *ret_file);
