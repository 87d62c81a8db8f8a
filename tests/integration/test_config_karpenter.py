# SPDX-License-Identifier: Apache-2.0
"""`rota config karpenter`: the amounts that a node with this file offers, for each number of GPUs."""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROTA = pathlib.Path(os.environ.get("ROTA_BUILD", ROOT / "build")).resolve() / "rota"
HANG_SECONDS = 120
COUNTS = (1, 2, 4, 8, 16)


def shared(replicas=5, rename=False, **keys):
    return {"renameByDefault": rename,
            "resources": [{"name": "nvidia.com/gpu", "replicas": replicas, **keys}]}


class Karpenter(unittest.TestCase):
    maxDiff = None

    def run_on(self, config):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "rota.yaml")
            path.write_text(config if isinstance(config, str) else json.dumps({"version": "v1", **config}))
            return subprocess.run([ROTA, "config", "karpenter", path], capture_output=True, text=True,
                                  timeout=HANG_SECONDS, check=False,
                                  env={"MIG_STRATEGY": "of this machine, not of a node"})

    def amounts(self, config):
        """{number of GPUs: {resource: amount}} of the overlays."""
        done = self.run_on(config)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        overlays = {}
        for text in done.stdout.split("---\n")[1:]:
            self.assertIn("apiVersion: karpenter.sh/v1alpha1\nkind: NodeOverlay\n", text)
            gpus = int(re.search(r"instance-gpu-count\n    operator: In\n    values: \[\"(\d+)\"\]", text)[1])
            self.assertIn(f"name: rota-gpus-{gpus}\n", text)
            overlays[gpus] = dict(re.findall(r"^    (nvidia\.com/\S+): \"(\d+)\"$", text, re.M))
        return overlays

    def test_replicas_of_every_gpu(self):
        self.assertEqual(self.amounts({"sharing": {"timeSlicing": shared()}}),
                         {gpus: {"nvidia.com/gpu": str(5 * gpus)} for gpus in COUNTS})

    def test_without_sharing_it_is_what_ec2_says(self):
        self.assertEqual(self.amounts({}), {gpus: {"nvidia.com/gpu": str(gpus)} for gpus in COUNTS})

    def test_a_renamed_resource_takes_the_place_of_the_gpus(self):
        self.assertEqual(self.amounts({"sharing": {"timeSlicing": shared(3, rename=True)}}),
                         {gpus: {"nvidia.com/gpu": "0", "nvidia.com/gpu.shared": str(3 * gpus)}
                          for gpus in COUNTS})

    def test_gpus_that_are_not_shared_are_counted_too(self):
        amounts = self.amounts({"rota": {}, "sharing": {"timeSlicing": shared(4, True, devices=[0, 2])}})
        self.assertEqual(amounts[4], {"nvidia.com/gpu.shared": "8", "nvidia.com/gpu": "2"})

    def assert_refused(self, config, *words):
        done = self.run_on(config)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        for word in words:
            self.assertIn(word, done.stderr)

    def test_what_depends_on_the_model_is_refused(self):
        patterns = {"gpus": [{"pattern": "*T4*", "name": "t4"}, {"pattern": "*", "name": "gpu"}]}
        self.assert_refused({"rota": {}, "resources": patterns}, "resources.gpus[0].pattern",
                            "instance-gpu-name")

    def test_certain_devices_are_refused(self):
        uuid = "GPU-e220a839-7b1d-4daf-a6e7-9e6aa1b965f4"
        self.assert_refused({"rota": {}, "sharing": {"timeSlicing": shared(devices=[uuid])}},
                            "sharing.timeSlicing.resources[0].devices", uuid, "by index")

    def test_a_wrong_file_is_refused_with_its_place(self):
        self.assert_refused("version: v1\nsharing: 7\n", "2:")

    def test_a_file_with_findings_is_refused(self):
        """A whole ConfigMap, say, in which nothing is where it is looked for."""
        self.assert_refused((ROOT / "deploy/manifests/nvidia-device-plugin-config.yml").read_text(),
                            "this is a ConfigMap", "mend them first")

    def test_parts_are_not_in_it_and_that_is_said(self):
        done = self.run_on({"flags": {"migStrategy": "mixed"}})
        self.assertEqual(done.returncode, 0)
        self.assertIn("parts of GPUs", done.stderr)


if __name__ == "__main__":
    unittest.main()
