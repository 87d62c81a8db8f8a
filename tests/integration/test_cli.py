# SPDX-License-Identifier: Apache-2.0
"""The commands that a person types: help, wrong usage, listings, and what they say when it is wrong."""

import contextlib
import json
import re
import signal
import socket
import unittest

from agent_case import AgentCase, fault, gpu, scenario, shared, t4s, uuid
from kubelet_peer import wait_until

COMMANDS = ("agent", "config check", "config reference", "config show", "devices", "status", "version")
WIDTH = 100


class CommandCase(AgentCase):
    def assert_run(self, code, *arguments, **keys):
        ended = self.run_rota(*arguments, **keys)
        self.assertEqual(ended.returncode, code, f"{ended.stdout}\n{ended.stderr}")
        return ended

    def listing(self, *arguments, **keys):
        """What went well says nothing on stderr."""
        ended = self.assert_run(0, *arguments, **keys)
        self.assertEqual(ended.stderr, "")
        return ended.stdout

    def refusal(self, code, *arguments, **keys):
        """What failed says nothing on stdout, so that a pipe gets no half of a listing."""
        ended = self.assert_run(code, *arguments, **keys)
        self.assertEqual(ended.stdout, "")
        return ended.stderr


class Help(CommandCase):
    def commands(self):
        overview = self.listing("--help").split("Commands:\n")[1].split("\n\n")[0]
        return [re.match(r"  ([a-z]+( [a-z]+)*)  +\S", line)[1] for line in overview.splitlines()]

    def test_overview_lists_the_commands(self):
        self.assertLessEqual(set(COMMANDS), set(self.commands()))

    def test_overview_has_three_spellings(self):
        self.assertEqual(self.listing("--help"), self.listing("-h"))
        self.assertEqual(self.listing("--help"), self.listing())

    def test_the_first_of_two_words_lists_its_commands(self):
        text = self.listing("config")
        self.assertIn("config check", text)
        self.assertEqual(self.listing("config", "--help"), text)
        self.assertEqual(self.listing("config", "-h"), text)

    def test_every_command_has_help(self):
        for command in self.commands():
            with self.subTest(command=command):
                text = self.listing(*command.split(), "--help")
                self.assertIn(f"Usage: rota {command}", text)
                self.assertIn("--help", text)
                for line in text.splitlines():
                    self.assertLessEqual(len(line), WIDTH, line)

    def test_agent_knows_the_flags_of_nvidia(self):
        text = self.listing("agent", "--help")
        for flag in ("mig-strategy", "fail-on-init-error", "driver-root", "dev-root",
                     "pass-device-specs", "device-list-strategy", "device-id-strategy",
                     "gdrcopy-enabled", "gds-enabled", "mofed-enabled", "cdi-annotation-prefix",
                     "nvidia-cdi-hook-path", "driver-root-ctr-path", "mps-root",
                     "shared-devices-allocation-policy", "device-discovery-strategy",
                     "imex-channel-ids", "imex-required", "kubelet-socket", "config-file",
                     "cdi-feature-flags", "cdi-disable-hooks"):
            self.assertIn("--" + flag, text)


class Usage(CommandCase):
    def test_unknown_command(self):
        self.assertIn("did you mean rota status", self.refusal(2, "statsu"))
        self.assertIn("rota --help", self.refusal(2, "frobnicate"))
        self.assertIn("unknown command config frobnicate", self.refusal(2, "config", "frobnicate"))

    def test_unknown_option(self):
        for command in COMMANDS:
            with self.subTest(command=command):
                self.assertIn("frobnicate", self.refusal(2, *command.split(), "--frobnicate"))

    def test_option_without_its_value(self):
        self.assertIn("kubelet-socket", self.refusal(2, "agent", "--kubelet-socket"))
        self.assertRegex(self.refusal(2, "devices", "-o", "xml"), "table.*json")

    def test_argument_too_many(self):
        for command in ("agent", "devices", "status", "version"):
            with self.subTest(command=command):
                self.assertIn("surplus", self.refusal(2, command, "surplus"))


