# SPDX-License-Identifier: Apache-2.0
"""The simulated NVML against programs that know nothing of it: NVIDIA's own Python package and nvitop."""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import client_environment

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCENARIOS = ROOT / "sim/scenarios"
SIM = pathlib.Path(os.environ.get("ROTA_BUILD", ROOT / "build")) / "sim"
WALK = ROOT / "tests/clients/walk.py"
GUARD_SECONDS = 120


def sanitizers():
    """The sanitizers' libraries that the simulated NVML was built with: a Python that was not must load
    them first. Empty in a plain build."""
    listed = subprocess.run(["ldd", SIM / "libnvidia-ml.so.1"], stdout=subprocess.PIPE, text=True,
                            check=True).stdout
    return re.findall(r"=> (/\S*lib(?:a|ub)san\.\S+)", listed)


def surroundings(scenario, visible=None):
    values = {key: value for key, value in os.environ.items() if not key.startswith("ROTA_SIM")}
    values |= {"LD_LIBRARY_PATH": str(SIM), "ROTA_SIM": str(scenario), "LC_ALL": "C.UTF-8"}
    if visible is not None:
        values["ROTA_SIM_VISIBLE"] = visible
    preloaded = sanitizers()
    if preloaded:
        values["LD_PRELOAD"] = " ".join(preloaded)
        # Python itself frees little at its end; errors of memory are still found.
        values["ASAN_OPTIONS"] = values.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    return values


class ClientTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        try:
            cls.python = client_environment.python()
        except client_environment.Unavailable as reason:
            raise AssertionError(str(reason)) from None
        probe = subprocess.run([cls.python, "-c", "import ctypes; "
                                "ctypes.CDLL('libnvidia-ml.so.1')"],
                               env=surroundings(SCENARIOS / "one-t4.yaml"), stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, timeout=GUARD_SECONDS,
                               check=False)
        if probe.returncode and sanitizers():
            raise unittest.SkipTest("this Python cannot load a library with sanitizers, also when "
                                    f"theirs are loaded first: {probe.stdout[-500:]}")

    def run_client(self, *arguments, **keywords):
        done = subprocess.run([self.python, *arguments], env=surroundings(**keywords), text=True,
                              stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=GUARD_SECONDS, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stderr, "")
        return done.stdout

    def walk(self, name, **keywords):
        return json.loads(self.run_client(WALK, scenario=SCENARIOS / name, **keywords))

    def test_walks_every_scenario(self):
        for scenario in sorted(SCENARIOS.glob("*.yaml")):
            with self.subTest(scenario=scenario.name):
                gpus = self.walk(scenario.name)["gpus"]
                for position, gpu in enumerate(gpus):
                    self.assertTrue(gpu["uuid"].startswith("GPU-"))
                    self.assertEqual(gpu["levels"][position], 0)
                    self.assertEqual([other["levels"][position] for other in gpus], gpu["levels"])
                    self.assertEqual(gpu["events"] & 8, 8)
                    self.assertEqual(gpu["ecc"], 0)
                    for part in gpu["parts"]:
                        self.assertEqual(part["found"], part["uuid"])
                        self.assertEqual(part["parent"], gpu["uuid"])
                        self.assertEqual(part["attributes"]["memorySizeMB"], part["memory"])
                uuids = [gpu["uuid"] for gpu in gpus]
                uuids += [part["uuid"] for gpu in gpus for part in gpu["parts"]]
                self.assertEqual(len(set(uuids)), len(uuids))

    def test_sees_the_parts_of_a_gpu(self):
        gpus = self.walk("a100-mig.yaml")["gpus"]
        self.assertEqual([gpu["mig"] for gpu in gpus], [[1, 1], [0, 0]])
        self.assertEqual([(part["name"].rsplit(" ", 1)[1], part["instances"])
                          for part in gpus[0]["parts"]],
                         [("1c.3g.20gb", [2, 0]), ("2c.3g.20gb", [2, 1]), ("2g.10gb", [4, 0]),
                          ("1g.5gb+me", [7, 0]), ("1g.5gb", [8, 0])])
        self.assertEqual(gpus[1]["parts"], [])

    def test_sees_only_the_parts_of_its_container(self):
        (gpu,) = self.walk("a100-mig.yaml", visible="0:4,0:0")["gpus"]
        self.assertEqual([part["instances"] for part in gpu["parts"]], [[2, 0], [8, 0]])

    def test_sees_direct_links_on_both_sides(self):
        gpus = self.walk("dgx1-v100.yaml")["gpus"]
        for gpu in gpus:
            self.assertEqual(len(gpu["links"]), 6)
            for other in gpus:
                self.assertEqual(gpu["links"].count(other["bus"]),
                                 other["links"].count(gpu["bus"]))
        self.assertEqual(gpus[0]["links"].count(gpus[3]["bus"]), 2)
        self.assertEqual(gpus[0]["levels"], [0, 10, 30, 30, 50, 50, 50, 50])

    def test_sees_switches_that_are_no_gpus(self):
        gpus = self.walk("eight-h200-nvlink.yaml")["gpus"]
        buses = {gpu["bus"] for gpu in gpus}
        for gpu in gpus:
            self.assertEqual(len(gpu["links"]), 18)
            self.assertFalse(buses & set(gpu["links"]))

    def test_asks_for_the_recovery_action(self):
        self.assertEqual(self.walk("one-t4.yaml")["gpus"][0]["recovery"], "Not Supported")
        self.assertEqual(self.walk("mixed-models.yaml")["gpus"][0]["recovery"], 0)

    def test_is_woken_by_an_xid(self):
        with tempfile.TemporaryDirectory() as folder:
            scenario = pathlib.Path(folder) / "sim.yaml"
            scenario.write_text("gpus: [{}, {uuid: GPU-b}]\n")
            with subprocess.Popen([self.python, WALK, "event"], env=surroundings(scenario),
                                  text=True, stdout=subprocess.PIPE) as client:
                try:
                    self.assertEqual(client.stdout.readline(), "ready\n")
                    newer = scenario.with_suffix(".new")
                    newer.write_text("events: [{id: a, gpu: 1, xid: 79}]\n")
                    newer.rename(scenario)
                    event = json.loads(client.communicate(timeout=GUARD_SECONDS)[0])
                finally:
                    client.kill()
        none = 2 ** 32 - 1
        self.assertEqual(event, {"uuid": "GPU-b", "type": 8, "xid": 79,
                                 "instances": [none, none]})

    def test_nvitop_lists_the_gpus_and_their_parts(self):
        shown = self.run_client("-m", "nvitop", "--once", "--ascii",
                                scenario=SCENARIOS / "a100-mig.yaml")
        self.assertEqual(len(re.findall(r"A100-SXM4-40GB ", shown)), 2, shown)
        self.assertRegex(shown, r"0:1 +2c\.3g\.20gb @ GI/CI: 2/1")
        self.assertRegex(shown, r"0:3 +1g\.5gb\+me @ GI/CI: 7/0")
        self.assertIn("Enabled", shown)

    def test_nvitop_says_that_there_is_no_gpu(self):
        shown = self.run_client("-m", "nvitop", "--once", "--ascii",
                                scenario=SCENARIOS / "none.yaml")
        self.assertIn("No visible devices found", shown)


if __name__ == "__main__":
    unittest.main()
