variable "bucket" {
  description = "The name of the bucket."
  type        = string
}

variable "keep_days" {
  description = "Days after which plans, scopes, payloads and the marks of cancellations are removed."
  type        = number
}

variable "keep_results_days" {
  description = "Days after which results are removed; `null` keeps them."
  type        = number
}

variable "force_destroy" {
  description = "Whether `destroy` removes what is in the bucket, too."
  type        = bool
}
