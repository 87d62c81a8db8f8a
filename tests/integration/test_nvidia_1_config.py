# SPDX-License-Identifier: Apache-2.0
"""The configuration file, row by row of the reference's section 1: what NVIDIA's device plugin v0.20 reads, refuses
and drops. Files with a `rota:` block are at the end; NVIDIA's plugin does not know it."""

import unittest

from agent_case import t4s, uuid
from nvidia_node import NodeRows
from nvidia_rows import Row, RowTest

MIG = "flags.migStrategy"
INIT = "flags.failOnInitError"
LISTS = "flags.plugin.deviceListStrategy"
SLEEP = "flags.gfd.sleepInterval"
SHARED = "sharing.timeSlicing.resources"
CHANNELS = "imex.channelIDs"

ANCHORS = "decision 5: anchors, aliases and merge keys are refused"
BOUND = "more replicas than kubelet can read in one list are refused at once"


def flags(text):
    return f"flags: {{{text}}}\n"


def plugin(text):
    return f"flags: {{plugin: {{{text}}}}}\n"


def gfd(text):
    return f"flags: {{gfd: {{{text}}}}}\n"


MIXED = "flags: {migStrategy: mixed}\n"


def sharing(entry, more=""):
    return f"sharing: {{timeSlicing: {{{more}resources: [{{{entry}}}]}}}}\n"


def shared(replicas, name="nvidia.com/gpu", rename=None, devices="all"):
    return {SHARED: [{"name": name, "replicas": replicas, "rename": rename, "devices": devices}]}


READING = (
    Row("1.1 YAML", "flags:\n  migStrategy: mixed\n", values={MIG: "mixed"}),
    Row("1.1 JSON", '{"flags": {"migStrategy": "mixed"}}', values={MIG: "mixed"}),
    Row("1.1 one document", "version: v1\n---\nversion: v1\n", refused="a second document"),
    Row("1.1 y is true", flags("failOnInitError: y"), values={INIT: True}, warned=("y is read as true",)),
    Row("1.1 yes is true", flags("failOnInitError: yes"), values={INIT: True}, warned=("yes is read",)),
    Row("1.1 on is true", flags("failOnInitError: on"), values={INIT: True}, warned=("on is read",)),
    Row("1.1 n is false", flags("failOnInitError: n"), values={INIT: False}, warned=("n is read",)),
    Row("1.1 no is false", flags("failOnInitError: no"), values={INIT: False}, warned=("no is read",)),
    Row("1.1 off is false", flags("failOnInitError: off"), values={INIT: False}, warned=("off is read",)),
    Row("1.1 a quoted yes is a text", flags('failOnInitError: "yes"'), refused="yes is a text"),
    Row("1.1 unknown keys are ignored", "health: {}\n", warned=("health: unknown key",)),
    Row("1.1 unknown keys are ignored below", flags("gfd: {x: 1}"), warned=("flags.gfd.x: unknown key",)),
    Row("1.1 the last of equal keys wins", flags("migStrategy: mixed, migStrategy: single"),
        values={MIG: "single"}, warned=("only the last one counts",)),
    Row("1.1 keys of structs match without case", "FLAGS: {MigStrategy: mixed}\n", values={MIG: "mixed"},
        warned=("FLAGS is read as flags", "MigStrategy is read as migStrategy")),
    Row("1.1 keys of sharing match with case", sharing("name: gpu, replicas: 2", "RenameByDefault: true, "),
        values=shared(2), warned=("RenameByDefault: unknown key",)),
    Row("1.1 keys of entries match with case", sharing("name: gpu, Replicas: 2"),
        refused="no replicas specified", warned=("Replicas: unknown key",)),
    Row("1.1 keys of patterns match with case", "resources: {gpus: [{Pattern: a, name: b}]}\n",
        refused="resources must have a 'pattern' field set",
        warned=("resource patterns have no effect", "Pattern: unknown key")),
    Row("1.1 a whole float is a number", sharing("name: gpu, replicas: 2.0"), values=shared(2),
        warned=("2.0 is read as 2",)),
    Row("1.1 a whole float in JSON", '{"sharing": {"timeSlicing": {"resources": [{"name": "gpu", "replicas": 2.0}]}}}',
        values=shared(2), warned=("2.0 is read as 2",),
        differs="NVIDIA's plugin reads JSON files as YAML too; only its own tests meet raw JSON"),
    Row("1.1 a float with a fraction", sharing("name: gpu, replicas: 2.5"), refused="2.5 is a number"),
    Row("1.1 version may be a bare number", "version: 1\n", refused="unknown version: 1"),
    Row("1.1 nothing else may", flags("migStrategy: 1"), refused="1 is a number"),
    Row("1.1 an empty file is the default", "# nothing\n", values={MIG: "none", INIT: True, SHARED: []}),
    Row("1.1 a version of nothing", 'version: ""\n'),
    Row("1.1 another version", "version: v2\n", refused="unknown version: v2"),
    Row("1.1 anchors", "flags: &a {migStrategy: none}\n", refused="anchors (&) are not allowed",
        differs=ANCHORS),
    Row("1.1 aliases", "flags: *a\n", refused="aliases (*) are not allowed", differs=ANCHORS),
    Row("1.1 merge keys", "<<: {version: v1}\n", refused="merge keys (<<) are not read", differs=ANCHORS),
)

