/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The functions of libc that the shim stands in front of: included with CALL, HAND and OWN defined as needed.
 *
 *   CALL(type, name, parameters, arguments, places)  redirect the places, then call libc's: makes wrappers-calls.c
 *        PATH(path)        the parameter `path` is a path
 *        AT(dirfd, path)   `path` is relative to the descriptor `dirfd`
 *   HAND(type, name, parameters)                     written by hand, for more is to be done
 *   OWN(type, name, parameters)                      written by hand, and libc may have no such function
 *
 * A function takes one line here; the tests hold that each is exported, and that each has a test.
 */
#ifndef CALL
#define CALL(type, name, parameters, arguments, places)
#endif
#ifndef HAND
#define HAND(type, name, parameters)
#endif
#ifndef OWN
#define OWN(type, name, parameters)
#endif

/* Opening. The variadic ones are by hand: the mode is there for some flags only. */
HAND(int, open, (const char *path, int flags, ...))
HAND(int, open64, (const char *path, int flags, ...))
HAND(int, openat, (int dirfd, const char *path, int flags, ...))
HAND(int, openat64, (int dirfd, const char *path, int flags, ...))
CALL(int, __open_2, (const char *path, int flags), (path, flags), PATH(path))
CALL(int, __open64_2, (const char *path, int flags), (path, flags), PATH(path))
CALL(int, __openat_2, (int dirfd, const char *path, int flags), (dirfd, path, flags), AT(dirfd, path))
CALL(int, __openat64_2, (int dirfd, const char *path, int flags), (dirfd, path, flags), AT(dirfd, path))
CALL(int, creat, (const char *path, mode_t mode), (path, mode), PATH(path))
CALL(int, creat64, (const char *path, mode_t mode), (path, mode), PATH(path))
CALL(FILE *, fopen, (const char *path, const char *mode), (path, mode), PATH(path))
CALL(FILE *, fopen64, (const char *path, const char *mode), (path, mode), PATH(path))
CALL(FILE *, freopen, (const char *path, const char *mode, FILE *stream), (path, mode, stream), PATH(path))
CALL(FILE *, freopen64, (const char *path, const char *mode, FILE *stream), (path, mode, stream), PATH(path))

/* What a file is. */
CALL(int, stat, (const char *path, struct stat *status), (path, status), PATH(path))
CALL(int, stat64, (const char *path, struct stat64 *status), (path, status), PATH(path))
CALL(int, lstat, (const char *path, struct stat *status), (path, status), PATH(path))
CALL(int, lstat64, (const char *path, struct stat64 *status), (path, status), PATH(path))
CALL(int, fstatat, (int dirfd, const char *path, struct stat *status, int flags), (dirfd, path, status, flags),
     AT(dirfd, path))
CALL(int, fstatat64, (int dirfd, const char *path, struct stat64 *status, int flags), (dirfd, path, status, flags),
     AT(dirfd, path))
CALL(int, statx, (int dirfd, const char *path, int flags, unsigned mask, struct statx *status),
     (dirfd, path, flags, mask, status), AT(dirfd, path))
/* Before glibc 2.33 stat() and its like were inline calls of these. */
CALL(int, __xstat, (int version, const char *path, struct stat *status), (version, path, status), PATH(path))
CALL(int, __xstat64, (int version, const char *path, struct stat64 *status), (version, path, status), PATH(path))
CALL(int, __lxstat, (int version, const char *path, struct stat *status), (version, path, status), PATH(path))
CALL(int, __lxstat64, (int version, const char *path, struct stat64 *status), (version, path, status), PATH(path))
CALL(int, __fxstatat, (int version, int dirfd, const char *path, struct stat *status, int flags),
     (version, dirfd, path, status, flags), AT(dirfd, path))
CALL(int, __fxstatat64, (int version, int dirfd, const char *path, struct stat64 *status, int flags),
     (version, dirfd, path, status, flags), AT(dirfd, path))
