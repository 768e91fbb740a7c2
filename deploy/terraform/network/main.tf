# Two kinds of subnets. Functions and the database are in private ones, which have no way to the
# Internet: what they need of AWS comes through endpoints. Bare-metal workers scan the Internet, so
# theirs are public; nothing is let in.

data "aws_region" "here" {}

data "aws_availability_zones" "available" {
  state = "available"
}

resource "aws_vpc" "vpc" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true # endpoints have the names of their services
  tags                 = { Name = var.name }
}

# The group that AWS makes lets its members talk to each other. Nothing uses it; now it is empty.
resource "aws_default_security_group" "none" {
  vpc_id = aws_vpc.vpc.id
}

resource "aws_subnet" "private" {
  for_each = local.zones

  vpc_id            = aws_vpc.vpc.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.cidr, 4, each.value)
  tags              = { Name = "${var.name}-private-${each.key}" }
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.vpc.id
  tags   = { Name = "${var.name}-private" }
}

resource "aws_route_table_association" "private" {
  for_each = aws_subnet.private

  subnet_id      = each.value.id
  route_table_id = aws_route_table.private.id
}

resource "aws_subnet" "public" {
  for_each = var.public ? local.zones : {}

  vpc_id            = aws_vpc.vpc.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.cidr, 4, 8 + each.value)
  # Here and not in the launch template: a template with a network interface takes no subnet from
  # who launches, and the manager tries one after the other.
  map_public_ip_on_launch = true
  tags                    = { Name = "${var.name}-public-${each.key}" }
}

resource "aws_internet_gateway" "internet" {
  count = var.public ? 1 : 0

  vpc_id = aws_vpc.vpc.id
  tags   = { Name = var.name }
}

resource "aws_route_table" "public" {
  count = var.public ? 1 : 0

  vpc_id = aws_vpc.vpc.id
  tags   = { Name = "${var.name}-public" }

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.internet[0].id
  }
}

resource "aws_route_table_association" "public" {
  for_each = aws_subnet.public

  subnet_id      = each.value.id
  route_table_id = aws_route_table.public[0].id
}

locals {
  names = coalesce(var.zones, slice(data.aws_availability_zones.available.names, 0, 2))
  zones = { for number, name in local.names : name => number }
}
