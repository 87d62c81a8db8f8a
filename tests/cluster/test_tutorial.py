# SPDX-License-Identifier: Apache-2.0
"""The published tutorial, step by step, as a reader types it."""

import pathlib

import driver
from cluster_case import MANIFESTS, ClusterCase, apply_plugin, manifest


class Tutorial(ClusterCase):
    def apply_file(self, path):
        return self.node.kubectl("apply", "-f", str(path))

    def walk(self, gpus):
        """Steps 2, 3, 4 and 6 with so many GPUs on the node."""
        driver.write_scenario(driver.scenario(gpus))
        shared = 5 * gpus
        apply_plugin("default")
        self.sees("2 the plugin, without sharing", str(gpus), self.capacity_command)
        self.apply_file(MANIFESTS / "gpu-pod.yml")
        running = min(gpus, 5)
        self.sees("3 five pods, one GPU each", {"Pending": 5 - running, "Running": running}, self.phases)
        self.apply_file(manifest("config"))
        apply_plugin("time-slicing")
        self.sees("4 time slicing", str(shared), self.capacity_command)
        self.sees("4 all five pods run", {"Running": 5}, self.phases)
        self.sees("4 no pod restarted", 0, self.restarts)
        for number in range(1, 6):
            self.sees(f"4 nvidia-smi in gpu-pod-{number}", ["Tesla T4"], lambda: self.models(number))
        self.clean_up()

    def models(self, number):
        said = self.node.kubectl("exec", f"gpu-pod-{number}", "--", "nvidia-smi", "--query-gpu=name",
                                 "--format=csv,noheader")
        return said.splitlines()

    def clean_up(self):
        self.node.kubectl("delete", "--now", "-f", str(MANIFESTS / "gpu-pod.yml"))
        self.node.kubectl("delete", "-f", str(manifest("time-slicing")))
        self.node.kubectl("delete", "-f", str(manifest("config")))
        self.sees("6 nothing is left", [], self.left)

    def left(self):
        """Sockets and folders of ours on the node."""
        places = ("/var/lib/kubelet/device-plugins/nvidia*", "/run/rota*", "/var/lib/rota*")
        return [str(path) for place in places for path in pathlib.Path("/").glob(place.lstrip("/"))]

    def test_one_gpu(self):
        self.walk(1)

    def test_four_gpus(self):
        self.walk(4)
