# SPDX-License-Identifier: Apache-2.0
"""How Kubernetes itself tests device plugins, a test for each of its behaviours: those of a node with
our agent, and those of kubelet when a plugin fails.

The number of a behaviour stands in the docstring. In Kubernetes' tree test/e2e_node/ has 1 to 11 in
device_plugin_test.go, 12 to 18 in device_plugin_failures_test.go, 19 and 20 in
device_plugin_failures_pod_status_test.go, and 21 to 23 in device_manager_test.go. "Newer" ones have none.
Where kubelet 1.35 does otherwise than those tests once asked, the docstring says what was seen.
"""

import base64
import contextlib
import itertools
import json
import pathlib
import re
import signal
import subprocess
import unittest

import grpc

import cluster_case
import deviceplugin
import driver
import pod_resources
from cluster_case import (GPU, PLUGIN_LABEL, SYSTEM, ClusterCase, apply_plugin, plugin_document,
                          remove_plugin)
from node import NAME
from plugin_stub import Plugin

CDI_KIND = "k8s.device-plugin.nvidia.com/gpu"
PLUGINS = pathlib.Path("/var/lib/kubelet/device-plugins")
CHECKPOINT = PLUGINS / "kubelet_internal_checkpoint"
CONFIG = {"version": "v1", "rota": {"health": {"settle": "0s"}}}
NONE_HEALTHY = ("Allocate failed due to no healthy devices present; cannot allocate unhealthy devices "
                f"{GPU}, which is unexpected")
# Kubelet drops a resource five minutes after its plugin was lost, when it counts next.
GRACE_SECONDS = 330
# Of an identity, for a person to compare.
SHORT = 8
NUMBERS = itertools.count(1)


class NodeCase(ClusterCase):
    """What the tests below do to a node, and how they look at it."""

    def clear(self):
        if self.pods():
            self.node.kubectl("delete", "pods", "--all", "--force", "--grace-period=0")

    @contextlib.contextmanager
    def kubelet_down(self):
        """Killed, and there again afterwards."""
        self.node.kubelet.stop(signal.SIGKILL)
        try:
            yield
        finally:
            self.node.start_kubelet()

    def restart_kubelet(self):
        with self.kubelet_down():
            pass

    def held(self, version="v1", resource=GPU):
        """{pod: {container: [GPU, ...]}} of the pods that hold any; None: kubelet does not answer."""
        pods = pod_resources.pods(resource, version)
        return pods if pods is None else {
            name: {container: short(ids) for container, ids in containers.items()}
            for name, containers in pods.items() if any(containers.values())}

    def held_by(self, name, resource=GPU):
        """Of its container; None: kubelet does not know the pod."""
        pods = pod_resources.pods(resource)
        return short(pods[name]["main"]) if pods and name in pods else None

    def offered(self, resource=GPU):
        """The healthy GPUs that kubelet knows of."""
        ids = pod_resources.offered(resource)
        return ids if ids is None else short(ids)

    def visible(self, name, container="main"):
        """The GPUs whose device nodes the container has."""
        return gpus_of(self.node.kubectl("exec", name, "-c", container, "--", "ls", "/dev"))

    def instance(self, name):
        """What changes when a pod or its container is another one."""
        pod = self.read_pod(name)
        row = pod["status"]["containerStatuses"][0]
        return (pod["metadata"]["uid"][:SHORT], row["containerID"][-SHORT:], row["restartCount"],
                pod["status"]["phase"])

    def refusals(self, name):
        """Why kubelet did not admit it. The pod's own phase follows up to ten seconds later, where kubelet
        has only just begun."""
        uid = self.read_pod(name)["metadata"]["uid"]
        events = self.node.read("/api/v1/namespaces/default/events")["items"]
        return [event["message"] for event in events if event["involvedObject"].get("uid") == uid
                and event["reason"] == "UnexpectedAdmissionError"]

    def put_pod(self, name, **keys):
        """On the node, past the scheduler."""
        self.apply_pod(name, self.container("main", **keys), nodeName=NAME)

    def restart_container(self, name):
        """Its program ends, and kubelet starts the container anew."""
        before = self.instance(name)
        self.kill_container(name, "SIGTERM")
        self.wait(lambda: self.restarts_of(name) == before[2] + 1, f"{name} to be started again")

    def restarts_of(self, name):
        row = self.read_pod(name)["status"]["containerStatuses"][0]
        return row["restartCount"] if "running" in row["state"] else None

    def health_in_status(self, name):
        """{GPU: health} as the status of the pod tells it."""
        rows = self.read_pod(name)["status"].get("containerStatuses", [])
        return {short([device["resourceID"]])[0]: device["health"] for row in rows
                for resource in row.get("allocatedResourcesStatus", []) if resource["name"] == GPU
                for device in resource["resources"]}

    def resource(self):
        """A name that no other test has."""
        return f"example.com/gpu-{next(NUMBERS)}"

    def plugin(self, *devices):
        """Not ours."""
        plugin = Plugin(PLUGINS, f"plugin-{next(NUMBERS)}.sock", devices)
        self.addCleanup(plugin.close)
        return plugin

    # The agent as a pod that nobody starts again.

    def agent_pod(self, name):
        spec = plugin_document("default")["spec"]["template"]["spec"]
        self.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": SYSTEM},
                    "spec": {**spec, "restartPolicy": "Never"}})
        self.addCleanup(self.delete_agent_pod, name)
        self.wait(lambda: self.read_pod(name, SYSTEM)["status"]["phase"] == "Running", f"{name} to run")

    def delete_agent_pod(self, name):
        self.node.kubectl("-n", SYSTEM, "delete", "pod", name, "--now", "--ignore-not-found")

    def tasks(self, *words):
        """Of containerd, below kubelet."""
        return subprocess.run([str(self.node.programs / "ctr"), "-n", "k8s.io", "tasks", *words],
                              check=True, capture_output=True, text=True).stdout

    def kill_container(self, name, number, namespace="default"):
        row = self.read_pod(name, namespace)["status"]["containerStatuses"][0]
        self.tasks("kill", "-s", number, row["containerID"].removeprefix("containerd://"))

    def lose_agent(self):
        """It serves the node's one GPU, until it is killed."""
        self.agent_pod("agent")
        self.sees("with the agent", ("1", "1"), self.amounts)
        self.kill_container("agent", "SIGKILL", SYSTEM)
        self.sees("the agent was killed", ("1", "0"), self.amounts)


