# SPDX-License-Identifier: Apache-2.0
# A VPC of its own with a subnet in each zone. Without nat_gateway nothing in here is billed but the nodes' public addresses.

locals {
  tags = merge({ Name = var.name }, var.tags)

  # Sixteen parts of 4096 addresses: the public subnets take the first, the private ones those from the ninth.
  network     = "10.0.0.0/16"
  subnet_bits = 4
  zones       = { for index, zone in var.zones : zone => index }

  node_subnets = var.nat_gateway ? aws_subnet.private : aws_subnet.public
}

resource "aws_vpc" "this" {
  cidr_block = local.network

  # Nodes find the API server's private addresses by both.
  enable_dns_support   = true
  enable_dns_hostnames = true
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
}

resource "aws_subnet" "public" {
  for_each = local.zones

  vpc_id                  = aws_vpc.this.id
  availability_zone       = "${var.region}${each.key}"
  cidr_block              = cidrsubnet(local.network, local.subnet_bits, each.value)
  map_public_ip_on_launch = !var.nat_gateway
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id
}

resource "aws_route" "public" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_route_table_association" "public" {
  for_each = aws_subnet.public

  subnet_id      = each.value.id
  route_table_id = aws_route_table.public.id
}

resource "aws_eip" "nat" {
  count = var.nat_gateway ? 1 : 0

  domain = "vpc"
}

# One for all zones: a second one would double the bill, and the tutorial survives the loss of a zone by starting again.
resource "aws_nat_gateway" "this" {
  count = var.nat_gateway ? 1 : 0

  allocation_id = aws_eip.nat[0].id
  subnet_id     = aws_subnet.public[var.zones[0]].id

  depends_on = [aws_route.public, aws_route_table_association.public]
}

resource "aws_subnet" "private" {
  for_each = { for zone, index in local.zones : zone => index if var.nat_gateway }

  vpc_id            = aws_vpc.this.id
  availability_zone = "${var.region}${each.key}"
  cidr_block        = cidrsubnet(local.network, local.subnet_bits, 8 + each.value)
}

resource "aws_route_table" "private" {
  count = var.nat_gateway ? 1 : 0

  vpc_id = aws_vpc.this.id
}

resource "aws_route" "private" {
  count = var.nat_gateway ? 1 : 0

  route_table_id         = aws_route_table.private[0].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[0].id
}

resource "aws_route_table_association" "private" {
  for_each = aws_subnet.private

  subnet_id      = each.value.id
  route_table_id = aws_route_table.private[0].id
}
