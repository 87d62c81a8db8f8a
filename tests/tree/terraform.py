# SPDX-License-Identifier: Apache-2.0
"""Terraform without a network: where the provider lies that the lock file names, and a folder to run it in."""

import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import tempfile
import unittest

from tree import ROOT, tracked

FOLDER = ROOT / "deploy/terraform/eks"
LOCKED = re.compile(r'provider "([^"]+)" \{\s+version\s+= "([^"]+)"')
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# A command that takes longer hangs; the longest are some twenty plans in one.
HANG_SECONDS = 500

# Of terraform itself: no other source of providers.
SETTINGS = """provider_installation {{
  filesystem_mirror {{
    path = {mirror}
  }}
}}
"""

# So that the real provider plans without an account.
OFFLINE = """provider "aws" {
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true
}
"""


def candidates(environment):
    """Folders that may be a mirror of providers: a named one, the cache, those that terraform itself looks into, and
    those that packages bring."""
    home = pathlib.Path(environment.get("HOME", "/"))
    data = environment.get("XDG_DATA_HOME") or home / ".local/share"
    shared = (environment.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":")
    named = [environment[name] for name in ("ROTA_TERRAFORM_MIRROR", "TF_PLUGIN_CACHE_DIR")
             if environment.get(name)]
    implied = [home / ".terraform.d/plugins",
               *(pathlib.Path(top, "terraform/plugins") for top in (data, *shared))]
    brought = sorted(pathlib.Path("/opt").glob("*/"))
    return [pathlib.Path(path) for path in (*named, *implied, *brought)]


def has_provider(mirror, address, version):
    """Unpacked or packed, for this machine."""
    target = f"linux_{ARCHITECTURES.get(platform.machine(), platform.machine())}"
    packed = f"terraform-provider-{address.split('/')[-1]}_{version}_{target}.zip"
    return any((mirror / address / name).exists() for name in (f"{version}/{target}", packed))


def find_mirror(lock, places):
    """The first of places that has all that a lock file names, or None."""
    wanted = LOCKED.findall(lock)
    return next((place for place in places
                 if all(has_provider(place, address, version) for address, version in wanted)), None)


class TerraformTest(unittest.TestCase):
    """Runs terraform in a copy of the folder, with nothing of the caller's settings and credentials."""

    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix="rota-terraform-")
        cls.addClassCleanup(holder.cleanup)
        top = pathlib.Path(holder.name)
        cls.folder = top / "eks"
        for path in tracked():
            if FOLDER in (ROOT / path).parents:
                copy = cls.folder / (ROOT / path).relative_to(FOLDER)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / path, copy)
        mirror = find_mirror((FOLDER / ".terraform.lock.hcl").read_text(), candidates(os.environ))
        settings = top / "settings.tfrc"
        settings.write_text(SETTINGS.format(mirror=json.dumps(str(mirror))))
        cls.environment = {key: value for key, value in os.environ.items()
                           if not key.startswith(("TF_", "AWS_"))}
        cls.environment.update(HOME=str(top), TF_CLI_CONFIG_FILE=str(settings),
                               TF_DATA_DIR=str(top / "data"), TF_IN_AUTOMATION="1",
                               CHECKPOINT_DISABLE="1")
        cls.must("init", "-backend=false", "-input=false", "-lockfile=readonly")

    @classmethod
    def terraform(cls, *words):
        return subprocess.run(["terraform", *words], cwd=cls.folder, env=cls.environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=HANG_SECONDS, check=False)

    @classmethod
    def must(cls, *words):
        done = cls.terraform(*words)
        if done.returncode:
            raise AssertionError(f"terraform {' '.join(words)} ended with {done.returncode}:\n{done.stdout}")
        return done.stdout
