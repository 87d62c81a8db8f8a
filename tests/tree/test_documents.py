# SPDX-License-Identifier: Apache-2.0
"""The documents: what they point at is there."""

import re

from tree import ROOT, TreeTest, tracked

LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)")
TARGET = re.compile(r"`(?:[A-Z_]+=\S+ )?make ([a-z][a-z0-9-]*)")


def link_faults(root, path):
    text = (root / path).read_text()
    return [f"{path}: links to {target}, which is not in the tree"
            for target in LINK.findall(text)
            if "://" not in target and not (root / path).parent.joinpath(target).exists()]


def target_faults(root, path):
    targets = set(re.findall(r"^([a-z0-9-]+):", (root / "Makefile").read_text(), re.MULTILINE))
    return [f"{path}: speaks of `make {name}`, which the Makefile does not have"
            for name in TARGET.findall((root / path).read_text()) if name not in targets]


class DocumentsTest(TreeTest):
    def documents(self):
        return [path for path in tracked() if path.suffix == ".md"]

    def test_links_lead_somewhere(self):
        self.assert_no_faults([fault for path in self.documents()
                               for fault in link_faults(ROOT, path)])

    def test_make_has_the_targets_that_are_named(self):
        self.assert_no_faults([fault for path in self.documents()
                               for fault in target_faults(ROOT, path)])

    def test_finds_a_link_to_nothing(self):
        root = self.plant({"docs/a.md": "[b](b.md) [c](../c.md#part) [d](https://d)", "c.md": ""})
        self.assert_one_fault(link_faults(root, "docs/a.md"), "b.md")

    def test_finds_a_target_that_is_gone(self):
        root = self.plant({"a.md": "`make test` or `make gone`", "Makefile": "test: x\n"})
        self.assert_one_fault(target_faults(root, "a.md"), "make gone")
