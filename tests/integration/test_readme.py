# SPDX-License-Identifier: Apache-2.0
"""What README shows is what the commands print, apart from times and the name of a temporary folder."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROTA = pathlib.Path(os.environ.get("ROTA_BUILD", ROOT / "build")).resolve() / "rota"
HANG_SECONDS = 120

# What may differ from run to run, and what it is written as.
VARIES = (
    (re.compile(r"\S*/rota-demo-\w+"), "FOLDER"),
    (re.compile(r"^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4} *$", re.M), "DATE"),
    (re.compile(r"(?<=  )\d+s$", re.M), "AGE"),
    (re.compile(r"in [\d.]+ s\."), "in TIME."),
    (re.compile(r" +$", re.M), ""),
)


def settled(text):
    for pattern, word in VARIES:
        text = pattern.sub(word, text)
    return text.strip("\n")


def block(name):
    """The text between <!-- name --> and <!-- /name --> in README, without its fence."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(rf"<!-- {name} -->\n```text\n(.*?)\n```\n<!-- /{name} -->", readme, re.S)
    if not found:
        raise AssertionError(f"README.md has no block named {name}")
    return found.group(1)


class Readme(unittest.TestCase):
    maxDiff = None

    def test_shows_what_the_demo_prints(self):
        run = subprocess.run([ROTA, "demo"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                             timeout=HANG_SECONDS, check=True)
        self.assertEqual(settled(block("demo")), settled(run.stdout))

    def test_demo_shows_the_config_map_that_the_tutorial_applies(self):
        path = "deploy/manifests/nvidia-device-plugin-config.yml"
        self.assertIn(f"$ cat {path}\n{(ROOT / path).read_text()}\n$", block("demo"))

    def test_shows_what_config_check_prints(self):
        config = (
            "version: v1\n"
            "flags:\n"
            "  migStrateg: none\n"
            "sharing:\n"
            "  timeSlicing:\n"
            "    resources:\n"
            "    - name: nvidia.com/gpu\n"
            "      replicas: 1\n"
        )
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "rota.yaml").write_text(config, encoding="utf-8")
            run = subprocess.run([ROTA, "config", "check", "rota.yaml"], cwd=folder, capture_output=True,
                                 text=True, timeout=HANG_SECONDS, check=False)
        self.assertEqual(run.returncode, 1)
        self.assertEqual(settled(block("check")), "$ rota config check rota.yaml\n" + settled(run.stdout))


if __name__ == "__main__":
    unittest.main()
