#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""libc-scan.py CALLS EXCUSED: every function of the C library that takes a path, or makes one, is either one that the shim
stands in front of, or excused with a reason in EXCUSED.

Which functions take a path is not written down anywhere, so it is found twice: by the parameters' names in the headers
(glibc's are __path, __file, __name, …), and by parts of the function's own name. So a function that a new C library
brings is found as well, and fails here until somebody has decided."""

import re
import subprocess
import sys

HEADERS = """aio.h aliases.h argz.h dirent.h dlfcn.h envz.h error.h fcntl.h fmtmsg.h fstab.h fts.h ftw.h glob.h grp.h iconv.h
libgen.h libintl.h link.h locale.h mntent.h mqueue.h netdb.h nl_types.h nss.h poll.h pty.h pwd.h semaphore.h shadow.h
spawn.h stdio.h stdlib.h string.h sys/acct.h sys/epoll.h sys/eventfd.h sys/fanotify.h sys/file.h sys/fsuid.h
sys/inotify.h sys/ipc.h sys/mman.h sys/mount.h sys/quota.h sys/reboot.h sys/sem.h sys/sendfile.h sys/shm.h
sys/socket.h sys/stat.h sys/statfs.h sys/statvfs.h sys/swap.h sys/syscall.h sys/sysinfo.h sys/time.h sys/timex.h
sys/types.h sys/uio.h sys/un.h sys/utsname.h sys/vfs.h sys/xattr.h syslog.h ttyent.h unistd.h utime.h utmp.h utmpx.h
wordexp.h""".split()

PARAMETER = re.compile(r"char\s*\*\s*(?:const\s*)?(?:__restrict(?:__)?\s+)?"
                       r"(?:__)?(?:file|filename|path|name|from|to|old|new|dir|dirname|pathname|special_file|source|"
                       r"target|resolved|template|pattern|command|fspec|cmd)\b(?!\s*\[)")
NAMES = re.compile(r"stat(x|v?fs|at)?(64)?(_chk)?$|open|creat(64)?$|link|dir|path|chmod|chown|mknod|mkfifo|mkdir|mk.?temp|mount|"
                   r"xattr|rename|access|utime|exec|spawn|glob|^n?ftw|^fts|cwd|root$|swapo|^acct$|uselib|quotactl|notify|"
                   r"handle_at|module|truncate|wordexp|ftok|^remove$|^revoke$|^system$")
# Of other families, which share a part of a name with those above.
NOT_NAMES = re.compile(r"^(_IO_|_dl_|__libc_|__nss_|_nss_|__netlink_|__pthread_|pthread_|__res|res_|ns_|inet6?_|svc|xdr|clnt|key_|"
                       r"mtx_|thrd_|mbs|str|__str|wcs|__wcs|argp|argz|obstack|re_|regex|iconv_|rpc|rtime|setns|mem|__mem|wmem|"
                       r"__wmem|ether_|if_)")


def output(*command, source=""):
    return subprocess.run(command, input=source, stdout=subprocess.PIPE, check=True, text=True).stdout


def symbols():
    library = output("cc", "-print-file-name=libc.so.6").strip()
    lines = [line.split() for line in output("nm", "-D", "--defined-only", library).splitlines()]
    return {name.split("@")[0] for _, kind, name in lines if kind in "TWi"}


def prototypes():
    """The functions that the headers declare, with their parameters."""
    source = "".join(f"#if __has_include(<{header}>)\n#include <{header}>\n#endif\n" for header in HEADERS)
    text = output("cc", "-E", "-P", "-D_GNU_SOURCE", "-D_LARGEFILE64_SOURCE", "-U_FORTIFY_SOURCE", "-", source=source)
    for match in re.finditer(r"\b(\w+)\s*\(((?:[^();]|\([^()]*\))*)\)\s*(?:__attribute__|__asm__|;)", text):
        yield match.group(1), match.group(2)


def excused(path):
    """{symbol: reason}"""
    found, reason = {}, None
    with open(path, encoding="ascii") as file:
        for line in file:
            if line.startswith("#") or not line.strip():
                continue
            if not line[0].isspace():
                reason = line.strip()
                continue
            for symbol in line.split():
                assert symbol not in found, f"{symbol} is excused twice"
                found[symbol] = reason
    return found


def main(calls, excuses):
    wrapped = set(output(calls, "--names").split())
    excuse = excused(excuses)
    here = symbols()
    by_parameter = {name for name, parameters in prototypes() if name in here and PARAMETER.search(parameters)}
    by_name = {name for name in here if NAMES.search(name) and not NOT_NAMES.search(name)}
    found = by_parameter | by_name
    undecided = sorted(found - wrapped - set(excuse))
    both = sorted(wrapped & set(excuse))
    needless = sorted(name for name in excuse if name in here and name not in found)
    for name in undecided:
        print(f"{name} is neither in mocks/preload/table.h nor excused")
    for name in both:
        print(f"{name} is excused, though the shim stands in front of it")
    for name in needless:
        print(f"{name} is excused, though nobody takes it for a function of paths")
    print(f"{len(found)} functions of paths: {len(found & wrapped)} wrapped, {len(found & set(excuse))} excused; "
          f"{len(wrapped)} wrapped in all")
    return 1 if undecided or both or needless or len(found & wrapped) < 80 else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
