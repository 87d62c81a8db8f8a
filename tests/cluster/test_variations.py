# SPDX-License-Identifier: Apache-2.0
"""What else must work besides the tutorial: parts of GPUs, other names, larger requests, each way in which
a container is told its devices, a wrong configuration, an upgrade, a reboot, and the agent's own pod."""

import errno
import json
import pathlib
import shutil
import signal

import driver
from cluster_case import GPU
from images import AGENT
from plugin_case import BAD_CONFIG, BAD_PLACE, SHARED, PluginCase, look_below_driver, shared

PART = "nvidia.com/mig-1g.5gb"
# Number of the part: id of its GPU instance, as the simulated driver gives it.
INSTANCES = {1: 12, 2: 13}
CONTROL = ["nvidia-uvm", "nvidiactl"]


def mig(strategy, replicas, name=GPU):
    return {**shared(replicas, name), "flags": {"migStrategy": strategy}}


class Devices(PluginCase):
    """What kubelet and containers get."""

    def sees_part(self, name, resource):
        """The pod has the nodes of its part and no other's."""
        ident, = self.held(name, resource)
        number = int(ident.removeprefix("MIG-").split("-")[0])
        caps = [f"nvidia-caps/{cap}" for cap in driver.capabilities(0, INSTANCES[number])]
        nodes = sorted(["nvidia-caps", "nvidia0", *CONTROL, *caps])
        self.sees(f"nodes of {name}, part {number}", nodes, lambda: self.device_nodes(name))

    def test_parts_are_shared_under_the_name_of_their_profile_or_as_gpus(self):
        document = driver.scenario(1)
        document["gpus"][0].update(driver.divided("1g.5gb", 1, 2))
        driver.write_scenario(document)
        self.set_config(mig("mixed", 3, PART))
        self.roll_out("time-slicing", look_below_driver)
        self.sees_amount("mixed: two parts, three replicas each", 6, PART)
        self.sees_nothing("mixed: no GPU")
        self.run_pods(2, resource=PART)
        for name in ("pod-1", "pod-2"):
            self.sees_part(name, PART)
        self.sees("nvidia-smi of a pod", True, lambda: driver.part_uuid(1) in self.execute(
            "pod-1", "nvidia-smi", "-L"))
        self.node.kubectl("delete", "pods", "--all", "--now")
        self.set_config(mig("single", 2))
        self.roll_out("time-slicing", look_below_driver, MIG_STRATEGY="single")
        self.sees_amount("single: two parts, two replicas each", 4)
        self.sees_nothing("single: the name of the profile", PART)
        self.run_pods(1, prefix="single")
        self.sees_part("single-1", GPU)

    def test_a_new_name_and_requests_for_several_replicas(self):
        self.install(shared(4, renameByDefault=True))
        self.sees_amount("the new name", 4, SHARED)
        self.sees_nothing("the old name")
        self.run_pod("two", count=2, resource=SHARED)
        ids = [f"{driver.uuid(0)}::{n}" for n in range(2)]
        self.sees("a pod of two replicas holds both", ids, lambda: self.held("two", SHARED))
        self.sees("and sees one GPU", [driver.uuid(0)], lambda: self.gpus_seen("two"))
        self.sees("which rota status counts as one allocation", [1], lambda: [
            row["allocations"] for row in self.status()["resources"]])
        self.set_config(shared(4, renameByDefault=True, failRequestsGreaterThanOne=True))
        self.sees("the edit is in force", True, lambda: "configuration read again" in self.agent_log())
        self.pod("greedy", count=2, resource=SHARED)
        self.sees("two replicas where only one is allowed", "Failed", lambda: self.phase("greedy"))
        reason, message = self.failure("greedy")
        self.sees("its reason", "UnexpectedAdmissionError", lambda: reason)
        self.sees("in NVIDIA's words", True, lambda: "maximum request size for shared resources is 1; "
                  "found 2" in message)
        self.run_pod("modest", resource=SHARED)
        self.sees("the pod of before", "Running", lambda: self.phase("two"))

    def test_each_way_in_which_a_container_is_told_its_devices(self):
        driver.write_scenario(driver.scenario(2))
        self.roll_out("default", DEVICE_LIST_STRATEGY="cdi-annotations")
        self.run_pod("annotations")
        self.sees_gpu("annotations")
        self.roll_out("default", DEVICE_ID_STRATEGY="index")
        self.run_pod("index")
        self.sees_gpu("index")
        self.node.kubectl("delete", "pods", "--all", "--now")
        self.roll_out("default", look_below_driver, DEVICE_LIST_STRATEGY="envvar", PASS_DEVICE_SPECS="true")
        self.run_pod("envvar")
        minor = self.minor_of("envvar")
        self.sees("envvar: the variable", driver.uuid(minor), lambda: self.variable("envvar"))
        self.sees("envvar: nodes by passDeviceSpecs", sorted([f"nvidia{minor}", *CONTROL]),
                  lambda: self.device_nodes("envvar"))

    def minor_of(self, name):
        """Of the GPU that kubelet gave the pod."""
        ident, = self.held(name)
        return next(minor for minor in range(driver.GPUS_MAX) if driver.uuid(minor) == ident)

    def variable(self, name):
        return self.execute(name, "sh", "-c", "echo $NVIDIA_VISIBLE_DEVICES").strip()

    def sees_gpu(self, name):
        """By CDI the container has its node, the library and nvidia-smi; a variable would say nothing."""
        minor = self.minor_of(name)
        self.sees(f"{name}: nodes", sorted([f"nvidia{minor}", *CONTROL]), lambda: self.device_nodes(name))
        self.sees(f"{name}: nvidia-smi", [driver.uuid(minor)], lambda: self.gpus_seen(name))


