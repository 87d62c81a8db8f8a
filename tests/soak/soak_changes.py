# SPDX-License-Identifier: Apache-2.0
"""Random changes of configuration, hardware and health under a load of calls, judged by an oracle.

soak_oracle says what kubelet must be told. After each change every list is exactly that, Allocate
answers right, and no resource that the change does not concern was registered again.
"""

import collections
import dataclasses
import itertools
import json
import operator
import os
import shutil
import signal
import time

import grpc

from soak_case import DESCRIPTORS_SLACK, SLACK_KIB, SoakCase, count_of
from soak_life import Load
from soak_oracle import (
    FAST, GPU, MODELS, MOUNTS, NEVER, PART, PATTERNS, SHARED, SHARED_PROFILE, Instance, Settings, World,
    devices, effective, entries, expected_answer, expected_descriptions, expected_lists, instance_uuid, join, split,
    wrong_choice)
import cdi_reader
import fakeroot
from agent_case import IS_SANITIZED, fault, gpu, replace_file, scenario, uuid
from kubelet_peer import wait_until
from pods_peer import PodResources

GPUS_MAX = 8
SHARED_INSTANCE = Instance(SHARED_PROFILE, 6, 13)
# In the order of the ids that the driver gives, by which it counts parts.
LAYOUTS = (
    (),
    (SHARED_INSTANCE,),
    (Instance(SHARED_PROFILE, 4, 11), Instance(SHARED_PROFILE, 5, 12), SHARED_INSTANCE),
    (Instance("2g.20gb", 4, 5), SHARED_INSTANCE),
    (Instance("3g.40gb", 4, 2), Instance("2g.20gb", 2, 4)),
    (Instance("2g.20gb", 0, 3), Instance("2g.20gb", 2, 4)),
    (Instance("7g.80gb", 0, 0),),
)
ALIKE = [layout for layout in LAYOUTS if len({instance.profile for instance in layout}) == 1]
DRIVER = "570.10"
ACTIONS = ("gpuReset", "nodeReboot", "drainAndReset")
XIDS = (48, 79, 95)  # a driver that wants nothing is enough for these to be over
PROGRAM_XIDS = (13, 31, 43, 45)
REPLICAS_MAX = 12
# The first pod stays to the end: it holds these, whatever the configuration becomes, and the calls for
# the GPU's are the load. The part is not always there.
ALWAYS_HELD = (f"{uuid(0)}::0", f"{uuid(0)}::3")
HELD_PART = f"{instance_uuid(0, SHARED_INSTANCE)}::1"
FIRST_POD = {GPU: list(ALWAYS_HELD), PART + SHARED_PROFILE: [HELD_PART]}
PODS_MAX = 6
# By far longer than any change takes; only a list that never comes reaches it.
CHANGE_SECONDS = 60
# Ten seconds in the agent, and what a change takes.
LINGER_SECONDS = 20
WARM = 30
REFRESH_SECONDS = 4 if IS_SANITIZED else 1
FAULTY = "version: v1\nsharing:\n  timeSlicing:\n    resources:\n      - name: nvidia.com/gpu\n        replicas: {}\n"
WRONG_REPLICAS = ("1", "-4", "many", "99999999", "[2]")

STRATEGIES = ("envvar", "volume-mounts", "cdi-annotations", "cdi-cri")
COMBINATIONS = [words for count in range(1, 5) for words in itertools.combinations(STRATEGIES, count)]
SETTLE_SECONDS = (0, 0, 0, 2, NEVER)


def choose_gpus(draw):
    """Which of them an entry shares: all, so many, or these, by index or uuid; a part is none."""
    some = draw.sample(range(GPUS_MAX), draw.randint(1, 4))
    listed = tuple(draw.choice((number, uuid(number))) for number in some)
    return draw.choice(("all", draw.randint(1, 4), listed, (*listed, "0:0", split(HELD_PART)[0])))


