variable "name" {
  description = "The name of the function."
  type        = string
}

variable "description" {
  description = "What it does, in a sentence."
  type        = string
}

variable "role_arn" {
  description = "The role that it runs as, with its rights."
  type        = string
}

variable "package" {
  description = "The zip with its `bootstrap`."
  type        = string
}

variable "architecture" {
  description = "What the zip was built for."
  type        = string
}

variable "memory_mib" {
  description = "Memory in MiB; the share of a processor grows with it (1,769 MiB are one)."
  type        = number
}

variable "timeout_seconds" {
  description = "Lambda ends it after so long. A worker leaves 6 s before."
  type        = number
}

variable "environment" {
  description = "Its environment variables. No secret is among them, but the names of some."
  type        = map(string)
}

variable "vpc" {
  description = "Where in the VPC it runs; `null` for outside of it."
  type        = object({ subnets = list(string), security_groups = list(string) })
  default     = null
}

variable "queue" {
  description = "The queue whose messages it is called with, how many at a time, after how long a wait, and how often at once."
  type        = object({ arn = string, batch = number, window_seconds = number, concurrency = number })
  default     = null
}

variable "direct" {
  description = "What becomes of direct calls that fail: how often they are tried again, for how long, and the ARN of the queue for what failed."
  type        = object({ retries = number, age_seconds = number, dead_letters = optional(string) })
  default     = { retries = 0, age_seconds = 60 }
}

variable "log_days" {
  description = "For how long its log is kept."
  type        = number
}
