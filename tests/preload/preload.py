# SPDX-License-Identifier: LGPL-2.1-or-later
"""The preload shim on a plain directory that stands for a served machine.

Run one test by its name: meson test preload --test-args Paths.realpath_does_not_show_the_private_directory
"""

import difflib
import functools
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

LIBRARY = os.environ["PRELOAD_LIBRARY"]
CALLS = os.environ["PRELOAD_CALLS"]
CALLS_ASAN = os.environ.get("PRELOAD_CALLS_ASAN")
CLIENT = os.environ["PRELOAD_CLIENT"]
# What the test itself was started with: a shim or a tracer around it would be in the way of the ones that it starts.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD" and not k.startswith("MOCKSYS_")}
ENVIRONMENT["LC_ALL"] = "C.UTF-8"
DEVICE = "/sys/bus/pci/devices/0000:03:00.0"


def wanted(*programs):
    """Skips a test whose programs are not installed here."""
    missing = [p for p in programs if not shutil.which(p, path=os.environ["PATH"] + ":/usr/sbin:/sbin")]
    return unittest.skipIf(missing, "not installed: " + ", ".join(missing))


@functools.lru_cache(None)
def valgrind_reads(program, *arguments):
    """Valgrind 3.19 (Debian 12) gives up on the debug information that Clang 14 writes."""
    done = subprocess.run(("valgrind", "--quiet", program) + arguments, env=ENVIRONMENT, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, universal_newlines=True)
    return done.returncode == 0 and not done.stderr


# Parts of /sys that stay the host's. A minimal root has none: then one that is nowhere.
HOST_PATHS = [path for path in ("/sys/fs", "/sys/devices/system", "/sys/power") if os.path.isdir(path)] or ["/sys/none"]


class Machine(unittest.TestCase):
    """A directory as the server would show it, and ways to run programs in it."""

    def setUp(self):
        self.outer = os.path.realpath(tempfile.mkdtemp(prefix="preload-test-"))
        self.addCleanup(shutil.rmtree, self.outer, ignore_errors=True)
        self.root = os.path.join(self.outer, "root")
        self.private = os.path.join(self.outer, "private")
        self.control = os.path.join(self.root, "sys/kernel/debug/mocksys/modules")
        for directory in ("sys/kernel/debug/mocksys", "sys/fs", "dev/vfio", "proc", "sys/bus/pci/drivers/e1000e",
                          "sys/bus/pci/devices", "sys/devices/pci0000:00/0000:03:00.0", "sys/module/e1000e/holders"):
            os.makedirs(os.path.join(self.root, directory))
        for directory in ("etc/driverctl.d", "etc/modprobe.d", "run"):
            os.makedirs(os.path.join(self.private, directory))
        self.write("sys/kernel/debug/mocksys/modules", "")
        self.write("dev/vfio/vfio", "container\n")
        self.write("proc/modules", "e1000e 262144 1 - Live 0x0000000000000000\n")
        self.write("sys/module/e1000e/refcnt", "1\n")
        self.write("sys/module/e1000e/initstate", "live\n")
        self.write("sys/module/e1000e/coresize", "262144\n")
        modules = "lib/modules/" + os.uname().release
        os.makedirs(os.path.join(self.root, modules))
        self.write(modules + "/modules.alias", "alias none none\n")
        device = "sys/devices/pci0000:00/0000:03:00.0/"
        for name, text in {"vendor": "0x8086", "device": "0x10d3", "class": "0x020000", "irq": "0", "revision": "0x00",
                           "subsystem_vendor": "0x8086", "subsystem_device": "0xa01f",
                           "resource": "0x0 0x0 0x0"}.items():
            self.write(device + name, text + "\n")
        config = bytearray(64)
        struct.pack_into("<HHHHBBBB", config, 0, 0x8086, 0x10d3, 0, 0x10, 0, 0, 0, 2)
        pathlib.Path(self.root, device, "config").write_bytes(config)
        os.symlink("../../../bus/pci/drivers/e1000e", os.path.join(self.root, device, "driver"))
        os.symlink("../../../bus/pci", os.path.join(self.root, device, "subsystem"))
        os.symlink("../../../devices/pci0000:00/0000:03:00.0", self.root + DEVICE)
        for name in ("direct", "through"):
            directory = os.path.join(self.root, "sys", name)
            os.makedirs(os.path.join(directory, "sub"))
            for file in ("file", "sub/a", "sub/b"):
                pathlib.Path(directory, file).write_text("content\n")
                os.chmod(os.path.join(directory, file), 0o644)
            os.symlink("file", os.path.join(directory, "link"))
            os.symlink("nowhere", os.path.join(directory, "dangling"))

    def write(self, path, text):
        pathlib.Path(self.root, path).write_text(text)

    def environment(self, **changes):
        environment = dict(ENVIRONMENT, LD_PRELOAD=LIBRARY, MOCKSYS_WAY="shim", MOCKSYS_ROOT=self.root,
                           MOCKSYS_PRIVATE=self.private, MOCKSYS_HOST_PATHS=":".join(HOST_PATHS))
        environment.update(changes)
        return {k: v for k, v in environment.items() if v is not None}

    def run_in(self, *command, **options):
        changes = options.pop("changes", {})
        return subprocess.run(command, env=self.environment(**changes), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, universal_newlines=True, timeout=100, **options)

    def output(self, *command, **options):
        done = self.run_in(*command, **options)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        return done.stdout

    def need_valgrind(self):
        if not valgrind_reads(CALLS, "--names"):
            self.skipTest("valgrind does not work here, or cannot read what this compiler makes")

    def sh(self, script, shell="sh"):
        return self.output(shell, "-c", script)


