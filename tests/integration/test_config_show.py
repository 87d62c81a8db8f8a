# SPDX-License-Identifier: Apache-2.0
"""rota config show and rota config reference: what is in force, who said it, what there is."""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROTA = pathlib.Path(os.environ.get("ROTA_BUILD", "build")).resolve() / "rota"
# A command that takes longer hangs.
GUARD_SECONDS = 120

FILE = """version: v1
flags:
  failOnInitError: false
  mpsRoot: /from/file
  plugin:
    deviceIDStrategy: index
  gfd:
    sleepInterval: 90s
sharing:
  timeSlicing:
    renameByDefault: true
    resources:
    - name: gpu
      replicas: 5
rota:
  health: {settle: 5s}
"""


def rota(*arguments, **environment):
    """Run rota with this environment and no other of its variables."""
    kept = {key: value for key, value in os.environ.items() if key in ("PATH", "TMPDIR") or
            key.endswith("SAN_OPTIONS")}
    return subprocess.run([ROTA, *map(str, arguments)], capture_output=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=GUARD_SECONDS, text=True,
                          errors="surrogateescape", env={**kept, **environment})


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name, "rota.yaml")
        self.path.write_text(FILE, encoding="utf-8")

    def listing(self, *arguments, **environment):
        ended = rota(*arguments, **environment)
        self.assertEqual((ended.returncode, ended.stderr), (0, ""), ended.stdout)
        return ended.stdout

    def rows(self, *arguments, **environment):
        """Of a table: first cell -> the others."""
        cells = [re.split(r"   +", line) for line in
                 self.listing(*arguments, **environment).splitlines()]
        return {row[0]: row[1:] for row in cells}

    def settings(self, *arguments, **environment):
        """Of a document: path or flag -> the object."""
        text = self.listing(*arguments, "-o", "json", **environment)
        return {item.get("key") or item.get("flag") or item.get("variable")
                or (item["flags"] + item["environment"])[0]: item
                for item in json.loads(text)["settings"]}


