/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The functions of libc that the shim stands in front of: included with CALL, HAND and OWN defined as needed.
 *
 *   CALL(type, name, parameters, arguments, places)  redirect the places, then call libc's: makes wrappers-calls.c
 *        PATH(path)        the parameter `path` is a path
 *        AT(dirfd, path)   `path` is relative to the descriptor `dirfd`
 *        NEW, GONE, MOVED, LINKED, CUT, TIMED, OWNED, XATTR   paths of what the call would change: see change.h
 *   STATUS(…)                                        the same for a call that fills `status`, which then is made to show
 *                                                    what the file is to the program
 *   FD(type, name, parameters, arguments, condition, answer)
 *        the answer if the condition holds (IS(fd): an open file of the server's, in way plain), or else libc's call:
 *        makes wrappers-fd.c
 *   HAND(type, name, parameters)                     written by hand, for more is to be done
 *   OWN(type, name, parameters)                      written by hand, and libc may have no such function
 *
 * A function takes one line here; the tests hold that each is exported, and that each has a test.
 */
#ifndef CALL
#define CALL(type, name, parameters, arguments, places)
#endif
#ifndef STATUS
#define STATUS CALL
#endif
#ifndef FD
#define FD(type, name, parameters, arguments, condition, answer) HAND(type, name, parameters)
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
HAND(int, __open_2, (const char *path, int flags))
HAND(int, __open64_2, (const char *path, int flags))
HAND(int, __openat_2, (int dirfd, const char *path, int flags))
HAND(int, __openat64_2, (int dirfd, const char *path, int flags))
HAND(int, creat, (const char *path, mode_t mode))
HAND(int, creat64, (const char *path, mode_t mode))
HAND(FILE *, fopen, (const char *path, const char *mode))
HAND(FILE *, fopen64, (const char *path, const char *mode))
HAND(FILE *, freopen, (const char *path, const char *mode, FILE *stream))
HAND(FILE *, freopen64, (const char *path, const char *mode, FILE *stream))

/* What a file is. */
STATUS(int, stat, (const char *path, struct stat *status), (path, status), PATH(path))
STATUS(int, stat64, (const char *path, struct stat64 *status), (path, status), PATH(path))
STATUS(int, lstat, (const char *path, struct stat *status), (path, status), PATH(path))
STATUS(int, lstat64, (const char *path, struct stat64 *status), (path, status), PATH(path))
STATUS(int, fstatat, (int dirfd, const char *path, struct stat *status, int flags), (dirfd, path, status, flags),
       FILE_AT(dirfd, path, flags))
STATUS(int, fstatat64, (int dirfd, const char *path, struct stat64 *status, int flags), (dirfd, path, status, flags),
       FILE_AT(dirfd, path, flags))
/* A node says what it is in its times (show.h): they are wanted, whatever the program wants. */
STATUS(int, statx, (int dirfd, const char *path, int flags, unsigned mask, struct statx *status),
       (dirfd, path, flags, mask | STATX_BASIC_STATS, status), FILE_AT(dirfd, path, flags))
/* Before glibc 2.33 stat() and its like were inline calls of these. */
STATUS(int, __xstat, (int version, const char *path, struct stat *status), (version, path, status), PATH(path))
STATUS(int, __xstat64, (int version, const char *path, struct stat64 *status), (version, path, status), PATH(path))
STATUS(int, __lxstat, (int version, const char *path, struct stat *status), (version, path, status), PATH(path))
STATUS(int, __lxstat64, (int version, const char *path, struct stat64 *status), (version, path, status), PATH(path))
STATUS(int, __fxstatat, (int version, int dirfd, const char *path, struct stat *status, int flags),
       (version, dirfd, path, status, flags), FILE_AT(dirfd, path, flags))
STATUS(int, __fxstatat64, (int version, int dirfd, const char *path, struct stat64 *status, int flags),
       (version, dirfd, path, status, flags), FILE_AT(dirfd, path, flags))
HAND(int, access, (const char *path, int mode))
HAND(int, eaccess, (const char *path, int mode))
HAND(int, euidaccess, (const char *path, int mode))
HAND(int, faccessat, (int dirfd, const char *path, int mode, int flags))
CALL(long, pathconf, (const char *path, int name), (path, name), PATH(path))
CALL(ssize_t, getxattr, (const char *path, const char *name, void *value, size_t size), (path, name, value, size),
     XATTR(path, name, ENODATA))
CALL(ssize_t, lgetxattr, (const char *path, const char *name, void *value, size_t size), (path, name, value, size),
     XATTR(path, name, ENODATA))
CALL(ssize_t, listxattr, (const char *path, char *list, size_t size), (path, list, size), XATTR(path, NULL, 0))
CALL(ssize_t, llistxattr, (const char *path, char *list, size_t size), (path, list, size), XATTR(path, NULL, 0))

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
HAND(int, scandir,
     (const char *path, struct dirent ***list, int (*filter)(const struct dirent *),
      int (*compare)(const struct dirent **, const struct dirent **)))
HAND(int, scandir64,
     (const char *path, struct dirent64 ***list, int (*filter)(const struct dirent64 *),
      int (*compare)(const struct dirent64 **, const struct dirent64 **)))
HAND(int, scandirat,
     (int dirfd, const char *path, struct dirent ***list, int (*filter)(const struct dirent *),
      int (*compare)(const struct dirent **, const struct dirent **)))
HAND(int, scandirat64,
     (int dirfd, const char *path, struct dirent64 ***list, int (*filter)(const struct dirent64 *),
      int (*compare)(const struct dirent64 **, const struct dirent64 **)))
CALL(int, chdir, (const char *path), (path), PATH(path))
HAND(struct dirent *, readdir, (DIR * directory))
HAND(struct dirent64 *, readdir64, (DIR * directory))
HAND(int, readdir_r, (DIR * directory, struct dirent *entry, struct dirent **result))
HAND(int, readdir64_r, (DIR * directory, struct dirent64 *entry, struct dirent64 **result))
HAND(ssize_t, getdents64, (int fd, void *buffer, size_t size))
HAND(int, glob, (const char *pattern, int flags, int (*failed)(const char *, int), glob_t *result))
HAND(int, glob64, (const char *pattern, int flags, int (*failed)(const char *, int), glob64_t *result))
HAND(int, ftw, (const char *path, __ftw_func_t visit, int descriptors))
HAND(int, ftw64, (const char *path, __ftw64_func_t visit, int descriptors))
HAND(int, nftw, (const char *path, __nftw_func_t visit, int descriptors, int flags))
HAND(int, nftw64, (const char *path, __nftw64_func_t visit, int descriptors, int flags))
HAND(FTS *, fts_open, (char *const *paths, int options, int (*compare)(const FTSENT **, const FTSENT **)))
HAND(FTSENT *, fts_read, (FTS * walk))
HAND(FTSENT *, fts_children, (FTS * walk, int options))
HAND(FTS64 *, fts64_open, (char *const *paths, int options, int (*compare)(const FTSENT64 **, const FTSENT64 **)))
HAND(FTSENT64 *, fts64_read, (FTS64 * walk))
HAND(FTSENT64 *, fts64_children, (FTS64 * walk, int options))

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
CALL(int, truncate, (const char *path, off_t length), (path, length), CUT(path))
CALL(int, truncate64, (const char *path, off64_t length), (path, length), CUT(path))
CALL(int, chmod, (const char *path, mode_t mode), (path, mode), OWNED(AT_FDCWD, path, 0, CHANGE_MODE, mode, 0, 0))
CALL(int, lchmod, (const char *path, mode_t mode), (path, mode),
     OWNED(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, CHANGE_MODE, mode, 0, 0))
CALL(int, fchmodat, (int dirfd, const char *path, mode_t mode, int flags), (dirfd, path, mode, flags),
     OWNED(dirfd, path, flags, CHANGE_MODE, mode, 0, 0))
CALL(int, chown, (const char *path, uid_t owner, gid_t group), (path, owner, group),
     OWNED(AT_FDCWD, path, 0, CHANGE_OWNER, 0, owner, group))
CALL(int, lchown, (const char *path, uid_t owner, gid_t group), (path, owner, group),
     OWNED(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, CHANGE_OWNER, 0, owner, group))
CALL(int, fchownat, (int dirfd, const char *path, uid_t owner, gid_t group, int flags),
     (dirfd, path, owner, group, flags), OWNED(dirfd, path, flags, CHANGE_OWNER, 0, owner, group))
CALL(int, utime, (const char *path, const struct utimbuf *times), (path, times), TIMED(AT_FDCWD, path, 0))
CALL(int, utimes, (const char *path, const struct timeval times[2]), (path, times), TIMED(AT_FDCWD, path, 0))
CALL(int, lutimes, (const char *path, const struct timeval times[2]), (path, times),
     TIMED(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW))
CALL(int, futimesat, (int dirfd, const char *path, const struct timeval times[2]), (dirfd, path, times),
     TIMED(dirfd, path, 0))
CALL(int, utimensat, (int dirfd, const char *path, const struct timespec times[2], int flags),
     (dirfd, path, times, flags), TIMED(dirfd, path, flags))
CALL(int, mkdir, (const char *path, mode_t mode), (path, mode), NEW(AT_FDCWD, path, EPERM))
HAND(char *, mkdtemp, (char *template))
HAND(int, mkstemp, (char *template))
HAND(int, mkstemp64, (char *template))
HAND(int, mkostemp, (char *template, int flags))
HAND(int, mkostemp64, (char *template, int flags))
HAND(int, mkstemps, (char *template, int suffix))
HAND(int, mkstemps64, (char *template, int suffix))
HAND(int, mkostemps, (char *template, int suffix, int flags))
HAND(int, mkostemps64, (char *template, int suffix, int flags))
CALL(int, mkdirat, (int dirfd, const char *path, mode_t mode), (dirfd, path, mode), NEW(dirfd, path, EPERM))
CALL(int, mknod, (const char *path, mode_t mode, dev_t device), (path, mode, device),
     NEW(AT_FDCWD, path, MKNOD_ERROR(mode)))
CALL(int, mknodat, (int dirfd, const char *path, mode_t mode, dev_t device), (dirfd, path, mode, device),
     NEW(dirfd, path, MKNOD_ERROR(mode)))
CALL(int, __xmknod, (int version, const char *path, mode_t mode, dev_t *device), (version, path, mode, device),
     NEW(AT_FDCWD, path, MKNOD_ERROR(mode)))
CALL(int, __xmknodat, (int version, int dirfd, const char *path, mode_t mode, dev_t *device),
     (version, dirfd, path, mode, device), NEW(dirfd, path, MKNOD_ERROR(mode)))
CALL(int, mkfifo, (const char *path, mode_t mode), (path, mode), NEW(AT_FDCWD, path, EPERM))
CALL(int, mkfifoat, (int dirfd, const char *path, mode_t mode), (dirfd, path, mode), NEW(dirfd, path, EPERM))
CALL(int, rmdir, (const char *path), (path), GONE(AT_FDCWD, path, CHANGE_DIRECTORY))
CALL(int, unlink, (const char *path), (path), GONE(AT_FDCWD, path, CHANGE_FILE))
CALL(int, unlinkat, (int dirfd, const char *path, int flags), (dirfd, path, flags),
     GONE(dirfd, path, flags &AT_REMOVEDIR ? CHANGE_DIRECTORY : CHANGE_FILE))
CALL(int, remove, (const char *path), (path), GONE(AT_FDCWD, path, CHANGE_EITHER))
CALL(int, rename, (const char *from, const char *to), (from, to), MOVED(AT_FDCWD, from, AT_FDCWD, to))
CALL(int, renameat, (int from_dirfd, const char *from, int to_dirfd, const char *to), (from_dirfd, from, to_dirfd, to),
     MOVED(from_dirfd, from, to_dirfd, to))
CALL(int, renameat2, (int from_dirfd, const char *from, int to_dirfd, const char *to, unsigned flags),
     (from_dirfd, from, to_dirfd, to, flags), MOVED(from_dirfd, from, to_dirfd, to))
CALL(int, link, (const char *from, const char *to), (from, to), LINKED(AT_FDCWD, from, AT_FDCWD, to))
CALL(int, linkat, (int from_dirfd, const char *from, int to_dirfd, const char *to, int flags),
     (from_dirfd, from, to_dirfd, to, flags), LINKED(from_dirfd, from, to_dirfd, to))
CALL(int, symlink, (const char *target, const char *path), (target, path), NEW(AT_FDCWD, path, EPERM))
CALL(int, symlinkat, (const char *target, int dirfd, const char *path), (target, dirfd, path), NEW(dirfd, path, EPERM))
CALL(int, setxattr, (const char *path, const char *name, const void *value, size_t size, int flags),
     (path, name, value, size, flags), XATTR(path, name, EOPNOTSUPP))
CALL(int, lsetxattr, (const char *path, const char *name, const void *value, size_t size, int flags),
     (path, name, value, size, flags), XATTR(path, name, EOPNOTSUPP))
CALL(int, removexattr, (const char *path, const char *name), (path, name), XATTR(path, name, EOPNOTSUPP))
CALL(int, lremovexattr, (const char *path, const char *name), (path, name), XATTR(path, name, EOPNOTSUPP))

/* Watching, and other names of a file. */
CALL(int, inotify_add_watch, (int fd, const char *path, uint32_t mask), (fd, path, mask), PATH(path))
CALL(int, fanotify_mark, (int fd, unsigned flags, uint64_t mask, int dirfd, const char *path),
     (fd, flags, mask, dirfd, path), AT(dirfd, path))
CALL(int, name_to_handle_at, (int dirfd, const char *path, struct file_handle *handle, int *mount, int flags),
     (dirfd, path, handle, mount, flags), AT(dirfd, path))
CALL(key_t, ftok, (const char *path, int number), (path, number), PATH(path))

/* Open files of the server's. */
FD(ssize_t, read, (int fd, void *buffer, size_t size), (fd, buffer, size), IS(fd), READ(fd, buffer, size, -1))
FD(ssize_t, __read_chk, (int fd, void *buffer, size_t size, size_t room), (fd, buffer, size, room),
   size <= room && IS(fd), READ(fd, buffer, size, -1))
FD(ssize_t, readv, (int fd, const struct iovec *parts, int n), (fd, parts, n), IS(fd), served_readv(fd, parts, n, -1))
FD(ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size), IS(fd), WRITE(fd, data, size, -1))
FD(ssize_t, writev, (int fd, const struct iovec *parts, int n), (fd, parts, n), IS(fd), served_writev(fd, parts, n, -1))
FD(ssize_t, pread, (int fd, void *buffer, size_t size, off_t offset), (fd, buffer, size, offset), IS(fd),
   READ(fd, buffer, size, AT(offset)))
