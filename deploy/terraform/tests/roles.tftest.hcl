mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name                = "watch"
  partition           = "aws"
  region              = "eu-central-1"
  account             = "123456789012"
  queue_arns          = { for kind in ["manager", "external", "internal", "bare-metal"] : kind => "arn:aws:sqs:eu-central-1:123456789012:watch-${kind}" }
  dead_letter_arns    = { for kind in ["manager", "external", "internal", "bare-metal"] : kind => "arn:aws:sqs:eu-central-1:123456789012:watch-${kind}-dead" }
  bucket_arn          = "arn:aws:s3:::watch-objects"
  in_vpc              = true
  direct              = false
  proxy               = true
  bare_metal          = true
  launch_template_arn = "arn:aws:ec2:eu-central-1:123456789012:launch-template/lt-1"
  worker_subnets      = ["subnet-1", "subnet-2"]
  secret_arns = {
    manager    = ["arn:aws:secretsmanager:eu-central-1:123456789012:secret:fence", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:manager"]
    internal   = ["arn:aws:secretsmanager:eu-central-1:123456789012:secret:internal"]
    bare-metal = ["arn:aws:secretsmanager:eu-central-1:123456789012:secret:bare-metal"]
    migrate    = ["arn:aws:secretsmanager:eu-central-1:123456789012:secret:owner"]
    proxy      = ["arn:aws:secretsmanager:eu-central-1:123456789012:secret:manager"]
  }
}

run "each_role_has_its_policies_and_no_other" {
  command = apply

  module {
    source = "./roles"
  }

  assert {
    condition = keys(aws_iam_role_policy.policy) == [
      "bare-metal/bare_metal", "bare-metal/secrets", "bare-metal/start",
      "external/external", "external/log",
      "internal/internal", "internal/log", "internal/secrets", "internal/vpc",
      "manager/fleet", "manager/log", "manager/manager", "manager/secrets", "manager/vpc",
      "migrate/log", "migrate/secrets", "migrate/vpc",
      "proxy/secrets",
    ]
    error_message = "Rights have moved: correct the column of roles in the README with this."
  }
}

run "what_stands_for_something_in_a_policy_is_filled_in" {
  command = apply

  module {
    source = "./roles"
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.policy["manager/secrets"].policy).Statement[0].Resource == [
      "arn:aws:secretsmanager:eu-central-1:123456789012:secret:fence",
      "arn:aws:secretsmanager:eu-central-1:123456789012:secret:manager",
    ]
    error_message = "A list of resources is not one."
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.policy["external/external"].policy).Statement[2] == {
      Sid      = "Report"
      Effect   = "Allow"
      Action   = ["sqs:SendMessage", "sqs:GetQueueAttributes"]
      Resource = "arn:aws:sqs:eu-central-1:123456789012:watch-manager"
    }
    error_message = "An External worker reports to somebody else."
  }
}
