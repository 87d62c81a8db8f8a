# SPDX-License-Identifier: Apache-2.0
"""What kubelet and container runtimes must be told of a world: of its configuration, hardware, health
and held ids.

Pure functions without a line of Rota's: docs/configuration.md, docs/health.md, docs/decisions/0006 to
0008 and what NVIDIA's device plugin does say how.
"""

import collections
import dataclasses
import re

import fakeroot
from agent_case import part_uuid, uuid

GPU = "nvidia.com/gpu"
SHARED = "nvidia.com/gpu.shared"
FAST, BIG, SMALL, REST = "nvidia.com/fast", "nvidia.com/big", "nvidia.com/small", "nvidia.com/rest"
PART = "nvidia.com/mig-"
SHARED_PROFILE = "1g.10gb"
MOUNTS = "/var/run/nvidia-container-devices"
KIND = "k8s.device-plugin.nvidia.com/gpu"
# Every GPU can be divided, and the same profiles are there of both.
MODELS = ("NVIDIA A100-SXM4-80GB", "NVIDIA H100 80GB HBM3")
CDI = {"cdi-annotations", "cdi-cri"}
NEVER = 3600  # seconds to settle, longer than any soak
SETTLE_DEFAULT = 5

# resources.gpus and resources.mig: the first pattern that matches counts. entry: which name of parts
# can be shared, "": what the strategy makes of SHARED_PROFILE.
Patterns = collections.namedtuple("Patterns", "gpus parts entry")
PATTERNS = {
    "none": Patterns((), (), ""),
    "models": Patterns((("*A100*", BIG), ("*", GPU)), (), ""),
    "one model": Patterns((("NVIDIA H*3", GPU),), (), ""),
    "profiles": Patterns((), (("1g.*", SMALL), ("*", REST)), SMALL),
    "anchored": Patterns((("A100", BIG), ("*B", GPU), ("*HBM", REST), ("*HBM3", GPU)),
                         (("1g", SMALL), ("*g.20gb", REST), ("1*0*b", SMALL)), SMALL),
}


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the configuration file says."""

    strategy: str = "none"  # of MIG
    lists: tuple = ("envvar",)
    by_index: bool = False
    has_nodes: bool = False
    is_packed: bool = False
    is_strict: bool = True  # there is a rota: block; without it the next four are not in force
    settle: int = 0  # seconds
    patterns: str = "none"
    chosen: object = "all"  # which of the GPUs are shared: a count, or a tuple
    rename: str = ""  # of the shared GPUs
    is_renamed: bool = False  # by default
    replicas: int = 5  # of GPUs
    part_replicas: int = 1


# One of sharing.timeSlicing.resources.
Entry = collections.namedtuple("Entry", "name replicas devices rename")


def entries(settings):
    """Those that the file has: one that no strategy can make something of is refused."""
    if settings.replicas > 1:
        yield Entry(GPU, settings.replicas, settings.chosen, settings.rename)
    pattern = PATTERNS[settings.patterns].entry
    by_profile = PART + SHARED_PROFILE if settings.strategy == "mixed" else ""
    name = pattern if pattern and settings.strategy != "none" else by_profile
    if settings.part_replicas > 1 and name:
        yield Entry(name, settings.part_replicas, "all", "")


def effective(settings):
    """What counts of it."""
    if settings.is_strict:
        return settings
    return dataclasses.replace(settings, settle=SETTLE_DEFAULT, patterns="none")


def effective_entries(settings):
    for entry in entries(settings):
        yield entry if settings.is_strict else entry._replace(devices="all", rename="")


# A GPU instance: the id that the driver gives it follows from where it starts.
Instance = collections.namedtuple("Instance", "profile start ident")


@dataclasses.dataclass
class World:
    """All that the lists follow from. GPUs go by their number."""

    settings: Settings = Settings()  # in force
    wanted: Settings = Settings()  # of the file
    gpus: int = 2
    vanished: set = dataclasses.field(default_factory=set)  # were there, and SIGHUP came not since
    lost: set = dataclasses.field(default_factory=set)  # do not answer
    actions: dict = dataclasses.field(default_factory=dict)  # number: what the driver wants done
    settling: set = dataclasses.field(default_factory=set)  # well again, and not for long enough
    layouts: dict = dataclasses.field(default_factory=dict)  # number: (Instance, ...); is in MIG mode
    pods: dict = dataclasses.field(default_factory=dict)  # name: {resource: [id, ...]}

    def known(self):
        """In their order."""
        return sorted({*range(self.gpus), *self.vanished})

    def failing(self):
        """Numbers that something is the matter with now."""
        return self.vanished | self.lost | set(self.actions)

    def is_ill(self, number):
        return number in self.failing() or number in self.settling

    def is_steady(self, number):
        """It answers, so that what is done to it is seen."""
        return number < self.gpus and number not in self.lost

    def held(self):
        return {(name, ident) for pod in self.pods.values() for name, ids in pod.items()
                for ident in ids}

    def follow(self):
        """Settings that the node cannot follow leave the old ones in force, until it can; unless these
        offer nothing either."""
        if self.wanted.strategy != "single" or self.settings.strategy == "single" or is_alike(self):
            self.settings = self.wanted

    def settle(self, failed):
        """Those that failed before and do not now, of which the agent did not forget."""
        recovered = (failed - self.failing()) & set(self.known())
        self.settling = (self.settling | recovered) & set(self.known()) - self.failing()
        self.end_settling()
        return recovered

    def end_settling(self):
        if effective(self.settings).settle < NEVER:
            self.settling.clear()


def is_alike(world):
    """Strategy single names parts as GPUs, which needs all GPUs to be divided, into one profile."""
    layouts = [world.layouts.get(number) for number in world.known()]
    if all(layout is None for layout in layouts):
        return True
    profiles = {instance.profile for layout in layouts for instance in layout or ()}
    return all(layouts) and len(profiles) == 1


# kind: a product or a profile. instance: None of a GPU.
Device = collections.namedtuple("Device", "number uuid index kind instance health")


def instance_uuid(number, instance):
    return part_uuid(100 * number + instance.ident)


def devices(world):
    """Every GPU of the node, and after it its parts."""
    for number in world.known():
        health = "Unhealthy" if world.is_ill(number) else "Healthy"
        # What was counted after a GPU that vanished has its index now.
        index = uuid(number) if number in world.vanished else str(number)
        yield Device(number, uuid(number), index, MODELS[number % 2], None, health)
        for place, instance in enumerate(world.layouts.get(number, ())):
            yield Device(number, instance_uuid(number, instance), f"{index}:{place}",
                         instance.profile, instance, health)


def first_match(patterns, text):
    """A star is any run of characters; both ends are anchored."""
    for pattern, name in patterns:
        if re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text):
            return name
    return None


def name_of(world, device):
    """Before it is shared; None: not offered."""
    strategy = world.settings.strategy
    patterns = PATTERNS[effective(world.settings).patterns]
    if strategy == "single" and not is_alike(world):
        return None
    if not device.instance:
        is_hidden = strategy != "none" and device.number in world.layouts
        return None if is_hidden else first_match(patterns.gpus or (("*", GPU),), device.kind)
    by_strategy = {"none": (), "single": (("*", GPU),), "mixed": (("*", PART + device.kind),)}
    return first_match(strategy != "none" and patterns.parts or by_strategy[strategy], device.kind)


def is_chosen(devices_of_entry, device, place):
    """place: among the devices of the entry's name."""
    if isinstance(devices_of_entry, int):
        return place < devices_of_entry
    return devices_of_entry == "all" or bool({device.index, device.uuid} & set(map(str, devices_of_entry)))


