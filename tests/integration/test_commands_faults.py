# SPDX-License-Identifier: Apache-2.0
"""Allocations of the commands fail, each once; the small version skips some, `make soak` none."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "soak"))

from soak_commands import CommandsSoak  # noqa: E402, F401 (the folder is known only now; it is the test)

if __name__ == "__main__":
    unittest.main()