class Calls(Machine):
    def reference(self, calls=CALLS):
        """What the calls do on the bare directory, without the shim, with the names that the program shall see."""
        direct = os.path.join(self.root, "sys/direct")
        done = subprocess.run([calls, direct], env=ENVIRONMENT, stdout=subprocess.PIPE, universal_newlines=True,
                              check=True)
        return done.stdout.replace(direct, "/sys/through")

    def tree(self, name):
        top = os.path.join(self.root, "sys", name)
        found = {}
        for directory, directories, files in os.walk(top):
            for entry in directories + files:
                path = os.path.join(directory, entry)
                status = os.lstat(path)
                link = os.readlink(path) if os.path.islink(path) else None
                found[os.path.relpath(path, top)] = (oct(status.st_mode), status.st_nlink, status.st_uid, link,
                                                     None if os.path.isdir(path) else status.st_size)
        return found

    def compare(self, expected, found):
        self.assertNotIn(self.outer, found)
        without = [[line for line in text.splitlines() if ": statfs type" not in line] for text in (expected, found)]
        difference = "\n".join(difflib.unified_diff(*without, "directory", "shim", n=0, lineterm=""))
        self.assertFalse(difference, difference)
        self.assertGreater(len(without[0]), 300)

    def test_each_call_does_what_it_does_on_the_directory(self):
        expected = self.reference()
        self.compare(expected, self.output(CALLS, "/sys/through"))
        self.assertEqual(self.tree("direct"), self.tree("through"))

    def test_each_call_is_itself_without_a_machine(self):
        expected = self.reference()
        shutil.rmtree(os.path.join(self.root, "sys/through"))
        through = os.path.join(self.root, "sys/bare")
        os.makedirs(through + "/sub")
        for file in ("file", "sub/a", "sub/b"):
            pathlib.Path(through, file).write_text("content\n")
        os.symlink("file", through + "/link")
        os.symlink("nowhere", through + "/dangling")
        found = self.output(CALLS, through, changes={"MOCKSYS_WAY": None})
        self.compare(expected, found.replace(through, "/sys/through"))

    def test_the_file_system_is_sysfs(self):
        lines = [line for line in self.output(CALLS, "/sys/through").splitlines() if ": statfs type" in line]
        self.assertEqual(len(lines), 8)
        for line in lines:
            call, numbers = line.split(": statfs type ")
            kind = "0" if "vfs" in call else "0x62656572"
            self.assertEqual(numbers, kind + " frsize 4096 blocks 0 files 0 names 255", line)

    def test_the_file_system_of_other_paths_is_their_own(self):
        bare = self.output(CALLS, os.path.join(self.root, "sys/direct"), changes={"LD_PRELOAD": None})
        self.assertNotIn("0x62656572", bare)
        self.assertNotIn("sysfs", self.sh("stat -f -c %T /dev/vfio /proc/modules /etc /"))

    @wanted("valgrind")
    def test_valgrind_finds_nothing(self):
        self.need_valgrind()
        expected = self.reference()
        log = os.path.join(self.outer, "valgrind")
        found = self.output("valgrind", "--quiet", "--error-exitcode=9", "--log-file=" + log, "--leak-check=full",
                            "--errors-for-leak-kinds=definite", CALLS, "/sys/through")
        self.assertEqual(pathlib.Path(log).read_text(), "")
        self.compare(expected, found)

    @unittest.skipUnless(CALLS_ASAN, "no AddressSanitizer")
    def test_a_program_with_address_sanitizer_behind_the_shim(self):
        expected = self.reference(CALLS_ASAN)
        found = self.output(CALLS_ASAN, "/sys/through", changes={
            "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0:handle_segv=1"})
        self.compare(expected, found)

    @unittest.skipUnless(CALLS_ASAN, "no AddressSanitizer")
    def test_a_program_with_address_sanitizer_before_the_shim(self):
        needed = subprocess.run(["ldd", CALLS_ASAN], stdout=subprocess.PIPE, universal_newlines=True).stdout
        runtime = re.search(r"=> (\S*asan\S*)", needed)
        if not runtime:
            self.skipTest("the run-time is linked into the program, and so comes first")
        expected = self.reference(CALLS_ASAN)
        found = self.output(CALLS_ASAN, "/sys/through", changes={
            "LD_PRELOAD": runtime.group(1) + ":" + LIBRARY, "ASAN_OPTIONS": "detect_leaks=0"})
        self.compare(expected, found)

    @wanted("nm")
    def test_each_function_of_the_table_is_exported_and_no_other(self):
        table = subprocess.run([CALLS, "--names"], stdout=subprocess.PIPE, universal_newlines=True, check=True)
        symbols = subprocess.run(["nm", "-D", "--defined-only", LIBRARY], stdout=subprocess.PIPE,
                                 universal_newlines=True, check=True)
        exported = sorted(line.split()[2] for line in symbols.stdout.splitlines())
        self.assertEqual(sorted(table.stdout.split()), exported)
        self.assertGreater(len(exported), 100)


