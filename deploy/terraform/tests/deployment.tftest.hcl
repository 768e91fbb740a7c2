# A whole deployment, by plans: no account, no emulator.

# By the real provider, which is asked nothing that it would have to ask AWS.
provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.here
  values = { account_id = "123456789012" }
}

override_data {
  target = module.network[0].data.aws_availability_zones.available
  values = { names = ["eu-central-1a", "eu-central-1b", "eu-central-1c"] }
}

variables {
  name     = "watch"
  bucket   = "watch-objects"
  packages = "tests/packages"

  # Those that are made here come from AWS.
  secrets = {
    fence      = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:watch/fence"
    manager    = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:watch/manager"
    internal   = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:watch/internal"
    bare_metal = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:watch/bare-metal"
  }
}

run "all_of_it_can_be_planned" {
  command = plan

  assert {
    condition     = output.fleet.MAX_BARE_METAL_WORKERS == 5
    error_message = "Five bare-metal workers at most, unless told otherwise."
  }
}

run "an_external_worker_is_told_of_two_queues_and_the_bucket_and_of_no_database" {
  command = plan

  assert {
    condition = keys(output.environment["external"]) == [
      "SORTIE_BUCKET", "SORTIE_LOG", "SORTIE_SQS_EXTERNAL", "SORTIE_SQS_MANAGER",
    ]
    error_message = "External workers are told of something else, too."
  }
}

run "only_the_manager_is_told_of_the_fence_key" {
  command = plan

  assert {
    condition = [
      for kind, variables in output.environment : kind if contains(keys(variables), "SORTIE_FENCE_SECRET")
    ] == ["manager"]
    error_message = "A worker that knows the fence key can forge completions."
  }
}

run "a_deployment_without_network_database_and_machines_can_be_planned" {
  command = plan

  variables {
    network      = null
    database     = null
    bare_metal   = null
    postgres_url = "postgres://db.example.com/sortie"
  }

  assert {
    condition     = output.fleet == null
    error_message = "There is nothing to start workers from."
  }
  assert {
    condition     = nonsensitive(output.environment["internal"].SORTIE_POSTGRES_URL) == "postgres://db.example.com/sortie"
    error_message = "The server of one's own is the one that is used."
  }
}

run "with_a_proxy_functions_talk_to_it_and_migrations_to_the_server" {
  command = plan

  variables {
    database = { proxy = true }
  }

  assert {
    condition     = output.environment["manager"].SORTIE_POSTGRES_PROXY == "true" && !contains(keys(output.environment["migrate"]), "SORTIE_POSTGRES_PROXY")
    error_message = "A proxy pins the connection of a migration, and prepares no statements."
  }
}

run "external_workers_may_be_called_directly" {
  command = plan

  variables {
    direct = true
  }

  assert {
    condition     = output.environment["manager"].SORTIE_INVOKE_EXTERNAL == "watch-external"
    error_message = "The manager is not told whom to call."
  }
}
