# SPDX-License-Identifier: Apache-2.0
"""Some of the calls of the agent fail, each once; `make soak` tries them all."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "soak"))

from soak_faults import FaultsSoak  # noqa: E402, F401 (the folder is known only now; it is the test)

if __name__ == "__main__":
    unittest.main()