class Paths(Machine):
    def test_spellings(self):
        for path in ("//sys/through/file", "/./sys/through/file", "/sys//through/./file", "/proc/../sys/through/file",
                     "/../sys/through/file", "/sys/through/sub/../file", "/sys/bus/../through/link",
                     # Where the link leads, not how it is spelt.
                     DEVICE + "/../../../through/file", "/sys/through/../../sys/through/file",
                     "/proc/self/root/../sys/through/file"):
            with self.subTest(path=path):
                self.assertEqual(self.output("cat", path), "content\n")

    def test_errors(self):
        for path, error in (("/sys/through/file/", "Not a directory"), ("/sys/through/file/../file", "Not a directory"),
                            ("/sys/none/../through/file", "No such file or directory"),
                            ("/sys/through/none", "No such file or directory"),
                            ("/sys/../through/file", "No such file or directory"),
                            ("/system/through/file", "No such file or directory"),
                            ("/proc/modules/x", "No such file or directory" if not os.path.exists("/proc/modules")
                             else "Not a directory")):
            with self.subTest(path=path):
                done = self.run_in("cat", path)
                self.assertEqual((done.returncode, done.stdout, done.stderr), (1, "", "cat: %s: %s\n" % (path, error)))

    def test_relative_paths_into_the_machine(self):
        for directory, path, text in (("/", "sys/through/file", "content\n"), ("/dev", "vfio/vfio", "container\n"),
                                      ("/usr", "../sys/through/file", "content\n"),
                                      ("/sys/through", "../through/file", "content\n"),
                                      ("/sys", "through/file", "content\n"), ("/dev/vfio", "vfio", "container\n"),
                                      ("/proc", "modules", self.modules()),
                                      ("/proc/self", "../modules", self.modules()),
                                      (DEVICE, "../../../through/file", "content\n"),
                                      (DEVICE + "/driver", "../../../../through/link", "content\n")):
            with self.subTest(directory=directory, path=path):
                self.assertEqual(self.sh("cd %s && cat %s" % (directory, path)), text)

    def modules(self):
        return pathlib.Path(self.root, "proc/modules").read_text()

    def test_relative_paths_out_of_the_machine(self):
        passwd = pathlib.Path("/etc/passwd").read_text()
        for directory, path in (("/sys", "../etc/passwd"), ("/sys/through/sub", "../../../etc/passwd"),
                                ("/dev/vfio", "../../etc/passwd"), (DEVICE, "../../../../etc/passwd"),
                                ("/", "sys/../etc/passwd"), ("/sys/through", "/sys/through/../../etc/passwd")):
            with self.subTest(directory=directory, path=path):
                self.assertEqual(self.sh("cd %s && cat %s" % (directory, path)), passwd)

    @unittest.skipUnless("/sys/fs" in HOST_PATHS, "no sysfs is mounted here")
    def test_host_parts_stay_the_hosts(self):
        self.assertEqual(sorted(self.output("ls", "/sys/fs").split()), sorted(os.listdir("/sys/fs")))
        self.assertEqual(self.sh("cd /sys && ls fs"), self.output("ls", "/sys/fs"))
        self.assertEqual(self.sh("cd /sys/fs && cat ../through/file && pwd -P"), "content\n/sys/fs\n")
        self.assertEqual(self.output("realpath", "/sys/fs"), "/sys/fs\n")
        # Not what only starts alike.
        os.mkdir(os.path.join(self.root, "sys/fsx"))
        self.assertEqual(self.output("ls", "-d", "/sys/fsx"), "/sys/fsx\n")

    def test_modules_of_the_running_kernel(self):
        for top in ("/lib/modules/", "/usr/lib/modules/"):
            self.assertEqual(self.output("cat", top + os.uname().release + "/modules.alias"), "alias none none\n")
        self.assertEqual(self.run_in("ls", "/lib/modules/0-another").returncode, 2)

    def test_realpath_does_not_show_the_private_directory(self):
        real = "/sys/devices/pci0000:00/0000:03:00.0"
        self.assertEqual(self.output("readlink", "-f", DEVICE), real + "\n")
        self.assertEqual(self.output("realpath", DEVICE + "/driver"), "/sys/bus/pci/drivers/e1000e\n")
        self.assertEqual(self.sh("cd -P %s; pwd; pwd -P; /bin/pwd; readlink /proc/self/cwd" % DEVICE),
                         (real + "\n") * 4)
        self.assertEqual(self.sh("cd -P %s; pwd; pwd -P; readlink -f driver" % DEVICE, "bash"),
                         (real + "\n") * 2 + "/sys/bus/pci/drivers/e1000e\n")
        self.assertEqual(self.sh("cat < /sys/through/file; readlink /proc/self/fd/5 5< /sys/through/sub"),
                         "content\n/sys/through/sub\n")
        self.assertEqual(self.sh("cd /sys/through && cd .. && pwd -P && cd .. && pwd -P"), "/sys\n/\n")

    def test_links_that_are_cut_short_do_not_show_the_private_directory(self):
        script = """
import ctypes, os
libc = ctypes.CDLL(None)
fd = os.open("/sys/through/sub", os.O_RDONLY)
for size in (1, 5, 16, 17, 100):
    buffer = ctypes.create_string_buffer(b"." * 110)
    length = libc.readlink(b"/proc/self/fd/%d" % fd, buffer, size)
    print(length, buffer.raw[:length].decode(), buffer.raw[length:110].strip(b".\\0") == b"")
"""
        self.assertEqual(self.output(sys.executable, "-c", script),
                         "1 / True\n5 /sys/ True\n16 /sys/through/sub True\n" + "16 /sys/through/sub True\n" * 2)

    def test_paths_that_are_too_long(self):
        # In the kernel's limit as they are, beyond it with the private directory in front.
        for length in (4070, 4090):
            self.assertEqual(self.output(CLIENT, "long-path", str(length)), "ENAMETOOLONG\n")
        self.assertEqual(self.output(CLIENT, "long-path", "100"), "ENOENT\n")
        self.assertEqual(self.output(CLIENT, "long-path", "10000"), "ENAMETOOLONG\n")

    def test_private_paths_stay_private(self):
        os.mkdir(os.path.join(self.private, "run/vfiobind"))
        for directory in ("etc/driverctl.d", "etc/modprobe.d", "run/vfiobind"):
            pathlib.Path(self.private, directory, "here").write_text("private\n")
            # Only then is it safe to write.
            self.assertEqual(self.output("cat", "/%s/here" % directory), "private\n")
        self.sh("echo vfio-pci > /etc/driverctl.d/preload-test; mkdir /run/vfiobind/preload-test")
        self.assertEqual(pathlib.Path(self.private, "etc/driverctl.d/preload-test").read_text(), "vfio-pci\n")
        self.assertTrue(os.path.isdir(os.path.join(self.private, "run/vfiobind/preload-test")))
        self.sh("sed -i s/vfio/pci/ /etc/driverctl.d/preload-test; mktemp -d /run/vfiobind/made-XXXXXX")
        self.assertEqual(pathlib.Path(self.private, "etc/driverctl.d/preload-test").read_text(), "pci-pci\n")
        self.assertEqual(len(list(pathlib.Path(self.private, "run/vfiobind").glob("made-*"))), 1)
        self.sh("echo vfio-pci > /etc/driverctl.d/preload-test")
        self.assertEqual(self.sh("cd /etc/driverctl.d && pwd -P && cat ../driverctl.d/preload-test"),
                         "/etc/driverctl.d\nvfio-pci\n")

    def test_no_private_paths_without_a_directory_for_them(self):
        done = self.run_in("ls", "/run/vfiobind", changes={"MOCKSYS_PRIVATE": None})
        self.assertEqual(done.returncode, 0 if os.path.exists("/run/vfiobind") else 2)

    def test_way_mount_redirects_nothing(self):
        changes = {"MOCKSYS_WAY": "mount"}
        self.assertEqual(self.run_in("cat", "/sys/through/file", changes=changes).returncode, 1)
        self.assertEqual(self.output("stat", "-f", "-c", "%T", "/tmp", changes=changes),
                         subprocess.check_output(["stat", "-f", "-c", "%T", "/tmp"], universal_newlines=True))
        # What is mounted below the host's /sys is not sysfs.
        for path in ("/sys/fs/cgroup", "/sys/kernel/debug", "/sys/kernel/security"):
            self.assertEqual(self.run_in("stat", "-f", "-c", "%T", path, changes=changes).stdout,
                             subprocess.run(["stat", "-f", "-c", "%T", path], stdout=subprocess.PIPE,
                                            stderr=subprocess.DEVNULL, universal_newlines=True).stdout)
        changes["MOCKSYS_PROC_MODULES"] = os.path.join(self.root, "sys/through/file")
        self.assertEqual(self.output("cat", "/proc/modules", changes=changes), "content\n")

    def test_a_broken_environment_ends_the_program(self):
        for changes in ({"MOCKSYS_ROOT": None}, {"MOCKSYS_ROOT": "relative"}, {"MOCKSYS_ROOT": "/"},
                        {"MOCKSYS_ROOT": "/" + "x" * 30000}, {"MOCKSYS_PRIVATE": "here"},
                        {"MOCKSYS_HOST_PATHS": "/sys/fs:power"}, {"MOCKSYS_HOST_PATHS": ":".join(["/sys/fs"] * 100)}):
            with self.subTest(changes=changes):
                done = self.run_in("cat", "/sys/through/file", changes=changes)
                self.assertEqual((done.returncode, done.stdout), (127, ""))
                self.assertRegex(done.stderr, r"\Alibmocksys-preload.so: %s .*\n\Z" % list(changes)[0])


