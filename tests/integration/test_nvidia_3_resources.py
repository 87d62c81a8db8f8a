# SPDX-License-Identifier: Apache-2.0
"""Names, MIG strategies, devices and replicas, row by row of the reference's section 3: what NVIDIA's device plugin
v0.20 advertises of a node. Rows whose settings have a `rota:` block are of settings that NVIDIA's plugin drops."""

import json
import math
import unittest
from dataclasses import dataclass, field

import fakeroot
from agent_case import (
    A100, NVML, SIM, a100, gpu, has_library, part, part_uuid, replica_ids, scenario, shared, strategy, t4s, uuid)
from nvidia_node import NodeRows

UNLIKE = "decision 7: a node that single cannot name offers nothing until it is partitioned alike, without a restart"
ONE_ODD = "decision 7: what concerns one device or one entry is a complaint and takes no other device away"
LATER = "decision 4: it goes on by itself when the library is there; NVIDIA's plugin only when it begins anew"
STRICT = "with a rota: block what NVIDIA's plugin drops is honoured"
INVALID = "invalid MIG configuration: "

T4, RTX = "Tesla T4", "NVIDIA RTX PRO 6000 Blackwell Server Edition"
NONE, SINGLE, MIXED = (strategy(name) for name in ("none", "single", "mixed"))


@dataclass(frozen=True)
class Row:
    section: str
    gpus: tuple
    config: dict = None
    offered: dict = field(default_factory=dict)  # name without nvidia.com/ -> ids
    complaints: tuple = ()  # what each has in its text, in their order
    refused: str = ""  # what the log has, and the agent ends with 1
    differs: str = ""


def of_model(model, number, *parts):
    return {**a100(number, *parts), "model": model}


def rota(**keys):
    return {"version": "v1", "rota": {}, **keys}


def sharing(*entries, **keys):
    return {"timeSlicing": {"resources": list(entries), **keys}}


def entry(replicas, name="gpu", **keys):
    return {"name": name, "replicas": replicas, **keys}


def replicas(ident, count):
    return {f"{ident}::{n}" for n in range(count)}


WHOLE = {"gpu": {uuid(0), uuid(1)}}
TWO = (gpu(0), gpu(1))
PARTED = (a100(0, part("1g.5gb", 1), part("1g.5gb", 2)), a100(1, part("1g.5gb", 3)))
MIXED_NODE = (a100(0, part("1g.5gb", 1), part("2g.10gb", 2)), gpu(1))

NAMES = (
    Row("3.1 the prefix is not added twice", TWO[:1],
        rota(resources={"gpus": [{"pattern": "*", "name": "nvidia.com/a.b-c"}]}), {"a.b-c": {uuid(0)}}, differs=STRICT),
    Row("3.1 renameByDefault", TWO, shared(2, renameByDefault=True), {"gpu.shared": replica_ids(2, 2)}),
    Row("3.1 renameByDefault of parts", MIXED_NODE,
        {**MIXED, "sharing": sharing(entry(2, "mig-1g.5gb"), renameByDefault=True)},
        {"mig-1g.5gb.shared": replicas(part_uuid(1), 2), "mig-2g.10gb": {part_uuid(2)}, "gpu": {uuid(1)}}),
)

IN_MIG_MODE = "GPU 0 is in MIG mode, but migStrategy is none"
NO_PARTS = "GPU 0 is in MIG mode and has no MIG devices"

