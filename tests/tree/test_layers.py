# SPDX-License-Identifier: Apache-2.0
"""The layers: what each folder includes, held against the table in ARCHITECTURE.md."""

import pathlib
import re

from tree import ROOT, TreeTest, sources

TABLE_HEAD = "| folder | may include |"
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.MULTILINE)
EVERYTHING = "src"


def table_rows(document):
    lines = document.splitlines()
    if TABLE_HEAD not in lines:
        raise ValueError(f"ARCHITECTURE.md has no table that begins {TABLE_HEAD}")
    for line in lines[lines.index(TABLE_HEAD) + 2:]:
        if not line.startswith("|"):
            return
        yield line


def read_table(document):
    """folder -> what it may include: folders and single headers, as paths from the root."""
    table = {}
    for line in table_rows(document):
        folders, allowed = (re.findall(r"`([^`]+?)/?`", cell) for cell in line.split("|")[1:3])
        for folder in folders:
            table[folder] = [name if name.startswith("sim") or name == EVERYTHING
                             else f"src/{name}" for name in allowed]
    return table


def folder_of(path):
    """The layer that a file belongs to: src/<name> or sim."""
    return "/".join(path.parts[:2]) if path.parts[0] == "src" else path.parts[0]


def resolve(root, path, name):
    """The file of the tree that an include means, or None."""
    if name.endswith(".pb-c.h"):  # written by protoc-c at build time from the .proto beside it
        name = name.removesuffix(".pb-c.h") + ".proto"
    for start in (root / "src", root, root / path.parent):
        if (start / name).is_file():
            return (start / name).resolve().relative_to(root.resolve())
    return None


def is_allowed(table, path, target):
    own, other = folder_of(path), folder_of(target)
    return own == other or any(
        allowed in (other, str(target)) or (allowed == EVERYTHING and other.startswith("src/"))
        for allowed in table.get(own, []))


def layer_faults(root):
    table = read_table((root / "ARCHITECTURE.md").read_text())
    faults = [f"{folder}: in the table and not in the tree"
              for folder in table if not (root / folder).is_dir()]
    for path in sources(root):
        if folder_of(path) not in table:
            faults.append(f"{path}: {folder_of(path)} has no row in the table of layers")
            continue
        for mark, name in INCLUDE.findall((root / path).read_text()):
            target = resolve(root, path, name)
            if target is None and mark == '"':
                faults.append(f"{path}: includes {name}, which is not in the tree")
            elif target is not None and not is_allowed(table, path, target):
                faults.append(f"{path}: {folder_of(path)} may not include {name}")
    return faults


TABLE = """
| folder | may include |
|---|---|
| `src/base/` | nothing |
| `src/core/`, `src/rpc/` | `base/` |
| `src/agent/` | all of `src/` |
| `sim/` | `base/`, `core/abi.h` |

| folder | another table |
"""
GOOD = {
    "ARCHITECTURE.md": TABLE,
    "src/base/err.h": "#include <stdio.h>\n",
    "src/core/abi.h": '#include "base/err.h"\n',
    "src/core/seat.h": '#include "core/abi.h"\n',
    "src/rpc/wire.proto": "",
    "src/rpc/wire.c": '#include "rpc/wire.pb-c.h"\n',
    "src/agent/agent.c": '#include "core/seat.h"\n',
    "sim/node.h": '#include "core/abi.h"\n#include "sim/node.h"\n',
}


class LayersTest(TreeTest):
    def test_the_tree_keeps_to_its_table(self):
        self.assert_no_faults(layer_faults(ROOT))

    def test_accepts_a_tree_without_faults(self):
        self.assert_no_faults(layer_faults(self.plant(GOOD)))

    def plant_in(self, name, text):
        return layer_faults(self.plant({**GOOD, name: text}))

    def test_finds_an_arrow_that_points_up(self):
        faults = self.plant_in("src/base/err.c", '#include "core/seat.h"\n')
        self.assert_one_fault(faults, "src/base/err.c", "core/seat.h")

    def test_finds_an_arrow_between_neighbours(self):
        faults = self.plant_in("src/rpc/server.c", '#  include <core/seat.h>\n')
        self.assert_one_fault(faults, "src/rpc may not include core/seat.h")

    def test_finds_more_than_the_one_header_that_is_allowed(self):
        faults = self.plant_in("sim/smi.c", '#include "core/seat.h"\n')
        self.assert_one_fault(faults, "sim may not include core/seat.h")

    def test_finds_a_folder_without_a_row(self):
        self.assert_one_fault(self.plant_in("src/turn/turn.c", ""), "src/turn has no row")

    def test_finds_a_row_without_a_folder(self):
        table = TABLE.replace("`src/rpc/`", "`src/rpc/`, `src/shim/`")
        self.assert_one_fault(self.plant_in("ARCHITECTURE.md", table), "src/shim: in the table")

    def test_finds_an_include_of_nothing(self):
        faults = self.plant_in("src/core/plan.c", '#include "core/lost.h"\n')
        self.assert_one_fault(faults, "core/lost.h, which is not in the tree")

    def test_finds_a_generated_header_without_its_source(self):
        faults = self.plant_in("src/rpc/other.c", '#include "rpc/lost.pb-c.h"\n')
        self.assert_one_fault(faults, "rpc/lost.pb-c.h, which is not in the tree")

    def test_wants_the_table(self):
        with self.assertRaises(ValueError):
            read_table("# No table\n")
        self.assertEqual("sim", folder_of(pathlib.Path("sim/kubelet/main.c")))