class Programs(Machine):
    def test_shells(self):
        for shell in ("dash", "bash"):
            if not shutil.which(shell):
                continue
            with self.subTest(shell=shell):
                self.assertEqual(self.sh("for f in /sys/through/*; do echo $f; done; "
                                         "read x < /sys/through/link; echo $x", shell),
                                 "/sys/through/dangling\n/sys/through/file\n/sys/through/link\n/sys/through/sub\n"
                                 "content\n")
                self.assertEqual(self.sh("[ -e {0} ] && [ -L {0}/driver ] && [ -d {0}/driver ] && [ -r {0}/vendor ] && "
                                         "[ ! -e {0}/none ] && test -f {0}/vendor && echo yes".format(DEVICE), shell),
                                 "yes\n")
                self.sh("echo vfio-pci > /sys/through/new; printf more >> /sys/through/new", shell)
                new = pathlib.Path(self.root, "sys/through/new")
                self.assertEqual(new.read_text(), "vfio-pci\nmore")
                new.unlink()

    def test_coreutils(self):
        self.assertEqual(self.sh("ls /sys/through; ls -ld /sys/through/file | cut -c1-10"),
                         "dangling\nfile\nlink\nsub\n-rw-r--r--\n")
        self.assertIn("0000:03:00.0 -> ../../../devices/pci0000:00/0000:03:00.0",
                      self.output("ls", "-l", "/sys/bus/pci/devices"))
        self.assertEqual(self.output("ls", "-R", "/sys/through"),
                         "/sys/through:\ndangling\nfile\nlink\nsub\n\n/sys/through/sub:\na\nb\n")
        self.assertEqual(self.output("stat", "-c", "%n %s %F", "/sys/through/file", DEVICE),
                         "/sys/through/file 8 regular file\n%s 40 symbolic link\n" % DEVICE)
        self.assertEqual(self.output("readlink", DEVICE + "/driver"), "../../../bus/pci/drivers/e1000e\n")
        self.assertEqual(self.output("head", "-c", "3", "/sys/through/file"), "con")
        self.assertEqual(self.output("wc", "-c", "/sys/through/file"), "8 /sys/through/file\n")
        self.assertEqual(self.sh("cp /sys/through/file /sys/through/copy; cp -r /sys/through/sub /sys/through/subcopy; "
                                 "cat /sys/through/copy /sys/through/subcopy/a; rm -r /sys/through/subcopy; "
                                 "ls /sys/through"), "content\ncontent\ncopy\ndangling\nfile\nlink\nsub\n")
        self.assertEqual(self.output("stat", "-f", "-c", "%T", "/sys", DEVICE), "sysfs\nsysfs\n")

    @wanted("find")
    def test_find(self):
        self.assertEqual(sorted(self.output("find", "/sys/through").split()),
                         ["/sys/through" + p for p in ("", "/dangling", "/file", "/link", "/sub", "/sub/a", "/sub/b")])
        self.assertEqual(self.sh("cd /sys/through && find . -name a -exec cat {} +; "
                                 "find /sys/through -name b -execdir pwd \\;"),
                         "content\n/sys/through/sub\n")
        # From the host's root into the machine.
        found = self.run_in("find", "/", "-maxdepth", "3", "-path", "/sys/through/file")
        self.assertEqual(found.stdout, "/sys/through/file\n", found.stderr)
        self.assertEqual(self.output("find", "/sys", "-maxdepth", "1", "-name", "through"), "/sys/through\n")
        if "/sys/fs" in HOST_PATHS:
            self.assertEqual(sorted(self.output("find", "/sys/fs", "-maxdepth", "1").split()),
                             sorted(["/sys/fs"] + ["/sys/fs/" + n for n in os.listdir("/sys/fs")]))
        self.assertEqual(self.output("find", "-L", DEVICE, "-name", "vendor", "-maxdepth", "1"), DEVICE + "/vendor\n")

    @wanted("grep")
    def test_grep(self):
        self.assertEqual(self.output("grep", "-rl", "content", "/sys/through/sub", "/sys/through/file"),
                         "/sys/through/sub/a\n/sys/through/sub/b\n/sys/through/file\n"
                         if self.sh("grep -rl content /sys/through/sub").startswith("/sys/through/sub/a")
                         else "/sys/through/sub/b\n/sys/through/sub/a\n/sys/through/file\n")

    @wanted("jq")
    def test_jq(self):
        self.write("sys/through/json", '{"a": 1}')
        self.assertEqual(self.output("jq", ".a", "/sys/through/json"), "1\n")

    def test_python(self):
        script = """
import glob, os, pathlib, shutil
print(open("/sys/through/file").read(), end="")
print(sorted(os.listdir("/sys/through")), sorted(e.name for e in os.scandir("/sys/through/sub")))
print(glob.glob("/sys/through/*/a"), os.path.realpath("%(device)s/driver"), pathlib.Path("%(device)s").resolve())
print(os.readlink("%(device)s"), os.stat("/sys/through/file").st_size, os.access("/sys/through/file", os.R_OK))
os.chdir("/sys/through/sub")
print(os.getcwd(), os.path.abspath("a"), os.path.exists("../file"), oct(os.statvfs(".").f_namemax))
fd = os.open("/sys/through", os.O_RDONLY)
print(os.readlink("/proc/self/fd/%%d" %% fd), os.open("file", os.O_RDONLY, dir_fd=fd) > 0, sorted(os.listdir(fd)))
print(sorted((d, sorted(f)) for d, _, f in os.walk("/sys/through")))
try:
    open("/sys/through/file/x")
except OSError as error:
    print(error)
""" % {"device": DEVICE}
        self.assertEqual(self.output(sys.executable, "-c", script), """content
['dangling', 'file', 'link', 'sub'] ['a', 'b']
['/sys/through/sub/a'] /sys/bus/pci/drivers/e1000e /sys/devices/pci0000:00/0000:03:00.0
../../../devices/pci0000:00/0000:03:00.0 8 True
/sys/through/sub /sys/through/sub/a True 0xff
/sys/through True ['dangling', 'file', 'link', 'sub']
[('/sys/through', ['dangling', 'file', 'link']), ('/sys/through/sub', ['a', 'b'])]
[Errno 20] Not a directory: '/sys/through/file/x'
""".replace("0xff", "0o377"))

    @wanted("lspci")
    def test_lspci(self):
        self.assertEqual(self.output("lspci", "-n"), "03:00.0 0200: 8086:10d3\n")
        self.assertIn("Kernel driver in use: e1000e", self.run_in("lspci", "-k").stdout)

    @wanted("lsmod")
    def test_lsmod(self):
        self.assertEqual(self.output("/sbin/lsmod").split()[-3:], ["e1000e", "262144", "1"])

    def test_children(self):
        self.assertEqual(self.output(CLIENT, "children", "/sys/through/file"), "content\n" * 15)
        self.assertEqual(self.sh("env -i cat /sys/through/file; env -u LD_PRELOAD cat /sys/through/file; "
                                 "env LD_PRELOAD= sh -c 'env -i sh -c \"cat /sys/through/file\"'"), "content\n" * 3)
        self.assertEqual(self.output("env", "-i", "/usr/bin/env", "-u", "none", changes={"MOCKSYS_ACTOR": "me"}),
                         "".join("%s=%s\n" % (name, self.environment(MOCKSYS_ACTOR="me")[name]) for name in (
                             "MOCKSYS_WAY", "MOCKSYS_ROOT", "MOCKSYS_HOST_PATHS", "MOCKSYS_PRIVATE", "MOCKSYS_ACTOR",
                             "LD_PRELOAD")))

    def test_spawn_actions(self):
        self.assertEqual(self.output(CLIENT, "spawn-actions", "/sys/through/file", "/sys/through/sub"),
                         "content\n/sys/through/sub\n")

    def test_before_any_constructor(self):
        self.assertEqual(self.output(CLIENT, "early"), "content\n")

    def test_in_signal_handlers_and_forked_children(self):
        self.assertEqual(self.output(CLIENT, "stress", "/sys/through/file"), "right\n")

    @wanted("valgrind")
    def test_children_and_signals_under_valgrind(self):
        self.need_valgrind()
        log = os.path.join(self.outer, "valgrind")
        valgrind = ("valgrind", "--quiet", "--error-exitcode=9", "--log-file=" + log)
        self.assertEqual(self.output(*valgrind, CLIENT, "children", "/sys/through/file"), "content\n" * 15)
        self.assertEqual(self.output(*valgrind, CLIENT, "early"), "content\n")
        self.assertEqual(self.output(*valgrind, CLIENT, "spawn-actions", "/sys/through/file", "/sys/through/sub"),
                         "content\n/sys/through/sub\n")
        self.assertEqual(pathlib.Path(log).read_text(), "")


