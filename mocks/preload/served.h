/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Way plain: open files that the server answers for (wire/protocol.h). Every function leaves errno alone where it succeeds. */
#pragma once

#include "libc.h"
#include "settings.h"

#include <stdatomic.h>
#include <sys/uio.h>

/*
 * What is known of descriptors, so that what is read and written otherwise costs no system call. A descriptor may be
 * known to be none of the server's; all others are asked who is at their other end. Whatever makes, copies or closes
 * descriptors has to say so; a descriptor that comes from elsewhere (inherited, received) is asked once.
 */
#define SERVED_NOTED 1024
extern _Atomic(unsigned char) served_not[SERVED_NOTED];

/* Not so in the child of vfork(2): it has descriptors of its own, but its parent's memory. */
bool served_is_own_memory(void);

static inline void served_note(int fd, bool known_not)
{
	if ((unsigned)fd < SERVED_NOTED && atomic_load_explicit(&served_not[fd], memory_order_relaxed) != known_not &&
	    served_is_own_memory())
		atomic_store_explicit(&served_not[fd], known_not, memory_order_relaxed);
}

bool served_ask(int fd);
/* After recvmsg(2): the descriptors that came are not known, whatever was open under their numbers before. */
void served_received(struct msghdr *message);

/* Whether @fd is an open file of the server's. */
static inline bool is_served(int fd)
{
	if (__builtin_expect(settings()->way != WAY_PLAIN, 1))
		return false;
	if ((unsigned)fd < SERVED_NOTED && atomic_load_explicit(&served_not[fd], memory_order_relaxed))
		return false;
	return served_ask(fd);
}

/* Whether @dirfd is one, and @path, which AT_EMPTY_PATH came with, names nothing but that. */
bool served_means(int dirfd, const char *path);

/* The open file of the server's that @path in /proc/self/fd or /dev names, or -1. */
int served_named(const char *path);

/* open(2) of the path that redirect_served() gave: a descriptor, or -1 with errno. */
int served_open(const char *path, int flags);
/* chmod(2), chown(2): @mask as of kernfs_setattr(). 0, or -1 with errno. */
int served_setattr(const char *path, unsigned mask, mode_t mode, uid_t owner, gid_t group);

/* The path, as the program knows it, of what is open on the socket whose inode is @inode: the length, or -1. */
ssize_t served_socket_path(uint64_t inode, char *path, size_t size);

/* On an open file; @offset -1: where it stands. -1 with errno. */
ssize_t served_readv(int fd, const struct iovec *parts, int n_parts, off64_t offset);
ssize_t served_writev(int fd, const struct iovec *parts, int n_parts, off64_t offset);
off64_t served_seek(int fd, off64_t offset, int whence);
/* fstat(2). */
int served_stat(int fd, struct stat *ret_status);
/* Its flags as of open(2), or -1. */
int served_flags(int fd);
/* Its path as the program knows it ("/sys/…") into @path (@size bytes, no NUL): the length, or -1. */
ssize_t served_path(int fd, char *path, size_t size);
