#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""run.py SOURCE BUILD: in a container (see in-container), sets up a build of SOURCE, and runs the tests in BUILD. Whatever skips
there has to have one of the reasons below, and of the scenarios at most a tenth may skip."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

SUITES = ["unit", "scenario", "shim", "sandbox", "clients"]
REASONS = [
    r"needs /dev/fuse: ",
    r"needs namespaces, which user \d+ cannot make: ",
    r"--uid needs root in this way",
    r"one way alone has nothing to be compared with",
    r"not root, so the test without --as-nobody is the same",
]


def reason(test):
    lines = [line for line in (test.get("stdout") or "").splitlines() if "skip" in line.lower()]
    return lines[-1] if lines else "no reason"


def set_up(source):
    """Whether a build can be set up here."""
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run(["meson", "setup", directory, source], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        print(done.stdout)
    return done.returncode == 0


def main(source, build):
    if not set_up(source):
        return 1
    command = ["meson", "test", "-C", build, "--no-rebuild", *(f"--suite={suite}" for suite in SUITES)]
    status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False).returncode
    text = pathlib.Path(build, "meson-logs/testlog.json").read_text(errors="replace")
    tests = [json.loads(line) for line in text.splitlines() if line]
    bad = [test for test in tests if test["result"] not in ("OK", "SKIP")]
    skipped = [test for test in tests if test["result"] == "SKIP"]
    unexplained = [test for test in skipped if not any(re.search(r, reason(test)) for r in REASONS)]
    scenarios = [test for test in tests if "scenario" in test["name"].split(" / ")[0]]
    missed = [test for test in scenarios if test["result"] == "SKIP"]
    for test in bad:
        print(f"{test['result']}: {test['name']}: {test.get('returncode')} after {test['duration']:.1f} s\n{test.get('stdout') or ''}{test.get('stderr') or ''}")
    for test in unexplained:
        print(f"skipped without need: {test['name']}: {reason(test)}")
    print(f"{len(tests)} tests, {len(bad)} failed, {len(skipped)} skipped; "
          f"{len(scenarios) - len(missed)} of {len(scenarios)} scenarios ran")
    enough = scenarios and 10 * len(missed) <= len(scenarios)
    return 1 if status or bad or unexplained or not enough else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
