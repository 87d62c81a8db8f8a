# SPDX-License-Identifier: Apache-2.0
"""What running pods hold stays advertised, whatever the configuration becomes."""

import signal
import unittest

import cdi_reader
import fakeroot
from agent_case import (
    AgentCase, a100, fault, gpu, part, part_uuid, replica_ids, scenario, shared, strategy, t4s, uuid)
from kubelet_peer import wait_until
from pods_peer import PodResources

GPU = "nvidia.com/gpu"
SHARED_GPU = "nvidia.com/gpu.shared"
PART = "nvidia.com/mig-1g.5gb"
KIND = "k8s.device-plugin.nvidia.com/gpu"
DRIVER_VERSION = "550.54.15"  # of the simulated driver
POLL_SECONDS = 10  # between two questions that are answered
LARGE_PADDING = 6 << 20  # more than gRPC's own limit of 4 MiB


def ids(*ordinals):
    return {f"{uuid(0)}::{n}" for n in ordinals}


class HeldCase(AgentCase):
    def start_pods(self, **pods):
        peer = PodResources(self.pods_socket)
        peer.pods = pods
        self.addCleanup(peer.stop)
        return peer.start()

    def wait_ids(self, watch, expected):
        watch.wait(lambda seen: seen.lists and set(seen.health()) == expected, sorted(expected))


class Reload(HeldCase):
    def test_five_ten_five_while_pods_run_and_kubelet_is_started_again(self):
        pods = self.start_pods()
        kubelet, registration = self.start_node(config=shared(5))
        self.wait_ids(registration.watch, ids(*range(5)))
        self.set_config(shared(10))
        self.wait_ids(registration.watch, ids(*range(10)))
        registration.plugin.allocate(sorted(ids(3)))
        registration.plugin.allocate(sorted(ids(8)))
        registration.plugin.allocate(sorted(ids(9)))
        pods.pods = {"a": {GPU: sorted(ids(3))}, "b": {GPU: sorted(ids(8, 9))}}
        self.set_config(shared(5))
        self.wait_ids(registration.watch, ids(0, 1, 3, 8, 9))
        again = kubelet.registration_after(kubelet.restart)
        self.wait_ids(again.watch, ids(0, 1, 3, 8, 9))
        self.assertEqual(self.agent.stop(), 0)
        anew = kubelet.registration_after(lambda: self.start_agent(config=shared(5)))
        anew.watch.wait_count(5)
        self.assertEqual(set(anew.watch.lists[0][n].ID for n in range(5)), ids(0, 1, 3, 8, 9),
                         "an agent that was started anew asks before it lists")

    def test_a_kubelet_that_was_started_again_and_knows_no_pods_yet_takes_nothing_away(self):
        pods = self.start_pods(a={GPU: sorted(ids(7))}, b={GPU: sorted(ids(8))})
        kubelet, registration = self.start_node(config=shared(2))
        self.wait_ids(registration.watch, ids(7, 8))
        listed = pods.pods
        pods.pods = {}
        again = kubelet.registration_after(kubelet.restart)
        self.wait_ids(again.watch, ids(7, 8))
        before = pods.calls
        self.agent.tell(signal.SIGHUP)  # after which it asks soon
        wait_until(lambda: pods.calls > before, "a question that is answered with no pods")
        pods.pods = listed
        self.agent.tell(signal.SIGHUP)
        wait_until(lambda: pods.calls > before + 1, "a question that is answered with all pods")
        self.assertEqual({frozenset(device.ID for device in devices) for devices in again.watch.lists},
                         {frozenset(ids(7, 8))}, "no list is without them")

    def test_ids_of_pods_that_ended_go(self):
        pods = self.start_pods(a={GPU: sorted(ids(7))}, b={GPU: sorted(ids(8))})
        _, registration = self.start_node(config=shared(2))
        self.wait_ids(registration.watch, ids(7, 8))
        pods.pods = {"b": {GPU: sorted(ids(8))}}
        self.wait_ids(registration.watch, ids(0, 8))
        pods.pods = {}
        self.wait_ids(registration.watch, ids(0, 1))

    def test_without_sharing_a_held_replica_stands_for_its_gpu(self):
        self.start_pods(a={GPU: sorted(ids(3))})
        _, registration = self.start_node(config="version: v1\n")
        self.wait_ids(registration.watch, ids(3))

    def test_sharing_keeps_a_whole_gpu_that_is_held(self):
        self.start_pods(a={GPU: [uuid(0)]})
        _, registration = self.start_node(config=shared(5))
        self.wait_ids(registration.watch, {uuid(0)} | ids(0, 1, 2, 3))
        answer = registration.plugin.allocate([uuid(0)])[0]
        self.assertEqual(answer.envs["NVIDIA_VISIBLE_DEVICES"], uuid(0))

    def test_renamed_keeps_what_is_held_under_the_old_name(self):
        pods = self.start_pods(a={GPU: sorted(ids(1, 4))})
        kubelet, first = self.start_node(config=shared(5))
        self.wait_ids(first.watch, ids(*range(5)))
        self.set_config(shared(5, renameByDefault=True))
        second = kubelet.wait_registrations(2)
        self.assertEqual(second.request.resource_name, SHARED_GPU)
        self.wait_ids(second.watch, ids(0, 2, 3))
        self.wait_ids(first.watch, ids(1, 4))
        self.assertEqual([resource["name"] for resource in self.status()["resources"]],
                         [GPU, SHARED_GPU])
        pods.pods = {}
        first.watch.wait_end()
        self.wait_ids(second.watch, ids(*range(5)))