CALL(int, access, (const char *path, int mode), (path, mode), PATH(path))
CALL(int, eaccess, (const char *path, int mode), (path, mode), PATH(path))
CALL(int, euidaccess, (const char *path, int mode), (path, mode), PATH(path))
CALL(int, faccessat, (int dirfd, const char *path, int mode, int flags), (dirfd, path, mode, flags), AT(dirfd, path))
CALL(long, pathconf, (const char *path, int name), (path, name), PATH(path))
CALL(ssize_t, getxattr, (const char *path, const char *name, void *value, size_t size), (path, name, value, size),
     PATH(path))
CALL(ssize_t, lgetxattr, (const char *path, const char *name, void *value, size_t size), (path, name, value, size),
     PATH(path))
CALL(ssize_t, listxattr, (const char *path, char *list, size_t size), (path, list, size), PATH(path))
CALL(ssize_t, llistxattr, (const char *path, char *list, size_t size), (path, list, size), PATH(path))

/* The file system of a file: libudev wants sysfs for what is under /sys. */
HAND(int, statfs, (const char *path, struct statfs *status))
HAND(int, statfs64, (const char *path, struct statfs64 *status))
HAND(int, fstatfs, (int fd, struct statfs *status))
HAND(int, fstatfs64, (int fd, struct statfs64 *status))
HAND(int, statvfs, (const char *path, struct statvfs *status))
HAND(int, statvfs64, (const char *path, struct statvfs64 *status))
HAND(int, fstatvfs, (int fd, struct statvfs *status))
HAND(int, fstatvfs64, (int fd, struct statvfs64 *status))

/* Directories. */
CALL(DIR *, opendir, (const char *path), (path), PATH(path))
CALL(int, scandir,
     (const char *path, struct dirent ***list, int (*filter)(const struct dirent *),
      int (*compare)(const struct dirent **, const struct dirent **)),
     (path, list, filter, compare), PATH(path))
CALL(int, scandir64,
     (const char *path, struct dirent64 ***list, int (*filter)(const struct dirent64 *),
      int (*compare)(const struct dirent64 **, const struct dirent64 **)),
     (path, list, filter, compare), PATH(path))
CALL(int, scandirat,
     (int dirfd, const char *path, struct dirent ***list, int (*filter)(const struct dirent *),
      int (*compare)(const struct dirent **, const struct dirent **)),
     (dirfd, path, list, filter, compare), AT(dirfd, path))
CALL(int, scandirat64,
     (int dirfd, const char *path, struct dirent64 ***list, int (*filter)(const struct dirent64 *),
      int (*compare)(const struct dirent64 **, const struct dirent64 **)),
     (dirfd, path, list, filter, compare), AT(dirfd, path))
CALL(int, chdir, (const char *path), (path), PATH(path))
HAND(int, glob, (const char *pattern, int flags, int (*failed)(const char *, int), glob_t *result))
HAND(int, glob64, (const char *pattern, int flags, int (*failed)(const char *, int), glob64_t *result))
HAND(int, ftw, (const char *path, __ftw_func_t visit, int descriptors))
HAND(int, ftw64, (const char *path, __ftw64_func_t visit, int descriptors))
HAND(int, nftw, (const char *path, __nftw_func_t visit, int descriptors, int flags))
HAND(int, nftw64, (const char *path, __nftw64_func_t visit, int descriptors, int flags))

/* Names that come back: the private directory must not show in them. */
HAND(ssize_t, readlink, (const char *path, char *buffer, size_t size))
HAND(ssize_t, readlinkat, (int dirfd, const char *path, char *buffer, size_t size))
HAND(ssize_t, __readlink_chk, (const char *path, char *buffer, size_t size, size_t room))
HAND(ssize_t, __readlinkat_chk, (int dirfd, const char *path, char *buffer, size_t size, size_t room))
HAND(char *, realpath, (const char *path, char *resolved))
HAND(char *, __realpath_chk, (const char *path, char *resolved, size_t room))
HAND(char *, canonicalize_file_name, (const char *path))
HAND(char *, getcwd, (char *buffer, size_t size))
HAND(char *, __getcwd_chk, (char *buffer, size_t size, size_t room))
HAND(char *, getwd, (char *buffer))
HAND(char *, __getwd_chk, (char *buffer, size_t room))
HAND(char *, get_current_dir_name, (void))

