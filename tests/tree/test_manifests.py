# SPDX-License-Identifier: Apache-2.0
"""The two manifests of the plugin are one DaemonSet, so that going from one to the other is a roll-out."""

import difflib
import unittest

from tree import ROOT, TreeTest

FOLDER = ROOT / "deploy/manifests"
# All that the second has and the first has not.
CONFIG = [
    "        - name: CONFIG_FILE",
    "          value: /config/config.yaml",
    "        - name: config",
    "          mountPath: /config",
    "          readOnly: true",
    "      - name: config",
    "        configMap:",
    "          name: nvidia-device-plugin-config",
]


def differences(plain, shared):
    """What one has and the other has not, apart from the comment on top."""
    lines = difflib.ndiff(plain.splitlines()[1:], shared.splitlines()[1:])
    return [line for line in lines if line[0] in "+-"]


class Manifests(TreeTest):
    def read(self, name):
        return (FOLDER / f"nvidia-device-plugin-{name}.yml").read_text()

    def test_they_differ_by_the_configuration_alone(self):
        self.assertEqual(differences(self.read("default"), self.read("time-slicing")),
                         [f"+ {line}" for line in CONFIG])

    def test_finds_another_selector(self):
        other = self.read("time-slicing").replace("nvidia-device-plugin-ds", "another")
        self.assertIn("-       name: nvidia-device-plugin-ds", differences(self.read("default"), other))


if __name__ == "__main__":
    unittest.main()
