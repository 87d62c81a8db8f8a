# SPDX-License-Identifier: Apache-2.0

output "cluster_name" {
  description = "Name of the cluster."
  value       = aws_eks_cluster.this.name
}

output "region" {
  description = "Region that it is in."
  value       = var.region
}

output "node_group" {
  description = "Name of the group of GPU nodes."
  value       = aws_eks_node_group.gpu.node_group_name
}

output "shares_per_node" {
  description = "What a node offers of resource_name once the plugin shares its GPUs."
  value       = local.shares
}

output "next" {
  description = "What to type next, in the repository's root."
  value       = <<-EOT
    aws eks --region ${var.region} update-kubeconfig --name ${aws_eks_cluster.this.name}
    kubectl get nodes -L instanceType
    kubectl apply -f deploy/manifests/nvidia-device-plugin-default.yml
  EOT
}
