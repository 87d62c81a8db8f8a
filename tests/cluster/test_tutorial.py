# SPDX-License-Identifier: Apache-2.0
"""The published tutorial, step by step, as a reader types it; docs/tutorial.md shows what came of it."""

import json
import os
import pathlib
import re
import subprocess

import driver
from cluster_case import GPU, HERE, NAME, ClusterCase
from images import ROOT

DOCUMENT = ROOT / "docs/tutorial.md"
# Set to write the document anew instead of comparing it.
IS_WRITTEN = "ROTA_WRITE_TUTORIAL" in os.environ
MANIFESTS = "deploy/manifests"
CAPACITY = ("kubectl get nodes -o json | jq -r '.items[] | select(.status.capacity.\"nvidia.com/gpu\" "
            "!= null) | {name: .metadata.name, capacity: .status.capacity}'")
BLOCK = r"(<!-- {} -->\n```text\n)(.*?)(\n```\n<!-- /{} -->)"
# What may differ from run to run and from machine to machine, and what it is compared as.
VARIES = (
    (re.compile(r"^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4} *$", re.M), "DATE"),
    (re.compile(r"(?<=  )(\d+m)?\d+s *$", re.M), "AGE"),
    (re.compile(r"(?<= up )(\d+m)?\d+s"), "TIME"),
    (re.compile(r'"(cpu|memory|pods|hugepages-\w+|ephemeral-storage)": "\w+"'), r'"\1": "AMOUNT"'),
    (re.compile(r" +$", re.M), ""),
)


def settled(text):
    for pattern, word in VARIES:
        text = pattern.sub(word, text)
    return text.strip("\n")


class Tutorial(ClusterCase):
    def setUp(self):
        super().setUp()
        self.typed = []  # command lines and what they said

    def type(self, line):
        """Run a command line as it stands in the tutorial. Only the plugin's manifests get, on their way,
        what the simulated node needs besides."""
        run = re.sub(rf"^kubectl (apply) -f ({MANIFESTS}/nvidia-device-plugin-(default|time-slicing)\.yml)$",
                     rf"kubectl patch --local -f \2 --patch-file {HERE}/simulated-driver.yml -o json"
                     r" | kubectl \1 -f -", line)
        done = subprocess.run(["bash", "-c", run], cwd=ROOT, text=True,
                              capture_output=True, env=self.node.environment())
        self.assertEqual(done.returncode, 0, f"{line}: {done.stderr}")
        self.typed.append(f"$ {line}\n{done.stdout}".rstrip("\n"))
        return done.stdout

    def end_step(self, name):
        """What was typed since the last one stands in the document."""
        seen = "\n\n".join(self.typed)
        self.typed = []
        text = DOCUMENT.read_text()
        pattern = re.compile(BLOCK.format(name, name), re.S)
        found = pattern.search(text)
        self.assertTrue(found, f"{DOCUMENT} has no block named {name}")
        if IS_WRITTEN:
            DOCUMENT.write_text(text[:found.start(2)] + seen + text[found.end(2):])
        else:
            self.assertEqual(settled(found[2]), settled(seen),
                             f"{DOCUMENT} shows other output; `make tutorial` writes it anew")

    def capacity(self):
        """Not shown: a node's status comes a moment later."""
        return self.amounts()[0]

    def models(self, pod):
        said = self.execute(pod, "nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
        return said.splitlines()

    def left(self):
        """Sockets and folders of ours on the node."""
        places = ("/var/lib/kubelet/device-plugins/nvidia*", "/var/run/cdi/*", "/run/rota*", "/var/lib/rota*")
        return [str(path) for place in places for path in pathlib.Path("/").glob(place.lstrip("/"))]

    def test_one_gpu(self):
        self.node.kubectl("label", "node", NAME, "instanceType-")
        self.type(f"kubectl label nodes {NAME} instanceType=gpu")
        self.type(f"kubectl apply -f {MANIFESTS}/nvidia-device-plugin-default.yml")
        self.sees("2 the plugin, without sharing", "1", self.capacity)
        self.assertEqual(json.loads(self.type(CAPACITY))["capacity"][GPU], "1")
        self.end_step("plugin")

        self.type(f"kubectl apply -f {MANIFESTS}/gpu-pod.yml")
        self.sees("3 five pods, one GPU each", {"Pending": 4, "Running": 1}, self.phases)
        self.type("kubectl get pods")
        self.sees("3 nvidia-smi in gpu-pod-1", ["Tesla T4"], lambda: self.models("gpu-pod-1"))
        self.type("kubectl logs gpu-pod-1 | head -12")
        self.end_step("pods")

        self.type(f"cat {MANIFESTS}/nvidia-device-plugin-config.yml")
        self.type(f"kubectl apply -f {MANIFESTS}/nvidia-device-plugin-config.yml")
        self.type(f"kubectl apply -f {MANIFESTS}/nvidia-device-plugin-time-slicing.yml")
        self.sees("4 time slicing", "5", self.capacity)
        self.sees("4 all five pods run", {"Running": 5}, self.phases)
        self.type("kubectl get pods")
        self.assertEqual(json.loads(self.type(CAPACITY))["capacity"][GPU], "5")
        self.sees("4 restarts", 0, self.restarts)
        for number in range(1, 6):
            self.sees(f"4 nvidia-smi in gpu-pod-{number}", ["Tesla T4"],
                      lambda: self.models(f"gpu-pod-{number}"))
        self.wait_plugin()
        self.type("kubectl -n kube-system exec daemonset/nvidia-device-plugin-daemonset -- rota status")
        self.end_step("slicing")

        self.type(f"kubectl delete --now -f {MANIFESTS}/gpu-pod.yml")
        self.type(f"kubectl delete -f {MANIFESTS}/nvidia-device-plugin-time-slicing.yml")
        self.type(f"kubectl delete -f {MANIFESTS}/nvidia-device-plugin-config.yml")
        # Containers that exist were made from it; with the manifests as they are there is none.
        self.sees("6 what is left", ["/var/run/cdi/k8s.device-plugin.nvidia.com-gpu.json"], self.left)
        self.end_step("clean")

    def test_four_gpus(self):
        driver.write_scenario(driver.scenario(4))
        self.type(f"kubectl apply -f {MANIFESTS}/nvidia-device-plugin-default.yml")
        self.sees("2 the plugin, without sharing", "4", self.capacity)
        self.type(f"kubectl apply -f {MANIFESTS}/gpu-pod.yml")
        self.sees("3 five pods, one GPU each", {"Pending": 1, "Running": 4}, self.phases)
        self.type(f"kubectl apply -f {MANIFESTS}/nvidia-device-plugin-config.yml")
        self.type(f"kubectl apply -f {MANIFESTS}/nvidia-device-plugin-time-slicing.yml")
        self.sees("4 time slicing", "20", self.capacity)
        self.sees("4 all five pods run", {"Running": 5}, self.phases)
        self.sees("4 restarts", 0, self.restarts)
