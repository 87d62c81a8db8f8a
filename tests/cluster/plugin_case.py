# SPDX-License-Identifier: Apache-2.0
"""What tests of the plugin as it runs in its pod share: its commands, what it knows, what kubelet gave to
whom, and that running pods are left alone."""

import json
import os
import pathlib
import signal
import subprocess
import urllib.error
import urllib.request

from cluster_case import DAEMON_SET, GPU, SYSTEM, ClusterCase, plugin_document

CHECKPOINT = pathlib.Path("/var/lib/kubelet/device-plugins/kubelet_internal_checkpoint")
# What the agent knows is on the node within this.
TOLD_SECONDS = 10
PROBE_SECONDS = 1
HTTP_PORT = 8402
HTTP_SECONDS = 10
SHARED = "nvidia.com/gpu.shared"
BAD_CONFIG = """version: v1
sharing:
  timeSlicing:
    resources:
    - name: nvidia.com/gpu
      replicas: 1
"""
BAD_PLACE = "/config/config.yaml:6:17: sharing.timeSlicing.resources[0].replicas: "


def shared(replicas, name=GPU, **keys):
    """A configuration that shares one resource by time slicing."""
    return {"version": "v1",
            "sharing": {"timeSlicing": {**keys, "resources": [{"name": name, "replicas": replicas}]}}}


def look_below_driver(container):
    """Let the agent find /dev and /proc of a node with an NVIDIA driver, which are in the driver's folder."""
    def mount(volume, path, **keys):
        container["volumeMounts"].append({"name": volume, "mountPath": f"/node/{path}", **keys})
    container["env"].append({"name": "ROTA_ROOT", "value": "/node"})
    mount("driver-root", "driver-root", readOnly=True)
    mount("driver-root", "dev", subPath="dev", readOnly=True)
    mount("driver-root", "proc/driver", subPath="proc/driver", readOnly=True)
    mount("cdi", "var/run/cdi")


def probe_often(container):
    """So that no test waits for the next probe."""
    container["readinessProbe"]["periodSeconds"] = PROBE_SECONDS


