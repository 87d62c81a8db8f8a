#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What runs inside a view: its first process, which makes mounts and network and takes in orphans, and
that one's child, which brings the cluster up and does what orders.json in the scratch folder says.

Usage: inside.py first|walk SCRATCH   (run.py starts it)
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration")]

import build  # noqa: E402 (the folders are known only now)
import cluster_case  # noqa: E402
import view  # noqa: E402


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


# The two manifests of the plugin need it on their way.
SHELL_HINT = """kubectl works here; leave the shell and the cluster is gone. The simulated node needs a little more than
the plugin's manifests say, so apply them like this:
    kubectl patch --local -o yaml -f deploy/manifests/nvidia-device-plugin-time-slicing.yml \\
        --patch-file tests/cluster/simulated-driver.yml | kubectl apply -f -"""


def run_tests(names):
    result = Lines()
    unittest.defaultTestLoader.loadTestsFromNames(names).run(result)
    failed, skipped = len(result.failures) + len(result.errors), len(result.skipped)
    (cluster_case.NODE.scratch / "outcome.json").write_text(json.dumps(
        {"passed": result.testsRun - failed - skipped, "failed": failed, "skipped": skipped,
         "table": cluster_case.TABLE}))
    return 1 if failed else 0


def run_shell():
    node = cluster_case.NODE
    cluster_case.label_node()
    cluster_case.apply_plugin("default")
    node.kubectl("-n", cluster_case.SYSTEM, "rollout", "status", f"daemonset/{cluster_case.DAEMON_SET}",
                 "--timeout=60s")
    print(SHELL_HINT, file=sys.stderr)
    # ^C is for what runs in the shell; the processes around it do not heed it.
    return subprocess.run(["bash"], env=dict(os.environ, **node.environment()),
                          preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)).returncode


def walk(scratch):
    orders = json.loads((scratch / "orders.json").read_text())
    cluster_case.IS_LONG = orders.get("is_long", False)
    began = time.monotonic()
    cluster_case.start(scratch, pathlib.Path(orders["programs"]))
    print(f"e2e: Kubernetes {build.version_of('k8s.io/kubernetes')} is up after "
          f"{time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return run_shell() if orders.get("is_shell") else run_tests(orders["tests"])


def first(scratch):
    view.set_up(scratch)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pid = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, __file__, "walk", str(scratch)])
    return view.reap_until(pid)


if __name__ == "__main__":
    sys.exit({"first": first, "walk": walk}[sys.argv[1]](pathlib.Path(sys.argv[2])))