class Show(Case):
    def test_without_anything_all_is_default(self):
        rows = self.rows("config", "show")
        self.assertEqual(rows.pop("SETTING"), ["VALUE", "ORIGIN"])
        self.assertEqual({row[1] for row in rows.values()}, {"default"})
        self.assertEqual(rows["flags.nvidiaDevRoot"][0], "/")
        self.assertEqual(rows["--log-level"][0], "info")
        self.assertEqual(rows["flags.mpsRoot"][0], '""')
        self.assertEqual(rows["sharing.timeSlicing.resources"][0], "[]")

    def test_table_has_value_and_origin(self):
        rows = self.rows("config", "show", "--config-file", self.path, "--mig-strategy=none",
                         MPS_ROOT="/from/environment", NVIDIA_CTK_PATH="/ctk")
        self.assertEqual(rows["flags.failOnInitError"], ["false", f"file {self.path}:3"])
        self.assertEqual(rows["flags.mpsRoot"], ["/from/environment", "environment MPS_ROOT"])
        self.assertEqual(rows["flags.migStrategy"], ["none", "flag --mig-strategy"])
        self.assertEqual(rows["flags.plugin.nvidiaCTKPath"],
                         ["/ctk", "environment NVIDIA_CTK_PATH"])
        self.assertEqual(rows["flags.plugin.deviceIDStrategy"], ["index", f"file {self.path}:6"])
        self.assertEqual(rows["flags.gfd.sleepInterval"], ["1m30s", f"file {self.path}:8"])
        self.assertEqual(rows["sharing.timeSlicing.resources"],
                         ["nvidia.com/gpu: 5 (as nvidia.com/gpu.shared)",
                          f"file {self.path}:13"])
        self.assertEqual(rows["rota.health.settle"], ["5s", f"file {self.path}:16"])
        self.assertEqual(rows["--config-file"], [str(self.path), "flag --config-file"])
        self.assertEqual(rows["flags.useNodeFeatureAPI"], ["true", "default"])

    def test_document_has_types_and_parts(self):
        settings = self.settings("config", "show", CONFIG_FILE=str(self.path),
                                 DEVICE_LIST_STRATEGY="envvar")
        self.assertEqual(settings["flags.failOnInitError"],
                         {"key": "flags.failOnInitError", "flag": "--fail-on-init-error",
                          "variable": None, "value": False,
                          "origin": {"kind": "file", "file": str(self.path), "line": 3}})
        self.assertEqual(settings["flags.plugin.deviceListStrategy"]["value"], ["envvar"])
        self.assertEqual(settings["flags.plugin.deviceListStrategy"]["origin"],
                         {"kind": "environment", "name": "DEVICE_LIST_STRATEGY"})
        self.assertEqual(settings["sharing.timeSlicing.resources"]["value"],
                         [{"name": "nvidia.com/gpu", "replicas": 5, "devices": "all",
                           "rename": "nvidia.com/gpu.shared"}])
        self.assertEqual(settings["--log-level"]["origin"], {"kind": "default"})
        self.assertIsNone(settings["--log-level"]["key"])
        self.assertIsNone(settings["rota.audit"]["flag"])

    def test_patterns_and_devices_are_shown(self):
        self.path.write_text("rota: {}\nresources: {gpus: [{pattern: '*', name: a}]}\n"
                             "sharing: {timeSlicing: {resources: [\n"
                             "{name: a, replicas: 2, devices: [0, 1], rename: b},\n"
                             "{name: mig-1g.5gb, replicas: 3, devices: 4}]}}\n"
                             "flags: {migStrategy: mixed}\n", encoding="utf-8")
        settings = self.settings("config", "show", "--config-file", self.path)
        self.assertEqual(settings["resources.gpus"]["value"],
                         [{"pattern": "*", "name": "nvidia.com/a"}])
        self.assertEqual(settings["resources.gpus"]["origin"]["line"], 2)
        self.assertEqual(settings["sharing.timeSlicing.resources"]["value"],
                         [{"name": "nvidia.com/a", "replicas": 2, "rename": "nvidia.com/b",
                           "devices": ["0", "1"]},
                          {"name": "nvidia.com/mig-1g.5gb", "replicas": 3, "rename": None,
                           "devices": 4}])
        self.assertEqual(settings["resources.mig"]["origin"], {"kind": "default"})

    def test_xids_of_the_environment_are_shown(self):
        rows = self.rows("config", "show", DP_DISABLE_HEALTHCHECKS="all",
                         DP_ENABLE_HEALTHCHECKS="48")
        self.assertEqual(rows["DP_DISABLE_HEALTHCHECKS"],
                         ["all but 48", "environment DP_DISABLE_HEALTHCHECKS"])
        self.assertEqual(rows["DP_ENABLE_HEALTHCHECKS"],
                         ["48", "environment DP_ENABLE_HEALTHCHECKS"])
        settings = self.settings("config", "show")
        self.assertEqual(settings["DP_DISABLE_HEALTHCHECKS"],
                         {"key": None, "flag": None, "variable": "DP_DISABLE_HEALTHCHECKS",
                          "value": "13, 31, 43, 45, 68, 109", "origin": {"kind": "default"}})

    def test_a_refused_flag_or_variable_is_wrong_usage(self):
        for arguments, environment in ((["--mig-strategy=x"], {}), ([], {"MIG_STRATEGY": "x"})):
            ended = rota("config", "show", *arguments, **environment)
            self.assertEqual((ended.returncode, ended.stdout), (2, ""))
            self.assertIn("unknown MIG strategy: x", ended.stderr)

    def test_bytes_that_no_terminal_wants_are_escaped(self):
        ended = subprocess.run([ROTA, "config", "show", "--mps-root", b"/\xff\x1b[31m"],
                               capture_output=True, check=False, stdin=subprocess.DEVNULL,
                               timeout=GUARD_SECONDS)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertIn(b"\\xff", ended.stdout)
        self.assertNotIn(b"\x1b", ended.stdout)

    def test_what_the_agent_refuses_is_refused(self):
        self.path.write_text("rota: {turns: {mode: enforce}}\n", encoding="utf-8")
        ended = rota("config", "show", "--config-file", self.path)
        self.assertEqual((ended.returncode, ended.stdout), (1, ""))
        self.assertIn(f"{self.path}:1:22: rota.turns.mode: enforce needs turns", ended.stderr)


