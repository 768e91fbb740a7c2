# What each function is like. Time-outs leave room for the 6 seconds in which a worker stops.

variable "manager" {
  description = "The manager's function: memory in MiB, time-out, messages at a time, wait for more of them, and how many at once."
  type = object({
    memory_mib      = optional(number, 512)
    timeout_seconds = optional(number, 60)
    batch           = optional(number, 500)
    window_seconds  = optional(number, 1)
    concurrency     = optional(number, 4)
  })
  default = {}

  validation {
    condition     = var.manager.memory_mib >= 128 && var.manager.memory_mib <= 10240
    error_message = "`manager.memory_mib` must be 128 to 10240."
  }
  validation {
    condition     = var.manager.timeout_seconds >= 30 && var.manager.timeout_seconds <= 900
    error_message = "`manager.timeout_seconds` must be 30 to 900."
  }
  validation {
    condition     = var.manager.batch >= 1 && var.manager.batch <= 10000 && (var.manager.batch <= 10 || var.manager.window_seconds >= 1)
    error_message = "`manager.batch` must be 1 to 10000, and above 10 `manager.window_seconds` must be 1 or more."
  }
  validation {
    condition     = var.manager.window_seconds >= 0 && var.manager.window_seconds <= 300
    error_message = "`manager.window_seconds` must be 0 to 300."
  }
  validation {
    condition     = var.manager.concurrency >= 2 && var.manager.concurrency <= 1000
    error_message = "`manager.concurrency` must be 2, the least that Lambda takes, to 1000."
  }
}

variable "external" {
  description = "The External workers' function: as `manager`. Each of a batch's tasks runs at the same time as the others."
  type = object({
    memory_mib      = optional(number, 1792)
    timeout_seconds = optional(number, 180)
    batch           = optional(number, 1)
    window_seconds  = optional(number, 0)
    concurrency     = optional(number, 100)
  })
  default = {}

  validation {
    condition     = var.external.memory_mib >= 128 && var.external.memory_mib <= 10240
    error_message = "`external.memory_mib` must be 128 to 10240."
  }
  validation {
    condition     = var.external.timeout_seconds >= 30 && var.external.timeout_seconds <= 900
    error_message = "`external.timeout_seconds` must be 30 to 900."
  }
  validation {
    condition     = var.external.batch >= 1 && var.external.batch <= 10000 && (var.external.batch <= 10 || var.external.window_seconds >= 1)
    error_message = "`external.batch` must be 1 to 10000, and above 10 `external.window_seconds` must be 1 or more."
  }
  validation {
    condition     = var.external.window_seconds >= 0 && var.external.window_seconds <= 300
    error_message = "`external.window_seconds` must be 0 to 300."
  }
  validation {
    condition     = var.external.concurrency >= 2 && var.external.concurrency <= 1000
    error_message = "`external.concurrency` must be 2, the least that Lambda takes, to 1000."
  }
}

variable "internal" {
  description = "The Internal workers' function: as `manager`. Each holds up to two connections to the database."
  type = object({
    memory_mib      = optional(number, 1024)
    timeout_seconds = optional(number, 300)
    batch           = optional(number, 5)
    window_seconds  = optional(number, 0)
    concurrency     = optional(number, 10)
  })
  default = {}

  validation {
    condition     = var.internal.memory_mib >= 128 && var.internal.memory_mib <= 10240
    error_message = "`internal.memory_mib` must be 128 to 10240."
  }
  validation {
    condition     = var.internal.timeout_seconds >= 30 && var.internal.timeout_seconds <= 900
    error_message = "`internal.timeout_seconds` must be 30 to 900."
  }
  validation {
    condition     = var.internal.batch >= 1 && var.internal.batch <= 10000 && (var.internal.batch <= 10 || var.internal.window_seconds >= 1)
    error_message = "`internal.batch` must be 1 to 10000, and above 10 `internal.window_seconds` must be 1 or more."
  }
  validation {
    condition     = var.internal.window_seconds >= 0 && var.internal.window_seconds <= 300
    error_message = "`internal.window_seconds` must be 0 to 300."
  }
  validation {
    condition     = var.internal.concurrency >= 2 && var.internal.concurrency <= 1000
    error_message = "`internal.concurrency` must be 2, the least that Lambda takes, to 1000."
  }
}
