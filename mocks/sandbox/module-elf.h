/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Placeholder modules: ELF files that hold what kmod's tools look at, and no code. */
#pragma once

#include "sandbox/bytes.h"

/*
 * Writes a relocatable file with the section .modinfo (@modinfo: NUL-terminated strings) into @ret_file. It exports the
 * symbol of @name and needs those of @depends (NULL-terminated, may be NULL): depmod takes dependencies from symbols.
 */
void module_elf_write(const char *name, const char *const *depends, const struct bytes *modinfo,
		      struct bytes *ret_file);
