# SPDX-License-Identifier: Apache-2.0
"""The shape of files: unique stems, licence and purpose on top, short functions, a test for each
file of core."""

import re

from tree import ROOT, TreeTest, sources

LICENCE = "/* SPDX-License-Identifier: Apache-2.0 */"
FUNCTION_LINES_MAX = 80


def stem_faults(root):
    """A stem is the prefix of all that a file exports, so it belongs to one folder."""
    folders = {}
    for path in sources(root):
        folders.setdefault(path.stem, set()).add(str(path.parent))
    return [f"{stem}: the stem of files in {' and in '.join(sorted(places))}"
            for stem, places in sorted(folders.items()) if len(places) > 1]


def top_faults(root):
    faults = []
    for path in sources(root, ("src", "sim", "tests")):
        lines = (root / path).read_text().splitlines() + ["", ""]
        if lines[0] != LICENCE:
            faults.append(f"{path}: does not begin with {LICENCE}")
        is_test = path.parts[0] == "tests"  # its name and its sentences say what it is for
        if not is_test and not lines[1].startswith("/*"):
            faults.append(f"{path}: has no comment on its second line that says what it is for")
    return faults


def long_functions(root):
    """In our format only a function's body has its braces in the first column."""
    faults = []
    for path in sources(root, ("src", "sim", "tests"), (".c", ".h")):
        start = 0
        for number, line in enumerate((root / path).read_text().splitlines(), 1):
            if line == "{":
                start = number
            elif line == "}" and start:
                if number - start - 1 > FUNCTION_LINES_MAX:
                    faults.append(f"{path}:{start}: a function of {number - start - 1} lines, "
                                  f"at most {FUNCTION_LINES_MAX}")
                start = 0
    return faults


def untested_core(root):
    return [f"{path}: has no tests/unit/test_{path.stem}.c"
            for path in sources(root, ("src/core",), (".c",))
            if not (root / "tests" / "unit" / f"test_{path.stem}.c").is_file()]


class LayoutTest(TreeTest):
    def test_stems_are_unique(self):
        self.assert_no_faults(stem_faults(ROOT))

    def test_finds_a_stem_in_two_folders(self):
        root = self.plant({"src/rpc/status.h": "", "src/rpc/status.c": "", "sim/kubelet/status.c": ""})
        self.assert_one_fault(stem_faults(root), "status", "sim/kubelet", "src/rpc")

    def test_files_begin_with_licence_and_purpose(self):
        self.assert_no_faults(top_faults(ROOT))

    def test_finds_a_file_without_a_licence(self):
        root = self.plant({"tests/unit/test_a.c": "#include <stdio.h>\n"})
        self.assert_one_fault(top_faults(root), "test_a.c", "SPDX")

    def test_finds_a_file_without_a_purpose(self):
        root = self.plant({"src/base/a.c": f"{LICENCE}\n#include <stdio.h>\n",
                           "src/base/b.c": f"{LICENCE}\n/* Why. */\n"})
        self.assert_one_fault(top_faults(root), "src/base/a.c", "what it is for")

    def test_functions_are_short(self):
        self.assert_no_faults(long_functions(ROOT))

    def test_finds_a_long_function(self):
        def body(count):
            return "int f(void)\n{\n" + "\tg();\n" * count + "}\n"

        root = self.plant({"src/a.c": body(FUNCTION_LINES_MAX),
                           "sim/b.c": "struct x {\n" + "\tint a;\n" * 90 + "};\n" + body(81)})
        self.assert_one_fault(long_functions(root), "sim/b.c:94", "81 lines")

    def test_every_file_of_core_has_a_unit_test(self):
        self.assert_no_faults(untested_core(ROOT))

    def test_finds_a_file_of_core_without_a_test(self):
        root = self.plant({"src/core/a.c": "", "src/core/b.c": "", "src/core/c.h": "",
                           "tests/unit/test_a.c": ""})
        self.assert_one_fault(untested_core(root), "src/core/b.c", "test_b.c")


class BoundsTest(TreeTest):
    def test_the_bound_is_the_one_of_clang_tidy(self):
        settings = (ROOT / ".clang-tidy").read_text()
        bound = re.search(r"LineThreshold\n\s+value: '(\d+)'", settings)
        self.assertEqual(FUNCTION_LINES_MAX, int(bound[1]))
