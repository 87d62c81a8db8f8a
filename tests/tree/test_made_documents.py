# SPDX-License-Identifier: Apache-2.0
"""docs/configuration.md and the table of docs/metrics.md are what the tables in src/ say; `make docs` writes them."""

import os
import pathlib
import subprocess
import tempfile

from tree import ROOT, TreeTest

BUILD = pathlib.Path(os.environ.get("ROTA_BUILD", ROOT / "build")).resolve()
HANG_SECONDS = 120
CONFIGURATION = "docs/configuration.md"
METRICS = "docs/metrics.md"
# Between these lines of docs/metrics.md stands what is made; the rest is written by hand.
MARKS = ("<!-- metrics -->\n", "<!-- /metrics -->\n")


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          check=True, timeout=HANG_SECONDS).stdout


def made_configuration():
    return run(BUILD / "rota", "config", "reference", "-o", "markdown")


def made_table():
    with tempfile.TemporaryDirectory(prefix="rota-metrics-") as folder:
        path = pathlib.Path(folder) / "metrics.md"
        run(BUILD / "src/cli/manual", "--metrics", path)
        return path.read_text(encoding="utf-8")


def drift(root, document, wanted):
    """The first line that differs; a line that is missing counts as one."""
    lines = (root / document).read_text(encoding="utf-8").split("\n")
    wanted = wanted.split("\n")
    lines += [""] * (len(wanted) - len(lines))
    wanted += [""] * (len(lines) - len(wanted))
    faults = [f"{document}:{number}: {line!r} but the table in src/ says {other!r}; run `make docs`"
              for number, (line, other) in enumerate(zip(lines, wanted), 1) if line != other]
    return faults[:1]


def metrics_drift(root, table):
    """The same for the document with this table in the place of its own."""
    before, first, rest = (root / METRICS).read_text(encoding="utf-8").partition(MARKS[0])
    _, last, after = rest.partition(MARKS[1])
    if not first or not last:
        return [f"{METRICS}: `make docs` writes between the lines {MARKS}; put them back"]
    return drift(root, METRICS, before + first + table + last + after)


class ConfigurationTest(TreeTest):
    def test_the_document_is_what_the_command_prints(self):
        self.assert_no_faults(drift(ROOT, CONFIGURATION, made_configuration()))

    def test_finds_another_default_and_a_row_that_is_gone(self):
        text = made_configuration()
        root = self.plant({CONFIGURATION: text.replace("`5s`", "`6s`")})
        self.assert_one_fault(drift(root, CONFIGURATION, text), "rota.health.settle", "make docs")
        root = self.plant({CONFIGURATION: text[:text.index("| `--log-format`")]})
        self.assert_one_fault(drift(root, CONFIGURATION, text), "--log-format")


class MetricsTest(TreeTest):
    def test_the_table_of_the_document_is_that_of_the_metrics(self):
        self.assert_no_faults(metrics_drift(ROOT, made_table()))

    def test_finds_another_help_a_row_that_is_gone_and_a_mark_that_is(self):
        table = made_table()
        text = "Prose.\n\n" + MARKS[0] + table + MARKS[1]
        last = table.splitlines(keepends=True)[-1]
        for planted, told in ((text.replace("Seconds since", "Since"), "rota_uptime_seconds"),
                              (text.replace(last, ""), last.split("`")[1]),
                              (text.replace(MARKS[1], ""), "put them back")):
            with self.subTest(told=told):
                root = self.plant({METRICS: planted})
                self.assert_one_fault(metrics_drift(root, table), told, "make docs")
