# SPDX-License-Identifier: Apache-2.0
"""The simulated driver as it is installed on the node: in a folder of its own, as the one of a driver
container, with its libraries, programs and device nodes under a real driver's names."""

import json
import os
import pathlib
import shutil
import stat

import fakeroot
from images import ROOT

VERSION = "550.54.15"
FOLDER = pathlib.Path("/run/nvidia/driver")
LIBRARIES = FOLDER / "usr/lib/x86_64-linux-gnu"
SCENARIO = FOLDER / f"lib/firmware/nvidia/{VERSION}/gsp_sim.bin"
# /dev/null: there is no driver behind a node of major 195, and the devices cgroup is enforced.
STAND_IN = os.makedev(1, 3)
GPUS_MAX = 8


def make_node(name):
    path = FOLDER / "dev" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mknod(path, stat.S_IFCHR | 0o666, STAND_IN)
    path.chmod(0o666)


def uuid(number):
    return f"GPU-e220a839-7b1d-4daf-a6e7-9e6aa1b965f{number:x}"


def scenario(gpus, **keys):
    """As sim/scenarios has it; JSON is YAML."""
    return {"driver": {"version": VERSION},
            "gpus": [{"uuid": uuid(number), "minor": number} for number in range(gpus)], **keys}


def part_uuid(number):
    return f"MIG-{number:08d}-0000-4000-8000-000000000000"


def divided(profile, *numbers):
    """Keys of a GPU of a scenario that is divided into parts of a profile; their uuids have these numbers."""
    return {"model": "NVIDIA A100-SXM4-40GB",
            "mig": [{"profile": profile, "uuid": part_uuid(number)} for number in numbers]}


def capabilities(gpu, instance):
    """Names of the nodes that a container needs for a GPU instance and its one compute instance."""
    minors = fakeroot.capability_minor(gpu, instance), fakeroot.capability_minor(gpu, instance, 0)
    return [f"nvidia-cap{minor}" for minor in sorted(minors)]


def install_capabilities():
    """The list of what guards parts, and the nodes of GPU 0, as a driver with MIG has them."""
    listing = FOLDER / "proc/driver/nvidia-caps/mig-minors"
    listing.parent.mkdir(parents=True)
    listing.write_text(fakeroot.mig_minors(range(GPUS_MAX)))
    for instance in range(fakeroot.INSTANCES):
        for name in capabilities(0, instance):
            make_node(f"nvidia-caps/{name}")


def write_scenario(document):
    """By rename, so that no reader sees half of it."""
    new = SCENARIO.with_suffix(".new")
    new.write_text(json.dumps(document))
    new.rename(SCENARIO)


def install(gpus):
    for folder in (LIBRARIES, FOLDER / "usr/bin", SCENARIO.parent):
        folder.mkdir(parents=True)
    build = ROOT / "build" / "sim"
    shutil.copy(build / "libnvidia-ml.so.1", LIBRARIES / f"libnvidia-ml.so.{VERSION}")
    (LIBRARIES / "libnvidia-ml.so.1").symlink_to(f"libnvidia-ml.so.{VERSION}")
    shutil.copy(build / "nvidia-smi", FOLDER / "usr/bin")
    for name in ("nvidiactl", "nvidia-uvm", *(f"nvidia{number}" for number in range(GPUS_MAX))):
        make_node(name)
    install_capabilities()
    write_scenario(scenario(gpus))
