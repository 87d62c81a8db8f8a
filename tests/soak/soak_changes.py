# SPDX-License-Identifier: Apache-2.0
"""Random changes of configuration, hardware and health under a load of calls, judged by an oracle.

soak_oracle says what kubelet must be told. After each change every list is exactly that, Allocate
answers right, and no resource that the change does not concern was registered again.
"""

import collections
import json
import os
import shutil
import signal
import time

import grpc

from soak_case import DESCRIPTORS_SLACK, SLACK_KIB, SoakCase, count_of
from soak_life import Load
from soak_oracle import (
    GPU, MOUNTS, PART, SHARED, SHARED_PROFILE, World, expected_answer, expected_lists, join)
from agent_case import IS_SANITIZED, fault, gpu, replace_file, scenario, uuid
from kubelet_peer import wait_until
from pods_peer import PodResources

NAMES = (GPU, SHARED)  # under which whole GPUs are held
GPUS_MAX = 8
FIRST_A100 = 4  # GPUs from here on can be divided
LAYOUTS = ([], ["1g.5gb"], ["1g.5gb"] * 3, ["2g.10gb", "1g.5gb"], ["3g.20gb", "2g.10gb"], ["7g.40gb"])
ACTIONS = ("gpuReset", "nodeReboot", "drainAndReset")
XIDS = (48, 79, 95)  # a driver that wants nothing is enough for these to be over
PROGRAM_XIDS = (13, 31, 43, 45)
REPLICAS_MAX = 12
# The first pod stays to the end: it holds these, whatever the configuration becomes, and its calls
# are the load.
ALWAYS_HELD = (f"{uuid(0)}::0", f"{uuid(0)}::3")
PODS_MAX = 6
# By far longer than any change takes; only a list that never comes reaches it.
CHANGE_SECONDS = 60
WARM = 30
REFRESH_SECONDS = 4 if IS_SANITIZED else 1
FAULTY = "version: v1\nsharing:\n  timeSlicing:\n    resources:\n      - name: nvidia.com/gpu\n        replicas: {}\n"
WRONG_REPLICAS = ("1", "-4", "many", "99999999", "[2]")

Change = collections.namedtuple("Change", "weight hangs_up act")
CHANGES = {}


def change(weight, hangs_up=True):
    """A row of the table of changes; hangs_up: it may send SIGHUP."""
    def enter(act):
        CHANGES[act.__name__] = Change(weight, hangs_up, act)
        return act
    return enter


