# SPDX-License-Identifier: Apache-2.0
"""The test runner itself: what goes wrong in a program must not pass."""

import contextlib
import importlib.util
import io
import stat
import sys

from tree import ROOT, TreeTest

SPEC = importlib.util.spec_from_file_location("run", ROOT / "tests" / "run.py")
run = importlib.util.module_from_spec(SPEC)
sys.modules["run"] = run  # dataclasses look their module up
SPEC.loader.exec_module(run)


class RunnerTest(TreeTest):
    def setUp(self):
        for name, value in (("GUARD_SECONDS", 20), ("LEFTOVER_SECONDS", 0.2)):
            self.addCleanup(setattr, run, name, getattr(run, name))
            setattr(run, name, value)

    def outcome(self, kind, text, name="test_planted"):
        root = self.plant({name: text})
        path = root / name
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        program = run.Program("planted", kind, path, root, True)
        return run.run_program(program)[1]

    def unit(self, body):
        return self.outcome("unit", f"#!/bin/sh\n{body}\n")

    def python(self, body):
        text = f"import unittest\nclass T(unittest.TestCase):\n{body}\n"
        return self.outcome("python", text, "test_planted.py")

    def assert_failure(self, outcome, *parts):
        self.assertTrue(outcome.failures)
        told = "\n".join(f"{test}: {text}" for test, text in outcome.failures)
        for part in parts:
            self.assertIn(part, told)

    def test_counts_single_tests(self):
        outcome = self.unit("echo 1..3; echo 'ok 1 - a'; echo 'ok 2 - b'; echo 'ok 3 # SKIP c'")
        self.assertEqual((2, [], 1), (outcome.passed, outcome.failures, len(outcome.skips)))

    def test_sees_a_failed_test(self):
        outcome = self.unit("echo 1..2; echo 'ok 1 - a'; echo 'not ok 2 - b'; exit 1")
        self.assertEqual(1, outcome.passed)
        self.assert_failure(outcome, "b: 1..2")

    def test_sees_a_crash(self):
        self.assert_failure(self.unit("echo 1..1; echo 'ok 1 - a'; kill -SEGV $$"), "-11 after 1")

    def test_sees_tests_that_never_ran(self):
        self.assert_failure(self.unit("echo 1..2; echo 'ok 1 - a'"), "after 1 tests")

    def test_sees_a_program_without_a_test(self):
        self.assert_failure(self.unit("echo 1..0"), "ran no test")
        self.assert_failure(self.python("    pass"), "ran no test")
        self.assert_failure(self.outcome("replay", "#!/bin/sh\n", "replay_planted"), "ran no test")

    def test_sees_a_sanitizer_in_a_child(self):
        report = 'echo "leaked 8 bytes" > "${ASAN_OPTIONS##*log_path=}.99"'
        self.assert_failure(self.unit(f"{report}; echo 1..1; echo 'ok 1 - a'"), "leaked 8 bytes")

    def test_sees_a_hang(self):
        run.GUARD_SECONDS = 0.3
        self.assert_failure(self.unit("exec sleep 30"), "hung")

    def test_sees_what_is_left_running(self):
        outcome = self.unit("sleep 30 & echo 1..1; echo 'ok 1 - a'")
        self.assert_failure(outcome, "left processes running")

    def test_sees_python_failures_and_reasons(self):
        outcome = self.python("    def test_a(self): pass\n"
                              "    def test_b(self): self.fail('because')\n"
                              "    def test_c(self): 1 / 0\n"
                              "    @unittest.skip('no GPU')\n"
                              "    def test_d(self): pass\n")
        self.assertEqual(1, outcome.passed)
        self.assertEqual(2, len(outcome.failures))
        self.assert_failure(outcome, "because", "ZeroDivisionError")
        self.assertEqual("no GPU", outcome.skips[0][1])

    def test_sees_python_that_does_not_load_or_finish(self):
        self.assert_failure(self.outcome("python", "import nothing_such", "test_planted.py"),
                            "nothing_such")
        self.assert_failure(self.python("    def test_a(self): __import__('os')._exit(0)"),
                            "ended with 0")

    def test_says_on_a_line_that_a_whole_program_was_skipped(self):
        outcome = self.outcome("python", "import unittest\ndef setUpModule():\n"
                               "    raise unittest.SkipTest('not on this machine')\n"
                               "class T(unittest.TestCase):\n    def test_a(self): pass\n",
                               "test_planted.py")
        self.assertEqual((0, []), (outcome.passed, outcome.failures))
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            run.report_line(run.Program("tree/planted", "python", ROOT, ROOT), outcome, 0.0)
        self.assertEqual("planted: skipped, not on this machine\n", printed.getvalue())
        self.assertFalse(run.Outcome(1, [], [("a", "why")]).is_skipped())

    def test_the_last_line_is_the_count(self):
        good = run.Outcome(3, [], [("a", "why")])
        bad = run.Outcome(1, [("b", "text")], [])
        program = run.Program("planted", "unit", ROOT, ROOT)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            self.assertTrue(run.report_end([(program, good, 0.0)]))
            self.assertFalse(run.report_end([(program, good, 0.0), (program, bad, 0.0)]))
        lines = printed.getvalue().splitlines()
        self.assertEqual("4 passed, 1 failed", lines[-1])
        self.assertIn("1 skipped:", lines)
