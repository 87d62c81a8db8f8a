#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The one test runner: every program that is a test, in the plain build and under ASan and UBSan;
those with threads also under TSan.

Usage: tests/run.py [--no-asan] [--build DIR] [NAME...]   NAME: part of a program's name
Four kinds: cmocka programs, fuzz targets replaying their corpus, Python files of unittest that meet
the binaries, and Python files that read the tree. The last line is "N passed, N failed".
"""

import argparse
import concurrent.futures
import contextlib
import ctypes
import dataclasses
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
PYTHON = "/usr/bin/python3"
JOBS = 2
# A program that takes longer hangs. Sanitizers and a busy machine are slow, so it is generous.
GUARD_SECONDS = 600
# What a test leaves running must be gone by then; a child that sees its socket close needs a moment.
LEFTOVER_SECONDS = 5
# Only the end of a long output is worth reading.
OUTPUT_CHARACTERS = 20000

SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:halt_on_error=1:abort_on_error=0:log_path={log}",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1:log_path={log}",
    "TSAN_OPTIONS": "halt_on_error=1:log_path={log}",
}

# Process groups that run now, so that an interrupted run can end them.
RUNNING = set()

# LeakSanitizer says so of a process that is killed while it looks for leaks at its end.
KILLED_WHILE_LOOKED_AT = re.compile(r"^==\d+==Unable to get registers from thread \d+\.\n?",
                                    re.MULTILINE)


@dataclasses.dataclass
class Outcome:
    """What one program came to; texts are ready to print."""

    passed: int = 0
    failures: list = dataclasses.field(default_factory=list)  # (test, text)
    skips: list = dataclasses.field(default_factory=list)  # (test, reason)

    def count(self):
        return self.passed + len(self.failures) + len(self.skips)

    def is_skipped(self):
        """Whether nothing of it ran, and on purpose."""
        return bool(self.skips) and self.count() == len(self.skips)


@dataclasses.dataclass
class Program:
    """One line of the report. kind is a key of RUNNERS; build is None for what reads the tree."""

    name: str
    kind: str
    path: pathlib.Path
    build: pathlib.Path
    has_sanitizers: bool = False


@dataclasses.dataclass
class Ended:
    """How a process went; code is negative for a signal, as subprocess has it."""

    code: int
    output: str
    trouble: list  # what the runner itself saw: a hang, a leftover, a sanitizer's report


def environment(program, log):
    values = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", CMOCKA_MESSAGE_OUTPUT="TAP")
    values["ROTA_BUILD"] = str(program.build)
    values["TMPDIR"] = str(log.parent)
    if program.has_sanitizers:
        values.update((key, text.format(log=log)) for key, text in SANITIZERS.items())
    return values


def adopt_orphans():
    """Become the parent of what our programs leave behind: the first process of a container often
    reaps nothing, and a dead process that nobody reaped looks alive."""
    pr_set_child_subreaper = 36
    ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1, 0, 0, 0)


def is_group_alive(group):
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-group, os.WNOHANG)[0]:
            pass
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def kill_group(group):
    """Kill what is left of a process group of ours and say whether there was something."""
    end = time.monotonic() + LEFTOVER_SECONDS
    while is_group_alive(group):
        if time.monotonic() > end:
            os.killpg(group, signal.SIGKILL)
            return True
        time.sleep(0.02)
    return False


def end_early(pool, tasks):
    """Start nothing more and kill what runs; the tasks then clean up behind themselves."""
    pool.shutdown(wait=False, cancel_futures=True)
    while not all(task.done() for task in tasks):
        for group in list(RUNNING):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        time.sleep(0.05)


def execute(command, program, folder):
    """Run a command in a process group and a temporary folder of its own."""
    log = folder / "sanitizer"
    output = folder / "output"
    trouble = []
    with open(output, "wb") as sink:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment(program, log), stdin=subprocess.DEVNULL,
            stdout=sink, stderr=subprocess.STDOUT, start_new_session=True)
        RUNNING.add(process.pid)
        try:
            process.wait(GUARD_SECONDS)
        except subprocess.TimeoutExpired:
            trouble.append(f"hung: killed after {GUARD_SECONDS} s")
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if kill_group(process.pid):
            trouble.append("left processes running behind it; they were killed")
        RUNNING.discard(process.pid)
    for report in sorted(folder.glob("sanitizer.*")):
        said = KILLED_WHILE_LOOKED_AT.sub("", report.read_text(errors="replace"))
        if said.strip():
            trouble.append(f"a sanitizer reported:\n{said}")
    text = output.read_text(errors="replace")
    return Ended(process.returncode, text[-OUTPUT_CHARACTERS:], trouble)


def run_unit(program, folder):
    """cmocka speaks TAP; a group or a process that fails without a test is a failure of its own."""
    ended = execute([str(program.path)], program, folder)
    outcome = Outcome()
    for line in ended.output.splitlines():
        match = re.match(r"(not )?ok (\d+) (?:- |# SKIP )(.*)", line)
        if not match:
            continue
        if match[1]:
            outcome.failures.append((match[3], ended.output))
        elif "# SKIP" in line:
            outcome.skips.append((match[3], "skipped by the test itself"))
        else:
            outcome.passed += 1
    plan = re.search(r"^1\.\.(\d+)$", ended.output, re.MULTILINE)
    is_whole = plan and int(plan[1]) == outcome.count()
    if not outcome.failures and (ended.code != 0 or not is_whole):
        text = f"ended with {ended.code} after {outcome.count()} tests\n{ended.output}"
        outcome.failures.append(("the program", text))
    outcome.failures += [("the program", text) for text in ended.trouble]
    return outcome


def run_replay(program, folder):
    """A corpus is one test: the target must survive every input of it."""
    stem = program.path.name.removeprefix("replay_")
    corpus = ROOT / "tests" / "fuzz" / "corpus" / stem
    inputs = sorted(str(path) for path in corpus.glob("*"))
    outcome = Outcome()
    if not inputs:
        return outcome
    ended = execute([str(program.path), *inputs], program, folder)
    if ended.code != 0 or ended.trouble:
        text = "\n".join([f"ended with {ended.code}", *ended.trouble, ended.output])
        outcome.failures.append((f"{len(inputs)} inputs", text))
    else:
        outcome.passed = 1
    return outcome


def run_python(program, folder):
    """A child of this very file runs the unittest and writes its outcome as JSON."""
    result = folder / "result.json"
    ended = execute([PYTHON, __file__, "--child", str(program.path), str(result)], program, folder)
    outcome = Outcome()
    if result.exists():
        outcome = Outcome(**json.loads(result.read_text()))
    elif not ended.trouble:
        outcome.failures.append(("the program", f"ended with {ended.code}\n{ended.output}"))
    outcome.failures += [("the program", f"{text}\n{ended.output}") for text in ended.trouble]
    return outcome


RUNNERS = {"unit": run_unit, "replay": run_replay, "python": run_python}


class Recorder(unittest.TestResult):
    """Keeps names and reasons; a test with failing subtests is one failure for each of them."""

    def __init__(self):
        super().__init__()
        self.succeeded = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.succeeded += 1

    def outcome(self):
        failures = [(test.id(), text) for test, text in self.failures + self.errors]
        failures += [(test.id(), "passed although it is marked to fail")
                     for test in self.unexpectedSuccesses]
        passed = self.succeeded + len(self.expectedFailures)
        skips = [(test.id(), reason) for test, reason in self.skipped]
        return Outcome(passed, failures, skips)


def child(path, result):
    """Run one file of unittest; helpers beside it can be imported."""
    path = pathlib.Path(path)
    sys.path.insert(0, str(path.parent))
    recorder = Recorder()
    unittest.defaultTestLoader.loadTestsFromName(path.stem).run(recorder)
    # By rename: a child that dies while it writes has no result.
    partial = pathlib.Path(result).with_suffix(".part")
    partial.write_text(json.dumps(dataclasses.asdict(recorder.outcome())))
    partial.rename(result)


def run_program(program):
    started = time.monotonic()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="rota-test-"))
    try:
        outcome = RUNNERS[program.kind](program, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if outcome.count() == 0:
        outcome.failures.append(("the program", "ran no test"))
    return program, outcome, time.monotonic() - started


def programs_in(folder, pattern, kind, build, mark):
    # Directories named test_x.p hold objects, hence is_file().
    return [Program(f"{folder.name}/{path.stem.split('_', 1)[1]}{mark}", kind, path, build, bool(mark))
            for path in sorted(folder.glob(pattern)) if path.is_file()]


def unit_programs(build, mark=""):
    return programs_in(build / "tests" / "unit", "test_*", "unit", build, mark)


def programs_of(build, mark=""):
    """Everything that has to do with one build; mark tells the builds apart in the report."""
    # The long ones are started first.
    return (programs_in(ROOT / "tests" / "integration", "test_*.py", "python", build, mark)
            + programs_in(build / "tests" / "fuzz", "replay_*", "replay", build, mark)
            + unit_programs(build, mark))


def collect(options):
    build = (ROOT / options.build).resolve()
    tree = [Program(f"tree/{path.stem.removeprefix('test_')}", "python", path, build)
            for path in sorted((ROOT / "tests" / "tree").glob("test_*.py"))]
    programs = tree + programs_of(build)
    if not options.no_asan:
        programs += programs_of(ROOT / "build-asan", " (asan)")
        # meson.build chooses which; a run of all programs has some.
        programs += unit_programs(ROOT / "build-tsan", " (tsan)")
    if not options.names:
        return programs
    return [program for program in programs
            if any(name in program.name for name in options.names)]


def report_line(program, outcome, seconds):
    if outcome.is_skipped():
        print(f"{program.name.split('/')[-1]}: skipped, {outcome.skips[0][1]}", flush=True)
        return
    word = "FAIL" if outcome.failures else "ok"
    skipped = f", {len(outcome.skips)} skipped" if outcome.skips else ""
    tests = "1 test" if outcome.count() == 1 else f"{outcome.count()} tests"
    print(f"{word:4}  {program.name:40} {tests:>10} {seconds:7.1f} s{skipped}", flush=True)


def report_end(results):
    """Failures in full, skips with their reason, the totals alone on the last line."""
    for program, outcome, _ in results:
        for test, text in outcome.failures:
            print(f"\n==== FAILED {program.name}: {test}\n{text.rstrip()}")
    skips = [(program.name, *skip) for program, outcome, _ in results for skip in outcome.skips]
    if skips:
        print(f"\n{len(skips)} skipped:")
    for name, test, reason in skips:
        print(f"  {name}: {test}: {reason}")
    passed = sum(outcome.passed for _, outcome, _ in results)
    failed = sum(len(outcome.failures) for _, outcome, _ in results)
    print(f"\n{passed} passed, {failed} failed")
    return failed == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="part of a program's name")
    parser.add_argument("--build", default="build", metavar="DIR", help="default: build")
    parser.add_argument("--no-asan", action="store_true", help="leave out build-asan and build-tsan")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(*options.child)
        return 0

    programs = collect(options)
    if not programs:
        print("no program matches; nothing was run", file=sys.stderr)
        return 1
    adopt_orphans()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    results = []
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        tasks = [pool.submit(run_program, program) for program in programs]
        try:
            for task in concurrent.futures.as_completed(tasks):
                results.append(task.result())
                report_line(*results[-1])
        except KeyboardInterrupt:
            end_early(pool, tasks)
            print("interrupted; what ran was killed", file=sys.stderr)
            return 1
    return 0 if report_end(results) else 1


if __name__ == "__main__":
    sys.exit(main())
