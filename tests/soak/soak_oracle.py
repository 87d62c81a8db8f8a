# SPDX-License-Identifier: Apache-2.0
"""What kubelet must be told of a world: of its configuration, hardware, health and held ids.

Pure functions without a line of Rota's: docs/configuration.md, docs/health.md and docs/decisions/0006
to 0008 say how.
"""

import collections
import dataclasses

from agent_case import uuid

GPU = "nvidia.com/gpu"
SHARED = "nvidia.com/gpu.shared"
PART = "nvidia.com/mig-"
SHARED_PROFILE = "1g.5gb"
MOUNTS = "/var/run/nvidia-container-devices"


@dataclasses.dataclass
class World:
    """All that the lists follow from. GPUs go by their number."""

    replicas: int = 5
    is_renamed: bool = False
    by_index: bool = False
    has_mounts: bool = False
    is_mixed: bool = False  # the MIG strategy; else none
    part_replicas: int = 1  # of parts of SHARED_PROFILE
    gpus: int = 2
    vanished: set = dataclasses.field(default_factory=set)  # were there, and SIGHUP came not since
    lost: set = dataclasses.field(default_factory=set)  # do not answer
    actions: dict = dataclasses.field(default_factory=dict)  # number: what the driver wants done
    layouts: dict = dataclasses.field(default_factory=dict)  # number: [(profile, uuid), ...]
    pods: dict = dataclasses.field(default_factory=dict)  # name: {resource: [id, ...]}

    def own_name(self):
        return SHARED if self.is_renamed and self.replicas > 1 else GPU

    def is_ill(self, number):
        return number in self.vanished or number in self.lost or number in self.actions

    def is_steady(self, number):
        """It answers, so that what is done to it is seen."""
        return number < self.gpus and number not in self.lost

    def held(self):
        return {(name, ident) for pod in self.pods.values() for name, ids in pod.items()
                for ident in ids}


Device = collections.namedtuple("Device", "uuid name replicas health")


def part_device(world, profile, ident, health):
    replicas = world.part_replicas if profile == SHARED_PROFILE else 1
    suffix = ".shared" if replicas > 1 and world.is_renamed else ""
    return Device(ident, PART + profile + suffix, replicas, health)


def devices(world):
    """Every device of the node with the name that it has; None: only what is held of it is listed."""
    for number in sorted({*range(world.gpus), *world.vanished}):
        health = "Unhealthy" if world.is_ill(number) else "Healthy"
        is_divided = world.is_mixed and number in world.layouts
        yield Device(uuid(number), None if is_divided else world.own_name(),
                     0 if is_divided else world.replicas, health)
        if is_divided:
            for profile, ident in world.layouts[number]:
                yield part_device(world, profile, ident, health)


def split(ident):
    """(uuid, ordinal); -1 is the whole device."""
    name, mark, ordinal = ident.partition("::")
    return name, int(ordinal) if mark else -1


def join(name, ordinal):
    return name if ordinal < 0 else f"{name}::{ordinal}"


def list_of_device(world, device, name):
    """Ids of one device under one name: the held ones of it, and the lowest that nobody holds."""
    claims = collections.defaultdict(set)  # ordinal: names it is held under
    for holder, ident in world.held():
        owner, ordinal = split(ident)
        if owner == device.uuid:
            claims[ordinal].add(holder)
    wanted = device.replicas if name == device.name else 0
    free = max(0, wanted - len(claims))
    listed = {ordinal for ordinal, holders in claims.items() if name in holders}
    ordinal = 0 if wanted > 1 else -1
    while free > 0:
        if ordinal not in claims:
            listed.add(ordinal)
            free -= 1
        ordinal += 1
    return {join(device.uuid, ordinal) for ordinal in listed}


def expected_lists(world):
    """{resource: {id: health}} of the names that have a device or a holder."""
    there = list(devices(world))
    names = {device.name for device in there if device.name} | {name for name, _ in world.held()}
    lists = {name: {ident: device.health for device in there
                    for ident in list_of_device(world, device, name)} for name in names}
    return {name: ids for name, ids in lists.items() if ids}


def expected_answer(world, ident):
    """(NVIDIA_VISIBLE_DEVICES, mounts) of Allocate for one id."""
    device = split(ident)[0]
    number = next(n for n in range(world.gpus) if uuid(n) == device)
    shown = str(number) if world.by_index else device
    return (MOUNTS, [f"{MOUNTS}/{shown}"]) if world.has_mounts else (shown, [])
