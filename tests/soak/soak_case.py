# SPDX-License-Identifier: Apache-2.0
"""What the scenarios of `make soak` share: counts, a seed, and progress on a terminal.

Each scenario is a unittest on the real agent. run.py runs it with the full counts; files in
tests/integration run it small, with the same code.
"""

import os
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from agent_case import AgentCase  # noqa: E402 (the folder is known only now)

IS_FULL = os.environ.get("ROTA_SOAK") == "full"
# The small versions are the same each time; a soak draws a seed and prints it.
SEED = int(os.environ.get("ROTA_SOAK_SEED", "1"))
# name: (small, full). The environment may set another: ROTA_SOAK_CHANGES=500.
COUNTS = {
    "restarts": (20, 1000),
    "kills": (20, 1000),
    "changes": (100, 10000),
    "faults": (40, 1000000),  # the full ones end by themselves, when no call is left to fail
    "commands": (30, 1),  # from one allocation that fails to the next one, at most
}
# What freed memory may still hold, however often something is done.
SLACK_KIB = 4096
DESCRIPTORS_SLACK = 4


def count_of(name):
    return int(os.environ.get(f"ROTA_SOAK_{name.upper()}", COUNTS[name][IS_FULL]))


class Progress:
    """One line that is written over on a terminal, a line each tenth elsewhere."""

    def __init__(self, what, total):
        self.what = what
        self.total = total
        self.done = 0
        self.started = time.monotonic()
        self.is_terminal = sys.stderr.isatty()

    def step(self, note=""):
        self.done += 1
        if not IS_FULL:
            return
        is_tenth = self.done * 10 // self.total != (self.done - 1) * 10 // self.total
        if self.is_terminal or is_tenth:
            seconds = time.monotonic() - self.started
            text = f"{self.what}: {self.done} of {self.total}, {seconds:.0f} s {note}"
            print(f"\r{text:76}" if self.is_terminal else text, end="" if self.is_terminal else "\n",
                  file=sys.stderr, flush=True)

    def end(self):
        if IS_FULL and self.is_terminal:
            print(file=sys.stderr)


class SoakCase(AgentCase):
    """A node with a source of chance; a failure says the seed and how far it came."""

    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)
        self.progress = None

    def start_progress(self, what, total):
        self.progress = Progress(what, total)
        self.addCleanup(self.progress.end)
        return self.progress

    def _callTestMethod(self, method):
        try:
            super()._callTestMethod(method)
        except Exception as error:
            if self.progress:
                error.add_note(f"---- ROTA_SOAK_SEED={SEED}, at {self.progress.what} "
                               f"{self.progress.done + 1} of {self.progress.total}")
            raise
