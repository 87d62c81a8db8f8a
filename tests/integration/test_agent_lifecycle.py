# SPDX-License-Identifier: Apache-2.0
"""How the agent starts, is told something new, ends, and is killed."""

import json
import os
import random
import shutil
import signal
import time
import unittest

from agent_case import (COMMAND_SECONDS, AgentCase, replica_ids, shared, t4s, uuid)
from kubelet_peer import wait_until

SEED = 20260601
KILLS = 20
# Long enough for an agent to be anywhere between its first instruction and its routine.
KILL_WITHIN_SECONDS = 0.3
RELOADS = 200
LARGE = 10000

# The tutorial's ConfigMap holds this.
TUTORIAL_YAML = """\
version: v1
sharing:
  timeSlicing:
    resources:
    - name: nvidia.com/gpu
      replicas: 5
"""
TUTORIAL_JSON = """\
{"version": "v1", "sharing": {"timeSlicing": {"resources": [
  {"name": "nvidia.com/gpu", "replicas": 5}]}}}
"""
# Everything that NVIDIA's documentation shows in one file; what we do not do has no effect.
DOCUMENTED_YAML = """\
version: v1
flags:
  migStrategy: "none"
  failOnInitError: true
  nvidiaDriverRoot: "/"
  plugin:
    passDeviceSpecs: false
    deviceListStrategy: "envvar"
    deviceIDStrategy: "uuid"
  gfd:
    oneshot: false
    noTimestamp: false
    outputFile: /etc/kubernetes/node-feature-discovery/features.d/gfd
    sleepInterval: 60s
sharing:
  timeSlicing:
    renameByDefault: false
    failRequestsGreaterThanOne: false
    resources:
    - name: nvidia.com/gpu
      replicas: 10
"""


