# SPDX-License-Identifier: Apache-2.0
"""Builds the programs of a Kubernetes node from their Go modules, once; what is built is kept outside
the tree under a name that follows from what it is built from."""

import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
SOURCES = ("go.mod", "go.sum", "main.go", "shim/main.go")
# What needs C or a kernel that few have; a pod needs none of it.
TAGS = "no_btrfs,no_devmapper,no_zfs"
SHIM = "containerd-shim-runc-v2"
PROGRAMS = ("containerd", "ctr", "etcd", "kube-apiserver", "kube-controller-manager",
            "kube-scheduler", "kubectl", "kubelet")
PROGRESS_SECONDS = 30


class Missing(Exception):
    """Something that a person has to bring; the text says what and how."""


def version_of(module):
    return re.search(rf"^\s*{re.escape(module)} (v\S+)", (HERE / "go.mod").read_text(), re.MULTILINE)[1]


def find_go():
    """Its path; the Makefile puts Debian's folders first on PATH, and its Go is too old."""
    wanted = re.search(r"^go (\d+)\.(\d+)", (HERE / "go.mod").read_text(), re.MULTILINE)
    for path in (shutil.which("go"), "/usr/local/go/bin/go", "/usr/lib/go/bin/go"):
        if path and os.access(path, os.X_OK):
            said = subprocess.run([path, "version"], check=True, capture_output=True, text=True).stdout
            found = re.search(r"go(\d+)\.(\d+)", said)
            if found and [int(n) for n in found.groups()] >= [int(n) for n in wanted.groups()]:
                return path
    raise Missing(f"Go {wanted[1]}.{wanted[2]} or later is needed and is neither on the PATH nor in "
                  "/usr/local/go. Debian 12 has an older one: unpack the archive of go.dev to /usr/local, "
                  "or install golang-go from Debian's backports.")


def digest(go):
    taken = hashlib.sha256(subprocess.run([go, "version"], check=True, capture_output=True).stdout)
    for name in SOURCES:
        taken.update((HERE / name).read_bytes())
    return taken.hexdigest()[:16]


def run_go(go, *words):
    """With a line of progress now and then, since a cold build takes minutes. An error is Go's own."""
    environment = dict(os.environ, CGO_ENABLED="0", GOTOOLCHAIN="local", GOFLAGS="-buildvcs=false")
    process = subprocess.Popen([go, *words], cwd=HERE, env=environment, text=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    lines = []
    told = time.monotonic()
    for line in process.stderr:
        lines.append(line)
        if time.monotonic() > told + PROGRESS_SECONDS:
            told = time.monotonic()
            print(f"  {len(lines)} packages", file=sys.stderr, flush=True)
    if process.wait() != 0:
        raise Missing(f"go {words[0]} failed, so a part of Kubernetes or containerd cannot be had:\n"
                      + "".join(lines[-20:]))


def build_into(folder, go):
    version = version_of("k8s.io/kubernetes")
    print(f"e2e: building Kubernetes {version} and containerd, once; some six minutes on two cores",
          file=sys.stderr, flush=True)
    said = f"-s -w -X k8s.io/component-base/version.gitVersion={version}"
    for package, name in ((".", "cluster"), ("./shim", SHIM)):
        run_go(go, "build", "-v", "-trimpath", "-tags", TAGS, "-ldflags", said, "-o",
               str(folder / name), package)
    for name in PROGRAMS:
        (folder / name).symlink_to("cluster")


def programs():
    """The folder with every program, built if it is not there."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "rota"
    go = find_go()
    folder = cache / f"cluster-{digest(go)}"
    if not folder.is_dir():
        new = cache / f"{folder.name}.{os.getpid()}"
        new.mkdir(parents=True)
        try:
            build_into(new, go)
            new.rename(folder)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    return folder
