#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Thousands of repetitions of what `make test` does a few times: `make soak`.

Usage: tests/soak/run.py [--seed N] [--only NAME] [--build DIR]   NAME: part of a scenario's name
The seed is drawn and printed; the same one makes the same choices. Counts: COUNTS in soak_case.py.
The last line is "N passed, N failed".
"""

import argparse
import importlib
import os
import pathlib
import random
import sys
import time
import unittest

FOLDER = pathlib.Path(__file__).resolve().parent
MODULES = ("soak_life", "soak_changes", "soak_faults", "soak_commands")
SEED_MAX = 1 << 32


class Report(unittest.TestResult):
    """A line when a scenario begins and one when it ends; failures in full."""

    def __init__(self):
        super().__init__()
        self.passed = 0
        self.started = 0.0

    def startTest(self, test):
        super().startTest(test)
        self.started = time.monotonic()
        print(f"{test.id()} ...", flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1
        self.say("ok", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.say(f"skipped ({reason})", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.say(f"FAIL\n{self.failures[-1][1]}", test)

    def addError(self, test, err):
        super().addError(test, err)
        self.say(f"FAIL\n{self.errors[-1][1]}", test)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.say(f"FAIL\n{(self.failures + self.errors)[-1][1]}", subtest)

    def say(self, word, test):
        print(f"{test.id()}: {word} after {time.monotonic() - self.started:.0f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=random.randrange(SEED_MAX))
    parser.add_argument("--only", default="", metavar="NAME", help="part of a scenario's name")
    parser.add_argument("--build", default="build", metavar="DIR", help="default: build")
    options = parser.parse_args()
    # Before the scenarios are loaded, which read them.
    os.environ.update(ROTA_SOAK="full", ROTA_SOAK_SEED=str(options.seed), ROTA_BUILD=options.build)
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(FOLDER))

    print(f"soak: seed {options.seed}; the same again: make soak SOAK_FLAGS=--seed={options.seed}")
    report = Report()
    for name in MODULES:
        suite = unittest.defaultTestLoader.loadTestsFromModule(importlib.import_module(name))
        for test in flatten(suite):
            if options.only in test.id():
                test.run(report)
    failed = len(report.failures) + len(report.errors)
    print(f"\n{report.passed} passed, {failed} failed")
    return 0 if report.passed and not failed else 1


def flatten(suite):
    for part in suite:
        if isinstance(part, unittest.TestSuite):
            yield from flatten(part)
        else:
            yield part


if __name__ == "__main__":
    sys.exit(main())
