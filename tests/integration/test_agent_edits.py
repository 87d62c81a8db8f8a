# SPDX-License-Identifier: Apache-2.0
"""What a container gets beside the names of its GPUs: mounts, device nodes, IMEX channels; as gRPC's
Python stack reads it, and as the stand-in kubelet applies it to a pod."""

import os
import pathlib
import signal
import subprocess
import unittest

from agent_case import SIM, AgentCase, gpu, replica_ids, scenario, shared, uuid
from simkubelet import SimKubelet

FOLDER = "/var/run/nvidia-container-devices"
CONTROL = ("/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset")
CHANNEL = "/dev/nvidia-caps-imex-channels/channel0"
NO_CHANNEL = "error querying IMEX channels: requested IMEX channel channel0 does not exist"


def plugin_flags(**keys):
    return {"version": "v1", "flags": {"plugin": keys}}


def add_node(root, path):
    """Only root can make a device; what asks follows a link to one."""
    place = pathlib.Path(f"{root}{path}")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to("/dev/null")


class EditsCase(AgentCase):
    """Two GPUs whose nodes are /dev/nvidia70 and /dev/nvidia71, and a place for the host's files."""

    def setUp(self):
        super().setUp()
        self.host = self.directory / "host"
        self.set_scenario(scenario(gpu(0, minor=70), gpu(1, minor=71)))
        self.plugin = None

    def start(self, *flags, config=None, environment=None):
        _, registration = self.start_node(*flags, config=config, environment=environment)
        self.plugin = registration.plugin

    def allocate(self, *ids):
        """Environment, mounts and device nodes of one container."""
        response, = self.plugin.allocate(ids)
        self.assertEqual(len(response.annotations) + len(response.cdi_devices), 0, response)
        self.assertFalse(any(mount.read_only for mount in response.mounts))
        self.assertTrue(all(device.permissions == "rw" for device in response.devices))
        return (dict(response.envs),
                [(mount.host_path, mount.container_path) for mount in response.mounts],
                [(device.host_path, device.container_path) for device in response.devices])


def null_mounts(*names):
    return [("/dev/null", f"{FOLDER}/{name}") for name in names]


class Lists(EditsCase):
    def test_volume_mounts(self):
        self.start("--device-list-strategy=volume-mounts", config=shared(5))
        envs, mounts, devices = self.allocate(f"{uuid(1)}::0", f"{uuid(0)}::0", f"{uuid(1)}::1")
        self.assertEqual(envs, {"NVIDIA_VISIBLE_DEVICES": FOLDER})
        self.assertEqual(mounts, null_mounts(uuid(1), uuid(0)))
        self.assertEqual(devices, [])

    def test_volume_mounts_override_the_variable(self):
        self.start(config=plugin_flags(deviceListStrategy=["envvar", "volume-mounts"]))
        envs, mounts, _ = self.allocate(uuid(0))
        self.assertEqual(envs, {"NVIDIA_VISIBLE_DEVICES": FOLDER})
        self.assertEqual(mounts, null_mounts(uuid(0)))

    def test_volume_mounts_by_index(self):
        self.start(environment={"DEVICE_LIST_STRATEGY": "volume-mounts",
                                "DEVICE_ID_STRATEGY": "index"})
        self.assertEqual(self.allocate(uuid(1), uuid(0))[1], null_mounts(1, 0))

    def test_gdrcopy_gds_and_mofed(self):
        flags = {"gdrcopyEnabled": True, "gdsEnabled": True, "mofedEnabled": True}
        self.start(config={"flags": flags})
        self.assertEqual(self.allocate(uuid(0))[0], {
            "NVIDIA_VISIBLE_DEVICES": uuid(0), "NVIDIA_GDRCOPY": "enabled",
            "NVIDIA_GDS": "enabled", "NVIDIA_MOFED": "enabled"})

    def test_only_what_is_switched_on(self):
        self.start("--gds-enabled")
        self.assertEqual(set(self.allocate(uuid(0))[0]), {"NVIDIA_VISIBLE_DEVICES", "NVIDIA_GDS"})

    def test_reload_changes_what_the_next_container_gets(self):
        self.start(config=shared(2))
        self.assertEqual(self.allocate(f"{uuid(0)}::0")[1], [])
        flags = {"plugin": {"deviceListStrategy": "volume-mounts"}}
        self.set_config(shared(2, flags=flags))
        self.agent.tell(signal.SIGHUP)
        self.agent.wait_log("configuration read again")
        self.assertEqual(self.allocate(f"{uuid(0)}::0")[1], null_mounts(uuid(0)))


