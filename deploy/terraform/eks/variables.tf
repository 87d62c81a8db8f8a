# SPDX-License-Identifier: Apache-2.0
# All that can be chosen. Copy sample.tfvars to terraform.tfvars and change it there.

variable "name" {
  description = "Name of the cluster; what belongs to it is named after it."
  type        = string
  default     = "eks-gpu"

  validation {
    # With region and suffix it is the name of a role, for which IAM allows 64 characters.
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$", var.name))
    error_message = "name: 1 to 40 letters, digits, - and _, with a letter or digit first."
  }
}

variable "region" {
  description = "Region of AWS. Names in other partitions (China, GovCloud) differ, so those are refused."
  type        = string
  default     = "us-west-2"

  validation {
    condition     = can(regex("^(af|ap|ca|eu|il|me|mx|sa|us)-[a-z]+-[0-9]$", var.region))
    error_message = "region: a region such as us-west-2, outside of China and GovCloud."
  }
}

variable "zones" {
  description = <<-EOT
    Letters of the availability zones that get a subnet. EKS wants two; more of them cost nothing and make it likelier
    that one has a GPU to give.
  EOT
  type        = list(string)
  default     = ["a", "b", "c"]

  validation {
    condition     = length(distinct(var.zones)) == length(var.zones) && length(var.zones) >= 2 && length(var.zones) <= 6
    error_message = "zones: 2 to 6 different ones, such as [\"a\", \"b\"]."
  }

  validation {
    condition     = alltrue([for zone in var.zones : can(regex("^[a-z]$", zone))])
    error_message = "zones: the letter after the region's name alone, \"a\" for us-west-2a."
  }
}

variable "kubernetes_version" {
  description = "Kubernetes version of control plane and nodes. The AL2023 images for it must exist: 1.30 or later."
  type        = string
  default     = "1.35"

  validation {
    condition     = can(regex("^1\\.[3-9][0-9]$", var.kubernetes_version))
    error_message = "kubernetes_version: 1.30 or later, without a patch level, such as \"1.35\"."
  }
}

variable "instance_type" {
  description = "Instance type of the GPU nodes. nodes.tf has the table of how many GPUs each has."
  type        = string
  default     = "g4dn.xlarge"

  validation {
    condition     = contains(keys(local.gpus), var.instance_type)
    error_message = "instance_type: one of ${join(", ", keys(local.gpus))}; another x86_64 type with NVIDIA GPUs needs a row in nodes.tf."
  }
}

variable "capacity_type" {
  description = "ON_DEMAND, or SPOT for spare capacity at a lower price, which AWS may take back with two minutes' notice."
  type        = string
  default     = "ON_DEMAND"

  validation {
    condition     = contains(["ON_DEMAND", "SPOT"], var.capacity_type)
    error_message = "capacity_type: ON_DEMAND or SPOT."
  }
}

variable "nodes" {
  description = "How many GPU nodes run. 0 keeps the cluster and pays for no GPU."
  type        = number
  default     = 1

  validation {
    condition     = var.nodes >= 0 && var.nodes <= 100 && floor(var.nodes) == var.nodes
    error_message = "nodes: a whole number, 0 to 100."
  }
}

variable "max_nodes" {
  description = "How many GPU nodes an autoscaler may make of it; without one it has no effect."
  type        = number
  default     = 1

  validation {
    condition     = var.max_nodes >= 1 && var.max_nodes <= 100 && floor(var.max_nodes) == var.max_nodes
    error_message = "max_nodes: a whole number, 1 to 100."
  }

  validation {
    condition     = var.max_nodes >= var.nodes
    error_message = "max_nodes: not fewer than nodes."
  }
}

variable "disk_gib" {
  description = "Size of a node's root volume in GiB; images of CUDA programs are large."
  type        = number
  default     = 50

  validation {
    condition     = var.disk_gib >= 20 && var.disk_gib <= 16384 && floor(var.disk_gib) == var.disk_gib
    error_message = "disk_gib: a whole number, 20 to 16384."
  }
}

variable "gpu_taint" {
  description = <<-EOT
    Whether the nodes are tainted with nvidia.com/gpu, which keeps pods off that do not ask for a GPU: Kubernetes adds the
    toleration to those that ask for nvidia.com/gpu (EKS has the admission plugin ExtendedResourceToleration on), and the
    plugin has it. CoreDNS, which has no other nodes here, is made to tolerate it. Off, since there is nothing else to keep off.
  EOT
  type        = bool
  default     = false
}

variable "replicas" {
  description = <<-EOT
    Into how many shares the plugin divides a GPU; the same number as in nvidia-device-plugin-config.yml, 1 without sharing.
    It only tells cluster-autoscaler what a node will offer that does not exist yet.
  EOT
  type        = number
  default     = 5

  validation {
    condition     = var.replicas >= 1 && var.replicas <= 61000 && floor(var.replicas) == var.replicas
    error_message = "replicas: a whole number, 1 to 61000."
  }
}

variable "resource_name" {
  description = "Under which name the plugin offers the shares; told to cluster-autoscaler as replicas is."
  type        = string
  default     = "nvidia.com/gpu"

  validation {
    condition     = can(regex("^nvidia\\.com/[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$", var.resource_name))
    error_message = "resource_name: nvidia.com/ and at most 63 letters, digits, ., _ and -, such as nvidia.com/gpu.shared."
  }
}

variable "nat_gateway" {
  description = <<-EOT
    Whether the nodes have private addresses only and reach the internet through one NAT gateway. It is billed by the hour and
    by the GiB, hence off: the nodes then have public addresses, which nothing from outside may connect to (the cluster's
    security group lets in its own members alone).
  EOT
  type        = bool
  default     = false
}

variable "api_cidrs" {
  description = <<-EOT
    From where the API server can be reached over the internet. Whoever is let in must still be someone that IAM knows and the
    cluster admits; your own address with /32 keeps all others from trying. Nodes take the private way in any case.
  EOT
  type        = list(string)
  default     = ["0.0.0.0/0"]

  validation {
    condition     = length(var.api_cidrs) >= 1
    error_message = "api_cidrs: at least one, or kubectl reaches nothing."
  }

  validation {
    condition     = alltrue([for cidr in var.api_cidrs : can(cidrnetmask(cidr))])
    error_message = "api_cidrs: IPv4 networks with their length, such as 203.0.113.7/32."
  }
}

variable "admins" {
  description = "ARNs of further IAM users and roles that administer the cluster; who creates it does so anyway."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.admins : can(regex("^arn:aws:iam::[0-9]{12}:(user|role)/.+$", arn))])
    error_message = "admins: ARNs such as arn:aws:iam::123456789012:role/name; of an assumed role, the role's."
  }
}

variable "log_types" {
  description = "Which logs of the control plane go to CloudWatch, which bills what it takes in; hence none."
  type        = set(string)
  default     = []

  validation {
    condition = alltrue([
      for type in var.log_types : contains(["api", "audit", "authenticator", "controllerManager", "scheduler"], type)
    ])
    error_message = "log_types: of api, audit, authenticator, controllerManager and scheduler."
  }
}

variable "tags" {
  description = "Tags on everything that is made, to find it in the bill."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(lower(key), "aws:")])
    error_message = "tags: keys that begin with aws: are AWS's own."
  }
}
