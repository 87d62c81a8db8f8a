# Copy to terraform.tfvars and change what you want; variables.tf says what else there is.

name          = "eks-gpu"
region        = "us-west-2"
instance_type = "g4dn.xlarge"

# Cheaper, and AWS may take the node back with two minutes' notice:
# capacity_type = "SPOT"

# Who may reach the API server; your own address, see `curl https://checkip.amazonaws.com`:
# api_cidrs = ["203.0.113.7/32"]
