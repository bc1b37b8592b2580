#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""ways.py MOCKSYS CALLS: each call of the shim's table on a device of the fake machine, in each way that works here. What one
way answers, the others answer: results, errnos, modes, names, content."""

import difflib
import os
import re
import subprocess
import sys

DEVICE = "/sys/devices/pci0000:00/0000:00:1d.0/0000:03:00.0"
WAYS = ("mount", "shim", "plain")
# No way keeps the times of a file, and these two are about the file system itself.
OWN = re.compile(r": modified |^(fanotify_mark|name_to_handle_at): ")


def run(mocksys, way, *command):
    return subprocess.run((mocksys, "run", "--via", way, "-m", "e1000e", "--") + command, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)


def main(mocksys, calls):
    ways = [way for way in WAYS if run(mocksys, way, "true").returncode == 0]
    if len(ways) < 2:
        print("skipped: one way alone has nothing to be compared with")
        return 77
    answers = {}
    for way in ways:
        done = run(mocksys, way, calls, DEVICE, "--device")
        if done.returncode or done.stderr:
            print(f"{way}: status {done.returncode}: {done.stderr}")
            return 1
        answers[way] = [line for line in done.stdout.splitlines() if not OWN.search(line)]
    same = True
    for way in ways[1:]:
        difference = list(difflib.unified_diff(answers[ways[0]], answers[way], ways[0], way, n=1, lineterm=""))
        print("\n".join(difference) or f"{way}: {len(answers[way])} answers as in way {ways[0]}")
        same = same and not difference
    return 0 if same and len(answers[ways[0]]) > 1000 else 1


if __name__ == "__main__":
    if "vgpreload" in os.environ.get("LD_PRELOAD", ""):
        print("skipped: valgrind cannot follow way mount")
        sys.exit(77)
    sys.exit(main(*sys.argv[1:]))
