/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * init_module(2), finit_module(2) and delete_module(2), in every way: they become one
 * write to the fake kernel's control file, and never reach the host's kernel.
 */
#include "preload.h"
#include "redirect.h"
#include "settings.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <linux/module.h>
#include <string.h>

#define NAME_LENGTH 55      /* the kernel's MODULE_NAME_LEN, less its NUL */
#define REQUEST_LENGTH 4096 /* a store takes a page */

/* A module's file, mapped by the caller or behind a descriptor. */
struct image {
	const unsigned char *memory;
	size_t size;
	int fd;
};

static bool image_read(const struct image *image, uint64_t offset, void *buffer, size_t size)
{
	if (image->memory) {
		if (offset > image->size || size > image->size - offset)
			return false;
		memcpy(buffer, image->memory + offset, size);
		return true;
	}
	return offset <= INT64_MAX && pread(image->fd, buffer, size, (off_t)offset) == (ssize_t)size;
}

/*
 * The section .modinfo: strings "tag=value", each with its NUL. Of a file without one nothing is known; whatever
 * numbers the file holds, the work is bounded by their 16 bits and by the limit on what is read of the section.
 */
#define MODINFO_LIMIT (1 << 20)

static bool find_modinfo(const struct image *image, ElfW(Shdr) * ret_section)
{
	static const char modinfo[] = ".modinfo";
	ElfW(Shdr) names, section;
	ElfW(Ehdr) header;

	if (!image_read(image, 0, &header, sizeof(header)) || memcmp(header.e_ident, ELFMAG, SELFMAG) ||
	    header.e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) ||
	    header.e_shentsize != sizeof(section) || header.e_shstrndx >= header.e_shnum ||
	    !image_read(image, header.e_shoff + (uint64_t)header.e_shstrndx * sizeof(names), &names, sizeof(names)))
		return false;

	for (unsigned i = 0; i < header.e_shnum; i++) {
		char name[sizeof(modinfo)];

		if (!image_read(image, header.e_shoff + (uint64_t)i * sizeof(section), &section, sizeof(section)))
			return false;
		if (section.sh_type == SHT_NOBITS || section.sh_name >= names.sh_size ||
		    !image_read(image, names.sh_offset + (uint64_t)section.sh_name, name, sizeof(name)) ||
		    memcmp(name, modinfo, sizeof(modinfo)))
			continue;
		*ret_section = section;
		return true;
	}
	return false;
}

static bool name_from_modinfo(const struct image *image, char *name)
{
	static const char tag[] = "name=";
	const size_t tag_length = sizeof(tag) - 1;
	char chunk[sizeof(tag) + NAME_LENGTH];
	bool starts_string = true;
	ElfW(Shdr) section;
	uint64_t size;

	if (!find_modinfo(image, &section))
		return false;
	size = section.sh_size < MODINFO_LIMIT ? section.sh_size : MODINFO_LIMIT;
	for (uint64_t at = 0, step; at < size; at += step) {
		size_t left = size - at < sizeof(chunk) ? (size_t)(size - at) : sizeof(chunk);
		const char *end;

		if (!image_read(image, section.sh_offset + at, chunk, left))
			return false;
		end = memchr(chunk, '\0', left);
		if (starts_string && end && !strncmp(chunk, tag, tag_length)) {
			strcpy(name, chunk + tag_length);
			return true;
		}
		/* A longer string than the chunk takes several steps, and is not looked at again before its end. */
		starts_string = end != NULL;
		step = end ? (uint64_t)(end - chunk) + 1 : left;
	}
	return false;
}

/*
 * The kernel takes the name from the module, never from the file; a compressed file hides it here, so its name must do.
 */
static bool name_from_file(int fd, char *name)
{
	char path[PATH_MAX];
	const char *base;
	size_t length;

	if (redirect_fd_path(fd, path, sizeof(path)) <= 0)
		return false;
	base = strrchr(path, '/');
	base = base ? base + 1 : path;
	for (length = 0; base[length] && strncmp(base + length, ".ko", 3); length++)
		;
	if (!base[length] || !length || length > NAME_LENGTH)
		return false;
	for (size_t i = 0; i < length; i++)
		name[i] = base[i] == '-' ? '_' : base[i];
	name[length] = '\0';
	return true;
}

/* One word: anything else would be another request. */
static bool is_name(const char *name)
{
	size_t length = strnlen(name, NAME_LENGTH + 1);

	for (size_t i = 0; i < length; i++)
		if ((unsigned char)name[i] <= ' ' || name[i] == '/' || name[i] == 0x7f)
			return false;
	return length && length <= NAME_LENGTH;
}

static int fail(int error)
{
	errno = error;
	return -1;
}

static int request(const char *verb, const char *name, const char *parameters)
{
	const struct settings *s = settings();
	char text[REQUEST_LENGTH + 1];
	int saved_errno = errno;
	ssize_t written;
	char *end;
	int fd;

	if (strlen(verb) + strlen(name) + strlen(parameters) + strlen("  \n") > REQUEST_LENGTH)
		return fail(E2BIG);
	end = stpcpy(stpcpy(stpcpy(text, verb), " "), name);
	if (*parameters)
		end = stpcpy(stpcpy(end, " "), parameters);
	/* The end of a line is the end of the request. */
	for (char *c = text; c < end; c++)
		if (*c == '\n')
			*c = ' ';
	*end++ = '\n';

	/* The wrapped calls: in each way it is a file of its own kind. */
	fd = s->way == WAY_NONE ? -1 : open(MOCKSYS_MODULES_FILE, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(EPERM);
	written = write(fd, text, (size_t)(end - text));
	if (written == end - text)
		errno = saved_errno;
	else if (written >= 0)
		errno = EIO;
	saved_errno = errno;
	close(fd);
	errno = saved_errno;
	return written == end - text ? 0 : -1;
}

static int load(const struct image *image, const char *parameters)
{
	char name[NAME_LENGTH + 2];

	if (!parameters)
		return fail(EFAULT);
	if (!name_from_modinfo(image, name) && (image->memory || !name_from_file(image->fd, name)))
		return fail(ENOEXEC);
	return is_name(name) ? request("load", name, parameters) : fail(ENOEXEC);
}

EXPORT int init_module(void *image, unsigned long size, const char *parameters)
{
	if (!image)
		return fail(EFAULT);
	return load(&(struct image){.memory = image, .size = size, .fd = -1}, parameters);
}

EXPORT int finit_module(int fd, const char *parameters, int flags)
{
	const int known = MODULE_INIT_IGNORE_MODVERSIONS | MODULE_INIT_IGNORE_VERMAGIC | MODULE_INIT_COMPRESSED_FILE;

	if (flags & ~known)
		return fail(EINVAL);
	if (fcntl(fd, F_GETFD) < 0)
		return -1;
	return load(&(struct image){.fd = fd}, parameters);
}

EXPORT int delete_module(const char *name, unsigned flags)
{
	if (!name)
		return fail(EFAULT);
	return is_name(name) ? request("unload", name, "") : fail(ENOENT);
}
