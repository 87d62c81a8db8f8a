# SPDX-License-Identifier: Apache-2.0
"""The calls that kubelet makes for a pod: what a container gets, and how it is refused."""

import collections
import concurrent.futures
import signal
import threading
import unittest

import grpc

from agent_case import AgentCase, replica_ids, shared, t4s, uuid
from deviceplugin import message
from kubelet_peer import SERVICE, wait_until

INVALID = "invalid allocation request for \"{}\": invalid request: "
PREFERRED = "error getting list of preferred allocation devices: "
METHOD = f"/{SERVICE}/"


def replica(number, ordinal):
    return f"{uuid(number)}::{ordinal}"


def gpus_of(ids):
    """How many replicas of each GPU."""
    return collections.Counter(text.split("::")[0] for text in ids)


def encode_ids(ids):
    """An AllocateRequest of one container, by hand: what no decent library would send."""
    container = b"".join(b"\x0a" + bytes([len(text)]) + text for text in ids)
    return b"\x0a" + bytes([len(container)]) + container


class NodeCase(AgentCase):
    """Four GPUs, as many replicas as the test wants."""

    def start_four(self, *flags, config=None, environment=None):
        self.set_scenario(t4s(4))
        self.kubelet, registration = self.start_node(*flags, config=config,
                                                     environment=environment)
        self.plugin = registration.plugin
        return self.plugin

    def visible(self, *ids):
        """What one container sees."""
        responses = self.plugin.allocate(ids)
        self.assertEqual(len(responses), 1)
        response = responses[0]
        self.assertEqual(set(response.envs), {"NVIDIA_VISIBLE_DEVICES"})
        for unused in (response.mounts, response.devices, response.annotations,
                       response.cdi_devices):
            self.assertEqual(len(unused), 0, response)
        return response.envs["NVIDIA_VISIBLE_DEVICES"]

    def assert_refused(self, code, text, function, *arguments, **keys):
        """text: None, or the whole of what kubelet is told."""
        with self.assertRaises(grpc.RpcError) as caught:
            function(*arguments, **keys)
        self.assertEqual(caught.exception.code(), code, caught.exception.details())
        if text is not None:
            self.assertEqual(caught.exception.details(), text)
        return caught.exception.details()

    def assert_serves(self):
        """The connection of kubelet and its stream are as before."""
        self.plugin.options()
        watch = self.kubelet.registrations[0].watch
        self.assertFalse(watch.is_over, f"{watch.code}: {watch.details}")
        self.assertEqual(self.kubelet.calls, 1)


