# SPDX-License-Identifier: Apache-2.0
"""What the tree tests share: the files of a tree, and small trees with a fault planted in them."""

import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def sources(root, folders=("src", "sim"), suffixes=(".c", ".h")):
    """C files below folders of root, as sorted paths relative to root."""
    found = [path.relative_to(root) for folder in folders for path in (root / folder).rglob("*")
             if path.suffix in suffixes and path.is_file()]
    return sorted(found)


def tracked(root=ROOT):
    """Every file that git knows; in an unpacked archive every file that is not built."""
    if (root / ".git").exists():
        listing = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True,
                                 capture_output=True)
        names = [name for name in listing.stdout.decode().split("\0") if name]
    else:
        names = [path.relative_to(root) for path in root.rglob("*")
                 if not path.relative_to(root).parts[0].startswith("build")]
    return sorted(pathlib.Path(name) for name in names if (root / name).is_file())


class TreeTest(unittest.TestCase):
    """A test that can plant a tree and that names every fault when there should be none."""

    def plant(self, files):
        """A temporary tree with these files, name -> text; removed after the test."""
        folder = tempfile.TemporaryDirectory(prefix="rota-planted-")
        self.addCleanup(folder.cleanup)
        root = pathlib.Path(folder.name)
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return root

    def assert_no_faults(self, faults):
        if faults:
            self.fail("\n".join(["the tree has faults:", *faults]))

    def assert_one_fault(self, faults, *parts):
        self.assertEqual(1, len(faults), faults)
        for part in parts:
            self.assertIn(part, faults[0])
