mock_provider "aws" {
  source = "./tests/mocks"
}

run "a_function_answers_which_messages_failed" {
  command = apply

  module {
    source = "./function"
  }

  variables {
    name            = "watch-external"
    description     = "Runs tasks."
    role_arn        = "arn:aws:iam::123456789012:role/watch-external"
    package         = "tests/packages/sortie-external.zip"
    architecture    = "arm64"
    memory_mib      = 1792
    timeout_seconds = 180
    environment     = {}
    log_days        = 14
    queue = {
      arn            = "arn:aws:sqs:eu-central-1:123456789012:watch-external"
      batch          = 1
      window_seconds = 0
      concurrency    = 100
    }
  }

  assert {
    condition     = aws_lambda_event_source_mapping.queue["queue"].function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "One message that fails would bring its whole batch again."
  }
  assert {
    condition     = aws_lambda_function_recursion_config.rounds.recursive_loop == "Allow"
    error_message = "Lambda would stop a workflow in its sixteenth step."
  }
  assert {
    condition     = aws_lambda_function.function.runtime == "provided.al2023" && aws_lambda_function.function.architectures == tolist(["arm64"])
    error_message = "It runs on something else than what packages are built for."
  }
  assert {
    condition     = length(aws_lambda_function.function.vpc_config) == 0
    error_message = "It is in a VPC that it was not told of."
  }
  assert {
    condition     = aws_lambda_function.function.reserved_concurrent_executions == null
    error_message = "A limit on the function makes dead letters of messages that it refuses."
  }
}
