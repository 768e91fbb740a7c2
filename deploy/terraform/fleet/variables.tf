variable "name" {
  description = "What the names of the workers begin with."
  type        = string
}

variable "template_name" {
  description = "The name of the launch template."
  type        = string
}

variable "region" {
  description = "The region of the bucket."
  type        = string
}

variable "image" {
  description = "The image: an id, or `resolve:ssm:` and the parameter that holds one."
  type        = string
}

variable "instance_type" {
  description = "The type of instance that is tried first."
  type        = string
}

variable "program" {
  description = "The worker, as a file."
  type        = string
}

variable "authorities" {
  description = "A file with the authorities that vouch for the database; `null` for public ones."
  type        = string
}

variable "bucket" {
  description = "Where the program is put."
  type        = string
}

variable "profile_arn" {
  description = "The instance profile."
  type        = string
}

variable "group" {
  description = "The security group."
  type        = string
}

variable "environment" {
  description = "The worker's environment variables."
  type        = map(string)
}
