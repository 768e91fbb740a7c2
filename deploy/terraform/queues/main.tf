# The four queues, each with a dead-letter queue. A queue without one is refused by `SqsTransport`:
# what keeps failing would be delivered for ever. Who may use them is said by roles; the policies here
# say that nobody does in the clear.

resource "aws_sqs_queue" "dead" {
  for_each = var.visibility_seconds

  name                      = "${var.name}-${each.key}-dead"
  message_retention_seconds = local.fourteen_days # they wait for a person
  max_message_size          = var.message_bytes
  sqs_managed_sse_enabled   = true
  policy                    = templatefile("${path.module}/tls.json", { queue = "${var.arn_prefix}${var.name}-${each.key}-dead" })

  # Of no other queue.
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = ["${var.arn_prefix}${var.name}-${each.key}"]
  })
}

resource "aws_sqs_queue" "queue" {
  for_each = var.visibility_seconds

  name                       = "${var.name}-${each.key}"
  visibility_timeout_seconds = each.value
  message_retention_seconds  = local.fourteen_days
  max_message_size           = var.message_bytes
  receive_wait_time_seconds  = 20 # who polls without a wish of its own polls long
  sqs_managed_sse_enabled    = true
  policy                     = templatefile("${path.module}/tls.json", { queue = "${var.arn_prefix}${var.name}-${each.key}" })

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead[each.key].arn
    maxReceiveCount     = var.max_receives
  })
}

locals {
  fourteen_days = 14 * 24 * 60 * 60 # the longest that SQS keeps anything
}
