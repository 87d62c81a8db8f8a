# SPDX-License-Identifier: Apache-2.0
# What is refused. A run fails when one of its values is accepted: each variable of expect_failures must refuse its own.

mock_provider "aws" {}

run "too_little" {
  command = plan

  variables {
    name               = ""
    zones              = ["a"]
    kubernetes_version = "1.29"
    nodes              = -1
    disk_gib           = 19
    replicas           = 0
    resource_name      = "nvidia.com/"
    api_cidrs          = []
  }

  expect_failures = [
    var.name, var.zones, var.kubernetes_version, var.nodes, var.disk_gib, var.replicas, var.resource_name,
    var.api_cidrs,
  ]
}

run "too_much" {
  command = plan

  variables {
    name          = "a2345678901234567890123456789012345678901"
    zones         = ["a", "b", "c", "d", "e", "f", "g"]
    nodes         = 101
    disk_gib      = 16385
    replicas      = 61001
    resource_name = "nvidia.com/a234567890123456789012345678901234567890123456789012345678901234"
  }

  expect_failures = [
    var.name, var.zones, var.nodes, var.disk_gib, var.replicas, var.resource_name,
  ]
}

run "not_whole" {
  command = plan

  variables {
    nodes    = 0.5
    disk_gib = 50.5
    replicas = 2.5
  }

  expect_failures = [var.nodes, var.disk_gib, var.replicas]
}

run "of_another_form" {
  command = plan

  variables {
    name               = "eks.gpu"
    region             = "cn-north-1"
    zones              = ["us-west-2a", "b"]
    kubernetes_version = "1.35.1"
    instance_type      = "g4dn.3xlarge"
    capacity_type      = "spot"
    resource_name      = "example.com/gpu"
    api_cidrs          = ["203.0.113.7"]
    admins             = ["arn:aws:sts::123456789012:assumed-role/operators/me"]
    log_types          = ["api", "kubelet"]
    tags               = { "aws:owner" = "me" }
  }

  expect_failures = [
    var.name, var.region, var.zones, var.kubernetes_version, var.instance_type, var.capacity_type, var.resource_name,
    var.api_cidrs, var.admins, var.log_types, var.tags,
  ]
}

run "at_odds_with_something_else" {
  command = plan

  variables {
    region    = "us-gov-west-1"
    zones     = ["a", "b", "a"]
    nodes     = 3
    max_nodes = 2
    admins    = ["operators"]
    api_cidrs = ["2001:db8::/32"]
  }

  expect_failures = [var.region, var.zones, var.max_nodes, var.admins, var.api_cidrs]
}

# Of their own, since what is compared with nodes is not looked at when nodes is refused.
run "at_most_none" {
  command = plan

  variables {
    nodes     = 0
    max_nodes = 0
  }

  expect_failures = [var.max_nodes]
}

run "at_most_too_many" {
  command = plan

  variables {
    max_nodes = 101
  }

  expect_failures = [var.max_nodes]
}

run "at_most_not_whole" {
  command = plan

  variables {
    max_nodes = 1.5
  }

  expect_failures = [var.max_nodes]
}