def is_gone(pid):
    """Dead; the first process of a container often reaps nothing, so a zombie counts."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


class End(AgentCase):
    def test_signals_end_it_in_good_order(self):
        kubelet = self.start_kubelet()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            with self.subTest(signal=number.name):
                registration = kubelet.registration_after(lambda: self.start_agent())
                registration.watch.wait_count(1)
                self.status()
                child = self.agent.children()[0]
                self.assertEqual(self.agent.stop(number), 0)
                registration.watch.wait_end()
                self.assertFalse(self.own_socket.exists())
                self.assertFalse(self.agent_socket.exists())
                self.assertTrue(is_gone(child))
                self.assertTrue(os.path.exists(kubelet.path), "kubelet's own socket stays")

    def test_ends_without_kubelet(self):
        agent = self.start_agent()
        agent.wait_log("replicas advertised")
        self.assertEqual(agent.stop(), 0)

    def test_ends_in_good_order_when_told_again_and_again(self):
        """A peer that does not read holds up the end for a while."""
        self.start_node(config=shared(LARGE))
        self.watch_lazily()
        wait_until(lambda: self.agent.log().count("watches the list") > 0, "the stream")
        self.agent.tell(signal.SIGTERM)
        self.agent.wait_log("stopping")
        for _ in range(20):
            self.agent.tell(signal.SIGTERM)
            self.agent.tell(signal.SIGINT)
        self.assertEqual(self.agent.wait(), 0)
        self.assertFalse(self.own_socket.exists())

    def test_does_not_remove_a_socket_that_is_another_s(self):
        """After a roll-out the newer agent may already listen under our name."""
        self.start_node()
        os.unlink(self.own_socket)
        self.own_socket.write_text("of somebody else")
        self.assertEqual(self.agent.stop(), 0)
        self.assertEqual(self.own_socket.read_text(), "of somebody else")

    def test_killed_agent_leaves_no_process(self):
        self.start_node()
        child = self.agent.children()[0]
        self.agent.kill()
        wait_until(lambda: is_gone(child), "the end of the driver process")


class Kill(AgentCase):
    def test_killed_at_any_time_the_next_start_works(self):
        rng = random.Random(SEED)
        self.set_scenario(t4s(4))
        kubelet = self.start_kubelet()
        for _ in range(KILLS):
            agent = self.start_agent(config=shared(5))
            time.sleep(rng.uniform(0, KILL_WITHIN_SECONDS))
            agent.kill()
        registration = kubelet.registration_after(lambda: self.start_agent(config=shared(5)))
        devices = registration.watch.wait_count(20)
        self.assertEqual({device.ID for device in devices}, replica_ids(4, 5))
        registration.plugin.allocate([f"{uuid(0)}::0"])
        self.assertTrue(self.status()["driver"]["ok"])
        self.assertEqual(self.agent.stop(), 0)
        self.assertEqual(sorted(os.listdir(self.plugins)), ["kubelet.sock"])

    def test_killed_while_kubelet_calls(self):
        kubelet, registration = self.start_node(config=shared(5))
        for _ in range(5):
            futures = [registration.plugin.channel.unary_unary(
                "/v1beta1.DevicePlugin/GetDevicePluginOptions").future(b"") for _ in range(50)]
            self.agent.kill()
            for future in futures:
                future.exception(timeout=COMMAND_SECONDS)
            registration = kubelet.registration_after(lambda: self.start_agent(config=shared(5)))
            registration.watch.wait_count(5)

    def test_stale_sockets_are_replaced(self):
        kubelet, _ = self.start_node()
        self.agent.stop(signal.SIGKILL)
        self.assertTrue(self.own_socket.exists())
        self.assertTrue(self.agent_socket.exists())
        kubelet.registration_after(self.start_agent).watch.wait_count(1)
        self.status()


class Start(AgentCase):
    def test_no_place_for_the_agent_socket(self):
        """NVIDIA's manifests give none; only `rota status` is lost."""
        kubelet = self.start_kubelet()
        file = self.directory / "file"
        file.write_text("")
        agent = self.start_agent("--kubelet-socket", str(self.kubelet_socket), "--agent-socket",
                                 str(file / "agent.sock"), has_sockets=False)
        kubelet.wait_registrations(1).watch.wait_count(1)
        self.assertIn("no socket for `rota status`", agent.log())

    def test_directory_of_the_agent_socket_is_made(self):
        self.agent_socket = self.directory / "run" / "agent.sock"
        self.start_node()
        self.status()

    def test_agent_socket_is_for_its_owner_only(self):
        self.start_node()
        self.assertEqual(self.agent_socket.stat().st_mode & 0o077, 0)

    def test_second_agent_leaves_the_socket_of_the_first(self):
        self.start_node()
        first = self.agent
        second = self.start_agent("--kubelet-socket", str(self.directory / "none.sock"),
                                  "--agent-socket", str(self.agent_socket), has_sockets=False)
        second.wait_log("no socket for `rota status`")
        self.assertEqual(self.status()["pid"], first.pid)
        self.assertEqual(second.stop(), 0)
        self.assertEqual(self.status()["pid"], first.pid)

    def test_second_agent_takes_the_socket_when_the_first_is_gone(self):
        self.start_node()
        first = self.agent
        second = self.start_agent("--kubelet-socket", str(self.directory / "none.sock"),
                                  "--agent-socket", str(self.agent_socket), has_sockets=False)
        second.wait_log("no socket for `rota status`")
        first.stop()
        second.wait_log("socket for `rota status` made")
        self.assertEqual(self.status()["pid"], second.pid)

    def test_configuration_that_is_refused_ends_it(self):
        for content, text in ((shared(1), ":1:100: sharing.timeSlicing.resources[0].replicas: "),
                              ({"version": "v2"}, ":1:13: version: unknown version: v2"),
                              ("sharing: [", ":2:1: not YAML or JSON: ")):
            with self.subTest(content=content):
                agent = self.start_agent(config=content)
                self.assertEqual(agent.wait(), 1, agent.log())
                self.assertIn(f"finding=\"{self.config_path}{text}", agent.log())
                self.assertIn(f"cause=\"{self.config_path}{text}", agent.log())

    def test_configuration_file_that_is_missing_ends_it(self):
        agent = self.start_agent("--config-file", str(self.directory / "none.yaml"))
        self.assertEqual(agent.wait(), 1)
        self.assertIn("none.yaml", agent.log())

    def test_configuration_that_is_a_pipe_ends_it(self):
        os.mkfifo(self.directory / "pipe.yaml")
        agent = self.start_agent("--config-file", str(self.directory / "pipe.yaml"))
        self.assertEqual(agent.wait(), 1)
        self.assertIn("pipe.yaml: a pipe or a device, which may never end; put a regular file there",
                      agent.log())

    def test_unknown_flag_is_wrong_usage(self):
        agent = self.start_agent("--mig-stategy=none")
        self.assertEqual(agent.wait(), 2)
        self.assertIn("mig-strategy", agent.log())

    def test_refused_flag_or_variable_is_wrong_usage(self):
        for flags, environment in ((["--mig-strategy=x"], None), ([], {"MIG_STRATEGY": "x"})):
            agent = self.start_agent(*flags, config={"version": "v2"}, environment=environment)
            self.assertEqual(agent.wait(), 2, agent.log())
            self.assertIn("unknown MIG strategy: x", agent.log())

    def test_log_is_json_if_wanted(self):
        kubelet, _ = self.start_node("--log-format=json")
        kubelet.stop()
        self.agent.wait_log("\"event\":\"registered with kubelet\"")

    def test_socket_path_too_long(self):
        """libuv would cut it and listen somewhere else."""
        directory = self.directory / ("d" * 60) / ("e" * 60)
        directory.mkdir(parents=True)
        agent = self.start_agent("--kubelet-socket", str(directory / "kubelet.sock"),
                                 "--agent-socket", str(self.agent_socket), has_sockets=False)
        self.assertEqual(agent.wait(), 2, agent.log())
        self.assertIn("107 bytes", agent.log())


