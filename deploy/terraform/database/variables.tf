variable "name" {
  description = "The name of the server."
  type        = string
}

variable "database" {
  description = "What the server is like; see `database` of the root."
  type = object({
    version          = string
    instance_class   = string
    multi_az         = bool
    storage_gib      = number
    most_storage_gib = number
    backup_days      = number
    protected        = bool
    proxy            = bool
  })
}

variable "subnets" {
  description = "Private subnets in two zones or more."
  type        = list(string)
}

variable "group" {
  description = "The security group that lets its clients in."
  type        = string
}

variable "proxy_role_arn" {
  description = "The role in which a proxy reads the secrets; `null` without one."
  type        = string
}

variable "login_arns" {
  description = "The secrets of those who log in."
  type        = map(string)
}
