#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the tests execute of src/, told by gcc's own counters; `make coverage` builds what it reads.

Usage: tools/coverage.py   runs every test in build-coverage, prints a line a file and the verdict
The gates: every line of src/core/ (also held by tests/tree/test_coverage.py, by the unit tests alone)
and BRANCHES_PERCENT of its branches.
"""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build-coverage"
BRANCHES_PERCENT = 90.0


@dataclasses.dataclass
class Covered:
    """How often each line ran, and each branch of it, over all programs."""

    lines: dict = dataclasses.field(default_factory=dict)
    branches: dict = dataclasses.field(default_factory=dict)  # (line, place in it): times

    def missing(self):
        return sorted(line for line, times in self.lines.items() if times == 0)

    def add(self, line):
        number = line["line_number"]
        self.lines[number] = self.lines.get(number, 0) + line["count"]
        for place, branch in enumerate(line["branches"]):
            key = (number, place)
            self.branches[key] = self.branches.get(key, 0) + branch["count"]


def percent(counts):
    """Of an empty file everything is covered."""
    return 100.0 * sum(times > 0 for times in counts) / len(counts) if counts else 100.0


def gcov(notes):
    """gcov's JSON documents, one for each file of notes; the counters lie beside them."""
    done = subprocess.run(["gcov", "--branch-probabilities", "--json-format", "--stdout", notes.name],
                          cwd=notes.parent, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line]


def read(notes, folder, root=ROOT):
    """{path relative to root: Covered} for the .c files below folder."""
    files = {}
    for note in notes:
        for document in gcov(note):
            for file in document["files"]:
                path = pathlib.Path(os.path.normpath(
                    pathlib.Path(document["current_working_directory"]) / file["file"]))
                if path.suffix != ".c" or (root / folder) not in path.parents:
                    continue
                covered = files.setdefault(str(path.relative_to(root)), Covered())
                for line in file["lines"]:
                    covered.add(line)
    return dict(sorted(files.items()))


def notes_of(build, part):
    """What gcc wrote beside each object whose path has this part."""
    return sorted(note for note in build.rglob("*.gcno") if part in str(note.relative_to(build)))


def run_counted(program, folder):
    """Run one program with its counters under folder and not in the build."""
    environment = dict(os.environ, GCOV_PREFIX=str(folder), CMOCKA_MESSAGE_OUTPUT="TAP")
    return subprocess.run([str(program)], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, errors="replace", check=False)


def read_counted(build, part, counters, folder, root=ROOT):
    """As read(), of what run_counted() left under the folder of counters."""
    linked = []
    for note in notes_of(build, part):
        link = counters / str(note).lstrip("/")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(note)
        linked.append(link)
    return read(linked, folder, root)


def line_faults(files):
    return [f"{path}:{line}: no test executes this line"
            for path, covered in files.items() for line in covered.missing()]


def branches_percent(files):
    return percent([times for covered in files.values() for times in covered.branches.values()])


def lines_percent(files):
    return percent([times for covered in files.values() for times in covered.lines.values()])


def core_alone(build=BUILD):
    """Run the unit tests of src/core/ and nothing else: (what ran of it, tests that failed)."""
    failures = []
    with tempfile.TemporaryDirectory(prefix="rota-coverage-") as name:
        for source in sorted((ROOT / "src" / "core").glob("*.c")):
            ended = run_counted(build / "tests" / "unit" / f"test_{source.stem}", name)
            if ended.returncode != 0:
                failures.append(f"test_{source.stem}: {ended.stdout}{ended.stderr}")
        files = read_counted(build, "src/core", pathlib.Path(name), "src/core")
    return files, failures


def print_table(files):
    for path, covered in files.items():
        missing = covered.missing()
        print(f"{path:40} lines {percent(covered.lines.values()):5.1f} %"
              f"  branches {percent(covered.branches.values()):5.1f} %"
              f"  {', '.join(map(str, missing[:12]))}{', ...' if len(missing) > 12 else ''}")


def main():
    for counter in BUILD.rglob("*.gcda"):
        counter.unlink()
    tests = subprocess.run([str(ROOT / "tests" / "run.py"), "--no-asan", "--build", BUILD.name,
                            "unit/", "fuzz/", "integration/"], cwd=ROOT, check=False)
    files = read([note for note in notes_of(BUILD, "src/") if note.with_suffix(".gcda").exists()],
                 "src")
    print_table(files)
    core = {path: covered for path, covered in files.items() if path.startswith("src/core/")}
    print(f"src/:      lines {lines_percent(files):.1f} %, branches {branches_percent(files):.1f} %")
    print(f"src/core/: lines {lines_percent(core):.1f} %, branches {branches_percent(core):.1f} %")
    is_enough = core and not line_faults(core) and branches_percent(core) >= BRANCHES_PERCENT
    return 0 if is_enough and tests.returncode == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
