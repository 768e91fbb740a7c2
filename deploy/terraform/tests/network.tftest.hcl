mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name       = "watch"
  account    = "123456789012"
  cidr       = "10.40.0.0/16"
  zones      = ["eu-central-1a", "eu-central-1b"]
  public     = true
  services   = ["sqs"]
  bucket_arn = "arn:aws:s3:::watch-objects"
}

run "nobody_is_let_in_to_functions_and_bare_metal_workers" {
  command = apply

  module {
    source = "./network"
  }

  assert {
    condition = alltrue([
      for rule in concat(
        values(aws_vpc_security_group_ingress_rule.endpoints),
        values(aws_vpc_security_group_ingress_rule.database),
      ) : contains([aws_security_group.database.id, aws_security_group.endpoints.id], rule.security_group_id)
    ])
    error_message = "Only the database and the endpoints let anybody in."
  }
  assert {
    condition = alltrue([
      for rule in concat(
        values(aws_vpc_security_group_ingress_rule.endpoints),
        values(aws_vpc_security_group_ingress_rule.database),
      ) : rule.cidr_ipv4 == null && rule.cidr_ipv6 == null && rule.referenced_security_group_id != null
    ])
    error_message = "They let in members of groups, and no addresses."
  }
}

run "functions_have_no_way_to_the_internet" {
  command = apply

  module {
    source = "./network"
  }

  assert {
    condition     = length(aws_route_table.private.route) == 0
    error_message = "The private subnets have routes."
  }
  assert {
    condition     = alltrue([for subnet in aws_subnet.private : subnet.map_public_ip_on_launch != true])
    error_message = "The private subnets give public addresses."
  }
}