class Described(HeldCase):
    """A container runtime finds what pods hold, as kubelet's list says that it is there and well."""

    NODE = scenario(a100(0, part("1g.5gb", 1)), gpu(1))

    def start(self, node, name, **pods):
        root = fakeroot.make(self.directory / "root", minors=[0, 1], parts=[(0, 13, 0)])
        library = root / "driver/usr/lib/x86_64-linux-gnu" / f"libcuda.so.{DRIVER_VERSION}"
        library.parent.mkdir(parents=True)
        library.touch()
        self.cdi = root / "var/run/cdi"
        self.peer = self.start_pods(**pods)
        self.set_scenario(node)
        self.kubelet, _ = self.start_node(f"--root={root}", "--driver-root-ctr-path=/driver",
                                          "--device-list-strategy=cdi-cri", config=strategy(name))

    def wait_listed(self, name, ident):
        """The newest registration of this name lists it."""
        wait_until(lambda: any(
            registration.request.resource_name == name and registration.watch
            and registration.watch.health().get(ident) == "Healthy"
            for registration in list(self.kubelet.registrations)), f"{ident} under {name}")

    def end_pods(self):
        self.peer.pods = {}
        self.agent.tell(signal.SIGHUP)  # after which kubelet is asked

    def counts(self):
        """Of ids that the agent lists by now."""
        return {resource["name"]: resource["replicas"] for resource in self.status()["resources"]}

    def described(self):
        return {name.removeprefix(f"{KIND}=") for name in cdi_reader.Registry(self.cdi).devices}

    def test_a_part_stays_when_the_strategy_becomes_none(self):
        """And nobody is given its GPU beside it."""
        self.start(self.NODE, "mixed", a={PART: [part_uuid(1)]})
        self.wait_listed(PART, part_uuid(1))
        self.set_config(strategy("none"))
        self.agent.wait_log("configuration read again")
        self.assertEqual(self.counts(), {PART: 1, GPU: 1})
        self.assertLessEqual({uuid(0), uuid(1), part_uuid(1)}, self.described())
        self.end_pods()
        self.wait_listed(GPU, uuid(0))

    def test_a_gpu_stays_when_the_strategy_becomes_mixed(self):
        """And nobody is given a part of it beside it."""
        self.start(self.NODE, "none", a={GPU: [uuid(0)]})
        self.wait_listed(GPU, uuid(0))
        self.set_config(strategy("mixed"))
        self.agent.wait_log("configuration read again")
        self.assertEqual(self.counts(), {GPU: 2})
        self.assertLessEqual({uuid(0), uuid(1), part_uuid(1)}, self.described())
        self.end_pods()
        self.wait_listed(PART, part_uuid(1))

    def test_a_gpu_stays_when_it_is_put_into_mig_mode(self):
        self.start(scenario(a100(0), gpu(1)), "mixed", a={GPU: [uuid(0)]})
        self.wait_listed(GPU, uuid(0))
        self.set_scenario(self.NODE)
        wait_until(lambda: part_uuid(1) in self.described(), "the part is known")
        self.assertEqual(self.counts(), {GPU: 2})
        self.assertLessEqual({uuid(0), uuid(1), part_uuid(1)}, self.described())
        self.end_pods()
        self.wait_listed(PART, part_uuid(1))

    def test_under_another_strategy_of_ids_a_pod_finds_its_device_by_the_old_name(self):
        self.start(scenario(gpu(0), gpu(1)), "none", a={GPU: [uuid(1)]})
        self.wait_listed(GPU, uuid(1))
        for number, (by, names) in enumerate((("index", {"0", "1", uuid(1)}), ("uuid", {uuid(0), uuid(1), "1"})), 1):
            with self.subTest(by=by):
                self.set_config(strategy("none", plugin={"deviceIDStrategy": by}))
                self.agent.wait_log("configuration read again", number)
                self.assertEqual(self.described(), names)
        self.end_pods()
        wait_until(lambda: self.described() == {uuid(0), uuid(1)}, "one name")

    def test_an_agent_that_was_started_anew_under_another_strategy_of_ids(self):
        """The old name is described before kubelet hears of the new agent."""
        self.start(scenario(gpu(0)), "none", a={GPU: [uuid(0)]})
        self.wait_listed(GPU, uuid(0))
        self.assertEqual(self.described(), {uuid(0), "0"})

    def test_an_agent_that_was_started_anew_describes_it_before_it_lists_it(self):
        self.start(self.NODE, "none", a={PART: [part_uuid(1)]})
        self.wait_listed(PART, part_uuid(1))
        self.assertIn(part_uuid(1), self.described())
        self.assertEqual(self.kubelet.faults, [])

    def test_what_kubelet_lists_later_is_described_then(self):
        self.start(self.NODE, "none")
        self.wait_listed(GPU, uuid(0))
        self.assertNotIn(part_uuid(1), self.described())
        self.peer.pods = {"a": {PART: [part_uuid(1)]}}
        self.agent.tell(signal.SIGHUP)  # after which kubelet is asked
        self.wait_listed(PART, part_uuid(1))
        self.assertIn(part_uuid(1), self.described())


