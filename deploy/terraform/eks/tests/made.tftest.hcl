# SPDX-License-Identifier: Apache-2.0
# What is made, by default and by each choice. Nothing here meets AWS: the provider answers with made-up values. After the
# last run everything is destroyed again, which fails if something is protected against it.

mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::123456789012:role/mocked"
    }
  }

  mock_resource "aws_launch_template" {
    defaults = {
      id             = "lt-0123456789abcdef0"
      latest_version = 1
    }
  }

  mock_resource "aws_eks_node_group" {
    defaults = {
      resources = [{
        autoscaling_groups              = [{ name = "eks-gpu-group" }]
        remote_access_security_group_id = ""
      }]
    }
  }
}

run "by_default" {
  assert {
    condition     = aws_eks_cluster.this.name == "eks-gpu" && output.region == "us-west-2"
    error_message = "The cluster is eks-gpu in us-west-2."
  }

  assert {
    condition = (
      toset(aws_eks_node_group.gpu.instance_types) == toset(["g4dn.xlarge"])
      && aws_eks_node_group.gpu.ami_type == "AL2023_x86_64_NVIDIA"
      && aws_eks_node_group.gpu.capacity_type == "ON_DEMAND"
    )
    error_message = "The nodes are g4dn.xlarge on demand with NVIDIA's AL2023 image."
  }

  assert {
    condition = (
      aws_eks_node_group.gpu.scaling_config[0].desired_size == 1
      && aws_eks_node_group.gpu.scaling_config[0].min_size == 0
      && aws_eks_node_group.gpu.scaling_config[0].max_size == 1
    )
    error_message = "One node runs."
  }

  assert {
    condition = aws_eks_node_group.gpu.labels == tomap({
      instanceType                    = "gpu"
      "k8s.amazonaws.com/accelerator" = "nvidia-tesla-t4"
    })
    error_message = "The nodes have the labels that the plugin and cluster-autoscaler go by."
  }

  assert {
    condition     = length(aws_eks_node_group.gpu.taint) == 0 && length(aws_eks_addon.coredns) == 0
    error_message = "No taint keeps CoreDNS off the only node."
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 0 && length(aws_eip.nat) == 0 && length(aws_subnet.private) == 0
    error_message = "There is no NAT gateway to pay for."
  }

  assert {
    condition = (
      length(aws_subnet.public) == 3
      && alltrue([for subnet in aws_subnet.public : subnet.map_public_ip_on_launch])
      && aws_subnet.public["b"].availability_zone == "us-west-2b"
      && length(distinct([for subnet in aws_subnet.public : subnet.cidr_block])) == 3
      && toset(aws_eks_node_group.gpu.subnet_ids) == toset([for subnet in aws_subnet.public : subnet.id])
    )
    error_message = "The nodes have public addresses, in a subnet a zone."
  }

  assert {
    condition     = length(aws_eks_cluster.this.enabled_cluster_log_types) == 0 && length(aws_cloudwatch_log_group.cluster) == 0
    error_message = "There are no logs to pay for."
  }

  assert {
    condition     = aws_eks_cluster.this.upgrade_policy[0].support_type == "STANDARD"
    error_message = "There is no extended support to pay for."
  }

  assert {
    condition = (
      aws_eks_cluster.this.access_config[0].authentication_mode == "API"
      && aws_eks_cluster.this.access_config[0].bootstrap_cluster_creator_admin_permissions
      && length(aws_eks_access_entry.admin) == 0
    )
    error_message = "Who creates the cluster administers it, and nobody else."
  }

  assert {
    condition = (
      aws_eks_cluster.this.vpc_config[0].endpoint_private_access
      && aws_eks_cluster.this.vpc_config[0].endpoint_public_access
      && aws_eks_cluster.this.vpc_config[0].public_access_cidrs == toset(["0.0.0.0/0"])
    )
    error_message = "Nodes reach the API server privately, kubectl over the internet."
  }

  assert {
    condition = (
      aws_launch_template.gpu.metadata_options[0].http_tokens == "required"
      && aws_launch_template.gpu.metadata_options[0].http_put_response_hop_limit == 1
    )
    error_message = "Only the node itself reaches its metadata, and only by sessions."
  }

  assert {
    condition     = aws_launch_template.gpu.block_device_mappings[0].ebs[0].encrypted == "true"
    error_message = "The volume is encrypted."
  }

  assert {
    condition = aws_eks_node_group.gpu.launch_template[0].id == aws_launch_template.gpu.id && (
      aws_launch_template.gpu.user_data == null && aws_launch_template.gpu.key_name == null
    )
    error_message = "The nodes use the launch template, which hands them no script and no key."
  }

  assert {
    condition = {
      for key, made in aws_autoscaling_group_tag.node_template : made.tag[0].key => made.tag[0].value
      } == {
      "k8s.io/cluster-autoscaler/node-template/resources/nvidia.com/gpu"            = "5"
      "k8s.io/cluster-autoscaler/node-template/label/instanceType"                  = "gpu"
      "k8s.io/cluster-autoscaler/node-template/label/k8s.amazonaws.com/accelerator" = "nvidia-tesla-t4"
    }
    error_message = "cluster-autoscaler is told of the shares and the labels."
  }

  assert {
    condition = alltrue([
      for made in aws_autoscaling_group_tag.node_template : made.autoscaling_group_name == "eks-gpu-group"
    ])
    error_message = "The tags are on the group that the node group made."
  }
}

