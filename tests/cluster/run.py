#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the tutorial and what Kubernetes expects of a device plugin on a real one-node cluster.

Usage: tests/cluster/run.py [--long] [--shell] [--keep] [NAME...]   NAME: part of a test's name

A cluster has its own processes, network, mounts and cgroups, and is gone afterwards, also after a
failure; two of them share the tests, side by side. --shell starts one with the plugin and leaves a
person in a shell. --keep leaves the logs of the components. --long runs also the tests that wait for
minutes, which are skipped otherwise. The last line is "N passed, N failed".
"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration")]

import build  # noqa: E402 (the folders are known only now)
import view  # noqa: E402

# Each row has a cluster of its own.
GROUPS = (("test_tutorial", "test_behaviours"), ("test_variations", "test_changes"))
TOOLS = {"runc": "runc", "buildah": "buildah", "unshare": "util-linux", "ip": "iproute2",
         "iptables": "iptables", "jq": "jq", "openssl": "openssl",
         "/usr/lib/cni/bridge": "containernetworking-plugins", "/bin/busybox": "busybox-static"}


def check_machine():
    if os.geteuid() != 0:
        raise build.Missing("namespaces, mounts and cgroups need root: run it as root")
    missing = sorted({package for tool, package in TOOLS.items() if not shutil.which(tool)})
    if missing:
        raise build.Missing(f"Debian packages are missing: {' '.join(missing)}; tools/setup build cluster "
                            "installs them")
    if not view.hierarchies():
        raise build.Missing("there is no cgroup v1 hierarchy on this machine; this test needs them")


def names_in(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from names_in(test)
        else:
            yield test.id()


def tests_of(modules, parts):
    """Names of the tests with one of these parts in them, in order."""
    suite = unittest.defaultTestLoader.loadTestsFromNames(modules)
    return [name for name in names_in(suite) if not parts or any(part in name for part in parts)]


class Cluster:
    """A view with a cluster in it, and what it is to do there; inside.py is its first process."""

    def __init__(self, orders, programs):
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix=f"{view.PREFIX}{os.getpid()}-"))
        self.orders = {**orders, "programs": str(programs)}

    @contextlib.contextmanager
    def run(self):
        (self.scratch / "orders.json").write_text(json.dumps(self.orders))
        with view.enter([sys.executable, HERE / "inside.py", "first", self.scratch],
                        self.scratch.name) as process:
            yield process

    def outcome(self, code):
        """One that was cut short counts as a failure."""
        path = self.scratch / "outcome.json"
        found = json.loads(path.read_text()) if path.exists() else {
            "passed": 0, "failed": 0, "skipped": 0, "table": []}
        found["failed"] += code != 0 and found["failed"] == 0
        return found

    def remove(self, is_kept):
        if is_kept:
            print(f"logs of the components: {self.scratch}/logs", file=sys.stderr)
        else:
            shutil.rmtree(self.scratch)


def run_clusters(clusters, is_kept):
    """Side by side. Returns their outcomes."""
    try:
        with contextlib.ExitStack() as stack:
            processes = [stack.enter_context(cluster.run()) for cluster in clusters]
            codes = [process.wait() for process in processes]
        return [cluster.outcome(code) for cluster, code in zip(clusters, codes)]
    finally:
        for cluster in clusters:
            cluster.remove(is_kept)


def print_table(rows):
    """What was to be seen and what was."""
    rows = [("TEST", "STEP", "EXPECTED", "SEEN"), *rows]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    print()
    for row in rows:
        print("  ".join([*(row[i].ljust(widths[i]) for i in range(3)), row[3]]))


def run_tests(arguments, programs):
    before = view.machine()
    chosen = [tests_of(modules, arguments.names) for modules in GROUPS]
    clusters = [Cluster({"tests": tests, "is_long": arguments.long}, programs)
                for tests in chosen if tests]
    if not clusters:
        raise build.Missing(f"no test has {' or '.join(arguments.names)} in its name")
    outcomes = run_clusters(clusters, arguments.keep)
    print_table([row for outcome in outcomes for row in outcome["table"]])
    left = view.differences(before, view.machine())
    print("\n" + "\n".join([f"FAIL  left behind: {line}" for line in left]
                           or ["ok    nothing is left behind on this machine"]))
    passed, failed, skipped = (sum(outcome[key] for outcome in outcomes)
                               for key in ("passed", "failed", "skipped"))
    if skipped:
        print(f"{skipped} skipped: --long runs it too")
    print(f"\n{passed + (not left)} passed, {failed + bool(left)} failed")
    return 1 if failed or left or not passed else 0


def run_shell(programs):
    """The cluster's exit code is the shell's."""
    cluster = Cluster({"is_shell": True}, programs)
    try:
        with cluster.run() as process:
            return process.wait()
    finally:
        cluster.remove(False)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--long", action="store_true", help="also the tests that wait for minutes")
    parser.add_argument("--shell", action="store_true", help="start it and leave a person in a shell")
    parser.add_argument("--keep", action="store_true", help="leave the logs of the components")
    arguments = parser.parse_args()
    for number in view.ENDING:
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        check_machine()
        programs = build.programs()
        view.remove_abandoned()
        return run_shell(programs) if arguments.shell else run_tests(arguments, programs)
    except build.Missing as missing:
        print(f"e2e: {missing}", file=sys.stderr)
        print("\n0 passed, 1 failed")
        return 1


if __name__ == "__main__":
    sys.exit(main())
