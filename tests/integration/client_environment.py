# SPDX-License-Identifier: Apache-2.0
"""The Python environment of tests/clients/requirements.txt: made once by pip, outside of the tree, from
whatever package index this machine is set up for."""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

REQUIREMENTS = pathlib.Path(__file__).resolve().parents[1] / "clients/requirements.txt"
PIP_GUARD_SECONDS = 300
OUTPUT_CHARACTERS = 2000


class Unavailable(Exception):
    """There is no environment, and why."""


def place():
    """Where it is, for these requirements and this Python."""
    key = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:16]
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(cache) / "rota" / f"clients-{key}"


def call(command):
    """Nothing of the environment that tests set reaches pip but what leads it to its index."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=PIP_GUARD_SECONDS,
                          check=False)
    if done.returncode != 0:
        raise Unavailable(done.stdout[-OUTPUT_CHARACTERS:])


def fill(folder):
    call([sys.executable, "-m", "venv", folder])
    call([folder / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
          "--require-hashes", "--only-binary=:all:", "--requirement", REQUIREMENTS])


def make(target):
    """By rename, so that nobody ever sees half of it. Who comes second throws his away."""
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="new-", dir=target.parent))
    try:
        fill(folder)
        folder.rename(target)
    except OSError:
        if not target.exists():
            raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def python():
    """The interpreter of the environment. Raises Unavailable with what to do."""
    target = place()
    try:
        if not target.exists():
            make(target)
    except (Unavailable, OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(
            f"the clients of tests/clients/requirements.txt could not be installed: set pip up so "
            f"that `pip download nvitop` works, or run this test where it does, once; the "
            f"environment is kept in {target}. What was said: {error}") from error
    return target / "bin/python"
