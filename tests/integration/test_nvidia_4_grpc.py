# SPDX-License-Identifier: Apache-2.0
"""The calls of kubelet, row by row of the reference's section 4: what NVIDIA's device plugin v0.20 sends, byte by byte
where that counts, and which devices it prefers.

Not applicable is 4.7, which tells NVML from Tegra and WSL: Rota knows NVML alone, and 1.3 has what comes of asking for
another.
"""

import collections
import itertools
import json
import os
import re
import stat
import unittest

import grpc

import fakeroot
from agent_case import ROOT, a100, fault, gpu, part, part_uuid, scenario, shared, strategy, t4s, uuid
from nvidia_node import HEALTHY, ILL, NodeRows

SCENARIOS = ROOT / "sim" / "scenarios"
KIND = "k8s.device-plugin.nvidia.com/"
FOLDER = "/var/run/nvidia-container-devices"
CHANNEL = "/dev/nvidia-caps-imex-channels/channel0"
CONTROL = [f"/dev/{name}" for name in fakeroot.CONTROL]
DRIVER_VERSION = "550.54.15"  # of the simulated driver
UUID4 = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
LOST = "a GPU that is lost does not break the choice for every pod, as it does with NVIDIA's plugin (its issue 2038)"
NO_LINKS = "links only make the choice better; NVIDIA's plugin refuses each pod when one cannot be asked for"


def field(number, content):
    """A field of the wire format: a text or bytes of fewer than 128, or a small number."""
    if isinstance(content, int):
        return bytes([number << 3, content])
    raw = content.encode() if isinstance(content, str) else content
    assert len(raw) < 0x80
    return bytes([number << 3 | 2, len(raw)]) + raw


def long_field(number, raw):
    return bytes([number << 3 | 2, len(raw) & 0x7F | 0x80, len(raw) >> 7]) + raw


def wire_map(number, key, value):
    return field(number, field(1, key) + field(2, value))


A, B = uuid(0), uuid(1)
LOST_B = [{"do": "loseGpu", "gpu": 1}]
OPTIONS = field(2, 1)

# 4.1, 4.2: method, request, response. Two GPUs, by volume-mounts and passDeviceSpecs with no control node.
CALLS = (
    ("4.2 options: only the preferred allocation", "GetDevicePluginOptions", b"", OPTIONS),
    ("4.2 PreStartContainer is empty", "PreStartContainer", field(1, A), b""),
    ("4.1 GetPreferredAllocation", "GetPreferredAllocation",
     long_field(1, field(1, A) + field(1, B) + field(2, B) + field(3, 1)), field(1, field(1, B))),
    ("4.1 nothing is chosen", "GetPreferredAllocation", field(1, field(3, 1)), field(1, b"")),
    ("4.1 Allocate", "Allocate", field(1, field(1, B)),
     long_field(1, wire_map(1, "NVIDIA_VISIBLE_DEVICES", FOLDER)
                + field(2, field(1, f"{FOLDER}/{B}") + field(2, "/dev/null"))
                + field(3, field(1, "/dev/nvidia1") + field(2, "/dev/nvidia1") + field(3, "rw")))),
    ("4.1 Allocate for nobody", "Allocate", b"", b""),
)