class Reference(Case):
    def test_document_has_every_setting_that_is_in_force(self):
        shown = self.settings("config", "show")
        reference = self.settings("config", "reference")
        self.assertLessEqual(set(shown), set(reference))
        for name, item in reference.items():
            self.assertTrue(item["doc"] and item["type"], name)

    def test_document_tells_what_needs_a_part(self):
        reference = self.settings("config", "reference")
        self.assertEqual(reference["flags.migStrategy"]["needs"], [])
        self.assertEqual(reference["flags.deviceDiscoveryStrategy"]["needs"],
                         [{"value": "tegra", "part": "Tegra support"},
                          {"value": "vfio", "part": "VFIO support"}])
        self.assertEqual(reference["rota.memory.limit"]["needs"],
                         [{"value": word, "part": "memory limits"}
                          for word in ("share", "a size")])
        self.assertEqual(reference["rota.turns.quantum"]["needs"],
                         [{"value": "other than 10ms", "part": "turns"}])
        self.assertEqual({name for name, item in reference.items() if item["strictOnly"]},
                         {"resources.gpus", "resources.mig",
                          "sharing.timeSlicing.resources[].devices",
                          "sharing.timeSlicing.resources[].rename"})
        self.assertEqual(reference["flags.nvidiaDriverRoot"]["flags"],
                         ["--driver-root", "--nvidia-driver-root"])
        self.assertEqual(reference["flags.plugin.nvidiaCTKPath"]["environment"],
                         ["NVIDIA_CDI_HOOK_PATH", "NVIDIA_CTK_PATH"])
        self.assertTrue(reference["sharing.timeSlicing.resources[].replicas"]["required"])

    def test_what_is_said_to_need_a_part_is_refused_by_its_name(self):
        """Each choice and each boolean of the reference, given to the reader."""
        tried = 0
        for key, item in self.settings("config", "reference").items():
            for need in item["needs"]:
                if item["type"] not in ("choice", "boolean", "list of choices"):
                    continue
                text = need["value"]
                for part in reversed(key.split(".")):
                    text = f"{{{part}: {text}}}"
                self.path.write_text(text, encoding="utf-8")
                ended = rota("config", "check", self.path)
                self.assertEqual(ended.returncode, 1)
                self.assertIn(f"{key}: {need['value']} needs {need['part']}, which", ended.stdout)
                tried += 1
        self.assertGreater(tried, 5)

    def test_every_default_is_taken_by_the_reader(self):
        for key, item in self.settings("config", "reference").items():
            if item["key"] is None or "[]" in key or not item["default"]:
                continue
            text = item["default"]
            for part in reversed(key.split(".")):
                text = f"{{{part}: {text}}}"
            self.path.write_text(f"{text}\n", encoding="utf-8")
            ended = rota("config", "check", self.path)
            self.assertNotIn(f": {key}: ", ended.stdout, text)

    def test_table_and_markdown_have_every_row(self):
        reference = self.settings("config", "reference")
        rows = self.rows("config", "reference")
        self.assertEqual(set(rows) - {"SETTING"}, set(reference))
        markdown = self.listing("config", "reference", "-o", "markdown")
        for name in reference:
            self.assertIn(f"| `{name}` | ", markdown)
        for line in markdown.splitlines():
            if line.startswith("|"):
                self.assertEqual(line.count("|"), 8, line)

    def test_every_form_tells_from_when_on_a_value_counts(self):
        reference = self.settings("config", "reference")
        for key, live in (("rota.turns.quantum", "yes"), ("rota.memory.limit", "new pods"), ("--log-level", "at start"),
                          ("rota.turns", None)):
            with self.subTest(key=key):
                self.assertEqual(reference[key]["live"], live)
                text = live or "-"
                row, = re.findall(rf"(?m)^\| `{re.escape(key)}` \|.*", self.listing("config", "reference", "-o", "markdown"))
                self.assertEqual(row.split(" | ")[-2], text)
                self.assertIn(text, self.rows("config", "reference")[key])


if __name__ == "__main__":
    unittest.main()