def elf(*strings, name=b".modinfo"):
    """A file with nothing but the section that modules keep their name in."""
    modinfo = b"".join(s + b"\0" for s in strings)
    names = b"\0" + name + b"\0.shstrtab\0"
    header, section = 64, 64
    data = header + 3 * section
    sections = bytes(section)
    for at_name, kind, offset, size in ((1, 1, data, len(modinfo)),
                                        (2 + len(name), 3, data + len(modinfo), len(names))):
        sections += struct.pack("<IIQQQQIIQQ", at_name, kind, 0, 0, offset, size, 0, 0, 1, 0)
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    return ident + struct.pack("<HHIQQQIHHHHHH", 1, 62, 1, 0, 0, header, 0, header, 0, 0, section, 3, 2) + sections + \
        modinfo + names


class Modules(Machine):
    def setUp(self):
        super().setUp()
        self.file = os.path.join(self.outer, "other-file-name.ko")

    def client(self, verb, *arguments, expected="0", **options):
        self.assertEqual(self.output(CLIENT, verb, *arguments, **options), expected + "\n")

    def requests(self):
        """What reached the control file since the last look."""
        text = pathlib.Path(self.control).read_text()
        pathlib.Path(self.control).write_text("")
        return text

    def put(self, content):
        pathlib.Path(self.file).write_bytes(content)

    def test_load_takes_the_name_from_the_module(self):
        # Not from within another string, wherever that may be cut.
        others = [b"description=" + b"x" * n + b"name=wrong" for n in range(100)]
        self.put(elf(b"license=GPL", *others, b"name=vfio_pci", b"name=late"))
        for verb in ("finit", "init", "raw-init"):
            with self.subTest(verb=verb):
                self.client(verb, self.file, "")
                self.assertEqual(self.requests(), "load vfio_pci\n")
                self.client(verb, self.file, "ids=8086:10d3 x=\"a b\"")
                self.assertEqual(self.requests(), "load vfio_pci ids=8086:10d3 x=\"a b\"\n")
                self.client(verb, self.file, "a\nunload e1000e")
                self.assertEqual(self.requests(), "load vfio_pci a unload e1000e\n")

    def test_load_takes_the_name_from_the_file_when_the_module_does_not_tell(self):
        for content in (elf(b"license=GPL"), b"\xfd7zXZ", b"", elf(b"name=" + b"n" * 60),
                        elf(b"name=x", name=b".other")):
            self.put(content)
            self.client("finit", self.file, "")
            self.assertEqual(self.requests(), "load other_file_name\n")
            if content:
                self.client("init", self.file, "", expected="ENOEXEC")
        shutil.copy(self.file, self.file + ".xz")
        self.client("finit", self.file + ".xz", "", "4")
        self.assertEqual(self.requests(), "load other_file_name\n")
        shutil.copy(self.file, self.file[:-3] + ".txt")
        self.client("finit", self.file[:-3] + ".txt", "", expected="ENOEXEC")
        self.assertEqual(self.requests(), "")

    def test_broken_modules(self):
        whole = elf(b"name=vfio_pci")
        # Each number of the header and of the section headers made absurd, and each length cut short.
        absurd = [(offset, value) for value in (b"\xff\xff", b"\x00\x80") for offset in range(16, 64 + 3 * 64, 2)]
        absurd += [(offset, b"\xf8" + b"\xff" * 7) for offset in range(16, 64 + 3 * 64, 8)]
        for offset, value in absurd:
            with self.subTest(offset=offset, value=value):
                self.put(whole[:offset] + value + whole[offset + len(value):])
                self.assertIn(self.output(CLIENT, "init", self.file, ""), ("0\n", "ENOEXEC\n"))
        for length in range(1, len(whole), 9):
            self.put(whole[:length])
            found = self.output(CLIENT, "init", self.file, "")
            # The last bytes name no section that matters.
            self.assertIn(found, ("0\n", "ENOEXEC\n") if length > len(whole) - 12 else ("ENOEXEC\n",))
        # Up to the end of the page: to read on is to die.
        self.put(elf(b"name=vfio_pci" + b"x" * 60, b"y" * (8192 - len(elf(b"name=vfio_pci" + b"x" * 60, b"")))))
        self.assertEqual(os.path.getsize(self.file), 8192)
        self.client("init", self.file, "", expected="ENOEXEC")

    def test_names_that_would_be_other_requests(self):
        for name in (b"a b", b"a\nunload e1000e", b"", b"../x"):
            self.put(elf(b"name=" + name))
            self.client("init", self.file, "", expected="ENOEXEC")
        for name in ("a b", "a\nunload e1000e", "", "x" * 60, "a/b"):
            for verb in ("delete", "raw-delete"):
                self.client(verb, name, expected="ENOENT")
        self.assertEqual(self.requests(), "")

    def test_unload(self):
        for verb in ("delete", "raw-delete"):
            self.client(verb, "vfio_pci")
            self.assertEqual(self.requests(), "unload vfio_pci\n")

    def test_null_pointers_and_bad_descriptors(self):
        self.assertEqual(self.output(CLIENT, "null-modules").split(), ["EFAULT", "EFAULT", "EFAULT", "EBADF"])

    def test_flags_that_no_kernel_knows(self):
        self.put(elf(b"name=vfio_pci"))
        self.client("finit", self.file, "", "3")
        self.client("finit", self.file, "", "8", expected="EINVAL")

    def test_parameters_that_do_not_fit(self):
        self.put(elf(b"name=vfio_pci"))
        self.requests()
        fits = "x" * (4096 - len("load vfio_pci \n"))
        self.client("init", self.file, fits)
        self.assertEqual(self.requests(), "load vfio_pci " + fits + "\n")
        self.client("init", self.file, fits + "x", expected="E2BIG")
        self.assertEqual(self.requests(), "")

    def test_the_error_is_that_of_the_write(self):
        self.put(elf(b"name=vfio_pci"))
        os.remove(self.control)
        os.symlink("/dev/full", self.control)
        for verb in ("finit", "init", "raw-init"):
            self.client(verb, self.file, "", expected="ENOSPC")
        for verb in ("delete", "raw-delete"):
            self.client(verb, "vfio_pci", expected="ENOSPC")

    @wanted("strace")
    def test_no_module_call_ever_reaches_the_host(self):
        self.put(elf(b"name=vfio_pci"))
        os.remove(self.control)
        log = os.path.join(self.outer, "strace")
        strace = ("strace", "-f", "-o", log, "-e", "trace=init_module,finit_module,delete_module")
        if subprocess.run(strace + ("true",), stderr=subprocess.DEVNULL).returncode:
            self.skipTest("strace does not work here")
        for changes in ({}, {"MOCKSYS_WAY": "mount"}, {"MOCKSYS_WAY": None}, {"MOCKSYS_WAY": "nonsense"}):
            with self.subTest(changes=changes):
                for verb in ("finit", "init", "raw-init"):
                    self.assertEqual(self.output(*strace, CLIENT, verb, self.file, "", changes=changes), "EPERM\n")
                    self.assertNotIn("module", pathlib.Path(log).read_text())
                for verb in ("delete", "raw-delete"):
                    self.assertEqual(self.output(*strace, CLIENT, verb, "vfio_pci", changes=changes), "EPERM\n")
                    self.assertNotIn("module", pathlib.Path(log).read_text())


if __name__ == "__main__":
    if "vgpreload" in os.environ.get("LD_PRELOAD", ""):
        print("skip: what belongs under valgrind is run under it by these tests themselves")
        sys.exit(77)
    unittest.main(verbosity=2)
