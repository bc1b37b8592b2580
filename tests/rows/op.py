#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The same as op.c through Python's own input and output: its open() flags, its buffering (none), its error numbers."""
import ctypes
import errno
import mmap
import os
import re
import select
import sys


def code(error):
    return {"ENOTSUP": "EOPNOTSUPP"}.get(errno.errorcode[error.errno], errno.errorcode[error.errno])


def unescape(text):
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "0": "\0"}.get(m[1], m[1]), text).encode()


def write_with(flags):
    def operation(path, data):
        fd = os.open(path, os.O_WRONLY | flags, 0o600)
        try:
            return str(os.write(fd, data))
        finally:
            os.close(fd)
    return lambda path, data: operation(path, unescape(data))


def write_bytes(path, data):
    with open(path, "wb", buffering=0) as file:
        return str(file.write(data))


def positioned(path, data):
    fd = os.open(path, os.O_WRONLY)
    try:
        return str(os.pwrite(fd, unescape(data), 5))
    finally:
        os.close(fd)


def twice(path, data):
    answers = []
    with open(path, "wb", buffering=0) as file:
        for part in data.split("|"):
            try:
                answers.append(str(file.write(part.encode())))
            except OSError as error:
                answers.append("-1 " + code(error))
    return " ".join(answers)