run "outputs" {
  assert {
    condition     = output.cluster_name == "eks-gpu" && output.node_group == "gpu" && output.shares_per_node == 5
    error_message = "The outputs name what was made."
  }

  assert {
    condition     = startswith(output.next, "aws eks --region us-west-2 update-kubeconfig --name eks-gpu\n")
    error_message = "The next command is the tutorial's."
  }

  assert {
    condition     = strcontains(output.next, "\nkubectl apply -f deploy/manifests/nvidia-device-plugin-default.yml\n")
    error_message = "Then comes the plugin."
  }
}

run "what_destroy_leaves_nothing_of" {
  assert {
    condition     = aws_launch_template.gpu.block_device_mappings[0].ebs[0].delete_on_termination == "true"
    error_message = "A node's volume goes with it."
  }

  assert {
    condition     = aws_launch_template.gpu.disable_api_termination != true && aws_launch_template.gpu.disable_api_stop != true
    error_message = "Nodes can be ended."
  }
}

run "four_gpus" {
  variables {
    instance_type = "g4dn.12xlarge"
  }

  assert {
    condition     = toset(aws_eks_node_group.gpu.instance_types) == toset(["g4dn.12xlarge"])
    error_message = "The nodes have four GPUs."
  }

  assert {
    condition = output.shares_per_node == 20 && (
      aws_autoscaling_group_tag.node_template["resources/nvidia.com/gpu"].tag[0].value == "20"
    )
    error_message = "Four GPUs in five shares each are twenty."
  }
}

run "another_name" {
  variables {
    replicas      = 4
    resource_name = "nvidia.com/gpu.shared"
    instance_type = "g5.48xlarge"
  }

  assert {
    condition     = aws_autoscaling_group_tag.node_template["resources/nvidia.com/gpu.shared"].tag[0].value == "32"
    error_message = "Eight GPUs in four shares each are 32 of the other name."
  }

  assert {
    condition     = aws_eks_node_group.gpu.labels["k8s.amazonaws.com/accelerator"] == "nvidia-a10g"
    error_message = "The label follows the type."
  }
}

run "every_type_has_gpus" {
  assert {
    condition     = length(local.gpus) == 25 && alltrue([for count in values(local.gpus) : contains([1, 4, 8], count)])
    error_message = "The table has whole types, each with its GPUs."
  }
}

run "spot" {
  variables {
    capacity_type = "SPOT"
  }

  assert {
    condition     = aws_eks_node_group.gpu.capacity_type == "SPOT"
    error_message = "The nodes are spare capacity."
  }
}