def short(ids):
    """Numbers of the GPUs, where they are GPUs of the node."""
    numbers = {driver.uuid(number): number for number in range(driver.GPUS_MAX)}
    return [numbers.get(ident, ident) for ident in ids]


def gpus_of(listing):
    return [int(number) for number in sorted(re.findall(r"\bnvidia(\d+)\b", listing))]


class OurNode(NodeCase):
    """One agent for all tests of a class; each begins with all GPUs well and no pods."""

    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(remove_plugin)

    def setUp(self):
        super().setUp()
        if not self.plugin_pod():
            self.start_plugin()
        self.wait(lambda: self.amounts() == self.full(), "every GPU to be offered")

    def start_plugin(self):
        """Without waiting for the probe that calls it ready, which comes each five seconds."""
        self.set_config(CONFIG)
        apply_plugin("time-slicing")

    def restart_plugin(self):
        """Its pod is deleted, and the DaemonSet makes another."""
        self.node.kubectl("-n", SYSTEM, "delete", "pods", "-l", PLUGIN_LABEL, "--now")

    def scenario(self):
        return self.scenario_of([True] * self.gpus)

    def scenario_of(self, wells):
        """By an Xid, so that it is seen at once, and by what the driver wants done."""
        scenario = driver.scenario(self.gpus)
        for gpu, is_well in zip(scenario["gpus"], wells):
            gpu["recoveryAction"] = "none" if is_well else "nodeReboot"
        turn = next(NUMBERS)
        scenario["events"] = [{"id": f"turn-{turn}-{number}", "gpu": number, "xid": 79}
                              for number, is_well in enumerate(wells) if not is_well]
        return scenario

    def set_health(self, *wells):
        driver.write_scenario(self.scenario_of(wells))

    def full(self):
        return (str(self.gpus), str(self.gpus))