STRATEGIES = (
    Row("3.2 one rule for all GPUs", (gpu(0), gpu(1, model="NVIDIA H200"), gpu(2, model="of tomorrow")), None,
        {"gpu": {uuid(0), uuid(1), uuid(2)}}),
    Row("3.2 none: a GPU in MIG mode is whole", PARTED[:1], NONE, {"gpu": {uuid(0)}}, (IN_MIG_MODE,)),
    Row("3.2 none: so is one without parts", (a100(0, mig=[]),), NONE, {"gpu": {uuid(0)}}, (IN_MIG_MODE,)),
    Row("3.2 single: parts are named as GPUs", PARTED, SINGLE, {"gpu": {part_uuid(n) for n in (1, 2, 3)}}),
    Row("3.2 single: a node without MIG", TWO, SINGLE, WHOLE),
    Row("3.2 single: no parts", (PARTED[0], a100(1, mig=[])), SINGLE,
        refused=INVALID + "at least one device with migEnabled=true was not configured correctly: "
        "device 1 has no MIG devices configured"),
    Row("3.2 single: unlike parts of one GPU", MIXED_NODE[:1], SINGLE,
        refused="more than one MIG device type present on node"),
    Row("3.2 single: unlike parts of two GPUs", (PARTED[0], a100(1, part("2g.10gb", 3))), SINGLE,
        refused="more than one MIG device type present on node"),
    Row("3.2 single: parts with and without media", (a100(0, part("1g.5gb", 1), part("1g.5gb+me", 2)),), SINGLE,
        refused="more than one MIG device type present on node"),
    Row("3.2 single: one profile of two models", (of_model("NVIDIA A100-SXM4-80GB", 0, part("1g.10gb", 1)),
                                                 of_model("NVIDIA H100 80GB HBM3", 1, part("1g.10gb", 2))), SINGLE,
        {"gpu": {part_uuid(1), part_uuid(2)}},
        differs="decision 7: it is the profile that is alike; NVIDIA's plugin compares all attributes, and ends"),
    Row("3.2 single: GPUs with and without MIG", (PARTED[0], gpu(1)), SINGLE,
        refused="all devices on the node must be configured with the same migEnabled value"),
    Row("3.2 single: unlike, but failOnInitError is false", (PARTED[0], gpu(1)),
        strategy("single", failOnInitError=False),
        complaints=("all devices on the node must be configured with the same migEnabled value",), differs=UNLIKE),
    Row("3.2 mixed: a name for each profile", MIXED_NODE, MIXED,
        {"mig-1g.5gb": {part_uuid(1)}, "mig-2g.10gb": {part_uuid(2)}, "gpu": {uuid(1)}}),
    Row("3.2 mixed: one name on all GPUs", PARTED, MIXED, {"mig-1g.5gb": {part_uuid(n) for n in (1, 2, 3)}}),
    Row("3.2 mixed: each attribute is a name of its own",
        (of_model(RTX, 0, part("1g.24gb", 1), part("1g.24gb+me", 2), part("1g.24gb+gfx", 3), part("1g.24gb-me", 4)),
         of_model(RTX, 1, part("1g.24gb+me.all", 5))), MIXED,
        {"mig-1g.24gb": {part_uuid(1)}, "mig-1g.24gb.me": {part_uuid(2)}, "mig-1g.24gb.gfx": {part_uuid(3)},
         "mig-1g.24gb-me": {part_uuid(4)}, "mig-1g.24gb.me.all": {part_uuid(5)}}),
    Row("3.2 mixed: no parts is a warning", (a100(0, mig=[]), gpu(1)), MIXED, {"gpu": {uuid(1)}}, (NO_PARTS,)),
    Row("3.2 mixed: split compute instances",
        (a100(0, {"profile": "3g.20gb", "compute": [part("1c.3g.20gb", 1), part("2c.3g.20gb", 2)]}),), MIXED,
        {"mig-1c.3g.20gb": {part_uuid(1)}, "mig-2c.3g.20gb": {part_uuid(2)}},
        differs="decision 7: they have their own profile; NVIDIA's v0.20 ends on them, which is a regression"),
    Row("3.2 a DGX Display is skipped",
        (gpu(0, model="DGX Display"), gpu(1), gpu(2, model="NVIDIA DGX Display"), gpu(3)), None,
        {"gpu": {uuid(1), uuid(3)}}),
    Row("3.2 with single it is no GPU without MIG", (gpu(0, model="DGX Display"), a100(1, part("1g.5gb", 1))), SINGLE,
        {"gpu": {part_uuid(1)}}),
    Row("1.5 the first pattern that matches counts", (gpu(0), of_model(A100, 1)),
        rota(resources={"gpus": [{"pattern": "*A100*", "name": "big"}, {"pattern": "*", "name": "rest"}]}),
        {"rest": {uuid(0)}, "big": {uuid(1)}}, differs=STRICT),
    Row("1.5 patterns are anchored", (a100(0, {"profile": "3g.20gb", "compute": [part("1c.3g.20gb", 1)]}),
                                     a100(1, part("3g.20gb", 2))),
        rota(flags={"migStrategy": "mixed"}, resources={"mig": [{"pattern": "3g.20gb", "name": "half"}]}),
        {"half": {part_uuid(2)}}, ("MIG profile '1c.3g.20gb' does not match any resource patterns",), differs=ONE_ODD),
    Row("1.5 no pattern matches", (gpu(0), of_model(A100, 1)),
        rota(resources={"gpus": [{"pattern": "*A100*", "name": "big"}]}),
        {"big": {uuid(1)}}, (f"GPU name '{T4}' does not match any resource patterns",), differs=ONE_ODD),
)

