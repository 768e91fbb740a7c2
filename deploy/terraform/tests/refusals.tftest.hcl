# What a deployment cannot be told.

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

run "a_name_that_no_queue_can_have" {
  command = plan
  variables {
    name = "Watch_1"
  }
  expect_failures = [var.name]
}

run "a_bucket_with_a_dot" {
  command = plan
  variables {
    bucket = "objects.example.com"
  }
  expect_failures = [var.bucket]
}

run "a_folder_without_packages" {
  command = plan
  variables {
    packages   = "tests"
    bare_metal = null
  }
  expect_failures = [var.packages]
}

run "an_architecture_that_lambda_has_not" {
  command = plan
  variables {
    architecture = "riscv64"
  }
  expect_failures = [var.architecture]
}

run "a_batch_above_ten_without_a_window" {
  command = plan
  variables {
    external = { batch = 100 }
  }
  expect_failures = [var.external]
}

run "a_time_out_in_which_no_worker_could_stop" {
  command = plan
  variables {
    internal = { timeout_seconds = 6 }
  }
  expect_failures = [var.internal]
}

run "one_function_at_once" {
  command = plan
  variables {
    manager = { concurrency = 1 }
  }
  expect_failures = [var.manager]
}

run "a_dead_letter_at_the_first_failure" {
  command = plan
  variables {
    max_receives = 1
  }
  expect_failures = [var.max_receives]
}

run "two_databases" {
  command = plan
  variables {
    postgres_url = "postgres://db.example.com/sortie"
  }
  expect_failures = [var.postgres_url]
}

run "no_database" {
  command = plan
  variables {
    database = null
  }
  expect_failures = [var.postgres_url]
}

run "a_network_that_is_too_small" {
  command = plan
  variables {
    network = { cidr = "10.0.0.0/28" }
  }
  expect_failures = [var.network]
}

run "a_database_outside_of_a_network" {
  command = plan
  variables {
    network    = null
    bare_metal = null
  }
  expect_failures = [var.database]
}

run "payloads_that_are_gone_before_their_messages" {
  command = plan
  variables {
    keep_days = 3
  }
  expect_failures = [var.keep_days]
}