class Life(PluginCase):
    """Roll-outs, an upgrade, a reboot."""

    def test_a_wrong_configuration_is_told_at_the_roll_out(self):
        self.install()
        self.run_pod("before")
        before = self.identities()
        self.set_config(BAD_CONFIG)
        self.apply_edited("time-slicing")
        self.sees("the new agent ends", True, lambda: self.waiting() == ("CrashLoopBackOff", 1))
        self.sees("its log names the fault and its line", True, lambda: BAD_PLACE in self.agent_log())
        self.sees("the pod is not ready", False, self.is_plugin_ready)
        self.sees("the node", ("1", "0"), self.amounts)
        self.sees_undisturbed("a wrong configuration", before)
        self.set_config(shared(5))
        self.wait_plugin()
        self.sees_amount("mended", 5)
        self.sees_undisturbed("mended", before)

    def waiting(self):
        """(why the agent's container waits, with what it ended)."""
        pod = self.plugin_pod()
        for row in pod["status"].get("containerStatuses", []) if pod else []:
            ended = row.get("lastState", {}).get("terminated", {})
            return row["state"].get("waiting", {}).get("reason"), ended.get("exitCode")
        return None, None

    def reboot(self):
        """Every container of the node is gone at once, and what lay in /run; then kubelet starts."""
        self.node.kubelet.stop(signal.SIGKILL)
        for row in self.tasks():
            self.containerd("tasks", "kill", "--signal", "SIGKILL", row["TASK"])
        self.wait(lambda: all(row["STATUS"] == "STOPPED" for row in self.tasks()), "no process of a container")
        shutil.rmtree("/var/run/cdi")
        self.node.start_kubelet()

    def ready_replicas(self):
        return self.node.get("deployment", "work")["status"].get("readyReplicas", 0)

    def running(self):
        """Containers of pods that run, by their ids."""
        return {row["containerID"] for pod in self.pods() if pod["status"]["phase"] == "Running"
                for row in pod["status"].get("containerStatuses", []) if row["ready"]}

    def deploy(self, replicas):
        """Pods of a controller."""
        self.addCleanup(self.node.kubectl, "delete", "deployment", "work", "--cascade=foreground")
        labels = {"app": "work"}
        self.apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "work"}, "spec": {
            "replicas": replicas, "selector": {"matchLabels": labels}, "template": {
                "metadata": {"labels": labels}, "spec": {
                    "terminationGracePeriodSeconds": 5, "containers": [self.container("main")]}}}})
        self.sees("ready replicas of the deployment", replicas, self.ready_replicas)

    def test_an_upgrade_leaves_pods_alone_and_after_a_reboot_controllers_have_them_again(self):
        newer = AGENT.replace("0.1.0", "0.1.1")
        self.containerd("images", "tag", "--force", AGENT, newer)
        self.install(shared(3))
        self.deploy(2)
        before = self.identities()
        self.roll_out("time-slicing", lambda container: container.update(image=newer))
        self.sees("the agent's image", newer, lambda: self.plugin_pod()["spec"]["containers"][0]["image"])
        self.sees_amount("after the upgrade", 3)
        self.sees_undisturbed("after the upgrade", before)
        self.run_pod("bare")
        self.sees("a new pod has the replica that was free", [f"{driver.uuid(0)}::2"],
                  lambda: self.held("bare"))
        before = self.running()
        self.reboot()
        self.sees("as many run again, in new containers", (2, 0),
                  lambda: (len(self.running()), len(self.running() & before)))
        self.sees("a pod without controller", "Failed", lambda: self.phase("bare"))
        self.wait_plugin()
        self.sees_amount("after the reboot", 3)
        name = next(pod["metadata"]["name"] for pod in self.pods() if pod["status"]["phase"] == "Running")
        self.sees("a pod has its GPU", [driver.uuid(0)], lambda: self.gpus_seen(name))


