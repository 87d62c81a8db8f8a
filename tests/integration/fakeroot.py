# SPDX-License-Identifier: Apache-2.0
"""The files that NVIDIA's driver makes on a node, as a folder: what a driver root is in tests.

Devices are empty regular files. The minors of MIG's capabilities are those of the real driver: two are
taken by config and monitor, then each GPU has room for its instances.
"""

import pathlib

# GPU instances of a GPU have ids 0..14, compute instances of one 0..7: as the driver numbers them.
INSTANCES = 15
COMPUTES = 8
FIRST_MINOR = 3
CONTROL = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset")


def capability_minor(gpu, instance, compute=None):
    """Of /dev/nvidia-caps/nvidia-cap<minor>, for a GPU instance or a compute instance of one."""
    base = FIRST_MINOR + (gpu * INSTANCES + instance) * (COMPUTES + 1)
    return base if compute is None else base + 1 + compute


def mig_minors(gpus):
    """The text of /proc/driver/nvidia-caps/mig-minors. The real file lists all ids of every GPU."""
    lines = ["config 1", "monitor 2"]
    for gpu in gpus:
        for instance in range(INSTANCES):
            lines.append(f"gpu{gpu}/gi{instance}/access {capability_minor(gpu, instance)}")
            lines += [f"gpu{gpu}/gi{instance}/ci{compute}/access "
                      f"{capability_minor(gpu, instance, compute)}" for compute in range(COMPUTES)]
    return "\n".join(lines) + "\n"


def make(root, minors, parts=()):
    """Write a root for GPUs of these minors and parts (minor, GPU instance, compute instance).

    Without parts there are no capabilities at all, as on a node whose driver has no MIG.
    """
    root = pathlib.Path(root)
    devices = [f"nvidia{minor}" for minor in minors] + list(CONTROL)
    if parts:
        caps = {1, 2}
        for minor, instance, compute in parts:
            caps |= {capability_minor(minor, instance),
                     capability_minor(minor, instance, compute)}
        devices += [f"nvidia-caps/nvidia-cap{cap}" for cap in sorted(caps)]
        listing = root / "proc/driver/nvidia-caps/mig-minors"
        listing.parent.mkdir(parents=True, exist_ok=True)
        listing.write_text(mig_minors(minors))
    for name in devices:
        path = root / "dev" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root
