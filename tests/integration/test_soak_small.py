# SPDX-License-Identifier: Apache-2.0
"""The scenarios of `make soak`, small and with the same chance each time."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "soak"))

# The folder is known only now; these are the tests.
from soak_changes import ChangesSoak  # noqa: E402, F401
from soak_life import KillSoak, KubeletSoak  # noqa: E402, F401

if __name__ == "__main__":
    unittest.main()