class FourGpus(OurNode):
    gpus = 4

    def test_a_pod_sees_its_device_and_both_pod_resources_apis_list_it(self):
        """1."""
        self.sees("before: who holds any", {}, self.held)
        self.run_pod("one")
        expected = {"one": {"main": self.visible("one")}}
        self.assertEqual(len(expected["one"]["main"]), 1)
        for version in ("v1", "v1alpha1"):
            self.sees(version, expected, lambda: self.held(version))
            self.sees(f"{version}: the plugin's pod is listed, too",
                      {self.plugin_pod()["metadata"]["name"], "one"},
                      lambda: set(pod_resources.pods(GPU, version)))

    def allocated_names(self, name):
        """The CDI names that Allocate answered, from kubelet's checkpoint."""
        uid = self.read_pod(name)["metadata"]["uid"]
        entries = json.loads(CHECKPOINT.read_text())["Data"]["PodDeviceEntries"]
        answers = [deviceplugin.parse("ContainerAllocateResponse", base64.b64decode(entry["AllocResp"]))
                   for entry in entries if entry["PodUID"] == uid]
        return [device.name for answer in answers for device in answer.cdi_devices]

    def test_a_cdi_device_named_in_allocate_is_in_the_container(self):
        """2."""
        self.run_pod("one")
        ids = self.held_by("one")
        self.sees("named in Allocate", [f"{CDI_KIND}={driver.uuid(ids[0])}"],
                  lambda: self.allocated_names("one"))
        self.sees("GPUs in /dev", ids, lambda: self.visible("one"))
        self.sees("the environment of the CDI device", True,
                  lambda: "NVIDIA_VISIBLE_DEVICES=void" in self.execute("one", "env").splitlines())

    def test_a_container_that_restarts_keeps_its_device(self):
        """3."""
        self.run_pod("one")
        ids = self.held_by("one")
        self.restart_container("one")
        self.sees("in the container after its restart", ids, lambda: self.visible("one"))
        self.sees("in pod-resources", ids, lambda: self.held_by("one"))
        self.run_pod("two")
        self.sees("both pods", 2, lambda: len({*ids, *self.visible("two")}))
        self.sees("the second in pod-resources", self.visible("two"), lambda: self.held_by("two"))

    def test_kubelet_that_restarts_finds_all_devices_and_pods_undisturbed(self):
        """4."""
        self.run_pod("one")
        ids, instance = self.held_by("one"), self.instance("one")
        self.restart_kubelet()
        self.sees("healthy devices that the new kubelet knows", [0, 1, 2, 3], self.offered)
        self.sees("the node", self.full(), self.amounts)
        self.sees("what it holds", ids, lambda: self.held_by("one"))
        self.sees("the same container of the same pod", instance, lambda: self.instance("one"))

    def test_a_container_and_kubelet_restart_and_the_device_stays(self):
        """5."""
        self.run_pod("one")
        ids = self.held_by("one")
        self.restart_container("one")
        self.restart_kubelet()
        self.sees("healthy devices that the new kubelet knows", [0, 1, 2, 3], self.offered)
        self.sees("what it holds", ids, lambda: self.held_by("one"))
        self.sees("in the container", ids, lambda: self.visible("one"))

    def test_a_pod_that_succeeded_stays_so_without_plugin_and_after_kubelets_restart(self):
        """6. Between the plugin's end and kubelet's restart capacity stays; after it both are 0."""
        self.run_to_its_end("one")
        remove_plugin()
        self.sees("without plugin: capacity and allocatable", ("4", "0"), self.amounts)
        self.restart_kubelet()
        self.sees("after kubelet's restart", ("0", "0"), self.amounts)
        self.sees("the pod", "Succeeded", lambda: self.phase("one"))
        self.start_plugin()
        self.sees("with a plugin again", self.full(), self.amounts)
        self.sees("the pod then", "Succeeded", lambda: self.phase("one"))
        self.sees("it was not admitted again and refused", [], lambda: self.refusals("one"))

    def run_to_its_end(self, name):
        self.apply_pod(name, self.container("main", command=["true"]), restartPolicy="Never")
        self.wait(lambda: self.phase(name) == "Succeeded", f"{name} to succeed")

    def test_a_plugin_that_restarts_is_back_and_pods_keep_what_they_hold(self):
        """7."""
        self.run_pod("one")
        ids, instance = self.held_by("one"), self.instance("one")
        self.restart_plugin()
        self.sees("healthy devices", [0, 1, 2, 3], self.offered)
        self.sees("the node", self.full(), self.amounts)
        self.sees("what it holds", ids, lambda: self.held_by("one"))
        self.sees("the same container of the same pod", instance, lambda: self.instance("one"))

    def test_kubelet_and_then_the_plugin_restart_and_the_pod_is_undisturbed(self):
        """8."""
        self.run_pod("one")
        ids, instance = self.held_by("one"), self.instance("one")
        self.restart_kubelet()
        self.sees("healthy devices that the new kubelet knows", [0, 1, 2, 3], self.offered)
        self.restart_plugin()
        self.sees("the same with the new plugin", [0, 1, 2, 3], self.offered)
        self.sees("what it holds", ids, lambda: self.held_by("one"))
        self.sees("the same container of the same pod", instance, lambda: self.instance("one"))

    def test_a_pod_deleted_while_kubelet_is_down_gives_its_devices_back(self):
        """9."""
        self.run_pod("one", count=4)
        with self.kubelet_down():
            self.node.kubectl("delete", "pod", "one", "--force", "--grace-period=0")
        self.sees("healthy devices that the new kubelet knows", [0, 1, 2, 3], self.offered)
        name = self.plugin_pod()["metadata"]["name"]
        self.sees("the pods that it knows", [name], lambda: list(pod_resources.pods(GPU) or ()))
        self.sees("who holds any", {}, self.held)
        self.run_pod("two", count=4)
        self.sees("a pod that takes all", [0, 1, 2, 3], lambda: self.held_by("two"))

    def test_an_init_container_and_a_sidecar_share_a_device_that_the_app_has_not(self):
        """10."""
        first = self.container("first", command=["ls", "/dev"])
        sidecar = self.container("sidecar", restartPolicy="Always")
        self.apply_pod("one", self.container("main"), initContainers=[first, sidecar])
        self.wait(lambda: self.phase("one") == "Running", "the pod to run")
        of_first = gpus_of(self.node.kubectl("logs", "one", "-c", "first"))
        of_sidecar, of_main = self.visible("one", "sidecar"), self.visible("one")
        self.sees("init container and sidecar", of_first, lambda: of_sidecar)
        self.sees("sidecar and app together", 2, lambda: len({*of_sidecar, *of_main}))
        self.sees("pod-resources", {"one": {"sidecar": of_sidecar, "main": of_main}}, self.held)

    def kill_everything(self):
        """As a reboot does: no process of a container is left."""
        for identity in re.findall(r"^(\S+)\s+\d+\s+RUNNING", self.tasks("ls"), re.MULTILINE):
            self.tasks("kill", "-s", "SIGKILL", identity)

    def test_a_pod_that_is_back_from_a_reboot_before_the_plugin_is_refused(self):
        """11. Since 1.34 pod-resources lists active pods alone, and so not what the pod held."""
        self.run_pod("one")
        remove_plugin()
        with self.kubelet_down():
            self.kill_everything()
        self.sees("the pod is refused", [NONE_HEALTHY], lambda: self.refusals("one"))
        self.sees("who holds any", {}, self.held)
        self.start_plugin()
        self.sees("the node with the plugin", self.full(), self.amounts)

    def test_allocatable_follows_each_change_of_health(self):
        """15."""
        for wells in ((1, 1, 1, 0), (1, 1, 1, 1), (1, 0, 1, 0), (1, 1, 1, 0), (1, 1, 1, 1)):
            self.set_health(*wells)
            self.sees(f"healthy: {sum(wells)} of 4", ("4", str(sum(wells))), self.amounts)

    def test_topology_is_as_the_plugin_that_registered_last_says(self):
        """22."""
        self.sees("NUMA nodes", {0: [0], 1: [0], 2: [0], 3: [0]}, self.nodes)
        scenario = self.scenario()
        scenario["gpus"][3]["numaNode"] = 1
        driver.write_scenario(scenario)
        self.restart_plugin()
        self.sees("after one GPU was moved", {0: [0], 1: [0], 2: [0], 3: [1]}, self.nodes)
        driver.write_scenario(self.scenario())
        self.restart_plugin()
        self.sees("and back", {0: [0], 1: [0], 2: [0], 3: [0]}, self.nodes)

    def nodes(self):
        found = pod_resources.nodes_of(GPU)
        return found if found is None else dict(zip(short(found), found.values()))

    def test_a_pod_that_comes_before_the_plugin_is_refused(self):
        """23."""
        remove_plugin()
        self.restart_kubelet()
        self.sees("the node after kubelet's restart", ("0", "0"), self.amounts)
        self.put_pod("one")
        self.sees("a pod that was put on the node", [NONE_HEALTHY], lambda: self.refusals("one"))
        self.sees("the node then", ("0", "0"), self.amounts)


