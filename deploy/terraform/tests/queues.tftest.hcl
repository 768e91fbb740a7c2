mock_provider "aws" {
  source = "./tests/mocks"
}

run "every_queue_has_dead_letters_and_is_spoken_to_by_tls_only" {
  command = apply

  module {
    source = "./queues"
  }

  variables {
    name               = "watch"
    arn_prefix         = "arn:aws:sqs:eu-central-1:123456789012:"
    message_bytes      = 262144
    max_receives       = 5
    visibility_seconds = { manager = 361, external = 1080 }
  }

  assert {
    condition = alltrue([
      for queue in aws_sqs_queue.queue : jsondecode(queue.redrive_policy).maxReceiveCount == 5
    ])
    error_message = "A queue without dead letters delivers what fails for ever."
  }
  assert {
    condition = alltrue([
      for queue in concat(values(aws_sqs_queue.queue), values(aws_sqs_queue.dead)) :
      jsondecode(queue.policy).Statement[0].Resource == "arn:aws:sqs:eu-central-1:123456789012:${queue.name}"
      && jsondecode(queue.policy).Statement[0].Effect == "Deny"
    ])
    error_message = "Every queue refuses requests in the clear."
  }
  assert {
    condition     = alltrue([for queue in aws_sqs_queue.dead : queue.message_retention_seconds == 1209600])
    error_message = "Dead letters are kept for as long as SQS keeps anything."
  }
}