class Allocate(NodeCase):
    def test_whole_gpus(self):
        self.start_four()
        self.assertEqual(self.visible(uuid(2)), uuid(2))
        self.assertEqual(self.visible(uuid(3), uuid(0)), f"{uuid(3)},{uuid(0)}")

    def test_replica_is_its_gpu(self):
        self.start_four(config=shared(5))
        self.assertEqual(self.visible(replica(1, 4)), uuid(1))

    def test_two_replicas_of_one_gpu_are_one_gpu(self):
        self.start_four(config=shared(5))
        self.assertEqual(self.visible(replica(1, 0), replica(0, 3), replica(1, 2)),
                         f"{uuid(1)},{uuid(0)}")

    def test_all_replicas(self):
        self.start_four(config=shared(5))
        seen = self.visible(*sorted(replica_ids(4, 5))).split(",")
        self.assertEqual(seen, [uuid(number) for number in range(4)])

    def test_index_strategy(self):
        self.start_four("--device-id-strategy=index", config=shared(5))
        self.assertEqual(self.visible(replica(3, 0), replica(1, 0), replica(3, 1)), "3,1")

    def test_several_containers(self):
        """Kubelet asks for one at a time; the protocol allows more."""
        self.start_four(config=shared(5))
        responses = self.plugin.allocate([replica(0, 0)], [replica(1, 0), replica(2, 0)], [])
        self.assertEqual([response.envs["NVIDIA_VISIBLE_DEVICES"] for response in responses],
                         [uuid(0), f"{uuid(1)},{uuid(2)}", ""])

    def test_no_container(self):
        self.start_four()
        self.assertEqual(len(self.plugin.allocate()), 0)

    def test_same_replica_twice(self):
        """We keep no account of who holds what; kubelet does."""
        self.start_four(config=shared(5))
        self.assertEqual(self.visible(replica(1, 0)), uuid(1))
        self.assertEqual(self.visible(replica(1, 0)), uuid(1))

    def test_ten_thousand_replicas_in_one_request(self):
        self.start_four(config=shared(10000))
        ids = [replica(number % 4, number // 4) for number in range(10000)]
        self.assertEqual(self.visible(*ids), ",".join(uuid(number) for number in range(4)))

    def test_counts_are_in_the_status(self):
        self.start_four(config=shared(5))
        for ordinal in range(3):
            self.visible(replica(0, ordinal))
        self.assert_refused(grpc.StatusCode.UNKNOWN, None, self.plugin.allocate, ["nobody"])
        resource = self.status()["resources"][0]
        self.assertEqual((resource["allocations"], resource["refusals"]), (3, 1))

    def test_many_at_a_time(self):
        self.start_four(config=shared(50))
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            ids = [replica(number % 4, number // 4) for number in range(200)] * 2
            answers = pool.map(lambda text: self.plugin.allocate([text]), ids)
            for text, answer in zip(ids, answers):
                self.assertEqual(answer[0].envs["NVIDIA_VISIBLE_DEVICES"], text.split("::")[0])
        self.assert_serves()


class Refusals(NodeCase):
    def refuse(self, text, *ids, resource="nvidia.com/gpu"):
        self.assert_refused(grpc.StatusCode.UNKNOWN, INVALID.format(resource) + text,
                            self.plugin.allocate, ids)

    def test_unknown_device(self):
        self.start_four()
        self.refuse("unknown device: GPU-none", "GPU-none")
        self.refuse("unknown device: GPU-none", uuid(0), "GPU-none")
        self.agent.wait_log("unknown device: GPU-none")

    def test_device_that_is_nearly_known(self):
        """An id is known as a whole or not at all: what a lenient number parser reads is another."""
        self.start_four(config=shared(5))
        for text in (uuid(0), replica(0, 5), replica(0, "00"), replica(0, "04"), replica(0, "+1"),
                     replica(0, "-1"), replica(0, " 1"), replica(0, "1 "), replica(0, ""),
                     replica(0, "0x1"), replica(0, "1::2"), replica(0, 99999),
                     replica(0, 4294967296), "::", "::0", "", "0", uuid(4) + "::0",
                     uuid(0)[:-1] + "::0", uuid(0) + "0::0", uuid(0).lower() + "::0"):
            with self.subTest(id=text):
                self.refuse("unknown device: " + text, text)

    def test_replica_of_what_is_not_shared(self):
        self.start_four()
        self.refuse("unknown device: " + replica(0, 0), replica(0, 0))

    def test_text_of_a_refusal_is_any_text(self):
        """It travels percent-encoded."""
        self.start_four()
        for text in ("100%", "ein Gerät", "日本", "line\nbreak", "%41", "tab\t"):
            with self.subTest(id=text):
                self.refuse("unknown device: " + text, text)

    def test_long_unknown_id(self):
        self.start_four()
        details = self.assert_refused(grpc.StatusCode.UNKNOWN, None, self.plugin.allocate,
                                      ["x" * 100000])
        self.assertIn("unknown device: xxx", details)
        self.assert_serves()

    def test_request_for_two_where_one_is_allowed(self):
        self.start_four(config=shared(5, failRequestsGreaterThanOne=True))
        self.refuse("maximum request size for shared resources is 1; found 2",
                    replica(0, 0), replica(1, 0))
        self.refuse("maximum request size for shared resources is 1; found 3",
                    replica(0, 0), replica(0, 1), replica(0, 2))
        self.assertEqual(self.visible(replica(0, 0)), uuid(0))

    def test_refusal_names_the_renamed_resource(self):
        self.start_four(config=shared(5, failRequestsGreaterThanOne=True, renameByDefault=True))
        self.refuse("maximum request size for shared resources is 1; found 2",
                    replica(0, 0), replica(1, 0), resource="nvidia.com/gpu.shared")

    def test_limit_of_one_does_not_bind_whole_gpus(self):
        self.start_four(config=shared(5, name="nvidia.com/other",
                                      failRequestsGreaterThanOne=True))
        self.assertEqual(self.visible(uuid(0), uuid(1)), f"{uuid(0)},{uuid(1)}")

    def test_one_bad_container_refuses_all(self):
        self.start_four()
        self.assert_refused(grpc.StatusCode.UNKNOWN,
                            INVALID.format("nvidia.com/gpu") + "unknown device: x",
                            self.plugin.allocate, [uuid(0)], ["x"])

    def test_unhealthy_device_is_not_refused(self):
        """As NVIDIA's: kubelet does not offer it, and a pod that holds it may start again."""
        self.set_scenario(t4s(1))
        _, registration = self.start_node("--driver-deadline=500ms", config=shared(2))
        registration.watch.wait_health("Healthy")
        self.set_scenario(t4s(1, faults=[{"call": "nvmlDeviceGetCount_v2", "do": "hang"}]))
        registration.watch.wait_health("Unhealthy")
        self.assertEqual(len(registration.plugin.allocate([replica(0, 0)])), 1)


class OddRequests(NodeCase):
    def test_nul_and_bad_utf8_in_an_id(self):
        """A C string would end there and name another device."""
        self.start_four(config=shared(5))
        good = replica(0, 0).encode()
        self.plugin.raw("Allocate", encode_ids([good]))
        for text in (good + b"\0", b"\0", good[:8] + b"\0" + good[8:], good + b"\xff", b"\xc3",
                     b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80"):
            with self.subTest(id=text):
                self.assert_refused(grpc.StatusCode.INVALID_ARGUMENT, None, self.plugin.raw,
                                    "Allocate", encode_ids([text]))
        self.assert_serves()

    def test_nul_in_an_id_of_the_preferred_allocation(self):
        self.start_four(config=shared(5))
        self.assert_refused(grpc.StatusCode.INVALID_ARGUMENT, None, self.plugin.raw,
                            "GetPreferredAllocation", encode_ids([b"a\0b"]))

    def test_malformed_messages(self):
        self.start_four()
        for method in ("Allocate", "GetPreferredAllocation"):
            for garbage in (b"\xff", b"\x0a\x05abc", b"\x0a", b"\x08", b"\x00",
                            b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"):
                with self.subTest(method=method, message=garbage):
                    self.assert_refused(grpc.StatusCode.INVALID_ARGUMENT, None, self.plugin.raw,
                                        method, garbage)
        self.assert_serves()

    def test_unknown_fields_are_skipped(self):
        """A newer kubelet may say more."""
        self.start_four()
        request = encode_ids([uuid(0).encode()]) + b"\x98\x06\x01\xa2\x06\x03abc"
        answer = message("AllocateResponse").FromString(self.plugin.raw("Allocate", request))
        self.assertEqual(answer.container_responses[0].envs["NVIDIA_VISIBLE_DEVICES"], uuid(0))

    def test_unknown_methods(self):
        self.start_four()
        for service, method in ((SERVICE, "Dream"), (SERVICE, "allocate"), (SERVICE, ""),
                                ("v1.DevicePlugin", "Allocate"),
                                ("v1beta1.Registration", "Register"),
                                (SERVICE + "/Allocate", "More")):
            with self.subTest(service=service, method=method):
                self.assert_refused(grpc.StatusCode.UNIMPLEMENTED, None, self.plugin.raw, method,
                                    b"", service=service)
        self.assert_serves()

    def test_message_too_large(self):
        self.start_four()
        self.assert_refused(grpc.StatusCode.RESOURCE_EXHAUSTED, None, self.plugin.raw, "Allocate",
                            b"\x0a" * (5 << 20))
        self.assert_serves()

    def test_too_many_containers(self):
        """The answer is many times as large as the question."""
        self.start_four()
        self.assert_refused(grpc.StatusCode.RESOURCE_EXHAUSTED, None, self.plugin.raw, "Allocate",
                            b"\x0a\x00" * 100000)
        self.assert_serves()

    def test_compressed_message(self):
        self.start_four()
        caller = self.plugin.channel.unary_unary(METHOD + "GetDevicePluginOptions")
        with self.assertRaises(grpc.RpcError) as caught:
            caller(b"\x0a" * 10000, compression=grpc.Compression.Gzip, timeout=60)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)
        self.assert_serves()

    def test_no_message_or_two(self):
        self.start_four()
        caller = self.plugin.channel.stream_unary(METHOD + "Allocate")
        for messages in ([], [b"", b""]):
            with self.subTest(messages=messages), self.assertRaises(grpc.RpcError) as caught:
                caller(iter(messages), timeout=60)
            self.assertIn(caught.exception.code(),
                          (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.INTERNAL))
        self.assert_serves()

    def test_half_close_long_after_the_message(self):
        self.start_four()
        is_sent = threading.Event()
        may_end = threading.Event()

        def messages():
            yield encode_ids([uuid(0).encode()])
            is_sent.set()
            may_end.wait(60)
        caller = self.plugin.channel.stream_unary(METHOD + "Allocate")
        pending = caller.future(messages(), timeout=60)
        is_sent.wait(60)
        self.assert_serves()
        self.assertFalse(pending.done(), "answered before the request was whole")
        may_end.set()
        answer = message("AllocateResponse").FromString(pending.result(60))
        self.assertEqual(len(answer.container_responses), 1)

    def test_deadline_while_the_request_is_not_whole(self):
        self.start_four()
        may_end = threading.Event()
        self.addCleanup(may_end.set)

        def messages():
            yield b""
            may_end.wait(60)
        caller = self.plugin.channel.stream_unary(METHOD + "Allocate")
        with self.assertRaises(grpc.RpcError) as caught:
            caller(messages(), timeout=0.5)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        self.assert_serves()

    def test_deadline_while_the_agent_stands_still(self):
        self.start_four()
        self.agent.tell(signal.SIGSTOP)
        try:
            self.assert_refused(grpc.StatusCode.DEADLINE_EXCEEDED, None, self.plugin.allocate,
                                [uuid(0)], timeout=0.5)
        finally:
            self.agent.tell(signal.SIGCONT)
        self.assertEqual(self.visible(uuid(0)), uuid(0))
        self.assert_serves()


class Preferred(NodeCase):
    def test_distributed_takes_one_of_each_gpu(self):
        self.start_four(config=shared(5))
        chosen = self.plugin.prefer(sorted(replica_ids(4, 5)), 4)
        self.assertEqual(gpus_of(chosen), {uuid(number): 1 for number in range(4)})

    def test_distributed_goes_to_the_gpu_with_the_fewest_taken(self):
        self.start_four(config=shared(5))
        taken = {replica(0, 0), replica(0, 1), replica(1, 0), replica(2, 0)}
        available = sorted(replica_ids(4, 5) - taken)
        self.assertEqual(gpus_of(self.plugin.prefer(available, 1)), {uuid(3): 1})
        # Then 1, 2 and 3 have one taken each, and 1 and 2 were not picked from yet.
        self.assertEqual(gpus_of(self.plugin.prefer(available, 3)),
                         {uuid(number): 1 for number in (1, 2, 3)})
        # Then 0 has as many taken as 1 and 2, and is the one not picked from, after 3 again.
        self.assertEqual(gpus_of(self.plugin.prefer(available, 5)),
                         {uuid(3): 2, uuid(0): 1, uuid(1): 1, uuid(2): 1})

    def test_packed_fills_the_gpu_with_the_most_taken(self):
        self.start_four("--shared-devices-allocation-policy=packed", config=shared(5))
        everything = replica_ids(4, 5)
        self.assertEqual(len(gpus_of(self.plugin.prefer(sorted(everything), 5))), 1)
        available = sorted(everything - {replica(2, 0), replica(2, 1), replica(1, 0)})
        self.assertEqual(gpus_of(self.plugin.prefer(available, 3)), {uuid(2): 3})
        self.assertEqual(gpus_of(self.plugin.prefer(available, 4)), {uuid(2): 3, uuid(1): 1})

    def test_policy_from_the_file(self):
        flags = {"plugin": {"sharedDevicesAllocationPolicy": "packed"}}
        self.start_four(config=shared(5, flags=flags))
        self.assertEqual(len(gpus_of(self.plugin.prefer(sorted(replica_ids(4, 5)), 4))), 1)

    def test_must_include_comes_first(self):
        self.start_four(config=shared(5))
        must = [replica(3, 4), replica(3, 2)]
        chosen = self.plugin.prefer(sorted(replica_ids(4, 5)), 4, must)
        self.assertEqual(chosen[:2], must)
        self.assertEqual(gpus_of(chosen[2:]), {gpu: 1 for gpu in gpus_of(chosen[2:])})
        self.assertNotIn(uuid(3), gpus_of(chosen[2:]))

    def test_must_include_alone(self):
        self.start_four(config=shared(5))
        must = [replica(0, 0), replica(0, 1)]
        self.assertEqual(self.plugin.prefer(must, 2, must), must)

    def test_too_few(self):
        self.start_four(config=shared(5))
        text = PREFERRED + "not enough available devices to satisfy allocation"
        available = [replica(0, 0), replica(0, 1)]
        self.assert_refused(grpc.StatusCode.UNKNOWN, text, self.plugin.prefer, available, 3)
        self.assert_refused(grpc.StatusCode.UNKNOWN, text, self.plugin.prefer, [], 1)
        self.assert_refused(grpc.StatusCode.UNKNOWN, text, self.plugin.prefer, available, 3,
                            [replica(0, 0)])

    def test_ids_that_are_no_longer_ours_are_not_chosen(self):
        """Kubelet may ask with the list that it had before a change."""
        self.start_four(config=shared(5))
        chosen = self.plugin.prefer([replica(0, 7), "x", replica(1, 0), replica(2, 0)], 2)
        self.assertEqual(sorted(chosen), [replica(1, 0), replica(2, 0)])

    def test_whole_gpus_are_chosen_from_what_is_available(self):
        self.start_four()
        chosen = self.plugin.prefer([uuid(1), uuid(3)], 2)
        self.assertEqual(sorted(chosen), [uuid(1), uuid(3)])
        self.assertIn(self.plugin.prefer([uuid(1), uuid(3)], 1), ([uuid(1)], [uuid(3)]))

    def test_sizes_of_zero_and_less(self):
        self.start_four(config=shared(5))
        for size in (0, -1):
            self.assertEqual(self.plugin.prefer([replica(0, 0)], size), [])

    def test_several_containers(self):
        self.start_four(config=shared(5))
        available = sorted(replica_ids(4, 5))
        answer = self.plugin.call("GetPreferredAllocation", container_requests=[
            message("ContainerPreferredAllocationRequest", available_deviceIDs=available,
                    allocation_size=size) for size in (1, 3)])
        self.assertEqual([len(response.deviceIDs) for response in answer.container_responses],
                         [1, 3])

    def test_ten_thousand_replicas(self):
        self.start_four(config=shared(10000))
        chosen = self.plugin.prefer(sorted(replica_ids(4, 10000)), 4000)
        self.assertEqual(gpus_of(chosen), {uuid(number): 1000 for number in range(4)})
        self.assertEqual(len(set(chosen)), 4000)


class OtherCalls(NodeCase):
    def test_options(self):
        options = self.start_four().options()
        self.assertTrue(options.get_preferred_allocation_available)
        self.assertFalse(options.pre_start_required)

    def test_pre_start_is_an_empty_answer(self):
        """We do not ask for it; a kubelet that calls all the same must not fail a container."""
        self.start_four()
        self.plugin.call("PreStartContainer", devices_ids=[uuid(0)])
        self.plugin.call("PreStartContainer")


class ThousandCalls(NodeCase):
    def test_memory_and_descriptors_do_not_grow(self):
        self.start_four(config=shared(50))
        ids = sorted(replica_ids(4, 50))
        for count in range(1500):
            self.plugin.allocate([ids[count % len(ids)]])
            if count % 10 == 0:
                self.plugin.prefer(ids, 4)
            if count == 500:
                memory, descriptors = self.agent.resident_kib(), self.agent.descriptors()
        wait_until(lambda: self.agent.descriptors() <= descriptors, "no more descriptors than before")
        self.assert_memory_kept(memory, 256)


if __name__ == "__main__":
    unittest.main()
