# A deployment of Sortie: which parts there are, and what each of them must know of the others.

module "queues" {
  source = "./queues"

  name          = var.name
  arn_prefix    = "arn:${local.partition}:sqs:${local.region}:${local.account}:"
  message_bytes = var.message_bytes
  max_receives  = var.max_receives
  visibility_seconds = {
    # Six times the time-out, as AWS advises: Lambda may try for so long before it gives up.
    manager  = 6 * var.manager.timeout_seconds + var.manager.window_seconds
    external = 6 * var.external.timeout_seconds + var.external.window_seconds
    internal = 6 * var.internal.timeout_seconds + var.internal.window_seconds
    # Its workers say at each poll for how long.
    bare-metal = 300
  }
}

module "objects" {
  source = "./objects"

  bucket            = var.bucket
  keep_days         = var.keep_days
  keep_results_days = var.keep_results_days
  force_destroy     = var.removable
}

module "secrets" {
  source = "./secrets"
  count  = var.secrets == null ? 1 : 0

  name          = var.name
  logins        = { for kind, user in local.users : kind => user if var.database != null }
  generation    = var.secret_generation
  recovery_days = var.removable ? 0 : 7
}

module "network" {
  source = "./network"
  count  = var.network == null ? 0 : 1

  name       = var.name
  account    = local.account
  cidr       = var.network.cidr
  zones      = var.network.zones
  public     = local.bare_metal
  bucket_arn = module.objects.arn
  services = toset(concat(
    ["sqs", "secretsmanager"],
    local.bare_metal ? ["ec2"] : [],
    var.direct ? ["lambda"] : [],
  ))
}

module "database" {
  source = "./database"
  count  = var.database == null ? 0 : 1

  name           = var.name
  database       = var.database
  subnets        = module.network[0].private_subnets
  group          = module.network[0].database_group
  proxy_role_arn = module.roles.proxy_arn
  login_arns     = local.login_arns
}

module "fleet" {
  source = "./fleet"
  count  = local.bare_metal ? 1 : 0

  name          = var.name
  template_name = coalesce(var.bare_metal.template_name, "${var.name}-worker")
  region        = local.region
  image         = coalesce(var.bare_metal.image, local.amazon_linux)
  instance_type = coalesce(var.bare_metal.instance_type, var.architecture == "arm64" ? "t4g.small" : "t3.small")
  program       = "${var.packages}/sortie-bare-metal"
  authorities   = try(var.database.authorities, null)
  bucket        = module.objects.bucket
  profile_arn   = module.roles.bare_metal_profile
  group         = module.network[0].workers_group
  environment   = local.environment.bare-metal
}

module "roles" {
  source = "./roles"

  name             = var.name
  partition        = local.partition
  region           = local.region
  account          = local.account
  queue_arns       = module.queues.arns
  dead_letter_arns = module.queues.dead_arns
  bucket_arn       = module.objects.arn
  secret_arns = {
    manager    = concat([local.fence_arn], local.own_login.manager)
    internal   = local.own_login.internal
    bare-metal = local.own_login.bare-metal
    migrate    = concat(module.database[*].owner_arn, values(local.login_arns))
    proxy      = values(local.login_arns)
  }
  in_vpc              = var.network != null
  direct              = var.direct
  proxy               = try(var.database.proxy, false)
  bare_metal          = local.bare_metal
  launch_template_arn = one(module.fleet[*].template_arn)
  worker_subnets      = flatten(module.network[*].public_subnets)
}

data "aws_partition" "here" {}
data "aws_region" "here" {}
data "aws_caller_identity" "here" {}

locals {
  partition  = data.aws_partition.here.partition
  region     = data.aws_region.here.name
  account    = data.aws_caller_identity.here.account_id
  bare_metal = var.bare_metal != null

  fence_arn = var.secrets == null ? module.secrets[0].fence_arn : var.secrets.fence

  # By kind of process; none without a database of our own.
  login_arns = var.database == null ? {} : {
    for kind in ["manager", "internal", "bare-metal"] :
    kind => var.secrets == null ? module.secrets[0].login_arns[kind] : var.secrets[replace(kind, "-", "_")]
  }
  own_login = {
    for kind in ["manager", "internal", "bare-metal"] :
    kind => [for login, arn in local.login_arns : arn if login == kind]
  }

  # The newest one, looked up by EC2 at each launch.
  amazon_linux = "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${var.architecture}"
}
