variable "name" {
  description = "What the names of the secrets begin with."
  type        = string
}

variable "logins" {
  description = "The users' names, by kind of process; none without a database to log in to."
  type        = map(string)
}

variable "generation" {
  description = "A number that is raised to make all of them anew."
  type        = number
}

variable "recovery_days" {
  description = "For how long a secret that was removed can be had back: 7 to 30 days, or 0 for not at all."
  type        = number
}