/* Changing: the fake answers with sysfs' own errors. */
CALL(int, truncate, (const char *path, off_t length), (path, length), PATH(path))
CALL(int, truncate64, (const char *path, off64_t length), (path, length), PATH(path))
CALL(int, chmod, (const char *path, mode_t mode), (path, mode), PATH(path))
CALL(int, lchmod, (const char *path, mode_t mode), (path, mode), PATH(path))
CALL(int, fchmodat, (int dirfd, const char *path, mode_t mode, int flags), (dirfd, path, mode, flags), AT(dirfd, path))
CALL(int, chown, (const char *path, uid_t owner, gid_t group), (path, owner, group), PATH(path))
CALL(int, lchown, (const char *path, uid_t owner, gid_t group), (path, owner, group), PATH(path))
CALL(int, fchownat, (int dirfd, const char *path, uid_t owner, gid_t group, int flags),
     (dirfd, path, owner, group, flags), AT(dirfd, path))
CALL(int, utime, (const char *path, const struct utimbuf *times), (path, times), PATH(path))
CALL(int, utimes, (const char *path, const struct timeval times[2]), (path, times), PATH(path))
CALL(int, lutimes, (const char *path, const struct timeval times[2]), (path, times), PATH(path))
CALL(int, futimesat, (int dirfd, const char *path, const struct timeval times[2]), (dirfd, path, times),
     AT(dirfd, path))
CALL(int, utimensat, (int dirfd, const char *path, const struct timespec times[2], int flags),
     (dirfd, path, times, flags), AT(dirfd, path))
CALL(int, mkdir, (const char *path, mode_t mode), (path, mode), PATH(path))
CALL(int, mkdirat, (int dirfd, const char *path, mode_t mode), (dirfd, path, mode), AT(dirfd, path))
CALL(int, mknod, (const char *path, mode_t mode, dev_t device), (path, mode, device), PATH(path))
CALL(int, mknodat, (int dirfd, const char *path, mode_t mode, dev_t device), (dirfd, path, mode, device),
     AT(dirfd, path))
CALL(int, __xmknod, (int version, const char *path, mode_t mode, dev_t *device), (version, path, mode, device),
     PATH(path))
CALL(int, __xmknodat, (int version, int dirfd, const char *path, mode_t mode, dev_t *device),
     (version, dirfd, path, mode, device), AT(dirfd, path))
CALL(int, mkfifo, (const char *path, mode_t mode), (path, mode), PATH(path))
CALL(int, mkfifoat, (int dirfd, const char *path, mode_t mode), (dirfd, path, mode), AT(dirfd, path))
CALL(int, rmdir, (const char *path), (path), PATH(path))
CALL(int, unlink, (const char *path), (path), PATH(path))
CALL(int, unlinkat, (int dirfd, const char *path, int flags), (dirfd, path, flags), AT(dirfd, path))
CALL(int, remove, (const char *path), (path), PATH(path))
CALL(int, rename, (const char *from, const char *to), (from, to), PATH(from) PATH(to))
CALL(int, renameat, (int from_dirfd, const char *from, int to_dirfd, const char *to), (from_dirfd, from, to_dirfd, to),
     AT(from_dirfd, from) AT(to_dirfd, to))
CALL(int, renameat2, (int from_dirfd, const char *from, int to_dirfd, const char *to, unsigned flags),
     (from_dirfd, from, to_dirfd, to, flags), AT(from_dirfd, from) AT(to_dirfd, to))
CALL(int, link, (const char *from, const char *to), (from, to), PATH(from) PATH(to))
CALL(int, linkat, (int from_dirfd, const char *from, int to_dirfd, const char *to, int flags),
     (from_dirfd, from, to_dirfd, to, flags), AT(from_dirfd, from) AT(to_dirfd, to))
