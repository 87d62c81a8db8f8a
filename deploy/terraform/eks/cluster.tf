# SPDX-License-Identifier: Apache-2.0
# The control plane and who may administer it.

locals {
  log_days = 7
}

resource "aws_iam_role" "cluster" {
  name = "${var.name}-${var.region}-cluster"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["sts:AssumeRole"]
      Principal = { Service = "eks.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "cluster" {
  role       = aws_iam_role.cluster.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"
}

# EKS would make this group by itself, and it would outlive the cluster.
resource "aws_cloudwatch_log_group" "cluster" {
  count = length(var.log_types) > 0 ? 1 : 0

  name              = "/aws/eks/${var.name}/cluster"
  retention_in_days = local.log_days
}

resource "aws_eks_cluster" "this" {
  name                      = var.name
  version                   = var.kubernetes_version
  role_arn                  = aws_iam_role.cluster.arn
  enabled_cluster_log_types = var.log_types

  access_config {
    authentication_mode                         = "API"
    bootstrap_cluster_creator_admin_permissions = true
  }

  # Extended support costs more by the hour; without it a version that is too old is upgraded by AWS.
  upgrade_policy {
    support_type = "STANDARD"
  }

  vpc_config {
    subnet_ids              = [for subnet in local.node_subnets : subnet.id]
    endpoint_private_access = true
    endpoint_public_access  = true
    public_access_cidrs     = var.api_cidrs
  }

  depends_on = [aws_iam_role_policy_attachment.cluster, aws_cloudwatch_log_group.cluster]
}

resource "aws_eks_access_entry" "admin" {
  for_each = var.admins

  cluster_name  = aws_eks_cluster.this.name
  principal_arn = each.value
}

resource "aws_eks_access_policy_association" "admin" {
  for_each = aws_eks_access_entry.admin

  cluster_name  = aws_eks_cluster.this.name
  principal_arn = each.value.principal_arn
  policy_arn    = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"

  access_scope {
    type = "cluster"
  }
}

# The copy that EKS brings does not tolerate the taint, and there are no other nodes for it.
resource "aws_eks_addon" "coredns" {
  count = var.gpu_taint ? 1 : 0

  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = "coredns"
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"

  # The first two are what it has without this.
  configuration_values = jsonencode({
    tolerations = [
      { key = "node-role.kubernetes.io/control-plane", effect = "NoSchedule" },
      { key = "CriticalAddonsOnly", operator = "Exists" },
      { key = local.taint.key, operator = "Exists", effect = "NoSchedule" },
    ]
  })

  # It is only active once its pods run.
  depends_on = [aws_eks_node_group.gpu]
}
