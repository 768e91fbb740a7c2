# What a deployment can be told. Everything but `name`, `bucket` and `packages` has a default.

variable "name" {
  description = "What the names of all parts begin with; two deployments in an account differ in it."
  type        = string

  validation {
    condition     = length(var.name) <= 25 && can(regex("^[a-z](-?[a-z0-9])+$", var.name))
    error_message = "`name` must be 2 to 25 lower-case letters, digits and single hyphens, begin with a letter and not end with a hyphen."
  }
}

variable "bucket" {
  description = "The bucket that is made for large payloads and results. Such names are unique in all of AWS."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "`bucket` must be 3 to 63 lower-case letters, digits and hyphens (a dot would break its TLS name)."
  }
}

variable "packages" {
  description = "The folder with what `deploy/package` built for `architecture`."
  type        = string

  validation {
    condition     = alltrue([for zip in ["manager", "external", "internal", "migrate"] : fileexists("${var.packages}/sortie-${zip}.zip")])
    error_message = "`packages` must be a folder with sortie-manager.zip, sortie-external.zip, sortie-internal.zip and sortie-migrate.zip; `deploy/package` builds them."
  }
}

variable "architecture" {
  description = "What functions run on: `arm64` costs a fifth less than `x86_64`."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "`architecture` must be arm64 or x86_64, and what `packages` was built for."
  }
}

variable "tags" {
  description = "Tags of all parts; `null` is `sortie = <name>`."
  type        = map(string)
  default     = null
}

variable "message_bytes" {
  description = "The largest message, in bytes. Larger payloads go to the bucket."
  type        = number
  default     = 256 * 1024

  validation {
    condition     = var.message_bytes >= 16 * 1024 && var.message_bytes <= 256 * 1024
    error_message = "`message_bytes` must be 16384, below which no envelope fits, to 262144."
  }
}

variable "max_receives" {
  description = "Deliveries after which a message becomes a dead letter."
  type        = number
  default     = 5

  validation {
    condition     = var.max_receives >= 2 && var.max_receives <= 1000
    error_message = "`max_receives` must be 2 to 1000: a worker that is stopped gives its message back, and with 1 that would make it a dead letter."
  }
}

variable "keep_days" {
  description = "Days after which payloads, plans and scopes are removed: longer than any collection takes."
  type        = number
  default     = 30

  validation {
    condition     = var.keep_days >= 14
    error_message = "`keep_days` must be 14 or more: a message may wait in its queue for so long, and need its payload then."
  }
}

variable "keep_results_days" {
  description = "Days after which results are removed; `null` keeps them."
  type        = number
  default     = null
  nullable    = true

  validation {
    condition     = coalesce(var.keep_results_days, 14) >= 14
    error_message = "`keep_results_days` must be 14 or more, or null."
  }
}

variable "tick" {
  description = "How often the manager's clock ticks, as EventBridge writes it."
  type        = string
  default     = "rate(1 minute)"

  validation {
    condition     = can(regex("^rate\\((1 minute|[2-9] minutes|10 minutes)\\)$", var.tick))
    error_message = "`tick` must be rate(1 minute), which is the shortest there is, to rate(10 minutes): time limits are kept no better than this."
  }
}

variable "log_level" {
  description = "What is logged: `info`, or by module, as `warn,sortie=debug`."
  type        = string
  default     = "info"
}

variable "log_days" {
  description = "For how long logs are kept."
  type        = number
  default     = 14

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_days)
    error_message = "`log_days` must be one that CloudWatch knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545 or 731."
  }
}

variable "direct" {
  description = "Whether the manager calls External workers directly instead of through their queue. Faster to start; what fails is tried twice more by Lambda, then it is a dead letter."
  type        = bool
  default     = false
}

variable "secrets" {
  description = "ARNs of secrets of your own: the fence key (32 hex digits), and for `database` the logins, each `{\"username\": …, \"password\": …}`. `null` makes them."
  type = object({
    fence      = string
    manager    = optional(string)
    internal   = optional(string)
    bare_metal = optional(string)
  })
  default  = null
  nullable = true

  validation {
    condition     = var.secrets == null || alltrue([for arn in values(coalesce(var.secrets, { fence = "" })) : arn == null || can(regex("^arn:[a-z-]+:secretsmanager:", arn))])
    error_message = "`secrets` must be ARNs of secrets in Secrets Manager: arn:aws:secretsmanager:…."
  }
  validation {
    condition     = var.secrets == null || var.database == null || alltrue([for arn in values(coalesce(var.secrets, { fence = "" })) : arn != null])
    error_message = "`secrets` must have all of `fence`, `manager`, `internal` and `bare_metal` where there is a `database`."
  }
}

variable "secret_generation" {
  description = "Raise it to make fence key and passwords anew; then run `migrate`, which sets the passwords."
  type        = number
  default     = 1
}

variable "removable" {
  description = "Whether `destroy` may take what is stored with it: the bucket's objects, and secrets at once. For labs."
  type        = bool
  default     = false
}