TOP = (
    Row("1.2 version", "version: v1\n"),
    Row("1.2 empty objects", "flags: {}\nresources: {}\nsharing: {}\nimex: {}\n"),
    Row("1.2 nulls", "version: ~\nflags: ~\nresources: ~\nsharing: ~\nimex: ~\n"),
    Row("1.2 flags of another type", "flags: 5\n", refused="5 is a number, allowed: a map"),
    Row("1.2 no health section", "health: {disable: [48]}\n", warned=("unknown key",)),
)

FLAGS = (
    Row("1.3 defaults", "version: v1\n", values={
        MIG: "none", INIT: True, "flags.mpsRoot": "", "flags.nvidiaDriverRoot": "/", "flags.nvidiaDevRoot": "/",
        "flags.gdrcopyEnabled": False, "flags.gdsEnabled": False, "flags.mofedEnabled": False,
        "flags.useNodeFeatureAPI": True, "flags.deviceDiscoveryStrategy": "auto",
        "flags.plugin.passDeviceSpecs": False, LISTS: ["envvar"], "flags.plugin.deviceIDStrategy": "uuid",
        "flags.plugin.cdiAnnotationPrefix": "cdi.k8s.io/", "flags.plugin.nvidiaCTKPath": "/usr/bin/nvidia-ctk",
        "flags.plugin.containerDriverRoot": "/driver-root",
        "flags.plugin.sharedDevicesAllocationPolicy": "distributed",
        "flags.gfd.oneshot": False, "flags.gfd.noTimestamp": False, SLEEP: "1m",
        "flags.gfd.outputFile": "/etc/kubernetes/node-feature-discovery/features.d/gfd",
        "flags.gfd.machineTypeFile": "/sys/class/dmi/id/product_name"}),
    Row("1.3 migStrategy single", flags("migStrategy: single"), values={MIG: "single"}),
    Row("1.3 migStrategy mixed", flags("migStrategy: mixed"), values={MIG: "mixed"}),
    Row("1.3 another migStrategy", flags("migStrategy: all"), refused="unknown MIG strategy: all"),
    Row("1.3 nvidiaDevRoot follows nvidiaDriverRoot", flags("nvidiaDriverRoot: /run"),
        values={"flags.nvidiaDevRoot": "/run"}),
    Row("1.3 an empty nvidiaDevRoot too", flags('nvidiaDriverRoot: /run, nvidiaDevRoot: ""'),
        values={"flags.nvidiaDevRoot": "/run"}),
    Row("1.3 nvidiaDevRoot of its own", flags("nvidiaDriverRoot: /run, nvidiaDevRoot: /"),
        values={"flags.nvidiaDevRoot": "/"}),
    Row("1.3 deviceDiscoveryStrategy nvml", flags("deviceDiscoveryStrategy: nvml"),
        values={"flags.deviceDiscoveryStrategy": "nvml"}),
    Row("1.3 deviceDiscoveryStrategy tegra", flags("deviceDiscoveryStrategy: tegra"),
        refused="tegra needs Tegra support", differs="a missing part is refused by its name"),
    Row("1.3 another deviceDiscoveryStrategy", flags("deviceDiscoveryStrategy: csv"),
        refused="invalid --device-discovery-strategy option csv"),
    Row("1.3 deviceListStrategy as a text", plugin("deviceListStrategy: cdi-cri"), values={LISTS: ["cdi-cri"]}),
    Row("1.3 deviceListStrategy as a list", plugin("deviceListStrategy: [envvar, volume-mounts]"),
        values={LISTS: ["envvar", "volume-mounts"]}),
    Row("1.3 a text in the file is not split", plugin('deviceListStrategy: "envvar,cdi-cri"'),
        refused="invalid strategy: envvar,cdi-cri"),
    Row("1.3 deviceListStrategy of another type", plugin("deviceListStrategy: 5"),
        refused="invalid deviceListStrategy: a number"),
    Row("1.3 deviceIDStrategy", plugin("deviceIDStrategy: index"),
        values={"flags.plugin.deviceIDStrategy": "index"}),
    Row("1.3 another deviceIDStrategy", plugin("deviceIDStrategy: name"),
        refused="invalid --device-id-strategy option: name"),
    Row("1.3 sharedDevicesAllocationPolicy", plugin("sharedDevicesAllocationPolicy: packed"),
        values={"flags.plugin.sharedDevicesAllocationPolicy": "packed"}),
    Row("1.3 another policy", plugin("sharedDevicesAllocationPolicy: x"),
        refused="invalid --shared-devices-allocation-policy option: x"),
    Row("1.3 a duration as a text", gfd("sleepInterval: 1m30s"), values={SLEEP: "1m30s"}),
    Row("1.3 a number is nanoseconds", gfd("sleepInterval: 90000000000"), values={SLEEP: "1m30s"},
        warned=("a number is read as nanoseconds",)),
    Row("1.3 infinite", gfd("sleepInterval: infinite"), values={SLEEP: "infinite"}),
    Row("1.3 a negative duration", gfd("sleepInterval: -1m30s"), values={SLEEP: "1m"}, warned=("negative",),
        differs="no effect: labels are not made here, so the value is not kept"),
    Row("1.3 a negative number", gfd("sleepInterval: -1"), values={SLEEP: "1m"}, warned=("negative",),
        differs="no effect: labels are not made here, so the value is not kept"),
    Row("1.3 two signs", gfd("sleepInterval: -+5s"), refused="invalid duration: -+5s"),
    Row("1.3 no duration", gfd("sleepInterval: soon"), refused="invalid duration: soon"),
    Row("1.3 a boolean is no duration", gfd("sleepInterval: true"), refused="invalid duration: true"),
    Row("1.3 kubelet-socket is not in the file", flags("plugin: {kubeletSocket: /x}"), warned=("unknown key",)),
    Row("1.3 config-file is not in the file", flags("configFile: /x"), warned=("unknown key",)),
    Row("1.3 cdi-feature-flags are not in the file", plugin("cdiFeatureFlags: []"), warned=("unknown key",)),
    Row("1.3 cdi-disable-hooks are not in the file", plugin("cdiDisableHooks: []"), warned=("unknown key",)),
)