REPLICAS = (
    Row("3.4 each device becomes n = 0, 1, 2", TWO, shared(3), {"gpu": replica_ids(2, 3)}),
    Row("3.4 parts too", MIXED_NODE, strategy("mixed", entry(2, "mig-1g.5gb"), entry(3)),
        {"mig-1g.5gb": replicas(part_uuid(1), 2), "mig-2g.10gb": {part_uuid(2)}, "gpu": replicas(uuid(1), 3)}),
    Row("3.4 parts that single names as GPUs", PARTED, strategy("single", entry(2)),
        {"gpu": {f"{part_uuid(n)}::{k}" for n in (1, 2, 3) for k in range(2)}}),
    Row("1.4 an entry for what the node does not have", TWO, shared(2, name="nvidia.com/mig-1g.5gb"), WHOLE),
    Row("1.4 the customised devices and rename are dropped", TWO,
        {"sharing": sharing(entry(2, devices=[0], rename="fast"))}, {"gpu": replica_ids(2, 2)}),
    Row("1.4 two entries of one name", TWO[:1], {"sharing": sharing(entry(2), entry(3))}, {"gpu": replica_ids(1, 3)},
        differs="decision 7: the larger counts; NVIDIA's plugin makes both sets, of which equal ids are one"),
    Row("3.4 selected by count", TWO, rota(sharing=sharing(entry(2, devices=1))),
        {"gpu": replica_ids(1, 2) | {uuid(1)}}, differs=STRICT),
    Row("3.4 selected by index", TWO, rota(sharing=sharing(entry(2, devices=[1]))),
        {"gpu": {uuid(0)} | replicas(uuid(1), 2)}, differs=STRICT),
    Row("3.4 selected by UUID, under a new name", TWO,
        rota(sharing=sharing(entry(2, devices=[uuid(1)], rename="slow"))),
        {"gpu": {uuid(0)}, "slow": replicas(uuid(1), 2)}, differs=STRICT),
    Row("3.4 a part by index", PARTED[:1],
        rota(flags={"migStrategy": "mixed"}, sharing=sharing(entry(2, "mig-1g.5gb", devices=["0:1"]))),
        {"mig-1g.5gb": {part_uuid(1)} | replicas(part_uuid(2), 2)}, differs=STRICT),
    Row("3.4 a part by its UUID", PARTED[:1],
        rota(flags={"migStrategy": "mixed"}, sharing=sharing(entry(2, "mig-1g.5gb", devices=[part_uuid(2)]))),
        {"mig-1g.5gb": {part_uuid(1)} | replicas(part_uuid(2), 2)}, differs=STRICT),
    Row("3.4 a part as old drivers named it", PARTED[1:],
        rota(flags={"migStrategy": "mixed"},
             sharing=sharing(entry(2, "mig-1g.5gb", devices=[f"MIG-{uuid(1)}/13/0"]))),
        {"mig-1g.5gb": replicas(part_uuid(3), 2)}, differs=STRICT),
    Row("3.4 renameByDefault leaves the unselected under the old name", TWO,
        rota(sharing=sharing(entry(2, devices=[0]), renameByDefault=True)),
        {"gpu.shared": replica_ids(1, 2), "gpu": {uuid(1)}}, differs=STRICT),
    Row("1.5 more are selected than there are", TWO, rota(sharing=sharing(entry(2, devices=3))),
        {"gpu": replica_ids(2, 2)}, ("requested 3 devices to be replicated, but only 2 devices available",),
        differs=ONE_ODD),
    Row("1.5 a UUID that is not there", TWO, rota(sharing=sharing(entry(2, devices=[uuid(0), uuid(7)]))),
        {"gpu": replica_ids(1, 2) | {uuid(1)}}, (f"no matching device with UUID: {uuid(7)}",), differs=ONE_ODD),
    Row("1.5 an index that is not there", TWO, rota(sharing=sharing(entry(2, devices=[0, 7]))),
        {"gpu": replica_ids(1, 2) | {uuid(1)}}, ("no matching device at index: 7",), differs=ONE_ODD),
)

# The profiles of the models that the simulated driver knows; their figures are of real ones.
PROFILES = {
    "NVIDIA A30": ("1g.6gb", "1g.6gb+me", "2g.12gb", "2g.12gb+me", "4g.24gb"),
    A100: ("1g.5gb", "1g.5gb+me", "1g.10gb", "2g.10gb", "3g.20gb", "4g.20gb", "7g.40gb"),
    "NVIDIA A100-SXM4-80GB": ("1g.10gb", "1g.20gb", "2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb"),
    "NVIDIA H100 80GB HBM3": ("1g.10gb", "1g.20gb", "2g.20gb", "3g.40gb", "7g.80gb"),
    "NVIDIA H200": ("1g.18gb", "1g.18gb+me", "1g.35gb", "2g.35gb", "3g.71gb", "7g.141gb"),
    RTX: ("1g.24gb", "2g.48gb+gfx", "2g.48gb+me.all", "2g.48gb-me", "4g.96gb"),
}


