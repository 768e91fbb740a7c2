# One function, its log, and what calls it with the messages of a queue.

resource "aws_cloudwatch_log_group" "log" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_days
}

resource "aws_lambda_function" "function" {
  function_name    = var.name
  description      = var.description
  role             = var.role_arn
  filename         = var.package
  source_code_hash = filebase64sha256(var.package)
  handler          = "bootstrap"
  runtime          = "provided.al2023"
  architectures    = [var.architecture]
  memory_size      = var.memory_mib
  timeout          = var.timeout_seconds

  environment {
    variables = var.environment
  }

  dynamic "vpc_config" {
    for_each = var.vpc == null ? [] : [var.vpc]
    content {
      subnet_ids         = vpc_config.value.subnets
      security_group_ids = vpc_config.value.security_groups
    }
  }

  # Otherwise Lambda makes a log of its own, which is kept for ever.
  depends_on = [aws_cloudwatch_log_group.log]
}

# A workflow goes round between manager and workers as often as it has steps. Lambda takes the
# sixteenth round for an endless loop, and would make the message a dead letter.
resource "aws_lambda_function_recursion_config" "rounds" {
  function_name  = aws_lambda_function.function.function_name
  recursive_loop = "Allow"
}

resource "aws_lambda_event_source_mapping" "queue" {
  for_each = var.queue == null ? {} : { queue = var.queue }

  event_source_arn                   = each.value.arn
  function_name                      = aws_lambda_function.function.arn
  batch_size                         = each.value.batch
  maximum_batching_window_in_seconds = each.value.window_seconds
  # Without it one message that fails brings its whole batch again.
  function_response_types = ["ReportBatchItemFailures"]

  # A limit here leaves messages in the queue. One on the function would refuse them, which counts
  # as a delivery, until they are dead letters.
  scaling_config {
    maximum_concurrency = each.value.concurrency
  }
}

# What calls it directly without waiting: a schedule, or a manager that does not use the queue.
resource "aws_lambda_function_event_invoke_config" "direct" {
  function_name                = aws_lambda_function.function.function_name
  maximum_retry_attempts       = var.direct.retries
  maximum_event_age_in_seconds = var.direct.age_seconds

  dynamic "destination_config" {
    for_each = var.direct.dead_letters[*]
    content {
      on_failure {
        destination = destination_config.value
      }
    }
  }
}
