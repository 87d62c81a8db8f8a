# SPDX-License-Identifier: Apache-2.0
"""docs/configuration.md is what the table of settings says; `make docs` writes it anew."""

import os
import pathlib
import subprocess

from tree import ROOT, TreeTest

ROTA = pathlib.Path(os.environ.get("ROTA_BUILD", ROOT / "build")).resolve() / "rota"
HANG_SECONDS = 120
DOCUMENT = "docs/configuration.md"


def printed():
    return subprocess.run([ROTA, "config", "reference", "-o", "markdown"], capture_output=True,
                          text=True, stdin=subprocess.DEVNULL, check=True,
                          timeout=HANG_SECONDS).stdout


def drift(root, wanted):
    """The first line that differs; a line that is missing counts as one."""
    lines = (root / DOCUMENT).read_text(encoding="utf-8").split("\n")
    wanted = wanted.split("\n")
    lines += [""] * (len(wanted) - len(lines))
    wanted += [""] * (len(lines) - len(wanted))
    faults = [f"{DOCUMENT}:{number}: {line!r} but `rota config reference` says {other!r}; run "
              "`make docs`"
              for number, (line, other) in enumerate(zip(lines, wanted), 1) if line != other]
    return faults[:1]


class ConfigurationTest(TreeTest):
    def test_the_document_is_what_the_command_prints(self):
        self.assert_no_faults(drift(ROOT, printed()))

    def test_finds_another_default_and_a_row_that_is_gone(self):
        text = printed()
        root = self.plant({DOCUMENT: text.replace("`5s`", "`6s`")})
        self.assert_one_fault(drift(root, text), "rota.health.settle", "make docs")
        root = self.plant({DOCUMENT: text[:text.index("| `--log-format`")]})
        self.assert_one_fault(drift(root, text), "--log-format")
