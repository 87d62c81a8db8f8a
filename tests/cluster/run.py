#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the tutorial and what Kubernetes expects of a device plugin on a real one-node cluster.

Usage: tests/cluster/run.py [--long] [--shell] [--keep] [NAME...]   NAME: part of a test's name

The cluster has its own processes, network, mounts and cgroups, and is gone afterwards, also after a
failure. --shell starts it with the plugin and leaves a person in a shell. --keep leaves the logs of
the components. --long runs also the tests that wait for minutes, which are skipped otherwise. The last
line is "N passed, N failed".
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration")]

import build  # noqa: E402 (the folders are known only now)
import view  # noqa: E402

MODULES = ("test_tutorial", "test_behaviours", "test_variations", "test_changes")
# In the scratch folder: what the tests came to.
OUTCOME = "outcome.json"
TOOLS = {"runc": "runc", "buildah": "buildah", "unshare": "util-linux", "ip": "iproute2",
         "iptables": "iptables", "jq": "jq", "openssl": "openssl",
         "/usr/lib/cni/bridge": "containernetworking-plugins", "/bin/busybox": "busybox-static"}


def check_machine():
    if os.geteuid() != 0:
        raise build.Missing("namespaces, mounts and cgroups need root: run it as root")
    missing = sorted({package for tool, package in TOOLS.items() if not shutil.which(tool)})
    if missing:
        raise build.Missing(f"Debian packages are missing: {' '.join(missing)}; tools/setup build test "
                            "cluster installs them")
    if not view.hierarchies():
        raise build.Missing("there is no cgroup v1 hierarchy on this machine; this test needs them")


# Outside: what is there before the cluster and after it.

def run_outside(arguments):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    check_machine()
    programs = build.programs()
    view.remove_abandoned()
    scratch = tempfile.mkdtemp(prefix=f"{view.PREFIX}{os.getpid()}-")
    words = [sys.executable, __file__, "--first", scratch, "--programs", str(programs)]
    before = view.machine()
    try:
        with view.enter(words + passed_on(arguments)) as process:
            code = process.wait()
        return code if arguments.shell else sum_up(pathlib.Path(scratch), code, before)
    finally:
        if arguments.keep:
            print(f"logs of the components: {scratch}/logs", file=sys.stderr)
        else:
            shutil.rmtree(scratch)


def sum_up(scratch, code, before):
    """One test more: the machine is as it was."""
    outcome = {"passed": 0, "failed": 0, "skipped": 0}
    if (scratch / OUTCOME).exists():
        outcome = json.loads((scratch / OUTCOME).read_text())
    left = view.differences(before, view.machine())
    print("\n" + "\n".join([f"FAIL  left behind: {line}" for line in left]
                           or ["ok    nothing is left behind on this machine"]))
    if outcome["skipped"]:
        print(f"{outcome['skipped']} skipped: --long runs it too")
    is_cut = code != 0 and outcome["failed"] == 0
    failed = outcome["failed"] + bool(left) + is_cut
    print(f"\n{outcome['passed'] + (not left)} passed, {failed} failed")
    return 1 if failed else 0


def passed_on(arguments):
    """What all three processes are told alike."""
    return ["--shell"] * arguments.shell + ["--long"] * arguments.long + arguments.names


# Inside: the first process of the view, and the one that does the work.

def run_first(arguments):
    view.set_up(pathlib.Path(arguments.first))
    words = [sys.executable, __file__, "--walk", arguments.first, "--programs", arguments.programs]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pid = os.spawnv(os.P_NOWAIT, sys.executable, words + passed_on(arguments))
    return view.reap_until(pid)


def run_walk(arguments):
    import cluster_case
    cluster_case.IS_LONG = arguments.long
    began = time.monotonic()
    cluster_case.start(pathlib.Path(arguments.walk), pathlib.Path(arguments.programs))
    print(f"e2e: Kubernetes {build.version_of('k8s.io/kubernetes')} is up after "
          f"{time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return run_shell(cluster_case) if arguments.shell else run_tests(cluster_case, arguments.names)


def run_shell(cluster_case):
    node = cluster_case.NODE
    cluster_case.label_node()
    cluster_case.apply_plugin("default")
    print("kubectl works here; leave the shell and the cluster is gone.", file=sys.stderr)
    return subprocess.run(["bash"], env=dict(os.environ, **node.environment())).returncode


class Lines(unittest.TestResult):
    """A line for each test as it ends; what went wrong in full at once."""

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def say(self, word, test, detail=""):
        name = test.id().removeprefix("test_")
        print(f"{word:6}{name:90} {time.monotonic() - self.began:6.1f} s\n{detail}", end="", flush=True)

    def addSuccess(self, test):
        self.say("ok", test)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.say("FAIL", test, self.failures[-1][1])

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.say("skip", test, f"      {reason}\n")

    def addError(self, test, error):
        super().addError(test, error)
        self.say("FAIL", test, self.errors[-1][1])


def selected(suite, names):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from selected(test, names)
        elif not names or any(name in test.id() for name in names):
            yield test


def run_tests(cluster_case, names):
    suite = unittest.defaultTestLoader.loadTestsFromNames(MODULES)
    result = Lines()
    unittest.TestSuite(selected(suite, names)).run(result)
    cluster_case.print_table()
    failed = len(result.failures) + len(result.errors)
    skipped = len(result.skipped)
    (cluster_case.NODE.scratch / OUTCOME).write_text(json.dumps(
        {"passed": result.testsRun - failed - skipped, "failed": failed, "skipped": skipped}))
    return 1 if failed or result.testsRun == 0 else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--long", action="store_true", help="also the tests that wait for minutes")
    parser.add_argument("--shell", action="store_true", help="start it and leave a person in a shell")
    parser.add_argument("--keep", action="store_true", help="leave the logs of the components")
    for word in ("--first", "--walk", "--programs"):
        parser.add_argument(word, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.walk:
        return run_walk(arguments)
    if arguments.first:
        return run_first(arguments)
    try:
        return run_outside(arguments)
    except build.Missing as missing:
        print(f"e2e: {missing}", file=sys.stderr)
        print("\n0 passed, 1 failed")
        return 1


if __name__ == "__main__":
    sys.exit(main())
