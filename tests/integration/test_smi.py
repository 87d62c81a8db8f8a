# SPDX-License-Identifier: Apache-2.0
"""The simulated nvidia-smi and the simulated NVML below it: what people and their scripts see."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIM = pathlib.Path(os.environ.get("ROTA_BUILD", ROOT / "build")) / "sim"
GUARD_SECONDS = 60
# What the compiler brings for sanitizers and counters.
INSTRUMENTED = re.compile(r"__asan|__gcov|mangle_path$")

ONE_T4 = """\
+-----------------------------------------------------------------------------------------+
| NVIDIA-SMI 550.54.15              Driver Version: 550.54.15      CUDA Version: 12.4     |
|-----------------------------------------+------------------------+----------------------+
| GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |
| Fan  Temp   Perf          Pwr:Usage/Cap |           Memory-Usage | GPU-Util  Compute M. |
|                                         |                        |               MIG M. |
|=========================================+========================+======================|
|   0  Tesla T4                       On  |   00000000:00:1E.0 Off |                    0 |
| N/A   34C    P8              9W /   70W |       0MiB /  15360MiB |      0%      Default |
|                                         |                        |                  N/A |
+-----------------------------------------+------------------------+----------------------+
"""


class SmiTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.scenario = pathlib.Path(folder.name) / "sim.yaml"

    def smi(self, *arguments, scenario=None, visible=None, library=SIM):
        """Runs it on a scenario: a path, a text, or None for the default."""
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith("ROTA_SIM")}
        environment["LD_LIBRARY_PATH"] = str(library)
        if isinstance(scenario, str):
            self.scenario.write_text(scenario)
            scenario = self.scenario
        if scenario is not None:
            environment["ROTA_SIM"] = str(scenario)
        if visible is not None:
            environment["ROTA_SIM_VISIBLE"] = visible
        return subprocess.run([SIM / "nvidia-smi", *arguments], env=environment, text=True,
                              capture_output=True, timeout=GUARD_SECONDS, check=False)

    def lines(self, *arguments, **keywords):
        done = self.smi(*arguments, **keywords)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout.splitlines()

    def test_prints_the_familiar_table(self):
        done = self.smi()
        self.assertEqual(done.returncode, 0)
        date, rest = done.stdout.split("\n", 1)
        self.assertRegex(date, r"^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4} +$")
        self.assertTrue(rest.startswith(ONE_T4), rest)
        self.assertIn("|  No running processes found ", rest)

    def test_every_line_of_the_table_has_one_width(self):
        text = "gpus: [{model: NVIDIA H200}, {model: NVIDIA A100-SXM4-40GB}, {}]"
        table = [line for line in self.lines(scenario=text) if line[:1] in "+|" and line]
        self.assertEqual({len(line) for line in table}, {91})
        self.assertEqual(sum("Disabled |" in line for line in table), 2)  # MIG, where there is any

    def test_lists_the_gpus(self):
        lines = self.lines("-L", scenario=ROOT / "sim/scenarios/four-t4.yaml")
        self.assertEqual(len(lines), 4)
        uuids = [re.fullmatch(r"GPU (\d): Tesla T4 \(UUID: (GPU-[0-9a-f-]{36})\)", line)
                 for line in lines]
        self.assertEqual([match[1] for match in uuids], ["0", "1", "2", "3"])
        self.assertEqual(len({match[2] for match in uuids}), 4)

    def test_lists_the_parts_below_their_gpu(self):
        text = "gpus: [{model: NVIDIA A100-SXM4-40GB, uuid: GPU-a, mig: [{profile: 1g.5gb, uuid: " \
               "MIG-c}, {profile: 3g.20gb, compute: [{profile: 2c.3g.20gb, uuid: MIG-b}]}]}, {uuid: GPU-d}]"
        self.assertEqual(self.lines("-L", scenario=text), [
            "GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-a)",
            "  MIG 2c.3g.20gb  Device  0: (UUID: MIG-b)",
            "  MIG 1g.5gb      Device  1: (UUID: MIG-c)",
            "GPU 1: Tesla T4 (UUID: GPU-d)"])
        self.assertEqual(self.lines("-L", scenario=text, visible="MIG-c"), [
            "GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-a)",
            "  MIG 1g.5gb      Device  0: (UUID: MIG-c)"])

    def test_shows_a_table_of_parts(self):
        table = self.lines(scenario=ROOT / "sim/scenarios/a100-mig.yaml")
        self.assertEqual({len(line) for line in table if line[:1] in ("+", "|")}, {91})
        self.assertIn("| MIG devices:", "\n".join(table))
        rows = [line.split()[1:5] for line in table if re.match(r"\|  0 +\d+ +\d +\d +\|", line)]
        self.assertEqual(rows, [["0", "2", "0", "0"], ["0", "2", "1", "1"], ["0", "4", "0", "2"],
                                ["0", "7", "0", "3"], ["0", "8", "0", "4"]])
        self.assertEqual(sum("     N/A      Default |" in line for line in table), 1)

    def test_says_that_a_gpu_in_mig_mode_has_no_parts(self):
        done = self.smi(scenario="gpus: [{model: NVIDIA H200, mig: []}]")
        self.assertIn("|  No MIG devices found ", done.stdout)
        query = ("--query-gpu=mig.mode.current,utilization.gpu", "--format=csv,noheader")
        self.assertEqual(self.lines(*query, scenario="gpus: [{model: NVIDIA H200, mig: []}, {}]"),
                         ["Enabled, [N/A]", "[N/A], 0 %"])

    def test_the_written_scenario_is_the_default(self):
        arguments = ("--query-gpu=uuid,name,memory.total,pci.bus_id,compute_cap,driver_version",
                     "--format=csv")
        self.assertEqual(self.lines(*arguments, scenario=ROOT / "sim/scenarios/one-t4.yaml"),
                         self.lines(*arguments))

    def test_the_keys_in_its_comments_are_understood(self):
        text = (ROOT / "sim/scenarios/one-t4.yaml").read_text()
        keys = re.compile(r"^( *)#( {3,}[-\w].*| (?:links|faults|events):| recoveryAction: .*)$", re.M)
        self.assertGreater(len(keys.findall(text)), 30)
        whole = keys.sub(lambda match: match[1] + match[2][1:], text)
        done = self.smi(scenario=whole)
        # One of the faults there is that there is no driver; what is refused is said on stderr.
        self.assertEqual((done.returncode, done.stderr), (9, ""))
        self.assertEqual(len(self.lines("-L", scenario=whole.split("faults:")[0])), 7)

    def test_answers_queries(self):
        query = "--query-gpu=index,name,memory.total,power.limit,fan.speed,pstate,compute_cap"
        self.assertEqual(self.lines(query, "--format=csv"), [
            "index, name, memory.total [MiB], power.limit [W], fan.speed [%], pstate, compute_cap",
            "0, Tesla T4, 15360 MiB, 70.00 W, [N/A], P8, 7.5"])
        self.assertEqual(self.lines(query, "--format=csv,noheader,nounits"),
                         ["0, Tesla T4, 15360, 70.00, [N/A], P8, 7.5"])

    def test_refuses_a_field_that_it_does_not_know(self):
        done = self.smi("--query-gpu=name,colour", "--format=csv")
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stdout, 'Field "colour" is not a valid field to query.\n\n')

    def test_refuses_an_option_that_it_does_not_know(self):
        done = self.smi("--frobnicate")
        self.assertEqual(done.returncode, 1)
        self.assertIn("nvidia-smi -h", done.stdout)

    def test_chooses_a_gpu_by_index_uuid_and_bus_id(self):
        text = "gpus: [{uuid: GPU-a}, {uuid: GPU-b, busId: '00000000:0A:00.0'}]"
        for choice in ("1", "GPU-b", "00000000:0A:00.0", "0000:0a:00.0"):
            self.assertEqual(self.lines("-L", "-i", choice, scenario=text),
                             ["GPU 1: Tesla T4 (UUID: GPU-b)"])
        self.assertEqual(self.smi("-i", "7", scenario=text).returncode, 6)

    def test_shows_only_what_its_container_may_see(self):
        text = "gpus: [{uuid: GPU-a}, {uuid: GPU-b}, {uuid: GPU-c}]"
        both = ["GPU 0: Tesla T4 (UUID: GPU-b)", "GPU 1: Tesla T4 (UUID: GPU-c)"]
        self.assertEqual(self.lines("-L", scenario=text, visible="GPU-c,GPU-b"), both)
        self.assertEqual(self.lines("-L", scenario=text, visible="1,2"), both)
        self.assertEqual(len(self.lines("-L", scenario=text, visible="all")), 3)
        for nothing in ("void", "none", ""):
            self.assertEqual(self.smi("-L", scenario=text, visible=nothing).returncode, 6)

    def test_says_that_there_are_no_devices(self):
        done = self.smi(scenario=ROOT / "sim/scenarios/none.yaml")
        self.assertEqual((done.returncode, done.stdout), (6, "No devices were found\n"))

    def test_says_that_there_is_no_driver(self):
        fault = "faults: [{call: nvmlInit_v2, do: fail, error: NVML_ERROR_DRIVER_NOT_LOADED}]"
        done = self.smi(scenario=fault)
        self.assertEqual(done.returncode, 9)
        self.assertIn("couldn't communicate with the NVIDIA driver", done.stdout)

    def test_says_what_else_nvml_says(self):
        fault = "faults: [{call: nvmlInit_v2, do: fail, error: NVML_ERROR_LIB_RM_VERSION_MISMATCH}]"
        done = self.smi(scenario=fault)
        self.assertEqual(done.returncode, 18)
        self.assertEqual(done.stdout,
                         "Failed to initialize NVML: Driver/library version mismatch\n")

    def test_a_faulty_scenario_is_a_missing_driver_with_the_reason(self):
        done = self.smi(scenario="gpus:\n  - uid: GPU-a\n")
        self.assertEqual(done.returncode, 9)
        self.assertEqual(done.stderr, f"simulated NVML: {self.scenario}:2:5: uid: unknown key, "
                                      "did you mean uuid?\n")

    def test_says_that_the_library_is_missing(self):
        done = self.smi(library="/nonexistent")
        if done.returncode == 0:
            self.skipTest("a machine with a driver")
        self.assertEqual(done.returncode, 12)
        self.assertIn("couldn't find libnvidia-ml.so library", done.stdout)

    def test_the_library_exports_nvml_and_nothing_else(self):
        names = subprocess.run(["nm", "-D", "--defined-only", SIM / "libnvidia-ml.so.1"],
                               text=True, capture_output=True, check=True).stdout
        exported = {line.split()[-1] for line in names.splitlines()}
        header = (ROOT / "src/driver/nvml_abi.h").read_text()
        declared = set(re.findall(r"X\((nvml\w+),", header)) | {"nvmlErrorString"}
        self.assertEqual({name for name in exported if not INSTRUMENTED.match(name)}, declared)


if __name__ == "__main__":
    unittest.main()