class DeviceSpecs(EditsCase):
    def setUp(self):
        super().setUp()
        self.control = [path for path in CONTROL if os.path.exists(path)]

    def test_control_nodes_that_exist_then_those_of_the_gpus(self):
        self.start("--pass-device-specs")
        envs, mounts, devices = self.allocate(uuid(1), uuid(0))
        self.assertEqual(envs, {"NVIDIA_VISIBLE_DEVICES": f"{uuid(1)},{uuid(0)}"})
        self.assertEqual(mounts, [])
        self.assertEqual(devices, [(path, path) for path in
                                   (*self.control, "/dev/nvidia71", "/dev/nvidia70")])

    def test_dev_root_is_before_the_path_on_the_host(self):
        for flags in (("--dev-root=/host/",), ("--driver-root=/host",),
                      ("--driver-root=/other", "--nvidia-dev-root=/host")):
            with self.subTest(flags=flags):
                self.start("--pass-device-specs", *flags)
                self.assertEqual(self.allocate(uuid(0))[2],
                                 [(f"/host{path}", path) for path in
                                  (*self.control, "/dev/nvidia70")])
                self.agent.stop()

    def test_two_replicas_of_a_gpu_are_its_node_twice(self):
        self.start(config=shared(5, flags={"plugin": {"passDeviceSpecs": True}}))
        envs, _, devices = self.allocate(f"{uuid(1)}::0", f"{uuid(0)}::0", f"{uuid(1)}::3")
        self.assertEqual(envs, {"NVIDIA_VISIBLE_DEVICES": f"{uuid(1)},{uuid(0)}"})
        self.assertEqual([path for path, _ in devices][-3:],
                         ["/dev/nvidia71", "/dev/nvidia70", "/dev/nvidia71"])

    def test_ten_thousand_replicas_in_one_request(self):
        self.start("--pass-device-specs", config=shared(5000))
        devices = self.allocate(*sorted(replica_ids(2, 5000)))[2]
        self.assertEqual(len(devices), len(self.control) + 10000)


# A /dev of the agent's own that holds what stands in the folder $0.
OWN_DEV = """
for node in null zero urandom; do
    touch "$0/$node" && mount --bind "/dev/$node" "$0/$node" || exit 1
done
mount --rbind "$0" /dev && exec "$@"
"""
NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount", "--propagation", "private", "--")


@unittest.skipIf(subprocess.run([*NAMESPACE, "mount", "--bind", "/dev/null", "/dev/zero"],
                                check=False, capture_output=True).returncode,
                 "this system allows no user namespaces")
class OwnDev(EditsCase):
    """Where the agent's own /dev has what the test put there."""

    def setUp(self):
        super().setUp()
        self.own = self.directory / "own"
        (self.own / "dev").mkdir(parents=True)
        self.prefix = (*NAMESPACE, "sh", "-c", OWN_DEV, str(self.own / "dev"))

    def control(self):
        return [path for _, path in self.allocate(uuid(0))[2]][:-1]

    def test_control_nodes_are_looked_for_at_each_call(self):
        add_node(self.own, "/dev/nvidia-modeset")
        self.start("--pass-device-specs", "--dev-root=/host")
        self.assertEqual(self.control(), ["/dev/nvidia-modeset"])
        add_node(self.own, "/dev/nvidia-uvm")
        add_node(self.own, "/dev/nvidiactl")
        self.assertEqual(self.control(), ["/dev/nvidiactl", "/dev/nvidia-uvm",
                                          "/dev/nvidia-modeset"])
        (self.own / "dev" / "nvidia-uvm").unlink()
        self.assertEqual(self.control(), ["/dev/nvidiactl", "/dev/nvidia-modeset"])

    def test_a_channel_that_a_runtime_put_into_our_dev(self):
        add_node(self.own, CHANNEL)
        self.start("--imex-channel-ids=0", "--imex-required")
        self.assertEqual(self.allocate(uuid(0))[0]["NVIDIA_IMEX_CHANNELS"], "0")


