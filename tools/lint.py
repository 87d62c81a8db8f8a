#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Formatters and analysers over the whole tree; `make lint` installs what they need.

Usage: tools/lint.py [NAME...]   NAME: only these steps
Each step prints one line and, when it finds something, all of it. The last line says the result.
"""

import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
JOBS = "2"


def tracked(*patterns):
    """Files that git knows, so that nothing generated is judged; a corpus is meant to be wrong."""
    found = subprocess.run(["git", "ls-files", "--", *patterns], cwd=ROOT, check=True,
                           capture_output=True, text=True)
    return [name for name in found.stdout.split("\n")
            if (ROOT / name).is_file() and not name.startswith("tests/fuzz/corpus/")]


def shell_scripts():
    names = tracked()
    return [name for name in names
            if (ROOT / name).read_bytes()[:40].split(b"\n")[0].strip()
            in (b"#!/bin/sh", b"#!/usr/bin/env bash", b"#!/bin/bash")]


def run(*command):
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False)
    return done.returncode, done.stdout


def without_commands(output):
    """Only what the tools said: not how they were called, and no colours."""
    output = re.sub(r"\x1b\[[0-9;]*m", "", output)
    called = re.compile(r"(gcc|clang-14|clang-tidy-14) .*|\d+ warnings? generated\.")
    return "\n".join(line for line in output.splitlines() if not called.fullmatch(line))


def build(folder, *settings):
    """Configure once, then compile; every warning is an error by the project's own settings."""
    if not (ROOT / folder / "build.ninja").exists():
        code, output = run("meson", "setup", folder, *settings)
        if code:
            return code, output
    # What meson says when it runs again is of no interest unless it fails.
    code, output = run("ninja", "-C", folder, "build.ninja")
    if code:
        return code, output
    code, output = run("ninja", "--quiet", "-j" + JOBS, "-C", folder, "-k", "0")
    return code, without_commands(output)


def clang_format():
    return run("clang-format-14", "--dry-run", "-Werror", *tracked("*.c", "*.h"))


def clang_build():
    return build("build-clang", "-Dtests=true", "--native-file", "tools/clang.ini")


def clang_tidy():
    """On the compile commands of clang, since it does not know all of gcc's flags."""
    code, output = clang_build()
    if code:
        return code, output
    # Only our own units: what protoc writes is not ours to mend.
    units = [rf"{ROOT}/(src|sim|tests)/.*\.c$"]
    code, output = run("run-clang-tidy-14", "-quiet", "-j" + JOBS, "-p", "build-clang", *units)
    return code, without_commands(output)


def gcc_analyzer():
    """Without the tests: what it looks for on every path the sanitizers look for on theirs."""
    return build("build-analyzer", "--native-file", "tools/analyzer.ini")


def cppcheck():
    """With each unit's own include paths, so that generated headers are known to it."""
    code, output = clang_build()
    if code:
        return code, output
    return run("cppcheck", "--quiet", "-j" + JOBS, "--std=c11", "--inline-suppr",
               "--enable=warning,style,performance,portability", "--error-exitcode=1",
               "--suppressions-list=tools/cppcheck.txt", "-D__GNUC__=12",
               "--library=tools/cppcheck.cfg", "--project=build-clang/compile_commands.json")


def codespell():
    return run("codespell", "--ignore-words=tools/codespell.txt", "--skip=*.sum", *tracked())


def shellcheck():
    return run("shellcheck", *shell_scripts())


def yamllint():
    return run("yamllint", "--strict", *tracked("*.yaml", "*.yml", ".clang-format", ".clang-tidy"))


def manual_pages():
    """As the clang build made them from the table of commands."""
    code, output = clang_build()
    if code:
        return code, output
    pages = sorted(str(page) for page in (ROOT / "build-clang" / "src" / "cli").glob("*.1"))
    return run("mandoc", "-Tlint", *pages) if pages else (1, "there are none")


STEPS = {
    "clang-format": clang_format,
    "codespell": codespell,
    "shellcheck": shellcheck,
    "yamllint": yamllint,
    "gcc -fanalyzer": gcc_analyzer,
    "clang build": clang_build,
    "manual pages": manual_pages,
    "cppcheck": cppcheck,
    "clang-tidy": clang_tidy,
}


def main():
    names = sys.argv[1:] or list(STEPS)
    unknown = [name for name in names if name not in STEPS]
    if unknown:
        print(f"lint: no step {unknown[0]}; there are: {', '.join(STEPS)}", file=sys.stderr)
        return 2
    failed = []
    for name in names:
        started = time.monotonic()
        code, output = STEPS[name]()
        print(f"{'FAIL' if code else 'ok':4}  {name:20} {time.monotonic() - started:6.1f} s",
              flush=True)
        if code:
            print(output)
            failed.append(name)
    if failed:
        print(f"lint failed: {', '.join(failed)}")
        return 1
    print(f"lint: {len(names)} steps found nothing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
