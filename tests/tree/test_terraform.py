# SPDX-License-Identifier: Apache-2.0
"""deploy/terraform/eks as terraform sees it: form, its own tests, and a plan of the real provider
that asks AWS nothing. Skipped as a whole where terraform or the provider is missing."""

import json
import os
import re
import shutil
import unittest

from terraform import FOLDER, OFFLINE, TerraformTest, candidates, find_mirror
from tree import ROOT

EDGE = re.compile(r'"([^"]+)" -> "([^"]+)";')


def setUpModule():
    lock = (FOLDER / ".terraform.lock.hcl").read_text()
    if not shutil.which("terraform") or not find_mirror(lock, candidates(os.environ)):
        raise unittest.SkipTest("not on this machine")


def needs(graph):
    """resource -> all that it needs, directly or not; what needs is destroyed before what is needed."""
    direct = {}
    for name, needed in EDGE.findall(graph):
        direct.setdefault(name, set()).add(needed)

    def reach(name, seen):
        for needed in direct.get(name, set()) - seen:
            seen.add(needed)
            reach(needed, seen)
        return seen

    return {name: reach(name, set()) for name in direct}


def has_true(value):
    """Whether terraform marks anything within as sensitive."""
    if isinstance(value, (dict, list)):
        return any(has_true(part) for part in (value.values() if isinstance(value, dict) else value))
    return value is True


class Eks(TerraformTest):
    def test_is_formatted(self):
        self.must("fmt", "-check", "-diff", "-recursive")

    def test_is_valid(self):
        self.must("validate", "-no-color")

    def test_passes_its_own_tests(self):
        runs = sum(len(re.findall(r'^run "', path.read_text(), re.M))
                   for path in (FOLDER / "tests").glob("*.tftest.hcl"))
        self.assertIn(f"Success! {runs} passed, 0 failed.", self.must("test", "-no-color"))

    def test_destroys_the_nodes_before_what_they_need(self):
        graph = needs(self.must("graph"))
        self.assertLessEqual({"aws_eks_cluster.this", "aws_iam_role_policy_attachment.node", "aws_route.public",
                              "aws_route.private", "aws_internet_gateway.this", "aws_nat_gateway.this"},
                             graph["aws_eks_node_group.gpu"])
        self.assertLessEqual({"aws_iam_role_policy_attachment.cluster", "aws_cloudwatch_log_group.cluster"},
                             graph["aws_eks_cluster.this"])
        self.assertIn("aws_eks_node_group.gpu", graph["aws_eks_addon.coredns"])


class Tutorial(TerraformTest):
    """Step 1 up to where it would cost money."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        (cls.folder / "offline_override.tf").write_text(OFFLINE)
        shutil.copyfile(cls.folder / "sample.tfvars", cls.folder / "terraform.tfvars")
        cls.must("plan", "-input=false", "-out=plan.out")
        cls.plan = json.loads(cls.must("show", "-json", "plan.out"))

    def test_plans_one_cluster_with_one_group_of_nodes(self):
        changes = self.plan["resource_changes"]
        self.assertEqual({("create",)}, {tuple(change["change"]["actions"]) for change in changes})
        kinds = [change["type"] for change in changes]
        self.assertEqual([1, 1, 1], [kinds.count(f"aws_{kind}") for kind in ("eks_cluster", "eks_node_group", "vpc")])

    def test_asks_aws_nothing(self):
        written = self.plan["configuration"]["root_module"]["resources"]
        self.assertEqual({"managed"}, {resource["mode"] for resource in written})

    def test_has_no_secret(self):
        secret = [change["address"] for change in self.plan["resource_changes"]
                  if has_true(change["change"]["after_sensitive"])]
        self.assertEqual([], secret)
        outputs = self.plan["planned_values"]["outputs"]
        self.assertEqual([], [name for name, output in outputs.items() if output["sensitive"]])

    def test_says_what_to_type_next(self):
        commands = self.plan["planned_values"]["outputs"]["next"]["value"].splitlines()
        self.assertEqual("aws eks --region us-west-2 update-kubeconfig --name eks-gpu", commands[0])
        applied = [command.removeprefix("kubectl apply -f ") for command in commands if " apply -f " in command]
        self.assertTrue(applied)
        self.assertTrue(all((ROOT / path).is_file() for path in applied), applied)


if __name__ == "__main__":
    unittest.main()