def gigabytes(part_bytes, gpu_bytes):
    """3.2: GB = round( ceil8(part / total) * ceil(total / 2^30) )"""
    return math.floor(math.ceil(part_bytes / gpu_bytes * 8) / 8 * math.ceil(gpu_bytes / 2 ** 30) + 0.5)


class Offered(NodeRows):
    def check(self, rows):
        for row in rows:
            with self.row(row):
                if row.refused:
                    self.check_refusal(row)
                else:
                    self.check_offer(row)

    def check_refusal(self, row):
        self.set_scenario(scenario(*row.gpus))
        calls = self.kubelet.calls
        self.assertEqual(self.start_agent(config=row.config).wait(), 1)
        self.assertIn(row.refused, self.agent.log())
        self.assertEqual(self.kubelet.calls, calls)

    def check_offer(self, row):
        registrations = self.serve(scenario(*row.gpus), row.offered, config=row.config)
        if not row.offered:
            self.agent.wait_log("no device is offered")
        self.assertEqual(set(registrations), set(row.offered))
        self.assertEqual(self.names(), set(row.offered))
        for name, ids in row.offered.items():
            self.assertEqual(registrations[name].request.endpoint, f"nvidia-{name}.sock")
            self.wait_ids(registrations[name], ids)
        complaints = self.status()["complaints"]
        self.assertEqual(len(complaints), len(row.complaints), complaints)
        for complaint, words in zip(complaints, row.complaints):
            self.assertIn(words, complaint)

    def test_names(self):
        self.check(NAMES)

    def test_strategies(self):
        self.check(STRATEGIES)

    def test_replicas(self):
        self.check(REPLICAS)

    @unittest.skipIf(has_library(), "this machine has an NVIDIA driver, which cannot be missing")
    def test_no_library_is_no_mig_rules(self):
        self.library_path = self.directory / "lib"
        self.library_path.mkdir()
        self.set_scenario(scenario(*MIXED_NODE))
        with self.row("3.2 mixed: the library cannot be loaded", LATER):
            self.start_agent(config=strategy("mixed", failOnInitError=False))
            self.agent.wait_log("driver does not answer, waiting for it")
            self.assertEqual((self.kubelet.calls, self.names()), (0, set()))
            (self.library_path / NVML).symlink_to(SIM / NVML)
            self.kubelet.wait_registrations(3)
            self.assertEqual(self.names(), {"gpu", "mig-1g.5gb", "mig-2g.10gb"})


class Profiles(NodeRows):
    def test_gigabytes_are_rounded_as_nvidia_does(self):
        """tests/unit/test_profile.c has the rounding itself, for drivers that do not name profiles."""
        for model, profiles in PROFILES.items():
            self.set_scenario(scenario(*(of_model(model, n, profile) for n, profile in enumerate(profiles))))
            devices = json.loads(self.run_rota("devices", "-o", "json", "--mig-strategy=mixed").stdout)["devices"]
            gpus, parts = devices[::2], devices[1::2]
            for whole, piece, profile in zip(gpus, parts, profiles, strict=True):
                with self.subTest(section="3.2", model=model, profile=profile):
                    self.assertEqual(piece["resource"], "nvidia.com/mig-" + profile.replace("+", "."))
                    size = gigabytes(piece["memoryBytes"], whole["memoryBytes"])
                    self.assertIn(f"g.{size}gb", piece["resource"])


BUS = "0000000A:3B:00.0"
ADDRESS = "000a:3b:00.0"
NO_FILE = "where sysfs does not know the GPU, as in a container that has another one, NVML is asked"

# Bus of the GPU, its name in sysfs, what numa_node holds, its nodes, why it differs. NVML says node 3.
NUMA = (
    ("3.3 a node", "00000000:3B:00.0", "0000:3b:00.0", "1\n", [1], ""),
    ("3.3 node 0", "00000000:3B:00.0", "0000:3b:00.0", "0\n", [0], ""),
    ("3.3 a domain is kept", BUS, ADDRESS, "2\n", [2], ""),
    ("3.3 -1 is none", BUS, ADDRESS, "-1\n", [], ""),
    ("3.3 no number", BUS, ADDRESS, "x\n", [], "a node that cannot be read takes no GPU away; NVIDIA's plugin ends"),
    ("3.3 unreadable", BUS, "0000:00:01.0", "1\n", [3], NO_FILE),
)

