# SPDX-License-Identifier: Apache-2.0
# The GPU nodes: a managed node group of Amazon's AL2023 image, which has NVIDIA's driver and container runtime and no
# device plugin.

locals {
  # GPUs of each type that the image for x86_64 runs on, and what cluster-autoscaler calls them.
  families = {
    g4dn = {
      accelerator = "nvidia-tesla-t4"
      gpus        = { xlarge = 1, "2xlarge" = 1, "4xlarge" = 1, "8xlarge" = 1, "16xlarge" = 1, "12xlarge" = 4, metal = 8 }
    }
    g5 = {
      accelerator = "nvidia-a10g"
      gpus        = { xlarge = 1, "2xlarge" = 1, "4xlarge" = 1, "8xlarge" = 1, "16xlarge" = 1, "12xlarge" = 4, "24xlarge" = 4, "48xlarge" = 8 }
    }
    g6 = {
      accelerator = "nvidia-l4"
      gpus        = { xlarge = 1, "2xlarge" = 1, "4xlarge" = 1, "8xlarge" = 1, "16xlarge" = 1, "12xlarge" = 4, "24xlarge" = 4, "48xlarge" = 8 }
    }
    p4d = {
      accelerator = "nvidia-tesla-a100"
      gpus        = { "24xlarge" = 8 }
    }
    p5 = {
      accelerator = "nvidia-h100"
      gpus        = { "48xlarge" = 8 }
    }
  }
  gpus = merge([
    for family, of in local.families : { for size, count in of.gpus : "${family}.${size}" => count }
  ]...)

  accelerator = local.families[split(".", var.instance_type)[0]].accelerator
  shares      = local.gpus[var.instance_type] * var.replicas

  # The plugin goes to nodes with the first; the second, there from the start, tells cluster-autoscaler that a node
  # without GPUs so far will have some.
  labels = {
    instanceType                    = "gpu"
    "k8s.amazonaws.com/accelerator" = local.accelerator
  }
  taint = { key = "nvidia.com/gpu", value = "present" }

  # What a node of this group will have; without it cluster-autoscaler counts GPUs instead of shares.
  node_template = merge(
    { "resources/${var.resource_name}" = tostring(local.shares) },
    { for key, value in local.labels : "label/${key}" => value },
    var.gpu_taint ? { "taint/${local.taint.key}" = "${local.taint.value}:NoSchedule" } : {},
  )
}

resource "aws_iam_role" "node" {
  name = "${var.name}-${var.region}-node"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["sts:AssumeRole"]
      Principal = { Service = "ec2.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "node" {
  for_each = toset(["AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly"])

  role       = aws_iam_role.node.name
  policy_arn = "arn:aws:iam::aws:policy/${each.value}"
}

resource "aws_launch_template" "gpu" {
  name                   = "${var.name}-gpu"
  update_default_version = true

  # Sessions only, and one hop, so that a pod in its own network does not get at the node's credentials.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type           = "gp3"
      volume_size           = var.disk_gib
      encrypted             = true
      delete_on_termination = true
    }
  }

  # The provider's own tags end at the template; instances are what the bill is about.
  dynamic "tag_specifications" {
    for_each = toset(["instance", "volume", "network-interface"])

    content {
      resource_type = tag_specifications.value
      tags          = local.tags
    }
  }
}

resource "aws_eks_node_group" "gpu" {
  cluster_name    = aws_eks_cluster.this.name
  version         = aws_eks_cluster.this.version
  node_group_name = "gpu"
  node_role_arn   = aws_iam_role.node.arn
  subnet_ids      = [for subnet in local.node_subnets : subnet.id]
  ami_type        = "AL2023_x86_64_NVIDIA"
  instance_types  = [var.instance_type]
  capacity_type   = var.capacity_type
  labels          = local.labels

  launch_template {
    id      = aws_launch_template.gpu.id
    version = aws_launch_template.gpu.latest_version
  }

  scaling_config {
    min_size     = 0
    desired_size = var.nodes
    max_size     = var.max_nodes
  }

  update_config {
    max_unavailable = 1
  }

  dynamic "taint" {
    for_each = var.gpu_taint ? [local.taint] : []

    content {
      key    = taint.value.key
      value  = taint.value.value
      effect = "NO_SCHEDULE"
    }
  }

  # A node needs these to join, and until it is gone.
  depends_on = [
    aws_iam_role_policy_attachment.node,
    aws_route.public,
    aws_route_table_association.public,
    aws_route.private,
    aws_route_table_association.private,
  ]
}

resource "aws_autoscaling_group_tag" "node_template" {
  for_each = local.node_template

  autoscaling_group_name = aws_eks_node_group.gpu.resources[0].autoscaling_groups[0].name

  tag {
    key                 = "k8s.io/cluster-autoscaler/node-template/${each.key}"
    value               = each.value
    propagate_at_launch = false
  }
}