FD(ssize_t, __pread_chk, (int fd, void *buffer, size_t size, off_t offset, size_t room),
   (fd, buffer, size, offset, room), size <= room && IS(fd), READ(fd, buffer, size, AT(offset)))
FD(ssize_t, preadv, (int fd, const struct iovec *parts, int n, off_t offset), (fd, parts, n, offset), IS(fd),
   served_readv(fd, parts, n, AT(offset)))
FD(ssize_t, preadv2, (int fd, const struct iovec *parts, int n, off_t offset, int flags), (fd, parts, n, offset, flags),
   IS(fd), served_readv(fd, parts, n, offset))
FD(ssize_t, pwrite, (int fd, const void *data, size_t size, off_t offset), (fd, data, size, offset), IS(fd),
   WRITE(fd, data, size, AT(offset)))
FD(ssize_t, pwritev, (int fd, const struct iovec *parts, int n, off_t offset), (fd, parts, n, offset), IS(fd),
   served_writev(fd, parts, n, AT(offset)))
FD(ssize_t, pwritev2, (int fd, const struct iovec *parts, int n, off_t offset, int flags),
   (fd, parts, n, offset, flags), IS(fd), served_writev(fd, parts, n, offset))
HAND(off_t, lseek, (int fd, off_t offset, int whence))
FD(int, ftruncate, (int fd, off_t length), (fd, length), IS(fd), change_cut_open(fd, length))
FD(int, fallocate, (int fd, int mode, off_t offset, off_t length), (fd, mode, offset, length), IS(fd), FAIL(EOPNOTSUPP))
FD(int, posix_fallocate, (int fd, off_t offset, off_t length), (fd, offset, length), IS(fd),
   offset < 0 || length <= 0 ? EINVAL : EOPNOTSUPP)
