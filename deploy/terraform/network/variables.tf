variable "name" {
  description = "What the names of all parts begin with."
  type        = string
}

variable "account" {
  description = "The account that the endpoints are for."
  type        = string
}

variable "cidr" {
  description = "The addresses of the VPC: sixteenths of it are the subnets."
  type        = string
}

variable "zones" {
  description = "Availability zones; `null` takes two."
  type        = list(string)
}

variable "public" {
  description = "Whether there are public subnets, for bare-metal workers."
  type        = bool
}

variable "services" {
  description = "The services of AWS that are reached from within, as their endpoints are named: `sqs`, …; not S3, which always is."
  type        = set(string)
}

variable "bucket_arn" {
  description = "The one bucket that is reached from within."
  type        = string
}