NVML_UUID = "b1028956-cfa2-0990-bf4a-5da9abb51763"
DROPPED = "has no effect, as in NVIDIA's plugin"


def devices(value):
    return sharing(f"name: gpu, replicas: 2, devices: {value}")


SHARING = (
    Row("1.4 an entry", sharing("name: nvidia.com/gpu, replicas: 5"), values=shared(5)),
    Row("1.4 renameByDefault", sharing("name: gpu, replicas: 5", "renameByDefault: true, "),
        values=shared(5, rename="nvidia.com/gpu.shared")),
    Row("1.4 failRequestsGreaterThanOne unset is false", sharing("name: gpu, replicas: 5"),
        values={"sharing.timeSlicing.failRequestsGreaterThanOne": False}),
    Row("1.4 failRequestsGreaterThanOne", sharing("name: gpu, replicas: 5", "failRequestsGreaterThanOne: true, "),
        values={"sharing.timeSlicing.failRequestsGreaterThanOne": True}),
    Row("1.4 no resources", "sharing: {timeSlicing: {}}\n", refused="no resources specified"),
    Row("1.4 empty resources", "sharing: {timeSlicing: {resources: []}}\n", refused="no resources specified"),
    Row("1.4 timeSlicing of null", "sharing: {timeSlicing: ~}\n", refused="no resources specified"),
    Row("1.4 mps of null is absent", "sharing: {mps: ~}\n"),
    Row("1.4 mps", "sharing: {mps: {resources: [{name: gpu, replicas: 2}]}}\n", refused="needs MPS support",
        differs="a missing part is refused by its name"),
    Row("1.4 no name", sharing("replicas: 2"), refused="no resource name specified"),
    Row("1.4 no replicas", sharing("name: gpu"), refused="no replicas specified"),
    Row("1.4 two replicas", sharing("name: gpu, replicas: 2"), values=shared(2)),
    Row("1.4 one replica", sharing("name: gpu, replicas: 1"), refused="number of replicas must be >= 2"),
    Row("1.4 replicas of null", sharing("name: gpu, replicas: ~"), refused="number of replicas must be >= 2"),
    Row("1.4 replicas as a text", sharing('name: gpu, replicas: "5"'), refused="5 is a text"),
    Row("1.4 many replicas", sharing("name: gpu, replicas: 61000"), values=shared(61000)),
    Row("1.4 too many replicas", sharing("name: gpu, replicas: 61001"), refused="allowed: 2 to 61000",
        differs=BOUND),
    Row("1.4 all devices", devices("all"), values=shared(2)),
    Row("1.4 a count of devices is dropped", devices("2"), values=shared(2), warned=(DROPPED,)),
    Row("1.4 a list of devices is dropped",
        devices(f'[0, "1", "0:1", GPU-{NVML_UUID}, MIG-{NVML_UUID}, MIG-GPU-{NVML_UUID}/3/0]'),
        values=shared(2), warned=(DROPPED,)),
    Row("1.4 other forms of a UUID", devices(
        f'[GPU-{NVML_UUID.replace("-", "")}, "GPU-{{{NVML_UUID}}}", "GPU-urn:uuid:{NVML_UUID}"]'),
        values=shared(2), warned=(DROPPED,)),
    Row("1.4 another text for devices", devices("some"),
        refused="devices set as 'some' but the only valid string input is 'all'"),
    Row("1.4 no devices", devices("0"), refused="devices set as '0' but a count of devices must be > 0"),
    Row("1.4 fewer than no devices", devices("-1"), refused="devices set as '-1' but a count of devices must be > 0"),
    Row("1.4 a bad device in the list", devices("[x]"), warned=(DROPPED,),
        refused="unsupported type for device in devices list: x"),
    Row("1.4 a negative index", devices("[-1]"), warned=(DROPPED,),
        refused="unsupported type for device in devices list: -1"),
    Row("1.4 devices of another type", devices("true"), refused="unrecognized type for devices spec"),
    Row("1.4 rename is dropped", sharing("name: gpu, replicas: 2, rename: fast"), values=shared(2),
        warned=("rename: " + DROPPED,)),
    Row("1.4 rename gives way to renameByDefault",
        sharing("name: gpu, replicas: 2, rename: fast", "renameByDefault: true, "),
        values=shared(2, rename="nvidia.com/gpu.shared"), warned=("rename: " + DROPPED,)),
    Row("1.4 rename is checked", sharing("name: gpu, replicas: 2, rename: F"),
        refused="incorrect format for resource name 'nvidia.com/F'"),
    Row("1.4 a name that is never there is skipped", sharing("name: other, replicas: 2"),
        values=shared(2, name="nvidia.com/other"), warned=("nvidia.com/other is never advertised",)),
    Row("1.4 a MIG profile may be there", sharing("name: mig-1g.5gb, replicas: 2") + MIXED,
        values=shared(2, name="nvidia.com/mig-1g.5gb")),
    Row("1.4 two entries of one name", "sharing: {timeSlicing: {resources: [{name: gpu, replicas: 2}, "
        "{name: gpu, replicas: 3}]}}\n", warned=("a second entry for nvidia.com/gpu",)),
)

