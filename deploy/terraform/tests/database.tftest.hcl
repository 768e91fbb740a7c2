mock_provider "aws" {
  source = "./tests/mocks"

  mock_resource "aws_db_instance" {
    defaults = { master_user_secret = [{ secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:owner" }] }
  }

  mock_resource "aws_db_proxy_default_target_group" {
    defaults = { name = "default" }
  }
}

run "the_database_is_encrypted_hidden_and_spoken_to_by_tls_only" {
  command = apply

  module {
    source = "./database"
  }

  variables {
    name           = "watch"
    subnets        = ["subnet-1", "subnet-2"]
    group          = "sg-1"
    proxy_role_arn = "arn:aws:iam::123456789012:role/watch-proxy"
    login_arns     = { manager = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:manager" }
    database = {
      version          = "17"
      instance_class   = "db.t4g.micro"
      multi_az         = false
      storage_gib      = 20
      most_storage_gib = 200
      backup_days      = 7
      protected        = true
      proxy            = true
    }
  }

  assert {
    condition     = contains([for parameter in aws_db_parameter_group.database.parameter : "${parameter.name}=${parameter.value}"], "rds.force_ssl=1")
    error_message = "The server takes connections in the clear."
  }
  assert {
    condition     = aws_db_instance.database.storage_encrypted && !aws_db_instance.database.publicly_accessible && aws_db_instance.database.deletion_protection
    error_message = "The server must be encrypted, out of reach, and safe from a slip."
  }
  assert {
    condition     = aws_db_instance.database.manage_master_user_password && aws_db_instance.database.password == null
    error_message = "The owner's password is in the state."
  }
  assert {
    condition     = aws_db_proxy.proxy[0].require_tls
    error_message = "The proxy takes connections in the clear."
  }
}
