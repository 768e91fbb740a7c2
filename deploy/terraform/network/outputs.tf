output "private_subnets" {
  description = "Where functions and database are."
  value       = [for subnet in aws_subnet.private : subnet.id]
}

output "public_subnets" {
  description = "Where bare-metal workers are."
  value       = [for subnet in aws_subnet.public : subnet.id]
}

output "functions_group" {
  description = "The security group of functions."
  value       = aws_security_group.functions.id
}

output "workers_group" {
  description = "The security group of bare-metal workers; `null` without them."
  value       = one(aws_security_group.workers[*].id)
}

output "database_group" {
  description = "The security group of the database."
  value       = aws_security_group.database.id
}