RESOURCES = (
    Row("1.5 gpus are dropped", 'resources: {gpus: [{pattern: "*T4*", name: t4}]}\n',
        values={"resources.gpus": []}, warned=("resource patterns have no effect",)),
    Row("1.5 mig is dropped", "resources: {mig: [{pattern: 1g.5gb, name: small}]}\n",
        values={"resources.mig": []}, warned=("resource patterns have no effect",)),
    Row("1.5 no pattern", "resources: {gpus: [{name: t4}]}\n", warned=("resource patterns",),
        refused="resources must have a 'pattern' field set"),
    Row("1.5 no name", "resources: {mig: [{pattern: a}]}\n", warned=("resource patterns",),
        refused="resources must have a 'name' field set"),
    Row("1.5 names are checked", "resources: {mig: [{pattern: a, name: A}]}\n", warned=("resource patterns",),
        refused="incorrect format for resource name 'nvidia.com/A'"),
)

IMEX_WORDS = "invalid IMEX channel IDs: invalid IMEX config: channelIDs must be [] or [0]; found "

IMEX = (
    Row("1.6 defaults", "imex: {}\n", values={CHANNELS: [], "imex.required": False}),
    Row("1.6 none", "imex: {channelIDs: []}\n", values={CHANNELS: []}),
    Row("1.6 null", "imex: {channelIDs: ~}\n", values={CHANNELS: []}),
    Row("1.6 channel 0", "imex: {channelIDs: [0], required: true}\n",
        values={CHANNELS: [0], "imex.required": True}),
    Row("1.6 another channel", "imex: {channelIDs: [1]}\n", refused=IMEX_WORDS + "[1]"),
    Row("1.6 a channel twice", "imex: {channelIDs: [0, 0]}\n", refused=IMEX_WORDS + "[0 0]"),
)