# The table of changes, first those of one setting: what it becomes.
Setting = collections.namedtuple("Setting", "weight draw")
SETTINGS = {
    "replicas": Setting(20, lambda draw: draw.choices((1, draw.randint(2, REPLICAS_MAX)), (1, 5))[0]),
    "part_replicas": Setting(5, lambda draw: draw.randint(1, 4)),
    "is_renamed": Setting(8, lambda draw: draw.random() < 0.5),
    "rename": Setting(5, lambda draw: draw.choice(("", FAST, GPU))),
    "chosen": Setting(8, choose_gpus),
    "patterns": Setting(6, lambda draw: draw.choice(("none", *PATTERNS))),
    "strategy": Setting(8, lambda draw: draw.choice(("none", "single", "single", "mixed"))),
    "lists": Setting(8, lambda draw: draw.choice(COMBINATIONS)),
    "by_index": Setting(5, lambda draw: draw.random() < 0.5),
    "has_nodes": Setting(4, lambda draw: draw.random() < 0.5),
    "is_packed": Setting(4, lambda draw: draw.random() < 0.5),
    "settle": Setting(5, lambda draw: draw.choice(SETTLE_SECONDS)),
    # Without the block what settles takes its time, so that is seldom.
    "is_strict": Setting(10, lambda draw: draw.random() < 0.97),
}
# What neither a list nor an answer shows at once is read at once.
UNSEEN = ("settle", "is_packed", "is_strict")

HEALTH = {True: "Healthy", False: "Unhealthy"}
DESCRIPTORS_OF_RESOURCE = 2  # its socket, and kubelet's connection

Change = collections.namedtuple("Change", "weight hangs_up act")
CHANGES = {name: Change(row.weight, True, operator.methodcaller("set", name)) for name, row in SETTINGS.items()}


def change(weight, hangs_up=True):
    """A row of the table of changes; hangs_up: it may send SIGHUP."""
    def enter(act):
        CHANGES[act.__name__] = Change(weight, hangs_up, act)
        return act
    return enter


