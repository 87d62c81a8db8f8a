#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what goals.md asks for and this machine can give, and writes build/bench.json.

Usage: tests/bench/run.py [--runs N] [NAME...]   NAME: part of a row's name; then nothing is written
The value of a row is the median of its runs. Exit 1 if a row with a target falls short.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BENCH = "build/tests/bench/bench_agent"
OURS = "build/rota agent"
NVIDIA = "nvidia-device-plugin"
# It takes no other directory for its own socket.
NVIDIA_DIRECTORY = "/var/lib/kubelet/device-plugins"
# A run takes seconds; a plugin that is this slow hangs.
GUARD_SECONDS = 900
# From here on it shows in the times.
OTHERS_SHARE_MAX = 0.15
RED, GREEN, PLAIN = "\033[31m", "\033[32m", "\033[0m"


@dataclasses.dataclass(frozen=True)
class Case:
    """One command of bench_agent, which gives the figures of several rows."""

    title: str
    options: str
    plugin: str = OURS

    def command(self):
        variables = "LD_LIBRARY_PATH=build/sim"
        if self.plugin == NVIDIA:  # the simulated driver has no events
            variables += " DP_DISABLE_HEALTHCHECKS=all"
        return f"{variables} {BENCH} {self.options} {self.plugin}"

    @staticmethod
    def describe(figures):
        return (f"registered {figures['registered_ms']:.1f} ms, list "
                f"{figures['first_list_ms']:.1f} ms, preferred p50 "
                f"{figures['preferred_p50_ms']:.2f} p99 {figures['preferred_p99_ms']:.2f} ms, "
                f"allocate p50 {figures['allocate_p50_ms']:.2f} p99 "
                f"{figures['allocate_p99_ms']:.2f} ms, RSS {rss_mib(figures):.1f} MiB")


class CallsCase(Case):
    """A program that times calls of one function."""

    def command(self):
        return self.options

    @staticmethod
    def describe(figures):
        times = sorted(figures["times_ms"])
        return (f"p50 {statistics.median(times):.3f} p99 {p99(figures):.3f} ms, at most "
                f"{times[-1]:.3f} ms")


FULL = Case("10000 replicas", "--gpus 8 --replicas 1250")
SMALL = Case("100 replicas", "--gpus 4 --replicas 25")
ONE = Case("one T4, 5 replicas", "--gpus 1 --replicas 5")
# Its calls take long, so fewer of them.
RIVAL_OPTIONS = f"--preferences 20 --allocations 500 --mount-at {NVIDIA_DIRECTORY}"
RIVAL_FULL = Case("NVIDIA, 10000 replicas", f"{FULL.options} {RIVAL_OPTIONS}", NVIDIA)
RIVAL_SMALL = Case("NVIDIA, 100 replicas", f"{SMALL.options} {RIVAL_OPTIONS}", NVIDIA)
ALIGNED = CallsCase("4 of 16 linked GPUs", "build/tests/bench/bench_aligned")


def milliseconds(key):
    return lambda figures: figures[key]


def p99(figures):
    return statistics.quantiles(figures["times_ms"], n=100)[-1]


def rss_mib(figures):
    return max(figures["rss_after_list_kib"], figures["rss_after_calls_kib"]) / 1024


@dataclasses.dataclass
class Row:
    """A row of the table. read takes the figures of its case; less is better."""

    name: str
    unit: str
    target: float | None
    case: Case | None
    read: object = None
    value: float | None = None
    reason: str = ""  # why there is no value
    command: str = ""

    def holds(self):
        if self.target is None or self.value is None:
            return None
        return self.value <= self.target

    def entry(self):
        return {"name": self.name, "value": self.value, "unit": self.unit, "target": self.target,
                "holds": self.holds(), "command": self.command}


# Rows that callgrind counts: what is counted -> few and many calls of one option of bench_agent.
COUNTED = {
    "instructions per Allocate at 10000 replicas": ("--allocations", 100, 1100),
    "instructions per GetPreferredAllocation at 10000 replicas": ("--preferences", 10, 60),
}


def make_rows():
    first, preferred, allocate = (milliseconds(key) for key in (
        "first_list_ms", "preferred_p99_ms", "allocate_p99_ms"))
    return [
        Row("G9 first list at 10000 replicas", "ms", 50, FULL, first),
        Row("G9 preferred allocation p99 at 10000 replicas", "ms", 2, FULL, preferred),
        Row("G9 allocate p99 at 10000 replicas", "ms", 1, FULL, allocate),
        Row("G9 RSS agent + driver process at 10000 replicas", "MiB", 10, FULL, rss_mib),
        Row("G9 RSS agent + driver process at 100 replicas", "MiB", 6, SMALL, rss_mib),
        Row("G9 NVIDIA: first list at 10000 replicas", "ms", None, RIVAL_FULL, first),
        Row("G9 NVIDIA: preferred allocation p99 at 10000 replicas", "ms", None, RIVAL_FULL,
            preferred),
        Row("G9 NVIDIA: allocate p99 at 10000 replicas", "ms", None, RIVAL_FULL, allocate),
        Row("G9 NVIDIA: RSS at 10000 replicas", "MiB", None, RIVAL_FULL, rss_mib),
        Row("G9 NVIDIA: RSS at 100 replicas", "MiB", None, RIVAL_SMALL, rss_mib),
        Row("G13 start to registered", "ms", 20, ONE, milliseconds("registered_ms")),
        Row("G13 aligned choice of 4 among 16 linked GPUs, p99", "ms", 1, ALIGNED, p99),
        *(Row(name, "instructions", None, None) for name in COUNTED),
    ]