@unittest.skipIf(os.path.exists(CHANNEL), "this machine has an IMEX channel")
class Imex(EditsCase):
    def setUp(self):
        super().setUp()
        self.root = f"--driver-root-ctr-path={self.host}"

    def test_is_not_given_unless_asked_for(self):
        add_node(self.host, CHANNEL)
        self.start(self.root, "--imex-required")
        self.assertEqual(set(self.allocate(uuid(0))[0]), {"NVIDIA_VISIBLE_DEVICES"})

    def test_is_a_variable_a_mount_and_a_node(self):
        add_node(self.host, CHANNEL)
        self.start(self.root, "--device-list-strategy=volume-mounts,envvar",
                   "--pass-device-specs", "--dev-root=/host",
                   config={"imex": {"channelIDs": [0], "required": True}})
        envs, mounts, devices = self.allocate(uuid(0))
        self.assertEqual(envs, {"NVIDIA_VISIBLE_DEVICES": FOLDER, "NVIDIA_IMEX_CHANNELS": "0"})
        self.assertEqual(mounts, null_mounts(uuid(0), "imex/0"))
        self.assertEqual(devices[-2:], [("/host/dev/nvidia70", "/dev/nvidia70"),
                                        (f"/host{CHANNEL}", CHANNEL)])

    def test_is_no_variable_with_volume_mounts_alone(self):
        add_node(self.host, CHANNEL)
        self.start(self.root, "--device-list-strategy=volume-mounts", "--imex-channel-ids=0")
        envs, mounts, _ = self.allocate(uuid(0))
        self.assertEqual(envs, {"NVIDIA_VISIBLE_DEVICES": FOLDER})
        self.assertEqual(mounts, null_mounts(uuid(0), "imex/0"))

    def test_one_that_is_missing_is_left_out_until_it_comes(self):
        self.start(self.root, "--imex-channel-ids=0")
        self.agent.wait_log("the IMEX channel is not there")
        self.assertEqual(set(self.allocate(uuid(0))[0]), {"NVIDIA_VISIBLE_DEVICES"})
        add_node(self.host, CHANNEL)
        self.assertEqual(self.allocate(uuid(0))[0]["NVIDIA_IMEX_CHANNELS"], "0")

    def test_one_that_is_missing_and_required_ends_the_agent(self):
        for flags in ((), ("--fail-on-init-error=false",)):
            with self.subTest(flags=flags):
                agent = self.start_agent(self.root, *flags, environment={
                    "IMEX_CHANNEL_IDS": "0", "IMEX_REQUIRED": "true"})
                self.assertEqual(agent.wait(), 1)
                self.assertIn(NO_CHANNEL, agent.log())
                self.assertIn(f"in / or {self.host}", agent.log())

    def test_a_plain_file_is_no_channel(self):
        place = pathlib.Path(f"{self.host}{CHANNEL}")
        place.parent.mkdir(parents=True)
        place.write_text("")
        agent = self.start_agent(self.root, "--imex-channel-ids=0", "--imex-required")
        self.assertEqual(agent.wait(), 1)
        self.assertIn(NO_CHANNEL, agent.log())

    def test_reload_that_requires_a_missing_one_changes_nothing(self):
        self.start(self.root, config=shared(2))
        imex = {"imex": {"channelIDs": [0], "required": True}}
        self.set_config({**shared(3), **imex})
        self.agent.tell(signal.SIGHUP)
        self.agent.wait_log("new configuration refused, keeping the old one")
        self.assertIn(NO_CHANNEL, self.agent.log())
        self.assertEqual(self.status()["resources"][0]["replicas"], 4)
        add_node(self.host, CHANNEL)
        self.agent.tell(signal.SIGHUP)
        self.agent.wait_log("configuration read again")
        self.assertEqual(self.allocate(f"{uuid(0)}::2")[0]["NVIDIA_IMEX_CHANNELS"], "0")


class Pods(EditsCase):
    """The stand-in kubelet does to a pod what a container runtime does."""

    def start_pod(self, *flags, command):
        kubelet = SimKubelet(self.plugins, "--tools", str(SIM), "--terminate-ms", "100",
                             env=self.environment())
        self.addCleanup(kubelet.close)
        self.start_agent(*flags)
        kubelet.wait("node", allocatable={"nvidia.com/gpu": 2})
        kubelet.create("one", f"{command}; echo end; while true; do sleep 0.1; done",
                       resource="nvidia.com/gpu")
        return kubelet.log("one", "end\n")

    def test_mounts_name_the_gpu(self):
        log = self.start_pod("--device-list-strategy=volume-mounts",
                             command=f"ls {FOLDER}; nvidia-smi -L")
        name, gpu_line, _ = log.splitlines()
        self.assertIn(name, (uuid(0), uuid(1)))
        self.assertIn(name, gpu_line)

    def test_device_nodes_appear_in_dev(self):
        paths = (*CONTROL, CHANNEL)
        for path in (*paths, "/dev/nvidia70", "/dev/nvidia71"):
            add_node(self.host, path)
        check = " && ".join(f"test -c {path}" for path in paths if
                            path == CHANNEL or os.path.exists(path))
        log = self.start_pod("--pass-device-specs", f"--dev-root={self.host}",
                             f"--driver-root-ctr-path={self.host}", "--imex-channel-ids=0",
                             command=f"{check} && echo all; ls -d /dev/nvidia7?; "
                             "echo channels $NVIDIA_IMEX_CHANNELS")
        every, node, channels, _ = log.splitlines()
        self.assertEqual((every, channels), ("all", "channels 0"))
        self.assertIn(node, ("/dev/nvidia70", "/dev/nvidia71"))


if __name__ == "__main__":
    unittest.main()
