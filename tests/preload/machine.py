# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs of the distribution on the machine e1000e, in each way to the fake: what one shows, the others show.

Run one test by its name: meson test preload-machine --test-args Machine.test_driverctl
"""

import difflib
import functools
import os
import shutil
import subprocess
import sys
import unittest

MOCKSYS = os.environ["MOCKSYS"]
CLIENT = os.environ["PRELOAD_CLIENT"]
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD" and k != "MOCKSYS_WAY"}
ENVIRONMENT.update(LC_ALL="C.UTF-8", PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")
# Valgrind cannot follow way mount.
WAYS = ("shim",) if "vgpreload" in os.environ.get("LD_PRELOAD", "") else ("shim", "mount", "plain")
DEVICE = "0000:03:00.0"


def mocksys(way, *command):
    return subprocess.run((MOCKSYS, "run", "--via", way, "-m", "e1000e", "--") + command, env=ENVIRONMENT, timeout=100,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          universal_newlines=True)


@functools.lru_cache(None)
def why_not(way):
    """Why a way does not work here; empty when it does."""
    done = mocksys(way, "true")
    return done.stdout or "exit %d" % done.returncode if done.returncode else ""


def wanted(*programs):
    missing = [p for p in programs if not shutil.which(p, path=ENVIRONMENT["PATH"])]
    return unittest.skipIf(missing, "not installed: " + ", ".join(missing))


# Without a namespace to be root in, programs that insist on being root go away.
as_root = unittest.skipIf(os.geteuid(), "an ordinary user is not root in the ways shim and plain")


class Machine(unittest.TestCase):
    def each_way(self, script, expected):
        done = 0
        for way in WAYS:
            if why_not(way):
                continue
            done += 1
            with self.subTest(way=way):
                found = mocksys(way, "bash", "-c", script).stdout
                difference = "\n".join(difflib.unified_diff(expected.splitlines(), found.splitlines(), "expected", way,
                                                            lineterm=""))
                self.assertFalse(difference, difference)
        if not done:
            self.skipTest("; ".join(way + ": " + why_not(way).strip() for way in WAYS))

    @wanted("find")
    def test_the_trees_are_the_same(self):
        script = r"""
find /sys/bus/pci /sys/devices/pci* /sys/module /sys/class /sys/kernel/iommu_groups /sys/kernel/debug /dev/vfio \
     /proc/modules /lib/modules/$(uname -r)/modules.alias -printf '%p %y %m %l %s %n\n' 2>&1 | sort
find / -maxdepth 2 -path '/sys/*' -printf '%p %y\n' 2>/dev/null | sort
cd /sys/bus/pci/devices/0000:03:00.0/driver && pwd && pwd -P && cat ../../../../class/net/*/address
head -n 100 /sys/bus/pci/devices/*/{vendor,device,class,resource,uevent,modalias} /proc/modules
"""
        ways = [way for way in WAYS if not why_not(way)]
        if len(ways) < 2:
            self.skipTest("one way alone has nothing to be compared with")
        trees = [mocksys(way, "bash", "-c", script).stdout.splitlines() for way in ways]
        for way, tree in zip(ways, trees):
            difference = "\n".join(difflib.unified_diff(trees[0], tree, ways[0], way, n=0, lineterm=""))
            self.assertFalse(difference, difference)
            self.assertGreater(len(tree), 300)
            self.assertIn("/sys/bus/pci/drivers/e1000e", "\n".join(tree))

    @wanted("lspci")
    def test_lspci(self):
        self.each_way("lspci -nk -s 03:00.0", "03:00.0 0200: 8086:10d3\n\tSubsystem: 8086:0000\n"
                      "\tKernel driver in use: e1000e\n\tKernel modules: e1000e\n")

    @wanted("modprobe", "lsmod", "rmmod", "modinfo")
    @as_root
    def test_modprobe_changes_what_lsmod_says(self):
        self.each_way("""
modprobe vfio-pci; echo $?; lsmod | sed 's/  */ /g' | grep ^vfio_pci; ls -d /sys/bus/pci/drivers/vfio-pci
modprobe -r vfio-pci; echo $?; lsmod | grep -c vfio_pci; ls -d /sys/bus/pci/drivers/vfio-pci
modprobe no-such-module 2>/dev/null; echo $?
rmmod e1000e; ls /sys/bus/pci/devices/0000:03:00.0/driver; insmod $(modinfo -n e1000e); echo $?
readlink /sys/bus/pci/devices/0000:03:00.0/driver
rmmod vfio_pci 2>/dev/null; echo $?
""", """0
vfio_pci 16384 0
vfio_pci_core 16384 1 vfio_pci
/sys/bus/pci/drivers/vfio-pci
0
0
ls: cannot access '/sys/bus/pci/drivers/vfio-pci': No such file or directory
1
ls: cannot access '/sys/bus/pci/devices/0000:03:00.0/driver': No such file or directory
0
../../../../bus/pci/drivers/e1000e
1
""")

    @wanted("driverctl")
    @as_root
    def test_driverctl_changes_the_driver(self):
        before = os.listdir("/etc/driverctl.d") if os.path.isdir("/etc/driverctl.d") else None
        self.each_way("""
