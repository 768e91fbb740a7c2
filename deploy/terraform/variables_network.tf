variable "network" {
  description = "The VPC: its addresses (a /16 to /24) and availability zones (`null` takes two). `null` leaves the VPC out, for an emulator."
  type = object({
    cidr  = optional(string, "10.40.0.0/16")
    zones = optional(list(string))
  })
  default  = {}
  nullable = true

  validation {
    condition     = var.network == null || try(tonumber(split("/", cidrsubnet(var.network.cidr, 0, 0))[1]) >= 16 && tonumber(split("/", var.network.cidr)[1]) <= 24, false)
    error_message = "`network.cidr` must be a range of IPv4 addresses from /16 to /24, such as 10.40.0.0/16."
  }
  validation {
    condition     = try(var.network.zones, null) == null || try(length(distinct(var.network.zones)) >= 2 && length(var.network.zones) <= 8, false)
    error_message = "`network.zones` must name 2 to 8 different zones: the database wants two."
  }
}

variable "database" {
  description = "PostgreSQL on RDS: major version, instance class, disk in GiB and up to how much it grows, days of backups, a standby in another zone, a proxy for many functions at once, and whether `destroy` is refused. `null` leaves it out; `postgres_url` names another then."
  type = object({
    version          = optional(string, "17")
    instance_class   = optional(string, "db.t4g.micro")
    multi_az         = optional(bool, false)
    storage_gib      = optional(number, 20)
    most_storage_gib = optional(number, 200)
    backup_days      = optional(number, 7)
    protected        = optional(bool, true)
    proxy            = optional(bool, false)
    authorities      = optional(string)
  })
  default  = {}
  nullable = true

  validation {
    condition     = var.database == null || var.network != null
    error_message = "`database` needs `network`: it has no address outside of the VPC."
  }
  validation {
    condition     = var.database == null || try(tonumber(var.database.version) >= 14, false)
    error_message = "`database.version` must be a major version of PostgreSQL, 14 or newer."
  }
  validation {
    condition     = var.database == null || try(var.database.most_storage_gib >= var.database.storage_gib && var.database.storage_gib >= 20, false)
    error_message = "`database.storage_gib` must be 20 or more, and `database.most_storage_gib` no less."
  }
  validation {
    condition     = var.database == null || try(var.database.backup_days >= 0 && var.database.backup_days <= 35, false)
    error_message = "`database.backup_days` must be 0 to 35."
  }
}

variable "postgres_url" {
  description = "The address of a PostgreSQL of your own, for `database = null`. It comes into the functions' environments: no place for a password that matters."
  type        = string
  default     = null
  nullable    = true
  sensitive   = true

  validation {
    condition     = (var.postgres_url == null) != (var.database == null)
    error_message = "Either `database` or `postgres_url`: set `database = null` for a server of your own, and `postgres_url` only then."
  }
  validation {
    condition     = var.postgres_url == null || can(regex("^postgres(ql)?://", var.postgres_url))
    error_message = "`postgres_url` must begin with postgres://."
  }
}

variable "bare_metal" {
  description = "The bare-metal workers: the launch template's name (`null` is `<name>-worker`), image, first instance type, the most at once (0 to 100), seconds without work after which one leaves, and tasks at once in each. `null` leaves them out, but for their queue."
  type = object({
    template_name = optional(string)
    image         = optional(string)
    instance_type = optional(string)
    most          = optional(number, 5)
    idle_seconds  = optional(number, 300)
    concurrency   = optional(number, 4)
  })
  default  = {}
  nullable = true

  validation {
    condition     = var.bare_metal == null || var.network != null
    error_message = "`bare_metal` needs `network`: its workers talk to the database."
  }
  validation {
    condition     = var.bare_metal == null || fileexists("${var.packages}/sortie-bare-metal")
    error_message = "`bare_metal` needs sortie-bare-metal in the folder `packages`; `deploy/package` builds it. `bare_metal = null` does without."
  }
  validation {
    condition     = var.bare_metal == null || try(var.bare_metal.most >= 0 && var.bare_metal.most <= 100, false)
    error_message = "`bare_metal.most` must be 0 to 100."
  }
  validation {
    condition     = var.bare_metal == null || try(var.bare_metal.idle_seconds >= 20 && var.bare_metal.idle_seconds <= 86400, false)
    error_message = "`bare_metal.idle_seconds` must be 20, as long as a poll lasts, to 86400."
  }
}
