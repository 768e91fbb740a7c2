# Who may talk to whom. Nothing lets anybody in but the database and the endpoints.

resource "aws_security_group" "functions" {
  name        = "${var.name}-functions"
  description = "Manager and Internal workers"
  vpc_id      = aws_vpc.vpc.id
  tags        = { Name = "${var.name}-functions" }
}

resource "aws_security_group" "workers" {
  count = var.public ? 1 : 0

  name        = "${var.name}-bare-metal"
  description = "Bare-metal workers"
  vpc_id      = aws_vpc.vpc.id
  tags        = { Name = "${var.name}-bare-metal" }
}

resource "aws_security_group" "database" {
  name        = "${var.name}-database"
  description = "PostgreSQL"
  vpc_id      = aws_vpc.vpc.id
  tags        = { Name = "${var.name}-database" }
}

resource "aws_security_group" "endpoints" {
  name        = "${var.name}-endpoints"
  description = "Ways to AWS"
  vpc_id      = aws_vpc.vpc.id
  tags        = { Name = "${var.name}-endpoints" }
}

resource "aws_vpc_security_group_egress_rule" "functions_to_endpoints" {
  security_group_id            = aws_security_group.functions.id
  referenced_security_group_id = aws_security_group.endpoints.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_egress_rule" "functions_to_s3" {
  security_group_id = aws_security_group.functions.id
  prefix_list_id    = aws_vpc_endpoint.s3.prefix_list_id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "functions_to_database" {
  security_group_id            = aws_security_group.functions.id
  referenced_security_group_id = aws_security_group.database.id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

# A scanner goes anywhere; the scope says where.
resource "aws_vpc_security_group_egress_rule" "workers_to_all" {
  count = var.public ? 1 : 0

  security_group_id = aws_security_group.workers[0].id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  for_each = local.clients

  security_group_id            = aws_security_group.endpoints.id
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

# A proxy is a member of the group, too, and goes on to the server.
resource "aws_vpc_security_group_ingress_rule" "database" {
  for_each = merge(local.clients, { proxy = aws_security_group.database.id })

  security_group_id            = aws_security_group.database.id
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

resource "aws_vpc_security_group_egress_rule" "proxy_to_database" {
  security_group_id            = aws_security_group.database.id
  referenced_security_group_id = aws_security_group.database.id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

locals {
  clients = merge(
    { functions = aws_security_group.functions.id },
    { for number, group in aws_security_group.workers : "bare-metal" => group.id },
  )
}
