# SPDX-License-Identifier: Apache-2.0
"""A view of this machine of one's own: processes, network, mounts and cgroups.

What runs in it is gone when its first process is, and with it every mount, interface and container;
only the cgroups are left then, which end_view() removes. Writes to /etc, /var and /run, and the
system-wide settings that kubelet writes, stay in a scratch folder.
"""

import contextlib
import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

PR_SET_PDEATHSIG = 1
# These end a run, which cleans up behind it.
ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
CGROUPS = pathlib.Path("/sys/fs/cgroup")
CPUSET_FILES = ("cpuset.cpus", "cpuset.mems")
# Folders that are written to, each with an overlay, so that nothing of it reaches the machine.
OVERLAID = ("etc", "var")
# kubelet sets these for the whole machine.
SYSCTLS = ("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops",
           "kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes")
ADDRESS = "10.77.0.2"
# Of cgroups and scratch folders; the process id of their owner follows.
PREFIX = "rota-e2e-"
# A cgroup whose last process was just killed cannot be removed for a moment.
REMOVE_SECONDS = 20


def hierarchies():
    """[(mount point, mount options)] of cgroup v1, as this machine has them."""
    found = []
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        before, after = line.split(" - ")
        kind, _, options = after.split()[:3]
        if kind == "cgroup":
            wanted = [word for word in options.split(",") if word not in ("rw", "ro")]
            found.append((pathlib.Path(before.split()[4]), ",".join(wanted)))
    return found


def is_abandoned(folder):
    """Its owner was killed before it could clean up."""
    owner = folder.name.removeprefix(PREFIX).split("-")[0]
    return owner.isdigit() and not pathlib.Path(f"/proc/{owner}").exists()


def remove_abandoned():
    for mount, _ in hierarchies():
        remove_cgroups([path for path in mount.glob(f"{PREFIX}*") if is_abandoned(path)])
    for path in pathlib.Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if is_abandoned(path):
            shutil.rmtree(path)


def make_cgroups(name):
    made = []
    for mount, _ in hierarchies():
        folder = mount / name
        folder.mkdir()
        made.append(folder)
        for file in CPUSET_FILES:
            if (folder / file).exists():
                (folder / file).write_text((mount / file).read_text())
    return made


def remove_cgroups(folders):
    """Bottom up; containers have made their own below ours."""
    end = time.monotonic() + REMOVE_SECONDS
    for top in folders:
        for folder in [*sorted(top.rglob("*/"), reverse=True), top]:
            while folder.is_dir():
                try:
                    folder.rmdir()
                except OSError:
                    if time.monotonic() > end:
                        raise
                    time.sleep(0.05)


def machine():
    """{what: value} of all that a view might leave behind."""
    found = {f"sysctl {name}": (pathlib.Path("/proc/sys") / name).read_text() for name in SYSCTLS}
    places = {
        "mount": [line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()],
        "cgroup": [path for mount, _ in hierarchies() for path in mount.glob(f"{PREFIX}{os.getpid()}*")],
        "interface": pathlib.Path("/sys/class/net").iterdir(),
        "network namespace": pathlib.Path("/run/netns").glob("*"),
        "process": [path.parent for path in pathlib.Path("/proc").glob("[0-9]*/cgroup")
                    if f"{PREFIX}{os.getpid()}" in read(path)],
    }
    return found | {f"{what} {path}": "there" for what, paths in places.items() for path in paths}


def read(path):
    """Of a process that may be gone by now."""
    try:
        return path.read_text()
    except OSError:
        return ""


def differences(before, after):
    return [f"{what}: {before.get(what, 'not there')} before, {after.get(what, 'not there')} after"
            for what in sorted({*before, *after}) if before.get(what) != after.get(what)]


@contextlib.contextmanager
def enter(command, name):
    """Run a command as the first process of a view; at the end everything in it is killed. The name is
    that of its cgroups."""
    folders = make_cgroups(name)
    libc = ctypes.CDLL(None)

    def before():
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        for folder in folders:
            (folder / "cgroup.procs").write_text("0")

    try:
        process = subprocess.Popen(
            ["unshare", "--cgroup", "--mount", "--net", "--pid", "--uts", "--ipc", "--fork",
             "--kill-child", "--mount-proc", *command], preexec_fn=before)
        try:
            yield process
        finally:
            # An impatient second ^C must not leave half of it.
            for number in ENDING:
                signal.signal(number, signal.SIG_IGN)
            process.kill()
            process.wait()
    finally:
        remove_cgroups(folders)


def run(*words):
    subprocess.run(words, check=True)


def mount_folders(scratch):
    run("mount", "--make-rshared", "/")
    for name in OVERLAID:
        upper, work = scratch / name / "upper", scratch / name / "work"
        upper.mkdir(parents=True)
        work.mkdir()
        run("mount", "-t", "overlay", "overlay", "-o",
            f"lowerdir=/{name},upperdir={upper},workdir={work}", f"/{name}")
    run("mount", "-t", "tmpfs", "-o", "mode=755", "run", "/run")
    kubelet = scratch / "kubelet"
    kubelet.mkdir()
    pathlib.Path("/var/lib/kubelet").mkdir(exist_ok=True)
    run("mount", "--bind", str(kubelet), "/var/lib/kubelet")


def mount_cgroups():
    """The same hierarchies, seen from our cgroups down."""
    wanted = hierarchies()
    run("mount", "-t", "tmpfs", "-o", "mode=755", "cgroup", str(CGROUPS))
    for mount, options in wanted:
        mount.mkdir()
        run("mount", "-t", "cgroup", "-o", options, "cgroup", str(mount))


def hide_sysctls(scratch):
    for name in SYSCTLS:
        real = pathlib.Path("/proc/sys") / name
        stand_in = scratch / "sysctl" / name.replace("/", ".")
        stand_in.parent.mkdir(exist_ok=True)
        stand_in.write_text(real.read_text())
        run("mount", "--bind", str(stand_in), str(real))


def make_network():
    """An address, and no way out."""
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0p")
    run("ip", "address", "add", f"{ADDRESS}/24", "dev", "eth0")
    run("ip", "link", "set", "eth0", "up")
    run("ip", "link", "set", "eth0p", "up")
    run("ip", "route", "add", "unreachable", "169.254.0.0/16")


def set_up(scratch):
    """In the view, before anything else."""
    mount_folders(scratch)
    mount_cgroups()
    hide_sysctls(scratch)
    make_network()
    run("hostname", "rota-node")


def reap_until(pid):
    """What the first process of a view has to do: take in orphans. Returns pid's exit code."""
    while True:
        child, status = os.wait()
        if child == pid:
            return os.waitstatus_to_exitcode(status)
