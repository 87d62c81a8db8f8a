# SPDX-License-Identifier: Apache-2.0
"""GPUs in MIG mode: names by strategy, what containers get of a part, re-partition while the agent runs."""

import signal
import socket
import urllib.error
import urllib.request

import fakeroot
from agent_case import A100, AgentCase, a100, fault, gpu, part, part_uuid, scenario, strategy, uuid

HEALTHY, ILL = "Healthy", "Unhealthy"


class MigCase(AgentCase):
    def start(self, *gpus, config, flags=(), count=1, **properties):
        """The first `count` registrations by resource name."""
        self.set_gpus(*gpus)
        self.kubelet, _ = self.start_node(*flags, config=config, **properties)
        self.kubelet.wait_registrations(count)
        return self.by_name()

    def set_gpus(self, *gpus, **more):
        self.set_scenario({**scenario(*gpus), **more})

    def by_name(self):
        """The newest registration of each name, without NVIDIA's prefix."""
        return {registration.request.resource_name.removeprefix("nvidia.com/"): registration
                for registration in self.kubelet.registrations}

    def wait_list(self, registration, *ids, health=HEALTHY):
        registration.watch.wait(lambda watch: watch.health() == dict.fromkeys(ids, health),
                                f"{ids} {health}")

    def complaints(self):
        return self.status()["complaints"]


class Strategies(MigCase):
    NODE = (a100(0, part("1g.5gb", 1), part("1g.5gb+me", 2),
                 {"profile": "3g.20gb", "compute": [part("1c.3g.20gb", 3)]}),
            gpu(1))

    def test_mixed_has_a_resource_for_each_profile(self):
        by_name = self.start(*self.NODE, config=strategy("mixed"), count=4)
        self.assertEqual(set(by_name), {"gpu", "mig-1g.5gb", "mig-1g.5gb.me", "mig-1c.3g.20gb"})
        self.wait_list(by_name["gpu"], uuid(1))
        self.wait_list(by_name["mig-1g.5gb"], part_uuid(1))
        self.wait_list(by_name["mig-1g.5gb.me"], part_uuid(2))
        self.wait_list(by_name["mig-1c.3g.20gb"], part_uuid(3))
        self.assertEqual(by_name["mig-1g.5gb"].request.endpoint, "nvidia-mig-1g.5gb.sock")

    def test_parts_are_shared_too(self):
        by_name = self.start(*self.NODE, count=4, config=strategy(
            "mixed", {"name": "nvidia.com/mig-1g.5gb", "replicas": 2}))
        self.wait_list(by_name["mig-1g.5gb"], f"{part_uuid(1)}::0", f"{part_uuid(1)}::1")
        self.wait_list(by_name["gpu"], uuid(1))

    def test_none_advertises_the_gpu_whole_and_complains(self):
        by_name = self.start(*self.NODE, config=strategy("none"))
        self.assertEqual(set(by_name), {"gpu"})
        self.wait_list(by_name["gpu"], uuid(0), uuid(1))
        complaint, = self.complaints()
        self.assertIn("GPU 0 is in MIG mode, but migStrategy is none", complaint)

    def test_single_names_parts_as_gpus(self):
        by_name = self.start(a100(0, part("1g.5gb", 1), part("1g.5gb", 2)),
                             a100(1, part("1g.5gb", 3)), config=strategy("single"))
        self.wait_list(by_name["gpu"], part_uuid(1), part_uuid(2), part_uuid(3))

    def test_single_ends_at_the_start_on_an_unlike_node(self):
        self.set_gpus(*self.NODE)
        kubelet = self.start_kubelet()
        agent = self.start_agent(config=strategy("single"))
        self.assertEqual(agent.wait(), 1)
        self.assertIn("more than one MIG device type present on node", agent.log())
        self.assertEqual(kubelet.calls, 0)

    def test_a_half_configured_gpu_is_reported_and_takes_nothing_away(self):
        by_name = self.start(a100(0, mig=[]), gpu(1), config=strategy("mixed"))
        self.wait_list(by_name["gpu"], uuid(1))
        complaint, = self.complaints()
        self.assertIn("GPU 0 is in MIG mode and has no MIG devices", complaint)
        self.assertIn("has no MIG devices", self.agent.log())

    def test_devices_shows_parts(self):
        self.set_gpus(*self.NODE)
        ended = self.run_rota("devices", "--mig-strategy=mixed")
        self.assertIn("0:0", ended.stdout)
        self.assertIn(f"{A100} MIG 1g.5gb+me", ended.stdout)
        self.assertIn("nvidia.com/mig-1g.5gb.me", ended.stdout)


