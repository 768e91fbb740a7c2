output "environment" {
  description = "The environment variables of each kind of process, for those that run elsewhere: `manager`, `external`, `internal`, `bare-metal`, `migrate`."
  value       = local.environment
  sensitive   = true # `postgres_url` is in it
}

output "functions" {
  description = "The names of the functions."
  value = {
    manager  = module.manager.name
    external = module.external.name
    internal = module.internal.name
    migrate  = module.migrate.name
  }
}

output "queues" {
  description = "The addresses of the queues."
  value       = module.queues.urls
}

output "bucket" {
  description = "The bucket of payloads and results."
  value       = module.objects.bucket
}

output "fleet" {
  description = "What starts bare-metal workers: the template, the subnets to try, and the most at once."
  value = local.bare_metal ? {
    BARE_METAL_WORKER_TEMPLATE = module.fleet[0].template_name
    BARE_METAL_WORKER_SUBNETS  = join(",", module.network[0].public_subnets)
    MAX_BARE_METAL_WORKERS     = var.bare_metal.most
  } : null
}

output "operator_policy" {
  description = "The policy for who submits work and looks after dead letters."
  value       = module.roles.operator_policy
}
