# SPDX-License-Identifier: Apache-2.0
"""Every header compiles alone, with the flags of the units beside it."""

import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess

from tree import ROOT, TreeTest, sources

BUILD = pathlib.Path(os.environ.get("ROTA_BUILD", ROOT / "build"))
JOBS = 2
WARNINGS = ["-std=gnu17", "-Wall", "-Wextra", "-Wundef", "-Werror"]


def flags_by_folder(build):
    """folder -> the include paths and macros of its units; "" stands for those of all units."""
    flags = {}
    for unit in json.loads((build / "compile_commands.json").read_text()):
        folder = (build / unit["file"]).resolve().parent
        for flag in shlex.split(unit["command"]):
            if flag.startswith(("-I", "-isystem", "-D")):
                for key in (str(folder), ""):
                    flags.setdefault(key, {})[flag] = None
    return flags


def compile_alone(path, flags, folder):
    """The compiler's words, or "" when it is content."""
    done = subprocess.run(
        ["gcc", "-fsyntax-only", *WARNINGS, *flags, "-include", str(path), "-x", "c", "/dev/null"],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return f"{path}: {done.stdout}" if done.returncode else ""


def header_faults(root, flags, build):
    def check(path):
        chosen = flags.get(str((root / path).parent), flags.get("", {}))
        return compile_alone(root / path, list(chosen), build)

    headers = sources(root, ("src", "sim", "tests"), (".h",))
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        return [fault for fault in pool.map(check, headers) if fault]


class HeadersTest(TreeTest):
    def test_every_header_compiles_alone(self):
        self.assert_no_faults(header_faults(ROOT, flags_by_folder(BUILD), BUILD))

    def test_finds_a_header_that_needs_another_first(self):
        root = self.plant({"src/base/whole.h": "#pragma once\n#include <stddef.h>\nsize_t f(void);\n",
                           "src/base/half.h": "#pragma once\nsize_t f(void);\n"})
        self.assert_one_fault(header_faults(root, {}, root), "half.h", "size_t")