class PluginCase(ClusterCase):
    def apply_edited(self, name, *edits, **environment):
        """A manifest whose container is changed by functions."""
        document = plugin_document(name, environment)
        for edit in (probe_often, *edits):
            edit(document["spec"]["template"]["spec"]["containers"][0])
        return self.node.kubectl("apply", "-f", "-", text=json.dumps(document))

    def roll_out(self, name, *edits, **environment):
        self.apply_edited(name, *edits, **environment)
        self.wait_plugin()

    def install(self, config=None, **environment):
        """Without a text the default manifest; else the one with a ConfigMap that has it."""
        if config is not None:
            self.set_config(config)
        self.roll_out("default" if config is None else "time-slicing", **environment)

    def sees_amount(self, step, number, resource=GPU, **keys):
        """Capacity and allocatable alike."""
        self.sees(step, (str(number), str(number)), lambda: self.amounts(resource), **keys)

    def sees_nothing(self, step, resource=GPU):
        """A name of a test before may still be there, and is not given to anybody."""
        self.sees(step, True, lambda: self.amounts(resource)[1] in (None, "0"))

    # The agent.

    def in_agent(self, *command, is_checked=True):
        """What a command says in the agent's container."""
        return self.node.kubectl("-n", SYSTEM, "exec", f"daemonset/{DAEMON_SET}", "--", *command,
                                 is_checked=is_checked)

    def status(self):
        """The document of `rota status`; without an agent none of its resources, and no news of it."""
        text = self.in_agent("rota", "status", "-o", "json", is_checked=False)
        return json.loads(text) if text else {"resources": [], "devices": [], "configRefused": None}

    def advertised(self):
        """{resource: (replicas, healthy)} as the agent says it."""
        return {row["name"]: (row["replicas"], row["healthy"]) for row in self.status()["resources"]}

    def registrations(self, resource=GPU):
        return sum(row["registrations"] for row in self.status()["resources"] if row["name"] == resource)

    def is_plugin_ready(self):
        pod = self.plugin_pod()
        rows = pod["status"].get("conditions", []) if pod else []
        return any(row["type"] == "Ready" and row["status"] == "True" for row in rows)

    def agent_log(self):
        return self.node.kubectl("-n", SYSTEM, "logs", "-l", "name=nvidia-device-plugin-ds", "--tail=-1",
                                 is_checked=False)

    def agent_process(self):
        """Its process id here: that of the container's first process."""
        name = self.plugin_pod()["status"]["containerStatuses"][0]["containerID"].partition("//")[2]
        return next(int(row["PID"]) for row in self.tasks() if row["TASK"] == name)

    def tasks(self):
        """A row for each running container of the node, pause containers included."""
        lines = self.containerd("tasks", "ls").splitlines()
        return [dict(zip(lines[0].split(), line.split())) for line in lines[1:]]

    def containerd(self, *words):
        return subprocess.run([self.node.programs / "ctr", "--namespace", "k8s.io", *words],
                              capture_output=True, text=True, check=True).stdout

    # Pods.

    def identities(self):
        """{pod: (its containers, restarts)}: alike before and after says that nobody touched a pod."""
        return {pod["metadata"]["name"]: [
            (row.get("containerID"), row["restartCount"], row["ready"])
            for row in pod["status"].get("containerStatuses", [])] for pod in self.pods()}

    def sees_undisturbed(self, step, before):
        """The pods of before run on in the same containers."""
        self.assertTrue(before and all(rows and all(restarts == 0 and ready for _, restarts, ready in rows)
                                       for rows in before.values()), before)

        def disturbed():
            now = self.identities()
            return [name for name, rows in before.items() if now.get(name) != rows]
        self.sees(f"{step}: pods that were disturbed", [], disturbed)

    def run_pods(self, count, prefix="pod", **keys):
        names = [f"{prefix}-{number}" for number in range(1, count + 1)]
        for name in names:
            self.pod(name, **keys)
        self.wait(lambda: all(self.phase(name) == "Running" for name in names), f"{names} to run")
        self.wait(lambda: all(row[2] for rows in self.identities().values() for row in rows), "ready pods")
        return self.identities()

    def failure(self, name):
        """(reason, message) of a pod that failed."""
        status = self.node.get("pod", name)["status"]
        return status.get("reason"), status.get("message", "")

    def held(self, name, resource=GPU):
        """Ids that kubelet gave a pod, as its own checkpoint has them."""
        uid = self.node.get("pod", name)["metadata"]["uid"]
        rows = json.loads(CHECKPOINT.read_text())["Data"]["PodDeviceEntries"] or []
        return sorted(ident for row in rows if row["PodUID"] == uid and row["ResourceName"] == resource
                      for ids in row["DeviceIDs"].values() for ident in ids)

    def device_nodes(self, name):
        """Of NVIDIA's, in a pod; those of parts of GPUs with their folder."""
        return sorted(self.execute(name, "sh", "-c", "cd /dev; ls -d nvidia* nvidia-caps/* 2>/dev/null; true")
                      .split())

    def gpus_seen(self, name):
        """By nvidia-smi in a pod: it needs the library, the scenario and the nodes of the GPUs."""
        return self.execute(name, "nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader").split()

    def restart_kubelet(self, resource=GPU):
        """And wait until it has been told our list again.

        For a second kubelet then answers that there are no pods, and that is when the agent asks it.
        """
        before = self.registrations(resource)
        os.kill(self.agent_process(), signal.SIGHUP)
        self.node.kubelet.stop()
        self.node.start_kubelet()
        self.sees("kubelet restarted, registered again", True,
                  lambda: self.registrations(resource) > before)

    def page(self, path):
        """(status, text) of the agent's HTTP server, at the address of its pod."""
        address = self.plugin_pod()["status"]["podIP"]
        try:
            with urllib.request.urlopen(f"http://{address}:{HTTP_PORT}{path}", timeout=HTTP_SECONDS) as got:
                return got.status, got.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()

    def metrics(self):
        return self.page("/metrics")[1]