class Reload(AgentCase):
    def test_five_become_ten_and_five_again(self):
        kubelet, registration = self.start_node(config=shared(5))
        registration.watch.wait_count(5)
        for count in (10, 5):
            self.set_config(shared(count))
            self.agent.tell(signal.SIGHUP)
            devices = registration.watch.wait_count(count)
            self.assertEqual({device.ID for device in devices}, replica_ids(1, count))
        self.assertEqual(kubelet.calls, 1, "no restart, no new registration")

    def test_sharing_begins_and_ends(self):
        """The step of the tutorial; ids change, the resource does not."""
        _, registration = self.start_node(config="version: v1\n")
        registration.watch.wait_count(1)
        self.set_config(TUTORIAL_YAML)
        self.agent.tell(signal.SIGHUP)
        registration.watch.wait_count(5)
        self.set_config("version: v1\n")
        self.agent.tell(signal.SIGHUP)
        registration.watch.wait_count(1)

    def test_bad_file_keeps_the_old_one_and_says_so(self):
        kubelet, registration = self.start_node(config=shared(5))
        registration.watch.wait_count(5)
        bad = (shared(1), "sharing: [", "\0", {"version": "v2"}, "a: &a [*a]\n", "[]")
        for count, content in enumerate(bad, 1):
            self.set_config(content)
            self.agent.tell(signal.SIGHUP)
            self.agent.wait_log("keeping the old one", count)
        self.assertEqual(len(registration.watch.lists), 1)
        self.config_path.unlink()
        self.agent.tell(signal.SIGHUP)
        self.agent.wait_log("keeping the old one", len(bad) + 1)
        registration.plugin.allocate([f"{uuid(0)}::4"])
        self.set_config(shared(6))
        self.agent.tell(signal.SIGHUP)
        registration.watch.wait_count(6)
        self.assertEqual(kubelet.calls, 1)

    def test_renamed_resource_is_registered_and_the_old_one_ends(self):
        kubelet, first = self.start_node(config=shared(5))
        first.watch.wait_count(5)
        self.set_config(shared(5, renameByDefault=True))
        second = kubelet.registration_after(lambda: self.agent.tell(signal.SIGHUP))
        self.assertEqual(second.request.resource_name, "nvidia.com/gpu.shared")
        second.watch.wait_count(5)
        first.watch.wait_end()
        wait_until(lambda: not self.own_socket.exists(), "the old socket gone")
        self.set_config(shared(5))
        third = kubelet.registration_after(lambda: self.agent.tell(signal.SIGHUP))
        self.assertEqual(third.request.resource_name, "nvidia.com/gpu")
        third.watch.wait_count(5)
        second.watch.wait_end()

    def test_other_settings_take_effect(self):
        _, registration = self.start_node(config=shared(5))
        ids = [f"{uuid(0)}::0", f"{uuid(0)}::1"]
        see = "NVIDIA_VISIBLE_DEVICES"
        self.assertEqual(registration.plugin.allocate(ids)[0].envs[see], uuid(0))
        self.set_config(shared(5, flags={"plugin": {"deviceIDStrategy": "index"}}))
        self.agent.tell(signal.SIGHUP)
        self.agent.wait_log("configuration read again")
        self.assertEqual(registration.plugin.allocate(ids)[0].envs[see], "0")

    def test_many_reloads_cost_nothing(self):
        _, registration = self.start_node(config=shared(5))
        registration.watch.wait_count(5)
        for count in range(RELOADS):
            replicas = 6 + count % 50
            self.set_config(shared(replicas))
            self.agent.tell(signal.SIGHUP)
            registration.watch.wait_count(replicas)
            if count == RELOADS // 4:
                memory, descriptors = self.agent.resident_kib(), self.agent.descriptors()
        self.assertEqual(self.agent.descriptors(), descriptors)
        self.assert_memory_kept(memory, 256)


