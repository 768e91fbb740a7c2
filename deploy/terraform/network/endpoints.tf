# The ways from the private subnets to AWS. Each lets through what this deployment needs, so that a
# stolen role of another account finds no way out. The policies name no version, as those of AWS's
# own examples: they use nothing newer, and an emulator forgets it.

# Not for the public subnets: through it a scan would see the sites that are on S3 as this policy
# lets it, and not as the Internet does.
resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.vpc.id
  service_name      = "com.amazonaws.${data.aws_region.here.name}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.private.id]
  policy            = templatefile("${path.module}/s3.json", { bucket = var.bucket_arn })
  tags              = { Name = "${var.name}-s3" }
}

resource "aws_vpc_endpoint" "service" {
  for_each = var.services

  vpc_id              = aws_vpc.vpc.id
  service_name        = "com.amazonaws.${data.aws_region.here.name}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = [for subnet in aws_subnet.private : subnet.id]
  security_group_ids  = [aws_security_group.endpoints.id]
  policy = templatefile("${path.module}/own_account.json", {
    service = each.key
    account = var.account
  })
  tags = { Name = "${var.name}-${each.key}" }
}
