#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The same as op.c through Python's own input and output: its open() flags, its buffering (none), its error numbers."""
import errno
import mmap
import os
import re
import stat
import sys


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
                answers.append("-1 " + errno.errorcode[error.errno])
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
    def operation(path, _):
        # Not through a file object: to that EAGAIN means "nothing written", no error.
        write_with(0)("/sys/kernel/debug/mocksys/modules", f"{verb} {path[5:]}")
        return "0"
    return operation


def map_shared(path):
    with open(path, "rb", buffering=0) as file:
        mmap.mmap(file.fileno(), 4096, mmap.MAP_SHARED, mmap.PROT_READ)


COUNTS = {
    "w": write_with(0), "wa": write_with(os.O_APPEND), "wt": write_with(os.O_TRUNC), "wc": write_with(os.O_CREAT),
    "wx": write_with(os.O_CREAT | os.O_EXCL), "w0": write_with(0), "wn": lambda p, d: write_bytes(p, b"x" * int(d)),
    "pw": positioned, "ww": twice, "r": read_text, "rn": lambda p, _: str(len(read(p))),
}
STATUS = {
    "l": lambda p, _: os.readlink(p), "ls": list_names, "st": status, "load": module("load"),
    "unload": module("unload"), "trunc": done(lambda p: os.truncate(p, 10)), "mkdir": done(os.mkdir),
    "rmdir": done(os.rmdir), "unlink": done(os.unlink), "rename": done(lambda p: os.rename(p, p + "-other")),
    "symlink": done(lambda p: os.symlink("target", p)),
    "direct": done(lambda p: os.open(p, os.O_RDONLY | os.O_DIRECT)), "mmap": done(map_shared),
}


def run(line):
    name, path, data = (line.split(" ", 2) + [""])[:3]
    path = "/sys/" + path
    try:
        return (COUNTS.get(name) or STATUS[name])(path, data)
    except OSError as error:
        return ("-1 " if name in COUNTS else "") + errno.errorcode[error.errno]


def main():
    with open(sys.argv[1], encoding="ascii") as transcript:
        for line in transcript:
            if line[0] == "=":
                continue
            print(line, end="")
            if line[0] == ">":
                print(("= " + run(line[2:].rstrip("\n"))).rstrip())


main()
