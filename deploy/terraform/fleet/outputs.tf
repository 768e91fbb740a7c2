output "template_arn" {
  description = "The ARN of the launch template."
  value       = aws_launch_template.worker.arn
}

output "template_name" {
  description = "The name of the launch template; the manager launches its newest version."
  value       = aws_launch_template.worker.name
}
