/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox/module-elf.h"

#include <elf.h>

enum {
	SECTION_NULL,
	SECTION_MODINFO,
	SECTION_EXPORTS,
	SECTION_SYMTAB,
	SECTION_STRTAB,
	SECTION_NAMES,
	N_SECTIONS,
};

/*
 * __ksymtab_strings names what a module exports; undefined entries of .symtab are what it needs (libkmod's
 * kmod_elf_get_symbols and kmod_elf_get_dependency_symbols).
 */
static const struct {
	const char *name;
	Elf64_Word type;
	Elf64_Xword flags;
	Elf64_Xword entry_size;
	Elf64_Word link;
	Elf64_Word info;
} sections[N_SECTIONS] = {
	[SECTION_NULL] = {""},
	[SECTION_MODINFO] = {".modinfo", SHT_PROGBITS, SHF_ALLOC},
	[SECTION_EXPORTS] = {"__ksymtab_strings", SHT_PROGBITS, SHF_ALLOC | SHF_MERGE | SHF_STRINGS, 1},
	[SECTION_SYMTAB] = {".symtab", SHT_SYMTAB, 0, sizeof(Elf64_Sym), SECTION_STRTAB, 1},
	[SECTION_STRTAB] = {".strtab", SHT_STRTAB},
	[SECTION_NAMES] = {".shstrtab", SHT_STRTAB},
};

static void add_needed_symbols(const char *const *depends, struct bytes *symtab, struct bytes *strtab)
{
	bytes_add(symtab, &(Elf64_Sym){0}, sizeof(Elf64_Sym));
	bytes_add(strtab, "", 1);
	for (size_t i = 0; depends && depends[i]; i++) {
		Elf64_Sym symbol = {
			.st_name = strtab->size,
			.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_NOTYPE),
			.st_shndx = SHN_UNDEF,
		};

		bytes_add(symtab, &symbol, sizeof(symbol));
		bytes_add_string(strtab, "%s_placeholder", depends[i]);
	}
}

static Elf64_Half this_machine(void)
{
	/* Nothing is ever executed; file(1) and modinfo should not be surprised. */
#if defined(__x86_64__)
	return EM_X86_64;
#elif defined(__aarch64__)
	return EM_AARCH64;
#elif defined(__powerpc64__)
	return EM_PPC64;
#elif defined(__s390x__)
	return EM_S390;
#elif defined(__riscv)
	return EM_RISCV;
#else
	return EM_NONE;
#endif
}

void module_elf_write(const char *name, const char *const *depends, const struct bytes *modinfo, struct bytes *ret_file)
{
	struct bytes contents[N_SECTIONS] = {[SECTION_MODINFO] = *modinfo};
	Elf64_Shdr headers[N_SECTIONS] = {0};
	Elf64_Ehdr header = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
			    __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB, EV_CURRENT},
		.e_type = ET_REL,
		.e_machine = this_machine(),
		.e_version = EV_CURRENT,
		.e_ehsize = sizeof(header),
		.e_shentsize = sizeof(headers[0]),
		.e_shnum = N_SECTIONS,
		.e_shstrndx = SECTION_NAMES,
	};
	static const char padding[8];

	bytes_add_string(&contents[SECTION_EXPORTS], "%s_placeholder", name);
	add_needed_symbols(depends, &contents[SECTION_SYMTAB], &contents[SECTION_STRTAB]);
	for (int i = 0; i < N_SECTIONS; i++) {
		headers[i].sh_name = contents[SECTION_NAMES].size;
		bytes_add_string(&contents[SECTION_NAMES], "%s", sections[i].name);
	}

	bytes_add(ret_file, &header, sizeof(header));
	for (int i = SECTION_NULL + 1; i < N_SECTIONS; i++) {
		headers[i].sh_type = sections[i].type;
		headers[i].sh_flags = sections[i].flags;
		headers[i].sh_entsize = sections[i].entry_size;
		headers[i].sh_link = sections[i].link;
		headers[i].sh_info = sections[i].info;
		headers[i].sh_addralign = i == SECTION_SYMTAB ? 8 : 1;
		headers[i].sh_offset = ret_file->size;
		headers[i].sh_size = contents[i].size;
		bytes_add(ret_file, contents[i].data, contents[i].size);
		bytes_add(ret_file, padding, -ret_file->size & 7);
		if (i != SECTION_MODINFO)
			bytes_free(&contents[i]);
	}
	((Elf64_Ehdr *)ret_file->data)->e_shoff = ret_file->size;
	bytes_add(ret_file, headers, sizeof(headers));
}
