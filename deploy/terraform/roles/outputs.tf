# Those who use a role need its rights, too.

output "arns" {
  description = "The ARN of each role, by kind of process."
  value       = { for kind, role in aws_iam_role.role : kind => role.arn }
  depends_on  = [aws_iam_role_policy.policy]
}

output "external_id" {
  description = "The unique id of the External workers' role, by which the manager knows what they send."
  value       = aws_iam_role.role["external"].unique_id
}

output "bare_metal_profile" {
  description = "The instance profile of bare-metal workers; `null` without them."
  value       = one(aws_iam_instance_profile.bare_metal[*].arn)
}

output "operator_policy" {
  description = "The policy for people who submit work."
  value       = aws_iam_policy.operator.arn
}

output "proxy_arn" {
  description = "The role of the proxy; `null` without one. It is made before all rights are there: those of others wait for the database."
  value       = try(aws_iam_role.role["proxy"].arn, null)
}