def read(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.read(fd, 8192)
    finally:
        os.close(fd)


def read_text(path, _):
    text = read(path)
    return f"{len(text)} " + text.decode().replace("\n", "\\n")


def list_names(path, _):
    with os.scandir(path) as entries:
        names = [e.name + ("@" if e.is_symlink() else "/" if e.is_dir() else "") for e in entries]
    return "0 " + " ".join(sorted(names))


def status(path, _):
    st = os.lstat(path)
    return f"{st.st_mode:o} {st.st_size} {st.st_nlink}"


def done(function):
    def operation(path, _):
        function(path)
        return "0"
    return operation


def module(verb):
    def operation(path, parameters):
        # Not through a file object: to that EAGAIN means "nothing written", no error.
        write_with(0)("/sys/kernel/debug/mocksys/modules", f"{verb} {path[5:]} {parameters or ''}".rstrip())
        return "0"
    return operation


def map_shared(path):
    with open(path, "rb", buffering=0) as file:
        mmap.mmap(file.fileno(), 4096, mmap.MAP_SHARED, mmap.PROT_READ)


def with_open(flags, function):
    def operation(path, data):
        fd = os.open(path, flags)
        try:
            return function(fd, data)
        finally:
            os.close(fd)
    return operation


def events(fd):
    names = [(select.POLLIN, "in"), (select.POLLOUT, "out"), (select.POLLPRI, "pri"), (select.POLLERR, "err")]
    poller = select.poll()
    poller.register(fd, select.POLLIN | select.POLLOUT | select.POLLPRI)
    found = dict(poller.poll(0)).get(fd, 0)
    return " ".join(name for bit, name in names if found & bit)


def polled(fd, _):
    before = events(fd)
    os.read(fd, 4096)
    return before + ", " + events(fd)


def parts(fd, _):
    sizes = [len(os.read(fd, size)) for size in (2, 4096, 4096)] + [len(os.pread(fd, 4096, 0))]
    return " ".join(map(str, sizes + [os.lseek(fd, 0, os.SEEK_SET), len(os.read(fd, 4096))]))


def name_of(function):
    try:
        return str(function())
    except OSError as error:
        return code(error)


def gone(fd, other):
    write_with(0)("/sys/" + other, "1")
    read_now = name_of(lambda: len(os.read(fd, 4096)))
    os.fstat(fd)
    return (read_now if read_now.isdigit() else "-1 " + read_now) + "\n= 0"


def gone_directory(fd, other):
    write_with(0)("/sys/" + other, "1")
    names = name_of(lambda: len(os.listdir(fd)))
    return (names + " 0" if names.isdigit() else "0 " + names) + " " + \
        name_of(lambda: os.open("vendor", os.O_RDONLY, dir_fd=fd))


def statvfs(path, _):
    found = os.statvfs(path)
    return f"{found.f_bsize} {found.f_frsize} {found.f_blocks} {found.f_files} {found.f_namemax}"


def same(path, other):
    fd = os.open(path, os.O_RDONLY)
    a, b, c = os.stat(path), os.stat("/sys/" + other), os.fstat(fd)
    os.close(fd)
    return f"{int(os.path.samestat(a, b))} {int(os.path.samestat(a, c))}"


def own(path, _):
    found = os.stat(path)
    return f"{found.st_uid} {found.st_gid}"


def device(path, _):
    found = os.stat(path)
    return f"{found.st_mode:o} {os.major(found.st_rdev)}:{os.minor(found.st_rdev)}"


def map_private(fd, _):
    mmap.mmap(fd, 4096, mmap.MAP_PRIVATE, mmap.PROT_READ)
    return "0"


def allocate(fd, _):
    # Python has posix_fallocate() only, which libc makes of other calls where there is no such thing.
    if ctypes.CDLL(None, use_errno=True).fallocate(fd, 0, ctypes.c_long(0), ctypes.c_long(1)) < 0:
        raise OSError(ctypes.get_errno(), "fallocate")
    return "0"


COUNTS = {
    "w": write_with(0), "wa": write_with(os.O_APPEND), "wt": write_with(os.O_TRUNC), "wc": write_with(os.O_CREAT),
    "wx": write_with(os.O_CREAT | os.O_EXCL), "w0": write_with(0), "wn": lambda p, d: write_bytes(p, b"x" * int(d)),
    "seekend": with_open(os.O_RDONLY, lambda fd, _: str(os.lseek(fd, 0, os.SEEK_END))), "pw": positioned, "ww": twice, "r": read_text, "rn": lambda p, _: str(len(read(p))),
}
STATUS = {
    "l": lambda p, _: os.readlink(p), "ls": list_names, "st": status, "load": module("load"),
    "unload": module("unload"), "trunc": done(lambda p: os.truncate(p, 10)), "mkdir": done(os.mkdir),
    "rmdir": done(os.rmdir), "unlink": done(os.unlink), "rename": done(lambda p: os.rename(p, p + "-other")),
    "symlink": done(lambda p: os.symlink("target", p)),
    "mmapp": with_open(os.O_RDONLY, map_private), "statvfs": statvfs,
    "poll": with_open(os.O_RDONLY, polled), "parts": with_open(os.O_RDONLY, parts),
    "gone": with_open(os.O_RDONLY, gone), "gonedir": with_open(os.O_RDONLY, gone_directory),
    "tmpfile": done(lambda p: os.open(p, os.O_RDWR | os.O_TMPFILE)), "dirwrite": done(lambda p: os.open(p, os.O_WRONLY)),
    "fsync": with_open(os.O_WRONLY, lambda fd, _: str(os.fsync(fd) or 0)),
    "falloc": with_open(os.O_WRONLY, allocate),
    "chmod": lambda p, mode: str(os.chmod(p, int(mode, 8)) or 0), "same": same, "own": own, "device": device,
    "direct": done(lambda p: os.open(p, os.O_RDONLY | os.O_DIRECT)), "mmap": done(map_shared),
}


def run(line):
    name, path, data = (line.split(" ", 2) + [""])[:3]
    path = "/sys/" + path
    try:
        return (COUNTS.get(name) or STATUS[name])(path, data)
    except OSError as error:
        return ("-1 " if name in COUNTS else "") + code(error)


def main():
    with open(sys.argv[1], encoding="ascii") as transcript:
        for line in transcript:
            if line[0] in "=~":
                continue
            print(line, end="")
            if line[0] == ">":
                print(("= " + run(line[2:].rstrip("\n"))).rstrip())


main()