FILE = flags("migStrategy: single, failOnInitError: false, mpsRoot: /file")

PRECEDENCE = (
    Row("1.7 the file over the default", FILE, values={MIG: "single", "flags.mpsRoot": "/file"}),
    Row("1.7 the environment over the file", FILE, environment={"MIG_STRATEGY": "mixed", "MPS_ROOT": "/env"},
        values={MIG: "mixed", "flags.mpsRoot": "/env"}),
    Row("1.7 a flag over the environment", FILE, environment={"MIG_STRATEGY": "mixed"},
        flags=("--mig-strategy=none",), values={MIG: "none"}),
    Row("1.7 an empty variable counts for texts", FILE, environment={"MPS_ROOT": ""},
        values={"flags.mpsRoot": ""}),
    Row("1.7 an empty variable is false", flags("failOnInitError: true"), environment={"FAIL_ON_INIT_ERROR": ""},
        values={INIT: False}),
    Row("1.7 an empty variable is a list of one empty text", environment={"DEVICE_LIST_STRATEGY": ""}, code=2,
        refused="invalid --device-list-strategy option: invalid strategy: "),
    Row("1.7 an empty variable does not count for lists of numbers", "imex: {channelIDs: [0]}\n",
        environment={"IMEX_CHANNEL_IDS": ""}, values={CHANNELS: [0]}),
    Row("1.7 the first variable that exists wins",
        environment={"DRIVER_ROOT_CTR_PATH": "", "CONTAINER_DRIVER_ROOT": "/b"},
        values={"flags.plugin.containerDriverRoot": ""}),
    Row("1.7 the second variable", environment={"CONTAINER_DRIVER_ROOT": "/b"},
        values={"flags.plugin.containerDriverRoot": "/b"}),
    Row("1.7 two forms of one flag", flags=("--driver-root=/a", "--nvidia-driver-root=/a"), code=2,
        refused="Cannot use two forms of the same flag",
        differs="wrong usage is exit code 2 in all of rota's commands"),
)

NAME_52 = "a" * 52
NAME_53 = "a" * 53

NAMES = (
    Row("3.1 the prefix is added", sharing("name: gpu, replicas: 2"), values=shared(2)),
    Row("3.1 63 bytes", sharing(f"name: mig-{NAME_52[4:]}, replicas: 2") + MIXED,
        values=shared(2, name=f"nvidia.com/mig-{NAME_52[4:]}")),
    Row("3.1 64 bytes", sharing(f"name: {NAME_53}, replicas: 2"),
        refused=f"fully-qualified resource name must be 63 characters or less: nvidia.com/{NAME_53}"),
    Row("3.1 no subdomain", sharing("name: a_b, replicas: 2"),
        refused="incorrect format for resource name 'nvidia.com/a_b'"),
    Row("3.1 .shared is not measured again",
        sharing(f"name: mig-{NAME_52[4:]}, replicas: 2", "renameByDefault: true, ") + MIXED,
        refused="with the .shared of renameByDefault, allowed: 63",
        differs="kubelet refuses such a name, so NVIDIA's plugin would try for ever"),
)