# name: None: only what is held of the device is listed.
Offer = collections.namedtuple("Offer", "device name replicas")


def offers(world):
    settings, places = world.settings, collections.Counter()
    for device in devices(world):
        name, replicas = name_of(world, device), 1
        for entry in effective_entries(settings):
            if entry.name == name and is_chosen(entry.devices, device, places[name]):
                default = f"{name}.shared" if settings.is_renamed else name
                yield Offer(device, entry.rename or default, entry.replicas)
                break
        else:
            yield Offer(device, name, replicas if name else 0)
        places[name] += 1


def split(ident):
    """(uuid, ordinal); -1 is the whole device."""
    name, mark, ordinal = ident.partition("::")
    return name, int(ordinal) if mark else -1


def join(name, ordinal):
    return name if ordinal < 0 else f"{name}::{ordinal}"


def claims(world):
    """{uuid: {ordinal: {names it is held under}}}"""
    found = collections.defaultdict(lambda: collections.defaultdict(set))
    for name, ident in world.held():
        owner, ordinal = split(ident)
        found[owner][ordinal].add(name)
    return found


def kept_back(world, held):
    """uuids of what nobody else is given: a GPU of which a part is held, and the parts of one that is held."""
    present = list(devices(world))
    whole, divided = ({device.number for device in present if device.uuid in held and bool(device.instance) == is_part}
                      for is_part in (False, True))
    return {device.uuid for device in present if device.number in (whole if device.instance else divided)}