class Allocation(MigCase):
    NODE = (a100(0, part("1g.5gb", 1), part("1g.5gb", 2)),)
    CONFIG = strategy("mixed")

    def allocate(self, registration, *numbers):
        answer, = registration.plugin.allocate([part_uuid(number) for number in numbers])
        return answer

    def test_named_by_uuid(self):
        by_name = self.start(*self.NODE, config=self.CONFIG)
        answer = self.allocate(by_name["mig-1g.5gb"], 2, 1)
        self.assertEqual(dict(answer.envs),
                         {"NVIDIA_VISIBLE_DEVICES": f"{part_uuid(2)},{part_uuid(1)}"})

    def test_named_by_index(self):
        by_name = self.start(*self.NODE, config=self.CONFIG, flags=["--device-id-strategy=index"])
        devices = {device["uuid"]: device["index"] for device in self.status()["devices"]}
        answer = self.allocate(by_name["mig-1g.5gb"], 2)
        self.assertEqual(answer.envs["NVIDIA_VISIBLE_DEVICES"], devices[part_uuid(2)])
        self.assertRegex(devices[part_uuid(2)], "^0:[01]$")

    def test_device_nodes_are_the_gpus_and_the_capabilities_of_the_part(self):
        self.set_gpus(*self.NODE)
        root = fakeroot.make(self.directory / "root", minors=[0], parts=[(0, 12, 0), (0, 13, 0)])
        by_name = self.start(*self.NODE, config=self.CONFIG,
                             flags=["--pass-device-specs", "--root", str(root)])
        nodes = [device.container_path
                 for device in self.allocate(by_name["mig-1g.5gb"], 1).devices]
        caps = [name for name in nodes if "nvidia-cap" in name]
        self.assertIn("/dev/nvidia0", nodes)
        self.assertEqual(len(caps), 2)
        self.assertTrue(all((root / name.lstrip("/")).exists() for name in caps), caps)