FD(int, posix_fadvise, (int fd, off_t offset, off_t length, int advice), (fd, offset, length, advice), IS(fd), 0)
FD(ssize_t, sendfile, (int out, int in, off_t *offset, size_t size), (out, in, offset, size), IS(out), FAIL(EINVAL))
FD(ssize_t, pread64, (int fd, void *buffer, size_t size, off64_t offset), (fd, buffer, size, offset), IS(fd),
   READ(fd, buffer, size, AT(offset)))
FD(ssize_t, __pread64_chk, (int fd, void *buffer, size_t size, off64_t offset, size_t room),
   (fd, buffer, size, offset, room), size <= room && IS(fd), READ(fd, buffer, size, AT(offset)))
FD(ssize_t, preadv64, (int fd, const struct iovec *parts, int n, off64_t offset), (fd, parts, n, offset), IS(fd),
   served_readv(fd, parts, n, AT(offset)))
FD(ssize_t, preadv64v2, (int fd, const struct iovec *parts, int n, off64_t offset, int flags),
   (fd, parts, n, offset, flags), IS(fd), served_readv(fd, parts, n, offset))
FD(ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t offset), (fd, data, size, offset), IS(fd),
   WRITE(fd, data, size, AT(offset)))
FD(ssize_t, pwritev64, (int fd, const struct iovec *parts, int n, off64_t offset), (fd, parts, n, offset), IS(fd),
   served_writev(fd, parts, n, AT(offset)))