class Wire(NodeRows):
    NODE = scenario(gpu(0, numaNode=1), gpu(1, numaNode=-1))

    def test_bytes_of_calls(self):
        self.directory.joinpath("root").mkdir()
        registration = self.serve_one(self.NODE, "--device-list-strategy=volume-mounts", "--pass-device-specs",
                                      f"--root={self.directory}/root")
        for section, method, request, response in CALLS:
            with self.subTest(row=section):
                self.assertEqual(registration.plugin.raw(method, request), response)

    def test_bytes_of_registration(self):
        """4.1 Register; 4.2 version, socket and options"""
        registration = self.serve_one(self.NODE)
        self.assertEqual(registration.request.SerializeToString(),
                         field(1, "v1beta1") + field(2, "nvidia-gpu.sock") + field(3, "nvidia.com/gpu")
                         + field(4, OPTIONS))
        with self.subTest(row="4.2 where the socket is",
                          differs="beside kubelet's, where kubelet looks; NVIDIA's plugin has a fixed directory"):
            self.assertTrue(self.own_socket.is_socket())

    @unittest.skipIf(os.path.exists("/var/lib/kubelet"), "this machine has a kubelet of its own")
    def test_an_empty_kubelet_socket(self):
        """4.2 Register is left out; all else goes on"""
        self.set_scenario(self.NODE)
        agent = self.start_agent("--kubelet-socket=")
        agent.wait_log("replicas advertised")
        resource, = self.status()["resources"]
        self.assertEqual((resource["name"], resource["replicas"], resource["registered"]), ("nvidia.com/gpu", 2, False))
        self.assertEqual((self.kubelet.registrations, agent.is_running()), ([], True))

    def test_bytes_of_the_list(self):
        """4.1 ListAndWatch; of node 0 the number is left out, of no node the topology"""
        for section, node, topology in (("4.1 node 1", 1, field(3, field(1, field(1, 1)))),
                                        ("4.1 node 0", 0, field(3, field(1, b""))),
                                        ("4.1 no node", -1, b"")):
            with self.row(section):
                registration = self.serve_one(scenario(gpu(0, numaNode=node)))
                call = registration.plugin.channel.unary_stream("/v1beta1.DevicePlugin/ListAndWatch")(b"")
                self.addCleanup(call.cancel)
                self.assertEqual(next(call), field(1, field(1, A) + field(2, HEALTHY) + topology))


class List(NodeRows):
    def test_lists(self):
        registration = self.serve_one(t4s(2), config=shared(2))
        second = registration.plugin.watch()
        healthy = {f"{uuid(n)}::{k}": HEALTHY for n in range(2) for k in range(2)}
        ill = {**healthy, f"{B}::0": ILL, f"{B}::1": ILL}
        with self.subTest(row="4.3 the full list at once"):
            for watch in (registration.watch, second):
                watch.wait(lambda one: one.lists and one.health() == healthy, healthy)
                self.assertEqual(len(watch.lists), 1)
        with self.subTest(row="4.3 the full list again when one is ill",
                          differs="each stream is told, with NVIDIA's plugin only one; all replicas leave together"):
            self.set_scenario(t4s(2, faults=LOST_B))
            for watch in (registration.watch, second):
                watch.wait(lambda one: one.health() == ill, ill)
                self.assertEqual(len(watch.lists), 2)
        with self.subTest(row="4.3 a stream that is opened now has those that are ill"):
            third = registration.plugin.watch()
            third.wait(lambda one: one.lists and one.health() == ill, ill)
            self.assertEqual(len(third.lists), 1)
        with self.subTest(row="4.3 the end of the plugin ends it without an error"):
            self.agent.stop()
            for watch in (registration.watch, second, third):
                watch.wait_end()
                self.assertEqual(watch.code, grpc.StatusCode.OK)


ALL = (0, 1, 2, 3, 4, 5, 6, 7)

# On offer, required, size -> the answer, by index. Required ones come first.
CUBE_MESH = (
    ("4.4 one: the first", ALL, (), 1, (0,)),
    ("4.4 one: the required", ALL, (5,), 1, (5,)),
    ("4.4 a pair with two NVLinks", ALL, (), 2, (0, 3)),
    ("4.4 the partner of 0", ALL, (0,), 2, (0, 3)),
    ("4.4 the partner of 6 is not behind its switch", ALL, (6,), 2, (6, 5)),
    ("4.4 required across the CPUs", ALL, (0, 7), 2, (0, 7)),
    ("4.4 NVLinks win over the same CPU", (0, 4, 5), (), 2, (0, 4)),
    ("4.4 two NVLinks win over one behind a switch", (0, 1, 5), (), 2, (1, 5)),
    ("4.4 the sum of all groups counts: 5 and 6, or 1 and 2, not 0 and 1", (0, 1, 2, 5, 6), (), 2, (1, 2)),
    ("4.4 one NVLink, and its rest has one too", (0, 2, 5, 7), (), 2, (0, 2)),
    ("4.4 the rest is worse, and required", (1, 2, 6, 7), (6,), 2, (6, 7)),
    ("4.4 three on one CPU", ALL, (), 3, (0, 1, 2)),
    ("4.4 three: the group is not in the first ones", (0, 1, 4, 5, 6), (), 3, (4, 5, 6)),
    ("4.4 three with a neighbour across", (1, 2, 4, 6), (), 3, (1, 2, 6)),
    ("4.4 four on one CPU", ALL, (), 4, (0, 1, 2, 3)),
    ("4.4 four on the CPU of the required", ALL, (6,), 4, (6, 4, 5, 7)),
    ("4.4 four on two CPUs if it must be", ALL, (0, 4), 4, (0, 4, 3, 7)),
    ("4.4 four of five", (0, 3, 4, 6, 7), (), 4, (0, 3, 4, 7)),
    ("4.4 six", ALL, (), 6, (0, 1, 2, 3, 4, 7)),
    ("4.4 all", ALL, (), 8, ALL),
)