CALL(int, symlink, (const char *target, const char *path), (target, path), PATH(path))
CALL(int, symlinkat, (const char *target, int dirfd, const char *path), (target, dirfd, path), AT(dirfd, path))
CALL(int, setxattr, (const char *path, const char *name, const void *value, size_t size, int flags),
     (path, name, value, size, flags), PATH(path))
CALL(int, lsetxattr, (const char *path, const char *name, const void *value, size_t size, int flags),
     (path, name, value, size, flags), PATH(path))
CALL(int, removexattr, (const char *path, const char *name), (path, name), PATH(path))
CALL(int, lremovexattr, (const char *path, const char *name), (path, name), PATH(path))

/* Watching. */
CALL(int, inotify_add_watch, (int fd, const char *path, uint32_t mask), (fd, path, mask), PATH(path))

/* Programs: the way into the machine goes with them. */
CALL(int, posix_spawn_file_actions_addopen,
     (posix_spawn_file_actions_t * actions, int fd, const char *path, int flags, mode_t mode),
     (actions, fd, path, flags, mode), PATH(path))
CALL(int, posix_spawn_file_actions_addchdir_np, (posix_spawn_file_actions_t * actions, const char *path),
     (actions, path), PATH(path))
HAND(int, execve, (const char *path, char *const arguments[], char *const environment[]))
HAND(int, execv, (const char *path, char *const arguments[]))
HAND(int, execvp, (const char *file, char *const arguments[]))
HAND(int, execvpe, (const char *file, char *const arguments[], char *const environment[]))
HAND(int, execl, (const char *path, const char *argument, ...))
HAND(int, execle, (const char *path, const char *argument, ...))
HAND(int, execlp, (const char *file, const char *argument, ...))
HAND(int, fexecve, (int fd, char *const arguments[], char *const environment[]))
HAND(int, execveat, (int dirfd, const char *path, char *const arguments[], char *const environment[], int flags))
HAND(int, posix_spawn,
     (pid_t * ret_pid, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
      char *const arguments[], char *const environment[]))
HAND(int, posix_spawnp,
     (pid_t * ret_pid, const char *file, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
      char *const arguments[], char *const environment[]))

/* Uevents: a netlink socket for them becomes one of the server's. All others are libc's. */
HAND(int, socket, (int domain, int type, int protocol))
HAND(int, bind, (int fd, __CONST_SOCKADDR_ARG address, socklen_t size))
HAND(int, connect, (int fd, __CONST_SOCKADDR_ARG address, socklen_t size))
HAND(int, getsockname, (int fd, __SOCKADDR_ARG address, socklen_t *size))
HAND(int, getpeername, (int fd, __SOCKADDR_ARG address, socklen_t *size))
HAND(int, getsockopt, (int fd, int level, int name, void *value, socklen_t *size))
HAND(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t size))
HAND(ssize_t, recvfrom, (int fd, void *buffer, size_t size, int flags, __SOCKADDR_ARG address, socklen_t *address_size))
HAND(ssize_t, __recvfrom_chk,
     (int fd, void *buffer, size_t size, size_t room, int flags, __SOCKADDR_ARG address, socklen_t *address_size))
HAND(ssize_t, recvmsg, (int fd, struct msghdr *message, int flags))
HAND(int, recvmmsg, (int fd, struct mmsghdr *messages, unsigned n, int flags, struct timespec *timeout))
HAND(ssize_t, sendto,
     (int fd, const void *data, size_t size, int flags, __CONST_SOCKADDR_ARG address, socklen_t address_size))
HAND(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags))

/* Modules. glibc has no finit_module(): kmod goes through syscall(). */
HAND(long, syscall, (long number, ...))
OWN(int, init_module, (void *image, unsigned long size, const char *parameters))
OWN(int, finit_module, (int fd, const char *parameters, int flags))
OWN(int, delete_module, (const char *name, unsigned flags))

#undef CALL
#undef HAND
#undef OWN
