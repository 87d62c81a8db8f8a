# SPDX-License-Identifier: Apache-2.0
"""Every allocation of the commands that print fails once, and what they print cannot be written.

Whatever fails, the command ends with 1, says why, and prints nothing; or it goes on and prints the whole
answer. Half an answer that looks whole, a signal or a hang is a failure.
"""

import errno
import re
import subprocess
import unittest

from soak_case import SoakCase, count_of
from agent_case import BUILD, COMMAND_SECONDS, IS_SANITIZED, ROTA, fault, gpu, scenario, uuid

FAULTS = BUILD / "tests" / "integration" / "libfaults.so"
# Of one command; the longest of them makes a fraction of this.
ALLOCATIONS_MAX = 20000
# Those that every command makes are looked at one by one.
FIRST = 30
AGES = re.compile(r'up \d+\w|"uptimeSeconds": \d+')

# Shared, renamed, chosen: one of each that the listings spell out.
CONFIG = {"version": "v1", "rota": {}, "flags": {"migStrategy": "mixed"},
          "resources": {"gpus": [{"pattern": "*T4*", "name": "nvidia.com/t4"},
                                 {"pattern": "*", "name": "nvidia.com/gpu"}]},
          "sharing": {"timeSlicing": {"resources": [
              {"name": "nvidia.com/t4", "replicas": 3, "rename": "nvidia.com/slice",
               "devices": ["0", uuid(1)]},
              {"name": "nvidia.com/gpu", "replicas": 2, "devices": 1}]}}}
# What is odd about it is listed, too.
NODE = scenario(gpu(0, numaNode=0), gpu(1), gpu(2, model="NVIDIA A100-SXM4-40GB", mig=[]),
                faults=[fault("nvmlDeviceGetMemoryInfo", "fail", gpu=1,
                              error="NVML_ERROR_GPU_IS_LOST")])


@unittest.skipIf(IS_SANITIZED, "what is preloaded and a sanitizer exclude each other")
class CommandsSoak(SoakCase):
    def setUp(self):
        super().setUp()
        self.mark = self.directory / "mark"
        self.set_config(CONFIG)
        self.bad = self.directory / "bad.yaml"
        self.bad.write_text("version: v1\nflags: {migStrategy: odd, migStrategy: none}\nnone: 1\n")

    def commands(self):
        file = ["--config-file", self.config_path]
        for form in ("table", "json"):
            yield "version", "-o", form
            yield "config", "check", self.config_path, "-o", form
            yield "config", "check", self.bad, "-o", form
            yield "config", "show", "-o", form, *file
            yield "devices", "-o", form, *file
            yield "status", "-o", form, "--agent-socket", self.agent_socket
        for form in ("table", "json", "markdown"):
            yield "config", "reference", "-o", form
        yield "--help",
        yield "status", "--help"

    def start(self):
        """An agent that `rota status` can ask."""
        self.set_scenario(NODE)
        self.start_node(config=CONFIG)

    def test_each_allocation_fails_once(self):
        self.start()
        for command in self.commands():
            with self.subTest(command=command):
                for whose in self.allocators(command):
                    self.try_all(command, whose)

    def allocators(self, command):
        """jansson 2.14 loses a letter of a text that it reads when its buffer cannot grow."""
        return ("ours",) if command[0] == "status" else ("ours", "libjansson", "libyaml")

    def try_all(self, command, whose):
        whole = self.run_rota(*command)
        self.assertIn(whole.returncode, (0, 1), whole.stderr)
        self.assertTrue(whole.stdout)
        for number in self.numbers():
            self.assertLess(number, ALLOCATIONS_MAX)
            ended = self.run_faulty(command, number, whose)
            if not self.mark.exists():
                self.assert_same(ended, whole)
                return
            with self.subTest(number=number, whose=whose):
                self.assert_ended_well(ended, whole)

    def numbers(self):
        """The first ones, and of the others so many that all kinds of calls are among them."""
        number = 1
        while True:
            yield number
            number += 1 if number < FIRST else self.random.randint(1, count_of("commands"))

    def run_faulty(self, command, number, whose):
        self.mark.unlink(missing_ok=True)
        return self.run_rota(*command, environment={
            "LD_PRELOAD": str(FAULTS), "ROTA_FAULT_MARK": str(self.mark),
            "ROTA_FAULT": f"{command[0]} memory {number} {errno.ENOMEM} {whose}"})

    def assert_ended_well(self, ended, whole):
        if ended.returncode == 1 and not ended.stdout:
            self.assertRegex(ended.stderr, r"^rota[ \w]*: .*\S\n")
            return
        self.assert_same(ended, whole)

    def assert_same(self, ended, whole):
        self.assertEqual((ended.returncode, AGES.sub("", ended.stdout)),
                         (whole.returncode, AGES.sub("", whole.stdout)), ended.stderr)

    def test_answer_that_cannot_be_written_is_none(self):
        self.start()
        for command in self.commands():
            with self.subTest(command=command), open("/dev/full", "wb") as full:
                ended = subprocess.run([str(ROTA), *map(str, command)], stdin=subprocess.DEVNULL,
                                       stdout=full, stderr=subprocess.PIPE, text=True, check=False,
                                       env=self.environment(), timeout=COMMAND_SECONDS)
                self.assertEqual(ended.returncode, 1)
                self.assertIn("rota: cannot write the answer\n", ended.stderr)
