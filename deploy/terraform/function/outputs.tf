output "name" {
  description = "The name of the function."
  value       = aws_lambda_function.function.function_name
}

output "arn" {
  description = "The ARN of the function."
  value       = aws_lambda_function.function.arn
}