SWITCHED = (
    ("4.4 a pair on one CPU", (0, 4, 5), (), 2, (4, 5)),
    ("4.4 NVLinks to a switch add nothing", (0, 4), (), 2, (0, 4)),
    ("4.4 the required one's CPU", ALL, (6,), 2, (6, 4)),
    ("4.4 three on one CPU", (0, 1, 4, 5, 6), (), 3, (4, 5, 6)),
    ("4.4 four on one CPU", ALL, (), 4, (0, 1, 2, 3)),
    ("4.4 four beside two that are required", ALL, (0, 4), 4, (0, 4, 1, 2)),
)

NOTHING = (
    ("4.4 size 0", (0, 1), (), 0),
    ("4.4 a size below 0", (0, 1), (), -1),
    ("4.4 more than are on offer", (0, 1), (), 3),
    ("4.4 none on offer", (), (), 1),
    ("4.4 more required than asked for", (0, 1, 2), (0, 1), 1),
    ("4.4 more required than on offer", (0,), (0, 1), 2),
    ("4.4 a required one is not on offer", (0, 1), (2,), 2),
)


class Aligned(NodeRows):
    def serve_file(self, name):
        self.registration = self.serve_one((SCENARIOS / name).read_text())
        self.uuids = [device["uuid"] for device in self.status()["devices"]]

    def prefer(self, offered, required, size):
        chosen = self.registration.plugin.prefer([self.uuids[n] for n in offered], size,
                                                 [self.uuids[n] for n in required])
        return tuple(self.uuids.index(text) for text in chosen)

    def check(self, rows):
        for section, offered, required, size, chosen in rows:
            with self.subTest(row=section, offered=offered, required=required, size=size):
                self.assertEqual(self.prefer(offered, required, size), chosen)
                # kubelet's order is that of a set
                self.assertEqual(set(self.prefer(offered[::-1], required, size)), set(chosen))

    def test_direct_nvlinks(self):
        self.serve_file("dgx1-v100.yaml")
        self.check(CUBE_MESH)
        for section, offered, required, size in NOTHING:
            with self.subTest(row=section):
                self.assertEqual(self.prefer(offered, required, size), ())

    def test_nvlinks_to_switches(self):
        self.serve_file("eight-h200-nvlink.yaml")
        self.check(SWITCHED)

    def test_an_unknown_id(self):
        registration = self.serve_one(t4s(3))
        with self.subTest(row="4.4 an unknown one is on offer", differs=LOST):
            self.assertEqual(registration.plugin.prefer(["GPU-x", uuid(2), A], 2), [A, uuid(2)])
        with self.subTest(row="4.4 an unknown one is required", differs=LOST):
            self.assertEqual(registration.plugin.prefer([A, B], 1, ["GPU-x"]), [A])

    def test_links_that_cannot_be_asked_for(self):
        fails = [fault(call, "fail", error="NVML_ERROR_UNKNOWN")
                 for call in ("nvmlDeviceGetTopologyCommonAncestor", "nvmlDeviceGetNvLinkState")]
        registration = self.serve_one(t4s(3, faults=fails))
        with self.subTest(row="4.4 link query failure", differs=NO_LINKS):
            self.assertEqual(registration.plugin.prefer([uuid(2), B], 1), [B])

    def test_whole_gpus_of_a_mixed_node(self):
        """4.4 all devices of the resource are full GPUs; those of another resource do not matter"""
        node = scenario(gpu(0), a100(1, part("1g.5gb", 1)), gpu(2), gpu(3))
        node["links"] = {"pcie": [{"gpus": [0, 3], "level": "single"}]}
        registrations = self.serve(node, ["gpu", "mig-1g.5gb"], config=strategy("mixed"))
        plugin = registrations["gpu"].plugin
        self.assertEqual(plugin.prefer([A, uuid(2), uuid(3)], 2), [A, uuid(3)])
        self.assertEqual(plugin.prefer([A, uuid(2)], 3), [], "not too few, as of those chosen one by one")
        self.assertEqual(registrations["mig-1g.5gb"].plugin.prefer([part_uuid(1)], 1), [part_uuid(1)])

    def test_a_replica_on_offer_is_chosen_one_by_one(self):
        """4.4 no available id contains ::"""
        registration = self.serve_one(t4s(2), config=shared(2))
        self.assertEqual(len(registration.plugin.prefer([f"{A}::0", f"{B}::1"], 2)), 2)