STRICT = (
    Row("1.4 with a rota: block devices count", devices("[0, 1]") + "rota: {}\n",
        values=shared(2, devices=["0", "1"]), differs="design: what is read strictly is honoured"),
    Row("1.4 with a rota: block rename counts", sharing("name: gpu, replicas: 2, rename: fast") + "rota: {}\n",
        values=shared(2, rename="nvidia.com/fast"), differs="design: what is read strictly is honoured"),
    Row("1.4 rename stands before renameByDefault",
        sharing("name: gpu, replicas: 2, rename: fast", "renameByDefault: true, ") + "rota: {}\n",
        values=shared(2, rename="nvidia.com/fast"), differs="design: what is read strictly is honoured"),
    Row("1.5 with a rota: block patterns count",
        'rota: {}\nresources: {gpus: [{pattern: "*T4*", name: t4}], mig: [{pattern: 1g.5gb, name: small}]}\n',
        environment={"MIG_STRATEGY": "mixed"},
        values={"resources.gpus": [{"pattern": "*T4*", "name": "nvidia.com/t4"}],
                "resources.mig": [{"pattern": "1g.5gb", "name": "nvidia.com/small"}]},
        differs="design: what is read strictly is honoured"),
    Row("1.5 with a rota: block none has no names of parts",
        'rota: {}\nresources: {mig: [{pattern: "*", name: small}]}\n',
        refused="resources.mig[0].pattern: the entry has no effect: migStrategy is none",
        differs="design: what is read strictly and has no effect is refused"),
)


class ConfigTest(RowTest):
    def test_reading_rules(self):
        self.check_rows(READING)

    def test_top_level(self):
        self.check_rows(TOP)

    def test_flags(self):
        self.check_rows(FLAGS)

    def test_sharing(self):
        self.check_rows(SHARING)

    def test_resources(self):
        self.check_rows(RESOURCES)

    def test_imex(self):
        self.check_rows(IMEX)

    def test_precedence(self):
        self.check_rows(PRECEDENCE)

    def test_names(self):
        self.check_rows(NAMES)

    def test_with_a_block_of_ours(self):
        self.check_rows(STRICT)

    def test_a_missing_file_is_an_error(self):
        """1.1"""
        self.check_refusal(Row("1.1", flags=("--config-file=/nonexistent",), refused="error opening config file"))


CHANNEL = "dev/nvidia-caps-imex-channels/channel0"


class ChannelTest(NodeRows):
    """1.6: the node of the channel, below the device root of the driver as the agent sees it, then below /."""

    def make(self, place, is_device=True):
        """A link is followed, so that no privilege is needed for a device."""
        path = self.directory / place / CHANNEL
        path.parent.mkdir(parents=True)
        if is_device:
            path.symlink_to("/dev/null")
        else:
            path.touch()

    def start(self, *flags, required):
        imex = {"imex": {"channelIDs": [0], "required": required}}
        return self.serve_one(t4s(1), f"--root={self.directory}", *flags, config=imex)

    def assert_given(self, registration, is_given):
        answer, = registration.plugin.allocate([uuid(0)])
        self.assertEqual("NVIDIA_IMEX_CHANNELS" in answer.envs, is_given)

    def test_is_found_below_the_root_of_the_driver(self):
        self.make("root-of-driver")
        with self.row("1.6 below the device root"):
            self.assert_given(self.start("--driver-root-ctr-path=/root-of-driver", required=True), True)

    def test_is_found_below_the_root(self):
        self.make(".")
        with self.row("1.6 below /"):
            self.assert_given(self.start("--driver-root-ctr-path=/root-of-driver", required=True), True)

    def test_one_that_is_missing_and_not_required_is_a_warning(self):
        for place in (None, "root-of-driver"):
            if place:
                self.make(place, is_device=False)
            with self.row("1.6 a plain file" if place else "1.6 nothing"):
                registration = self.start("--driver-root-ctr-path=/root-of-driver", required=False)
                self.assertIn("level=warn event=\"the IMEX channel is not there", self.agent.log())
                self.assert_given(registration, False)

    def test_one_that_is_missing_and_required_ends_it(self):
        self.make("root-of-driver", is_device=False)
        with self.row("1.6 required"):
            self.start_agent(f"--root={self.directory}", "--driver-root-ctr-path=/root-of-driver",
                             config={"imex": {"channelIDs": [0], "required": True}})
            self.assertEqual(self.agent.wait(), 1)
            self.assertIn("error querying IMEX channels: ", self.agent.log())
            self.assertIn("requested IMEX channel channel0 does not exist", self.agent.log())


if __name__ == "__main__":
    unittest.main()
