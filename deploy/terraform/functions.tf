module "manager" {
  source = "./function"

  name            = "${var.name}-manager"
  description     = "Moves workflows on: completions in, tasks out."
  role_arn        = module.roles.arns["manager"]
  package         = "${var.packages}/sortie-manager.zip"
  architecture    = var.architecture
  memory_mib      = var.manager.memory_mib
  timeout_seconds = var.manager.timeout_seconds
  environment     = local.environment.manager
  vpc             = local.vpc
  log_days        = var.log_days
  # A tick that fails is not tried again: the next one comes soon.
  direct = { retries = 0, age_seconds = 60 }
  queue = {
    arn            = module.queues.arns["manager"]
    batch          = var.manager.batch
    window_seconds = var.manager.window_seconds
    concurrency    = var.manager.concurrency
  }
}

module "schedule" {
  source = "./schedule"

  name    = var.name
  rate    = var.tick
  manager = { name = module.manager.name, arn = module.manager.arn }
}

# Outside of the VPC: what it must not reach it has no way to.
module "external" {
  source = "./function"

  name            = "${var.name}-external"
  description     = "Runs tasks that need nothing of ours."
  role_arn        = module.roles.arns["external"]
  package         = "${var.packages}/sortie-external.zip"
  architecture    = var.architecture
  memory_mib      = var.external.memory_mib
  timeout_seconds = var.external.timeout_seconds
  environment     = local.environment.external
  log_days        = var.log_days
  # Used if the manager calls it directly.
  direct = {
    retries      = 2
    age_seconds  = 3600
    dead_letters = module.queues.dead_arns["external"]
  }
  queue = {
    arn            = module.queues.arns["external"]
    batch          = var.external.batch
    window_seconds = var.external.window_seconds
    concurrency    = var.external.concurrency
  }
}

module "internal" {
  source = "./function"

  name            = "${var.name}-internal"
  description     = "Runs tasks that read and write stored data."
  role_arn        = module.roles.arns["internal"]
  package         = "${var.packages}/sortie-internal.zip"
  architecture    = var.architecture
  memory_mib      = var.internal.memory_mib
  timeout_seconds = var.internal.timeout_seconds
  environment     = local.environment.internal
  vpc             = local.vpc
  log_days        = var.log_days
  queue = {
    arn            = module.queues.arns["internal"]
    batch          = var.internal.batch
    window_seconds = var.internal.window_seconds
    concurrency    = var.internal.concurrency
  }
}

# Called by hand, after each update.
module "migrate" {
  source = "./function"

  name            = "${var.name}-migrate"
  description     = "Brings tables, roles and logins of the database up to date."
  role_arn        = module.roles.arns["migrate"]
  package         = "${var.packages}/sortie-migrate.zip"
  architecture    = var.architecture
  memory_mib      = 256
  timeout_seconds = 300
  environment     = local.environment.migrate
  vpc             = local.vpc
  log_days        = var.log_days
}

locals {
  vpc = one([
    for network in module.network : {
      subnets         = network.private_subnets
      security_groups = [network.functions_group]
    }
  ])
}