class Asking(HeldCase):
    def test_without_a_socket_what_was_handed_out_counts(self):
        _, registration = self.start_node(config=shared(10))
        self.wait_ids(registration.watch, ids(*range(10)))
        registration.plugin.allocate(sorted(ids(9)))
        self.set_config(shared(5))
        self.wait_ids(registration.watch, ids(0, 1, 2, 3, 9))
        self.assertEqual(self.agent.log().count("kubelet cannot be asked"), 1)

    def test_refusal_of_kubelet_is_no_reason_not_to_serve(self):
        pods = self.start_pods()
        pods.refusal = "rejected by rate limit"
        _, registration = self.start_node(config=shared(5))
        self.wait_ids(registration.watch, ids(*range(5)))
        self.assertIn("rejected by rate limit", self.agent.log())

    def test_socket_that_nobody_answers_is_no_reason_not_to_serve(self):
        self.start_pods()._server.stop(None).wait()
        self.pods_socket.touch()
        _, registration = self.start_node(config=shared(5))
        self.wait_ids(registration.watch, ids(*range(5)))

    def test_refused_question_is_asked_again_until_it_is_answered(self):
        pods = self.start_pods(a={GPU: sorted(ids(7))})
        pods.refusal = "rejected by rate limit"
        _, registration = self.start_node(config=shared(2))
        self.wait_ids(registration.watch, ids(0, 1))
        wait_until(lambda: pods.calls >= 2, "a second question")
        self.assertLess(pods.times[1] - pods.times[0], POLL_SECONDS - 1, "not only when it is due")
        pods.refusal = None
        self.wait_ids(registration.watch, ids(0, 7))

    def test_answer_of_more_than_four_mib(self):
        pods = self.start_pods(a={GPU: sorted(ids(9))})
        pods.padding = LARGE_PADDING
        _, registration = self.start_node(config=shared(2))
        self.wait_ids(registration.watch, ids(0, 9))

    def test_many_allocations_are_few_questions(self):
        pods = self.start_pods()
        _, registration = self.start_node(config=shared(5))
        registration.watch.wait_count(5)
        before = pods.calls
        for _ in range(200):
            registration.plugin.allocate(sorted(ids(1)))
        wait_until(lambda: pods.calls > before, "a question after the allocations")
        self.assertLess(pods.calls - before, 20)

    def test_switched_off(self):
        pods = self.start_pods(a={GPU: sorted(ids(9))})
        _, registration = self.start_node("--pod-resources-socket=", config=shared(2))
        self.wait_ids(registration.watch, replica_ids(1, 2))
        self.assertEqual(pods.calls, 0)


class LostFromTheStart(HeldCase):
    def test_what_pods_hold_of_it_is_unhealthy_until_it_is_back(self):
        lost = [fault("nvmlDeviceGetHandleByIndex_v2", "fail", gpu=1,
                      error="NVML_ERROR_GPU_IS_LOST")]
        held = f"{uuid(1)}::3"
        self.set_scenario(t4s(2, faults=lost))
        self.start_pods(a={GPU: [held]})
        _, registration = self.start_node(config=shared(2))
        self.wait_ids(registration.watch, ids(0, 1) | {held})
        self.assertEqual({name for name, health in registration.watch.health().items()
                          if health == "Unhealthy"}, {held})
        self.agent.wait_log("GPU 1 cannot be described by the driver")
        self.set_scenario(t4s(2))
        registration.watch.wait_health("Healthy")
        self.wait_ids(registration.watch, ids(0, 1) | {f"{uuid(1)}::0", held})


if __name__ == "__main__":
    unittest.main()
