# What each process is told, by the names that its program reads. There are names of secrets in it,
# and no secrets; `postgres_url` is what you make of it.

locals {
  environment = {
    manager = merge(local.common, local.postgres.manager, {
      SORTIE_SQS_EXTERNAL    = module.queues.urls["external"]
      SORTIE_SQS_INTERNAL    = module.queues.urls["internal"]
      SORTIE_SQS_BARE_METAL  = module.queues.urls["bare-metal"]
      SORTIE_FENCE_SECRET    = local.fence_arn
      SORTIE_EXTERNAL_SENDER = module.roles.external_id
      },
      var.direct ? { SORTIE_INVOKE_EXTERNAL = "${var.name}-external" } : {},
    )
    external   = merge(local.common, { SORTIE_SQS_EXTERNAL = module.queues.urls["external"] })
    internal   = merge(local.common, local.postgres.internal, { SORTIE_SQS_INTERNAL = module.queues.urls["internal"] })
    bare-metal = merge(local.common, local.postgres.bare-metal, local.worker)
    migrate    = merge({ SORTIE_LOG = var.log_level }, local.postgres.migrate)
  }

  common = {
    SORTIE_SQS_MANAGER = module.queues.urls["manager"]
    SORTIE_BUCKET      = module.objects.bucket
    SORTIE_LOG         = var.log_level
  }

  worker = {
    SORTIE_SQS_BARE_METAL = module.queues.urls["bare-metal"]
    AWS_REGION            = local.region
    WORKER_IDLE_TIMEOUT   = tostring(try(var.bare_metal.idle_seconds, 300))
    SORTIE_CONCURRENCY    = tostring(try(var.bare_metal.concurrency, 4))
  }

  postgres = {
    for kind in ["manager", "internal", "bare-metal", "migrate"] :
    kind => var.database == null ? { SORTIE_POSTGRES_URL = var.postgres_url } : local.logins[kind]
  }

  logins = var.database == null ? {} : merge(
    {
      for kind, arn in local.login_arns : kind => merge(
        {
          # A proxy has a certificate of a public authority.
          SORTIE_POSTGRES_URL    = "postgres://${local.users[kind]}@${module.database[0].address}${var.database.proxy ? "" : local.authorities[kind]}"
          SORTIE_POSTGRES_SECRET = arn
        },
        var.database.proxy ? { SORTIE_POSTGRES_PROXY = "true" } : {},
      )
    },
    {
      # Migrations talk to the server itself.
      migrate = {
        SORTIE_POSTGRES_URL    = "postgres://${module.database[0].owner}@${module.database[0].server}${local.authorities.migrate}"
        SORTIE_POSTGRES_SECRET = module.database[0].owner_arn
        SORTIE_LOGIN_SECRETS   = join(",", [for kind, arn in local.login_arns : "${local.roles[kind]}=${arn}"])
      }
    },
  )

  # The roles that the migration makes cannot log in; these users can, and are members of them.
  roles = { for kind in ["manager", "internal", "bare-metal"] : kind => "sortie_${replace(kind, "-", "_")}" }
  users = { for kind, role in local.roles : kind => "${role}_login" }

  # RDS has a certificate of an authority of Amazon's own: `deploy/package --with rds.pem`.
  authorities = {
    for kind in ["manager", "internal", "bare-metal", "migrate"] :
    kind => "?sslrootcert=${kind == "bare-metal" ? "/opt/sortie" : "/var/task"}/rds.pem"
  }
}
