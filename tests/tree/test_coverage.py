# SPDX-License-Identifier: Apache-2.0
"""The unit tests of src/core/ execute every line of it, and nearly every branch."""

import importlib.util
import subprocess
import sys

from tree import ROOT, TreeTest

SPEC = importlib.util.spec_from_file_location("coverage", ROOT / "tools" / "coverage.py")
coverage = importlib.util.module_from_spec(SPEC)
sys.modules["coverage"] = coverage  # dataclasses look their module up
SPEC.loader.exec_module(coverage)

PLANTED = """int main(int count, char **words)
{
	if (count > 1)
		return words[0][0];
	return 0;
}
"""


class CoverageTest(TreeTest):
    def test_every_line_of_core_is_executed_by_its_unit_tests(self):
        self.assertTrue(coverage.BUILD.is_dir(), "make it by `make build-coverage`")
        files, failures = coverage.core_alone()
        self.assert_no_faults(failures)
        self.assert_no_faults(coverage.line_faults(files))
        self.assertEqual(sorted(files), [str(path.relative_to(ROOT)) for path in
                                         sorted((ROOT / "src" / "core").glob("*.c"))])
        self.assertGreaterEqual(coverage.branches_percent(files), coverage.BRANCHES_PERCENT)

    def test_finds_a_line_that_no_test_executes(self):
        root = self.plant({"src/core/a.c": PLANTED, "build/made": "", "counters/made": ""})
        subprocess.run(["gcc", "--coverage", "../src/core/a.c", "-o", "a"], cwd=root / "build",
                       check=True)
        self.assertEqual(coverage.run_counted(root / "build" / "a", root / "counters").returncode, 0)
        files = coverage.read_counted(root / "build", "a", root / "counters", "src/core", root)
        self.assert_one_fault(coverage.line_faults(files), "src/core/a.c:4")
        self.assertEqual(coverage.branches_percent(files), 50.0)
        self.assertEqual(coverage.lines_percent(files), 75.0)
