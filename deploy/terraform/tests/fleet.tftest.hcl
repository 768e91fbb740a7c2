mock_provider "aws" {
  source = "./tests/mocks"
}

run "a_bare_metal_worker_has_no_key_and_gives_credentials_only_to_who_asks_from_it_with_a_token" {
  command = apply

  module {
    source = "./fleet"
  }

  variables {
    name          = "watch"
    template_name = "watch-worker"
    region        = "eu-central-1"
    image         = "ami-1"
    instance_type = "t4g.small"
    program       = "tests/packages/sortie-bare-metal"
    authorities   = null
    bucket        = "watch-objects"
    profile_arn   = "arn:aws:iam::123456789012:instance-profile/watch-bare-metal"
    group         = "sg-1"
    environment   = { WORKER_IDLE_TIMEOUT = "300" }
  }

  assert {
    condition     = aws_launch_template.worker.key_name == null
    error_message = "It has a key pair."
  }
  assert {
    condition = (
      aws_launch_template.worker.metadata_options[0].http_tokens == "required"
      && aws_launch_template.worker.metadata_options[0].http_put_response_hop_limit == 1
    )
    error_message = "IMDSv2 and one hop are required."
  }
  assert {
    condition     = length(aws_launch_template.worker.network_interfaces) == 0
    error_message = "With a network interface in it, the manager cannot choose the subnet."
  }
  assert {
    condition     = aws_launch_template.worker.instance_initiated_shutdown_behavior == "terminate"
    error_message = "A worker that shuts down must be gone, and its bill with it."
  }
  assert {
    condition     = strcontains(base64decode(aws_launch_template.worker.user_data), "\nWORKER_IDLE_TIMEOUT=300\n")
    error_message = "It is not told its environment."
  }
}
