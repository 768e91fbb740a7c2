variable "name" {
  description = "What the name of the rule begins with."
  type        = string
}

variable "rate" {
  description = "How often, as EventBridge writes it: `rate(1 minute)` is the shortest that it knows."
  type        = string
}

variable "manager" {
  description = "The manager's function."
  type        = object({ name = string, arn = string })
}