class OneGpu(OurNode):
    def test_a_device_leaves_and_returns(self):
        """13."""
        self.set_health(False)
        self.sees("unhealthy", ("1", "0"), self.amounts)
        self.set_health(True)
        self.sees("healthy", ("1", "1"), self.amounts)

    def test_a_pod_runs_on_when_its_device_leaves(self):
        """14."""
        self.run_pod("one")
        instance = self.instance("one")
        self.set_health(False)
        self.sees("unhealthy", ("1", "0"), self.amounts)
        self.sees("the same container of the same pod", instance, lambda: self.instance("one"))
        self.delete_pods()
        self.sees("without the pod", ("1", "0"), self.amounts)
        self.sees("healthy devices that kubelet knows", [], self.offered)

    def test_the_status_of_a_pod_tells_the_health_of_its_device(self):
        """19."""
        self.run_pod("one")
        self.follow_health("one")

    def follow_health(self, name):
        for is_well, health in ((True, "Healthy"), (False, "Unhealthy"), (True, "Healthy")):
            self.set_health(is_well)
            self.sees(f"it is {health}", {0: health}, lambda: self.health_in_status(name))

    def test_the_status_of_a_pod_without_image_tells_the_health_of_its_device(self):
        """20."""
        self.pod("one", image="rota.test/nowhere:1", imagePullPolicy="Always")
        self.sees("it waits for its image", True, lambda: self.reason_of_waiting("one") in (
            "ErrImagePull", "ImagePullBackOff"))
        self.follow_health("one")

    def reason_of_waiting(self, name):
        rows = self.read_pod(name)["status"].get("containerStatuses", [])
        return rows[0]["state"].get("waiting", {}).get("reason") if rows else None


