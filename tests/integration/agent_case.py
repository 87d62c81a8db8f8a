# SPDX-License-Identifier: Apache-2.0
"""What every test of the real `rota agent` needs: a node in a scratch directory, one process, an end.

The build is the one that ROTA_BUILD names. Nothing is asserted about times; what is waited for is a
condition, under a bound that only a hang can reach.
"""

import contextlib
import ctypes
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

from kubelet_peer import SERVICE, Kubelet, Plugin, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = (ROOT / os.environ.get("ROTA_BUILD", "build")).resolve()
ROTA = BUILD / "rota"
SIM = BUILD / "sim"
NVML = "libnvidia-ml.so.1"
A100 = "NVIDIA A100-SXM4-40GB"
# Only these of our own environment reach what we start: a developer's CONFIG_FILE must not.
KEPT_ENVIRONMENT = ("PATH", "TMPDIR", "LANG", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")
# Freed memory waits in a quarantine under ASan; there only its leak checker can tell.
IS_SANITIZED = b"__asan_init" in ROTA.read_bytes()
# A process that is killed writes no counters, so there it is asked first.
IS_COUNTED = b"__gcov_dump" in ROTA.read_bytes()
STOP_SECONDS = 60
COUNTERS_SECONDS = 2
COMMAND_SECONDS = 60
LOG_CHARACTERS = 6000
# Far smaller than a list of ten thousand replicas.
SMALL_WINDOW = 1000


def uuid(number):
    """Of the simulated GPU with this number."""
    return f"GPU-{number:08d}-0000-4000-8000-000000000000"


def gpu(number, **keys):
    """One GPU of a scenario."""
    return {"model": "Tesla T4", "uuid": uuid(number), "minor": number, **keys}


def part_uuid(number):
    """Of the part with this number."""
    return f"MIG-{number:08d}-0000-4000-8000-000000000000"


def part(profile, number, **keys):
    """One GPU instance of a GPU in MIG mode."""
    return {"profile": profile, "uuid": part_uuid(number), **keys}


def a100(number, *parts, **keys):
    """Without parts: not in MIG mode, unless mig=[] says so."""
    return gpu(number, model=A100, **({"mig": list(parts)} if parts else {}), **keys)


def scenario(*gpus, faults=()):
    """Scenarios are YAML, and JSON is YAML."""
    return {"gpus": list(gpus), **({"faults": list(faults)} if faults else {})}


def t4s(count, faults=()):
    return scenario(*(gpu(number) for number in range(count)), faults=faults)


def fault(call, do, **keys):
    return {"call": call, "do": do, **keys}


def shared(replicas, name="nvidia.com/gpu", flags=None, **keys):
    """A configuration that shares one resource by time slicing."""
    slicing = {**keys, "resources": [{"name": name, "replicas": replicas}]}
    return {"version": "v1", **({"flags": flags} if flags else {}),
            "sharing": {"timeSlicing": slicing}}


def strategy(name, *entries, **flags):
    """A configuration with this strategy for GPUs in MIG mode, and entries of sharing."""
    return {"version": "v1", "flags": {"migStrategy": name, **flags},
            "sharing": {"timeSlicing": {"resources": list(entries)}} if entries else {}}


def replica_ids(gpus, replicas):
    return {f"{uuid(number)}::{n}" for number in range(gpus) for n in range(replicas)}


def replace_file(path, content):
    """By rename, so that nobody reads half of it. What is no text is written as JSON."""
    partial = path.with_suffix(".part")
    partial.write_text(content if isinstance(content, str) else json.dumps(content))
    partial.rename(path)


def has_library():
    """Whether the loader finds a real NVML here without our help."""
    try:
        ctypes.CDLL(NVML)
    except OSError:
        return False
    return True


class Agent:
    """A running `rota agent` and its log."""

    def __init__(self, arguments, environment, log, prefix=()):
        self.log_path = log
        with open(log, "ab") as sink:
            self.process = subprocess.Popen(
                [*prefix, str(ROTA), "agent", *arguments], env=environment, stdin=subprocess.DEVNULL,
                stdout=sink, stderr=subprocess.STDOUT)
        self.pid = self.process.pid

    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait_log(self, text, count=1):
        """Wait until the log has this text (so many times)."""
        wait_until(lambda: self.log().count(text) >= count or not self.is_running(),
                   lambda: f"{text!r} in the log:\n{self.log()}")
        if self.log().count(text) < count:
            raise AssertionError(f"the agent ended without {text!r} in its log:\n{self.log()}")

    def is_running(self):
        return self.process.poll() is None

    def tell(self, number):
        self.process.send_signal(number)

    def wait(self):
        """The exit code; negative for a signal."""
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the agent does not end:\n{self.log()}") from None

    def stop(self, number=signal.SIGTERM):
        self.tell(number)
        return self.wait()

    def kill(self):
        """Also one that is stopped; never fails."""
        if IS_COUNTED and self.is_running():
            self.tell(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(COUNTERS_SECONDS)
        if self.is_running():
            self.process.kill()
        self.process.wait(STOP_SECONDS)

    def children(self):
        """Process ids of what it has started and that lives."""
        found = []
        for task in pathlib.Path(f"/proc/{self.pid}/task").glob("*/children"):
            found += [int(pid) for pid in task.read_text().split()]
        return found

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def resident_kib(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines()
                    if line.startswith("VmRSS:"))


class AgentCase(unittest.TestCase):
    """A node: kubelet's directory, a scenario, a configuration file, the sockets."""

    prefix = ()  # a command that becomes the agent

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="rota-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.plugins = self.directory / "device-plugins"
        self.plugins.mkdir()
        self.kubelet_socket = self.plugins / "kubelet.sock"
        self.own_socket = self.plugins / "nvidia-gpu.sock"
        self.agent_socket = self.directory / "agent.sock"
        self.pods_socket = self.directory / "pod-resources.sock"  # nobody listens by default
        self.scenario_path = self.directory / "scenario.yaml"
        self.config_path = self.directory / "config.yaml"
        self.library_path = SIM
        self.set_scenario(t4s(1))
        self.agents = 0
        self.agent = None  # the newest

    def set_scenario(self, content):
        replace_file(self.scenario_path, content)

    def set_config(self, content):
        replace_file(self.config_path, content)

    def environment(self, **extra):
        kept = {key: os.environ[key] for key in KEPT_ENVIRONMENT if key in os.environ}
        return {**kept, "ROTA_SIM": str(self.scenario_path),
                "LD_LIBRARY_PATH": str(self.library_path), **extra}

    def start_kubelet(self, **properties):
        kubelet = Kubelet(self.plugins)
        for name, value in properties.items():
            setattr(kubelet, name, value)
        self.addCleanup(kubelet.stop)
        return kubelet.start()

    def start_agent(self, *flags, config=None, environment=None, has_sockets=True):
        """config: written to the file that --config-file then names."""
        arguments = []
        if has_sockets:
            arguments += ["--kubelet-socket", str(self.kubelet_socket),
                          "--agent-socket", str(self.agent_socket),
                          "--pod-resources-socket", str(self.pods_socket)]
        arguments += flags  # after the defaults, so that they win
        if config is not None:
            self.set_config(config)
            arguments += ["--config-file", str(self.config_path)]
        self.agents += 1
        agent = Agent(arguments, self.environment(**(environment or {})),
                      self.directory / f"agent-{self.agents}.log", self.prefix)
        self.addCleanup(agent.kill)
        self.agent = agent
        return agent

    def start_node(self, *flags, config=None, environment=None, **properties):
        """Kubelet and agent; returns kubelet and its first registration."""
        kubelet = self.start_kubelet(**properties)
        self.start_agent(*flags, config=config, environment=environment)
        return kubelet, kubelet.wait_registrations(1)

    def watch_lazily(self):
        """A ListAndWatch that is read only as next() is called on it, through a small window."""
        plugin = Plugin(self.own_socket, options=[
            ("grpc.http2.lookahead_bytes", SMALL_WINDOW), ("grpc.http2.bdp_probe", 0)]).dial()
        self.addCleanup(plugin.close)
        call = plugin.channel.unary_stream(f"/{SERVICE}/ListAndWatch")(b"")
        self.addCleanup(call.cancel)
        return call

    def run_rota(self, *arguments, environment=None):
        """A command that ends by itself."""
        return subprocess.run([str(ROTA), *map(str, arguments)], capture_output=True, text=True,
                              env=self.environment(**(environment or {})), check=False,
                              stdin=subprocess.DEVNULL, timeout=COMMAND_SECONDS)

    def status(self):
        """The document behind `rota status -o json`."""
        ended = self.run_rota("status", "-o", "json", "--agent-socket", self.agent_socket)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        return json.loads(ended.stdout)

    def assert_memory_kept(self, before_kib, slack_kib):
        if not IS_SANITIZED:
            self.assertLessEqual(self.agent.resident_kib(), before_kib + slack_kib)

    @contextlib.contextmanager
    def explained(self):
        """A failure comes with the agent's log, which is what explains it."""
        try:
            yield
        except unittest.SkipTest:
            raise
        except Exception as error:
            if self.agent:
                error.add_note(f"---- the agent's log\n{self.agent.log()[-LOG_CHARACTERS:]}")
            raise

    def _callTestMethod(self, method):
        with self.explained():
            method()
