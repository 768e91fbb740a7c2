output "fence_arn" {
  description = "The secret with the manager's fence key."
  value       = aws_secretsmanager_secret_version.fence.arn
}

output "login_arns" {
  description = "The secrets with user name and password, by kind of process; none without a database."
  value       = { for kind, version in aws_secretsmanager_secret_version.login : kind => version.arn }
}
