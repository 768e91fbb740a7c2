locals {
  roles = merge(
    {
      manager  = { description = "The manager of ${var.name}", service = "lambda" }
      external = { description = "External workers of ${var.name}, which are not trusted", service = "lambda" }
      internal = { description = "Internal workers of ${var.name}", service = "lambda" }
      migrate  = { description = "What brings the database of ${var.name} up to date", service = "lambda" }
    },
    !var.bare_metal ? {} : {
      bare-metal = { description = "Bare-metal workers of ${var.name}", service = "ec2" }
    },
    !var.proxy ? {} : {
      proxy = { description = "The proxy before the database of ${var.name}", service = "rds" }
    },
  )

  # Role → policy → what only this policy names.
  policies = merge(
    {
      manager = merge(
        { manager = {} },
        local.secrets.manager,
        local.log.manager,
        local.vpc.manager,
        var.bare_metal ? { fleet = local.fleet } : {},
        var.direct ? { direct = {} } : {},
      )
      external = merge({ external = {} }, local.log.external)
      internal = merge({ internal = {} }, local.secrets.internal, local.log.internal, local.vpc.internal)
      migrate  = merge(local.secrets.migrate, local.log.migrate, local.vpc.migrate)
    },
    var.bare_metal ? { bare-metal = merge({ bare_metal = {}, start = {} }, local.secrets.bare-metal) } : {},
    var.proxy ? { proxy = local.secrets.proxy } : {},
  )

  secrets = {
    for kind, arns in var.secret_arns :
    kind => { for policy in ["secrets"] : policy => { secrets = join(local.comma, arns) } if length(arns) > 0 }
  }

  log = {
    for kind in ["manager", "external", "internal", "migrate"] :
    kind => { log = { log = "${local.logs}/${var.name}-${kind}" } }
  }

  vpc = {
    for kind in ["manager", "internal", "migrate"] :
    kind => { for policy in ["vpc"] : policy => { function = "${local.lambda}:${var.name}-${kind}" } if var.in_vpc }
  }

  fleet = {
    launch_template  = var.launch_template_arn
    instances        = "${local.ec2}:instance/*"
    interfaces       = "${local.ec2}:network-interface/*"
    volumes          = "${local.ec2}:volume/*"
    subnets          = join(local.comma, [for subnet in var.worker_subnets : "${local.ec2}:subnet/${subnet}"])
    image_parameters = "arn:${var.partition}:ssm:${var.region}::parameter/aws/service/ami-amazon-linux-latest/*"
    bare_metal_role  = "arn:${var.partition}:iam::${var.account}:role/${var.name}-bare-metal"
  }

  # What stands for what in every policy.
  resources = merge(
    { for kind, arn in var.queue_arns : "${replace(kind, "-", "_")}_queue" => arn },
    { for kind, arn in var.dead_letter_arns : "${replace(kind, "-", "_")}_dead_letters" => arn },
    {
      bucket            = var.bucket_arn
      external_function = "${local.lambda}:${var.name}-external"
    },
  )

  # The policies are JSON before they are filled in, too: so a list has its place between the quotes.
  comma = "\", \""

  lambda = "arn:${var.partition}:lambda:${var.region}:${var.account}:function"
  logs   = "arn:${var.partition}:logs:${var.region}:${var.account}:log-group:/aws/lambda"
  ec2    = "arn:${var.partition}:ec2:${var.region}:${var.account}"
}
