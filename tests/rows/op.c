/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Does what a transcript says to /sys with plain system calls, and prints the transcript that came of it. Linked
 * statically: no library stands between it and the kernel.
 *
 *   w PATH DATA    one write          wa, wt, wc, wx: with O_APPEND, O_TRUNC, O_CREAT, O_CREAT|O_EXCL
 *   w0 PATH        a write of nothing wn PATH N: N times x        pw: pwrite at 5     ww PATH A|B: two writes, one descriptor
 *   r PATH         read               rn PATH: only how much
 *   until PATH TEXT                   reads it until it says that, as long as that may take: what the kernel does by itself
 *   goes PATH                         waits until there is no such thing
 *   l PATH  ls PATH  st PATH          readlink, list, lstat
 *   tree PATH                         each node below it, as type, mode, size, nlink, and target or text
 *   load NAME[ PARAMETERS], unload NAME   what init_module and delete_module say
 *   mod, rmmod NAME                   modprobe
 *   ue                                the uevents since the last one, without SEQNUM
 *   ues                               the same, sorted: where their order is a matter of chance
 *   bg OPERATION                      another process does it: its answer, or that it waits in the kernel
 *   join, forget                      the answers of those that waited; the same without a look at them
 *   gate probe|remove shut|open       those of the driver vfio-pci-e1000e wait while it is shut
 *   failing probe ERRNO               that of vfio-pci-e1000e fails (0: no more)
 *   hold, drop ADDRESS                a VFIO device is opened, closed
 *   trunc mkdir rmdir unlink rename symlink direct mmap mmapp tmpfile dirwrite fsync falloc PATH
 *   chmod PATH MODE statvfs PATH      what the call says
 *   seekend, poll, parts PATH         of an open file: its end; its events, before and after a read; reads of a part
 *   gone, gonedir PATH PATH2          1 is written to PATH2 while PATH is open: what is still to be had of it
 *   same PATH PATH2                   whether they are one inode, and an open file of PATH has it too
 *   own, device PATH                  its owner; its type and number
 *
 * A line `~ WAY = ANSWER # WHY` in a transcript says that a way to the fake answers something else than Linux does.
 */
#include "op.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char path[PATH_MAX];

const char *errno_text(void)
{
	return strerrorname_np(errno);
}

void print_count(ssize_t ret)
{
	if (ret < 0)
		printf("= -1 %s\n", errno_text());
	else
		printf("= %zd\n", ret);
}

void print_status(int ret)
{
	printf("= %s\n", ret < 0 ? errno_text() : "0");
}

static const struct {
	const char *name;
	void (*run)(char *data);
} operations[] = {
	{"w", op_w},
	{"wa", op_wa},
	{"wt", op_wt},
	{"wc", op_wc},
	{"wx", op_wx},
	{"w0", op_w0},
	{"wn", op_wn},
	{"pw", op_pw},
	{"ww", op_ww},
	{"r", op_r},
	{"rn", op_rn},
	{"until", op_until},
	{"goes", op_goes},
	{"l", op_l},
	{"ls", op_ls},
	{"st", op_st},
	{"load", op_load},
	{"unload", op_unload},
	{"trunc", op_trunc},
	{"mkdir", op_mkdir},
	{"rmdir", op_rmdir},
	{"unlink", op_unlink},
	{"rename", op_rename},
	{"symlink", op_symlink},
	{"direct", op_direct},
	{"mmap", op_mmap},
	{"tree", op_tree},
	{"gate", op_gate},
	{"failing", op_failing},
	{"hold", op_hold},
	{"drop", op_drop},
	{"mod", op_mod},
	{"rmmod", op_rmmod},
	{"mmapp", op_mmapp},
	{"statvfs", op_statvfs},
	{"seekend", op_seekend},
	{"poll", op_poll},
	{"parts", op_parts},
	{"gone", op_gone},
	{"gonedir", op_gonedir},
	{"tmpfile", op_tmpfile},
	{"dirwrite", op_dirwrite},
	{"fsync", op_fsync},
	{"falloc", op_falloc},
	{"chmod", op_chmod},
	{"same", op_same},
	{"device", op_device},
	{"own", op_own},
};

/* `NAME PATH[ DATA]`; what follows the path's blank is data, blanks and all. */
bool run(char *line)
{
	char *name = strsep(&line, " "), *word;

	if (!strcmp(name, "ue")) {
		op_ue(NULL);
		return true;
	}
	if (!strcmp(name, "ues")) {
		op_ues(NULL);
		return true;
	}
	if (!strcmp(name, "join")) {
		join_others(true);
		return true;
	}
	if (!strcmp(name, "forget")) {
		join_others(false);
		return true;
	}
	if (!strcmp(name, "bg") && line) {
		start_other(line);
		return true;
	}
	word = line ? strsep(&line, " ") : NULL;
	if (!word)
		return false;
	snprintf(path, sizeof(path), "/sys/%s", word);
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++)
		if (!strcmp(operations[i].name, name)) {
			operations[i].run(line ? line : (char[]){""});
			return true;
		}
	return false;
}

int main(int argc, char **argv)
{
	FILE *in = argc == 2 ? fopen(argv[1], "r") : NULL;
	char *line = NULL;
	size_t capacity = 0;
	ssize_t length;

	if (!in) {
		fprintf(stderr, "usage: %s TRANSCRIPT\n", argv[0]);
		return 2;
	}
	setvbuf(stdout, NULL, _IOFBF, 65536);
	listen_to_uevents();
	while ((length = getline(&line, &capacity, in)) > 0) {
		if (line[0] == '=' || line[0] == '~' || line[0] == ' ')
			continue; /* what it says now replaces what it said then */
		fputs(line, stdout);
		if (line[0] != '>')
			continue;
		fflush(stdout); /* should it hang, one sees where */
		line[length - 1] = '\0';
		if (!run(line + 2)) {
			fprintf(stderr, "%s: no such operation: %s\n", argv[1], line);
			return 2;
		}
	}
	free(line);
	fclose(in);
	return fflush(stdout) ? 1 : 0;
}
