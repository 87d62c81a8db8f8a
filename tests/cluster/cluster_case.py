# SPDX-License-Identifier: Apache-2.0
"""What every test on the cluster shares: the one node, the plugin as its manifests install it, pods,
and a table of what was expected and what was seen."""

import json
import pathlib
import unittest

import driver
from images import ROOT, Images
from node import NAME, Node, wait_until

MANIFESTS = ROOT / "deploy/manifests"
HERE = pathlib.Path(__file__).resolve().parent
GPU = "nvidia.com/gpu"
SYSTEM = "kube-system"
DAEMON_SET = "nvidia-device-plugin-daemonset"
CONFIG_MAP = "nvidia-device-plugin-config"
POD_IMAGE = "debian:12-slim"
# Ends at once when it is told to.
FOREVER = ["/bin/sh", "-c", "trap 'exit 0' TERM; sleep 1000000 & wait"]
# Within this the truth must be on the node.
SEEN_SECONDS = 30

NODE = None
TABLE = []  # (test, step, expected, seen)


def start(scratch, programs):
    """Bring the cluster up; it ends with the process that holds the view."""
    global NODE
    NODE = Node(scratch, programs)
    NODE.start()
    driver.install(1)
    Images(scratch, NODE).make_all()
    NODE.start_kubelet()


def label_node():
    NODE.kubectl("label", "--overwrite", "node", NAME, "instanceType=gpu")


def manifest(name):
    return MANIFESTS / f"nvidia-device-plugin-{name}.yml"


def apply_plugin(name, environment=None):
    """A manifest of the plugin as users have it, with where the simulated node keeps its driver."""
    text = NODE.kubectl("patch", "--local", "-f", str(manifest(name)), "--patch-file",
                        str(HERE / "simulated-driver.yml"), "-o", "json")
    document = json.loads(text)
    container = document["spec"]["template"]["spec"]["containers"][0]
    kept = [row for row in container["env"] if row["name"] not in (environment or {})]
    container["env"] = kept + [{"name": key, "value": value}
                               for key, value in (environment or {}).items()]
    return NODE.kubectl("apply", "-f", "-", text=json.dumps(document))


def print_table():
    """What was to be seen and what was."""
    rows = [("TEST", "STEP", "EXPECTED", "SEEN"), *TABLE]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    print()
    for row in rows:
        print("  ".join([*(row[i].ljust(widths[i]) for i in range(3)), row[3]]))


class ClusterCase(unittest.TestCase):
    """Begins with a labelled node without plugin and pods."""

    maxDiff = None

    def setUp(self):
        self.node = NODE
        driver.write_scenario(driver.scenario(1))
        label_node()
        self.addCleanup(self.clear)

    def clear(self):
        """Nothing of a test stays behind."""
        kubectl = self.node.kubectl
        kubectl("delete", "pods", "--all", "--now", "--wait=false")
        kubectl("-n", SYSTEM, "delete", "daemonset", DAEMON_SET, "--ignore-not-found")
        kubectl("-n", SYSTEM, "delete", "configmap", CONFIG_MAP, "--ignore-not-found")
        self.wait(lambda: not self.pods() and not self.pods(SYSTEM), "no pods")

    def _callTestMethod(self, method):
        try:
            super()._callTestMethod(method)
        except Exception as error:
            error.add_note("\n".join(["----", self.situation()]))
            raise

    def situation(self):
        """What a person would ask for next."""
        say = self.node.kubectl
        return "\n".join([
            say("get", "pods", "-A", "-o", "wide", is_checked=False),
            say("get", "events", "-A", "--sort-by=.lastTimestamp", is_checked=False)[-3000:],
            "---- the agent", say("-n", SYSTEM, "logs", "-l", "name=nvidia-device-plugin-ds",
                                  "--tail=40", is_checked=False),
            "---- kubelet", self.node.kubelet.tail(15)])

    def wait(self, condition, what, seconds=SEEN_SECONDS):
        return self.node.wait(condition, what, seconds)

    def sees(self, step, expected, look, seconds=SEEN_SECONDS):
        """Look until it is as expected; both stand in the table."""
        seen = []

        def is_expected():
            seen[:] = [look()]
            return seen[0] == expected
        try:
            self.wait(is_expected, lambda: f"{step}: expected {expected}, seen {seen[0]}", seconds)
        finally:
            TABLE.append((self._testMethodName.removeprefix("test_"), step, str(expected),
                          str(seen[0]) if seen else "nothing"))

    # The plugin.

    def install(self, config=None, **environment):
        """Without a text the default manifest; else the one with a ConfigMap that has it."""
        if config is None:
            apply_plugin("default", environment)
        else:
            self.set_config(config)
            apply_plugin("time-slicing", environment)
        self.wait_plugin()

    def set_config(self, text):
        self.apply({"apiVersion": "v1", "kind": "ConfigMap",
                    "metadata": {"name": CONFIG_MAP, "namespace": SYSTEM},
                    "data": {"config.yaml": text if isinstance(text, str) else json.dumps(text)}})

    def wait_plugin(self):
        self.node.kubectl("-n", SYSTEM, "rollout", "status", f"daemonset/{DAEMON_SET}",
                          "--timeout=60s")

    def plugin_pod(self):
        pods = [pod for pod in self.pods(SYSTEM) if "deletionTimestamp" not in pod["metadata"]]
        return pods[0] if pods else None

    # The node.

    def amounts(self, resource=GPU):
        """(capacity, allocatable), None for what the node does not name."""
        status = self.node.get("node", NAME)["status"]
        return (status["capacity"].get(resource), status["allocatable"].get(resource))

    # Pods.

    def apply(self, document):
        return self.node.kubectl("apply", "-f", "-", text=json.dumps(document))

    def pod(self, name, count=1, resource=GPU, command=None, **keys):
        """A pod that holds so many replicas; keys go into its container."""
        self.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
                    "spec": {"terminationGracePeriodSeconds": 5, "containers": [
                        self.container("main", count, resource, command, **keys)]}})

    @staticmethod
    def container(name, count=1, resource=GPU, command=None, **keys):
        limits = {"limits": {resource: count}} if count else {}
        return {"name": name, "image": POD_IMAGE, "command": command or FOREVER, "resources": limits,
                **keys}

    def pods(self, namespace="default"):
        return self.node.get("-n", namespace, "pods")["items"]

    def phase(self, name):
        pod = self.node.get("pod", name)
        return pod["status"].get("phase") if pod else None

    def phases(self):
        """{phase: how many} of the pods of the test."""
        phases = [pod["status"]["phase"] for pod in self.pods()]
        return {phase: phases.count(phase) for phase in sorted(set(phases))}

    def restarts(self):
        return sum(status["restartCount"] for pod in self.pods()
                   for status in pod["status"].get("containerStatuses", []))

    def run_pod(self, name, **keys):
        self.pod(name, **keys)
        self.wait(lambda: self.phase(name) == "Running", f"pod {name} to run")

    def execute(self, name, *command):
        return self.node.kubectl("exec", name, "--", *command)