class ChangesSoak(SoakCase):
    def setUp(self):
        super().setUp()
        # So that a few changes see CDI, device nodes and packed choice, too.
        self.world = World(pods={"first": FIRST_POD}, wanted=Settings(
            lists=("envvar", "cdi-cri"), has_nodes=True, is_packed=True))
        self.world.follow()
        self.root = self.directory / "root"
        self.make_root()
        self.folder = self.directory / "config"
        self.folder.mkdir()
        self.config_path = self.folder / "config.yaml"
        self.versions = 0
        self.events = 0
        self.hung_up = 0.0
        self.swap_version()
        self.config_path.symlink_to("..data/config.yaml")
        self.write_scenario()
        self.peer = PodResources(self.pods_socket)
        self.peer.pods = self.world.pods
        self.addCleanup(self.peer.stop)
        self.peer.start()
        self.kubelet = self.start_kubelet()
        self.registered = collections.Counter()  # how often each name must have been
        self.maybe = collections.Counter()  # and how often more it may have been
        # Until when a name may be there of ids that ended: they count for a while after kubelet began.
        self.lingers = {}

    def make_root(self):
        """Of all nodes that there may ever be."""
        parts = [(number, instance, 0) for number in range(GPUS_MAX) for instance in range(fakeroot.INSTANCES)]
        for folder in (self.root, self.root / "driver"):
            fakeroot.make(folder, range(GPUS_MAX), parts)
        library = self.root / "driver/usr/lib/x86_64-linux-gnu" / f"libcuda.so.{DRIVER}"
        library.parent.mkdir(parents=True)
        library.touch()

    # What is written.

    def config_text(self):
        settings = self.world.wanted
        plugin = {"deviceListStrategy": list(settings.lists),
                  "deviceIDStrategy": "index" if settings.by_index else "uuid",
                  "passDeviceSpecs": settings.has_nodes,
                  "sharedDevicesAllocationPolicy": "packed" if settings.is_packed else "distributed"}
        patterns = PATTERNS[settings.patterns]
        # Of parts only where there can be some: what has no effect is refused in a strict file.
        parts = patterns.parts if settings.strategy != "none" else ()
        named = {key: [{"pattern": pattern, "name": name} for pattern, name in rows]
                 for key, rows in (("gpus", patterns.gpus), ("mig", parts))}
        text = {"version": "v1", "flags": {"migStrategy": settings.strategy, "plugin": plugin}, "resources": named}
        if settings.is_strict:
            text["rota"] = {"health": {"settle": f"{settings.settle}s"}}
        shared = [{"name": entry.name, "replicas": entry.replicas,
                   "devices": list(entry.devices) if isinstance(entry.devices, tuple) else entry.devices,
                   **({"rename": entry.rename} if entry.rename else {})} for entry in entries(settings)]
        if shared:
            text["sharing"] = {"timeSlicing": {"renameByDefault": settings.is_renamed, "resources": shared}}
        return json.dumps(text)

    def swap_version(self, text=None):
        """As kubelet writes a ConfigMap: a new folder, and a link that is turned to it."""
        old = self.folder / f"..v{self.versions}"
        self.versions += 1
        new = self.folder / f"..v{self.versions}"
        new.mkdir()
        (new / "config.yaml").write_text(text or self.config_text())
        link = self.folder / "..data_tmp"
        link.symlink_to(new.name)
        link.rename(self.folder / "..data")
        shutil.rmtree(old, ignore_errors=True)

    def replace_version(self, text=None):
        replace_file((self.folder / "..data" / "config.yaml").resolve(), text or self.config_text())

    def overwrite_version(self, text=None):
        """In place, so that half of it may be read; what is there in the end counts."""
        (self.folder / "..data" / "config.yaml").write_text(text or self.config_text())

    def write_config(self, text=None, is_urgent=False):
        """Mostly with SIGHUP, which spares the wait until the file is quiet."""
        self.random.choice((self.swap_version, self.replace_version, self.overwrite_version))(text)
        if is_urgent or self.random.random() < 0.8:
            self.hang_up()

    def hang_up(self):
        """SIGHUP, which also makes the agent forget what vanished."""
        self.world.vanished.clear()
        self.hung_up = time.monotonic()
        self.agent.tell(signal.SIGHUP)

    def gpu_text(self, number):
        keys = {"model": MODELS[number % 2]}
        if number in self.world.layouts:
            keys["mig"] = [{"profile": instance.profile, "start": instance.start,
                            "uuid": instance_uuid(number, instance)}
                           for instance in self.world.layouts[number]]
        if number in self.world.actions:
            keys["recoveryAction"] = self.world.actions[number]
        return gpu(number, **keys)

    def write_scenario(self, event=None):
        """event: (number of a GPU, Xid), which the driver reports once."""
        world = self.world
        faults = [{"do": "loseGpu", "gpu": number} if number % 2 else
                  fault("nvmlDeviceGetHandleByIndex_v2", "fail", gpu=number,
                        error="NVML_ERROR_GPU_IS_LOST") for number in sorted(world.lost)]
        text = scenario(*(self.gpu_text(number) for number in range(world.gpus)), faults=faults)
        self.events += 1
        events = [{"id": f"event-{self.events}", "gpu": event[0], "xid": event[1]}] if event else []
        self.set_scenario({**text, "driver": {"version": DRIVER}, "events": events})

    def renew_driver(self):
        """The driver is asked every few seconds; a new process asks at once."""
        pid = wait_until(lambda: next(iter(self.agent.children()), 0), "a driver process")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: pid not in self.agent.children(), "the end of a driver process")

    # The table of changes: of the configuration.

    def set(self, name):
        """A row of SETTINGS."""
        value = SETTINGS[name].draw(self.random)
        self.world.wanted = dataclasses.replace(self.world.wanted, **{name: value})
        self.write_config(is_urgent=name in UNSEEN)

    @change(6)
    def wrong_file(self):
        """Nothing changes, and the next good file counts."""
        self.world.wanted = self.world.settings
        self.write_config(FAULTY.format(self.random.choice(WRONG_REPLICAS)))

    @change(3)
    def no_file(self):
        (self.folder / "..data").unlink()
        self.hang_up()
        self.swap_version()
        self.hang_up()

    @change(4)
    def signal_only(self):
        self.hang_up()

    # Of the hardware and its health.

    @change(8, hangs_up=False)
    def gpus(self):
        """The ones that are gone stay on the list until SIGHUP; nothing is known of them."""
        # What vanishes before the driver was asked anew is forgotten, too; nobody can see when it was.
        time.sleep(max(0, self.hung_up + REFRESH_SECONDS - time.monotonic()))
        before = self.world.gpus
        self.world.gpus = self.random.randint(1, GPUS_MAX)
        self.world.vanished |= set(range(self.world.gpus, before))
        self.world.vanished -= set(range(self.world.gpus))
        self.world.lost = {number for number in self.world.lost if number < self.world.gpus}
        self.write_scenario()
        self.renew_driver()

    @change(8, hangs_up=False)
    def lost_gpu(self):
        self.world.lost.add(self.random.randrange(self.world.gpus))
        self.write_scenario()
        self.renew_driver()

    @change(8, hangs_up=False)
    def gpu_is_back(self):
        if self.world.lost:
            self.world.lost.remove(self.random.choice(sorted(self.world.lost)))
        self.write_scenario()
        self.renew_driver()

    def steady_gpu(self):
        """A GPU that answers; None: there is none."""
        found = [number for number in range(GPUS_MAX) if self.world.is_steady(number)]
        return self.random.choice(found) if found else None

    @change(5, hangs_up=False)
    def xid(self):
        """With what the driver then wants done, or it would be over before it is looked at."""
        number = self.steady_gpu()
        if number is None:
            return
        self.world.actions[number] = self.random.choice(ACTIONS)
        self.write_scenario((number, self.random.choice(XIDS)))

    @change(3, hangs_up=False)
    def xid_of_a_program(self):
        number = self.steady_gpu()
        if number is not None:
            self.write_scenario((number, self.random.choice(PROGRAM_XIDS)))

    @change(8, hangs_up=False)
    def gpu_recovers(self):
        found = [number for number in self.world.actions if self.world.is_steady(number)]
        if found:
            del self.world.actions[self.random.choice(sorted(found))]
            self.write_scenario()

    @change(8, hangs_up=False)
    def partition(self):
        """Into anything, or as another GPU."""
        number = self.steady_gpu()
        others = list(self.world.layouts.values())
        if number is not None:
            self.divide([number], self.random.choice((None, *LAYOUTS, *others)))

    @change(12)
    def partition_alike(self):
        """All GPUs, which is what strategy single is for. First all must answer."""
        if self.world.lost:
            self.world.lost.clear()
            self.write_scenario()
            self.renew_driver()
        else:
            self.divide(range(self.world.gpus), self.random.choice(ALIKE))

    def divide(self, numbers, layout):
        """layout: None: no MIG mode."""
        for number in numbers:
            self.world.layouts.pop(number, None)
            if layout is not None:
                self.world.layouts[number] = layout
        self.write_scenario()
        self.renew_driver()

    @change(5, hangs_up=False)
    def driver_dies(self):
        self.renew_driver()

    # Of kubelet and pods.

    @change(1)
    def pod_begins(self):
        """It was admitted by an agent before this one: kubelet lists ids that we did not give."""
        if len(self.world.pods) == PODS_MAX:
            return
        number = self.random.randrange(GPUS_MAX)
        instance = self.random.choice((None, *self.random.choice(LAYOUTS)))
        device = instance_uuid(number, instance) if instance else uuid(number)
        names = (GPU, PART + instance.profile) if instance else (GPU, SHARED, FAST)
        ordinals = self.random.sample(range(-1, REPLICAS_MAX), self.random.randint(1, 3))
        taken = {ident for _, ident in self.world.held()}
        ids = [join(device, ordinal) for ordinal in ordinals]
        self.set_pod(f"pod-{self.random.random()}",
                     {self.random.choice(names): [i for i in ids if i not in taken]})

    @change(1)
    def pod_ends(self):
        others = sorted(set(self.world.pods) - {"first"})
        if others:
            self.set_pod(self.random.choice(others), None)

    def set_pod(self, name, holds):
        for ended in self.world.pods.get(name, {}):
            self.lingers[ended] = time.monotonic() + LINGER_SECONDS
        self.world.pods = {pod: ids for pod, ids in self.world.pods.items() if pod != name}
        if holds:
            self.world.pods[name] = holds
        self.peer.pods = self.world.pods
        self.wait_question()
        self.wait_question()  # the first answer has had its effect

    def wait_question(self):
        """A reload is a reason to ask."""
        before = self.peer.calls
        self.hang_up()
        wait_until(lambda: self.peer.calls > before, "a question about pods", CHANGE_SECONDS)

    @change(1, hangs_up=False)
    def kubelet_again(self):
        """The one change after which every resource is registered anew."""
        self.kubelet.restart()
        self.registered += collections.Counter(expected_lists(self.world).keys())

    # What is judged.

    def newest(self, name):
        """The last registration of a resource."""
        found = [registration for registration in list(self.kubelet.registrations)
                 if registration.request.resource_name == name]
        return found[-1] if found else None

    def seen_lists(self):
        """What kubelet has of us now."""
        lists = {}
        for name in {registration.request.resource_name
                     for registration in list(self.kubelet.registrations)}:
            newest = self.newest(name)
            if newest and newest.watch and newest.watch.lists and not newest.watch.is_over:
                devices = newest.watch.lists[-1]
                lists[name] = newest.watch.health()
                if len(lists[name]) != len(devices):
                    lists[name] = {"an id stands twice": len(devices)}
        return lists

    def await_lists(self):
        expected = expected_lists(self.world)
        wait_until(lambda: self.seen_lists() == expected,
                   lambda: f"{difference(expected, self.seen_lists())}", CHANGE_SECONDS)
        return expected

    def await_registrations(self):
        def seen():
            return collections.Counter(registration.request.resource_name
                                       for registration in list(self.kubelet.registrations))
        lingering = collections.Counter(name for name, end in self.lingers.items() if time.monotonic() < end)
        maybe = self.maybe + lingering
        wait_until(lambda: self.registered <= seen() <= self.registered + maybe,
                   lambda: f"registrations {self.registered}, and {maybe}, not {seen()}", CHANGE_SECONDS)
        self.maybe -= seen() - self.registered
        self.registered |= seen()

    def judge_answers(self, expected):
        """A strategy is in force once the answer is as it says, and from then on for every id."""
        plugin = self.newest(GPU).plugin
        there = {device.uuid: device for device in devices(self.world)}
        held = [(name, ident) for name, ids in FIRST_POD.items() for ident in ids if ident in expected.get(name, ())]
        answer = expected_answer(self.world, there[uuid(0)])
        wait_until(lambda: told(plugin, ALWAYS_HELD[0]) == answer,
                   lambda: f"{answer}, not {told(plugin, ALWAYS_HELD[0])}", CHANGE_SECONDS)
        for name, ident in held:
            self.assertEqual(told(self.newest(name).plugin, ident),
                             expected_answer(self.world, there[split(ident)[0]]))
        self.judge_descriptions()
        for name, ids in expected.items():
            self.judge_choice(self.newest(name).plugin, ids)
        with self.assertRaises(grpc.RpcError) as refused:
            plugin.allocate([f"{uuid(0)}::{REPLICAS_MAX + 99}"])
        self.assertIn("unknown device", refused.exception.details())

    def judge_descriptions(self):
        """A runtime finds all that kubelet may hand out."""
        expected = expected_descriptions(self.world)
        if not expected:
            return
        registry = cdi_reader.Registry(self.root / "var/run/cdi")
        common = {f"/dev/{name}" for name in fakeroot.CONTROL}
        for name, nodes in expected.items():
            self.assertEqual(set(registry.nodes(name)), common | set(nodes), name)

    def judge_choice(self, plugin, ids):
        """As of a node that is partly in use."""
        available = self.random.sample(sorted(ids), self.random.randint(1, len(ids)))
        size = self.random.randint(1, min(4, len(available)))
        required = available[:self.random.choice((0, 0, self.random.randint(0, size)))]
        chosen = plugin.prefer(sorted(available), size, required)
        self.assertEqual(len(set(chosen)), size)
        self.assertLessEqual(set(chosen), set(available))
        self.assertLessEqual(set(required), set(chosen))
        is_by_links = not any("::" in ident for ident in available) and all(i.startswith("GPU-") for i in ids)
        if not is_by_links:
            wrong = wrong_choice(self.world.settings, ids, available, required, chosen)
            self.assertIsNone(wrong, f"{chosen} of {available} of {ids}, {required} required")

    def draw(self):
        return self.random.choices(list(CHANGES), [row.weight for row in CHANGES.values()])[0]

    def note_names(self, *stages):
        """Names that were, are for a moment perhaps, and are."""
        before, now = stages[0], stages[-1]
        for name in now - before:
            self.registered[name] += 1
        if len(stages) > 2:
            moment = stages[1]
            # Kubelet may hear of a name after it has gone, so that this holds on for a while.
            self.maybe = collections.Counter((moment - before - now) | ((before & now) - moment))

    def start_load(self):
        """Ids that are held are never refused; strategies change while an answer is on its way."""
        load = Load(lambda: self.newest(GPU).plugin if self.newest(GPU) else None,
                    {ident: [uuid(0), "0", MOUNTS, ""] for ident in ALWAYS_HELD})
        self.addCleanup(load.stop)
        return load

    def test_lists_and_answers_follow_every_change(self):
        count = count_of("changes")
        self.start_agent("--config-file", str(self.config_path), f"--root={self.root}",
                         "--driver-root-ctr-path=/driver")
        self.note_names(set(), self.names())
        self.await_lists()
        load = self.start_load()
        before = None
        progress = self.start_progress("changes", count)
        for number in range(count):
            name = self.draw()
            if CHANGES[name].hangs_up and self.world.vanished:
                # By itself, or it would depend on chance what the change is seen with.
                self.step("SIGHUP", ChangesSoak.hang_up)
            self.step(name, CHANGES[name].act)
            if number == min(WARM, count // 2):
                before = self.agent.resident_kib(), self.descriptors()
            progress.step(name)
        self.assertEqual(load.finish(), [])
        self.assert_no_leak(before)
        self.assertEqual(self.agent.stop(), 0)

    def names(self):
        return set(expected_lists(self.world))

    def step(self, name, act):
        """One change, and what must be seen of it."""
        world, began = self.world, time.monotonic()
        there, lists, settings = list(devices(world)), expected_lists(world), world.settings
        failed, wanted, was_refused = world.failing(), world.wanted, world.wanted != world.settings
        stages = [set(lists)]
        act(self)
        recovered = world.settle(failed)
        if was_refused and world.wanted is wanted:
            stages.append(self.names())
        try:
            there = self.await_devices(there)
            world.follow()
            world.end_settling()
            self.await_devices(there)
            self.await_config(was_refused, wanted)
            self.note_names(*stages, self.names())
            self.judge()
            if settings is world.settings:
                self.judge_patience(lists, recovered, time.monotonic() - began)
        except Exception as error:
            error.add_note(f"---- after {name}, in {world}")
            raise

    def await_devices(self, before):
        """Those that there are now. Lists need not tell: with strategy none there are no parts on them."""
        now = list(devices(self.world))
        if now == before:
            return now

        def seen():
            return {device["uuid"]: HEALTH[device["healthy"]] for device in self.status()["devices"]}
        wanted = {device.uuid: device.health for device in now}
        wait_until(lambda: seen() == wanted,
                   lambda: f"{difference({'devices': wanted}, {'devices': seen()})}", CHANGE_SECONDS)
        return now

    def await_config(self, was_refused, before):
        """A refusal is told, and what was refused is in force once the node can follow it."""
        is_new, is_refused = self.world.wanted is not before, self.world.wanted != self.world.settings
        if was_refused and not is_new and not is_refused and not self.world.vanished:
            self.hang_up()  # or it would be some seconds
        if is_new and is_refused or was_refused and not is_new:
            wait_until(lambda: bool(self.status()["configRefused"]) == is_refused,
                       lambda: f"refused {is_refused}: {self.status()['configRefused']}", CHANGE_SECONDS)

    def judge(self):
        expected = self.await_lists()
        self.await_registrations()
        self.judge_answers(expected)
        self.assertTrue(self.agent.is_running())

    def judge_patience(self, before, recovered, seconds):
        """What is well again returns only after the time to settle."""
        after = expected_lists(self.world)
        returned = {split(ident)[0] for name, ids in before.items() for ident, health in ids.items()
                    if health == "Unhealthy" and after.get(name, {}).get(ident) == "Healthy"}
        if returned & {device.uuid for device in devices(self.world) if device.number in recovered}:
            self.assertGreaterEqual(seconds, effective(self.world.settings).settle)

    def assert_no_leak(self, before):
        kib, descriptors = before
        self.assert_memory_kept(kib, SLACK_KIB)
        wait_until(lambda: self.descriptors() <= descriptors + DESCRIPTORS_SLACK,
                   lambda: f"{descriptors} descriptors, not {self.descriptors()}")

    def descriptors(self):
        """Without those that each resource has."""
        return self.agent.descriptors() - DESCRIPTORS_OF_RESOURCE * len(self.names())


def difference(expected, seen):
    """Only what differs: lists are long."""
    return {name: {"missing": sorted(set(expected.get(name, {}).items()) - set(seen.get(name, {}).items())),
                   "too many": sorted(set(seen.get(name, {}).items()) - set(expected.get(name, {}).items())),
                   "is there": name in seen}
            for name in {*expected, *seen} if expected.get(name) != seen.get(name)}


def told(plugin, ident):
    """What a container is told that gets this id."""
    answer, = plugin.allocate([ident])
    return {"envs": dict(answer.envs),
            "mounts": [mount.container_path for mount in answer.mounts],
            "annotations": list(answer.annotations.values()),
            "cdi": [device.name for device in answer.cdi_devices],
            "nodes": [device.container_path for device in answer.devices]}
