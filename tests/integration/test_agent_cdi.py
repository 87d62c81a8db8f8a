# SPDX-License-Identifier: Apache-2.0
"""CDI from end to end: what Allocate names is what the specifications describe, as an independent
reader of both sees it."""

import os
import pathlib
import signal
import subprocess
import unittest

import cdi_reader
from agent_case import AgentCase, gpu, scenario, shared, uuid
from kubelet_peer import Kubelet, wait_until

KIND = "k8s.device-plugin.nvidia.com/"
DRIVER_VERSION = "550.54.15"  # of the simulated driver
UUID4 = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
# A /run of the agent's own, which is the folder $0.
OWN_RUN = 'mount --bind "$0" "$(readlink -f /var/run)" && exec "$@"'
NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount", "--propagation", "private", "--")


def cdi_flags(*strategies, **keys):
    return {"plugin": {"deviceListStrategy": list(strategies)}, **keys}


@unittest.skipIf(subprocess.run([*NAMESPACE, "mount", "--bind", "/dev/null", "/dev/zero"], check=False,
                                capture_output=True).returncode,
                 "this system allows no user namespaces")
class CdiCase(AgentCase):
    """Two GPUs, a driver below `driver`, and a /run of the agent's own."""

    def setUp(self):
        super().setUp()
        self.driver = self.directory / "driver"
        self.folder = self.directory / "run" / "cdi"
        self.folder.parent.mkdir()
        self.prefix = (*NAMESPACE, "sh", "-c", OWN_RUN, str(self.folder.parent))
        self.set_scenario(scenario(gpu(0, minor=70), gpu(1, minor=71)))
        self.root = f"--driver-root-ctr-path={self.driver}"
        self.plugin = None

    def add(self, *paths):
        for path in paths:
            place = pathlib.Path(f"{self.driver}{path}")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch(0o666)
            place.chmod(0o666)

    def add_driver(self):
        self.add(f"/usr/lib/x86_64-linux-gnu/libcuda.so.{DRIVER_VERSION}", "/dev/nvidiactl",
                 "/dev/nvidia70", "/dev/nvidia71")

    def start(self, *flags, config=None):
        _, registration = self.start_node(self.root, *flags, config=config)
        self.plugin = registration.plugin

    def allocate(self, *ids):
        response, = self.plugin.allocate(ids)
        return response

    def registry(self):
        return cdi_reader.Registry(self.folder)


