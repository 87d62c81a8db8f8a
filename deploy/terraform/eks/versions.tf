# SPDX-License-Identifier: Apache-2.0
# What this folder is tried with; .terraform.lock.hcl says which provider exactly.

terraform {
  required_version = ">= 1.11.0, < 2.0.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

# Credentials come from where the aws command has them; none stands here or in the state.
provider "aws" {
  region = var.region

  default_tags {
    tags = local.tags
  }
}