CONTROL = [f"/dev/{name}" for name in fakeroot.CONTROL]
FAIL = {"do": "fail", "error": "NVML_ERROR_UNKNOWN"}


class Record(NodeRows):
    def answer(self, registration, *ids):
        response, = registration.plugin.allocate(ids)
        return response

    def nodes(self, registration, ident):
        return [device.container_path for device in self.answer(registration, ident).devices
                if device.container_path not in CONTROL]

    def add_numa(self, root, address, text):
        folder = root / "sys/bus/pci/devices" / address
        folder.mkdir(parents=True)
        (folder / "vendor").write_text("0x10de\n")
        (folder / "numa_node").write_text(text)

    def test_numa_node(self):
        for number, (section, bus, address, text, nodes, differs) in enumerate(NUMA):
            root = self.directory / f"root-{number}"
            with self.row(section, bus, address, text, differs):
                self.add_numa(root, address, text)
                registration = self.serve_one(scenario(a100(0, part("1g.5gb", 1), busId=bus, numaNode=3)),
                                              f"--root={root}", config=strategy("single", entry(2)))
                for device in registration.watch.wait_count(2):  # a part and a replica have their GPU's
                    self.assertEqual([node.ID for node in device.topology.nodes], nodes)
                    self.assertEqual(device.HasField("topology"), bool(nodes))

    def test_index_is_nvml_s(self):
        display = gpu(0, model="DGX Display")
        for section, gpus, config, ident, index in (
                ("3.3 i", TWO, None, uuid(1), "1"),
                ("3.2 skipped GPUs leave gaps", (display, gpu(1), gpu(2)), None, uuid(2), "2"),
                ("3.3 i:j", PARTED, SINGLE, part_uuid(3), "1:0"),
                ("3.3 j of the second", PARTED, SINGLE, part_uuid(2), "0:1"),
                ("3.3 of a replica", TWO, shared(2), f"{uuid(1)}::1", "1")):
            with self.row(section, ident):
                registration = self.serve_one(scenario(*gpus), "--device-id-strategy=index", config=config)
                self.assertEqual(self.answer(registration, ident).envs["NVIDIA_VISIBLE_DEVICES"], index)

    def test_paths(self):
        caps = [f"/dev/nvidia-caps/nvidia-cap{fakeroot.capability_minor(5, 13, compute)}" for compute in (None, 0)]
        with_caps = fakeroot.make(self.directory / "with", minors=[5], parts=[(5, 13, 0)])
        without = fakeroot.make(self.directory / "without", minors=[5])
        piece = scenario({**a100(0, part("1g.5gb", 1, start=6)), "minor": 5})
        for section, node, root, config, ident, nodes, differs in (
                ("3.3 the minor, not the index", scenario(gpu(0, minor=5)), with_caps, None, uuid(0),
                 ["/dev/nvidia5"], ""),
                ("3.3 a GPU in MIG mode as a whole", piece, with_caps, NONE, uuid(0), ["/dev/nvidia5"], ""),
                ("3.3 a part: GPU, GI, CI", piece, with_caps, SINGLE, part_uuid(1), ["/dev/nvidia5", *caps], ""),
                ("3.3 no entry for a part", piece, without, SINGLE, part_uuid(1), ["/dev/nvidia5"],
                 "only passDeviceSpecs needs the nodes, so a missing list ends nothing; NVIDIA's plugin ends")):
            with self.row(section, differs):
                registration = self.serve_one(node, "--pass-device-specs", f"--root={root}", config=config)
                self.assertEqual(self.nodes(registration, ident), nodes)

    def test_figures_that_the_driver_does_not_tell(self):
        for section, call, offered, differs in (
                ("3.3 memory", "nvmlDeviceGetMemoryInfo", {uuid(0), uuid(1)}, ""),
                ("3.3 compute capability", "nvmlDeviceGetCudaComputeCapability", {uuid(1)}, ONE_ODD)):
            with self.row(section, differs):
                registration = self.serve_one(t4s(2, faults=[{"call": call, "gpu": 0, **FAIL}]))
                self.wait_ids(registration, offered)

    def test_replicas_have_all_of_their_device(self):
        """3.4"""
        node = scenario(gpu(0, numaNode=1))
        registration = self.serve_one(node, "--pass-device-specs", "--device-id-strategy=index", config=shared(3))
        devices = registration.watch.wait_count(3)
        self.assertEqual({(device.health, device.topology.nodes[0].ID) for device in devices}, {("Healthy", 1)})
        answers = {str(self.answer(registration, device.ID)) for device in devices}
        self.assertEqual(len(answers), 1, answers)


if __name__ == "__main__":
    unittest.main()
