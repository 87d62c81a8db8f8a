# SPDX-License-Identifier: Apache-2.0
"""What every test on the cluster shares: the one node, the plugin as its manifests install it, pods,
and a table of what was expected and what was seen."""

import functools
import json
import pathlib
import unittest
import urllib.parse

import driver
from images import ROOT, Images
from node import NAME, Node

MANIFESTS = ROOT / "deploy/manifests"
HERE = pathlib.Path(__file__).resolve().parent
GPU = "nvidia.com/gpu"
SYSTEM = "kube-system"
DAEMON_SET = "nvidia-device-plugin-daemonset"
PLUGIN_LABEL = "name=nvidia-device-plugin-ds"
CONFIG_MAP = "nvidia-device-plugin-config"
POD_IMAGE = "debian:12-slim"
# Ends at once when it is told to.
FOREVER = ["/bin/sh", "-c", "trap 'exit 0' TERM; sleep 1000000 & wait"]
# Within this the truth must be on the node.
SEEN_SECONDS = 30

NODE = None
IS_LONG = False  # tests that wait for minutes are wanted, too
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
    if NODE.read(f"/api/v1/nodes/{NAME}")["metadata"]["labels"].get("instanceType") == "gpu":
        return
    NODE.kubectl("label", "--overwrite", "node", NAME, "instanceType=gpu")


def manifest(name):
    return MANIFESTS / f"nvidia-device-plugin-{name}.yml"


@functools.cache
def patched(name):
    return NODE.kubectl("patch", "--local", "-f", str(manifest(name)), "--patch-file",
                        str(HERE / "simulated-driver.yml"), "-o", "json")


def plugin_document(name, environment=None):
    """A manifest of the plugin as users have it, with where the simulated node keeps its driver."""
    document = json.loads(patched(name))
    container = document["spec"]["template"]["spec"]["containers"][0]
    kept = [row for row in container["env"] if row["name"] not in (environment or {})]
    container["env"] = kept + [{"name": key, "value": value}
                               for key, value in (environment or {}).items()]
    return document


def apply_plugin(name, environment=None):
    return NODE.kubectl("apply", "-f", "-", text=json.dumps(plugin_document(name, environment)))


def remove_plugin():
    NODE.kubectl("-n", SYSTEM, "delete", f"daemonset/{DAEMON_SET}", f"configmap/{CONFIG_MAP}",
                 "--ignore-not-found")
    path = f"/api/v1/namespaces/{SYSTEM}/pods?labelSelector={urllib.parse.quote(PLUGIN_LABEL)}"
    NODE.wait(lambda: not NODE.read(path)["items"], "no pods of the plugin")


class ClusterCase(unittest.TestCase):
    """Begins with a labelled node without plugin and pods."""

    maxDiff = None
    gpus = 1

    def setUp(self):
        self.node = NODE
        self.addCleanup(self.clear)
        driver.write_scenario(self.scenario())
        label_node()

    def scenario(self):
        """That a test begins with."""
        return driver.scenario(self.gpus)

    def clear(self):
        """Nothing of a test stays behind."""
        self.delete_pods(is_waiting=False)
        remove_plugin()
        self.wait(lambda: not self.pods(), "no pods")

    def delete_pods(self, is_waiting=True):
        self.node.kubectl("delete", "pods", "--all", "--now", f"--wait={json.dumps(is_waiting)}")

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
            "---- the agent", say("-n", SYSTEM, "logs", "-l", PLUGIN_LABEL, "--tail=40",
                                  is_checked=False),
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
        status = self.node.read(f"/api/v1/nodes/{NAME}")["status"]
        return (status["capacity"].get(resource), status["allocatable"].get(resource))

    # Pods.

    def apply(self, document):
        return self.node.kubectl("apply", "-f", "-", text=json.dumps(document))

    def pod(self, name, count=1, resource=GPU, command=None, **keys):
        """A pod that holds so many replicas; keys go into its container."""
        self.apply_pod(name, self.container("main", count, resource, command, **keys))

    def apply_pod(self, name, *containers, **spec):
        self.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
                    "spec": {"terminationGracePeriodSeconds": 5, "automountServiceAccountToken": False,
                             "containers": containers, **spec}})

    @staticmethod
    def container(name, count=1, resource=GPU, command=None, **keys):
        limits = {"limits": {resource: count}} if count else {}
        return {"name": name, "image": POD_IMAGE, "command": command or FOREVER, "resources": limits,
                **keys}

    def pods(self, namespace="default"):
        return self.node.read(f"/api/v1/namespaces/{namespace}/pods")["items"]

    def read_pod(self, name, namespace="default"):
        return self.node.read(f"/api/v1/namespaces/{namespace}/pods/{name}")

    def phase(self, name):
        pod = self.read_pod(name)
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
