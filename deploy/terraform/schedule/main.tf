# The clock of the manager: it times out, sends again and tops up at each tick. A tick that is lost
# does no harm, the next one does its work.

resource "aws_cloudwatch_event_rule" "tick" {
  name                = "${var.name}-tick"
  description         = "Says the time to the manager of ${var.name}."
  schedule_expression = var.rate
}

resource "aws_cloudwatch_event_target" "manager" {
  rule = aws_cloudwatch_event_rule.tick.name
  arn  = var.manager.arn
}

resource "aws_lambda_permission" "tick" {
  statement_id  = "tick"
  action        = "lambda:InvokeFunction"
  function_name = var.manager.name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.tick.arn
}