class Live(MigCase):
    def test_a_new_partition_ends_one_name_and_begins_another(self):
        by_name = self.start(a100(0, part("1g.5gb", 1)), gpu(1), config=strategy("mixed"), count=2)
        old = by_name["mig-1g.5gb"]
        self.wait_list(old, part_uuid(1))
        self.set_gpus(a100(0, part("2g.10gb", 2)), gpu(1))
        self.kubelet.wait_registrations(3)
        self.assertIn("mig-2g.10gb", self.by_name())
        self.wait_list(self.by_name()["mig-2g.10gb"], part_uuid(2))
        old.watch.wait_end()
        self.assertEqual(old.watch.health(), {}, "kubelet is told that nothing is left")
        self.assertEqual(self.kubelet.calls, 3, "the whole GPU was registered again")

    def test_more_parts_of_a_kind_are_a_longer_list(self):
        by_name = self.start(a100(0, part("1g.5gb", 1)), config=strategy("mixed"))
        self.set_gpus(a100(0, part("1g.5gb", 1), part("1g.5gb", 2)))
        self.wait_list(by_name["mig-1g.5gb"], part_uuid(1), part_uuid(2))
        self.assertEqual(self.kubelet.calls, 1)

    def check_mode_that_is_not_told(self, name, second, lists):
        """lists: by resource, what is well and what is ill once nobody can tell the mode of GPU 0."""
        node = a100(0, part("1g.5gb", 1), part("1g.5gb", 2)), a100(1, part(second, 3))
        by_name = self.start(*node, config=strategy(name), count=len(lists))
        for resource, health in lists.items():
            self.wait_list(by_name[resource], *health)
        self.set_gpus(*node, faults=[fault("nvmlDeviceGetMigMode", "fail", gpu=0, error="NVML_ERROR_UNKNOWN")])
        for resource, health in lists.items():
            by_name[resource].watch.wait(lambda watch, health=health: watch.health() == health, health)
        self.assertEqual(set(self.by_name()), set(lists), "a GPU in MIG mode is offered whole")
        self.assertIn("nvmlDeviceGetMigMode", self.status()["devices"][0]["reason"])
        self.set_gpus(*node)
        for resource, health in lists.items():
            self.wait_list(by_name[resource], *health)

    def test_a_gpu_whose_mode_is_not_told_is_ill_with_its_parts(self):
        self.check_mode_that_is_not_told("mixed", "2g.10gb", {
            "mig-1g.5gb": {part_uuid(1): ILL, part_uuid(2): ILL}, "mig-2g.10gb": {part_uuid(3): HEALTHY}})

    def test_with_single_too(self):
        self.check_mode_that_is_not_told("single", "1g.5gb", {
            "gpu": {part_uuid(1): ILL, part_uuid(2): ILL, part_uuid(3): HEALTHY}})

    def test_single_offers_nothing_while_the_node_is_unlike_and_goes_on_after(self):
        by_name = self.start(a100(0, part("1g.5gb", 1)), a100(1, part("1g.5gb", 2)),
                             config=strategy("single"))
        self.wait_list(by_name["gpu"], part_uuid(1), part_uuid(2))
        self.set_gpus(a100(0, part("1g.5gb", 1)), a100(1, part("2g.10gb", 3)))
        self.agent.wait_log("no device is offered")
        by_name["gpu"].watch.wait_end()
        self.assertEqual(by_name["gpu"].watch.health(), {})
        self.set_gpus(a100(0, part("2g.10gb", 4)), a100(1, part("2g.10gb", 3)))
        self.kubelet.wait_registrations(2)
        self.wait_list(self.by_name()["gpu"], part_uuid(3), part_uuid(4))

    def test_what_offers_nothing_is_not_refused_when_it_is_read_again(self):
        """The file is the one in force; there is no old one to keep."""
        self.start(a100(0, part("1g.5gb", 1)), a100(1, part("1g.5gb", 2)), config=strategy("single"))
        self.set_gpus(a100(0, part("1g.5gb", 1)), a100(1, part("2g.10gb", 3)))
        self.agent.wait_log("no device is offered")
        self.agent.tell(signal.SIGHUP)
        self.agent.wait_log("configuration read again")
        self.assertIsNone(self.status()["configRefused"])

    def test_a_strategy_that_the_node_cannot_follow_is_refused_at_reload(self):
        by_name = self.start(a100(0, part("1g.5gb", 1)), gpu(1), config=strategy("mixed"), count=2)
        self.set_config(strategy("single"))
        self.agent.wait_log("new configuration refused")
        self.assertIn("same migEnabled value", self.status()["configRefused"]["cause"])
        self.wait_list(by_name["mig-1g.5gb"], part_uuid(1))

    def test_it_is_followed_as_soon_as_the_node_can(self):
        by_name = self.start(a100(0, part("1g.5gb", 1)), a100(1, part("2g.10gb", 2)),
                             config=strategy("mixed"), count=2)
        self.set_config(strategy("single"))
        self.agent.wait_log("new configuration refused")
        self.set_gpus(a100(0, part("1g.5gb", 1)), a100(1, part("1g.5gb", 3)))
        self.kubelet.wait_registrations(3)
        self.wait_list(self.by_name()["gpu"], part_uuid(1), part_uuid(3))
        self.assertIsNone(self.status()["configRefused"])
        by_name["mig-1g.5gb"].watch.wait_end()

    def test_not_ready_while_nothing_is_offered(self):
        self.set_gpus(a100(0, part("1g.5gb", 1)), gpu(1))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.start_agent("--fail-on-init-error=false", f"--http-listen=127.0.0.1:{port}",
                         config=strategy("single"))
        self.agent.wait_log("no device is offered")
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=30)
        with refused.exception as answer:
            self.assertEqual(answer.code, 503)
            self.assertIn("same migEnabled value", answer.read().decode())

    def test_an_xid_concerns_the_part_that_it_names(self):
        node = (a100(0, part("1g.5gb", 1), part("1g.5gb", 2)), gpu(1))
        by_name = self.start(*node, config=strategy("mixed"), count=2)
        self.wait_list(by_name["mig-1g.5gb"], part_uuid(1), part_uuid(2))
        event = {"id": "x", "gpu": 0, "gpuInstance": 13, "computeInstance": 0, "xid": 94}
        self.set_gpus(*node, events=[event])
        self.agent.wait_log("device is unhealthy")
        by_name["mig-1g.5gb"].watch.wait(
            lambda watch: sorted(watch.health().values()) == [HEALTHY, ILL], "one part ill")
        self.wait_list(by_name["gpu"], uuid(1))