def replicas(text):
    """a1 is the second replica of the first GPU"""
    return [f"{uuid('abc'.index(word[0]))}::{word[1:]}" for word in text.split()]


EVERY = " ".join(f"{letter}{n}" for letter in "abc" for n in range(4))


def without(text):
    return " ".join(word for word in EVERY.split() if word not in text.split())


# Three GPUs of four replicas: on offer, required, size -> the answer.
DISTRIBUTED = (
    ("4.4 the fewest taken: all alike", EVERY, "", 3, "a0 b0 c0"),
    ("4.4 what is not on offer is taken", without("a0 b0 b1"), "", 1, "c0"),
    ("4.4 it evens out", without("a0 b0 b1"), "", 3, "c0 a1 c1"),
    ("4.4 a tie goes to the one picked least often", without("a0"), "", 3, "b0 c0 a1"),
    ("4.4 required are taken, and first, in their order", EVERY, "b2 a3", 3, "b2 a3 c0"),
    ("4.4 required alone", EVERY, "b2 a3", 2, "b2 a3"),
    ("4.4 required need not be on offer", without("a3"), "a3", 2, "a3 b0"),
    ("4.4 more required than asked for", EVERY, "b2 a3", 1, "b2 a3"),
    ("4.4 size 0", EVERY, "", 0, ""),
    ("4.4 one GPU has what is left", "a1 a2 a3", "", 2, "a1 a2"),
)

PACKED = (
    ("4.4 the most taken: all alike", EVERY, "", 3, "a0 a1 a2"),
    ("4.4 the GPU that is in use", without("b3"), "", 2, "b0 b1"),
    ("4.4 then the next", without("b3"), "", 4, "b0 b1 b2 a0"),
    ("4.4 the fullest first", without("c0 b0 b1 b2"), "", 3, "b3 c1 c2"),
    ("4.4 a required one draws", EVERY, "c1", 3, "c1 c0 c2"),
)

TOO_FEW = "error getting list of preferred allocation devices: not enough available devices to satisfy allocation"

REFUSED = (
    ("4.4 too few", "a0 a1", "", 3),
    ("4.4 none", "", "", 1),
    ("4.4 too few beside the required", "a0 b0", "a0", 3),
)

CONSOLIDATES = "NVIDIA's plugin takes each part for a GPU of its own, so that packed fills up no GPU with parts"