class Version(CommandCase):
    def test_version_in_three_spellings(self):
        text = self.listing("version")
        self.assertRegex(text, r"^rota \d+\.\d+\.\d+\n$")
        self.assertEqual(self.listing("--version"), text)
        self.assertEqual(self.listing("-v"), text)
        version = json.loads(self.listing("version", "-o", "json"))["version"]
        self.assertEqual(text, f"rota {version}\n")


    def test_every_command_tells_it(self):
        """NVIDIA's plugin has both spellings, which an image's check may call; nothing else is done or wanted."""
        text = self.listing("version")
        for command in (*COMMANDS, "config karpenter", "demo", "driver"):
            for flag in ("--version", "-version", "-v"):
                with self.subTest(command=command, flag=flag):
                    self.assertEqual(self.listing(*command.split(), flag), text)
        self.assertEqual(self.listing("agent", "--mig-strategy=none", "--version"), text)
        self.assertIn("--version", self.listing("agent", "--help"))


class Devices(CommandCase):
    def test_table(self):
        self.set_scenario(scenario(gpu(0, numaNode=0), gpu(1, numaNode=-1)))
        lines = self.listing("devices").splitlines()
        self.assertEqual(lines[0].split(), ["GPU", "UUID", "MODEL", "MEMORY", "NUMA", "HEALTH",
                                            "RESOURCE", "REPLICAS"])
        self.assertEqual(re.split(r"  +", lines[1].strip()),
                         ["0", uuid(0), "Tesla T4", "15360MiB", "0", "healthy", "nvidia.com/gpu",
                          "1"])
        self.assertIn(uuid(1), lines[2])
        self.assertEqual(len(lines), 3)

    def test_json(self):
        self.set_scenario(t4s(4))
        self.set_config(shared(5, renameByDefault=True))
        document = json.loads(self.listing("devices", "-o", "json", "--config-file",
                                           self.config_path))
        self.assertEqual([device["uuid"] for device in document["devices"]],
                         [uuid(number) for number in range(4)])
        for number, device in enumerate(document["devices"]):
            self.assertEqual(device["index"], str(number))
            self.assertEqual(device["memoryBytes"], 15360 << 20)
            self.assertEqual(device["computeCapability"], "7.5")
            self.assertEqual((device["resource"], device["replicas"]),
                             ("nvidia.com/gpu.shared", 5))
            self.assertIs(device["healthy"], True)

    def test_no_gpu(self):
        self.set_scenario(scenario())
        self.assertIn("no GPU", self.listing("devices"))
        self.assertEqual(json.loads(self.listing("devices", "-o", "json"))["devices"], [])

    def test_no_driver(self):
        self.set_scenario(t4s(1, faults=[fault("nvmlInit_v2", "fail",
                                               error="NVML_ERROR_DRIVER_NOT_LOADED")]))
        self.assertIn("modprobe nvidia", self.refusal(1, "devices"))

    def test_hanging_driver(self):
        self.set_scenario(t4s(1, faults=[fault("nvmlInit_v2", "hang")]))
        self.assertIn("did not answer within 300 ms",
                      self.refusal(1, "devices", "--driver-deadline=300ms"))

    def test_bad_configuration(self):
        self.set_config(shared(1))
        text = self.refusal(1, "devices", "--config-file", self.config_path)
        self.assertIn(f"{self.config_path}:", text)
        self.assertIn("at least 2", text.replace(">= 2", "at least 2"))


