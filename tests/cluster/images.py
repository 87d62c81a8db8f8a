# SPDX-License-Identifier: Apache-2.0
"""Images without a registry: the agent's, as users get it, and stand-ins for those of pods."""

import pathlib
import re
import shlex
import shutil
import subprocess

from node import PAUSE_IMAGE

ROOT = pathlib.Path(__file__).resolve().parents[2]
AGENT = "docker.io/library/rota:0.1.0"
# What the manifest of the pods names. Ours has a shell and the libraries that nvidia-smi asks for.
POD = "docker.io/library/debian:12-slim"
BUSYBOX = pathlib.Path("/bin/busybox")
COMMANDS = ("sh", "sleep", "cat", "ls", "env", "true", "false", "kill", "touch", "echo")
# The first process of a pod; it has to end when it is told to.
PAUSE = ["/bin/busybox", "sh", "-c", "trap 'exit 0' TERM; sleep 1000000 & wait"]


def libraries_of(program):
    """Paths of the shared libraries that it is linked with, and of its loader."""
    said = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    return re.findall(r"(/\S+)", said)


class Images:
    def __init__(self, scratch, node):
        self.scratch = scratch / "images"
        self.scratch.mkdir()
        self.node = node

    def make(self, name, root, command):
        """An image of a folder, in containerd."""
        archive = self.scratch / "image.tar"
        archive.unlink(missing_ok=True)
        made = self.buildah("from", "scratch")
        self.buildah("copy", made, str(root), "/")
        self.buildah("config", "--cmd", shlex.join(command), made)
        self.buildah("commit", "--rm", made, name)
        self.buildah("push", name, f"oci-archive:{archive}:{name}")
        self.load(archive)

    def buildah(self, *words):
        done = subprocess.run(
            ["buildah", "--root", self.scratch / "storage", "--runroot", self.scratch / "run",
             "--storage-driver", "vfs", *words], capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(f"buildah {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def load(self, archive):
        done = subprocess.run([self.node.programs / "ctr", "--namespace", "k8s.io", "images", "import",
                               archive], capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(f"ctr images import {archive}: {done.stderr.strip()}")

    def make_all(self):
        busybox = self.scratch / "busybox"
        (busybox / "bin").mkdir(parents=True)
        shutil.copy(BUSYBOX, busybox / "bin")
        self.make(PAUSE_IMAGE, busybox, PAUSE)
        for command in COMMANDS:
            (busybox / "bin" / command).symlink_to("busybox")
        build = ROOT / "build" / "sim"
        for path in {*libraries_of(build / "nvidia-smi"), *libraries_of(build / "libnvidia-ml.so.1")}:
            target = busybox / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
        self.make(POD, busybox, ["/bin/sh"])
        archive = self.scratch / "rota.tar"
        subprocess.run([ROOT / "tools/image", AGENT, archive], cwd=ROOT, check=True)
        self.load(archive)
