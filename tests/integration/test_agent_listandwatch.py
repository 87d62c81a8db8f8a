# SPDX-License-Identifier: Apache-2.0
"""What the agent advertises: the list that kubelet reads, in every size."""

import signal
import unittest

import grpc

from agent_case import AgentCase, gpu, replica_ids, scenario, shared, t4s, uuid
from kubelet_peer import Plugin, wait_until

# Kubelet receives 4 MiB at most; a replica with the id of a GPU is about 64 bytes.
LARGE = 10000
LIST_KIB = LARGE * 64 // 1024
NEARLY_TOO_LARGE = 60000
TOO_LARGE = 61000  # of each of two GPUs
WATCHERS = 20


class Content(AgentCase):
    def list_of(self, registration, count):
        devices = registration.watch.wait_count(count)
        self.assertEqual(len({device.ID for device in devices}), count, "an id stands twice")
        self.assertEqual({device.health for device in devices}, {"Healthy"})
        return {device.ID: device for device in devices}

    def test_one_gpu_without_sharing_has_its_plain_uuid(self):
        _, registration = self.start_node()
        self.assertEqual(set(self.list_of(registration, 1)), {uuid(0)})

    def test_one_gpu_of_five_replicas(self):
        _, registration = self.start_node(config=shared(5))
        self.assertEqual(set(self.list_of(registration, 5)), replica_ids(1, 5))

    def test_four_gpus(self):
        self.set_scenario(t4s(4))
        _, registration = self.start_node()
        self.assertEqual(set(self.list_of(registration, 4)), {uuid(n) for n in range(4)})

    def test_four_gpus_of_five_replicas(self):
        self.set_scenario(t4s(4))
        _, registration = self.start_node(config=shared(5))
        self.assertEqual(set(self.list_of(registration, 20)), replica_ids(4, 5))

    def test_a_resource_that_the_node_lacks_is_not_shared(self):
        _, registration = self.start_node(config=shared(5, name="nvidia.com/mig-1g.5gb"))
        self.assertEqual(set(self.list_of(registration, 1)), {uuid(0)})

    def test_topology_is_the_numa_node(self):
        self.set_scenario(scenario(gpu(0, numaNode=0), gpu(1, numaNode=1),
                                   gpu(2, numaNode=-1)))
        _, registration = self.start_node(config=shared(2))
        devices = self.list_of(registration, 6)
        for number, nodes in ((0, [0]), (1, [1]), (2, [])):
            for n in range(2):
                device = devices[f"{uuid(number)}::{n}"]
                self.assertEqual([node.ID for node in device.topology.nodes], nodes, device)
        self.assertFalse(devices[f"{uuid(2)}::0"].HasField("topology"))

    def test_same_ids_after_the_agent_is_started_again(self):
        self.set_scenario(t4s(4))
        kubelet, first = self.start_node(config=shared(5))
        ids = set(self.list_of(first, 20))
        self.assertEqual(self.agent.stop(), 0)
        second = kubelet.registration_after(lambda: self.start_agent(config=shared(5)))
        self.assertEqual(set(self.list_of(second, 20)), ids)


class Streams(AgentCase):
    def test_nothing_is_sent_while_nothing_changes(self):
        """Kubelet writes its checkpoint for each message."""
        _, registration = self.start_node(config=shared(5))
        registration.watch.wait_count(5)
        for _ in range(100):
            registration.plugin.options()
        self.assertEqual(len(registration.watch.lists), 1)

    def test_two_watchers_see_the_same(self):
        _, registration = self.start_node(config=shared(5))
        other = registration.plugin.watch()
        other.wait_count(5)
        registration.watch.wait_count(5)
        self.set_config(shared(10))
        self.agent.tell(signal.SIGHUP)
        for watch in (registration.watch, other):
            watch.wait_count(10)
            self.assertEqual(set(watch.health()), replica_ids(1, 10))

    def test_watcher_on_a_connection_of_its_own(self):
        _, registration = self.start_node(config=shared(5))
        plugin = Plugin(self.own_socket).dial()
        self.addCleanup(plugin.close)
        plugin.watch().wait_count(5)
        plugin.close()
        registration.plugin.options()
        self.assertFalse(registration.watch.is_over)

    def test_cancel_ends_one_stream_and_no_other(self):
        kubelet, registration = self.start_node(config=shared(5))
        other = registration.plugin.watch()
        other.wait_count(5)
        other.cancel()
        self.assertEqual(other.code, grpc.StatusCode.CANCELLED)
        self.set_config(shared(6))
        self.agent.tell(signal.SIGHUP)
        registration.watch.wait_count(6)
        self.assertEqual(kubelet.calls, 1)

    def test_many_streams_opened_and_cancelled(self):
        """Only such that the agent has seen: gRPC's C core resets streams that it never opened."""
        kubelet, registration = self.start_node(config=shared(5))
        registration.watch.wait_count(5)
        for _ in range(20):
            watches = [registration.plugin.watch() for _ in range(10)]
            for watch in watches:
                watch.wait_count(5)
            for watch in watches:
                watch.cancel()
            # The end of a stream is seen in the order of arrival.
            registration.plugin.options()
        self.assertFalse(registration.watch.is_over)
        self.assertEqual(kubelet.calls, 1)

    def test_more_watchers_than_anyone_needs_are_refused(self):
        """Kubelet opens one; the bound keeps a faulty peer from filling the memory."""
        _, registration = self.start_node()
        watches = [registration.plugin.watch() for _ in range(WATCHERS)]
        wait_until(lambda: all(watch.lists or watch.is_over for watch in watches),
                   "an answer to every watcher")
        self.assertEqual({watch.code for watch in watches if watch.is_over},
                         {grpc.StatusCode.RESOURCE_EXHAUSTED})
        self.assertFalse(registration.watch.is_over)

    def test_deadline_ends_a_stream(self):
        kubelet, registration = self.start_node()
        watch = registration.plugin.watch(timeout=1)
        watch.wait_count(1)
        watch.wait_end()
        self.assertEqual(watch.code, grpc.StatusCode.DEADLINE_EXCEEDED)
        self.assertFalse(registration.watch.is_over)
        self.assertEqual(kubelet.calls, 1)


