# SPDX-License-Identifier: Apache-2.0
"""The stand-in for a driver root, which other tests rest on, against what a real one looks like."""

import pathlib
import tempfile
import unittest

import fakeroot


class FakerootTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def names(self):
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*")
                      if path.is_file())

    def test_has_the_devices_of_gpus(self):
        fakeroot.make(self.root, [0, 3])
        self.assertEqual(self.names(), ["dev/nvidia-modeset", "dev/nvidia-uvm",
                                        "dev/nvidia-uvm-tools", "dev/nvidia0", "dev/nvidia3",
                                        "dev/nvidiactl"])

    def test_has_the_capabilities_of_parts(self):
        fakeroot.make(self.root, [0], parts=[(0, 1, 0)])
        self.assertIn("dev/nvidia-caps/nvidia-cap12", self.names())
        self.assertIn("dev/nvidia-caps/nvidia-cap13", self.names())
        self.assertNotIn("dev/nvidia-caps/nvidia-cap14", self.names())

    def test_lists_the_minors_as_the_driver_does(self):
        text = fakeroot.mig_minors([0, 1])
        self.assertTrue(text.startswith("config 1\nmonitor 2\ngpu0/gi0/access 3\n"
                                        "gpu0/gi0/ci0/access 4\n"))
        for line in ("gpu0/gi1/access 12", "gpu0/gi7/access 66", "gpu0/gi14/ci7/access 137",
                     "gpu1/gi0/access 138"):
            self.assertIn(f"\n{line}\n", text)


if __name__ == "__main__":
    unittest.main()