run "another_place" {
  variables {
    name   = "shared"
    region = "eu-central-1"
    zones  = ["b", "c"]
    tags   = { team = "gpu" }
  }

  assert {
    condition     = output.next != null && startswith(output.next, "aws eks --region eu-central-1 update-kubeconfig --name shared\n")
    error_message = "The next command follows name and region."
  }

  assert {
    condition     = toset([for subnet in aws_subnet.public : subnet.availability_zone]) == toset(["eu-central-1b", "eu-central-1c"])
    error_message = "The subnets are in the zones that were asked for."
  }

  assert {
    condition     = aws_iam_role.node.name == "shared-eu-central-1-node" && aws_iam_role.cluster.name == "shared-eu-central-1-cluster"
    error_message = "Roles, which have no region, do not meet those of another cluster."
  }

  assert {
    condition = alltrue([
      for made in aws_launch_template.gpu.tag_specifications : made.tags == tomap({ Name = "shared", team = "gpu" })
    ]) && length(aws_launch_template.gpu.tag_specifications) == 3
    error_message = "Instances, their volumes and interfaces are tagged."
  }
}

run "tainted" {
  variables {
    gpu_taint = true
  }

  assert {
    condition = [for taint in aws_eks_node_group.gpu.taint : "${taint.key}=${taint.value}:${taint.effect}"] == [
      "nvidia.com/gpu=present:NO_SCHEDULE"
    ]
    error_message = "The nodes are tainted."
  }

  assert {
    condition     = aws_autoscaling_group_tag.node_template["taint/nvidia.com/gpu"].tag[0].value == "present:NoSchedule"
    error_message = "cluster-autoscaler is told of the taint."
  }

  assert {
    condition = contains(jsondecode(aws_eks_addon.coredns[0].configuration_values).tolerations, {
      key = "nvidia.com/gpu", operator = "Exists", effect = "NoSchedule"
    })
    error_message = "CoreDNS tolerates it."
  }

  assert {
    condition     = aws_eks_addon.coredns[0].preserve != true
    error_message = "It goes with the cluster."
  }
}

run "private_nodes" {
  variables {
    nat_gateway = true
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(aws_subnet.private) == 3
    error_message = "One NAT gateway serves all zones."
  }

  assert {
    condition = (
      toset(aws_eks_node_group.gpu.subnet_ids) == toset([for subnet in aws_subnet.private : subnet.id])
      && !anytrue([for subnet in aws_subnet.public : subnet.map_public_ip_on_launch])
      && length(setintersection(
        [for subnet in aws_subnet.private : subnet.cidr_block], [for subnet in aws_subnet.public : subnet.cidr_block]
      )) == 0
    )
    error_message = "The nodes have private addresses only."
  }

  assert {
    condition     = aws_route.private[0].nat_gateway_id == aws_nat_gateway.this[0].id
    error_message = "They reach the internet through it."
  }
}

run "who_and_from_where" {
  variables {
    admins    = ["arn:aws:iam::123456789012:role/operators"]
    api_cidrs = ["203.0.113.7/32"]
  }

  assert {
    condition     = keys(aws_eks_access_policy_association.admin) == ["arn:aws:iam::123456789012:role/operators"]
    error_message = "They administer the cluster."
  }

  assert {
    condition     = endswith(aws_eks_access_policy_association.admin["arn:aws:iam::123456789012:role/operators"].policy_arn, "/AmazonEKSClusterAdminPolicy")
    error_message = "With the policy of administrators."
  }

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].public_access_cidrs == toset(["203.0.113.7/32"])
    error_message = "Only that address reaches the API server over the internet."
  }
}

run "logs" {
  variables {
    log_types = ["api", "audit"]
  }

  assert {
    condition     = aws_eks_cluster.this.enabled_cluster_log_types == toset(["api", "audit"])
    error_message = "The logs are on."
  }

  assert {
    condition = aws_cloudwatch_log_group.cluster[0].name == "/aws/eks/eks-gpu/cluster" && (
      aws_cloudwatch_log_group.cluster[0].skip_destroy != true && aws_cloudwatch_log_group.cluster[0].retention_in_days == 7
    )
    error_message = "Their group is ours, so that it goes with the cluster."
  }
}

run "scaled" {
  variables {
    nodes     = 0
    max_nodes = 3
    disk_gib  = 100
  }

  assert {
    condition     = aws_eks_node_group.gpu.scaling_config[0].desired_size == 0 && aws_eks_node_group.gpu.scaling_config[0].max_size == 3
    error_message = "No node runs, and three may."
  }

  assert {
    condition     = aws_launch_template.gpu.block_device_mappings[0].ebs[0].volume_size == 100
    error_message = "The volume has the size that was asked for."
  }
}