driverctl set-override 0000:03:00.0 vfio-pci; echo $?
driverctl list-devices; ls /etc/driverctl.d; ls /sys/bus/pci/devices/0000:03:00.0/vfio-dev
driverctl unset-override 0000:03:00.0; echo $?; driverctl list-devices; ls /etc/driverctl.d
""", """0
0000:00:1d.0 pcieport
0000:03:00.0 vfio-pci [*]
pci-0000:03:00.0
vfio0
0
0000:00:1d.0 pcieport
0000:03:00.0 e1000e
""")
        after = os.listdir("/etc/driverctl.d") if os.path.isdir("/etc/driverctl.d") else None
        self.assertEqual(before, after)

    @as_root
    def test_the_errno_of_a_store_comes_back(self):
        self.each_way("""python3 -c '
import os
for name, flags, text in (("drivers/e1000e/bind", os.O_WRONLY, b"0000:03:00.0"),
                          ("drivers/e1000e/unbind", os.O_WRONLY, b"none"),
                          ("drivers_probe", os.O_WRONLY, b"none"), ("drivers_probe", os.O_RDONLY, b""),
                          ("none", os.O_WRONLY | os.O_CREAT, b"")):
    try:
        fd = os.open("/sys/bus/pci/" + name, flags)
        print(name, os.write(fd, text))
    except OSError as error:
        print(name, error.strerror)
'""", """drivers/e1000e/bind Device or resource busy
drivers/e1000e/unbind No such device
drivers_probe No such device
drivers_probe Permission denied
none Permission denied
""")

    @wanted("udevadm")
    def test_libudev_believes_in_the_device(self):
        self.each_way("unset SYSTEMD_DEVICE_VERIFY_SYSFS; "
                      "udevadm info /sys/bus/pci/devices/0000:03:00.0 | grep -E '^(P|E: DRIVER)'",
                      "P: /devices/pci0000:00/0000:00:1d.0/0000:03:00.0\nE: DRIVER=e1000e\n")

    def test_an_empty_environment_does_not_lead_out(self):
        self.each_way("env -i bash -c 'exec -c cat /sys/bus/pci/devices/0000:03:00.0/device'; %s children /sys/bus/pci/"
                      "devices/0000:03:00.0/device | sort | uniq -c" % CLIENT, "0x10d3\n     15 0x10d3\n")

    def test_an_open_file_can_be_sent(self):
        self.each_way(CLIENT + " sent /sys/bus/pci/devices/0000:03:00.0/driver_override", "(null)\n")

    def test_cp_copies_what_cat_shows(self):
        self.each_way("""cd /sys/bus/pci/devices/0000:03:00.0
for file in vendor driver_override config; do
    cp $file /tmp/copied.$$; cat $file | cmp - /tmp/copied.$$ && stat -c %s /tmp/copied.$$
    rm -f /tmp/copied.$$
done""", "7\n7\n4096\n")

    @wanted("stat")
    def test_stat_asks_for_no_more_than_it_shows(self):
        self.each_way("stat -c %s /sys/bus/pci/devices/0000:03:00.0/vendor; stat -c '%t %T' /dev/vfio/vfio",
                      "4096\na c4\n")

    def test_a_child_that_shares_the_memory_leaves_the_open_files_alone(self):
        self.each_way(CLIENT + " beside-vfork /sys/bus/pci/devices/0000:03:00.0/driver_override", "(null)\n" * 3)

    @as_root
    def test_python_writes_beside_a_subprocess(self):
        self.each_way("""python3 -c '
import subprocess
with open("/sys/bus/pci/devices/0000:03:00.0/driver_override", "r+b", buffering=0) as file:
    subprocess.run(["true"], close_fds=True)
    print(file.write(b"vfio-pci"), file.seek(0), file.read())
'""", "8 0 b'vfio-pci\\n'\n")

    @wanted("stat")
    def test_a_link_to_an_open_file_leads_to_the_file(self):
        self.each_way("exec 5</sys/bus/pci/devices/0000:03:00.0/driver_override; stat -L -c '%F %a %s' /proc/self/fd/5; "
                      "readlink /proc/self/fd/5", "regular file 644 4096\n/sys/devices/pci0000:00/0000:00:1d.0/"
                      "0000:03:00.0/driver_override\n")


if __name__ == "__main__":
    result = unittest.main(verbosity=2, exit=False).result
    # A run in which nothing was tested is no success.
    sys.exit(77 if result.testsRun == len(result.skipped) else not result.wasSuccessful())