def missing_rival():
    """Why NVIDIA's plugin cannot be measured here, or ""."""
    found = shutil.which(NVIDIA)
    if not found or os.path.realpath(found) == os.path.realpath(ROOT / "build" / "rota"):
        return f"no {NVIDIA} of NVIDIA on PATH"
    if os.geteuid() != 0:
        return "needs root for a mount namespace: its socket directory is fixed"
    return ""


def go_first():
    """In the child: what else runs on this machine is not what is measured. Only root may."""
    with contextlib.suppress(OSError):
        os.nice(-20)
        # Counts between sessions, where the kernel groups processes by them.
        pathlib.Path("/proc/self/autogroup").write_text("-20")


def run_bench(command):
    bench = subprocess.Popen(command, shell=True, cwd=ROOT, stdout=subprocess.PIPE, text=True,
                             start_new_session=True, preexec_fn=go_first)
    try:
        output, _ = bench.communicate(timeout=GUARD_SECONDS)
    finally:
        if bench.poll() is None:
            os.killpg(bench.pid, signal.SIGTERM)
            bench.wait()
    if bench.returncode:
        sys.exit(f"bench: exit {bench.returncode} from: {command}")
    return json.loads(output)


def run_case(case, runs):
    results = []
    for number in range(1, runs + 1):
        results.append(run_bench(case.command()))
        print(f"{case.title}, run {number}/{runs}: {case.describe(results[-1])}", flush=True)
    return results


def measure_cases(rows, runs):
    """Each command runs once for all rows that read it."""
    absent = missing_rival()
    for case in dict.fromkeys(row.case for row in rows if row.case):
        mine = [row for row in rows if row.case == case]
        for row in mine:
            row.command = case.command()
        if case.plugin == NVIDIA and absent:
            for row in mine:
                row.reason = absent
            continue
        results = run_case(case, runs)
        for row in mine:
            row.value = round(statistics.median(map(row.read, results)), 4)


def count_instructions(option, calls):
    """All instructions of the agent, without those of the driver process."""
    with tempfile.TemporaryDirectory(prefix="rota-bench-") as folder:
        out = f"{folder}/callgrind"
        valgrind = ("env LD_PRELOAD=build/tests/bench/libresolve_exe.so "
                    f"valgrind --quiet --tool=callgrind --callgrind-out-file={out}")
        options = f"{FULL.options} --preferences 0 --allocations 0 {option} {calls}"
        run_bench(Case("", options, f"{valgrind} {OURS}").command())
        total = re.search(r"^(?:summary|totals): (\d+)", pathlib.Path(out).read_text(), re.MULTILINE)
        return int(total[1])


def measure_instructions(row):
    """What is left when start and end are taken away: the same on a busy machine."""
    option, few, many = COUNTED[row.name]
    row.command = f'tests/bench/run.py "{row.name}"'
    if not shutil.which("valgrind"):
        row.reason = "no valgrind on PATH"
        return
    counts = [count_instructions(option, calls) for calls in (few, many)]
    row.value = round((counts[1] - counts[0]) / (many - few))
    print(f"{row.name}: {row.value}", flush=True)


class Machine:
    """What others took of the CPUs since it was made: what they take, our times lose."""

    def __init__(self):
        self.start = self.look()

    @staticmethod
    def look():
        """Seconds of all CPUs: busy, all, and those of our own children."""
        cpu = [int(word) for word in pathlib.Path("/proc/stat").read_text().split()[1:9]]
        tick = os.sysconf("SC_CLK_TCK")
        times = os.times()
        return ((sum(cpu) - cpu[3] - cpu[4]) / tick, sum(cpu) / tick,
                times.children_user + times.children_system)

    def describe(self):
        busy, every, own = (now - then for now, then in zip(self.look(), self.start))
        share = (busy - own) / every if every else 0
        return (f"Others used {share:.0%} of this machine's CPUs meanwhile: times may be too long."
                if share > OTHERS_SHARE_MAX else "")


def table_lines(rows, is_colour):
    cells = [(row.name, "-" if row.value is None else f"{row.value:.6g}", row.unit,
              "" if row.target is None else f"<= {row.target:g}") for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells)]
    for row, (name, value, unit, target) in zip(rows, cells):
        verdict = {True: "holds", False: "FALLS SHORT", None: ""}[row.holds()]
        colour = {True: GREEN, False: RED, None: ""}[row.holds()] if is_colour else ""
        if row.value is None:
            verdict = f"not measured: {row.reason}"
        line = (f"{name:{widths[0]}}  {value:>{widths[1]}} {unit:{widths[2]}}  "
                f"{target:{widths[3]}}  {verdict}")
        yield f"{colour}{line.rstrip()}{PLAIN if colour else ''}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7, help="of each command (7)")
    parser.add_argument("names", nargs="*", metavar="NAME", help="part of a row's name")
    arguments = parser.parse_args()
    rows = [row for row in make_rows()
            if not arguments.names or any(name in row.name for name in arguments.names)]
    if not rows or arguments.runs < 1:
        parser.error("no such row" if not rows else "at least one run")

    machine = Machine()
    measure_cases(rows, arguments.runs)
    for row in rows:
        if row.name in COUNTED:
            measure_instructions(row)
    note = machine.describe()
    print()
    print("\n".join(table_lines(rows, sys.stdout.isatty())))
    if note:
        print(f"\n{note}")
    if not arguments.names:
        (ROOT / "build" / "bench.json").write_text(
            json.dumps([row.entry() for row in rows], indent=1) + "\n")
        print("\nwritten: build/bench.json")
    return 1 if any(row.holds() is False for row in rows) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("bench: interrupted")