class Strategies(CdiCase):
    def setUp(self):
        super().setUp()
        self.add_driver()

    def test_the_field_names_devices_that_are_described(self):
        self.start("--device-list-strategy=cdi-cri", "--pass-device-specs", config=shared(5))
        response = self.allocate(f"{uuid(1)}::0", f"{uuid(0)}::0", f"{uuid(1)}::1")
        names = [device.name for device in response.cdi_devices]
        self.assertEqual(names, [f"{KIND}gpu={uuid(1)}", f"{KIND}gpu={uuid(0)}"])
        self.assertEqual((dict(response.envs), dict(response.annotations)), ({}, {}))
        self.assertEqual(len(response.mounts) + len(response.devices), 0, response)
        self.assertEqual(self.registry().nodes(names[0]), ["/dev/nvidia71", "/dev/nvidiactl"])
        self.assertEqual(self.registry().nodes(names[1]), ["/dev/nvidia70", "/dev/nvidiactl"])

    def test_the_annotation_names_them_too_and_each_container_has_its_own(self):
        self.start("--device-list-strategy=cdi-annotations", "--device-id-strategy=index",
                   "--cdi-annotation-prefix=example.org/")
        keys = set()
        for _ in range(2):
            response = self.allocate(uuid(1), uuid(0))
            (key, value), = response.annotations.items()
            self.assertRegex(key, f"^example.org/nvidia-device-plugin_{UUID4}$")
            self.assertEqual(value, f"{KIND}gpu=1,{KIND}gpu=0")
            self.assertEqual(len(response.cdi_devices) + len(response.envs), 0, response)
            keys.add(key)
        self.assertEqual(len(keys), 2)
        self.assertEqual(self.registry().nodes(f"{KIND}gpu=1"), ["/dev/nvidia71", "/dev/nvidiactl"])

    def test_all_strategies_at_once(self):
        self.start("--device-list-strategy=envvar,volume-mounts,cdi-annotations,cdi-cri",
                   "--pass-device-specs", "--driver-root=/host/driver")
        response = self.allocate(uuid(0))
        (key, value), = response.annotations.items()
        self.assertRegex(key, f"^cdi.k8s.io/nvidia-device-plugin_{UUID4}$")
        self.assertLessEqual(len(key.split("/")[1]), 63)  # or the runtime refuses it
        self.assertEqual([device.name for device in response.cdi_devices], value.split(","))
        self.assertEqual(set(response.envs), {"NVIDIA_VISIBLE_DEVICES"})
        self.assertEqual(len(response.mounts), 1)
        self.assertEqual(response.devices[-1].host_path, "/host/driver/dev/nvidia70")
        self.assertIn("/host/driver/dev/nvidia70", self.registry().nodes(value))

    def test_every_class_that_there_is_in_nvidias_order(self):
        self.add("/dev/gdrdrv", "/dev/nvidia-fs3", "/dev/infiniband/uverbs0")
        self.add("/etc/cufile.json")
        self.start("--device-list-strategy=cdi-cri", "--gdrcopy-enabled", "--gds-enabled",
                   "--mofed-enabled", config={"imex": {"channelIDs": [0]}})
        names = [device.name for device in self.allocate(uuid(0)).cdi_devices]
        self.assertEqual(names, [f"{KIND}gpu={uuid(0)}", f"{KIND}gdrcopy=all", f"{KIND}gds=all",
                                 f"{KIND}mofed=all"])
        registry = self.registry()
        self.assertEqual([registry.nodes(name)[0] for name in names],
                         ["/dev/nvidia70", "/dev/gdrdrv", "/dev/nvidia-fs3",
                          "/dev/infiniband/uverbs0"])


class Files(CdiCase):
    def file(self, name="gpu"):
        return self.folder / f"k8s.device-plugin.nvidia.com-{name}.json"

    def test_are_there_before_kubelet_is_offered_anything(self):
        self.add_driver()
        seen = []

        def register(request, context):
            seen.append(self.file().exists())
            return Kubelet.Register(kubelet, request, context)

        kubelet = self.start_kubelet(Register=register)
        self.start_agent(self.root, "--device-list-strategy=cdi-cri")
        kubelet.wait_registrations(1)
        self.assertTrue(seen[0])
        self.assertEqual(self.file().stat().st_mode & 0o7777, 0o644)

    def test_no_strategy_of_cdi_is_no_file(self):
        self.start()
        self.assertFalse(self.folder.exists())

    def test_a_start_sweeps_and_drops_what_is_no_more_and_writes_only_what_differs(self):
        self.add_driver()
        flags = ("--device-list-strategy=cdi-cri", "--gds-enabled")
        self.start(*flags)
        self.agent.stop()
        inode = self.file().stat().st_ino
        leftover = self.folder / "spec.k8s.device-plugin.nvidia.com-gpu.json.1.tmp"
        leftover.write_text("{")
        self.file("gds").write_text("{}")
        self.start(*flags)
        self.assertEqual([path.name for path in self.folder.iterdir()], [self.file().name])
        self.assertEqual(self.file().stat().st_ino, inode)

    def test_no_driver_to_describe_ends_the_agent(self):
        for flags in ((), ("--fail-on-init-error=false",)):
            with self.subTest(flags=flags):
                agent = self.start_agent(self.root, "--device-list-strategy=cdi-cri", *flags)
                self.assertEqual(agent.wait(), 1)
                self.assertIn(f"no library of driver {DRIVER_VERSION} below {self.driver}",
                              agent.log())

    def test_a_folder_that_cannot_be_written_ends_the_agent(self):
        self.add_driver()
        self.folder.write_text("")
        agent = self.start_agent(self.root, "--device-list-strategy=cdi-annotations")
        self.assertEqual(agent.wait(), 1)
        self.assertIn("/var/run/cdi", agent.log())

    def test_a_reload_that_cannot_describe_changes_nothing(self):
        self.start(config=shared(2))
        self.set_config(shared(3, flags=cdi_flags("cdi-cri")))
        self.agent.tell(signal.SIGHUP)
        self.agent.wait_log("new configuration refused, keeping the old one")
        self.assertIn("no library of driver", self.agent.log())
        self.assertEqual(self.status()["resources"][0]["replicas"], 4)
        self.assertEqual(len(self.allocate(f"{uuid(0)}::0").cdi_devices), 0)
        self.add_driver()
        self.agent.tell(signal.SIGHUP)
        self.agent.wait_log("configuration read again")
        name = self.allocate(f"{uuid(0)}::2").cdi_devices[0].name
        self.assertEqual(self.registry().nodes(name), ["/dev/nvidia70", "/dev/nvidiactl"])

    def test_a_reload_that_cannot_advertise_keeps_the_old_description(self):
        self.add_driver()
        self.start(config=shared(2, flags=cdi_flags("cdi-cri")))
        before = self.file().read_text()
        flags = {"plugin": {"deviceListStrategy": "cdi-cri", "deviceIDStrategy": "index"}}
        self.set_config(shared(61000, flags=flags))  # of two GPUs more than kubelet reads
        self.agent.tell(signal.SIGHUP)
        self.agent.wait_log("new configuration refused, keeping the old one")
        self.assertEqual(self.file().read_text(), before)
        self.set_config(shared(2, flags=flags))
        self.agent.tell(signal.SIGHUP)
        self.agent.wait_log("configuration read again")
        self.assertIn(f"{KIND}gpu=1", self.registry().devices)