class Status(CommandCase):
    def ask(self, *arguments):
        return self.listing("status", *arguments, "--agent-socket", self.agent_socket)

    def test_no_agent(self):
        text = self.refusal(1, "status", "--agent-socket", self.agent_socket)
        self.assertIn(str(self.agent_socket), text)
        self.assertIn("rota agent", text)

    def test_only_the_options_that_it_needs(self):
        text = self.listing("status", "--help")
        self.assertEqual(re.findall(r"^  (?:-\w, )?(--[a-z-]+)", text, re.MULTILINE),
                         ["--output", "--agent-socket", "--help", "--version"])
        self.assertIn("--mig-strategy", self.refusal(2, "status", "--mig-strategy=none"))

    def test_other_settings_are_no_reason_not_to_ask(self):
        self.start_node()
        environment = {"ROTA_AGENT_SOCKET": str(self.agent_socket), "MIG_STRATEGY": "x",
                       "CONFIG_FILE": "/nonexistent"}
        self.assertIn(f"pid {self.agent.pid}", self.listing("status", environment=environment))
        environment["ROTA_AGENT_SOCKET"] = ""
        self.assertIn("ROTA_AGENT_SOCKET: (an empty text)",
                      self.refusal(2, "status", environment=environment))

    def test_agent_that_was_killed(self):
        self.start_node()
        self.agent.stop(signal.SIGKILL)
        self.assertTrue(self.agent_socket.exists())
        self.assertIn("rota agent",
                      self.refusal(1, "status", "--agent-socket", self.agent_socket))

    def test_table(self):
        self.set_scenario(t4s(2))
        _, registration = self.start_node(config=shared(5))
        registration.watch.wait_count(10)
        registration.plugin.allocate([f"{uuid(0)}::0"])
        text = self.ask()
        self.assertIn(f"pid {self.agent.pid}", text)
        self.assertIn(str(self.config_path), text)
        rows = [re.split(r"  +", line.strip()) for line in text.splitlines()]
        self.assertIn(["nvidia.com/gpu", "10", "10", "registered", "1", "0"], rows)
        self.assertIn(["0", uuid(0), "Tesla T4", "15360MiB", "healthy"], rows)
        self.assertIn(["1", uuid(1), "Tesla T4", "15360MiB", "healthy"], rows)

    def test_json(self):
        _, registration = self.start_node(config=shared(5))
        registration.watch.wait_count(5)
        document = json.loads(self.ask("-o", "json"))
        self.assertEqual(document["pid"], self.agent.pid)
        self.assertEqual(document["kubeletSocket"], str(self.kubelet_socket))
        self.assertEqual(document["driver"]["fault"], "")
        resource, = document["resources"]
        self.assertEqual(resource["name"], "nvidia.com/gpu")
        self.assertEqual(resource["socket"], str(self.own_socket))
        self.assertEqual((resource["replicas"], resource["healthy"], resource["registrations"]),
                         (5, 5, 1))
        self.assertIs(resource["registered"], True)
        self.assertIs(resource["shared"], True)

    def test_before_anything_is_advertised(self):
        self.set_scenario(scenario())
        self.start_agent().wait_log("no GPU on this node")
        self.assertIn("nothing is advertised", self.ask())


class AgentSocket(CommandCase):
    """Whoever may open the socket may send anything."""

    def setUp(self):
        super().setUp()
        self.start_agent().wait_log("driver answers")

    def send(self, request, ends=True):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(60)
            client.connect(str(self.agent_socket))
            client.sendall(request)
            if ends:
                client.shutdown(socket.SHUT_WR)
            answer = b""
            while part := client.recv(65536):
                answer += part
            return answer

    def test_known_request(self):
        self.assertEqual(json.loads(self.send(b"status\n", ends=False))["pid"], self.agent.pid)

    def test_unknown_requests_are_answered_or_dropped(self):
        self.assertIn("error", json.loads(self.send(b"reboot\n")))
        for request in (b"", b"\n", b"\0\n", b"status", b"x" * 100000, b"status\nstatus\n"):
            with self.subTest(request=request[:20]):
                with contextlib.suppress(ConnectionError):
                    self.send(request)
        self.assertEqual(self.status()["pid"], self.agent.pid)

    def test_connections_that_ask_nothing(self):
        """They are dropped after a while, and cannot keep others out for ever."""
        silent = [socket.socket(socket.AF_UNIX) for _ in range(40)]
        for client in silent:
            self.addCleanup(client.close)
            with contextlib.suppress(BlockingIOError):
                client.setblocking(False)
                client.connect(str(self.agent_socket))
        wait_until(lambda: self.run_rota("status", "--agent-socket",
                                         self.agent_socket).returncode == 0, "an answer")


if __name__ == "__main__":
    unittest.main()
