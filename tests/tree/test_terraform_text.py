# SPDX-License-Identifier: Apache-2.0
"""What can be said of deploy/terraform/eks without terraform, and where its tests look for a provider."""

import pathlib
import platform
import re
import subprocess
import unittest

from terraform import ARCHITECTURES, FOLDER, candidates, find_mirror
from tree import ROOT, TreeTest

VARIABLE = re.compile(r'^variable "(\w+)" \{\n(.*?)^\}$', re.M | re.S)
LOCK = 'provider "example.com/some/cloud" {\n  version     = "1.2.3"\n'
TARGET = f"linux_{ARCHITECTURES.get(platform.machine(), platform.machine())}"
PRESENT = f"example.com/some/cloud/1.2.3/{TARGET}/terraform-provider-cloud"
# Word for word the tutorial's.
COMMANDS = (
    "terraform plan -out=plan.out",
    "terraform apply plan.out",
    "aws eks --region us-west-2 update-kubeconfig --name eks-gpu",
    "terraform plan -destroy -out=plan.out",
)


def variable_faults(text, refused):
    """A variable says what it is and of which type; each of its validations has been refused at least once."""
    faults = []
    for name, body in VARIABLE.findall(text):
        faults += [f"{name}: has no {word}" for word in ("description", "type", "default")
                   if not re.search(rf"^  {word} +=", body, re.M)]
        checks, runs = body.count("  validation {"), len(re.findall(rf"\bvar\.{name}\b", refused))
        if runs < checks:
            faults.append(f"{name}: has {checks} validations and {runs} runs that it refuses")
    return faults


def protection_faults(text):
    return re.findall(r"\b(?:prevent_destroy|deletion_protection|skip_destroy|preserve)\s*=\s*true", text)


class EksText(TreeTest):
    def read(self, name):
        return (FOLDER / name).read_text()

    def test_every_variable_is_described_and_refuses(self):
        self.assert_no_faults(variable_faults(self.read("variables.tf"), self.read("tests/refused.tftest.hcl")))

    def test_finds_a_variable_without_words_or_test(self):
        text = 'variable "x" {\n  type    = string\n  default = ""\n  validation {\n  }\n}\n'
        self.assertEqual(["x: has no description", "x: has 1 validations and 0 runs that it refuses"],
                         variable_faults(text, "var.xy, var.y"))

    def test_nothing_is_protected_from_being_destroyed(self):
        self.assertEqual([], [fault for path in FOLDER.glob("*.tf")
                              for fault in protection_faults(path.read_text())])
        self.assertEqual(["prevent_destroy = true"], protection_faults("lifecycle {\n  prevent_destroy = true\n}"))

    def test_readme_has_the_commands_of_the_tutorial(self):
        lines = [line.strip() for line in self.read("README.md").splitlines()]
        self.assertEqual([], [command for command in COMMANDS if command not in lines])
        self.assertEqual(2, lines.count("terraform apply plan.out"))

    def test_sample_sets_only_what_there_is(self):
        names = {name for name, _ in VARIABLE.findall(self.read("variables.tf"))}
        self.assertLessEqual(set(re.findall(r"^(?:# )?(\w+) += ", self.read("sample.tfvars"), re.M)), names)

    @unittest.skipUnless((ROOT / ".git").exists(), "not a checkout")
    def test_git_keeps_what_is_the_readers_own_out(self):
        for name in ("terraform.tfvars", "plan.out", "terraform.tfstate", "terraform.tfstate.backup", ".terraform/x"):
            path = FOLDER.relative_to(ROOT) / name
            done = subprocess.run(["git", "check-ignore", "-q", path], cwd=ROOT, check=False)
            self.assertEqual(0, done.returncode, path)


class Mirror(TreeTest):
    def test_is_the_first_that_has_the_locked_version(self):
        root = self.plant({f"b/{PRESENT}": "", f"c/{PRESENT}": "",
                           f"a/{PRESENT.replace('1.2.3', '1.2.4')}": ""})
        self.assertEqual(root / "b", find_mirror(LOCK, [root / name for name in "abc"]))
        self.assertIsNone(find_mirror(LOCK, [root / "a"]))

    def test_may_have_it_packed(self):
        root = self.plant({f"example.com/some/cloud/terraform-provider-cloud_1.2.3_{TARGET}.zip": ""})
        self.assertEqual(root, find_mirror(LOCK, [root]))

    def test_that_is_named_comes_first(self):
        environment = {"ROTA_TERRAFORM_MIRROR": "/named", "HOME": "/home/me"}
        self.assertEqual(pathlib.Path("/named"), candidates(environment)[0])
        self.assertIn(pathlib.Path("/home/me/.local/share/terraform/plugins"), candidates(environment))


if __name__ == "__main__":
    unittest.main()