FD(ssize_t, pwritev64v2, (int fd, const struct iovec *parts, int n, off64_t offset, int flags),
   (fd, parts, n, offset, flags), IS(fd), served_writev(fd, parts, n, offset))
HAND(off64_t, lseek64, (int fd, off64_t offset, int whence))
FD(int, ftruncate64, (int fd, off64_t length), (fd, length), IS(fd), change_cut_open(fd, length))
FD(int, fallocate64, (int fd, int mode, off64_t offset, off64_t length), (fd, mode, offset, length), IS(fd),
   FAIL(EOPNOTSUPP))
FD(int, posix_fallocate64, (int fd, off64_t offset, off64_t length), (fd, offset, length), IS(fd),
   offset < 0 || length <= 0 ? EINVAL : EOPNOTSUPP)
FD(int, posix_fadvise64, (int fd, off64_t offset, off64_t length, int advice), (fd, offset, length, advice), IS(fd), 0)
FD(ssize_t, sendfile64, (int out, int in, off64_t *offset, size_t size), (out, in, offset, size), IS(out), FAIL(EINVAL))
FD(ssize_t, splice, (int in, off64_t *in_offset, int out, off64_t *out_offset, size_t size, unsigned flags),
   (in, in_offset, out, out_offset, size, flags), IS(in) || IS(out), FAIL(EINVAL))