class Changes(CdiCase):
    """What the node does while the agent runs: nothing is offered that a runtime cannot find."""

    def setUp(self):
        super().setUp()
        self.add_driver()
        self.watch = None

    def begin(self, *flags):
        self.start("--device-list-strategy=cdi-cri", *flags)
        self.watch = self.kubelet.registrations[-1].watch

    def start_kubelet(self, **properties):
        self.kubelet = super().start_kubelet(**properties)
        return self.kubelet

    def wait_health(self, **health):
        wanted = {uuid(int(name[1:])): state for name, state in health.items()}
        self.watch.wait(lambda watch: watch.health() == wanted, wanted)

    def test_the_index_of_a_gpu_that_is_gone_is_given_to_nobody_else(self):
        self.begin("--device-id-strategy=index")
        self.wait_health(_0="Healthy", _1="Healthy")
        self.set_scenario(scenario(gpu(1, minor=71)))
        self.agent.tell(signal.SIGHUP)
        self.watch.wait(lambda watch: list(watch.health()) == [uuid(1)], "one GPU")
        name, = [device.name for device in self.allocate(uuid(1)).cdi_devices]
        self.assertIn("/dev/nvidia71", self.registry().nodes(name))

    def test_the_same_while_it_is_not_forgotten(self):
        self.begin("--device-id-strategy=index")
        self.set_scenario(scenario(gpu(1, minor=71)))
        self.kill_driver()
        self.wait_health(_0="Unhealthy", _1="Healthy")
        name, = [device.name for device in self.allocate(uuid(1)).cdi_devices]
        self.assertIn("/dev/nvidia71", self.registry().nodes(name))

    def test_what_cannot_be_described_is_not_offered_and_is_tried_again(self):
        self.begin()
        self.wait_health(_0="Healthy", _1="Healthy")
        lying = self.folder.rename(self.folder.with_name("away"))
        self.folder.write_text("a file where the folder should be")
        self.set_scenario(scenario(gpu(0, minor=70), gpu(1, minor=71), gpu(2, minor=72)))
        self.kill_driver()
        self.wait_health(_0="Healthy", _1="Healthy", _2="Unhealthy")
        self.assertTrue(any("cannot describe" in text for text in self.status()["complaints"]))
        self.folder.unlink()
        lying.rename(self.folder)
        self.wait_health(_0="Healthy", _1="Healthy", _2="Healthy")
        self.assertEqual(self.status()["complaints"], [])
        self.assertIn("/dev/nvidia72", self.registry().nodes(f"{KIND}gpu={uuid(2)}"))

    def kill_driver(self):
        """Its successor looks at the scenario at once."""
        pid = wait_until(lambda: next(iter(self.agent.children()), 0), "a driver process")
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    unittest.main()