def list_of_offer(offer, held, name):
    """Ids of one device under one name: the held ones of it, and the lowest that nobody holds."""
    wanted = offer.replicas if name == offer.name else 0
    free = max(0, wanted - len(held))
    listed = {ordinal for ordinal, holders in held.items() if name in holders}
    ordinal = 0 if wanted > 1 else -1
    while free > 0:
        if ordinal not in held:
            listed.add(ordinal)
            free -= 1
        ordinal += 1
    return {join(offer.device.uuid, ordinal) for ordinal in listed}


def expected_lists(world):
    """{resource: {id: health}} of the names that have a device or a holder."""
    held = claims(world)
    hidden = kept_back(world, held)
    offered = [offer._replace(replicas=0) if offer.device.uuid in hidden else offer for offer in offers(world)]
    names = {offer.name for offer in offered if offer.name} | {name for name, _ in world.held()}
    lists = {name: {ident: offer.device.health for offer in offered
                    for ident in list_of_offer(offer, held[offer.device.uuid], name)}
             for name in sorted(names)}  # the same order each time: what is drawn follows it
    return {name: ids for name, ids in lists.items() if ids}


def nodes_of(device):
    """Its device nodes."""
    nodes = [f"/dev/nvidia{device.number}"]
    if device.instance:
        nodes += [f"/dev/nvidia-caps/nvidia-cap{minor}" for minor in (
            fakeroot.capability_minor(device.number, device.instance.ident),
            fakeroot.capability_minor(device.number, device.instance.ident, 0))]
    return nodes


def shown_name(settings, device):
    return device.index if settings.by_index else device.uuid


def expected_answer(world, device):
    """Of Allocate for one id of this device. The key of an annotation is another one each time."""
    settings = world.settings
    shown = shown_name(settings, device)
    qualified = [f"{KIND}={shown}"]
    is_mounted = "volume-mounts" in settings.lists
    visible = MOUNTS if is_mounted else shown
    is_told = set(settings.lists) - CDI
    control = [f"/dev/{name}" for name in fakeroot.CONTROL]
    return {"envs": {"NVIDIA_VISIBLE_DEVICES": visible} if is_told else {},
            "mounts": [f"{MOUNTS}/{shown}"] if is_mounted else [],
            "annotations": [",".join(qualified)] if "cdi-annotations" in settings.lists else [],
            "cdi": qualified if "cdi-cri" in settings.lists else [],
            "nodes": control + nodes_of(device) if settings.has_nodes and is_told else []}


def expected_descriptions(world):
    """{qualified name: device nodes} that a container runtime must find: of all that kubelet may hand out; of what pods
    hold by both names, since the strategy of ids may have been the other one."""
    if not CDI & set(world.settings.lists):
        return {}
    offered = {split(ident)[0] for ids in expected_lists(world).values()
               for ident, health in ids.items() if health == "Healthy"}
    held = claims(world)
    return {f"{KIND}={name}": nodes_of(device) for device in devices(world) if device.uuid in offered
            for name in ((device.uuid, device.index) if device.uuid in held else [shown_name(world.settings, device)])}


def wrong_choice(settings, ids, available, required, chosen):
    """What is wrong about the ids chosen one by one; None: nothing. ids: of the whole resource."""
    if chosen[:len(required)] != required or len(set(chosen)) != len(chosen) or set(chosen) - set(available):
        return "not of those on offer"
    left = collections.Counter(split(ident)[0] for ident in set(available) - set(required))
    taken = collections.Counter(split(ident)[0] for ident in ids) - left
    picks = collections.Counter()
    sign = -1 if settings.is_packed else 1
    is_whole = not any(owner.startswith("MIG-") for owner in {*taken, *left})
    for ident in chosen[len(required):]:
        owner = split(ident)[0]
        rank = {other: (sign * taken[other], picks[other] if is_whole else 0) for other in left if left[other]}
        if rank[owner] > min(rank.values()):
            return f"{ident}: {rank[owner]}, and there is {min(rank.values())}"
        left[owner] -= 1
        taken[owner] += 1
        picks[owner] += 1
    return None
