# SPDX-License-Identifier: Apache-2.0
"""Words that must not stand in the tree: work left for later, and a claim that only hardware keeps."""

import re

from tree import ROOT, TreeTest, tracked

# Put together here so that this file does not find itself.
LEFT_FOR_LATER = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK"]) + r")\b")
RESERVED = re.compile("isol" + "at", re.IGNORECASE)
# What makes the reserved word true: it is said of hardware, on the same line or one beside it.
OF_HARDWARE = re.compile(r"\bMIG\b|\bhardware\b", re.IGNORECASE)
NOT_OURS = {"LICENSE"}


def word_faults(name, text):
    lines = text.splitlines()
    faults = []
    for number, line in enumerate(lines, 1):
        match = LEFT_FOR_LATER.search(line)
        if match:
            faults.append(f"{name}:{number}: {match[0]}: do it or file it")
        near = "\n".join(lines[max(0, number - 2):number + 1])
        if RESERVED.search(line) and not OF_HARDWARE.search(near):
            faults.append(f"{name}:{number}: {RESERVED.pattern}...: said of hardware only")
    return faults


class WordsTest(TreeTest):
    def test_the_tree_has_no_forbidden_word(self):
        faults = []
        for path in tracked():
            if path.name not in NOT_OURS:
                faults += word_faults(path, (ROOT / path).read_text(errors="replace"))
        self.assert_no_faults(faults)

    def test_finds_work_left_for_later(self):
        for word in ("TO" + "DO", "FIX" + "ME", "X" * 3):
            self.assert_one_fault(word_faults("a.c", f"one\n/* {word}: later */\n"), "a.c:2", word)

    def test_lets_longer_words_pass(self):
        self.assert_no_faults(word_faults("a.c", "mkdtemp(\"/tmp/rota." + "X" * 6 + "\")\n"))

    def test_finds_a_claim_that_only_hardware_keeps(self):
        claim = "tenants are Isol" + "ated"
        self.assert_one_fault(word_faults("a.md", claim), "a.md:1", "hardware only")
        self.assert_no_faults(word_faults("a.md", f"With MIG\n{claim}.\n"))
