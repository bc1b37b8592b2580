/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <dirent.h>
#include <stdbool.h>
#include <sys/types.h>

/* What the operation is about, below /sys. */
extern char path[];

/* One operation, `NAME PATH[ DATA]`; false when there is none of that name. */
bool run(char *line);

const char *errno_text(void);
void print_count(ssize_t ret);
/* For calls that say 0 or an errno. */
void print_status(int ret);
int not_dots(const struct dirent *entry);

void listen_to_uevents(void);

/* Each prints its answer. @data: what follows the path. */
void op_w(char *data);
void op_wa(char *data);
void op_wt(char *data);
void op_wc(char *data);
void op_wx(char *data);
void op_w0(char *data);
void op_wn(char *data);
void op_pw(char *data);
void op_ww(char *data);
void op_r(char *data);
void op_rn(char *data);
void op_until(char *data);
void op_goes(char *data);
void op_l(char *data);
void op_ls(char *data);
void op_st(char *data);
void op_trunc(char *data);
void op_mkdir(char *data);
void op_rmdir(char *data);
void op_unlink(char *data);
void op_rename(char *data);
void op_symlink(char *data);
void op_direct(char *data);
void op_mmap(char *data);
void op_mmapp(char *data);
void op_statvfs(char *data);
void op_seekend(char *data);
void op_poll(char *data);
void op_parts(char *data);
void op_gone(char *data);
void op_gonedir(char *data);
void op_tmpfile(char *data);
void op_dirwrite(char *data);
void op_fsync(char *data);
void op_falloc(char *data);
void op_chmod(char *data);
void op_same(char *data);
void op_device(char *data);
void op_own(char *data);
void op_tree(char *data);
void op_load(char *data);
void op_unload(char *data);
void op_mod(char *data);
void op_rmmod(char *data);
void op_ue(char *data);
void op_ues(char *data);
void op_gate(char *data);
void op_failing(char *data);
void op_hold(char *data);
void op_drop(char *data);

/* Of the process that does @line: its answer, or that it waits. */
void start_other(char *line);
/* Waits for those that waited; their answers, in the order in which they started. */
void join_others(bool print);
