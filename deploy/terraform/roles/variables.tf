variable "name" {
  description = "What the names of the roles begin with."
  type        = string
}

variable "partition" {
  description = "The partition of AWS: `aws`, `aws-cn`, …"
  type        = string
}

variable "region" {
  description = "The region of all that is named in the policies."
  type        = string
}

variable "account" {
  description = "The account of all that is named in the policies."
  type        = string
}

variable "queue_arns" {
  description = "The queues, by kind."
  type        = map(string)
}

variable "dead_letter_arns" {
  description = "The dead-letter queues, by kind."
  type        = map(string)
}

variable "bucket_arn" {
  description = "The bucket."
  type        = string
}

variable "secret_arns" {
  description = "Which secrets each kind of process may read: `manager`, `internal`, `bare-metal`, `migrate`, `proxy`."
  type        = map(list(string))
}

variable "in_vpc" {
  description = "Whether manager and Internal workers are in the VPC."
  type        = bool
}

variable "direct" {
  description = "Whether the manager calls External workers directly."
  type        = bool
}

variable "proxy" {
  description = "Whether there is a proxy before the database."
  type        = bool
}

variable "bare_metal" {
  description = "Whether there are bare-metal workers, and the manager starts them."
  type        = bool
}

variable "launch_template_arn" {
  description = "What the manager may launch; `null` without bare-metal workers."
  type        = string
}

variable "worker_subnets" {
  description = "Where the manager may launch it."
  type        = list(string)
}