FD(int, fsync, (int fd), (fd), IS(fd), 0)
FD(int, fdatasync, (int fd), (fd), IS(fd), 0)
FD(int, fchmod, (int fd, mode_t mode), (fd, mode), change_is_picture(fd),
   change_open_attributes(fd, CHANGE_MODE, mode, 0, 0))
FD(int, fchown, (int fd, uid_t owner, gid_t group), (fd, owner, group), change_is_picture(fd),
   change_open_attributes(fd, CHANGE_OWNER, 0, owner, group))
FD(int, futimens, (int fd, const struct timespec times[2]), (fd, times), change_is_picture(fd), 0)
FD(int, futimes, (int fd, const struct timeval times[2]), (fd, times), change_is_picture(fd), 0)
HAND(int, fstat, (int fd, struct stat *status))
HAND(int, fstat64, (int fd, struct stat64 *status))
HAND(int, __fxstat, (int version, int fd, struct stat *status))
HAND(int, __fxstat64, (int version, int fd, struct stat64 *status))
HAND(int, fcntl, (int fd, int command, ...))
HAND(int, fcntl64, (int fd, int command, ...))
HAND(int, ioctl, (int fd, unsigned long command, ...))

/* What copies and closes descriptors. */
HAND(int, close, (int fd))
HAND(int, dup, (int fd))
HAND(int, dup2, (int from, int to))
HAND(int, dup3, (int from, int to, int flags))
HAND(int, close_range, (unsigned first, unsigned last, int flags))
HAND(void, closefrom, (int first))

/* Streams read and write inside libc. */
HAND(FILE *, fdopen, (int fd, const char *mode))
HAND(int, vdprintf, (int fd, const char *format, va_list arguments))
HAND(int, dprintf, (int fd, const char *format, ...))
HAND(int, __vdprintf_chk, (int fd, int flag, const char *format, va_list arguments))
HAND(int, __dprintf_chk, (int fd, int flag, const char *format, ...))

/* Programs: the way into the machine goes with them. */
HAND(int, posix_spawn_file_actions_addopen,
     (posix_spawn_file_actions_t * actions, int fd, const char *path, int flags, mode_t mode))
HAND(int, posix_spawn_file_actions_destroy, (posix_spawn_file_actions_t * actions))
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

#if __GLIBC_PREREQ(2, 39)
HAND(int, pidfd_spawn,
     (int *ret_pidfd, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
      char *const arguments[], char *const environment[]))
HAND(int, pidfd_spawnp,
     (int *ret_pidfd, const char *file, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
      char *const arguments[], char *const environment[]))
#endif

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

#undef STATUS
#undef FD
#undef CALL
#undef HAND
#undef OWN