class ChangesSoak(SoakCase):
    def setUp(self):
        super().setUp()
        self.world = World(pods={"first": {GPU: list(ALWAYS_HELD)}})
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

    # What is written.

    def config_text(self):
        world = self.world
        flags = {"plugin": {
            "deviceListStrategy": "volume-mounts" if world.has_mounts else "envvar",
            "deviceIDStrategy": "index" if world.by_index else "uuid"}}
        flags["migStrategy"] = "mixed" if world.is_mixed else "none"
        # An entry that no strategy can make something of is refused.
        parts = world.part_replicas if world.is_mixed else 1
        wanted = ((GPU, world.replicas), (PART + SHARED_PROFILE, parts))
        entries = [{"name": name, "replicas": count} for name, count in wanted if count > 1]
        # What settles at once needs no patience.
        text = {"version": "v1", "flags": flags, "rota": {"health": {"settle": "0s"}}}
        if entries:
            text["sharing"] = {"timeSlicing": {"renameByDefault": world.is_renamed,
                                               "resources": entries}}
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

    def write_config(self, text=None):
        """Mostly with SIGHUP, which spares the wait until the file is quiet."""
        self.random.choice((self.swap_version, self.replace_version, self.overwrite_version))(text)
        if self.random.random() < 0.8:
            self.hang_up()

    def hang_up(self):
        """SIGHUP, which also makes the agent forget what vanished."""
        self.world.vanished.clear()
        self.hung_up = time.monotonic()
        self.agent.tell(signal.SIGHUP)

    def gpu_text(self, number):
        keys = {"model": "NVIDIA A100-SXM4-40GB"} if number >= FIRST_A100 else {}
        if number in self.world.layouts:
            keys["mig"] = [{"profile": profile, "uuid": ident}
                           for profile, ident in self.world.layouts[number]]
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
        self.set_scenario({**text, "driver": {"version": "570.10"}, "events": events})

    def renew_driver(self):
        """The driver is asked every few seconds; a new process asks at once."""
        pid = wait_until(lambda: next(iter(self.agent.children()), 0), "a driver process")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: pid not in self.agent.children(), "the end of a driver process")

    # The table of changes: of the configuration.

    @change(20)
    def replicas(self):
        self.world.replicas = self.random.randint(2, REPLICAS_MAX)
        self.write_config()

    @change(4)
    def no_sharing(self):
        self.world.replicas = 1
        self.write_config()

    @change(8)
    def rename(self):
        self.world.is_renamed = not self.world.is_renamed
        self.write_config()

    @change(5)
    def id_strategy(self):
        self.world.by_index = not self.world.by_index
        self.write_config()

    @change(5)
    def list_strategy(self):
        self.world.has_mounts = not self.world.has_mounts
        self.write_config()

    @change(6)
    def wrong_file(self):
        """Nothing changes, and the next good file counts."""
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

    def steady_gpu(self, first=0):
        """A GPU that answers, from this number on; None: there is none."""
        found = [number for number in range(first, GPUS_MAX) if self.world.is_steady(number)]
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
        number = self.steady_gpu(FIRST_A100)
        if number is None:
            return
        if self.random.random() < 0.3:
            self.world.layouts.pop(number, None)
        else:
            self.events += 1
            self.world.layouts[number] = [
                (profile, f"MIG-{number}-{self.events}-{place}")
                for place, profile in enumerate(self.random.choice(LAYOUTS))]
        self.write_scenario()
        self.renew_driver()
        self.await_parts(number)

    def await_parts(self, number):
        """Lists need not tell: with strategy none there are no parts on them."""
        def seen():
            return {device["uuid"] for device in self.status()["devices"]
                    if device["index"].startswith(f"{number}:")}
        wanted = {ident for _, ident in self.world.layouts.get(number, [])}
        wait_until(lambda: seen() == wanted, lambda: f"parts {wanted}, not {seen()}",
                   CHANGE_SECONDS)

    @change(5)
    def mig_strategy(self):
        self.world.is_mixed = not self.world.is_mixed
        self.write_config()

    @change(5)
    def part_replicas(self):
        self.world.part_replicas = self.random.randint(1, 4)
        self.write_config()

    @change(5, hangs_up=False)
    def driver_dies(self):
        self.renew_driver()

    # Of kubelet and pods.

    @change(1)
    def pod_begins(self):
        """It was admitted by an agent before this one: kubelet lists ids that we did not give."""
        if len(self.world.pods) == PODS_MAX:
            return
        device = uuid(self.random.randrange(GPUS_MAX))
        ordinals = self.random.sample(range(REPLICAS_MAX), self.random.randint(1, 3))
        name = self.random.choice(NAMES)
        taken = {ident for _, ident in self.world.held()}
        ids = [join(device, ordinal) for ordinal in ordinals]
        self.set_pod(f"pod-{self.random.random()}", {name: [i for i in ids if i not in taken]})

    @change(1)
    def pod_ends(self):
        others = sorted(set(self.world.pods) - {"first"})
        if others:
            self.set_pod(self.random.choice(others), None)

    def set_pod(self, name, holds):
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
        wait_until(lambda: seen() == self.registered,
                   lambda: f"registrations {self.registered}, not {seen()}", CHANGE_SECONDS)

    def judge_answers(self, expected):
        """A strategy is in force once the answer is as it says, and from then on for every id."""
        plugin = self.newest(GPU).plugin
        wait_until(lambda: self.answer(plugin, ALWAYS_HELD[0]) ==
                   expected_answer(self.world, ALWAYS_HELD[0]), "an answer of the new settings",
                   CHANGE_SECONDS)
        for ident in ALWAYS_HELD:
            self.assertEqual(self.answer(plugin, ident), expected_answer(self.world, ident))
        for name, ids in expected.items():
            if ids:
                self.judge_choice(self.newest(name).plugin, ids)
        with self.assertRaises(grpc.RpcError) as refused:
            plugin.allocate([f"{uuid(0)}::{REPLICAS_MAX + 99}"])
        self.assertIn("unknown device", refused.exception.details())

    def answer(self, plugin, ident):
        answer = plugin.allocate([ident])[0]
        return (answer.envs["NVIDIA_VISIBLE_DEVICES"],
                [mount.container_path for mount in answer.mounts])

    def judge_choice(self, plugin, ids):
        size = self.random.randint(1, min(3, len(ids)))
        chosen = plugin.prefer(sorted(ids), size)
        self.assertEqual(len(set(chosen)), size)
        self.assertLessEqual(set(chosen), set(ids))

    def draw(self):
        return self.random.choices(list(CHANGES), [row.weight for row in CHANGES.values()])[0]

    def note_new_names(self, before):
        for name in expected_lists(self.world):
            if name not in before:
                self.registered[name] += 1

    def start_load(self):
        """Ids that are held are never refused; strategies change while an answer is on its way."""
        load = Load(lambda: self.newest(GPU).plugin if self.newest(GPU) else None,
                    {ident: [uuid(0), "0", MOUNTS] for ident in ALWAYS_HELD})
        self.addCleanup(load.stop)
        return load

    def test_lists_and_answers_follow_every_change(self):
        count = count_of("changes")
        self.start_agent("--config-file", str(self.config_path))
        self.note_new_names({})
        self.await_lists()
        load = self.start_load()
        before = None
        progress = self.start_progress("changes", count)
        for number in range(count):
            name = self.draw()
            if CHANGES[name].hangs_up and self.world.vanished:
                # By itself, or it would depend on chance what the change is seen with.
                self.hang_up()
                self.judge("SIGHUP")
            names = set(expected_lists(self.world))
            CHANGES[name].act(self)
            if name != "kubelet_again":
                self.note_new_names(names)
            self.judge(name)
            if number == min(WARM, count // 2):
                before = self.agent.resident_kib(), self.agent.descriptors()
            progress.step(name)
        self.assertEqual(load.finish(), [])
        self.assert_no_leak(before)
        self.assertEqual(self.agent.stop(), 0)

    def judge(self, name):
        try:
            expected = self.await_lists()
            self.await_registrations()
            self.judge_answers(expected)
            self.assertTrue(self.agent.is_running())
        except Exception as error:
            error.add_note(f"---- after {name}, in {self.world}")
            raise

    def assert_no_leak(self, before):
        kib, descriptors = before
        self.assert_memory_kept(kib, SLACK_KIB)
        wait_until(lambda: self.agent.descriptors() <= descriptors + DESCRIPTORS_SLACK,
                   lambda: f"{descriptors} descriptors, not {self.agent.descriptors()}")


def difference(expected, seen):
    """Only what differs: lists are long."""
    return {name: {"missing": sorted(set(expected.get(name, {}).items()) - set(seen.get(name, {}).items())),
                   "too many": sorted(set(seen.get(name, {}).items()) - set(expected.get(name, {}).items())),
                   "is there": name in seen}
            for name in {*expected, *seen} if expected.get(name) != seen.get(name)}
