# SPDX-License-Identifier: Apache-2.0
"""Rows of the tables that hold Rota against what NVIDIA's device plugin v0.20 does with a configuration.

Each row cites the section of the reference that it is from, what is given and what comes of it. Where that is not
what NVIDIA's plugin does, `differs` says why.
"""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest
from dataclasses import dataclass, field

ROTA = pathlib.Path(os.environ.get("ROTA_BUILD", "build")).resolve() / "rota"
# A command that takes longer hangs.
GUARD_SECONDS = 120


@dataclass(frozen=True)
class Row:
    section: str
    file: str = ""  # the text of the configuration file
    flags: tuple = ()
    environment: dict = field(default_factory=dict)
    values: dict = field(default_factory=dict)  # setting -> its value in force
    warned: tuple = ()  # what each warning of the file has in its text, in their order
    refused: str = ""  # what the first refusal has in its text
    code: int = 1  # the exit code of a refusal
    differs: str = ""


def rota(*arguments, text="", environment=None):
    """Run rota with this environment and no other of its variables."""
    kept = {key: value for key, value in os.environ.items()
            if key in ("PATH", "TMPDIR") or key.endswith("SAN_OPTIONS")}
    return subprocess.run([ROTA, *map(str, arguments)], input=text, capture_output=True, text=True,
                          check=False, timeout=GUARD_SECONDS, env={**kept, **(environment or {})})


class RowTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name, "config.yaml")

    def check_rows(self, rows):
        """Each as its own failure, so that one run tells all that differ."""
        for row in rows:
            with self.subTest(row=row):
                self.check_warnings(row)
                if row.refused:
                    self.check_refusal(row)
                else:
                    self.check_values(row)

    def run_show(self, row):
        self.path.write_text(row.file, encoding="utf-8")
        arguments = ["--config-file", self.path] if row.file else []
        return rota("config", "show", "-o", "json", *arguments, *row.flags,
                    environment=row.environment)

    def check_warnings(self, row):
        findings = json.loads(rota("config", "check", "-o", "json", "-", text=row.file).stdout)["findings"]
        warnings = [f"{item['path']}: {item['text']}" for item in findings if item["effect"] == "warn"]
        self.assertEqual(len(warnings), len(row.warned), warnings)
        for warning, words in zip(warnings, row.warned):
            self.assertIn(words, warning)

    def check_refusal(self, row):
        ended = self.run_show(row)
        self.assertEqual((ended.returncode, ended.stdout), (row.code, ""))
        self.assertIn(row.refused, ended.stderr)

    def check_values(self, row):
        ended = self.run_show(row)
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        shown = {item["key"] or item["flag"] or item["variable"]: item["value"]
                 for item in json.loads(ended.stdout)["settings"]}
        self.assertEqual({name: shown[name] for name in row.values}, row.values)