class Large(AgentCase):
    def test_ten_thousand_replicas(self):
        _, registration = self.start_node(config=shared(LARGE))
        devices = registration.watch.wait_count(LARGE)
        self.assertEqual({device.ID for device in devices}, replica_ids(1, LARGE))

    def test_ten_thousand_replicas_again_and_again(self):
        """Flow control: every list is ten windows long."""
        _, registration = self.start_node(config=shared(LARGE))
        registration.watch.wait_count(LARGE)
        for count in range(LARGE + 1, LARGE + 11):
            self.set_config(shared(count))
            self.agent.tell(signal.SIGHUP)
            registration.watch.wait_count(count)

    def test_sixty_thousand_replicas(self):
        """Just under the 4 MiB that kubelet receives."""
        _, registration = self.start_node(config=shared(NEARLY_TOO_LARGE))
        devices = registration.watch.wait_count(NEARLY_TOO_LARGE)
        self.assertEqual({device.ID for device in devices}, replica_ids(1, NEARLY_TOO_LARGE))
        self.assertEqual(len(registration.plugin.allocate([f"{uuid(0)}::{NEARLY_TOO_LARGE - 1}"])),
                         1)

    def test_too_large_a_list_is_refused_and_the_old_one_stays(self):
        """Kubelet would end the stream with RESOURCE_EXHAUSTED and lose the GPUs."""
        self.set_scenario(t4s(2))
        kubelet, registration = self.start_node(config=shared(5))
        registration.watch.wait_count(10)
        self.set_config(shared(TOO_LARGE))
        self.agent.tell(signal.SIGHUP)
        self.agent.wait_log("keeping the old")
        self.assertRegex(self.agent.log(), r"122000 replicas of 2 devices .* lower .*replicas")
        self.assertEqual(len(registration.watch.lists), 1)
        self.set_config(shared(6))
        self.agent.tell(signal.SIGHUP)
        registration.watch.wait_count(12)
        self.assertEqual(kubelet.calls, 1)

    def test_too_large_a_list_at_the_start(self):
        """There is nothing to keep, but a better file and SIGHUP must help."""
        self.set_scenario(t4s(2))
        kubelet = self.start_kubelet()
        agent = self.start_agent(config=shared(TOO_LARGE))
        agent.wait_log("lower sharing.timeSlicing")
        self.set_config(shared(5))
        agent.tell(signal.SIGHUP)
        kubelet.wait_registrations(1).watch.wait_count(10)

    def test_client_that_does_not_read(self):
        """Its window is full after a part of the list; others are served, memory stays."""
        _, registration = self.start_node(config=shared(LARGE))
        registration.watch.wait_count(LARGE)
        next(self.watch_lazily())  # the stream is open; from here on nobody reads
        for count in range(LARGE + 1, LARGE + 21):
            self.set_config(shared(count))
            self.agent.tell(signal.SIGHUP)
            registration.watch.wait_count(count)
            if count == LARGE + 5:
                memory = self.agent.resident_kib()
        self.assert_memory_kept(memory, 5 * LIST_KIB)


if __name__ == "__main__":
    unittest.main()