class Greedy(NodeRows):
    def check(self, policy, rows):
        registration = self.serve_one(t4s(3), f"--shared-devices-allocation-policy={policy}", config=shared(4))
        for section, offered, required, size, chosen in rows:
            with self.subTest(row=section, policy=policy):
                answer = registration.plugin.prefer(replicas(offered), size, replicas(required))
                self.assertEqual(answer, replicas(chosen))
        return registration

    def test_distributed(self):
        registration = self.check("distributed", DISTRIBUTED)
        for section, offered, required, size in REFUSED:
            with self.subTest(row=section), self.assertRaises(grpc.RpcError) as caught:
                registration.plugin.prefer(replicas(offered), size, replicas(required))
            self.assertEqual((caught.exception.code(), caught.exception.details()),
                             (grpc.StatusCode.UNKNOWN, TOO_FEW))

    def test_packed(self):
        self.check("packed", PACKED)

    def test_parts(self):
        """Parts 0 to 2 are of the first GPU, 3 to 5 of the second."""
        node = scenario(*(a100(n, *(part("1g.5gb", n * 3 + k) for k in range(3))) for n in range(2)))
        for section, policy, offered, required, size, gpus, differs in (
                ("4.4 packed on one GPU", "packed", range(6), (), 3, {0: 3}, CONSOLIDATES),
                ("4.4 packed on the GPU in use", "packed", (0, 1, 2, 4, 5), (), 2, {1: 2}, CONSOLIDATES),
                ("4.4 packed beside the required", "packed", range(6), (4,), 3, {1: 3}, CONSOLIDATES),
                ("4.4 distributed over the GPUs", "distributed", range(6), (), 4, {0: 2, 1: 2}, CONSOLIDATES),
                ("4.4 distributed: the GPU not in use", "distributed", (1, 2, 3, 4, 5), (), 1, {1: 1}, CONSOLIDATES)):
            with self.row(section, differs):
                registration = self.serve_one(node, f"--shared-devices-allocation-policy={policy}",
                                              config=strategy("single"))
                ids = [part_uuid(n) for n in range(6)]
                chosen = registration.plugin.prefer([ids[n] for n in offered], size, [ids[n] for n in required])
                self.assertEqual(collections.Counter(ids.index(text) // 3 for text in chosen), gpus)
                self.assertEqual(chosen[:len(required)], [ids[n] for n in required])


INVALID = 'invalid allocation request for "nvidia.com/{}": invalid request: '
LIMIT = "maximum request size for shared resources is 1; found {}"
LIMITED = {"failRequestsGreaterThanOne": True}

# Configuration, name, ids -> the refusal. Two GPUs.
REFUSALS = (
    ("4.5 unknown device", None, "gpu", ["GPU-x"], "unknown device: GPU-x"),
    ("4.5 unknown among known", None, "gpu", [A, "GPU-x"], "unknown device: GPU-x"),
    ("4.5 a replica of what is not shared", None, "gpu", [f"{A}::0"], f"unknown device: {A}::0"),
    ("4.5 whole, of what is shared", shared(2), "gpu", [A], f"unknown device: {A}"),
    ("4.5 no such replica", shared(2), "gpu", [f"{A}::2"], f"unknown device: {A}::2"),
    ("4.5 two where one is allowed", shared(2, **LIMITED), "gpu", [f"{A}::0", f"{B}::0"], LIMIT.format(2)),
    ("4.5 three, of one GPU too", shared(3, **LIMITED), "gpu", [f"{A}::{n}" for n in range(3)], LIMIT.format(3)),
    ("4.5 under the new name", shared(2, renameByDefault=True, **LIMITED), "gpu.shared", [f"{A}::0", f"{B}::0"],
     LIMIT.format(2)),
    ("4.5 what is unknown is said first", shared(2, **LIMITED), "gpu", [f"{A}::0", "GPU-x"], "unknown device: GPU-x"),
)

# That are answered.
ANSWERED = (
    ("4.5 one where one is allowed", shared(2, **LIMITED), [f"{A}::1"], A),
    ("4.5 several where it is not said", shared(2), [f"{A}::1", f"{B}::0"], f"{A},{B}"),
    ("4.5 the limit is for shared ones", shared(2, name="nvidia.com/mig-1g.5gb", **LIMITED), [A, B], f"{A},{B}"),
    ("4.5 the order of the request", None, [B, A], f"{B},{A}"),
    ("4.5 each once, at its first place", shared(3), [f"{B}::0", f"{A}::2", f"{B}::1", f"{A}::0"], f"{B},{A}"),
    ("4.5 nothing", None, [], ""),
)


class Allocate(NodeRows):
    def test_refusals(self):
        for section, config, name, ids, text in REFUSALS:
            with self.row(section, ids):
                registration = self.serve_one(t4s(2), config=config)
                with self.assertRaises(grpc.RpcError) as caught:
                    registration.plugin.allocate([], ids, [])  # the first failure aborts all
                self.assertEqual((caught.exception.code(), caught.exception.details()),
                                 (grpc.StatusCode.UNKNOWN, INVALID.format(name) + text))

    def test_names(self):
        index = {A: "0", B: "1"}
        for flags, name in (((), str), (("--device-id-strategy=index",), lambda text: re.sub(
                "GPU[-0-9]*", lambda match: index[match[0]], text))):
            for section, config, ids, seen in ANSWERED:
                differs = "the order of the request; NVIDIA's plugin has a random one" if flags else ""
                with self.row(section, flags, differs):
                    registration = self.serve_one(t4s(2), *flags, config=config)
                    response, = registration.plugin.allocate(ids)
                    self.assertEqual(dict(response.envs), {"NVIDIA_VISIBLE_DEVICES": name(seen)})

    def test_health_is_not_looked_at(self):
        """4.5"""
        registration = self.serve_one(t4s(2))
        registration.watch.wait_count(2)
        self.set_scenario(t4s(2, faults=LOST_B))
        registration.watch.wait(lambda watch: watch.health()[B] == ILL, "ill")
        self.assertEqual(registration.plugin.allocate([B])[0].envs["NVIDIA_VISIBLE_DEVICES"], B)


class Rooted(NodeRows):
    """Two GPUs, /dev/nvidia5 and /dev/nvidia6, on a node of the test's own: what the agent sees is below `root`, and
    there the driver's files are below /driver."""

    NODE = scenario(gpu(0, minor=5), gpu(1, minor=6))

    def setUp(self):
        super().setUp()
        self.root = self.directory / "root"
        self.driver = self.root / "driver"
        self.cdi = self.root / "var/run/cdi"
        fakeroot.make(self.root, minors=[5, 6])
        fakeroot.make(self.driver, minors=[5, 6])
        self.add("/usr/lib/x86_64-linux-gnu/libcuda.so." + DRIVER_VERSION)

    def add(self, path, root=None):
        place = (root or self.driver) / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()

    def add_channel(self):
        """Only root could make a device, so it is a link to one. CDI follows it below the driver's root."""
        self.add("/dev/null")
        place = self.driver / CHANNEL.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to("/dev/null")

    def start(self, *flags, node=NODE, names=("gpu",), config=None):
        return self.serve(node, names, f"--root={self.root}", "--driver-root-ctr-path=/driver", *flags,
                          config=config)["gpu"]


STRATEGIES = ("envvar", "volume-mounts", "cdi-annotations", "cdi-cri")
COMBINATIONS = [words for count in range(1, 5) for words in itertools.combinations(STRATEGIES, count)]


def expected(words, names):
    """4.5, the table of strategies: what a container gets. An annotation's key varies."""
    qualified = [f"{KIND}gpu={name}" for name in names]
    envs = {"NVIDIA_VISIBLE_DEVICES": ",".join(names)} if "envvar" in words else {}
    if "volume-mounts" in words:
        envs = {"NVIDIA_VISIBLE_DEVICES": FOLDER}
    return {"envs": envs,
            "mounts": [("/dev/null", f"{FOLDER}/{name}") for name in names] if "volume-mounts" in words else [],
            "annotations": [",".join(qualified)] if "cdi-annotations" in words else [],
            "cdi": qualified if "cdi-cri" in words else [],
            "devices": []}


def told(response):
    return {"envs": dict(response.envs),
            "mounts": [(mount.host_path, mount.container_path) for mount in response.mounts],
            "annotations": list(response.annotations.values()),
            "cdi": [device.name for device in response.cdi_devices],
            "devices": [device.container_path for device in response.devices]}


NODES = ["/dev/nvidia6", "/dev/nvidia5", "/dev/nvidia6"]

# Strategies, flags, control nodes that exist -> device nodes. [b, a, b] of shared GPUs is asked for.
SPECS = (
    ("4.5 none unless asked for", "envvar", (), CONTROL, []),
    ("4.5 control nodes, then those of the ids, twice too", "envvar", ("--pass-device-specs",), CONTROL,
     [*CONTROL, *NODES]),
    ("4.5 only control nodes that exist", "volume-mounts", ("--pass-device-specs",), CONTROL[::2],
     [*CONTROL[::2], *NODES]),
    ("4.5 no control node", "envvar", ("--pass-device-specs",), [], NODES),
    ("4.5 beside CDI", "envvar,cdi-cri", ("--pass-device-specs",), [], NODES),
    ("4.5 not with CDI alone", "cdi-annotations,cdi-cri", ("--pass-device-specs",), CONTROL, []),
    ("4.5 IMEX channels last", "envvar", ("--pass-device-specs", "--imex-channel-ids=0"), CONTROL[:1],
     [*CONTROL[:1], *NODES, CHANNEL]),
)

ROOTS = (
    ("4.5 the host path has the dev root", ("--dev-root=/host",), "/host"),
    ("4.5 which the driver root stands for", ("--driver-root=/host",), "/host"),
    ("4.5 unless it is told", ("--driver-root=/other", "--dev-root=/host"), "/host"),
    ("4.5 neither", (), ""),
)

# With an IMEX channel: strategies -> what of it a container gets.
IMEX = (
    ("envvar", {"NVIDIA_IMEX_CHANNELS": "0"}, [], []),
    ("volume-mounts", {}, [f"{FOLDER}/imex/0"], []),
    ("envvar,volume-mounts", {"NVIDIA_IMEX_CHANNELS": "0"}, [f"{FOLDER}/imex/0"], []),
    ("cdi-cri", {}, [], [KIND + "imex-channel=0"]),
)


class Edits(Rooted):
    def test_each_combination_of_strategies(self):
        for by in ("uuid", "index"):
            names = [B, A] if by == "uuid" else ["1", "0"]
            for words in COMBINATIONS:
                with self.row("4.5", by, words):
                    plugin = self.start(f"--device-list-strategy={','.join(words)}", f"--device-id-strategy={by}",
                                        config=shared(2)).plugin
                    response, = plugin.allocate([f"{B}::1", f"{A}::0", f"{B}::0"])
                    self.assertEqual(told(response), expected(words, names))
                    self.assertFalse(any(mount.read_only for mount in response.mounts))

    def test_bytes_of_cdi(self):
        """4.1 annotations = 4, cdi_devices = 5"""
        plugin = self.start("--device-list-strategy=cdi-cri,cdi-annotations").plugin
        response = plugin.raw("Allocate", field(1, field(1, A)))
        name = f"{KIND}gpu={A}"
        key = re.search(rb"cdi[.]k8s[.]io/nvidia-device-plugin_[-0-9a-f]{36}", response)[0]
        self.assertEqual(response, long_field(1, long_field(4, field(1, key) + field(2, name))
                                              + field(5, field(1, name))))

    def test_annotation_keys(self):
        for section, flags, prefix in (("4.5 the prefix", (), "cdi.k8s.io/"),
                                       ("4.5 another prefix", ("--cdi-annotation-prefix=a.b/",), "a.b/")):
            with self.row(section):
                plugin = self.start("--device-list-strategy=cdi-annotations", *flags).plugin
                keys = {key for _ in range(2) for key in plugin.allocate([A])[0].annotations}
                self.assertEqual(len(keys), 2, "each has a uuid of its own")
                for key in keys:
                    self.assertRegex(key, f"^{re.escape(prefix)}nvidia-device-plugin_{UUID4}$")

    def test_device_specs(self):
        self.add_channel()
        for section, words, flags, control, nodes in SPECS:
            with self.row(section):
                for path in CONTROL:
                    (self.root / path.lstrip("/")).unlink(missing_ok=True)
                for path in control:
                    self.add(path, self.root)
                plugin = self.start(f"--device-list-strategy={words}", *flags, config=shared(2)).plugin
                response, = plugin.allocate([f"{B}::1", f"{A}::0", f"{B}::0"])
                self.assertEqual(told(response)["devices"], nodes)
                for device in response.devices:
                    self.assertEqual((device.host_path, device.permissions), (device.container_path, "rw"))

    def test_roots_of_device_specs(self):
        for section, flags, root in ROOTS:
            with self.row(section):
                response, = self.start("--pass-device-specs", *flags).plugin.allocate([A])
                self.assertEqual([(device.host_path, device.container_path) for device in response.devices],
                                 [(root + path, path) for path in (*CONTROL, "/dev/nvidia5")])

    def test_imex_channels(self):
        self.add_channel()
        for words, envs, mounts, names in IMEX:
            with self.row("4.5 IMEX", words):
                response, = self.start(f"--device-list-strategy={words}", "--imex-channel-ids=0").plugin.allocate([A])
                plain = expected(words.split(","), [A])
                self.assertEqual(told(response), {
                    **plain, "envs": {**plain["envs"], **envs}, "cdi": plain["cdi"] + names,
                    "mounts": plain["mounts"] + [("/dev/null", path) for path in mounts]})

    def test_modes(self):
        for path in ("/dev/gdrdrv", "/dev/nvidia-fs0", "/dev/infiniband/uverbs0", "/etc/cufile.json"):
            self.add(path)
        self.add_channel()
        modes = ("gdrcopy", "gds", "mofed")
        for count in range(1, 4):
            for on in itertools.combinations(modes, count):
                for words in ("envvar", "cdi-cri"):
                    with self.row("4.5 modes", on, words):
                        plugin = self.start(f"--device-list-strategy={words}", "--imex-channel-ids=0",
                                            *(f"--{mode}-enabled" for mode in on)).plugin
                        response = told(plugin.allocate([A])[0])
                        envs = {key: value for key, value in response["envs"].items()
                                if key not in ("NVIDIA_VISIBLE_DEVICES", "NVIDIA_IMEX_CHANNELS")}
                        self.assertEqual(envs, {f"NVIDIA_{mode.upper()}": "enabled" for mode in on})
                        names = (f"gpu={A}", "imex-channel=0", *(f"{mode}=all" for mode in on))
                        self.assertEqual(response["cdi"],
                                         [] if words == "envvar" else [f"{KIND}{name}" for name in names])


PARTS = scenario(a100(0, part("1g.5gb", 1), part("1g.5gb", 2), minor=5), gpu(1, minor=6))

# Node, strategy of ids, resources -> names of the class gpu.
DESCRIBED = (
    ("4.6 by uuid", Rooted.NODE, "uuid", ["gpu"], [A, B]),
    ("4.6 by index", Rooted.NODE, "index", ["gpu"], ["0", "1"]),
    ("4.6 parts by uuid, and not their GPU", PARTS, "uuid", ["gpu", "mig-1g.5gb"], [part_uuid(1), part_uuid(2), B]),
    ("4.6 parts by index", PARTS, "index", ["gpu", "mig-1g.5gb"], ["0:0", "0:1", "1"]),
)


class Files(Rooted):
    def files(self):
        return {path.name.removeprefix("k8s.device-plugin.nvidia.com-"): path for path in self.cdi.iterdir()}

    def test_names_of_devices(self):
        for section, node, by, offered, names in DESCRIBED:
            with self.row(section):
                self.start("--device-list-strategy=cdi-cri", f"--device-id-strategy={by}", node=node,
                           names=offered, config=strategy("mixed"))
                text = self.files()["gpu.json"].read_text()
                document = json.loads(text)
                self.assertEqual(sorted(device["name"] for device in document["devices"]), sorted(names))
                self.assertEqual(document["kind"], KIND + "gpu")

    def test_names_of_files(self):
        for path in ("/dev/gdrdrv", "/dev/nvidia-fs0"):
            self.add(path)
        self.start("--device-list-strategy=cdi-annotations", "--gdrcopy-enabled", "--gds-enabled", "--mofed-enabled")
        with self.subTest(row="4.6 a class that has nothing is dropped"):
            self.assertEqual(set(self.files()), {"gpu.json", "gdrcopy.json", "gds.json"})
        for name, path in self.files().items():
            with self.subTest(row="4.6 mode 0644, minified", name=name):
                self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o644)
                self.assertNotIn("\n ", path.read_text())
        with self.subTest(row="4.6 the device of a mode is all"):
            document = json.loads(self.files()["gds.json"].read_text())
            self.assertEqual([device["name"] for device in document["devices"]], ["all"])

    def test_none_without_a_strategy_of_cdi(self):
        """4.6"""
        self.start("--gdrcopy-enabled")
        self.assertFalse(self.cdi.exists())

    def test_failure_is_fatal_even_without_fail_on_init_error(self):
        """4.6"""
        self.set_scenario(self.NODE)
        agent = self.start_agent(f"--root={self.root}", "--driver-root-ctr-path=/nowhere",
                                 "--device-list-strategy=cdi-cri", "--fail-on-init-error=false")
        self.assertEqual(agent.wait(), 1)
        self.assertIn(f"no library of driver {DRIVER_VERSION}", agent.log())


if __name__ == "__main__":
    unittest.main()
