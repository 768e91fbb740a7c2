output "urls" {
  description = "The address of each queue, by kind."
  value       = { for kind, queue in aws_sqs_queue.queue : kind => queue.id }
}

output "arns" {
  description = "The ARN of each queue, by kind."
  value       = { for kind, queue in aws_sqs_queue.queue : kind => queue.arn }
}

output "dead_arns" {
  description = "The ARN of each dead-letter queue, by kind."
  value       = { for kind, queue in aws_sqs_queue.dead : kind => queue.arn }
}