class TwoPlugins(OurNode):
    """At a time and for one resource. Up to 1.36 the end of either's stream is to kubelet that of the one
    that registered last, which has to register again."""

    def setUp(self):
        super().setUp()
        self.before = self.registered()

    def registered(self):
        """How often anybody did."""
        return self.node.kubelet.log_path.read_text().count("Got registration request")

    def sees_registered(self, step, times):
        """So often in this test, and the agent's GPU is offered."""
        self.sees(step, (times, [0]), lambda: (self.registered() - self.before, self.offered()))

    def test_the_newer_agent_heals_when_the_older_ends(self):
        """Newer, on one socket."""
        self.agent_pod("newer")
        self.sees_registered("two at a time", 1)
        remove_plugin()
        self.sees_registered("the older has ended, and the newer registered again", 2)
        self.sees("the node", self.full(), self.amounts)

    def test_the_older_agent_heals_when_the_newer_ends(self):
        """Newer, on one socket."""
        self.agent_pod("newer")
        self.sees_registered("two at a time", 1)
        self.delete_agent_pod("newer")
        self.sees_registered("the newer has ended, and the older registered again", 2)
        self.sees("the node", self.full(), self.amounts)

    def test_the_agent_heals_when_an_older_plugin_on_another_socket_ends(self):
        """Newer, on two sockets."""
        remove_plugin()
        older = self.plugin("older")
        older.register(GPU)
        self.sees("another plugin", ["older"], self.offered)
        self.start_plugin()
        self.sees_registered("the agent takes its place", 2)
        older.fail_stream("at its end")
        self.sees_registered("the older has ended, and the agent registered again", 3)
        self.sees("the node", self.full(), self.amounts)