class AgentPod(PluginCase):
    """The pod of the agent itself."""

    def privileges(self):
        status = pathlib.Path(f"/proc/{self.agent_process()}/status").read_text(encoding="utf-8")
        rows = dict(line.split(":\t", 1) for line in status.splitlines())
        return {name: rows[name] for name in ("CapPrm", "CapEff", "CapBnd", "NoNewPrivs")}

    def write_errno(self, path):
        """What hinders a write where the agent's container has this path; mounts count, not our user."""
        try:
            with open(f"/proc/{self.agent_process()}/root/{path}", "w", encoding="utf-8"):
                return 0
        except OSError as error:
            return error.errno

    def set_faults(self, *faults):
        driver.write_scenario(driver.scenario(1, faults=faults))

    def readiness(self):
        """(whether kubelet counts the pod as ready, what /readyz answers)."""
        return self.is_plugin_ready(), self.page("/readyz")[0]

    def test_it_is_ready_as_readyz_says_tells_what_it_has_and_may_do_little(self):
        fault = {"call": "nvmlInit_v2", "do": "fail", "error": "NVML_ERROR_DRIVER_NOT_LOADED"}
        self.set_faults(fault)
        self.apply_edited("default", FAIL_ON_INIT_ERROR="false")
        self.wait(lambda: self.plugin_pod() and self.plugin_pod()["status"].get("podIP"), "an address")
        self.sees("no driver", (False, 503), self.readiness)
        self.sees("the reason", True, lambda: "driver" in self.page("/readyz")[1])
        self.set_faults()
        self.sees("a driver", (True, 200), self.readiness)
        self.sees_amount("a driver", 1)
        self.run_pod("one")
        self.see_what_it_tells()
        self.see_what_it_may_do()
        self.set_faults(fault, {"call": "nvmlDeviceGetHandleByIndex_v2", "do": "crash"})
        self.sees("a driver that crashes", (False, 503), self.readiness)

    def see_what_it_tells(self):
        self.sees("rota status", [[GPU, "1", "1", "registered", "1", "0"]], lambda: [
            line.split() for line in self.in_agent("rota", "status").splitlines() if line.startswith(GPU)])
        devices = json.loads(self.in_agent("rota", "devices", "-o", "json"))["devices"]
        self.sees("rota devices", [(driver.uuid(0), GPU, 1)], lambda: [
            (row["uuid"], row["resource"], row["replicas"]) for row in devices])
        self.sees("/metrics", True, lambda: 'rota_allocations_total{resource="nvidia.com/gpu"} 1\n'
                  in self.metrics())
        self.sees("/healthz", 200, lambda: self.page("/healthz")[0])

    def see_what_it_may_do(self):
        self.sees("its privileges", {"CapPrm": "0" * 16, "CapEff": "0" * 16, "CapBnd": "0" * 16,
                                     "NoNewPrivs": "1"}, self.privileges)
        self.sees("a file below its root", errno.EROFS, lambda: self.write_errno("usr/bin/file"))
        self.sees("a file among its sockets", 0, lambda: self.write_errno("run/rota/file"))