class Change(AgentCase):
    """Nobody sends a signal: the file is another one."""

    def start(self, *flags, **keys):
        kubelet, registration = self.start_node(*flags, **keys)
        registration.watch.wait_count(5)
        return kubelet, registration

    def test_written_in_place(self):
        _, registration = self.start(config=shared(5))
        for count in (7, 8, 6):
            self.config_path.write_text(json.dumps(shared(count)))
            registration.watch.wait_count(count)

    def test_renamed_over(self):
        _, registration = self.start(config=shared(5))
        for count in (7, 8, 6):
            self.set_config(shared(count))
            registration.watch.wait_count(count)

    def test_configmap_as_kubelet_writes_it(self):
        """A link to a directory behind a link, which is swapped, and the old one removed."""
        def write(name, count):
            (volume / name).mkdir(parents=True)
            (volume / name / "config.yaml").write_text(TUTORIAL_YAML.replace("5", str(count)))
            (volume / "..new").symlink_to(name)
            (volume / "..new").rename(volume / "..data")
        volume = self.directory / "volume"
        write("..2026_1", 5)
        (volume / "config.yaml").symlink_to("..data/config.yaml")
        _, registration = self.start("--config-file", str(volume / "config.yaml"))
        for number, count in enumerate((7, 8, 6), 2):
            write(f"..2026_{number}", count)
            shutil.rmtree(volume / f"..2026_{number - 1}")
            registration.watch.wait_count(count)

    def test_directory_made_anew(self):
        volume = self.directory / "volume"
        volume.mkdir()
        self.config_path = volume / "config.yaml"
        _, registration = self.start(config=shared(5))
        shutil.rmtree(volume)
        self.agent.wait_log("keeping the old one")
        volume.mkdir()
        self.set_config(shared(7))
        registration.watch.wait_count(7)

    def test_touch_is_no_change(self):
        _, registration = self.start(config=shared(5))
        for _ in range(3):
            os.utime(self.config_path)
            time.sleep(0.3)
        self.set_config(shared(6))
        registration.watch.wait_count(6)
        self.assertEqual(self.agent.log().count("configuration file changed"), 1)

    def test_bad_file_keeps_the_old_one_and_status_says_since_when(self):
        kubelet, registration = self.start(config=shared(5))
        self.assertIsNone(self.status()["configRefused"])
        self.set_config(TUTORIAL_YAML.replace("5", "1"))
        self.agent.wait_log("keeping the old one")
        place = f"{self.config_path}:6:17: sharing.timeSlicing.resources[0].replicas: "
        self.assertIn(place, self.agent.log())
        first = self.status()["configRefused"]
        self.assertTrue(first["cause"].startswith(place), first)
        self.assertRegex(first["since"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.set_config("sharing: [")
        self.agent.wait_log("keeping the old one", 2)
        second = self.status()["configRefused"]
        self.assertEqual(second["since"], first["since"])
        self.assertNotEqual(second["cause"], first["cause"])
        text = self.run_rota("status", "--agent-socket", self.agent_socket).stdout
        self.assertIn(f"refused since {first['since']}", text)
        self.assertEqual(len(registration.watch.lists), 1)
        self.set_config(shared(6))
        registration.watch.wait_count(6)
        wait_until(lambda: self.status()["configRefused"] is None, "the refusal gone")
        self.assertEqual(kubelet.calls, 1)

    def test_a_pipe_in_its_place_keeps_the_old_one_and_blocks_nothing(self):
        _, registration = self.start(config=shared(5))
        pipe = self.directory / "pipe"
        os.mkfifo(pipe)
        pipe.rename(self.config_path)
        self.agent.wait_log("keeping the old one")
        self.assertIn("a pipe or a device", self.status()["configRefused"]["cause"])
        self.set_config(shared(6))
        registration.watch.wait_count(6)

    def test_the_old_file_again_ends_the_refusal(self):
        """And until then status has the newest cause."""
        _, registration = self.start(config=shared(5))
        self.config_path.unlink()
        self.agent.wait_log("keeping the old one")
        self.assertIn("No such file", self.status()["configRefused"]["cause"])
        self.config_path.mkdir()
        self.agent.wait_log("keeping the old one", 2)
        self.assertNotIn("No such file", self.status()["configRefused"]["cause"])
        self.config_path.rmdir()
        self.set_config(shared(5))
        wait_until(lambda: self.status()["configRefused"] is None, "the refusal gone")
        self.assertEqual(len(registration.watch.lists), 1)


class Settings(AgentCase):
    def visible(self, registration, *ids):
        return registration.plugin.allocate(ids)[0].envs["NVIDIA_VISIBLE_DEVICES"]

    def test_tutorial_files(self):
        for content in (TUTORIAL_YAML, TUTORIAL_JSON):
            kubelet, registration = self.start_node(config=content)
            registration.watch.wait_count(5)
            self.assertNotIn("level=warn", self.agent.log().split("registered")[0])
            self.agent.stop()
            kubelet.stop()

    def test_documented_file(self):
        _, registration = self.start_node(config=DOCUMENTED_YAML)
        registration.watch.wait_count(10)

    def test_empty_file_is_the_defaults(self):
        _, registration = self.start_node(config="")
        registration.watch.wait_count(1)

    def test_unknown_key_is_a_warning(self):
        """NVIDIA ignores it in silence."""
        _, registration = self.start_node(config=TUTORIAL_YAML + "sharinng: {}\n")
        registration.watch.wait_count(5)
        self.assertIn("sharinng", self.agent.log())

    def test_flag_beats_environment_beats_file(self):
        file = shared(5, flags={"plugin": {"deviceIDStrategy": "index"}})
        ids = [f"{uuid(0)}::0"]
        for flags, environment, seen in (
                ((), {}, "0"),
                ((), {"DEVICE_ID_STRATEGY": "uuid"}, uuid(0)),
                (("--device-id-strategy=index",), {"DEVICE_ID_STRATEGY": "uuid"}, "0"),
                (("-device-id-strategy", "uuid"), {}, uuid(0))):
            with self.subTest(flags=flags, environment=environment):
                kubelet, registration = self.start_node(*flags, config=file,
                                                        environment=environment)
                self.assertEqual(self.visible(registration, *ids), seen)
                self.agent.stop()
                kubelet.stop()

    def test_environment_of_nvidia(self):
        """All that an unchanged manifest can say."""
        kubelet = self.start_kubelet()
        self.set_config(shared(5, flags={"migStrategy": "none"}))
        self.start_agent(has_sockets=False, environment={
            "CONFIG_FILE": str(self.config_path),
            "KUBELET_SOCKET": str(self.kubelet_socket),
            "ROTA_AGENT_SOCKET": str(self.agent_socket),
            "DEVICE_ID_STRATEGY": "index",
            "DEVICE_LIST_STRATEGY": "envvar",
            "SHARED_DEVICES_ALLOCATION_POLICY": "packed",
            "MIG_STRATEGY": "none",
            "FAIL_ON_INIT_ERROR": "true",
            "NVIDIA_DRIVER_ROOT": "/",
            "PASS_DEVICE_SPECS": "false",
            "MPS_ROOT": "/run/nvidia/mps",
            "NVIDIA_VISIBLE_DEVICES": "all",
            "NVIDIA_DRIVER_CAPABILITIES": "compute,utility",
        })
        registration = kubelet.wait_registrations(1)
        registration.watch.wait_count(5)
        self.assertEqual(self.visible(registration, f"{uuid(0)}::3"), "0")
        status = self.status()
        self.assertEqual(status["configFile"], str(self.config_path))
        self.assertEqual(status["kubeletSocket"], str(self.kubelet_socket))

    def test_reload_reads_flags_and_environment_as_before(self):
        _, registration = self.start_node("--device-id-strategy=index", config=shared(5))
        self.set_config(shared(6, flags={"plugin": {"deviceIDStrategy": "uuid"}}))
        self.agent.tell(signal.SIGHUP)
        registration.watch.wait_count(6)
        self.assertEqual(self.visible(registration, f"{uuid(0)}::5"), "0")


if __name__ == "__main__":
    unittest.main()