class FailingPlugins(NodeCase):
    """Kubelet with a plugin that fails, each test for a resource of its own."""

    def kept(self, plugin, resource):
        """How kubelet has it once it has counted anew, and how often it asked for the list."""
        witness = self.resource()
        self.plugin("x").register(witness)
        self.sees("another plugin, registered since then", ("1", "1"), lambda: self.amounts(witness))
        return (*self.amounts(resource), calls(plugin).count("ListAndWatch"))

    def test_options_that_fail_are_a_registration_that_fails(self):
        """12."""
        plugin, resource = self.plugin("a"), self.resource()
        plugin.error["GetDevicePluginOptions"] = "not today"
        with self.assertRaises(grpc.RpcError) as caught:
            plugin.register(resource)
        self.sees("what Register says", "failed to get device plugin options: rpc error: code = Unknown "
                  "desc = not today", caught.exception.details)
        self.sees("resource and calls of ListAndWatch", (None, None, 0),
                  lambda: self.kept(plugin, resource))
        self.sees("calls", ["GetDevicePluginOptions"], lambda: calls(plugin))

    def test_a_list_that_fails_at_once_is_a_resource_of_nothing(self):
        """16."""
        plugin, resource = self.plugin("a"), self.resource()
        plugin.error["ListAndWatch"] = "not today"
        plugin.register(resource)
        self.sees("the node", ("0", "0"), lambda: self.amounts(resource))
        self.sees("later, and calls of ListAndWatch", ("0", "0", 1), lambda: self.kept(plugin, resource))

    def lose_list(self):
        """A plugin and its resource, of two devices until its list failed."""
        plugin, resource = self.plugin("a", "b"), self.resource()
        plugin.register(resource)
        self.sees("with the plugin", ("2", "2"), lambda: self.amounts(resource))
        plugin.fail_stream("not any more")
        self.sees("its list has failed", ("2", "0"), lambda: self.amounts(resource))
        return plugin, resource

    def test_a_list_that_fails_later_leaves_its_capacity(self):
        """17."""
        plugin, resource = self.lose_list()
        self.sees("later, and calls of ListAndWatch", ("2", "0", 1), lambda: self.kept(plugin, resource))

    def test_an_agent_that_was_killed_leaves_its_capacity(self):
        """18."""
        self.lose_agent()

    @unittest.skipUnless(cluster_case.IS_LONG, "waits for more than five minutes: run.py --long")
    def test_capacity_goes_five_minutes_after_the_plugin(self):
        """17 and 18, how they end."""
        plugin, resource = self.lose_list()
        self.lose_agent()
        self.sees("the list that failed", ("0", "0"), lambda: self.amounts(resource), GRACE_SECONDS)
        self.sees("the agent that was killed", ("0", "0"), self.amounts, GRACE_SECONDS)
        self.sees("calls of ListAndWatch", 1, lambda: calls(plugin).count("ListAndWatch"))

    def test_a_checkpoint_of_before_1_20_is_forgotten(self):
        """21. 1.35 cannot read it and goes on without: nobody is refused. The node's numbers stand still, the
        pods of before hold nothing, and one that comes before the plugin runs without a device."""
        resource = self.resource()
        self.plugin("a", "b").register(resource)
        self.run_pod("one", resource=resource)
        self.sees("what the pod holds", 1, lambda: len(self.held_by("one", resource)))
        with self.kubelet_down():
            self.age_checkpoint()
        self.sees("what it holds then", [], lambda: self.held_by("one", resource))
        self.sees("the node", ("2", "2"), lambda: self.amounts(resource))
        self.put_pod("two", resource=resource)
        self.sees("another that was put on the node", ("Running", []),
                  lambda: (self.phase("two"), self.held_by("two", resource)))
        self.plugin("a", "b", "c").register(resource)
        self.sees("with the plugin", ("3", "3"), lambda: self.amounts(resource))
        self.sees("the pod of before", "Running", lambda: self.phase("one"))

    def age_checkpoint(self):
        """Lists of ids, as it had them before they were put below NUMA nodes."""
        document = json.loads(CHECKPOINT.read_text())
        for entry in document["Data"]["PodDeviceEntries"]:
            entry["DeviceIDs"] = [ident for ids in entry["DeviceIDs"].values() for ident in ids]
        CHECKPOINT.write_text(json.dumps(document))


def calls(plugin):
    """What kubelet has asked it so far."""
    return [name for name, _ in list(plugin.calls.queue)]

