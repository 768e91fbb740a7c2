variable "name" {
  description = "What the names of the queues begin with."
  type        = string
}

variable "arn_prefix" {
  description = "What stands before the name in the ARN of a queue here, with the colon."
  type        = string
}

variable "visibility_seconds" {
  description = "For how long a message that was received is hidden, by kind of queue: `manager`, `external`, `internal`, `bare-metal`. Six times the time-out of the function that is called with it, and its window, as AWS advises."
  type        = map(number)
}

variable "message_bytes" {
  description = "The largest message. What is larger goes to the bucket."
  type        = number
}

variable "max_receives" {
  description = "After so many deliveries a message is a dead letter."
  type        = number
}
